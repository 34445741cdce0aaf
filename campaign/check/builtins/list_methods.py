"""Methods of lists and tuples."""

from __future__ import annotations

import ast
from functools import cmp_to_key

from campaign.check.builtins.method_arguments import arity, changed, none
from campaign.check.evaluator.iteration import extend
from campaign.check.evaluator.state import Args, Evaluator, Site
from campaign.check.values import (
    EXTERNAL,
    ListObj,
    Nondeterministic,
    Origin,
    Unknown,
    Value,
)
from campaign.check.values.limits import Halt


def list_append(evaluator: Evaluator, args: Args, site: Site) -> Value:
    (item,) = arity(evaluator, args, site, 1, 1)
    changed(evaluator, args, site).items.append(evaluator.with_control_origin(item))
    return none(site)


def list_extend(evaluator: Evaluator, args: Args, site: Site) -> Value:
    (items,) = arity(evaluator, args, site, 1, 1)
    extend(evaluator, changed(evaluator, args, site), items, site.at)
    return none(site)


def list_insert(evaluator: Evaluator, args: Args, site: Site) -> Value:
    index, item = arity(evaluator, args, site, 2, 2)
    if not isinstance(index.payload, int):
        raise Halt("inserts at an index only known at run time", site.at)
    changed(evaluator, args, site).items.insert(index.payload, evaluator.with_control_origin(item))
    return none(site)


def list_pop(evaluator: Evaluator, args: Args, site: Site) -> Value:
    rest = arity(evaluator, args, site, 0, 1)
    index = rest[0].payload if rest else -1
    if not isinstance(index, int):
        raise Halt("pops at an index only known at run time", site.at)
    try:
        item: Value = changed(evaluator, args, site).items.pop(index)
    except IndexError as error:
        raise evaluator.error(IndexError, str(error), site.at) from None
    return item


def _position(evaluator: Evaluator, items: list[Value], wanted: Value, at: Origin) -> int:
    for index, item in enumerate(items):
        if item.payload is wanted.payload or evaluator.truth(evaluator.compare(ast.Eq, item, wanted, at), at):
            return index
    raise evaluator.error(ValueError, "value is not in list", at)


def list_remove(evaluator: Evaluator, args: Args, site: Site) -> Value:
    (item,) = arity(evaluator, args, site, 1, 1)
    payload = changed(evaluator, args, site)
    del payload.items[_position(evaluator, payload.items, item, site.at)]
    return none(site)


def sequence_index(evaluator: Evaluator, args: Args, site: Site) -> Value:
    (item,) = arity(evaluator, args, site, 1, 1)
    return Value(_position(evaluator, list(args.positional[0].payload.items), item, site.at), site.at)


def sequence_count(evaluator: Evaluator, args: Args, site: Site) -> Value:
    (wanted,) = arity(evaluator, args, site, 1, 1)
    same = [
        item
        for item in args.positional[0].payload.items
        if item.payload is wanted.payload
        or evaluator.truth(evaluator.compare(ast.Eq, item, wanted, site.at), site.at)
    ]
    return Value(len(same), site.at)


def list_clear(evaluator: Evaluator, args: Args, site: Site) -> Value:
    changed(evaluator, args, site).items.clear()
    return none(site)


def list_reverse(evaluator: Evaluator, args: Args, site: Site) -> Value:
    changed(evaluator, args, site).items.reverse()
    return none(site)


def list_copy(evaluator: Evaluator, args: Args, site: Site) -> Value:
    evaluator.readable(args.positional[0].payload, site.at)
    return Value(ListObj(list(args.positional[0].payload.items)), site.at)


def list_sort(evaluator: Evaluator, args: Args, site: Site) -> Value:
    payload = changed(evaluator, args, site)
    payload.items[:] = in_order(evaluator, list(payload.items), args.keywords, site)
    return none(site)


def in_order(evaluator: Evaluator, items: list[Value], keywords: dict[str, Value], site: Site) -> list[Value]:
    """Sorted as Python sorts, `key` and `reverse` included."""

    key = keywords.get("key")
    reverse = keywords.get("reverse")
    keys = items
    if key is not None and key.payload is not None:
        keys = [evaluator.call(key, Args([item]), site.at, site.scope) for item in items]
    backwards = reverse is not None and evaluator.truth(reverse, site.at)

    def order(a: tuple[Value, Value], b: tuple[Value, Value]) -> int:
        if evaluator.truth(_less(evaluator, a[0], b[0], site.at), site.at):
            return -1
        return 1 if evaluator.truth(_less(evaluator, b[0], a[0], site.at), site.at) else 0

    pairs = sorted(zip(keys, items, strict=True), key=cmp_to_key(order), reverse=backwards)
    return [item for _, item in pairs]


def _less(evaluator: Evaluator, a: Value, b: Value, at: Origin) -> Value:
    if isinstance(a.payload, (*EXTERNAL, Unknown, Nondeterministic)) or isinstance(
        b.payload, (*EXTERNAL, Unknown, Nondeterministic)
    ):
        raise Halt("sorts values only known at run time", at, "write them in order")
    return evaluator.compare(ast.Lt, a, b, at)
