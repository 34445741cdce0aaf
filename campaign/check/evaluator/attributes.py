"""Reading attributes."""

from __future__ import annotations

from typing import Any, TypeGuard

from campaign.check.evaluator.dispatch import ATTRIBUTES, MEMBERS
from campaign.check.evaluator.external_names import refuse_interpreter_state
from campaign.check.evaluator.imports import load_submodule
from campaign.check.evaluator.state import (
    Args,
    Evaluator,
    Site,
    external_constant,
    is_modelled,
)
from campaign.check.evaluator.symbolic import branch_on_failure, symbolic
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
    Key,
    ModuleObj,
    Namespace,
    Nondeterministic,
    Origin,
    Partial,
    SymbolicOperation,
    TupleObj,
    Unknown,
    Value,
    propagate_unknown,
)
from campaign.check.values.limits import Halt


def not_modelled(name: str, holder: str, at: Origin) -> Halt:
    return Halt(f"attribute {name!r} of {holder} is not modelled", at, "write the value out")


def module_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    payload: ModuleObj = holder.payload
    found = payload.scope.vars.get(name)
    if found is not None:
        return found
    if name == "__dict__":
        return Value(Namespace(payload.scope.vars, payload), at)
    if load_submodule(evaluator, payload, name, at) is not None:
        # Whether the attribute exists depends on which other module has imported the submodule before.
        reason = f"submodule {name!r} of {payload.name} is used without being imported"
        raise Halt(reason, at, "import it")
    if payload.scope.vars.get("__getattr__") is not None:
        raise Halt(
            f"the __getattr__ of module {payload.name} is not modelled", at, "define the name in the module"
        )
    if name.startswith("__"):
        raise not_modelled(name, "a module", at)
    raise evaluator.error(AttributeError, f"module {payload.name!r} has no attribute {name!r}", at)


def external_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    payload: ExternalName = holder.payload
    full = f"{payload.name}.{name}"
    refuse_interpreter_state(full, at)
    # An assignment to an external name replaces the model of that name as well.
    if full in evaluator.patched:
        return evaluator.patched[full]
    known = external_constant(full, at)
    if known is not None:
        return known
    # An effect such as `framework.setup()` may rebind a name of the framework: the epoch tells the reads apart.
    result = Value(ExternalName(full, payload.module, len(evaluator.effects)), at)
    if evaluator.tries and not is_modelled(full):
        branch_on_failure(evaluator, result, at)  # another version of the framework may not have it
    return result


def external_call_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    payload: ExternalCall = holder.payload
    # A method that was called on the object may have changed any of its attributes.
    if payload.log:
        return symbolic(evaluator, f".{name}", at, holder)
    if name in payload.fields:
        return payload.fields[name]
    # Constructors keep their keyword arguments as attributes: an assumption that every PASS prints.
    if name in payload.kwargs and _constructs(payload.callee.payload):
        return payload.kwargs[name]
    return symbolic(evaluator, f".{name}", at, holder)


def _constructs(callee: Any) -> bool:
    """Whether a call constructs an object; external classes are recognised by their capital letter."""
    if isinstance(callee, ExternalName):
        return callee.name.rpartition(".")[2].lstrip("_")[:1].isupper()
    return isinstance(callee, ClassObj)


def instance_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    """An attribute of an instance, in the lookup order of `object.__getattribute__`."""
    payload: InstObj = holder.payload
    # A property is a data descriptor: it comes before the attributes of the instance. They come before functions and
    # any other attribute of the class, and `__getattr__` is called only when nothing was found.
    found = payload.cls.find(name)
    if is_property(found):
        return evaluator.call(found.payload.function, Args([holder]), at)
    if name in payload.attrs:
        return payload.attrs[name]
    if found is not None:
        return bind_member(evaluator, found, holder, payload.cls, at)
    special = _instance_special(holder, name, at)
    if special is not None:
        return special
    getter = payload.cls.find("__getattr__")
    # Like every special method it is looked up on the class: an attribute of the instance of that name is not called.
    if getter is not None:
        return evaluator.call(getter, Args([holder, Value(name, at)]), at, None)
    # What `object`, the enum machinery or an external base defines exists in Python: AttributeError would be wrong.
    inherited = name.startswith("__") and hasattr(object, name)
    if inherited or payload.cls.kind == "enum" or payload.cls.external:
        raise not_modelled(name, f"a {payload.cls.name} instance", at)
    raise evaluator.error(AttributeError, f"{payload.cls.name!r} object has no attribute {name!r}", at)


def is_property(found: Value | None) -> TypeGuard[Value]:
    return found is not None and isinstance(found.payload, DescriptorObj) and found.payload.kind == "property"


