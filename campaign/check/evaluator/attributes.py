"""Reading, setting and deleting attributes."""

from __future__ import annotations

from typing import Any

from campaign.check.evaluator.dispatch import ATTRIBUTES
from campaign.check.evaluator.imports import load_submodule
from campaign.check.evaluator.state import (
    OPERATIONS,
    Args,
    Evaluator,
    Site,
    external_constant,
    is_modelled,
)
from campaign.check.evaluator.symbolic import branch_on_failure, refuse_name, symbolic
from campaign.check.values import (
    BoundMethod,
    Builtin,
    ClassObj,
    DescriptorObj,
    DictObj,
    ErrorObj,
    ExternalCall,
    ExternalName,
    FuncObj,
    InstObj,
    ListObj,
    ModuleObj,
    Namespace,
    Nondeterministic,
    Origin,
    Partial,
    SetObj,
    SymbolicOperation,
    TupleObj,
    Unknown,
    Value,
    is_constant,
    propagate_unknown,
)
from campaign.check.values.limits import Halt


def type_name(payload: Any) -> str:
    names = {ListObj: "list", DictObj: "dict", TupleObj: "tuple", FuncObj: "function", ModuleObj: "module"}
    if isinstance(payload, SetObj):
        return "frozenset" if payload.frozen else "set"
    if isinstance(payload, InstObj):
        return payload.cls.name
    return names.get(type(payload), type(payload).__name__)


def type_of(evaluator: Evaluator, value: Value, at: Origin) -> Value:
    payload = value.payload
    if is_constant(payload):
        return Value(type(payload), at)
    if isinstance(payload, InstObj):
        return Value(payload.cls, at)
    if isinstance(payload, TupleObj) and payload.cls is not None:
        return Value(payload.cls, at)
    kinds: dict[Any, Any] = {ListObj: list, TupleObj: tuple}
    real = kinds.get(type(payload))
    if isinstance(payload, SetObj):
        real = frozenset if payload.frozen else set
    if isinstance(payload, DictObj) and payload.is_plain:
        real = dict
    if isinstance(payload, ClassObj | type):
        real = type
    if isinstance(payload, ErrorObj) and payload.type is not None:
        return Value(payload.type, at)
    if real is not None:
        return Value(real, at)
    return symbolic(evaluator, "type", at, value)


def module_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    payload: ModuleObj = holder.payload
    found = payload.scope.vars.get(name)
    if found is not None:
        return found
    if name == "__dict__":
        return Value(Namespace(payload.scope.vars, payload), at)
    inner = load_submodule(evaluator, payload, name, at)
    if inner is not None:
        raise Halt(f"submodule {name!r} of {payload.name} is used without being imported", at, "import it")
    getter = payload.scope.vars.get("__getattr__")
    if getter is not None:
        raise Halt(f"module {payload.name} has its own __getattr__", at)
    if name.startswith("__"):
        raise Halt(f"attribute {name!r} of a module is not followed", at)
    raise evaluator.error(AttributeError, f"module {payload.name!r} has no attribute {name!r}", at)


def external_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    payload: ExternalName = holder.payload
    full = f"{payload.name}.{name}"
    refuse_name(full, at)
    if full in evaluator.patched:
        return evaluator.patched[full]
    known = external_constant(full, at)
    if known is not None:
        return known
    result = Value(ExternalName(full, payload.module, len(evaluator.effects)), at)
    if evaluator.tries and not is_modelled(full):
        branch_on_failure(evaluator, result, at)  # another version of the framework may not have it
    return result


def external_call_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    """Fields set later, then keywords (constructors keep them), then a term."""
    payload: ExternalCall = holder.payload
    if payload.log:
        return symbolic(evaluator, f".{name}", at, holder)
    if name in payload.fields:
        return payload.fields[name]
    callee = payload.callee.payload
    constructs = isinstance(callee, ClassObj) or (
        isinstance(callee, ExternalName) and last_part(callee.name)[:1].isupper()
    )
    if name in payload.kwargs and constructs:
        return payload.kwargs[name]
    return symbolic(evaluator, f".{name}", at, holder)


def last_part(name: str) -> str:
    return name.rpartition(".")[2].lstrip("_")


