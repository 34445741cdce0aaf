"""Names of types in paths, and the strings by which keys and set members of two sides are matched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from campaign.check.values import (
    EXTERNAL,
    ClassObj,
    DictObj,
    ExternalCall,
    ExternalName,
    FuncObj,
    InstObj,
    SetObj,
    SymbolicOperation,
    TupleObj,
    Value,
    is_constant,
)
from campaign.check.values.fingerprints import Unmatched, fingerprint

EXTERNAL_KEY = "external "
"""Start of the match key of a value that is only known at run time."""


def last_part(dotted: str) -> str:
    return dotted.rpartition(".")[2]


def callee_name(payload: ExternalCall) -> str:
    callee = payload.callee.payload
    if isinstance(callee, ExternalName):
        return last_part(callee.name)
    return callee.name if isinstance(callee, ClassObj) else ""


def target_name(payload: DictObj) -> str:
    """The class that a dict configures: its `_target_` (LazyConfig, Hydra) or `type` (mmengine)."""
    for key in ("_target_", "type"):
        pair = payload.entries.get(key)
        if pair is not None:
            named = pair[1].payload
            if isinstance(named, str):
                return last_part(named)
            if isinstance(named, ExternalName):
                return last_part(named.name)
            if isinstance(named, ClassObj | FuncObj):
                return named.name
    return ""


def is_class_name(payload: Any) -> bool:
    """Whether an external name, or the callee of an external call, is a class by its spelling (PEP 8)."""
    if isinstance(payload, ExternalCall):
        callee = payload.callee.payload
        return isinstance(callee, ClassObj) or (isinstance(callee, ExternalName) and is_class_name(callee))
    # A class in capitals (`SGD`) is taken for a constant: the answer is then unproven where it could be a confound.
    last = last_part(payload.name).lstrip("_") if isinstance(payload, ExternalName) else ""
    return last[:1].isupper() and not last.isupper()


def match_key(payload: Any) -> str | None:
    """A string that is equal for two payloads only if both are the same key at run time, types included.

    None where the checker cannot decide that: two instances of a class may define any equality.
    """
    # 1, 1.0 and True are one key of a Python dict, but a framework that prints or stores the keys tells them apart.
    if is_constant(payload):
        return f"{type(payload).__name__} {payload!r}"
    if isinstance(payload, type):
        return f"type {payload.__name__}"
    find = MATCH_KEYS.get(type(payload))
    return None if find is None else find(payload)


def _tuple_key(payload: TupleObj) -> str | None:
    parts = [match_key(item.payload) for item in payload.items] if payload.cls is None else [None]
    return None if None in parts else f"({', '.join(map(str, parts))})"


def _enum_key(payload: InstObj) -> str | None:
    # An enum member is a singleton: class, name and value identify it.
    value = payload.attrs["value"].payload if payload.cls.kind == "enum" else None
    if payload.cls.kind != "enum" or not is_constant(value):
        return None
    return f"{payload.cls.module.name}.{payload.cls.qualname}.{payload.attrs['name'].payload}={value!r}"


def _external_key(payload: ExternalName | ExternalCall | SymbolicOperation) -> str | None:
    # Equal fingerprints mean the same operation on equal operands, and so equal keys.
    try:
        return EXTERNAL_KEY + fingerprint(payload, 0)
    except Unmatched:
        return None


MATCH_KEYS: dict[type, Callable[[Any], str | None]] = {
    TupleObj: _tuple_key, InstObj: _enum_key, **dict.fromkeys(EXTERNAL, _external_key),
}  # fmt: skip


def member_keys(payload: SetObj) -> set[str] | None:
    """The match keys of a set's members; None if one of them has none."""
    keys = {match_key(item.payload) for item in payload.items.values()}
    return None if None in keys else {key for key in keys if key is not None}


def entries_by_key(payload: DictObj) -> dict[str, tuple[Value, Value]] | None:
    """The entries of a dict by match key; None if a key has none, or two keys share one."""
    entries: dict[str, tuple[Value, Value]] = {}
    for key, item in payload.entries.values():
        text = match_key(key.payload)
        # Of two keys with one match key, none can be matched with certainty.
        if text is None or text in entries:
            return None
        entries[text] = (key, item)
    return entries
