"""The comparison of lists, tuples, sets and dicts."""

from __future__ import annotations

from campaign.check.claim.patterns import Path, Step, key_step, step_of
from campaign.check.difference.comparison import Comparison, compares
from campaign.check.difference.comparison_keys import EXTERNAL_KEY, entries_by_key, member_keys, target_name
from campaign.check.values.lattice import DictObj, ListObj, SetObj, Value, View, is_constant


@compares(ListObj)
def compare_lists(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    comparison.compare_items(path, a, b, a.payload.items, b.payload.items)


@compares(View)
def compare_views(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    # A view changes whenever its dict does, which may be after the configuration was read.
    message = f"the checker cannot compare two {a.payload.kind}() views of a dict"
    comparison.add_unproven(path, a, b, message, "make a list of the view: list(...)")


@compares(SetObj)
def compare_sets(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    if x.frozen != y.frozen:
        comparison.add(path, "type", a, b)
        return
    # A set has no order: it is equal if its members are. What depends on the order in which Python iterates over
    # it was refused when the file was evaluated.
    left, right = member_keys(x), member_keys(y)
    if left is None or right is None:
        message = "the checker cannot match the members of two sets of objects"
        comparison.add_unproven(path, a, b, message, "use a list")
    elif left != right:
        comparison.add(path, "value", a, b)


@compares(DictObj)
def compare_dicts(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    # A framework's mapping converts or interpolates what a dict keeps as it is.
    if x.dialect is not y.dialect:
        comparison.add(path, "type", a, b)
        return
    left, right = entries_by_key(x), entries_by_key(y)
    if left is None or right is None:
        message = "the checker cannot match the keys of two dicts that have objects as keys"
        comparison.add_unproven(path, a, b, message, "use strings as keys")
        return
    holder = target_name(x)
    for text, (key, item) in left.items():
        step = (*path, _key_step(key, text, holder))
        if text in right:
            comparison.compare(step, item, right[text][1])
        else:
            comparison.add_one_sided(step, item, None, a, b)
    for text, (key, item) in right.items():
        if text not in left:
            step = (*path, _key_step(key, text, target_name(y)))
            comparison.add_one_sided(step, None, item, a, b)
    _compare_order(comparison, path, a, b, list(left), list(right))
    # What a lookup of a missing key gives is part of the value of a defaultdict.
    if not _equal_or_absent(comparison, x.factory, y.factory):
        comparison.add(path, "type", a, b, "the default factory differs")


def _key_step(key: Value, text: str, holder: str) -> Step:
    return step_of(key_step(key.payload) if is_constant(key.payload) else f"[{text}]", holder)


def _compare_order(
    comparison: Comparison, path: Path, a: Value, b: Value, left: list[str], right: list[str]
) -> None:
    """`==` ignores the order of a dict's keys, so that another order alone is cosmetic."""
    if left == right or set(left) != set(right):
        return
    if any(text.startswith(EXTERNAL_KEY) for text in left):
        # Two keys that are only known at run time may be equal there: the entry that comes last wins.
        message = "keys that are only known at run time are in another order"
        comparison.add_unproven(path, a, b, message, "keep the order of the keys")
    else:
        comparison.add(path, "order", a, b, cosmetic=not a.payload.dialect.ordered)


def _equal_or_absent(comparison: Comparison, x: Value | None, y: Value | None) -> bool:
    return x is y if x is None or y is None else comparison.are_equal(x, y)