def instance_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    payload: InstObj = holder.payload
    found = payload.cls.find(name)
    if found is not None and isinstance(found.payload, DescriptorObj) and found.payload.kind == "property":
        return evaluator.call(found.payload.function, Args([holder]), at, None)
    if name in payload.attrs:
        return payload.attrs[name]
    if found is not None:
        return bind_member(evaluator, found, holder, payload.cls, at)
    if name == "__class__":
        return Value(payload.cls, at)
    if name == "__dict__":
        return own_names(payload, at)
    if name == "__setattr__":
        return Value(Builtin("object.__setattr__", object_setattr, holder), at)
    if payload.cls.kind == "enum" and name in ("_value_", "_name_"):
        return payload.attrs[name.strip("_")]
    getter = payload.cls.find("__getattr__")
    if getter is not None:
        return evaluator.call(getter, Args([holder, Value(name, at)]), at, None)
    if (
        (name.startswith("__") and hasattr(object, name))
        or payload.cls.kind == "enum"
        or payload.cls.external
    ):
        raise Halt(f"attribute {name!r} of an instance of {payload.cls.name} is not followed", at)
    raise evaluator.error(AttributeError, f"{payload.cls.name!r} object has no attribute {name!r}", at)


def own_names(payload: InstObj, at: Origin) -> Value:
    """`vars(x)`, `x.__dict__`."""
    if any("__slots__" in cls.namespace for cls in payload.cls.mro):
        raise Halt(f"looks at the names of an instance of {payload.cls.name}, which has slots", at)
    return Value(Namespace(payload.attrs, payload), at)


def object_setattr(evaluator: Evaluator, args: Args, site: Site) -> Value:
    receiver, name, value = args.positional
    assert isinstance(receiver.payload, InstObj)
    receiver.payload.attrs[name.payload] = evaluator.with_control_origin(value)
    receiver.payload.version += 1
    return Value(None, site.at)


def bind_member(evaluator: Evaluator, found: Value, holder: Value, cls: ClassObj, at: Origin) -> Value:
    """What a class attribute is when read through an instance."""
    payload = found.payload
    if isinstance(payload, FuncObj | Partial) and not isinstance(payload, Partial):
        return Value(BoundMethod(found, holder), at)
    if isinstance(payload, DescriptorObj):
        if payload.kind == "staticmethod":
            return payload.function
        if payload.kind == "classmethod":
            return Value(BoundMethod(payload.function, Value(cls, at)), at)
    if isinstance(payload, InstObj) and payload.cls.find("__get__") is not None:
        raise Halt(f"a descriptor ({payload.cls.name})", at, "use a plain attribute")
    if isinstance(payload, ExternalCall):
        raise Halt("a class attribute from outside, read through an instance, may be a descriptor", at)
    return found


def class_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    payload: ClassObj = holder.payload
    if payload.kind == "enum" and name in payload.members:
        return Value(payload.members[name], at)
    found = payload.find(name)
    if found is not None:
        if isinstance(found.payload, DescriptorObj):
            if found.payload.kind == "staticmethod":
                return found.payload.function
            if found.payload.kind == "classmethod":
                return Value(BoundMethod(found.payload.function, holder), at)
        if isinstance(found.payload, InstObj) and found.payload.cls.find("__get__") is not None:
            raise Halt(f"a descriptor ({found.payload.cls.name})", at, "use a plain attribute")
        return found
    special = _class_special(evaluator, payload, name, at)
    if special is not None:
        return special
    if payload.external:
        return symbolic(evaluator, f".{name}", at, holder)
    if payload.builtin is not None and hasattr(payload.builtin, name):
        raise Halt(f"attribute {name!r} of {payload.name} is not followed", at)
    if hasattr(object, name) or any("__slots__" in cls.namespace for cls in payload.mro):
        raise Halt(f"attribute {name!r} of a class is not followed", at)
    if name.startswith("__") or payload.kind != "plain":
        raise Halt(f"attribute {name!r} of class {payload.name} is not followed", at)
    raise evaluator.error(AttributeError, f"type object {payload.name!r} has no attribute {name!r}", at)


def _class_special(evaluator: Evaluator, payload: ClassObj, name: str, at: Origin) -> Value | None:
    if name == "__name__":
        return Value(payload.name, at)
    if name == "__qualname__":
        return Value(payload.qualname, at)
    if name == "__module__":
        return payload.module.scope.vars["__name__"]
    if name == "__dict__":
        return Value(Namespace(payload.namespace, payload), at)
    if name in ("__mro__", "__bases__"):
        raise Halt(f"{name} is not followed", at)
    if name == "__members__" and payload.kind == "enum":
        entries: dict[Any, tuple[Value, Value]] = {
            key: (Value(key, at), Value(member, at)) for key, member in payload.members.items()
        }
        return Value(DictObj(entries), at)
    if name == "_make" and payload.kind == "namedtuple":
        raise Halt("_make is not followed", at)
    return None


