"""What Python accepts: a call of a modelled function that Python would refuse never gets an answer.

Two guards surround every builtin function, type and method. The number of arguments and the keywords have to
be among those that it takes. And where all arguments are small constants, Python itself is called: what it
raises is raised, and an answer of the model that differs from Python's ends the evaluation.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from campaign.check.evaluator.calls import NOT_CONFIRMED
from campaign.check.evaluator.state import Args, Evaluator, Function
from campaign.check.values import (
    Builtin,
    DictObj,
    ListObj,
    Mutable,
    Origin,
    SetObj,
    TupleObj,
    Value,
    is_constant,
)
from campaign.check.values.constants import NotConcrete
from campaign.check.values.limits import Halt

ANY = 1_000_000
SMALL = 400
"""Most elements and characters of arguments with which Python itself is called."""


class Signature(NamedTuple):
    """How many arguments by position, and which by keyword; None when any keyword is taken."""

    least: int
    most: int
    keywords: frozenset[str] | None = frozenset()
    together: int = ANY
    """How many of both kinds, where a keyword may also be given by position."""


def with_keywords(least: int, most: int, keywords: str, together: int = ANY) -> Signature:
    return Signature(least, most, frozenset(keywords.split()), together)


NONE, ONE, UP_TO_ONE, TWO, ONE_OR_TWO = (
    Signature(0, 0), Signature(1, 1), Signature(0, 1), Signature(2, 2), Signature(1, 2),
)  # fmt: skip
SEVERAL = Signature(0, ANY)
PAIRS = Signature(0, 1, None)
"""One mapping or iterable of pairs, and keywords: `dict()` and `dict.update()`."""


class Model(NamedTuple):
    """A builtin function, type or method as the checker evaluates it."""

    call: Function
    signature: Signature | None = None
    """None for a function that is refused whatever it is given."""
    confirmed: bool = False
    """Python itself is called as well, because its result, or its refusal, depends on the arguments."""


def builtin_function(name: str, real: Any, model: Model, holder: Value | None = None) -> Builtin:
    return Builtin(name, model.call, holder, partial(check_call, name, real, model, 0))


def builtin_method(kind: type, name: str, model: Model, holder: Value | None = None) -> Builtin:
    """A method of a container; `holder` is None for `list.append` read from the type."""
    return Builtin(f"{kind.__name__}.{name}", model.call, holder, partial(_check_method, kind, name, model))


def check_call(
    name: str, real: Any, model: Model, receivers: int, evaluator: Evaluator, args: Args, at: Origin
) -> Any:
    """The result of Python itself, or `NOT_CONFIRMED` where it is not called."""
    _refuse_misfit(name, model.signature, args, len(args.positional) - receivers, at)
    return _python_answer(evaluator, real, args, at) if model.confirmed else NOT_CONFIRMED


PAYLOADS: dict[type, type] = {list: ListObj, tuple: TupleObj, dict: DictObj, set: SetObj, frozenset: SetObj}


def _check_method(kind: type, name: str, model: Model, evaluator: Evaluator, args: Args, at: Origin) -> Any:
    # `list.append(x, 1)` is a descriptor: it accepts an instance of its type only.
    if not args.positional or type(args.positional[0].payload) is not PAYLOADS[kind]:
        reason = f"the checker cannot evaluate {kind.__name__}.{name}() of anything but a {kind.__name__}"
        raise Halt(reason, at, "call the method of the object")
    full = f"{kind.__name__}.{name}"
    return check_call(full, getattr(kind, name, None), model, 1, evaluator, args, at)


def _refuse_misfit(name: str, signature: Signature | None, args: Args, count: int, at: Origin) -> None:
    if signature is None:
        return
    unknown = signature.keywords is not None and not signature.keywords.issuperset(args.keywords)
    if unknown or not signature.least <= count <= signature.most:
        reason = f"the checker cannot evaluate {name}() with these arguments: Python refuses them, or they are not modelled"
        raise Halt(reason, at, "pass only what Python documents, by position")
    if count + len(args.keywords) > signature.together:
        reason = f"the checker cannot evaluate {name}() with one argument both by position and by keyword"
        raise Halt(reason, at, "pass it once")


def _python_answer(evaluator: Evaluator, real: Callable[..., Any] | None, args: Args, at: Origin) -> Any:
    if real is None:
        return NOT_CONFIRMED
    left = [SMALL]
    try:
        positional = [_small(value.payload, left) for value in args.positional]
        named = {name: _small(value.payload, left) for name, value in args.keywords.items()}
    except (NotConcrete, TypeError):
        return NOT_CONFIRMED
    try:
        return real(*positional, **named)
    except Exception as error:  # whatever Python raises for these arguments, the checked code raises
        raise evaluator.error(type(error), str(error), at) from None


KINDS = (str, int, float, bool, complex, list, tuple, dict, set, frozenset, type(None))


def _small(payload: Any, left: list[int]) -> Any:
    """A separate Python object, so that calling a method of it does not change the evaluation.
    Raises `NotConcrete` unless it is a constant, and above `SMALL`."""
    left[0] -= len(payload) if isinstance(payload, str | bytes | range) else 1
    if left[0] < 0 or (isinstance(payload, Mutable) and payload.escaped_to):
        raise NotConcrete
    # Types are arguments of isinstance() and functions of map(): the few that have no effects.
    if is_constant(payload) or payload in KINDS:
        return payload
    builder = SMALL_COPIES.get(type(payload))
    if builder is None:
        raise NotConcrete
    return builder(payload, left)


def _small_items(items: Any, left: list[int]) -> list[Any]:
    return [_small(item.payload, left) for item in items]


def _small_tuple(payload: TupleObj, left: list[int]) -> tuple[Any, ...]:
    if payload.cls is not None:
        raise NotConcrete
    return tuple(_small_items(payload.items, left))


def _small_dict(payload: DictObj, left: list[int]) -> dict[Any, Any]:
    if not payload.is_plain:  # a framework's mapping answers in its own way
        raise NotConcrete
    return {_small(key.payload, left): _small(item.payload, left) for key, item in payload.entries.values()}


def _small_set(payload: SetObj, left: list[int]) -> set[Any] | frozenset[Any]:
    items = _small_items(payload.items.values(), left)
    return frozenset(items) if payload.frozen else set(items)


SMALL_COPIES: dict[type, Callable[[Any, list[int]], Any]] = {
    ListObj: lambda payload, left: _small_items(payload.items, left),
    TupleObj: _small_tuple, DictObj: _small_dict, SetObj: _small_set,
}  # fmt: skip
