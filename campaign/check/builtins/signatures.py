"""What Python accepts: a call of a known function that Python would refuse never gets an answer.

Two guards round every builtin function, type and method that is followed. The number of arguments and the
keywords have to be among those that it takes. And where all arguments are small constants, Python itself is
asked: what it raises is raised, and an answer that differs from its own ends the evaluation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from campaign.check.evaluator.calls import NOT_CONFIRMED
from campaign.check.evaluator.state import Args, Evaluator
from campaign.check.values import (
    DictObj,
    ListObj,
    Mutable,
    Origin,
    SetObj,
    TupleObj,
    is_constant,
)
from campaign.check.values.constants import NotConcrete
from campaign.check.values.limits import Halt

ANY = 1_000_000
SMALL = 400
"""Elements and characters of the arguments with which Python is asked."""


class Signature(NamedTuple):
    """How many arguments by position, and which by keyword; None when any keyword is taken."""

    least: int
    most: int
    keywords: frozenset[str] | None = frozenset()
    together: int = ANY
    """How many of both kinds, where a keyword may also be given by position."""


def _with(least: int, most: int, keywords: str, together: int = ANY) -> Signature:
    return Signature(least, most, frozenset(keywords.split()), together)


NONE, ONE, UP_TO_ONE, TWO, ONE_OR_TWO = (
    Signature(0, 0), Signature(1, 1), Signature(0, 1), Signature(2, 2), Signature(1, 2),
)  # fmt: skip
SEVERAL = Signature(0, ANY)

FUNCTIONS: dict[str, Signature] = {
    "len": ONE, "abs": ONE, "round": _with(0, 2, "number ndigits", 2), "divmod": TWO, "pow": Signature(2, 3),
    "bin": ONE, "hex": ONE, "oct": ONE, "chr": ONE, "ord": ONE, "any": ONE, "all": ONE,
    "sum": _with(1, 2, "start", 2), "min": _with(1, ANY, "key default"), "max": _with(1, ANY, "key default"),
    "sorted": _with(1, 1, "key reverse"), "reversed": ONE, "zip": _with(0, ANY, "strict"),
    "enumerate": _with(1, 2, "start", 2), "map": Signature(2, ANY), "filter": TWO, "iter": ONE,
    "next": ONE_OR_TWO, "isinstance": TWO, "issubclass": TWO, "getattr": Signature(2, 3), "hasattr": TWO,
    "setattr": Signature(3, 3), "delattr": TWO, "globals": NONE, "locals": NONE, "vars": UP_TO_ONE,
    "exec": Signature(1, 3), "eval": Signature(1, 3), "super": Signature(0, 2), "property": Signature(0, 2),
    "staticmethod": ONE, "classmethod": ONE, "callable": ONE, "id": ONE, "hash": ONE, "repr": ONE, "ascii": ONE,
    "format": ONE_OR_TWO, "print": _with(0, ANY, "sep end file flush"), "input": UP_TO_ONE,
    "open": _with(1, 8, "mode buffering encoding errors newline closefd opener"), "__import__": ONE, "dir": UP_TO_ONE,
    "list": UP_TO_ONE, "tuple": UP_TO_ONE, "set": UP_TO_ONE, "frozenset": UP_TO_ONE,
    "dict": Signature(0, 1, None), "bool": UP_TO_ONE, "object": NONE, "range": Signature(1, 3), "type": ONE,
    "slice": Signature(1, 3), "str": _with(0, 3, "object encoding errors", 3), "int": _with(0, 2, "base", 2),
    "float": UP_TO_ONE, "complex": _with(0, 2, "real imag", 2), "bytes": _with(0, 3, "source encoding errors", 3),
    "fromkeys": ONE_OR_TWO,
}  # fmt: skip
LISTS: dict[str, Signature] = {
    "append": ONE, "extend": ONE, "insert": TWO, "pop": UP_TO_ONE, "remove": ONE, "index": ONE, "count": ONE,
    "clear": NONE, "reverse": NONE, "copy": NONE, "sort": _with(0, 0, "key reverse"),
}  # fmt: skip
DICTS: dict[str, Signature] = {
    "get": ONE_OR_TWO, "setdefault": ONE_OR_TWO, "pop": ONE_OR_TWO, "popitem": NONE, "keys": NONE, "values": NONE,
    "items": NONE, "update": Signature(0, 1, None), "clear": NONE, "copy": NONE,
}  # fmt: skip
SETS: dict[str, Signature] = {
    "add": ONE, "discard": ONE, "remove": ONE, "pop": NONE, "copy": NONE, "clear": NONE, "union": SEVERAL,
    "intersection": SEVERAL, "difference": SEVERAL, "symmetric_difference": ONE, "update": SEVERAL,
    "intersection_update": SEVERAL, "difference_update": SEVERAL, "issubset": ONE, "issuperset": ONE,
    "isdisjoint": ONE,
}  # fmt: skip
METHODS: dict[type, dict[str, Signature]] = {
    list: LISTS, tuple: LISTS, dict: DICTS, set: SETS, frozenset: SETS,
}  # fmt: skip
PAYLOADS: dict[type, type] = {list: ListObj, tuple: TupleObj, dict: DictObj, set: SetObj, frozenset: SetObj}

CONFIRMED_BY_PYTHON = frozenset(
    {
        "len", "any", "all", "sum", "min", "max", "sorted", "reversed", "zip", "enumerate", "map", "filter",
        "isinstance", "issubclass", "list", "tuple", "set", "frozenset", "dict", "bool", "range", "extend", "insert",
        "pop", "remove", "index", "count", "sort", "update", "fromkeys", "union", "intersection", "difference",
        "symmetric_difference", "intersection_update", "difference_update", "issubset", "issuperset", "isdisjoint",
    }
)  # fmt: skip
"""Functions and methods whose answer, or refusal, depends on what the arguments are."""
KINDS = (str, int, float, bool, complex, list, tuple, dict, set, frozenset, type(None))


def check_function(evaluator: Evaluator, name: str, real: Any, args: Args, at: Origin) -> Any:
    """What Python answers to a builtin function or type, or `UNASKED`."""
    _fits(name, FUNCTIONS.get(name), args, len(args.positional), at)
    return _python_answer(evaluator, real, args, at) if name in CONFIRMED_BY_PYTHON else NOT_CONFIRMED


def check_method(evaluator: Evaluator, kind: type, name: str, args: Args, at: Origin) -> Any:
    """The same for a method of a container; its object is the first argument."""
    if not args.positional or type(args.positional[0].payload) is not PAYLOADS[kind]:
        raise Halt(f"{kind.__name__}.{name}() of something else", at, "call the method of the object")
    _fits(f"{kind.__name__}.{name}", METHODS[kind].get(name), args, len(args.positional) - 1, at)
    return (
        _python_answer(evaluator, getattr(kind, name, None), args, at)
        if name in CONFIRMED_BY_PYTHON
        else NOT_CONFIRMED
    )


def _fits(name: str, signature: Signature | None, args: Args, count: int, at: Origin) -> None:
    if signature is None:
        return
    unknown = signature.keywords is not None and not signature.keywords.issuperset(args.keywords)
    if unknown or not signature.least <= count <= signature.most:
        raise Halt(f"{name}() with arguments that are not followed", at)
    if count + len(args.keywords) > signature.together:
        raise Halt(f"{name}() with an argument by position and by keyword", at)


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
    except Exception as error:
        raise evaluator.error(type(error), str(error), at) from None


def _small(payload: Any, left: list[int]) -> Any:
    """A copy of its own as a real object. Raises `NotConcrete` for all else, and above `SMALL`."""
    left[0] -= len(payload) if isinstance(payload, str | bytes | range) else 1
    if left[0] < 0 or (isinstance(payload, Mutable) and payload.escaped_to):
        raise NotConcrete
    if is_constant(payload) or payload in KINDS:
        return payload
    if isinstance(payload, ListObj):
        return [_small(item.payload, left) for item in payload.items]
    if isinstance(payload, TupleObj) and payload.cls is None:
        return tuple(_small(item.payload, left) for item in payload.items)
    if isinstance(payload, DictObj) and payload.is_plain:
        pairs = [(key.payload, item.payload) for key, item in payload.entries.values()]
        return {_small(key, left): _small(item, left) for key, item in pairs}
    if isinstance(payload, SetObj):
        items = [_small(item.payload, left) for item in payload.items.values()]
        return frozenset(items) if payload.frozen else set(items)
    raise NotConcrete