def function_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    payload: FuncObj = holder.payload
    if name in payload.attrs:
        return payload.attrs[name]
    if name == "__name__":
        return Value(payload.name, at)
    if name == "__qualname__":
        return Value(payload.qualname, at)
    if name == "__module__":
        return payload.module.scope.vars["__name__"]
    if name == "__wrapped__":
        raise evaluator.error(AttributeError, "'function' object has no attribute '__wrapped__'", at)
    if name.startswith("__"):
        raise Halt(f"attribute {name!r} of a function is not followed", at)
    raise evaluator.error(AttributeError, f"'function' object has no attribute {name!r}", at)


def _named_tuple_attribute(
    evaluator: Evaluator, holder: Value, payload: TupleObj, name: str, at: Origin
) -> Value | None:
    cls = payload.cls
    assert cls is not None
    names = [field.name for field in cls.fields]
    if name in names:
        return payload.items[names.index(name)]
    if name == "_fields":
        return Value(TupleObj(tuple(Value(field, at) for field in names)), at)
    if name == "_asdict":
        entries: dict[Any, tuple[Value, Value]] = {
            field: (Value(field, at), item) for field, item in zip(names, payload.items, strict=True)
        }
        return Value(Builtin("_asdict", lambda m, a, s: Value(DictObj(dict(entries)), s.at)), at)
    if name == "_replace":
        return Value(Builtin("_replace", _replace_named, holder), at)
    found = cls.find(name)
    if found is not None:
        if isinstance(found.payload, DescriptorObj) and found.payload.kind == "property":
            return evaluator.call(found.payload.function, Args([holder]), at, None)
        return bind_member(evaluator, found, holder, cls, at)
    return None


def _replace_named(evaluator: Evaluator, args: Args, site: Site) -> Value:
    payload = args.positional[0].payload
    assert isinstance(payload, TupleObj)
    assert payload.cls is not None
    names = [field.name for field in payload.cls.fields]
    unexpected = [name for name in args.keywords if name not in names]
    if unexpected:
        raise evaluator.error(ValueError, f"unexpected field names: {unexpected}", site.at)
    items = tuple(args.keywords.get(name, old) for name, old in zip(names, payload.items, strict=True))
    return Value(TupleObj(items, payload.cls), site.at)


def error_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    payload: ErrorObj = holder.payload
    if name in payload.attrs:
        return payload.attrs[name]
    if name == "args" and payload.type is not None:
        return Value(TupleObj(payload.args), at)
    raise Halt(f"attribute {name!r} of an exception is not followed", at)


def partial_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    payload: Partial = holder.payload
    if name == "func":
        return payload.function
    if name == "args":
        return Value(TupleObj(payload.args), at)
    if name == "keywords":
        return Value(DictObj({key: (Value(key, at), item) for key, item in payload.kwargs.items()}), at)
    raise Halt(f"attribute {name!r} of functools.partial is not followed", at)


def property_decorator(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    """`@x.setter` and its like."""
    payload: DescriptorObj = holder.payload
    if payload.kind == "property" and name == "setter":
        return Value(
            Builtin(
                "setter",
                lambda m, a, s: Value(DescriptorObj("property", payload.function, a.positional[0]), s.at),
            ),
            at,
        )
    raise Halt(f"{payload.kind}.{name} is not followed", at)


def symbolic_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    return symbolic(evaluator, f".{name}", at, holder)


def unknown_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    return Value(propagate_unknown(holder.payload), at)


def bound_method_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    payload: BoundMethod = holder.payload
    return evaluator.get_attribute(payload.function, name, at)


def dict_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    payload: DictObj = holder.payload
    found = payload.dialect.get_attribute(evaluator, holder, name, at)
    return OPERATIONS.builtin_attribute(evaluator, holder, name, at) if found is None else found


def tuple_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    payload: TupleObj = holder.payload
    found = None if payload.cls is None else _named_tuple_attribute(evaluator, holder, payload, name, at)
    return OPERATIONS.builtin_attribute(evaluator, holder, name, at) if found is None else found


ATTRIBUTES.update(
    {
        ModuleObj: module_attribute, ExternalName: external_attribute, InstObj: instance_attribute,
        ClassObj: class_attribute, ExternalCall: external_call_attribute, SymbolicOperation: symbolic_attribute,
        Unknown: unknown_attribute, Nondeterministic: unknown_attribute, FuncObj: function_attribute,
        DictObj: dict_attribute, TupleObj: tuple_attribute, ErrorObj: error_attribute,
        BoundMethod: bound_method_attribute, Partial: partial_attribute, DescriptorObj: property_decorator,
    }
)  # fmt: skip
