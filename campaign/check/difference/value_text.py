"""A value in one line, for messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from campaign.check.values import (
    BoundMethod,
    ClassObj,
    DictObj,
    ExternalCall,
    ExternalName,
    FuncObj,
    InstObj,
    ListObj,
    Namespace,
    Nondeterministic,
    Placeholder,
    SetObj,
    SymbolicOperation,
    TupleObj,
    Unknown,
    Value,
    as_dict,
    is_constant,
)

MAX_PARTS = 6
"""Parts of a container that are written out."""


def value_text(value: Value | None, limit: int = 60) -> str:
    """A value in at most `limit` characters; empty for a value that is absent."""
    if value is None:
        return ""
    text = _text(value.payload, 3)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def int_text(number: int) -> str:
    # Python refuses to convert integers of more than 4,300 digits to decimal strings.
    return str(number) if number.bit_length() < 10_000 else hex(number)


def _text(payload: Any, depth: int) -> str:
    if isinstance(payload, int) and not isinstance(payload, bool):
        return int_text(payload)[:200]
    if is_constant(payload):
        return repr(payload)[:200]
    if isinstance(payload, type):
        return payload.__name__
    if isinstance(payload, Namespace) and isinstance(payload.holder, InstObj):
        payload = as_dict(payload)
    is_enum = isinstance(payload, InstObj) and payload.cls.kind == "enum"
    write = _enum_text if is_enum else LEAF_TEXTS.get(type(payload))
    if write is not None:
        return write(payload)
    if depth == 0:
        return "…"
    write_parts = CONTAINER_TEXTS.get(type(payload))
    kind = type(payload).__name__.lower()
    return f"a {kind}" if write_parts is None else write_parts(payload, depth - 1)


def _enum_text(payload: InstObj) -> str:
    return f"{payload.cls.name}.{payload.attrs['name'].payload}"


def _nondeterministic_text(payload: Nondeterministic) -> str:
    return f"{payload.source}, different in each run"


LEAF_TEXTS: dict[type, Callable[[Any], str]] = {
    ExternalName: lambda payload: payload.name,
    FuncObj: lambda payload: "lambda" if payload.name == "<lambda>" else f"{payload.name}()",
    ClassObj: lambda payload: f"class {payload.name}",
    Unknown: lambda payload: f"unknown ({payload.reason})",
    Nondeterministic: _nondeterministic_text,
    Placeholder: _nondeterministic_text,
}


def _joined(texts: list[str], count: int) -> str:
    return ", ".join([*texts, "…"] if count > MAX_PARTS else texts)


def _items(values: Iterable[Value], depth: int) -> str:
    values = list(values)
    return _joined([_text(value.payload, depth) for value in values[:MAX_PARTS]], len(values))


def _named(values: dict[str, Value], depth: int) -> str:
    pairs = list(values.items())[:MAX_PARTS]
    return _joined([f"{name}={_text(value.payload, depth)}" for name, value in pairs], len(values))


def _tuple_text(payload: TupleObj, depth: int) -> str:
    return f"({_items(payload.items, depth)}{',' if len(payload.items) == 1 else ''})"


def _dict_text(payload: DictObj, depth: int) -> str:
    pairs = list(payload.entries.values())[:MAX_PARTS]
    texts = [f"{_text(key.payload, depth)}: {_text(item.payload, depth)}" for key, item in pairs]
    return f"{{{_joined(texts, len(payload.entries))}}}"


def _call_text(payload: ExternalCall, depth: int) -> str:
    callee = _text(payload.callee.payload, 1).rpartition(".")[2]
    arguments = [text for text in (_items(payload.args, depth), _named(payload.kwargs, depth)) if text]
    return f"{callee}({', '.join(arguments)})"


CONTAINER_TEXTS: dict[type, Callable[[Any, int], str]] = {
    ListObj: lambda payload, depth: f"[{_items(payload.items, depth)}]",
    TupleObj: _tuple_text,
    SetObj: lambda payload, depth: f"{{{_items(payload.items.values(), depth)}}}",
    DictObj: _dict_text,
    InstObj: lambda payload, depth: f"{payload.cls.name}({_named(payload.attrs, depth)})",
    ExternalCall: _call_text,
    SymbolicOperation: lambda payload, depth: f"{payload.op}({_items(payload.operands, depth)})",
    BoundMethod: lambda payload, depth: f"bound {_text(payload.function.payload, depth)}",
}
