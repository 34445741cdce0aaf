"""Shared by the models of functions and methods: reading arguments, calling Python itself, refusing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from campaign.check.evaluator.constant_folding import call_pure_function
from campaign.check.evaluator.state import Args, Evaluator, Function, Site
from campaign.check.evaluator.symbolic import symbolic
from campaign.check.values import ErrorObj, InstObj, IteratorObj, ListObj, Origin, Value, unwrap_enum
from campaign.check.values.constants import NotConcrete, Unhashable, key_of, lift, lower
from campaign.check.values.limits import Halt


def first_argument(evaluator: Evaluator, args: Args, site: Site, most: int = 1) -> Value:
    """The first of one to `most` arguments."""
    if not 1 <= len(args.positional) <= most:
        raise evaluator.error(TypeError, "wrong number of arguments", site.at)
    return args.positional[0]


def call_origin(args: Args, site: Site) -> Origin:
    """The origin of a result: the call, and everything that went into it."""
    parents = tuple(value.origin for value in (*args.positional, *args.keywords.values()))
    return Origin(site.at.file, site.at.line, site.at.column, parents)


def nothing(site: Site) -> Value:
    """The result of a method that returns None."""
    return Value(None, site.at)


def method_arguments(evaluator: Evaluator, args: Args, site: Site, least: int, most: int) -> list[Value]:
    """The arguments of a method that takes no keywords, without its receiver."""
    rest = args.positional[1:]
    if not least <= len(rest) <= most or args.keywords:
        raise evaluator.error(TypeError, "wrong number of arguments", site.at)
    return rest


def mutated_receiver(evaluator: Evaluator, args: Args, site: Site) -> Any:
    """The payload of a receiver that the method is about to change."""
    payload = args.positional[0].payload
    evaluator.readable(payload, site.at)
    payload.version += 1
    return payload


def hash_key(evaluator: Evaluator, key: Value, site: Site) -> Any:
    try:
        return key_of(key.payload)
    except Unhashable as error:
        raise evaluator.error(TypeError, f"unhashable type: '{error}'", site.at) from None
    except NotConcrete:
        reason = "the checker cannot look up a key that is only known at run time"
        raise Halt(reason, site.at, "use a constant as the key") from None


def keyword_operands(keywords: dict[str, Value], at: Origin) -> list[Value]:
    """Keywords as operands of a symbolic operation, sorted: their order does not matter to the function."""
    return [Value(ListObj([Value(name, at), value]), at) for name, value in sorted(keywords.items())]


def refusal(what: str, suggestion: str) -> Function:
    """The model of something that is not modelled."""

    def refuse(evaluator: Evaluator, args: Args, site: Site) -> Value:
        raise Halt(f"the checker cannot evaluate {what}: it is not modelled", site.at, suggestion)

    return refuse


def computed_by_python(function: Callable[..., Any]) -> Function:
    """A function without effects, called on constants; symbolic where an argument is only known at run time.

    Equal arguments give equal results on both sides, so that the symbolic operation may stand for the result.
    """

    def compute_or_keep(evaluator: Evaluator, args: Args, site: Site) -> Value:
        plain = [unwrap_enum(value) for value in args.positional]
        at = call_origin(args, site)
        if args.keywords:
            return _with_keywords(evaluator, function, plain, args.keywords, at)
        for value in plain:
            # These have methods (`__abs__`, `__index__`, ...) or a position that the function would use.
            if isinstance(value.payload, InstObj | ErrorObj | IteratorObj):
                reason = f"the checker cannot evaluate {function.__name__}() of an instance or an iterator"
                raise Halt(reason, at, "compute with plain values")
        return call_pure_function(evaluator, function, at, *plain)

    return compute_or_keep


def _with_keywords(
    evaluator: Evaluator,
    function: Callable[..., Any],
    plain: list[Value],
    keywords: dict[str, Value],
    at: Origin,
) -> Value:
    try:
        named = {name: lower(value.payload) for name, value in keywords.items()}
        real = [lower(value.payload) for value in plain]
    except NotConcrete:
        return symbolic(evaluator, function.__name__, at, *plain, *keyword_operands(keywords, at))
    return lift_result(evaluator, lambda: function(*real, **named), at)


def lift_result(evaluator: Evaluator, call: Callable[[], Any], at: Origin) -> Value:
    """The result that Python computes; an exception that it raises is raised by the checked code."""
    try:
        return lift(call(), at)
    except Halt:
        raise
    except Exception as error:
        raise evaluator.error(type(error), str(error), at) from None
