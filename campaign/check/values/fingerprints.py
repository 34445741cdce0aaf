"""Fingerprints: strings that are equal only for equal values, also across the two files of a comparison."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from campaign.check.values.containers import DictObj, ListObj, SetObj, TupleObj
from campaign.check.values.external_values import ExternalCall, ExternalName, SymbolicOperation
from campaign.check.values.value import Value, is_constant

LENGTH = 400
"""Characters of a fingerprint; a longer one ends in a digest."""
DEPTH = 400
Of = Callable[[Value], str]


class Unmatched(Exception):
    """The value holds code of the checked files, which has no fingerprint."""


def fingerprint(payload: Any, depth: int = 0, memo: dict[int, str] | None = None) -> str:
    """Raises `Unmatched`. `memo` holds the fingerprints of shared objects, of which there may be exponentially many
    occurrences."""
    if is_constant(payload):
        # The type is part of it: 1, 1.0 and True are equal but not interchangeable.
        return shortened(f"{type(payload).__name__}:{payload!r}")
    if isinstance(payload, ExternalName):
        return f"{payload.name}{_epoch(payload.epoch)}"
    memo = {} if memo is None else memo
    if id(payload) not in memo:
        write = WRITERS.get(type(payload))
        if depth > DEPTH or (write is None and not isinstance(payload, type)):
            raise Unmatched
        text = (
            payload.__name__
            if write is None
            else write(payload, lambda value: fingerprint(value.payload, depth + 1, memo))
        )
        memo[id(payload)] = shortened(text)
    return memo[id(payload)]


def shortened(text: str) -> str:
    if len(text) <= LENGTH:
        return text
    return f"{text[:40]}…{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _epoch(epoch: int) -> str:
    # Equal operations before and after an external effect may have different results.
    return f"~{epoch}" if epoch else ""


def _operation(payload: SymbolicOperation, of: Of) -> str:
    roots = ",".join(str(version) for _, version in payload.roots)
    return f"{payload.op}({_joined(payload.operands, of)}){_epoch(payload.epoch)}" + (
        f"~{roots}" if roots.strip("0,") else ""
    )


def _joined(values: Iterable[Value], of: Of) -> str:
    return ", ".join(map(of, values))


def _dict(payload: DictObj, of: Of) -> str:
    pairs = (f"{of(key)}: {of(item)}" for key, item in payload.entries.values())
    return f"{payload.dialect.name}{{{', '.join(pairs)}}}"


def _set(payload: SetObj, of: Of) -> str:
    return f"{'frozen' if payload.frozen else ''}set({', '.join(sorted(map(of, payload.items.values())))})"


def _tuple(payload: TupleObj, of: Of) -> str:
    if payload.cls is not None:
        raise Unmatched
    return f"({_joined(payload.items, of)})"


def _external_call(payload: ExternalCall, of: Of) -> str:
    fields = [f".{name}={of(value)}" for name, value in sorted(payload.fields.items())]
    effects = [f".{effect.name}({_arguments(effect.args, effect.kwargs, of)})" for effect in payload.log]
    arguments = _arguments(payload.args, payload.kwargs, of)
    return f"{of(payload.callee)}({arguments}){_epoch(payload.epoch)}{''.join([*fields, *effects])}"


def _arguments(args: tuple[Value, ...], kwargs: dict[str, Value], of: Of) -> str:
    return ", ".join([*map(of, args), *(f"{name}={of(value)}" for name, value in sorted(kwargs.items()))])


WRITERS: dict[type, Callable[[Any, Of], str]] = {
    SymbolicOperation: _operation, ExternalCall: _external_call, TupleObj: _tuple, DictObj: _dict, SetObj: _set,
    ListObj: lambda payload, of: f"[{_joined(payload.items, of)}]",
}  # fmt: skip
