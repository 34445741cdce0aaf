"""Calls of the builtin types."""

from __future__ import annotations

from functools import partial

from campaign.check.builtins.arguments import call_origin, computed_by_python, first_argument
from campaign.check.builtins.signatures import (
    NONE,
    ONE,
    PAIRS,
    UP_TO_ONE,
    Model,
    Signature,
    check_call,
    with_keywords,
)
from campaign.check.evaluator.calls import guarded, site_of
from campaign.check.evaluator.dispatch import CALLS
from campaign.check.evaluator.hashed_containers import pairs_of, store
from campaign.check.evaluator.iteration import unordered
from campaign.check.evaluator.state import Args, Evaluator, Site
from campaign.check.evaluator.string_conversion import to_string
from campaign.check.evaluator.symbolic import symbolic
from campaign.check.evaluator.type_tests import type_of
from campaign.check.values import (
    DictObj,
    ErrorObj,
    ListObj,
    Nondeterministic,
    Origin,
    TupleObj,
    Value,
    is_external,
)
from campaign.check.values.constants import check_size
from campaign.check.values.limits import Halt
from campaign.check.values.scope import Scope


def new_bool(evaluator: Evaluator, args: Args, site: Site) -> Value:
    if not args.positional:
        return Value(False, site.at)
    return Value(evaluator.truth(args.positional[0], site.at), call_origin(args, site))


def new_list(evaluator: Evaluator, args: Args, site: Site) -> Value:
    if not args.positional:
        return Value(ListObj([]), site.at)
    value = first_argument(evaluator, args, site)
    # Its elements are known at run time only, but equal on both sides, and the iteration is recorded.
    if is_external(value.payload):
        return symbolic(evaluator, "list", site.at, value)
    return Value(ListObj(evaluator.elements(value, site.at)), call_origin(args, site))


def new_tuple(evaluator: Evaluator, args: Args, site: Site) -> Value:
    if not args.positional:
        return Value(TupleObj(()), site.at)
    value = first_argument(evaluator, args, site)
    if is_external(value.payload):
        return symbolic(evaluator, "tuple", site.at, value)
    return Value(TupleObj(tuple(evaluator.elements(value, site.at))), call_origin(args, site))


def new_set(frozen: bool, evaluator: Evaluator, args: Args, site: Site) -> Value:
    if len(args.positional) > 1 or args.keywords:
        raise evaluator.error(TypeError, "expected at most 1 argument", site.at)
    # The order of a set's elements is lost in a set, so a set may be made of another.
    items = unordered(evaluator, args.positional[0], site.at) if args.positional else []
    return Value(evaluator.new_set(items, site.at, frozen), call_origin(args, site))


def new_dict(evaluator: Evaluator, args: Args, site: Site) -> Value:
    if args.positional and is_external(args.positional[0].payload):
        # In the order they are given in: keywords are inserted in that order.
        given = [
            Value(ListObj([Value(name, site.at), value]), site.at) for name, value in args.keywords.items()
        ]
        return symbolic(evaluator, "dict", site.at, *args.positional, *given)
    result = DictObj({})
    # The positional argument first, then the keywords; a repeated key keeps its position.
    for key, item in pairs_of(evaluator, args, site.at):
        store(evaluator, result, key, item, site.at)
    return Value(result, site.at)


def new_string(evaluator: Evaluator, args: Args, site: Site) -> Value:
    if not args.positional:
        return Value("", site.at)
    if len(args.positional) > 1 or args.keywords:  # str(data, encoding) decodes
        return computed_by_python(str)(evaluator, args, site)
    return to_string(evaluator, args.positional[0], "str", site.at)


def new_range(evaluator: Evaluator, args: Args, site: Site) -> Value:
    if all(isinstance(value.payload, int) for value in args.positional):  # a bool is an int here too
        try:
            return Value(range(*(value.payload for value in args.positional)), call_origin(args, site))
        except (TypeError, ValueError) as error:
            raise evaluator.error(type(error), str(error), site.at) from None
    return symbolic(evaluator, "range", site.at, *args.positional)


def new_bytes(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`bytes(n)` is n zeros: its size is checked before Python allocates it."""
    given = args.positional[0].payload if args.positional else None
    if isinstance(given, int | range):
        check_size(given if isinstance(given, int) else len(given), site.at)
    return computed_by_python(bytes)(evaluator, args, site)


def new_object(evaluator: Evaluator, args: Args, site: Site) -> Value:
    return Value(Nondeterministic("object()"), site.at)  # it has nothing but its identity


def type_or_class(evaluator: Evaluator, args: Args, site: Site) -> Value:
    if len(args.positional) == 1:
        return type_of(evaluator, args.positional[0], site.at)
    raise Halt("the checker cannot evaluate type() with three arguments", site.at, "write a class statement")


CONSTRUCTORS: dict[type, Model] = {
    list: Model(new_list, UP_TO_ONE, confirmed=True), tuple: Model(new_tuple, UP_TO_ONE, confirmed=True),
    set: Model(partial(new_set, False), UP_TO_ONE, confirmed=True),
    frozenset: Model(partial(new_set, True), UP_TO_ONE, confirmed=True),
    dict: Model(new_dict, PAIRS, confirmed=True), bool: Model(new_bool, UP_TO_ONE, confirmed=True),
    range: Model(new_range, Signature(1, 3), confirmed=True),
    str: Model(new_string, with_keywords(0, 3, "object encoding errors", 3)),
    bytes: Model(new_bytes, with_keywords(0, 3, "source encoding errors", 3)),
    int: Model(computed_by_python(int), with_keywords(0, 2, "base", 2)),
    float: Model(computed_by_python(float), UP_TO_ONE),
    complex: Model(computed_by_python(complex), with_keywords(0, 2, "real imag", 2)),
    slice: Model(computed_by_python(slice), Signature(1, 3)),
    object: Model(new_object, NONE), type: Model(type_or_class, ONE),
}  # fmt: skip


def call_type(evaluator: Evaluator, function: Value, args: Args, at: Origin, scope: Scope | None) -> Value:
    """A call of a builtin type; of an exception it only stores the arguments."""
    kind: type = function.payload
    if issubclass(kind, BaseException):
        return Value(ErrorObj(kind, tuple(args.positional)), at)
    model = CONSTRUCTORS.get(kind)
    if model is None:
        raise Halt(
            f"the checker cannot evaluate {kind.__name__}(): it is not modelled", at, "write its value out"
        )
    answer = check_call(kind.__name__, kind, model, 0, evaluator, args, at)
    return guarded(kind.__name__, model.call, evaluator, args, site_of(evaluator, at, scope), answer)


CALLS[type] = call_type
