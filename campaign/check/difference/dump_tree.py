"""The configuration tree as JSON data, in the form that `campaign.check.proof.dump` documents."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from campaign.check.difference.class_members import data_attributes, instance_fields
from campaign.check.difference.value_text import int_text
from campaign.check.values import (
    BoundMethod,
    Builtin,
    ClassObj,
    DescriptorObj,
    DictObj,
    Effect,
    ExternalCall,
    ExternalName,
    FuncObj,
    InstObj,
    ListObj,
    ModuleObj,
    Mutable,
    Namespace,
    Nondeterministic,
    Partial,
    Placeholder,
    SetObj,
    SymbolicOperation,
    TupleObj,
    Unknown,
    Value,
    View,
    as_dict,
    is_constant,
)
from campaign.check.values.limits import Halt

MAX_NODES = 200_000
"""Nodes of a dumped tree; a shared object counts each time."""


class Writer:
    """Writes values as JSON data; one for each tree, because it counts the nodes."""

    def __init__(self) -> None:
        self.count = 0
        self.open: set[int] = set()
        self.external_calls = 0
        """External calls that enclose the current value."""

    def form(self, value: Value) -> Any:
        self.count += 1
        if self.count > MAX_NODES:
            raise Halt(
                f"the tree has more than {MAX_NODES:,} nodes", value.origin, "keep the configuration smaller"
            )
        payload = value.payload
        if is_constant(payload):
            return CONSTANT_FORMS[type(payload)](payload)
        # Only an enclosing object makes a cycle; one that merely occurs twice is written twice.
        if id(payload) in self.open:
            return {"$cycle": True}
        # An argument of an external call is written as it was passed, with the effects on the call beside it. The same
        # object elsewhere in the tree is the changed one, whose state is not known.
        if isinstance(payload, Mutable) and payload.escaped_to and not self.external_calls:
            return {"$unknown": f"the object was passed to {payload.escaped_to}, which may have changed it"}
        self.open.add(id(payload))
        self.external_calls += isinstance(payload, ExternalCall)
        try:
            return self.object_form(payload)
        finally:
            self.external_calls -= isinstance(payload, ExternalCall)
            self.open.discard(id(payload))

    def object_form(self, payload: Any) -> Any:
        if isinstance(payload, type):
            return {"$class": payload.__name__, "fields": {}}
        if isinstance(payload, Namespace) and isinstance(payload.holder, InstObj):
            payload = as_dict(payload)
        write = FORMS.get(type(payload))
        return {"$unknown": f"a {type(payload).__name__.lower()}"} if write is None else write(self, payload)

    def items(self, values: Any) -> list[Any]:
        return [self.form(value) for value in values]

    def sorted_items(self, payload: SetObj) -> list[Any]:
        return sorted(self.items(payload.items.values()), key=json.dumps)

    def dict_form(self, payload: DictObj) -> Any:
        # JSON objects have strings as keys, and Python dicts have any: pairs keep the types of the keys.
        pairs = [[self.form(key), self.form(item)] for key, item in payload.entries.values()]
        return {"$dict": sorted(pairs, key=lambda pair: json.dumps(pair[0]))}

    def partial_form(self, payload: Partial) -> Any:
        args = self.items([payload.function, *payload.args])
        return {"$call": "functools.partial", "args": args, "kwargs": self.forms_by_name(payload.kwargs)}

    def tuple_form(self, payload: TupleObj) -> Any:
        if payload.cls is None:
            return {"$tuple": self.items(payload.items)}
        names = [field.name for field in payload.cls.fields]
        fields = {name: self.form(item) for name, item in zip(names, payload.items, strict=True)}
        return {"$tuple": None, "$type": payload.cls.qualname, "fields": fields}

    def instance_form(self, payload: InstObj) -> Any:
        if payload.cls.kind == "enum":
            member = f"{payload.cls.qualname}.{payload.attrs['name'].payload}"
            return {"$enum": member, "value": self.form(payload.attrs["value"])}
        return {"$object": payload.cls.qualname, "fields": self.forms_by_name(instance_fields(payload))}

    def call_form(self, payload: ExternalCall) -> Any:
        callee = payload.callee.payload
        name = callee.name if isinstance(callee, ExternalName) else self.form(payload.callee)
        form: dict[str, Any] = {"$call": name, "args": self.items(payload.args)}
        form["kwargs"] = self.forms_by_name(payload.kwargs)
        if payload.fields:
            form["fields"] = self.forms_by_name(payload.fields)
        if payload.log:
            form["effects"] = [self.effect_form(effect) for effect in payload.log]
        return form

    def effect_form(self, effect: Effect) -> list[Any]:
        return [effect.name, self.items(effect.args), self.forms_by_name(effect.kwargs)]

    def forms_by_name(self, values: dict[str, Value]) -> dict[str, Any]:
        return {name: self.form(values[name]) for name in sorted(values)}


CONSTANT_FORMS: dict[type, Callable[[Any], Any]] = {
    **dict.fromkeys((type(None), bool, str), lambda payload: payload),
    int: lambda payload: {"$int": int_text(payload)},
    float: lambda payload: {"$float": repr(payload)},
    complex: lambda payload: {"$complex": repr(payload)},
    bytes: lambda payload: {"$bytes": payload.hex()},
    range: lambda payload: {"$range": [payload.start, payload.stop, payload.step]},
    slice: lambda payload: {"$slice": [payload.start, payload.stop, payload.step]},
    type(...): lambda payload: {"$ellipsis": True},
}
FORMS: dict[type, Callable[[Writer, Any], Any]] = {
    ListObj: lambda writer, payload: writer.items(payload.items),
    TupleObj: Writer.tuple_form,
    SetObj: lambda writer, p: {"$frozenset" if p.frozen else "$set": writer.sorted_items(p)},
    DictObj: Writer.dict_form,
    InstObj: Writer.instance_form,
    ClassObj: lambda writer, p: {"$class": p.qualname, "fields": writer.forms_by_name(data_attributes(p))},
    FuncObj: lambda writer, payload: {"$function": payload.name},
    ModuleObj: lambda writer, payload: {"$module": payload.name},
    ExternalName: lambda writer, payload: {"$ref": payload.name},
    ExternalCall: Writer.call_form,
    Partial: Writer.partial_form,
    SymbolicOperation: lambda writer, p: {"$term": p.op, "operands": writer.items(p.operands)},
    Unknown: lambda writer, payload: {"$unknown": payload.reason},
    Nondeterministic: lambda writer, payload: {"$nondeterministic": payload.source},
    Placeholder: lambda writer, payload: {"$nondeterministic": payload.source},
    Builtin: lambda writer, payload: {"$function": payload.name},
    BoundMethod: lambda writer, p: {"$bound": writer.form(p.function), "to": writer.form(p.receiver)},
    View: lambda writer, p: {f"$dict_{p.kind}": writer.items(item for _, item in p.holder.entries.values())},
    DescriptorObj: lambda writer, payload: {f"${payload.kind}": writer.form(payload.function)},
}


def dump_tree(roots: dict[str, Value], single: bool, writer: type[Writer] = Writer) -> Any:
    """The tree of the only root, or of all roots by name, as a new `writer` writes it."""
    written = writer()
    if single:
        return written.form(next(iter(roots.values())))
    return {"$names": written.forms_by_name(roots)}
