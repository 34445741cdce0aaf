"""The functions of `dataclasses`."""

from __future__ import annotations

from functools import partial
from typing import Any

from campaign.check.builtins.arguments import call_origin, first_argument
from campaign.check.builtins.copying import copied
from campaign.check.evaluator.classes import apply_dataclass
from campaign.check.evaluator.state import Args, Evaluator, Site
from campaign.check.evaluator.symbolic import call_external, symbolic
from campaign.check.values.code_objects import uses_super
from campaign.check.values.lattice import (
    EXTERNAL,
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
)
from campaign.check.values.limits import Halt


def dataclass(evaluator: Evaluator, args: Args, site: Site) -> Value:
    options = {}
    for name, value in args.keywords.items():
        if not is_constant(value.payload):
            reason = f"cannot evaluate dataclass({name}=...) with a value only known at run time"
            raise Halt(reason, site.at, "write True or False")
        if name not in CLASS_OPTIONS:
            raise evaluator.error(
                TypeError, f"dataclass() got an unexpected keyword argument {name!r}", site.at
            )
        options[name] = bool(value.payload)
    slots = options.pop("slots", False)
    options.pop("weakref_slot", None)
    if args.positional:
        return _as_dataclass(evaluator, args.positional[0], options, slots, site.at)
    return Value(Builtin("dataclass", partial(_decorate, options, slots)), site.at)


def _decorate(options: dict[str, bool], slots: bool, evaluator: Evaluator, args: Args, site: Site) -> Value:
    return _as_dataclass(evaluator, args.positional[0], options, slots, site.at)


def _as_dataclass(
    evaluator: Evaluator, value: Value, options: dict[str, bool], slots: bool, at: Origin
) -> Value:
    cls = value.payload
    if not isinstance(cls, ClassObj):
        raise Halt("cannot evaluate dataclass() of anything but a class", at, "decorate a class")
    own = len(cls.annotations)
    apply_dataclass(evaluator, cls, options, at)
    if slots and own:
        add_slots(cls, at)
    return value


def add_slots(cls: ClassObj, at: Origin) -> None:
    """`slots=True` builds a second class whose fields are slots; their defaults are no attributes of it. A
    `super()` of the first class would still refer to that one."""
    if "__slots__" in cls.namespace or uses_super(cls):
        reason = f"cannot evaluate dataclass {cls.name} with slots=True: it has __slots__ or uses super()"
        raise Halt(reason, at, "leave slots=True out")
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
        if name not in given:
            return None
        if not is_constant(given[name].payload):
            reason = f"cannot evaluate field({name}=...) with a value only known at run time"
            raise Halt(reason, site.at, "write True or False")
        return bool(given[name].payload)

    in_init = flag("init") is not False
    field = FieldObj(given.get("default"), given.get("default_factory"), in_init, flag("kw_only"))
    field.shown = flag("repr") is not False
    field.compared = flag("compare") is not False
    field.metadata = given.get("metadata")
    return Value(field, call_origin(args, site))


def dataclass_replace(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`replace` calls the class again, so that `__post_init__` runs a second time."""
    holder = first_argument(evaluator, args, site)
    payload = holder.payload
    if not isinstance(payload, InstObj) or not any(base.kind == "dataclass" for base in payload.cls.mro):
        return call_external(
            evaluator, Value(ExternalName("dataclasses.replace", "dataclasses", 0), site.at), args, site.at
        )
    given: dict[str, Value] = {}
    for field in payload.cls.fields:
        if not field.field.init:
            if field.name in args.keywords:
                raise evaluator.error(ValueError, f"field {field.name} is declared with init=False", site.at)
            continue
        if field.pseudo and field.name not in args.keywords:
            reason = f"cannot evaluate dataclasses.replace() without InitVar {field.name}"
            raise Halt(reason, site.at, f"pass {field.name}")
        given[field.name] = args.keywords.get(field.name) or payload.attrs[field.name]
    given.update({name: value for name, value in args.keywords.items() if name not in given})
    return evaluator.call(Value(payload.cls, site.at), Args([], given), site.at)


def dataclass_dict(evaluator: Evaluator, args: Args, site: Site) -> Value:
    holder = first_argument(evaluator, args, site)
    if not (isinstance(holder.payload, InstObj) and holder.payload.cls.fields):
        return symbolic(evaluator, "dataclasses.asdict", site.at, holder)
    if args.keywords:
        raise Halt("cannot evaluate asdict() with dict_factory", site.at, "use asdict() without it")
    return _converted(evaluator, holder, site.at)


def _converted(evaluator: Evaluator, value: Value, at: Origin) -> Value:
    """`asdict` goes into dataclasses, lists, tuples and dicts, keeps the type of each container, and copies
    everything else deeply."""
    payload = value.payload
    if isinstance(payload, InstObj) and payload.cls.fields:
        entries: dict[Any, tuple[Value, Value]] = {
            field.name: (Value(field.name, at), _converted(evaluator, payload.attrs[field.name], at))
            for field in payload.cls.fields
            if not field.pseudo
        }
        return Value(DictObj(entries), value.origin)
    if isinstance(payload, ListObj):
        return Value(ListObj([_converted(evaluator, item, at) for item in payload.items]), value.origin)
    if isinstance(payload, TupleObj):
        return Value(
            TupleObj(tuple(_converted(evaluator, item, at) for item in payload.items), payload.cls),
            value.origin,
        )
    if isinstance(payload, DictObj):
        pairs: dict[Any, tuple[Value, Value]] = {
            key: (pair[0], _converted(evaluator, pair[1], at)) for key, pair in payload.entries.items()
        }
        return Value(DictObj(pairs, payload.dialect), value.origin)
    return copied(evaluator, value, {}, at)


def dataclass_tuple(evaluator: Evaluator, args: Args, site: Site) -> Value:
    raise Halt("cannot evaluate astuple(): it is not modelled", site.at, "use asdict()")


def dataclass_fields(evaluator: Evaluator, args: Args, site: Site) -> Value:
    payload = first_argument(evaluator, args, site).payload
    cls = payload.cls if isinstance(payload, InstObj) else payload
    if not isinstance(cls, ClassObj):
        return symbolic(evaluator, "dataclasses.fields", site.at, args.positional[0])
    description = ClassObj("Field", "Field", any_module(evaluator), ())
    items = (
        Value(InstObj(description, {"name": Value(field.name, site.at)}), site.at)
        for field in cls.fields
        if not field.pseudo
    )
    return Value(TupleObj(tuple(items)), site.at)


def any_module(evaluator: Evaluator) -> ModuleObj:
    return next(iter(evaluator.modules.values()))


def is_dataclass(evaluator: Evaluator, args: Args, site: Site) -> Value:
    payload = first_argument(evaluator, args, site).payload
    if isinstance(payload, EXTERNAL):
        return symbolic(evaluator, "is_dataclass", site.at, args.positional[0])
    cls = payload.cls if isinstance(payload, InstObj) else payload
    return Value(isinstance(cls, ClassObj) and any(base.kind == "dataclass" for base in cls.mro), site.at)
