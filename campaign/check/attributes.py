"""Reading, setting and deleting attributes."""

from __future__ import annotations

from typing import Any

from campaign.check.limits import Halt
from campaign.check.machine import Args, Machine, Site
from campaign.check.outside import raise_if_tried, term
from campaign.check.values import (
    Bound,
    Builtin,
    ClassObj,
    DictObj,
    ErrorObj,
    FuncObj,
    InstObj,
    ListObj,
    ModuleObj,
    Namespace,
    Nondet,
    Opaque,
    Origin,
    Partial,
    SetObj,
    SuperObj,
    Sym,
    Term,
    TupleObj,
    Unknown,
    Value,
    Wrapped,
    is_constant,
    spoiled,
)


def get_attribute(machine: Machine, holder: Value, name: str, at: Origin) -> Value:
    payload = holder.payload
    machine.readable(payload, at)
    if isinstance(payload, ModuleObj):
        return module_attribute(machine, payload, name, at)
    if isinstance(payload, Sym):
        return outside_attribute(machine, payload, name, at)
    if isinstance(payload, InstObj):
        return instance_attribute(machine, holder, payload, name, at)
    if isinstance(payload, ClassObj):
        return class_attribute(machine, holder, payload, name, at)
    if isinstance(payload, Opaque):
        return opaque_attribute(machine, holder, payload, name, at)
    if isinstance(payload, Term):
        return term(machine, f".{name}", at, holder)
    if isinstance(payload, Unknown | Nondet):
        return Value(spoiled(payload), at)
    if isinstance(payload, SuperObj):
        return super_attribute(machine, payload, name, at)
    if isinstance(payload, FuncObj):
        return function_attribute(machine, payload, name, at)
    if isinstance(payload, DictObj) and payload.flavour:
        from campaign.check.dialects.mappings import mapping_attribute

        found = mapping_attribute(machine, holder, payload, name, at)
        if found is not None:
            return found
    if isinstance(payload, TupleObj) and payload.cls is not None:
        found = named_tuple_attribute(machine, holder, payload, name, at)
        if found is not None:
            return found
    if isinstance(payload, ErrorObj):
        return error_attribute(machine, payload, name, at)
    if isinstance(payload, Bound):
        return get_attribute(machine, payload.function, name, at)
    if isinstance(payload, Partial):
        return partial_attribute(machine, payload, name, at)
    if isinstance(payload, Wrapped):
        return property_decorator(machine, payload, name, at)
    return method_attribute(machine, holder, name, at)


def method_attribute(machine: Machine, holder: Value, name: str, at: Origin) -> Value:
    """A method of a builtin type."""
    from campaign.check.methods import find_method

    method = find_method(holder, name)
    if method is not None:
        return Value(method, at)
    payload = holder.payload
    if is_constant(payload) and name in ("real", "imag", "numerator", "denominator", "start", "stop", "step"):
        if hasattr(payload, name):
            return Value(getattr(payload, name), at)
    kind = payload.__name__ if isinstance(payload, type) else type_name(payload)
    if isinstance(payload, type) and name in ("__name__", "__qualname__"):
        return Value(payload.__name__, at)
    if name == "__class__":
        return type_of(machine, holder, at)
    if is_constant(payload) and not hasattr(payload, name):
        raise machine.error(AttributeError, f"{kind!r} object has no attribute {name!r}", at)
    if isinstance(payload, ListObj | DictObj | SetObj | TupleObj):
        real = {ListObj: list, DictObj: dict, SetObj: set, TupleObj: tuple}[type(payload)]
        if not hasattr(real, name):
            raise machine.error(AttributeError, f"{kind!r} object has no attribute {name!r}", at)
    raise Halt(f"attribute {name!r} of {kind} is not followed", at)


def type_name(payload: Any) -> str:
    names = {ListObj: "list", DictObj: "dict", TupleObj: "tuple", FuncObj: "function", ModuleObj: "module"}
    if isinstance(payload, SetObj):
        return "frozenset" if payload.frozen else "set"
    if isinstance(payload, InstObj):
        return payload.cls.name
    return names.get(type(payload), type(payload).__name__)


def type_of(machine: Machine, value: Value, at: Origin) -> Value:
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
    if isinstance(payload, DictObj) and not payload.flavour:
        real = dict
    if isinstance(payload, ClassObj | type):
        real = type
    if isinstance(payload, ErrorObj) and payload.type is not None:
        return Value(payload.type, at)
    if real is not None:
        return Value(real, at)
    return term(machine, "type", at, value)


