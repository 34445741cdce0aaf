"""Fingerprints of external values: equal strings only for values that are equal on both sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from campaign.check.values.containers import DictObj, ListObj, SetObj, TupleObj
from campaign.check.values.external_values import ExternalCall, ExternalName, SymbolicOperation
from campaign.check.values.value import Value, is_constant


class Unmatched(Exception):
    """The value holds code of the checked files: it is not matched with the other side."""


def fingerprint(payload: Any, depth: int = 0, known: dict[int, str] | None = None) -> str:
    """Text that is the same only for the same value; long texts are shortened to a digest. Raises
    `Unmatched`."""
    if is_constant(payload):
        return shortened(f"{type(payload).__name__}:{payload!r}")
    if isinstance(payload, ExternalName):
        return f"{payload.name}~{payload.epoch}" if payload.epoch else payload.name
    known = {} if known is None else known
    if id(payload) not in known:
        if depth > 400:
            raise Unmatched
        known[id(payload)] = shortened(_fingerprint(payload, depth + 1, known))
    return known[id(payload)]


def shortened(text: str) -> str:
    if len(text) <= 400:
        return text
    import hashlib

    return f"{text[:40]}…{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _fingerprint(payload: Any, depth: int, known: dict[int, str]) -> str:
    def of(value: Value) -> str:
        return fingerprint(value.payload, depth, known)

    if isinstance(payload, SymbolicOperation):
        roots = ",".join(f"{version}" for _, version in payload.roots)
        operands = ", ".join(of(value) for value in payload.operands)
        time = f"~{payload.epoch}" if payload.epoch else ""
        return f"{payload.op}({operands}){time}" + (f"~{roots}" if roots.strip("0,") else "")
    if isinstance(payload, ExternalCall):
        return _external_call_fingerprint(payload, of)
    if isinstance(payload, ListObj | TupleObj):
        if isinstance(payload, TupleObj) and payload.cls is not None:
            raise Unmatched
        sign = "[]" if isinstance(payload, ListObj) else "()"
        return sign[0] + ", ".join(of(item) for item in payload.items) + sign[1]
    if isinstance(payload, DictObj):
        pairs = (f"{of(key)}: {of(item)}" for key, item in payload.entries.values())
        return f"{payload.dialect.name}{{{', '.join(pairs)}}}"
    if isinstance(payload, SetObj):
        items = sorted(of(item) for item in payload.items.values())
        return f"{'frozen' if payload.frozen else ''}set({', '.join(items)})"
    if isinstance(payload, type):
        return payload.__name__
    raise Unmatched


def _external_call_fingerprint(payload: ExternalCall, of: Callable[[Value], str]) -> str:
    args = [of(value) for value in payload.args]
    args += [f"{name}={of(value)}" for name, value in sorted(payload.kwargs.items())]
    fields = [f".{name}={of(value)}" for name, value in sorted(payload.fields.items())]
    for effect in payload.log:
        shown = [of(value) for value in effect.args]
        shown += [f"{name}={of(value)}" for name, value in sorted(effect.kwargs.items())]
        fields.append(f".{effect.name}({', '.join(shown)})")
    epoch = f"~{payload.epoch}" if payload.epoch else ""
    return f"{of(payload.callee)}({', '.join(args)}){epoch}{''.join(fields)}"
