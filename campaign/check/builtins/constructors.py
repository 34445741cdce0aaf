"""Calls of the builtin types."""

from __future__ import annotations

from campaign.check.builtins.pure_functions import Function, one, origin_of, pure
from campaign.check.builtins.signatures import check_function
from campaign.check.evaluator.calls import guarded, site_of
from campaign.check.evaluator.dispatch import CALLS
from campaign.check.evaluator.hashed_containers import pairs_of, store
from campaign.check.evaluator.iteration import unordered
from campaign.check.evaluator.state import Args, Evaluator, Site
from campaign.check.evaluator.string_conversion import to_string
from campaign.check.evaluator.symbolic import symbolic
from campaign.check.evaluator.type_tests import type_of
from campaign.check.values import (
    EXTERNAL,
    DictObj,
    ErrorObj,
    ListObj,
    Nondeterministic,
    Origin,
    TupleObj,
    Value,
)
from campaign.check.values.constants import check_size
from campaign.check.values.limits import Halt
from campaign.check.values.scope import Scope


def is_true(evaluator: Evaluator, args: Args, site: Site) -> Value:
    if not args.positional:
        return Value(False, site.at)
    return Value(evaluator.truth(args.positional[0], site.at), origin_of(args, site))


def construct(evaluator: Evaluator, kind: type, args: Args, site: Site) -> Value:
    """A call of a builtin type."""
    if issubclass(kind, BaseException):
        return Value(ErrorObj(kind, tuple(args.positional)), site.at)
    maker = CONSTRUCTORS.get(kind)
    if maker is None:
        raise Halt(f"{kind.__name__}() is not followed", site.at)
    return maker(evaluator, args, site)


def make_list(evaluator: Evaluator, args: Args, site: Site) -> Value:
    if not args.positional:
        return Value(ListObj([]), site.at)
    value = one(evaluator, args, site)
    if isinstance(value.payload, EXTERNAL):
        return symbolic(evaluator, "list", site.at, value)
    return Value(ListObj(evaluator.elements(value, site.at)), origin_of(args, site))


def make_tuple(evaluator: Evaluator, args: Args, site: Site) -> Value:
    if not args.positional:
        return Value(TupleObj(()), site.at)
    value = one(evaluator, args, site)
    if isinstance(value.payload, EXTERNAL):
        return symbolic(evaluator, "tuple", site.at, value)
    return Value(TupleObj(tuple(evaluator.elements(value, site.at))), origin_of(args, site))


def make_set(frozen: bool) -> Function:
    def known(evaluator: Evaluator, args: Args, site: Site) -> Value:

        if len(args.positional) > 1 or args.keywords:
            raise evaluator.error(TypeError, "expected at most 1 argument", site.at)
        items = unordered(evaluator, args.positional[0], site.at) if args.positional else []
        return Value(evaluator.new_set(items, site.at, frozen), origin_of(args, site))

    return known


def make_dict(evaluator: Evaluator, args: Args, site: Site) -> Value:
    if args.positional and isinstance(args.positional[0].payload, EXTERNAL):
        extra = [
            Value(ListObj([Value(key, site.at), value]), site.at) for key, value in args.keywords.items()
        ]
        return symbolic(evaluator, "dict", site.at, *args.positional, *extra)
    result = DictObj({})
    for key, item in pairs_of(evaluator, args, site.at):
        store(evaluator, result, key, item, site.at)
    return Value(result, site.at)


def make_text(evaluator: Evaluator, args: Args, site: Site) -> Value:
    if not args.positional:
        return Value("", site.at)
    if len(args.positional) > 1 or args.keywords:
        return pure(str)(evaluator, args, site)
    return to_string(evaluator, args.positional[0], "str", site.at)


def make_range(evaluator: Evaluator, args: Args, site: Site) -> Value:
    if all(isinstance(value.payload, int) for value in args.positional):
        try:
            return Value(range(*(value.payload for value in args.positional)), origin_of(args, site))
        except (TypeError, ValueError) as error:
            raise evaluator.error(type(error), str(error), site.at) from None
    return symbolic(evaluator, "range", site.at, *args.positional)


def make_bytes(evaluator: Evaluator, args: Args, site: Site) -> Value:
    if args.positional and isinstance(args.positional[0].payload, int):
        check_size(args.positional[0].payload, site.at)
    if args.positional and isinstance(args.positional[0].payload, range):
        check_size(len(args.positional[0].payload), site.at)
    return pure(bytes)(evaluator, args, site)


def make_object(evaluator: Evaluator, args: Args, site: Site) -> Value:
    return Value(Nondeterministic("object()"), site.at)


def make_type(evaluator: Evaluator, args: Args, site: Site) -> Value:
    if len(args.positional) == 1:
        return type_of(evaluator, args.positional[0], site.at)
    raise Halt("type() with three arguments", site.at, "write a class statement")


CONSTRUCTORS: dict[type, Function] = {
    list: make_list, tuple: make_tuple, set: make_set(False), frozenset: make_set(True), dict: make_dict,
    str: make_text, int: pure(int), float: pure(float), bool: is_true, complex: pure(complex),
    bytes: make_bytes, range: make_range, slice: pure(slice), object: make_object, type: make_type,
}  # fmt: skip


def call_type(evaluator: Evaluator, function: Value, args: Args, at: Origin, scope: Scope | None) -> Value:
    kind: type = function.payload

    def build(evaluator: Evaluator, args: Args, site: Site) -> Value:
        return construct(evaluator, kind, args, site)

    answer = check_function(evaluator, kind.__name__, kind, args, at)
    return guarded(kind.__name__, build, evaluator, args, site_of(evaluator, at, scope), answer)


CALLS[type] = call_type
