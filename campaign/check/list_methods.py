"""Methods of lists and tuples."""

from __future__ import annotations

import ast
from functools import cmp_to_key

from campaign.check.comparisons import compare
from campaign.check.iteration import extend
from campaign.check.limits import Halt
from campaign.check.machine import Args, Machine, Site
from campaign.check.operators import truth
from campaign.check.receivers import arity, changed, none
from campaign.check.values import (
    OUTSIDE,
    ListObj,
    Nondet,
    Origin,
    Unknown,
    Value,
)


def list_append(machine: Machine, args: Args, site: Site) -> Value:
    (item,) = arity(machine, args, site, 1, 1)
    changed(machine, args, site).items.append(machine.bound(item))
    return none(site)


def list_extend(machine: Machine, args: Args, site: Site) -> Value:
    (items,) = arity(machine, args, site, 1, 1)
    extend(machine, changed(machine, args, site), items, site.at)
    return none(site)


def list_insert(machine: Machine, args: Args, site: Site) -> Value:
    index, item = arity(machine, args, site, 2, 2)
    if not isinstance(index.payload, int):
        raise Halt("inserts at an index only known at run time", site.at)
    changed(machine, args, site).items.insert(index.payload, machine.bound(item))
    return none(site)


def list_pop(machine: Machine, args: Args, site: Site) -> Value:
    rest = arity(machine, args, site, 0, 1)
    index = rest[0].payload if rest else -1
    if not isinstance(index, int):
        raise Halt("pops at an index only known at run time", site.at)
    try:
        item: Value = changed(machine, args, site).items.pop(index)
    except IndexError as error:
        raise machine.error(IndexError, str(error), site.at) from None
    return item


def _position(machine: Machine, items: list[Value], wanted: Value, at: Origin) -> int:
    for index, item in enumerate(items):
        if item.payload is wanted.payload or truth(machine, compare(machine, ast.Eq, item, wanted, at), at):
            return index
    raise machine.error(ValueError, "value is not in list", at)


def list_remove(machine: Machine, args: Args, site: Site) -> Value:
    (item,) = arity(machine, args, site, 1, 1)
    payload = changed(machine, args, site)
    del payload.items[_position(machine, payload.items, item, site.at)]
    return none(site)


def sequence_index(machine: Machine, args: Args, site: Site) -> Value:
    (item,) = arity(machine, args, site, 1, 1)
    return Value(_position(machine, list(args.positional[0].payload.items), item, site.at), site.at)


def sequence_count(machine: Machine, args: Args, site: Site) -> Value:
    (wanted,) = arity(machine, args, site, 1, 1)
    same = [
        item
        for item in args.positional[0].payload.items
        if item.payload is wanted.payload
        or truth(machine, compare(machine, ast.Eq, item, wanted, site.at), site.at)
    ]
    return Value(len(same), site.at)


def list_clear(machine: Machine, args: Args, site: Site) -> Value:
    changed(machine, args, site).items.clear()
    return none(site)


def list_reverse(machine: Machine, args: Args, site: Site) -> Value:
    changed(machine, args, site).items.reverse()
    return none(site)


def list_copy(machine: Machine, args: Args, site: Site) -> Value:
    machine.readable(args.positional[0].payload, site.at)
    return Value(ListObj(list(args.positional[0].payload.items)), site.at)


def list_sort(machine: Machine, args: Args, site: Site) -> Value:
    payload = changed(machine, args, site)
    payload.items[:] = in_order(machine, list(payload.items), args.keywords, site)
    return none(site)


def in_order(machine: Machine, items: list[Value], keywords: dict[str, Value], site: Site) -> list[Value]:
    """Sorted as Python sorts, `key` and `reverse` included."""
    from campaign.check.calls import call

    key = keywords.get("key")
    reverse = keywords.get("reverse")
    keys = items
    if key is not None and key.payload is not None:
        keys = [call(machine, key, Args([item]), site.at, site.scope) for item in items]
    backwards = reverse is not None and truth(machine, reverse, site.at)

    def order(a: tuple[Value, Value], b: tuple[Value, Value]) -> int:
        if truth(machine, _less(machine, a[0], b[0], site.at), site.at):
            return -1
        return 1 if truth(machine, _less(machine, b[0], a[0], site.at), site.at) else 0

    pairs = sorted(zip(keys, items, strict=True), key=cmp_to_key(order), reverse=backwards)
    return [item for _, item in pairs]


def _less(machine: Machine, a: Value, b: Value, at: Origin) -> Value:
    if isinstance(a.payload, (*OUTSIDE, Unknown, Nondet)) or isinstance(
        b.payload, (*OUTSIDE, Unknown, Nondet)
    ):
        raise Halt("sorts values only known at run time", at, "write them in order")
    return compare(machine, ast.Lt, a, b, at)