def _instance_special(holder: Value, name: str, at: Origin) -> Value | None:
    """An attribute that every object, or every member of an enum, has."""
    payload: InstObj = holder.payload
    if name == "__class__":
        return Value(payload.cls, at)
    if name == "__dict__":
        return own_names(payload, at)
    if name == "__setattr__":
        return Value(Builtin("object.__setattr__", object_setattr, holder), at)
    if payload.cls.kind == "enum" and name in ("_value_", "_name_"):
        return payload.attrs[name.strip("_")]
    return None


def own_names(payload: InstObj, at: Origin) -> Value:
    """`vars(x)`, `x.__dict__`."""
    if any("__slots__" in cls.namespace for cls in payload.cls.mro):
        raise Halt(
            f"vars() of a {payload.cls.name} instance, which has slots, is not modelled",
            at,
            "read its fields",
        )
    return Value(Namespace(payload.attrs, payload), at)


def object_setattr(evaluator: Evaluator, args: Args, site: Site) -> Value:
    receiver, name, value = args.positional
    assert isinstance(receiver.payload, InstObj)
    # `object.__setattr__` bypasses the `__setattr__` of a frozen dataclass, which is what it is used for.
    receiver.payload.attrs[name.payload] = evaluator.with_control_origin(value)
    receiver.payload.version += 1
    return Value(None, site.at)


def bind_member(evaluator: Evaluator, found: Value, holder: Value, cls: ClassObj, at: Origin) -> Value:
    """A class attribute as it is read through an instance: functions and the builtin descriptors are bound."""
    return MEMBERS[type(found.payload)](evaluator, found, holder, cls, at)


def _bind_function(evaluator: Evaluator, found: Value, holder: Value, cls: ClassObj, at: Origin) -> Value:
    return Value(BoundMethod(found, holder), at)


def _bind_descriptor(evaluator: Evaluator, found: Value, holder: Value, cls: ClassObj, at: Origin) -> Value:
    payload: DescriptorObj = found.payload
    if payload.kind == "staticmethod":
        return payload.function
    return (
        Value(BoundMethod(payload.function, Value(cls, at)), at) if payload.kind == "classmethod" else found
    )


def _bind_instance(evaluator: Evaluator, found: Value, holder: Value, cls: ClassObj, at: Origin) -> Value:
    own: ClassObj = found.payload.cls
    if own.find("__get__") is not None:
        raise Halt(f"the descriptor class {own.name} is not modelled", at, "use a plain attribute")
    return found


def _refuse_to_bind(evaluator: Evaluator, found: Value, holder: Value, cls: ClassObj, at: Origin) -> Value:
    reason = "a class attribute that an external call returned may be a descriptor"
    raise Halt(reason, at, "set it in __init__, or read it through the class")


MEMBERS.update(
    {
        FuncObj: _bind_function, DescriptorObj: _bind_descriptor, InstObj: _bind_instance, ExternalCall: _refuse_to_bind,
        object: lambda evaluator, found, holder, cls, at: found,
    }
)  # fmt: skip


def class_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    payload: ClassObj = holder.payload
    # The metaclass of an enum has replaced the values in the class body by members.
    if payload.kind == "enum" and name in payload.members:
        return Value(payload.members[name], at)
    found = payload.find(name)
    if found is not None:
        # Read through the class, a function is not bound, and an external object is taken as no descriptor.
        bound = isinstance(found.payload, DescriptorObj | InstObj)
        return bind_member(evaluator, found, holder, payload, at) if bound else found
    special = _class_special(payload, name, at)
    if special is not None:
        return special
    if payload.external:  # the external base may define it
        return symbolic(evaluator, f".{name}", at, holder)
    raise _missing_of_class(evaluator, payload, name, at)


def _missing_of_class(evaluator: Evaluator, payload: ClassObj, name: str, at: Origin) -> Exception:
    if payload.builtin is not None and hasattr(payload.builtin, name):
        return not_modelled(name, payload.name, at)
    # `object`, the slots and the base classes behind enums and named tuples define further attributes.
    has_slots = any("__slots__" in cls.namespace for cls in payload.mro)
    if hasattr(object, name) or has_slots or name.startswith("__") or payload.kind != "plain":
        return not_modelled(name, f"class {payload.name}", at)
    return evaluator.error(AttributeError, f"type object {payload.name!r} has no attribute {name!r}", at)


def _class_special(payload: ClassObj, name: str, at: Origin) -> Value | None:
    if name in ("__name__", "__qualname__"):
        return Value(payload.name if name == "__name__" else payload.qualname, at)
    if name == "__module__":
        return payload.module.scope.vars["__name__"]
    if name == "__dict__":
        return Value(Namespace(payload.namespace, payload), at)
    if name == "__members__" and payload.kind == "enum":
        entries: dict[Key, tuple[Value, Value]] = {
            key: (Value(key, at), Value(member, at)) for key, member in payload.members.items()
        }
        return Value(DictObj(entries), at)
    # The evaluator keeps the order of the checked classes, without the builtin and external ones.
    if name in ("__mro__", "__bases__") or (name == "_make" and payload.kind == "namedtuple"):
        raise not_modelled(name, f"class {payload.name}", at)
    return None


