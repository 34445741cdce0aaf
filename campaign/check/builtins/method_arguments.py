"""The object that a method is called on, and what it is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from campaign.check.evaluator.state import Args, Evaluator, Site
from campaign.check.values import (
    Value,
)
from campaign.check.values.constants import NotConcrete, Unhashable, key_of
from campaign.check.values.limits import Halt

Method = Callable[[Evaluator, Args, Site], Value]


def none(site: Site) -> Value:
    return Value(None, site.at)


def changed(evaluator: Evaluator, args: Args, site: Site) -> Any:
    payload = args.positional[0].payload
    evaluator.readable(payload, site.at)
    payload.version += 1
    return payload


def arity(evaluator: Evaluator, args: Args, site: Site, least: int, most: int) -> list[Value]:
    rest = args.positional[1:]
    if not least <= len(rest) <= most or args.keywords:
        raise evaluator.error(TypeError, "wrong number of arguments", site.at)
    return rest


def hashed(evaluator: Evaluator, key: Value, site: Site) -> Any:
    try:
        return key_of(key.payload)
    except Unhashable as error:
        raise evaluator.error(TypeError, f"unhashable type: '{error}'", site.at) from None
    except NotConcrete:
        raise Halt("uses a key only known at run time", site.at, "use a constant as the key") from None
