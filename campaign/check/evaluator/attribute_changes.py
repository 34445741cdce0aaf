"""Setting and deleting attributes."""

from __future__ import annotations

from campaign.check.evaluator.attributes import type_name
from campaign.check.evaluator.state import OPERATIONS, Args, Evaluator
from campaign.check.evaluator.symbolic import (
    branch_on_effect_failure,
    external_effect,
    external_object_effect,
    is_standard,
    refuse_callback,
)
from campaign.check.values import (
    ClassObj,
    DescriptorObj,
    DictObj,
    Effect,
    ErrorObj,
    ExternalCall,
    ExternalName,
    FuncObj,
    InstObj,
    ListObj,
    ModuleObj,
    Nondeterministic,
    Origin,
    SetObj,
    SymbolicOperation,
    TupleObj,
    Unknown,
    Value,
    directly_reachable,
    is_constant,
)
from campaign.check.values.limits import Halt


def set_attribute(evaluator: Evaluator, holder: Value, name: str, value: Value, at: Origin) -> None:
    payload = holder.payload
    value = evaluator.with_control_origin(value)
    if isinstance(payload, InstObj):
        set_instance(evaluator, holder, payload, name, value, at)
    elif isinstance(payload, ClassObj):
        if payload.kind == "enum" or payload.external:
            raise Halt(f"sets {name!r} on class {payload.name}", at, "write it in the class")
        if name.startswith("__") and name.endswith("__"):
            raise Halt(f"sets {name} of class {payload.name}", at, "write it in the class")
        payload.namespace[name] = value
        payload.version += 1
    elif isinstance(payload, ModuleObj):
        if name.startswith("__"):
            raise Halt(f"sets {name} of a module", at)
        payload.scope.vars[name] = value
    elif isinstance(payload, FuncObj):
        if name.startswith("__"):
            raise Halt(f"sets {name} of a function", at)
        payload.attrs[name] = value
        payload.version += 1
    elif isinstance(payload, ExternalCall):
        if payload.log:
            external_object_effect(evaluator, holder, "__setattr__", Args([Value(name, at), value]), at)
        else:
            for inner in directly_reachable((value,)):
                refuse_callback(inner, at)
            if evaluator.tries:
                branch_on_effect_failure(evaluator, "__setattr__", [holder, Value(name, at), value], at)
            payload.fields[name] = value
            payload.version += 1
            payload.operation_count += 1
            payload.input_versions.extend(Effect(name, None, (value,), {}, at).input_versions)
    elif isinstance(payload, ExternalName) and is_standard(payload.module):
        raise Halt(f"changes {payload.name}.{name} of the standard library", at, "leave it as it is")
    elif isinstance(payload, ExternalName):
        if evaluator.tries:
            branch_on_effect_failure(evaluator, "__setattr__", [holder, Value(name, at), value], at)
        evaluator.patched[f"{payload.name}.{name}"] = value
        evaluator.effects.append(Effect("__setattr__", holder, (Value(name, at), value), {}, at))
    elif isinstance(payload, SymbolicOperation):
        external_object_effect(evaluator, holder, "__setattr__", Args([Value(name, at), value]), at)
    elif isinstance(payload, DictObj) and not payload.is_plain:
        payload.dialect.set_attribute(evaluator, payload, name, value, at)
    elif isinstance(payload, ErrorObj):
        payload.attrs[name] = value
    elif isinstance(payload, Unknown | Nondeterministic):
        raise Halt(f"sets {name!r} on a value that cannot be known", at)
    elif is_constant(payload) or isinstance(payload, ListObj | TupleObj | SetObj | DictObj):
        raise evaluator.error(AttributeError, f"{type_name(payload)!r} object has no attribute {name!r}", at)
    else:
        raise Halt(f"sets {name!r} on {type_name(payload)}", at)


DANGEROUS = frozenset(
    {"__setattr__", "__getattribute__", "__new__", "__init_subclass__", "__set_name__", "__delattr__", "__del__",
     "__class_getitem__", "__get__", "__set__", "__delete__", "__instancecheck__", "__subclasscheck__",
     "__prepare__", "__mro_entries__", "__dir__", "__reduce__", "__reduce_ex__", "__copy__", "__deepcopy__"}
)  # fmt: skip
"""Methods that change what an attribute, a class or a copy is: a class with one of them is not followed."""


def refuse_dunder(name: str, value: Value, at: Origin) -> None:
    if name in DANGEROUS:
        raise Halt(f"defines {name}", at, "use plain attributes")


def set_instance(
    evaluator: Evaluator, holder: Value, payload: InstObj, name: str, value: Value, at: Origin
) -> None:
    found = payload.cls.find(name)
    if found is not None and isinstance(found.payload, DescriptorObj) and found.payload.kind == "property":
        if found.payload.setter is None:
            raise evaluator.error(AttributeError, f"property {name!r} has no setter", at)

        evaluator.call(found.payload.setter, Args([holder, value]), at, None)
        return
    if payload.cls.options.get("frozen"):
        if evaluator.tries:
            raise Halt("a frozen dataclass that is written to inside a try", at)
        raise evaluator.error(AttributeError, f"cannot assign to field {name!r}", at)
    if payload.cls.kind == "enum":
        raise Halt(f"sets {name!r} on a member of {payload.cls.name}", at)
    if name == "__class__" or name == "__dict__":
        raise Halt(f"sets {name}", at)
    if all("__slots__" in cls.namespace for cls in payload.cls.mro) and name not in slot_names(
        payload.cls, at
    ):
        raise evaluator.error(AttributeError, f"{payload.cls.name!r} object has no attribute {name!r}", at)
    payload.attrs[name] = value
    payload.version += 1


def slot_names(cls: ClassObj, at: Origin) -> set[str]:
    names: set[str] = set()
    for base in cls.mro:
        slots = base.namespace["__slots__"].payload
        items = [item.payload for item in slots.items] if isinstance(slots, ListObj | TupleObj) else [slots]
        if not all(isinstance(item, str) for item in items) or any(item in base.namespace for item in items):
            raise Halt("__slots__ that is not followed", at, "leave __slots__ out")
        names.update(items)
    return names


def delete_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> None:
    payload = holder.payload
    names: dict[str, Value] | None = None
    if isinstance(payload, InstObj) and not payload.cls.options.get("frozen"):
        names = payload.attrs
    elif isinstance(payload, ModuleObj):
        names = payload.scope.vars
    elif isinstance(payload, ClassObj) and payload.kind == "plain" and not payload.external:
        names = payload.namespace
    elif isinstance(payload, ExternalCall | SymbolicOperation):
        external_object_effect(evaluator, holder, "__delattr__", Args([Value(name, at)]), at)
        return
    elif isinstance(payload, ExternalName):
        external_effect(evaluator, "__delattr__", holder, Args([Value(name, at)]), at)
        return
    elif isinstance(payload, DictObj) and not payload.is_plain:
        evaluator.delete_item(holder, Value(name, at), at)
        return
    if names is None:
        raise Halt(f"deletes attribute {name!r} of {type_name(payload)}", at)
    if name not in names:
        raise evaluator.error(AttributeError, name, at)
    del names[name]
    if hasattr(payload, "version"):
        payload.version += 1


OPERATIONS.set_attribute = set_attribute
OPERATIONS.delete_attribute = delete_attribute
