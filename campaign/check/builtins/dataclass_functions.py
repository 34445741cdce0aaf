"""The functions of `dataclasses`."""

from __future__ import annotations

from functools import partial
from typing import Any

from campaign.check.builtins.arguments import call_origin, first_argument
from campaign.check.builtins.copying import copied
from campaign.check.evaluator.classes import apply_dataclass
from campaign.check.evaluator.external_calls import call_external
from campaign.check.evaluator.state import Args, Evaluator, Site
from campaign.check.evaluator.symbolic import symbolic
from campaign.check.values import (
    Builtin,
    ClassObj,
    DictObj,
    ExternalName,
    FieldObj,
    InstObj,
    ListObj,
    ModuleObj,
    Origin,
    TupleObj,
    Value,
    is_constant,
    is_external,
)
from campaign.check.values.code_objects import uses_super
from campaign.check.values.limits import Halt


def dataclass(evaluator: Evaluator, args: Args, site: Site) -> Value:
    options = {}
    for name, value in args.keywords.items():
        if not is_constant(value.payload):
            reason = f"the checker cannot evaluate dataclass({name}=...) with a value only known at run time"
            raise Halt(reason, site.at, "write True or False")
        if name not in CLASS_OPTIONS:
            message = f"dataclass() got an unexpected keyword argument {name!r}"
            raise evaluator.error(TypeError, message, site.at)
        options[name] = bool(value.payload)
    slots = options.pop("slots", False)
    options.pop("weakref_slot", None)
    # `@dataclass` gets the class, `@dataclass(...)` returns the decorator that gets it.
    decorate = partial(_as_dataclass, options, slots)
    if args.positional:
        return decorate(evaluator, args, site)
    return Value(Builtin("dataclass", decorate), site.at)


def _as_dataclass(
    options: dict[str, bool], slots: bool, evaluator: Evaluator, args: Args, site: Site
) -> Value:
    value = args.positional[0]
    cls = value.payload
    if not isinstance(cls, ClassObj):
        raise Halt(
            "the checker cannot evaluate dataclass() of anything but a class", site.at, "decorate a class"
        )
    apply_dataclass(evaluator, cls, options, site.at)
    if slots and cls.annotations:
        add_slots(cls, site.at)
    return value


def add_slots(cls: ClassObj, at: Origin) -> None:
    """`slots=True` builds a second class whose fields are slots; their defaults are not attributes of it. A
    `super()` of the first class would still refer to that one."""
    if "__slots__" in cls.namespace or uses_super(cls):
        reason = f"the checker cannot evaluate dataclass {cls.name} with slots=True: it has __slots__ or uses super()"
        raise Halt(reason, at, "leave slots=True out")
    # A slot of a base is not repeated: it would hide the one that the base's methods use.
    inherited = {field.name for base in cls.mro[1:] for field in base.fields if "__slots__" in base.namespace}
    names = [field.name for field in cls.fields if field.name not in inherited]
    for name in names:
        cls.namespace.pop(name, None)
    cls.namespace["__slots__"] = Value(TupleObj(tuple(Value(name, at) for name in names)), at)


FIELD_OPTIONS = {"default", "default_factory", "init", "repr", "hash", "compare", "metadata", "kw_only"}
CLASS_OPTIONS = {
    "init", "repr", "eq", "order", "unsafe_hash", "frozen", "match_args", "kw_only", "slots", "weakref_slot",
}  # fmt: skip


def dataclass_field(evaluator: Evaluator, args: Args, site: Site) -> Value:
    given = args.keywords
    unknown = set(given) - FIELD_OPTIONS
    if unknown or args.positional:
        raise evaluator.error(TypeError, f"field() got an unexpected keyword argument {unknown}", site.at)

    def flag(name: str) -> bool | None:
        # None where it is not given: `kw_only` then comes from the class.
        if name not in given:
            return None
        if not is_constant(given[name].payload):
            reason = f"the checker cannot evaluate field({name}=...) with a value only known at run time"
            raise Halt(reason, site.at, "write True or False")
        return bool(given[name].payload)

    in_init = flag("init") is not False
    field = FieldObj(given.get("default"), given.get("default_factory"), in_init, flag("kw_only"))
    field.in_repr = flag("repr") is not False
    field.compared = flag("compare") is not False
    field.metadata = given.get("metadata")
    return Value(field, call_origin(args, site))