def module_attribute(machine: Machine, payload: ModuleObj, name: str, at: Origin) -> Value:
    found = payload.scope.vars.get(name)
    if found is not None:
        if isinstance(found.payload, Sym):
            machine.used.add(found.payload.module)
        return found
    if name == "__dict__":
        return Value(Namespace(payload.scope.vars, payload), at)
    from campaign.check.imports import load_submodule

    inner = load_submodule(machine, payload, name, at)
    if inner is not None:
        raise Halt(f"submodule {name!r} of {payload.name} is used without being imported", at, "import it")
    getter = payload.scope.vars.get("__getattr__")
    if getter is not None:
        raise Halt(f"module {payload.name} has its own __getattr__", at)
    if name.startswith("__"):
        raise Halt(f"attribute {name!r} of a module is not followed", at)
    raise machine.error(AttributeError, f"module {payload.name!r} has no attribute {name!r}", at)


def outside_attribute(machine: Machine, payload: Sym, name: str, at: Origin) -> Value:
    from campaign.check.library import is_known_function, known_name

    full = f"{payload.name}.{name}"
    refuse_name(full, at)
    machine.used.add(payload.module)
    if full in machine.patched:
        return machine.patched[full]
    known = known_name(full, at)
    if known is not None:
        return known
    result = Value(Sym(full, payload.module, len(machine.effects)), at)
    if machine.tries and not is_known_function(full):
        raise_if_tried(machine, result, at)  # another version of the framework may not have it
    return result


def refuse_name(full: str, at: Origin) -> None:
    if full in ("sys.modules", "sys.meta_path", "sys.path_hooks", "gc.get_referents", "builtins.__dict__"):
        raise Halt(f"reads {full}", at, "import what is needed by name")


def opaque_attribute(machine: Machine, holder: Value, payload: Opaque, name: str, at: Origin) -> Value:
    """Fields set later, then keywords (constructors keep them), then a term."""
    if payload.log:
        return term(machine, f".{name}", at, holder)
    if name in payload.fields:
        return payload.fields[name]
    callee = payload.callee.payload
    constructs = isinstance(callee, ClassObj) or (
        isinstance(callee, Sym) and last_part(callee.name)[:1].isupper()
    )
    if name in payload.kwargs and constructs:
        return payload.kwargs[name]
    return term(machine, f".{name}", at, holder)


def last_part(name: str) -> str:
    return name.rpartition(".")[2].lstrip("_")


def instance_attribute(machine: Machine, holder: Value, payload: InstObj, name: str, at: Origin) -> Value:
    found = payload.cls.find(name)
    if found is not None and isinstance(found.payload, Wrapped) and found.payload.kind == "property":
        from campaign.check.calls import call

        return call(machine, found.payload.function, Args([holder]), at, None)
    if name in payload.attrs:
        return payload.attrs[name]
    if found is not None:
        return bind_member(machine, found, holder, payload.cls, at)
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
        from campaign.check.calls import call

        return call(machine, getter, Args([holder, Value(name, at)]), at, None)
    if (name.startswith("__") and hasattr(object, name)) or payload.cls.kind == "enum" or payload.cls.outside:
        raise Halt(f"attribute {name!r} of an instance of {payload.cls.name} is not followed", at)
    raise machine.error(AttributeError, f"{payload.cls.name!r} object has no attribute {name!r}", at)


def own_names(payload: InstObj, at: Origin) -> Value:
    """`vars(x)`, `x.__dict__`."""
    if any("__slots__" in cls.namespace for cls in payload.cls.mro):
        raise Halt(f"looks at the names of an instance of {payload.cls.name}, which has slots", at)
    return Value(Namespace(payload.attrs, payload), at)


def object_setattr(machine: Machine, args: Args, site: Site) -> Value:
    receiver, name, value = args.positional
    assert isinstance(receiver.payload, InstObj)
    receiver.payload.attrs[name.payload] = machine.bound(value)
    receiver.payload.version += 1
    return Value(None, site.at)


def bind_member(machine: Machine, found: Value, holder: Value, cls: ClassObj, at: Origin) -> Value:
    """What a class attribute is when read through an instance."""
    payload = found.payload
    if isinstance(payload, FuncObj | Partial) and not isinstance(payload, Partial):
        return Value(Bound(found, holder), at)
    if isinstance(payload, Wrapped):
        if payload.kind == "staticmethod":
            return payload.function
        if payload.kind == "classmethod":
            return Value(Bound(payload.function, Value(cls, at)), at)
    if isinstance(payload, InstObj) and payload.cls.find("__get__") is not None:
        raise Halt(f"a descriptor ({payload.cls.name})", at, "use a plain attribute")
    if isinstance(payload, Opaque):
        raise Halt("a class attribute from outside, read through an instance, may be a descriptor", at)
    return found


