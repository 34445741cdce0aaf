"""Setting and deleting attributes."""

from __future__ import annotations

from campaign.check.evaluator.attributes import is_property
from campaign.check.evaluator.dispatch import DELETE_ATTRIBUTE, SET_ATTRIBUTE
from campaign.check.evaluator.effects import (
    branch_on_effect_failure,
    external_effect,
    external_object_effect,
)
from campaign.check.evaluator.escapes import refuse_callback
from campaign.check.evaluator.external_names import is_standard
from campaign.check.evaluator.state import Args, Evaluator
from campaign.check.evaluator.type_tests import type_name
from campaign.check.values import (
    ClassObj,
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
    input_versions,
    is_constant,
)
from campaign.check.values.limits import Halt

IN_THE_CLASS = "write it in the class"


def _set_of_builtin(evaluator: Evaluator, holder: Value, name: str, value: Value, at: Origin) -> None:
    payload = holder.payload
    if is_constant(payload) or isinstance(payload, ListObj | TupleObj | SetObj):
        raise evaluator.error(AttributeError, f"{type_name(payload)!r} object has no attribute {name!r}", at)
    reason = f"the code sets {name!r} of a {type_name(payload)}, which is not modelled"
    raise Halt(reason, at, "set it on an instance of a class of the configuration")


def _set_of_class(evaluator: Evaluator, holder: Value, name: str, value: Value, at: Origin) -> None:
    payload: ClassObj = holder.payload
    # A metaclass may convert the value, and special methods change what the instances do.
    if payload.kind == "enum" or payload.external or _is_special(name):
        raise Halt(f"the code sets {name!r} on class {payload.name}, which is not modelled", at, IN_THE_CLASS)
    payload.namespace[name] = value
    payload.version += 1


def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _set_of_module(evaluator: Evaluator, holder: Value, name: str, value: Value, at: Origin) -> None:
    # The import system reads the special names of a module, `__path__` for example.
    if name.startswith("__"):
        raise Halt(
            f"the code sets {name} of a module, which is not modelled", at, "use a name without underscores"
        )
    holder.payload.scope.vars[name] = value


def _set_of_function(evaluator: Evaluator, holder: Value, name: str, value: Value, at: Origin) -> None:
    # `__defaults__`, `__code__` and their like change what the function does.
    if name.startswith("__"):
        raise Halt(
            f"the code sets {name} of a function, which is not modelled", at, "use a name without underscores"
        )
    holder.payload.attrs[name] = value
    holder.payload.version += 1


def _set_of_external_call(evaluator: Evaluator, holder: Value, name: str, value: Value, at: Origin) -> None:
    payload: ExternalCall = holder.payload
    if payload.log:
        # After a method call the order of the two matters, so the assignment is recorded among the effects.
        external_object_effect(evaluator, holder, "__setattr__", Args([Value(name, at), value]), at)
        return
    for inner in directly_reachable((value,)):
        refuse_callback(inner, at)
    if evaluator.tries:  # the class may have a `__setattr__` or a property that raises
        branch_on_effect_failure(evaluator, "__setattr__", [holder, Value(name, at), value], at)
    payload.fields[name] = value
    payload.version += 1
    payload.operation_count += 1
    # The object now holds the value too: a later change of it is a change of the object.
    payload.input_versions.extend(input_versions((value,), {}))


def _set_of_external_name(evaluator: Evaluator, holder: Value, name: str, value: Value, at: Origin) -> None:
    payload: ExternalName = holder.payload
    if is_standard(payload.module):
        # The models of the standard library hold for the library as it is shipped.
        raise Halt(
            f"the code changes {payload.name}.{name} of the standard library", at, "leave it unchanged"
        )
    if evaluator.tries:
        branch_on_effect_failure(evaluator, "__setattr__", [holder, Value(name, at), value], at)
    # Both records are needed: later reads in the files get the value, and external code sees it as an effect.
    evaluator.patched[f"{payload.name}.{name}"] = value
    evaluator.effects.append(Effect("__setattr__", holder, (Value(name, at), value), {}, at))


def _set_of_operation(evaluator: Evaluator, holder: Value, name: str, value: Value, at: Origin) -> None:
    external_object_effect(evaluator, holder, "__setattr__", Args([Value(name, at), value]), at)


def _set_of_dict(evaluator: Evaluator, holder: Value, name: str, value: Value, at: Origin) -> None:
    holder.payload.dialect.set_attribute(evaluator, holder.payload, name, value, at)


def _set_of_error(evaluator: Evaluator, holder: Value, name: str, value: Value, at: Origin) -> None:
    holder.payload.attrs[name] = value


def _refuse(evaluator: Evaluator, holder: Value, name: str, value: Value, at: Origin) -> None:
    raise Halt(f"the code sets {name!r} on an unknown value", at, "set it in the configuration")


DANGEROUS = frozenset(
    {"__setattr__", "__getattribute__", "__new__", "__init_subclass__", "__set_name__", "__delattr__", "__del__",
     "__class_getitem__", "__get__", "__set__", "__delete__", "__instancecheck__", "__subclasscheck__",
     "__prepare__", "__mro_entries__", "__dir__", "__reduce__", "__reduce_ex__", "__copy__", "__deepcopy__"}
)  # fmt: skip
"""Methods that change what an attribute, a class or a copy is."""
# No evaluated class has one of these methods, which is why attributes can be looked up in `cls.namespace` and `attrs`
# directly, and why instances can be copied attribute by attribute.


