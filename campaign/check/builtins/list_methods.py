"""Methods of lists and tuples."""

from __future__ import annotations

import ast
from operator import itemgetter

from campaign.check.builtins.arguments import method_arguments, mutated_receiver, nothing
from campaign.check.builtins.signatures import NONE, ONE, TWO, UP_TO_ONE, Model, with_keywords
from campaign.check.evaluator.iteration import extend
from campaign.check.evaluator.state import Args, Evaluator, Site
from campaign.check.values import ListObj, Origin, Value, is_unevaluated
from campaign.check.values.limits import Halt


def append(evaluator: Evaluator, args: Args, site: Site) -> Value:
    (item,) = method_arguments(evaluator, args, site, 1, 1)
    mutated_receiver(evaluator, args, site).items.append(evaluator.with_control_origin(item))
    return nothing(site)


def extend_list(evaluator: Evaluator, args: Args, site: Site) -> Value:
    (items,) = method_arguments(evaluator, args, site, 1, 1)
    extend(evaluator, mutated_receiver(evaluator, args, site), items, site.at)
    return nothing(site)


def insert(evaluator: Evaluator, args: Args, site: Site) -> Value:
    index, item = method_arguments(evaluator, args, site, 2, 2)
    if not isinstance(index.payload, int):
        raise Halt(
            "the checker cannot insert at an index only known at run time", site.at, "write the index out"
        )
    # Python clamps an index beyond either end; `list.insert` of this list does the same.
    items = mutated_receiver(evaluator, args, site).items
    items.insert(index.payload, evaluator.with_control_origin(item))
    return nothing(site)


def pop(evaluator: Evaluator, args: Args, site: Site) -> Value:
    rest = method_arguments(evaluator, args, site, 0, 1)
    index = rest[0].payload if rest else -1
    if not isinstance(index, int):
        raise Halt(
            "the checker cannot pop at an index only known at run time", site.at, "write the index out"
        )
    try:
        item: Value = mutated_receiver(evaluator, args, site).items.pop(index)
    except IndexError as error:
        raise evaluator.error(IndexError, str(error), site.at) from None
    return item


def _is_same(evaluator: Evaluator, item: Value, wanted: Value, at: Origin) -> bool:
    """Membership as `list` tests it: identity first, so that a NaN is found, then `==`."""
    return item.payload is wanted.payload or evaluator.truth(evaluator.compare(ast.Eq, item, wanted, at), at)


def _position(evaluator: Evaluator, items: list[Value], wanted: Value, at: Origin) -> int:
    for index, item in enumerate(items):
        if _is_same(evaluator, item, wanted, at):
            return index
    raise evaluator.error(ValueError, "value is not in list", at)


def remove(evaluator: Evaluator, args: Args, site: Site) -> Value:
    (item,) = method_arguments(evaluator, args, site, 1, 1)
    payload = mutated_receiver(evaluator, args, site)
    del payload.items[_position(evaluator, payload.items, item, site.at)]
    return nothing(site)


def index_of(evaluator: Evaluator, args: Args, site: Site) -> Value:
    (item,) = method_arguments(evaluator, args, site, 1, 1)
    return Value(_position(evaluator, list(args.positional[0].payload.items), item, site.at), site.at)


def count(evaluator: Evaluator, args: Args, site: Site) -> Value:
    (wanted,) = method_arguments(evaluator, args, site, 1, 1)
    items = args.positional[0].payload.items
    return Value(sum(_is_same(evaluator, item, wanted, site.at) for item in items), site.at)


def clear(evaluator: Evaluator, args: Args, site: Site) -> Value:
    mutated_receiver(evaluator, args, site).items.clear()
    return nothing(site)


def reverse(evaluator: Evaluator, args: Args, site: Site) -> Value:
    mutated_receiver(evaluator, args, site).items.reverse()
    return nothing(site)


def copy(evaluator: Evaluator, args: Args, site: Site) -> Value:
    evaluator.readable(args.positional[0].payload, site.at)
    return Value(ListObj(list(args.positional[0].payload.items)), site.at)


def sort(evaluator: Evaluator, args: Args, site: Site) -> Value:
    payload = mutated_receiver(evaluator, args, site)
    # In place, as `list.sort` returns None; other references see the order too.
    payload.items[:] = in_order(evaluator, list(payload.items), args.keywords, site)
    return nothing(site)


def in_order(evaluator: Evaluator, items: list[Value], keywords: dict[str, Value], site: Site) -> list[Value]:
    """Sorted as Python sorts: every key is computed once and in order, the sort is stable, and `reverse` keeps
    equal elements in their order. Only `<` of the keys is called."""
    key = keywords.get("key")
    reverse = keywords.get("reverse")
    keys = items
    if key is not None and key.payload is not None:
        keys = [evaluator.call(key, Args([item]), site.at, site.scope) for item in items]
    backwards = reverse is not None and evaluator.truth(reverse, site.at)
    # Python's own sort decides which pairs are compared: a `__lt__` with effects is called as often as in Python.
    ranks = [_Rank(evaluator, item, site.at) for item in keys]
    pairs = sorted(zip(ranks, items, strict=True), key=itemgetter(0), reverse=backwards)
    return [item for _, item in pairs]


class _Rank:
    """A key that `sorted` compares by the checked code's `<`."""

    __slots__ = ("at", "evaluator", "value")

    def __init__(self, evaluator: Evaluator, value: Value, at: Origin) -> None:
        self.evaluator, self.value, self.at = evaluator, value, at

    def __lt__(self, other: _Rank) -> bool:
        a, b = self.value, other.value
        if is_unevaluated(a.payload) or is_unevaluated(b.payload):
            raise Halt(
                "the checker cannot sort values only known at run time", self.at, "write them in order"
            )
        return self.evaluator.truth(self.evaluator.compare(ast.Lt, a, b, self.at), self.at)


TUPLE_METHODS = {
    "index": Model(index_of, ONE, confirmed=True),
    "count": Model(count, ONE, confirmed=True),
}
LIST_METHODS = {
    **TUPLE_METHODS, "append": Model(append, ONE), "extend": Model(extend_list, ONE, confirmed=True),
    "insert": Model(insert, TWO, confirmed=True), "pop": Model(pop, UP_TO_ONE, confirmed=True),
    "remove": Model(remove, ONE, confirmed=True), "clear": Model(clear, NONE), "reverse": Model(reverse, NONE),
    "copy": Model(copy, NONE), "sort": Model(sort, with_keywords(0, 0, "key reverse"), confirmed=True),
}  # fmt: skip
