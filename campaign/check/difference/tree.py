"""The configuration tree: what is in it, how it is written as JSON, how a value is shown in a line."""

from __future__ import annotations

import json
from typing import Any

from campaign.check.values import (
    BoundMethod,
    Builtin,
    ClassObj,
    DescriptorObj,
    DictObj,
    Effect,
    ErrorObj,
    ExternalCall,
    ExternalName,
    FieldObj,
    FuncObj,
    InstObj,
    IteratorObj,
    ListObj,
    ModuleObj,
    Mutable,
    Namespace,
    Nondeterministic,
    Partial,
    SetObj,
    SuperObj,
    SymbolicOperation,
    TupleObj,
    Unknown,
    Value,
    View,
    as_dict,
    is_constant,
)
from campaign.check.values.limits import Halt

FORMS = 200_000
"""Nodes of a written tree; shared objects are written each time."""


def data_attributes(cls: ClassObj) -> dict[str, Value]:
    """Attributes of a class and its bases that are data: no dunder, no function, property or method."""
    found: dict[str, Value] = {}
    for base in reversed(cls.mro):
        for name, value in base.namespace.items():
            found.pop(name, None)
            if not (name.startswith("__") and name.endswith("__")) and not is_code(value):
                found[name] = value
    for name, member in cls.members.items():
        found[name] = Value(member, member.attrs["value"].origin)
    return found


def is_code(value: Value) -> bool:
    return isinstance(value.payload, FuncObj | DescriptorObj)


def code_attributes(cls: ClassObj) -> dict[str, Value]:
    """What `data_attributes` leaves out, dunder names that hold data included."""
    found: dict[str, Value] = {}
    for base in reversed(cls.mro):
        found.update(
            {
                name: value
                for name, value in base.namespace.items()
                if is_code(value) or (name.startswith("__") and name.endswith("__") and name != "__slots__")
            }
        )
    return found


def fields_of(payload: InstObj) -> dict[str, Value]:
    fields = {
        name: value for name, value in data_attributes(payload.cls).items() if name not in payload.attrs
    }
    fields.update(payload.attrs)
    return fields


class Writer:
    """A tree as JSON-able data, in the form that `dump` documents."""

    def __init__(self) -> None:
        self.count = 0
        self.open: set[int] = set()
        self.calls = 0
        """Framework objects that the walk is in: theirs are shown as they were handed in, effects beside them."""

    def form(self, value: Value) -> Any:
        self.count += 1
        if self.count > FORMS:
            raise Halt(f"a tree of more than {FORMS:,} nodes", value.origin)
        payload = value.payload
        if is_constant(payload):
            return constant_form(payload)
        if id(payload) in self.open:
            return {"$cycle": True}
        if isinstance(payload, Mutable) and payload.escaped_to and not self.calls:
            return {"$unknown": f"given to {payload.escaped_to}, which may have changed it"}
        self.open.add(id(payload))
        self.calls += isinstance(payload, ExternalCall)
        try:
            return self.object_form(payload)
        finally:
            self.calls -= isinstance(payload, ExternalCall)
            self.open.discard(id(payload))

    def object_form(self, payload: Any) -> Any:
        if isinstance(payload, ListObj):
            return [self.form(item) for item in payload.items]
        if isinstance(payload, TupleObj):
            return self.tuple_form(payload)
        if isinstance(payload, SetObj):
            items = sorted((self.form(item) for item in payload.items.values()), key=json.dumps)
            return {"$frozenset" if payload.frozen else "$set": items}
        if isinstance(payload, Namespace) and isinstance(payload.holder, InstObj):
            payload = as_dict(payload)
        if isinstance(payload, DictObj):
            pairs = [[self.form(key), self.form(item)] for key, item in payload.entries.values()]
            return {"$dict": sorted(pairs, key=lambda pair: json.dumps(pair[0]))}
        if isinstance(payload, InstObj):
            return self.instance_form(payload)
        if isinstance(payload, ClassObj):
            return {"$class": payload.qualname, "fields": self.named(data_attributes(payload))}
        if isinstance(payload, FuncObj):
            return {"$function": payload.name}
        if isinstance(payload, ModuleObj):
            return {"$module": payload.name}
        if isinstance(payload, ExternalName):
            return {"$ref": payload.name}
        if isinstance(payload, type):
            return {"$class": payload.__name__, "fields": {}}
        if isinstance(payload, ExternalCall):
            return self.call_form(payload)
        if isinstance(payload, Partial):
            args = [self.form(payload.function), *(self.form(item) for item in payload.args)]
            return {"$call": "functools.partial", "args": args, "kwargs": self.named(payload.kwargs)}
        if isinstance(payload, SymbolicOperation):
            return {"$term": payload.op, "operands": [self.form(item) for item in payload.operands]}
        return self.other_form(payload)

    def other_form(self, payload: Any) -> Any:
        if isinstance(payload, Unknown):
            return {"$unknown": payload.reason}
        if isinstance(payload, Nondeterministic):
            return {"$nondeterministic": payload.source}
        if isinstance(payload, Builtin):
            return {"$function": payload.name}
        if isinstance(payload, BoundMethod):
            return {"$bound": self.form(payload.function), "to": self.form(payload.receiver)}
        if isinstance(payload, View):
            return {f"$dict_{payload.kind}": [self.form(item) for _, item in payload.holder.entries.values()]}
        if isinstance(payload, DescriptorObj):
            return {f"${payload.kind}": self.form(payload.function)}
        return {"$unknown": f"a {type(payload).__name__.lower()}"}

    def tuple_form(self, payload: TupleObj) -> Any:
        if payload.cls is None:
            return {"$tuple": [self.form(item) for item in payload.items]}
        names = [field.name for field in payload.cls.fields]
        fields = {name: self.form(item) for name, item in zip(names, payload.items, strict=True)}
        return {"$tuple": None, "$type": payload.cls.qualname, "fields": fields}

    def instance_form(self, payload: InstObj) -> Any:
        if payload.cls.kind == "enum":
            member = f"{payload.cls.qualname}.{payload.attrs['name'].payload}"
            return {"$enum": member, "value": self.form(payload.attrs["value"])}
        return {"$object": payload.cls.qualname, "fields": self.named(fields_of(payload))}

    def call_form(self, payload: ExternalCall) -> Any:
        callee = payload.callee.payload
        name = callee.name if isinstance(callee, ExternalName) else self.form(payload.callee)
        form: dict[str, Any] = {"$call": name, "args": [self.form(item) for item in payload.args]}
        form["kwargs"] = self.named(payload.kwargs)
        if payload.fields:
            form["fields"] = self.named(payload.fields)
        if payload.log:
            form["effects"] = [self.effect_form(effect) for effect in payload.log]
        return form

    def effect_form(self, effect: Effect) -> list[Any]:
        return [effect.name, [self.form(item) for item in effect.args], self.named(effect.kwargs)]

    def named(self, values: dict[str, Value]) -> dict[str, Any]:
        return {name: self.form(values[name]) for name in sorted(values)}