def refuse_dunder(name: str, value: Value, at: Origin) -> None:
    if name in DANGEROUS:
        raise Halt(f"the class defines {name}, which is not modelled", at, "use plain attributes")


def set_instance(evaluator: Evaluator, holder: Value, name: str, value: Value, at: Origin) -> None:
    payload: InstObj = holder.payload
    cls = payload.cls
    found = cls.find(name)
    # A property is a data descriptor: it takes precedence over the attributes of the instance.
    if is_property(found):
        if found.payload.setter is None:
            raise evaluator.error(AttributeError, f"property {name!r} has no setter", at)
        evaluator.call(found.payload.setter, Args([holder, value]), at, None)
        return
    _refuse_assignment(evaluator, cls, name, at)
    payload.attrs[name] = value
    payload.version += 1


def _refuse_assignment(evaluator: Evaluator, cls: ClassObj, name: str, at: Origin) -> None:
    """Raises where Python raises for an assignment to an attribute of an instance, or where it is not modelled."""
    if cls.options.get("frozen"):
        if evaluator.tries:  # FrozenInstanceError is a separate class, which a handler may name
            raise Halt("the code writes to a frozen dataclass inside a try", at, "use dataclasses.replace()")
        raise evaluator.error(AttributeError, f"cannot assign to field {name!r}", at)
    if cls.kind == "enum":
        raise Halt(f"the code sets {name!r} on a member of enum {cls.name}", at, IN_THE_CLASS)
    if name in ("__class__", "__dict__"):
        raise Halt(f"the code sets {name}, which is not modelled", at, "set the attributes one by one")
    # Instances have a `__dict__`, which takes any name, as soon as one class of the hierarchy has no `__slots__`.
    if all("__slots__" in base.namespace for base in cls.mro) and name not in slot_names(cls, at):
        raise evaluator.error(AttributeError, f"{cls.name!r} object has no attribute {name!r}", at)


def slot_names(cls: ClassObj, at: Origin) -> set[str]:
    names: set[str] = set()
    for base in cls.mro:
        slots = base.namespace["__slots__"].payload
        # A name in both is a ValueError in Python; a single string is one name, not a sequence of letters.
        items = [item.payload for item in slots.items] if isinstance(slots, ListObj | TupleObj) else [slots]
        if not all(isinstance(item, str) for item in items) or any(item in base.namespace for item in items):
            raise Halt(f"the __slots__ of {base.name} are not modelled", at, "leave __slots__ out")
        names.update(items)
    return names


SET_ATTRIBUTE.update(
    {
        InstObj: set_instance, ClassObj: _set_of_class, ModuleObj: _set_of_module, FuncObj: _set_of_function,
        ExternalCall: _set_of_external_call, ExternalName: _set_of_external_name, SymbolicOperation: _set_of_operation,
        DictObj: _set_of_dict, ErrorObj: _set_of_error, Unknown: _refuse, Nondeterministic: _refuse,
        object: _set_of_builtin,
    }
)  # fmt: skip


def _delete_of_external(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> None:
    external_object_effect(evaluator, holder, "__delattr__", Args([Value(name, at)]), at)


def _delete_of_external_name(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> None:
    external_effect(evaluator, "__delattr__", holder, Args([Value(name, at)]), at)


def _delete_of_dict(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> None:
    if holder.payload.is_plain:
        _refuse_deletion(evaluator, holder, name, at)
    evaluator.delete_item(holder, Value(name, at), at)


def _delete_of_instance(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> None:
    payload: InstObj = holder.payload
    # A frozen dataclass has a `__delattr__` that raises FrozenInstanceError.
    if payload.cls.options.get("frozen"):
        _refuse_deletion(evaluator, holder, name, at)
    _delete(evaluator, payload.attrs, name, at)
    payload.version += 1


def _delete_of_class(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> None:
    payload: ClassObj = holder.payload
    if payload.kind != "plain" or payload.external:
        _refuse_deletion(evaluator, holder, name, at)
    _delete(evaluator, payload.namespace, name, at)
    payload.version += 1


def _delete_of_module(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> None:
    _delete(evaluator, holder.payload.scope.vars, name, at)


def _delete(evaluator: Evaluator, names: dict[str, Value], name: str, at: Origin) -> None:
    # `del` removes the attribute of this very object: one that a class defines does not count.
    if name not in names:
        raise evaluator.error(AttributeError, name, at)
    del names[name]


def _refuse_deletion(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> None:
    reason = f"the code deletes attribute {name!r} of a {type_name(holder.payload)}, which is not modelled"
    raise Halt(reason, at, "leave the attribute out in the first place")


DELETE_ATTRIBUTE.update(
    {
        ExternalCall: _delete_of_external, SymbolicOperation: _delete_of_external,
        ExternalName: _delete_of_external_name, DictObj: _delete_of_dict, InstObj: _delete_of_instance,
        ClassObj: _delete_of_class, ModuleObj: _delete_of_module, object: _refuse_deletion,
    }
)  # fmt: skip
