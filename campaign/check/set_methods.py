"""Methods of sets."""

from __future__ import annotations

from campaign.check.constants import is_outside_key
from campaign.check.iteration import unordered
from campaign.check.limits import Halt
from campaign.check.machine import Args, Machine, Site
from campaign.check.operators import set_operation
from campaign.check.receivers import Method, arity, changed, hashed, none
from campaign.check.values import (
    SetObj,
    Value,
)


def set_add(machine: Machine, args: Args, site: Site) -> Value:
    (item,) = arity(machine, args, site, 1, 1)
    payload = changed(machine, args, site)
    if payload.frozen:
        raise machine.error(AttributeError, "'frozenset' object has no attribute 'add'", site.at)
    payload.items.setdefault(hashed(machine, item, site), item)
    return none(site)


def set_discard(machine: Machine, args: Args, site: Site, strict: bool = False) -> Value:
    (item,) = arity(machine, args, site, 1, 1)
    payload = changed(machine, args, site)
    key = hashed(machine, item, site)
    if any(is_outside_key(other) for other in (key, *payload.items)):
        raise Halt("removes from a set of values only known at run time", site.at)
    if strict and key not in payload.items:
        raise machine.error(KeyError, str(item.payload), site.at)
    payload.items.pop(key, None)
    return none(site)


def set_remove(machine: Machine, args: Args, site: Site) -> Value:
    return set_discard(machine, args, site, strict=True)


def set_pop(machine: Machine, args: Args, site: Site) -> Value:
    payload = changed(machine, args, site)
    if len(payload.items) != 1:
        raise Halt("pops from a set, whose order differs from run to run", site.at)
    item: Value = payload.items.pop(next(iter(payload.items)))
    return item


def set_method(name: str, in_place: bool) -> Method:
    def method(machine: Machine, args: Args, site: Site) -> Value:
        from campaign.check.expressions import new_set

        holder = args.positional[0].payload
        machine.readable(holder, site.at)
        result = SetObj(dict(holder.items), holder.frozen)
        for other in args.positional[1:]:
            right = new_set(machine, unordered(machine, other, site.at), site.at)
            result = SetObj(set_operation(machine, name, result, right, site.at), holder.frozen)
        if in_place:
            changed(machine, args, site).items = result.items
            return none(site)
        return Value(result, site.at)

    return method


def set_test(name: str) -> Method:
    def method(machine: Machine, args: Args, site: Site) -> Value:
        from campaign.check.expressions import new_set

        holder = args.positional[0].payload
        other = new_set(machine, unordered(machine, args.positional[1], site.at), site.at)
        if any(is_outside_key(key) for key in (*holder.items, *other.items)):
            raise Halt("compares sets of values only known at run time", site.at)
        return Value(getattr(set(holder.items), name)(set(other.items)), site.at)

    return method


def set_copy(machine: Machine, args: Args, site: Site) -> Value:
    payload = args.positional[0].payload
    return Value(SetObj(dict(payload.items), payload.frozen), site.at)


def set_clear(machine: Machine, args: Args, site: Site) -> Value:
    changed(machine, args, site).items.clear()
    return none(site)