def class_attribute(machine: Machine, holder: Value, payload: ClassObj, name: str, at: Origin) -> Value:
    if payload.kind == "enum" and name in payload.members:
        return Value(payload.members[name], at)
    found = payload.find(name)
    if found is not None:
        if isinstance(found.payload, Wrapped):
            if found.payload.kind == "staticmethod":
                return found.payload.function
            if found.payload.kind == "classmethod":
                return Value(Bound(found.payload.function, holder), at)
        if isinstance(found.payload, InstObj) and found.payload.cls.find("__get__") is not None:
            raise Halt(f"a descriptor ({found.payload.cls.name})", at, "use a plain attribute")
        return found
    special = _class_special(machine, payload, name, at)
    if special is not None:
        return special
    if payload.outside:
        return term(machine, f".{name}", at, holder)
    if payload.builtin is not None and hasattr(payload.builtin, name):
        raise Halt(f"attribute {name!r} of {payload.name} is not followed", at)
    if hasattr(object, name) or any("__slots__" in cls.namespace for cls in payload.mro):
        raise Halt(f"attribute {name!r} of a class is not followed", at)
    if name.startswith("__") or payload.kind != "plain":
        raise Halt(f"attribute {name!r} of class {payload.name} is not followed", at)
    raise machine.error(AttributeError, f"type object {payload.name!r} has no attribute {name!r}", at)


def _class_special(machine: Machine, payload: ClassObj, name: str, at: Origin) -> Value | None:
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


def super_attribute(machine: Machine, payload: SuperObj, name: str, at: Origin) -> Value:
    receiver = payload.receiver.payload
    cls = receiver.cls if isinstance(receiver, InstObj) else receiver
    if not isinstance(cls, ClassObj) or payload.cls not in cls.mro:
        raise Halt("super() outside of its class", at)
    for following in cls.mro[cls.mro.index(payload.cls) + 1 :]:
        if name in following.namespace:
            found = following.namespace[name]
            if isinstance(found.payload, Wrapped) and found.payload.kind == "property":
                from campaign.check.calls import call

                return call(machine, found.payload.function, Args([payload.receiver]), at, None)
            if isinstance(receiver, ClassObj) and isinstance(found.payload, FuncObj):
                return found
            return bind_member(machine, found, payload.receiver, cls, at)
    if cls.outside:
        raise Halt("super() of a class from outside", at)
    from campaign.check.introspection import inherited_method

    return inherited_method(machine, payload, cls, name, at)


def function_attribute(machine: Machine, payload: FuncObj, name: str, at: Origin) -> Value:
    if name in payload.attrs:
        return payload.attrs[name]
    if name == "__name__":
        return Value(payload.name, at)
    if name == "__qualname__":
        return Value(payload.qualname, at)
    if name == "__module__":
        return payload.module.scope.vars["__name__"]
    if name == "__wrapped__":
        raise machine.error(AttributeError, "'function' object has no attribute '__wrapped__'", at)
    if name.startswith("__"):
        raise Halt(f"attribute {name!r} of a function is not followed", at)
    raise machine.error(AttributeError, f"'function' object has no attribute {name!r}", at)


def named_tuple_attribute(
    machine: Machine, holder: Value, payload: TupleObj, name: str, at: Origin
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
        if isinstance(found.payload, Wrapped) and found.payload.kind == "property":
            from campaign.check.calls import call

            return call(machine, found.payload.function, Args([holder]), at, None)
        return bind_member(machine, found, holder, cls, at)
    return None


def _replace_named(machine: Machine, args: Args, site: Site) -> Value:
    payload = args.positional[0].payload
    assert isinstance(payload, TupleObj)
    assert payload.cls is not None
    names = [field.name for field in payload.cls.fields]
    unexpected = [name for name in args.keywords if name not in names]
    if unexpected:
        raise machine.error(ValueError, f"unexpected field names: {unexpected}", site.at)
    items = tuple(args.keywords.get(name, old) for name, old in zip(names, payload.items, strict=True))
    return Value(TupleObj(items, payload.cls), site.at)


def error_attribute(machine: Machine, payload: ErrorObj, name: str, at: Origin) -> Value:
    if name in payload.attrs:
        return payload.attrs[name]
    if name == "args" and payload.type is not None:
        return Value(TupleObj(payload.args), at)
    raise Halt(f"attribute {name!r} of an exception is not followed", at)


def partial_attribute(machine: Machine, payload: Partial, name: str, at: Origin) -> Value:
    if name == "func":
        return payload.function
    if name == "args":
        return Value(TupleObj(payload.args), at)
    if name == "keywords":
        return Value(DictObj({key: (Value(key, at), item) for key, item in payload.kwargs.items()}), at)
    raise Halt(f"attribute {name!r} of functools.partial is not followed", at)


def property_decorator(machine: Machine, payload: Wrapped, name: str, at: Origin) -> Value:
    """`@x.setter` and its like."""
    if payload.kind == "property" and name == "setter":
        return Value(
            Builtin(
                "setter", lambda m, a, s: Value(Wrapped("property", payload.function, a.positional[0]), s.at)
            ),
            at,
        )
    raise Halt(f"{payload.kind}.{name} is not followed", at)
