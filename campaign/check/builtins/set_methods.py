"""Methods of sets."""

from __future__ import annotations

from campaign.check.builtins.method_arguments import Method, arity, changed, hashed, none
from campaign.check.evaluator.iteration import unordered
from campaign.check.evaluator.operators import set_operation
from campaign.check.evaluator.state import Args, Evaluator, Site
from campaign.check.values import (
    SetObj,
    Value,
)
from campaign.check.values.constants import is_external_key
from campaign.check.values.limits import Halt


def set_add(evaluator: Evaluator, args: Args, site: Site) -> Value:
    (item,) = arity(evaluator, args, site, 1, 1)
    payload = changed(evaluator, args, site)
    if payload.frozen:
        raise evaluator.error(AttributeError, "'frozenset' object has no attribute 'add'", site.at)
    payload.items.setdefault(hashed(evaluator, item, site), item)
    return none(site)


def set_discard(evaluator: Evaluator, args: Args, site: Site, strict: bool = False) -> Value:
    (item,) = arity(evaluator, args, site, 1, 1)
    payload = changed(evaluator, args, site)
    key = hashed(evaluator, item, site)
    if any(is_external_key(other) for other in (key, *payload.items)):
        raise Halt("removes from a set of values only known at run time", site.at)
    if strict and key not in payload.items:
        raise evaluator.error(KeyError, str(item.payload), site.at)
    payload.items.pop(key, None)
    return none(site)


def set_remove(evaluator: Evaluator, args: Args, site: Site) -> Value:
    return set_discard(evaluator, args, site, strict=True)


def set_pop(evaluator: Evaluator, args: Args, site: Site) -> Value:
    payload = changed(evaluator, args, site)
    if len(payload.items) != 1:
        raise Halt("pops from a set, whose order differs from run to run", site.at)
    item: Value = payload.items.pop(next(iter(payload.items)))
    return item


def set_method(name: str, in_place: bool) -> Method:
    def method(evaluator: Evaluator, args: Args, site: Site) -> Value:

        holder = args.positional[0].payload
        evaluator.readable(holder, site.at)
        result = SetObj(dict(holder.items), holder.frozen)
        for other in args.positional[1:]:
            right = evaluator.new_set(unordered(evaluator, other, site.at), site.at)
            result = SetObj(set_operation(evaluator, name, result, right, site.at), holder.frozen)
        if in_place:
            changed(evaluator, args, site).items = result.items
            return none(site)
        return Value(result, site.at)

    return method


def set_test(name: str) -> Method:
    def method(evaluator: Evaluator, args: Args, site: Site) -> Value:

        holder = args.positional[0].payload
        other = evaluator.new_set(unordered(evaluator, args.positional[1], site.at), site.at)
        if any(is_external_key(key) for key in (*holder.items, *other.items)):
            raise Halt("compares sets of values only known at run time", site.at)
        return Value(getattr(set(holder.items), name)(set(other.items)), site.at)

    return method


def set_copy(evaluator: Evaluator, args: Args, site: Site) -> Value:
    payload = args.positional[0].payload
    return Value(SetObj(dict(payload.items), payload.frozen), site.at)


def set_clear(evaluator: Evaluator, args: Args, site: Site) -> Value:
    changed(evaluator, args, site).items.clear()
    return none(site)
