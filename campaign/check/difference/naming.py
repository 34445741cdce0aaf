"""What things are called in paths, and the text that tells keys apart."""

from __future__ import annotations

from typing import Any

from campaign.check.values import (
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


def callee_name(payload: ExternalCall) -> str:
    callee = payload.callee.payload
    if isinstance(callee, ExternalName):
        return callee.name.rpartition(".")[2]
    return callee.name if isinstance(callee, ClassObj) else ""


def target_name(payload: DictObj) -> str:
    """What a dict stands for: its `_target_` (LazyConfig, Hydra) or `type` (mmengine)."""
    for key in ("_target_", "type"):
        pair = payload.entries.get(key)
        if pair is not None:
            named = pair[1].payload
            if isinstance(named, str):
                return named.rpartition(".")[2]
            if isinstance(named, ExternalName):
                return named.name.rpartition(".")[2]
            if isinstance(named, ClassObj | FuncObj):
                return named.name
    return ""


def constructs(payload: Any) -> bool:
    """Whether a name from outside is a class by its spelling."""
    if isinstance(payload, ExternalCall):
        callee = payload.callee.payload
        return isinstance(callee, ClassObj) or (isinstance(callee, ExternalName) and constructs(callee))
    last = payload.name.rpartition(".")[2].lstrip("_") if isinstance(payload, ExternalName) else ""
    return last[:1].isupper() and not last.isupper()


def member_texts(payload: SetObj) -> list[str] | None:
    texts = [item_text(item.payload) for item in payload.items.values()]
    return None if any(text is None for text in texts) else [text for text in texts if text is not None]


def item_text(payload: Any) -> str | None:
    """Text that tells keys and set members apart, types included."""
    if is_constant(payload):
        return f"{type(payload).__name__} {payload!r}"
    if isinstance(payload, TupleObj) and payload.cls is None:
        parts = [item_text(item.payload) for item in payload.items]
        return None if any(part is None for part in parts) else f"({', '.join(map(str, parts))})"
    if isinstance(payload, InstObj) and payload.cls.kind == "enum":
        value = payload.attrs["value"].payload
        return (
            f"{payload.cls.module.name}.{payload.cls.qualname}.{payload.attrs['name'].payload}={value!r}"
            if (is_constant(value))
            else None
        )
    if isinstance(payload, type):
        return f"type {payload.__name__}"
    if isinstance(payload, ExternalName | ExternalCall | SymbolicOperation):
        from campaign.check.values.fingerprints import Unmatched, fingerprint

        try:
            return f"outside {fingerprint(payload, 0)}"
        except Unmatched:
            return None
    return None


def keyed(payload: DictObj) -> dict[str, tuple[Value, Value]] | None:
    entries: dict[str, tuple[Value, Value]] = {}
    for key, item in payload.entries.values():
        text = item_text(key.payload)
        if text is None or text in entries:
            return None
        entries[text] = (key, item)
    return entries
