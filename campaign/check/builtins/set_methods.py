"""Methods of sets. The order of a set of strings differs between processes (hash randomisation), so a method
whose result shows that order is refused for more than one element."""

from __future__ import annotations

from functools import partial

from campaign.check.builtins.arguments import hash_key, method_arguments, mutated_receiver, nothing
from campaign.check.builtins.signatures import NONE, ONE, SEVERAL, Model
from campaign.check.evaluator.iteration import unordered
from campaign.check.evaluator.operators import set_operation
from campaign.check.evaluator.state import Args, Evaluator, Site
from campaign.check.values import SetObj, Value
from campaign.check.values.constants import is_external_key
from campaign.check.values.limits import Halt


def add(evaluator: Evaluator, args: Args, site: Site) -> Value:
    (item,) = method_arguments(evaluator, args, site, 1, 1)
    payload = mutated_receiver(evaluator, args, site)
    if payload.frozen:
        raise evaluator.error(AttributeError, "'frozenset' object has no attribute 'add'", site.at)
    # An equal element that is there already stays: `{1} | {True}` keeps 1.
    payload.items.setdefault(hash_key(evaluator, item, site), item)
    return nothing(site)


def discard(evaluator: Evaluator, args: Args, site: Site, must_exist: bool = False) -> Value:
    (item,) = method_arguments(evaluator, args, site, 1, 1)
    payload = mutated_receiver(evaluator, args, site)
    key = hash_key(evaluator, item, site)
    # Two external values with different text may still be equal at run time.
    if any(is_external_key(other) for other in (key, *payload.items)):
        reason = "the checker cannot remove from a set whose elements are only known at run time"
        raise Halt(reason, site.at, "use a list, or constants")
    if must_exist and key not in payload.items:
        raise evaluator.error(KeyError, str(item.payload), site.at)
    payload.items.pop(key, None)
    return nothing(site)


def pop(evaluator: Evaluator, args: Args, site: Site) -> Value:
    payload = mutated_receiver(evaluator, args, site)
    if len(payload.items) != 1:
        reason = "the checker cannot evaluate set.pop(): which element it removes differs between runs"
        raise Halt(reason, site.at, "use a list")
    item: Value = payload.items.pop(next(iter(payload.items)))
    return item


def _combine(operation: str, in_place: bool, evaluator: Evaluator, args: Args, site: Site) -> Value:
    holder = args.positional[0].payload
    evaluator.readable(holder, site.at)
    result = SetObj(dict(holder.items), holder.frozen)
    # Any iterable is accepted, where the operators accept sets only; the left operand gives the type.
    for other in args.positional[1:]:
        right = evaluator.new_set(unordered(evaluator, other, site.at), site.at)
        result = SetObj(set_operation(evaluator, operation, result, right, site.at), holder.frozen)
    if in_place:
        mutated_receiver(evaluator, args, site).items = result.items
        return nothing(site)
    return Value(result, site.at)


def _test(name: str, evaluator: Evaluator, args: Args, site: Site) -> Value:
    holder = args.positional[0].payload
    other = evaluator.new_set(unordered(evaluator, args.positional[1], site.at), site.at)
    if any(is_external_key(key) for key in (*holder.items, *other.items)):
        raise Halt("the checker cannot compare sets of values only known at run time", site.at, "use lists")
    # Keys are equal exactly when the elements are, so Python answers for the keys.
    return Value(getattr(set(holder.items), name)(set(other.items)), site.at)


def copy(evaluator: Evaluator, args: Args, site: Site) -> Value:
    payload = args.positional[0].payload
    if payload.frozen:  # `frozenset.copy` returns the object itself
        return args.positional[0]
    return Value(SetObj(dict(payload.items), payload.frozen), site.at)


def clear(evaluator: Evaluator, args: Args, site: Site) -> Value:
    mutated_receiver(evaluator, args, site).items.clear()
    return nothing(site)


SET_METHODS = {
    "add": Model(add, ONE), "discard": Model(discard, ONE), "copy": Model(copy, NONE), "clear": Model(clear, NONE),
    "remove": Model(partial(discard, must_exist=True), ONE, confirmed=True), "pop": Model(pop, NONE, confirmed=True),
    "symmetric_difference": Model(partial(_combine, "xor", False), ONE, confirmed=True),
    **{
        name: Model(partial(_combine, operation, in_place), SEVERAL, confirmed=True)
        for name, operation, in_place in (
            ("union", "or", False), ("intersection", "and", False), ("difference", "sub", False), ("update", "or", True),
            ("intersection_update", "and", True), ("difference_update", "sub", True),
        )
    },
    **{
        name: Model(partial(_test, name), ONE, confirmed=True) for name in ("issubset", "issuperset", "isdisjoint")
    },
}  # fmt: skip
