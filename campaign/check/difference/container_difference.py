"""The comparison of lists, sets and dicts."""

from __future__ import annotations

from campaign.check.claim.patterns import key_step
from campaign.check.difference.comparison import Pair, compares
from campaign.check.difference.comparison_keys import EXTERNAL_KEY, entries_by_key, member_keys, target_name
from campaign.check.values import DictObj, ListObj, SetObj, Value, View, is_constant


@compares(ListObj)
def compare_lists(pair: Pair) -> None:
    pair.compare_items(pair.x.items, pair.y.items)


@compares(View)
def compare_views(pair: Pair) -> None:
    # A view changes whenever its dict does, which may be after the configuration was read.
    message = f"the checker cannot compare two {pair.x.kind}() views of a dict"
    pair.add_unproven(message, "make a list of the view: list(...)")


@compares(SetObj)
def compare_sets(pair: Pair) -> None:
    if pair.x.frozen != pair.y.frozen:
        pair.add("type")
        return
    # A set has no order: it is equal if its members are. What depends on the order in which Python iterates over
    # it was refused when the file was evaluated.
    left, right = member_keys(pair.x), member_keys(pair.y)
    if left is None or right is None:
        pair.add_unproven("the checker cannot match the members of two sets of objects", "use a list")
    elif left != right:
        pair.add("value")


@compares(DictObj)
def compare_dicts(pair: Pair) -> None:
    x, y = pair.x, pair.y
    # A framework's mapping converts or interpolates what a dict keeps as it is.
    if x.dialect is not y.dialect:
        pair.add("type")
        return
    left, right = entries_by_key(x), entries_by_key(y)
    if left is None or right is None:
        message = "the checker cannot match the keys of two dicts that have objects as keys"
        pair.add_unproven(message, "use strings as keys")
        return
    missing: tuple[None, None] = (None, None)
    for text, (key, item) in left.items():
        pair.compare_part(_step_text(key, text), target_name(x), item, right.get(text, missing)[1])
    for text, (key, item) in right.items():
        if text not in left:
            pair.compare_part(_step_text(key, text), target_name(y), None, item)
    _compare_order(pair, list(left), list(right))
    # What a lookup of a missing key gives is part of the value of a defaultdict.
    if x.factory is None or y.factory is None:
        same = x.factory is y.factory
    else:
        same = pair.are_equal(x.factory, y.factory)
    if not same:
        pair.add("type", "the default factory differs")


def _step_text(key: Value, text: str) -> str:
    return key_step(key.payload) if is_constant(key.payload) else f"[{text}]"


def _compare_order(pair: Pair, left: list[str], right: list[str]) -> None:
    """`==` ignores the order of a dict's keys, so that another order alone is cosmetic."""
    if left == right or set(left) != set(right):
        return
    if any(text.startswith(EXTERNAL_KEY) for text in left):
        # Two keys that are only known at run time may be equal there: the entry that comes last wins.
        message = "keys that are only known at run time are in another order"
        pair.add_unproven(message, "keep the order of the keys")
    else:
        pair.add("order", cosmetic=not pair.x.dialect.ordered)