def dataclass_replace(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`replace` calls the class again, so that `__post_init__` runs a second time."""
    holder = first_argument(evaluator, args, site)
    payload = holder.payload
    if not isinstance(payload, InstObj) or not _is_dataclass(payload.cls):
        replace = ExternalName("dataclasses.replace", "dataclasses", 0)
        return call_external(evaluator, Value(replace, site.at), args, site.at)
    given = dict(args.keywords)
    for field in payload.cls.fields:
        if not field.field.init and field.name in given:
            raise evaluator.error(ValueError, f"field {field.name} is declared with init=False", site.at)
        if not field.field.init or field.name in given:
            continue
        if field.init_only:  # it went to __post_init__ and was not kept
            reason = f"the checker cannot evaluate dataclasses.replace() without InitVar {field.name}"
            raise Halt(reason, site.at, f"pass {field.name}")
        given[field.name] = payload.attrs[field.name]
    # An unknown keyword is left in: the class refuses it, as `replace` does by calling it.
    return evaluator.call(Value(payload.cls, site.at), Args([], given), site.at)


def dataclass_dict(evaluator: Evaluator, args: Args, site: Site) -> Value:
    holder = first_argument(evaluator, args, site)
    if not (isinstance(holder.payload, InstObj) and holder.payload.cls.fields):
        return symbolic(evaluator, "dataclasses.asdict", site.at, holder)
    if args.keywords:
        raise Halt(
            "the checker cannot evaluate asdict() with dict_factory", site.at, "use asdict() without it"
        )
    return _converted(evaluator, holder, site.at)


def _converted(evaluator: Evaluator, value: Value, at: Origin) -> Value:
    """`asdict` goes into dataclasses, lists, tuples and dicts, keeps the type of each container, and copies
    everything else deeply."""
    payload = value.payload
    if isinstance(payload, InstObj) and payload.cls.fields:
        entries: dict[Any, tuple[Value, Value]] = {
            field.name: (Value(field.name, at), _converted(evaluator, payload.attrs[field.name], at))
            for field in payload.cls.fields
            if not field.init_only
        }
        return Value(DictObj(entries), value.origin)
    if isinstance(payload, ListObj | TupleObj):
        items = [_converted(evaluator, item, at) for item in payload.items]
        if isinstance(payload, ListObj):
            return Value(ListObj(items), value.origin)
        return Value(TupleObj(tuple(items), payload.cls), value.origin)
    if isinstance(payload, DictObj):
        pairs: dict[Any, tuple[Value, Value]] = {
            key: (pair[0], _converted(evaluator, pair[1], at)) for key, pair in payload.entries.items()
        }
        return Value(DictObj(pairs, payload.dialect), value.origin)
    return copied(evaluator, value, {}, at)


def dataclass_tuple(evaluator: Evaluator, args: Args, site: Site) -> Value:
    raise Halt("the checker cannot evaluate astuple(): it is not modelled", site.at, "use asdict()")


def dataclass_fields(evaluator: Evaluator, args: Args, site: Site) -> Value:
    payload = first_argument(evaluator, args, site).payload
    cls = payload.cls if isinstance(payload, InstObj) else payload
    if not isinstance(cls, ClassObj):
        return symbolic(evaluator, "dataclasses.fields", site.at, args.positional[0])
    # Only the name of a field: any other attribute of a `Field` is then an AttributeError that is not Python's.
    description = ClassObj("Field", "Field", any_module(evaluator), ())
    items = (
        Value(InstObj(description, {"name": Value(field.name, site.at)}), site.at)
        for field in cls.fields
        if not field.init_only
    )
    return Value(TupleObj(tuple(items)), site.at)


def any_module(evaluator: Evaluator) -> ModuleObj:
    return next(iter(evaluator.modules.values()))


def is_dataclass(evaluator: Evaluator, args: Args, site: Site) -> Value:
    payload = first_argument(evaluator, args, site).payload
    if is_external(payload):
        return symbolic(evaluator, "is_dataclass", site.at, args.positional[0])
    cls = payload.cls if isinstance(payload, InstObj) else payload
    return Value(isinstance(cls, ClassObj) and _is_dataclass(cls), site.at)


def _is_dataclass(cls: ClassObj) -> bool:
    """`dataclasses` looks for `__dataclass_fields__`, which a subclass inherits."""
    return any(base.kind == "dataclass" for base in cls.mro)