def constant_form(payload: Any) -> Any:
    if payload is None or isinstance(payload, bool | str):
        return payload
    if isinstance(payload, int):
        return {"$int": int_text(payload)}
    if isinstance(payload, float):
        return {"$float": repr(payload)}
    if isinstance(payload, complex):
        return {"$complex": repr(payload)}
    if isinstance(payload, bytes):
        return {"$bytes": payload.hex()}
    if isinstance(payload, range):
        return {"$range": [payload.start, payload.stop, payload.step]}
    if isinstance(payload, slice):
        return {"$slice": [payload.start, payload.stop, payload.step]}
    return {"$ellipsis": True}


def int_text(payload: int) -> str:
    return str(payload) if payload.bit_length() < 10_000 else hex(payload)


def tree_form(roots: dict[str, Value], single: bool) -> Any:
    writer = Writer()
    if single:
        return writer.form(next(iter(roots.values())))
    return {"$names": {name: writer.form(roots[name]) for name in sorted(roots)}}


def show(value: Value | None, limit: int = 60) -> str:
    """A value in a line."""
    if value is None:
        return ""
    text = _shown(value.payload, 3)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _shown(payload: Any, depth: int) -> str:
    if isinstance(payload, int) and not isinstance(payload, bool):
        return int_text(payload)[:200]
    if is_constant(payload):
        return repr(payload)[:200]
    if isinstance(payload, ExternalName):
        return payload.name
    if isinstance(payload, type):
        return payload.__name__
    if isinstance(payload, FuncObj):
        return f"{payload.name}()" if payload.name != "<lambda>" else "lambda"
    if isinstance(payload, ClassObj):
        return f"class {payload.name}"
    if isinstance(payload, Unknown):
        return f"unknown ({payload.reason})"
    if isinstance(payload, Nondeterministic):
        return f"{payload.source}, different in each run"
    if isinstance(payload, InstObj) and payload.cls.kind == "enum":
        return f"{payload.cls.name}.{payload.attrs['name'].payload}"
    if depth == 0:
        return "…"
    return _shown_container(payload, depth - 1)


def _shown_container(payload: Any, depth: int) -> str:
    def inner(values: list[Value]) -> str:
        parts = [_shown(value.payload, depth) for value in values[:6]]
        return ", ".join(parts + (["…"] if len(values) > 6 else []))

    def named(values: dict[str, Value]) -> str:
        parts = [f"{name}={_shown(value.payload, depth)}" for name, value in list(values.items())[:6]]
        return ", ".join(parts + (["…"] if len(values) > 6 else []))

    if isinstance(payload, ListObj):
        return f"[{inner(payload.items)}]"
    if isinstance(payload, TupleObj):
        return f"({inner(list(payload.items))}{',' if len(payload.items) == 1 else ''})"
    if isinstance(payload, SetObj):
        return f"{{{inner(list(payload.items.values()))}}}"
    if isinstance(payload, Namespace) and isinstance(payload.holder, InstObj):
        payload = as_dict(payload)
    if isinstance(payload, DictObj):
        pairs = [
            f"{_shown(key.payload, depth)}: {_shown(item.payload, depth)}"
            for key, item in list(payload.entries.values())[:6]
        ]
        return "{" + ", ".join(pairs + (["…"] if len(payload.entries) > 6 else [])) + "}"
    if isinstance(payload, InstObj):
        return f"{payload.cls.name}({named(payload.attrs)})"
    if isinstance(payload, ExternalCall):
        callee = _shown(payload.callee.payload, 1).rpartition(".")[2]
        parts = [text for text in (inner(list(payload.args)), named(payload.kwargs)) if text]
        return f"{callee}({', '.join(parts)})"
    if isinstance(payload, SymbolicOperation):
        return f"{payload.op}({inner(list(payload.operands))})"
    if isinstance(payload, BoundMethod):
        return f"bound {_shown(payload.function.payload, depth)}"
    return f"a {type(payload).__name__.lower()}"


__all__ = [
    "ErrorObj", "FieldObj", "IteratorObj", "Namespace", "SuperObj", "data_attributes", "fields_of", "show", "tree_form",
]  # fmt: skip
