"""Functions without effects: carried out on constants, terms of what is only known at run time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from campaign.check.evaluator.constant_folding import call_pure_function
from campaign.check.evaluator.state import Args, Evaluator, Site
from campaign.check.evaluator.symbolic import symbolic
from campaign.check.values import (
    ErrorObj,
    InstObj,
    IteratorObj,
    ListObj,
    Origin,
    Value,
    unwrap_enum,
)
from campaign.check.values.constants import NotConcrete, lift, lower
from campaign.check.values.limits import Halt

Function = Callable[[Evaluator, Args, Site], Value]


def one(evaluator: Evaluator, args: Args, site: Site, least: int = 1, most: int = 1) -> Value:
    if not least <= len(args.positional) <= most:
        raise evaluator.error(TypeError, "wrong number of arguments", site.at)
    return args.positional[0]


def origin_of(args: Args, site: Site) -> Origin:
    parents = tuple(value.origin for value in (*args.positional, *args.keywords.values()))
    return Origin(site.at.file, site.at.line, site.at.column, parents)


def pure(function: Callable[..., Any]) -> Function:
    """A function of constants, a term of anything only known at run time."""

    def known(evaluator: Evaluator, args: Args, site: Site) -> Value:
        plain = [unwrap_enum(value) for value in args.positional]
        at = origin_of(args, site)
        if args.keywords:
            extra = [
                Value(ListObj([Value(key, at), value]), at) for key, value in sorted(args.keywords.items())
            ]
            try:
                named = {key: lower(value.payload) for key, value in args.keywords.items()}
                real = [lower(value.payload) for value in plain]
            except NotConcrete:
                return symbolic(evaluator, function.__name__, at, *plain, *extra)
            try:
                return lift(function(*real, **named), at)
            except Exception as error:
                raise evaluator.error(type(error), str(error), at) from None
        _no_instances(evaluator, plain, function.__name__, at)
        return call_pure_function(evaluator, function, at, *plain)

    return known


def _no_instances(evaluator: Evaluator, values: list[Value], name: str, at: Origin) -> None:
    for value in values:
        if isinstance(value.payload, InstObj | ErrorObj | IteratorObj):
            raise Halt(f"{name}() of an instance", at, "compute with plain values")