def function_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    payload: FuncObj = holder.payload
    if name in payload.attrs:
        return payload.attrs[name]
    if name in ("__name__", "__qualname__"):
        return Value(payload.name if name == "__name__" else payload.qualname, at)
    if name == "__module__":
        return payload.module.scope.vars["__name__"]
    if name.startswith("__") and name != "__wrapped__":  # `functools.wraps` alone sets `__wrapped__`
        raise not_modelled(name, "a function", at)
    raise evaluator.error(AttributeError, f"'function' object has no attribute {name!r}", at)


def tuple_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    payload: TupleObj = holder.payload
    cls = payload.cls
    if cls is None:
        return ATTRIBUTES[object](evaluator, holder, name, at)
    names = [field.name for field in cls.fields]
    # A field is a data descriptor of the class: it comes before the attributes of the instance.
    if name in names:
        return payload.items[names.index(name)]
    if name == "_fields":
        return Value(TupleObj(tuple(Value(field, at) for field in names)), at)
    if name == "_asdict":
        return Value(Builtin("_asdict", _as_dict, holder), at)
    if name == "_replace":
        return Value(Builtin("_replace", _replace, holder), at)
    found = cls.find(name)
    if found is None:
        return ATTRIBUTES[object](evaluator, holder, name, at)
    if is_property(found):
        return evaluator.call(found.payload.function, Args([holder]), at)
    return bind_member(evaluator, found, holder, cls, at)


def _as_dict(evaluator: Evaluator, args: Args, site: Site) -> Value:
    names, items = _named_items(args)
    entries = {name: (Value(name, site.at), item) for name, item in zip(names, items, strict=True)}
    return Value(DictObj(dict(entries)), site.at)


def _replace(evaluator: Evaluator, args: Args, site: Site) -> Value:
    names, items = _named_items(args)
    unexpected = [name for name in args.keywords if name not in names]
    if unexpected:
        raise evaluator.error(ValueError, f"unexpected field names: {unexpected}", site.at)
    replaced = tuple(args.keywords.get(name, old) for name, old in zip(names, items, strict=True))
    return Value(TupleObj(replaced, args.positional[0].payload.cls), site.at)


def _named_items(args: Args) -> tuple[list[str], tuple[Value, ...]]:
    payload = args.positional[0].payload
    return [field.name for field in payload.cls.fields], payload.items


def error_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    payload: ErrorObj = holder.payload
    if name in payload.attrs:
        return payload.attrs[name]
    # Of an exception that external code raised, nothing is known.
    if name == "args" and payload.type is not None:
        return Value(TupleObj(payload.args), at)
    raise not_modelled(name, "an exception", at)


def partial_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    payload: Partial = holder.payload
    if name == "func":
        return payload.function
    if name == "args":
        return Value(TupleObj(payload.args), at)
    if name == "keywords":
        return Value(DictObj({key: (Value(key, at), item) for key, item in payload.kwargs.items()}), at)
    raise not_modelled(name, "functools.partial", at)


def property_decorator(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    """`@x.setter`: a new property with the getter of `x`."""
    payload: DescriptorObj = holder.payload
    if payload.kind != "property" or name != "setter":
        raise not_modelled(name, f"a {payload.kind}", at)

    def with_setter(evaluator: Evaluator, args: Args, site: Site) -> Value:
        return Value(DescriptorObj("property", payload.function, args.positional[0]), site.at)

    return Value(Builtin("setter", with_setter), at)


def symbolic_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    return symbolic(evaluator, f".{name}", at, holder)


def unknown_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    return Value(propagate_unknown(holder.payload), at)


def bound_method_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    return evaluator.get_attribute(holder.payload.function, name, at)


def dict_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    found = holder.payload.dialect.get_attribute(evaluator, holder, name, at)
    return ATTRIBUTES[object](evaluator, holder, name, at) if found is None else found


ATTRIBUTES.update(
    {
        ModuleObj: module_attribute, ExternalName: external_attribute, InstObj: instance_attribute,
        ClassObj: class_attribute, ExternalCall: external_call_attribute, SymbolicOperation: symbolic_attribute,
        FuncObj: function_attribute, DictObj: dict_attribute, TupleObj: tuple_attribute, ErrorObj: error_attribute,
        BoundMethod: bound_method_attribute, Partial: partial_attribute, DescriptorObj: property_decorator,
        Unknown: unknown_attribute, Nondeterministic: unknown_attribute,
    }
)  # fmt: skip
