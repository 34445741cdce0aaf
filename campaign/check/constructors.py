"""Calls of the builtin types."""

from __future__ import annotations

from campaign.check.attributes import type_of
from campaign.check.constants import check_size
from campaign.check.dict_methods import pairs_of
from campaign.check.iteration import elements, unordered
from campaign.check.limits import Halt
from campaign.check.machine import Args, Machine, Site
from campaign.check.operators import store, truth
from campaign.check.outside import term
from campaign.check.pure_functions import Function, one, origin_of, pure
from campaign.check.text import as_text
from campaign.check.values import (
    OUTSIDE,
    DictObj,
    ErrorObj,
    ListObj,
    Nondet,
    TupleObj,
    Value,
)


def is_true(machine: Machine, args: Args, site: Site) -> Value:
    if not args.positional:
        return Value(False, site.at)
    return Value(truth(machine, args.positional[0], site.at), origin_of(args, site))


def construct(machine: Machine, kind: type, args: Args, site: Site) -> Value:
    """A call of a builtin type."""
    if issubclass(kind, BaseException):
        return Value(ErrorObj(kind, tuple(args.positional)), site.at)
    maker = CONSTRUCTORS.get(kind)
    if maker is None:
        raise Halt(f"{kind.__name__}() is not followed", site.at)
    return maker(machine, args, site)


def make_list(machine: Machine, args: Args, site: Site) -> Value:
    if not args.positional:
        return Value(ListObj([]), site.at)
    value = one(machine, args, site)
    if isinstance(value.payload, OUTSIDE):
        return term(machine, "list", site.at, value)
    return Value(ListObj(elements(machine, value, site.at)), origin_of(args, site))


def make_tuple(machine: Machine, args: Args, site: Site) -> Value:
    if not args.positional:
        return Value(TupleObj(()), site.at)
    value = one(machine, args, site)
    if isinstance(value.payload, OUTSIDE):
        return term(machine, "tuple", site.at, value)
    return Value(TupleObj(tuple(elements(machine, value, site.at))), origin_of(args, site))


def make_set(frozen: bool) -> Function:
    def known(machine: Machine, args: Args, site: Site) -> Value:
        from campaign.check.expressions import new_set

        if len(args.positional) > 1 or args.keywords:
            raise machine.error(TypeError, "expected at most 1 argument", site.at)
        items = unordered(machine, args.positional[0], site.at) if args.positional else []
        return Value(new_set(machine, items, site.at, frozen), origin_of(args, site))

    return known


def make_dict(machine: Machine, args: Args, site: Site) -> Value:
    if args.positional and isinstance(args.positional[0].payload, OUTSIDE):
        extra = [
            Value(ListObj([Value(key, site.at), value]), site.at) for key, value in args.keywords.items()
        ]
        return term(machine, "dict", site.at, *args.positional, *extra)
    result = DictObj({})
    for key, item in pairs_of(machine, args, site.at):
        store(machine, result, key, item, site.at)
    return Value(result, site.at)


def make_text(machine: Machine, args: Args, site: Site) -> Value:
    if not args.positional:
        return Value("", site.at)
    if len(args.positional) > 1 or args.keywords:
        return pure(str)(machine, args, site)
    return as_text(machine, args.positional[0], "str", site.at)


def make_range(machine: Machine, args: Args, site: Site) -> Value:
    if all(isinstance(value.payload, int) for value in args.positional):
        try:
            return Value(range(*(value.payload for value in args.positional)), origin_of(args, site))
        except (TypeError, ValueError) as error:
            raise machine.error(type(error), str(error), site.at) from None
    return term(machine, "range", site.at, *args.positional)


def make_bytes(machine: Machine, args: Args, site: Site) -> Value:
    if args.positional and isinstance(args.positional[0].payload, int):
        check_size(args.positional[0].payload, site.at)
    if args.positional and isinstance(args.positional[0].payload, range):
        check_size(len(args.positional[0].payload), site.at)
    return pure(bytes)(machine, args, site)


def make_object(machine: Machine, args: Args, site: Site) -> Value:
    return Value(Nondet("object()"), site.at)


def make_type(machine: Machine, args: Args, site: Site) -> Value:
    if len(args.positional) == 1:
        return type_of(machine, args.positional[0], site.at)
    raise Halt("type() with three arguments", site.at, "write a class statement")


CONSTRUCTORS: dict[type, Function] = {
    list: make_list, tuple: make_tuple, set: make_set(False), frozenset: make_set(True), dict: make_dict,
    str: make_text, int: pure(int), float: pure(float), bool: is_true, complex: pure(complex),
    bytes: make_bytes, range: make_range, slice: pure(slice), object: make_object, type: make_type,
}  # fmt: skip
