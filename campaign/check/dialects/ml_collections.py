"""ml_collections: `ConfigDict`, whose fields keep their type, which can be locked, and which sorts its keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from campaign.check.builtins.arguments import refusal
from campaign.check.builtins.methods import find_method
from campaign.check.dialects.base import AttributeMapping, Dialect, refused_methods, to_dict, update_nested
from campaign.check.evaluator.hashed_containers import pairs_of, store
from campaign.check.evaluator.state import Args, Completion, Evaluator, Leave, Site
from campaign.check.values import (
    Builtin,
    DictObj,
    ListObj,
    MappingDialect,
    Origin,
    TupleObj,
    Value,
    is_constant,
)
from campaign.check.values.limits import Halt


class Unlocked(MappingDialect):
    """The context manager that `config.unlocked()` returns."""

    name = "unlocked"


UNLOCKED = Unlocked()


def _set_locked(config: DictObj, locked: bool) -> None:
    """`lock()` and `unlock()` reach the nested configs as well, except below one that is locked already, or is
    unlocked already."""
    config.flags["locked"] = locked
    for _, item in config.entries.values():
        inner = item.payload
        if isinstance(inner, DictObj) and inner.dialect is ML and _is_locked(inner) is not locked:
            _set_locked(inner, locked)


def _is_locked(config: DictObj) -> bool:
    return bool(config.flags.get("locked"))


def _lock(evaluator: Evaluator, args: Args, site: Site) -> Value:
    if not _is_locked(args.positional[0].payload):
        _set_locked(args.positional[0].payload, True)
    return args.positional[0]


def _unlock(evaluator: Evaluator, args: Args, site: Site) -> Value:
    _set_locked(args.positional[0].payload, False)
    return args.positional[0]


def _unlocked(evaluator: Evaluator, args: Args, site: Site) -> Value:
    # A generator-based context manager: nothing happens before `with` enters it.
    context = DictObj({}, UNLOCKED)
    context.flags["config"] = args.positional[0].payload
    return Value(context, site.at)


def inside_unlocked(evaluator: Evaluator, context: Value, at: Origin) -> tuple[Value, Leave] | None:
    """`with config.unlocked():` locks a config again that was locked before, also after an exception."""
    if not isinstance(context.payload, DictObj) or context.payload.dialect is not UNLOCKED:
        return None
    config: DictObj = context.payload.flags["config"]

    def leave(body: Callable[[], Completion]) -> Completion:
        was_locked = _is_locked(config)
        if was_locked:
            _set_locked(config, False)
        try:
            return body()
        finally:
            if was_locked:
                _set_locked(config, True)

    return Value(config, at), leave


class MLConfigDict(AttributeMapping):
    name = "ml"
    sorts_keys = True
    equals_dict = False
    copies_own = False
    methods: ClassVar = {
        "update": update_nested, "lock": _lock, "unlock": _unlock, "unlocked": _unlocked,
        "to_dict": to_dict,
        **refused_methods("ConfigDict", {
            "copy_and_resolve_references": "use copy.deepcopy()", "copy": "use copy.deepcopy()",
            "get_ref": "write the value out", "get_oneway_ref": "write the value out",
            "ignore_type": "give the field its final type when it is created",
            "update_from_flattened_dict": "set the fields one by one",
            "values": "read the fields by name", "items": "read the fields by name",
            "iteritems": "read the fields by name", "setdefault": "set the field", "pop": "use del",
        }),
    }  # fmt: skip

    def get_attribute(self, evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value | None:
        """Methods come before fields: `ConfigDict` finds fields in `__getattr__`, which Python calls last."""
        if name in self.methods:
            return Value(Builtin(name, self.methods[name], holder), at)
        if find_method(holder, name) is not None:
            return None
        if name in holder.payload.entries:
            found: Value = holder.payload.entries[name][1]
            return found
        if name in OTHER_ATTRIBUTES:
            raise Halt(
                f"the checker cannot evaluate ConfigDict.{name}, which is not modelled", at, "leave it out"
            )
        raise evaluator.error(AttributeError, f"{name!r}", at)

    def set_item(self, evaluator: Evaluator, payload: DictObj, key: Value, value: Value, at: Origin) -> None:
        """A locked config takes no new field, and a field keeps its type unless either value is None."""
        name = key.payload
        if not isinstance(name, str):
            raise Halt(
                "the checker cannot evaluate a ConfigDict key that is not a string", at, "use strings as keys"
            )
        before = payload.entries.get(name)
        if before is None and _is_locked(payload):
            raise evaluator.error(KeyError, f"{name!r} is not in the locked ConfigDict", at)
        old, new = None if before is None else before[1].payload, value.payload
        keeps_type = old is not None and new is not None and payload.flags.get("type_safe", True)
        if keeps_type and not (isinstance(old, DictObj) and isinstance(new, DictObj)):
            store(evaluator, payload, key, _of_type(evaluator, old, value, name, at), at)
        else:
            store(evaluator, payload, key, self.convert(evaluator, value, at), at)


ML = MLConfigDict()
OTHER_ATTRIBUTES = frozenset(
    {"is_locked", "is_type_safe", "convert_dict", "eq_as_configdict", "get_type", "iteritems", "iterkeys", "itervalues",
     "to_json", "to_json_best_effort", "to_yaml"}
)  # fmt: skip
"""Attributes of the class: reading one raises no AttributeError, unlike any other name that is not a field."""


def _of_type(evaluator: Evaluator, old: Any, value: Value, name: str, at: Origin) -> Value:
    """The value that a field holds after an assignment over `old`; an int becomes the float of the field, a
    list and a tuple become each other, any other change of type is a TypeError."""
    new = value.payload
    if isinstance(old, float) and isinstance(new, int) and not isinstance(new, bool):
        return Value(float(new), value.origin)
    if isinstance(old, ListObj) and isinstance(new, TupleObj):
        return Value(ListObj(list(new.items)), value.origin)
    if isinstance(old, TupleObj) and isinstance(new, ListObj):
        return Value(TupleObj(tuple(new.items)), value.origin)
    if is_constant(old) and is_constant(new) and not isinstance(new, type(old)):
        raise evaluator.error(TypeError, f"field {name!r} keeps its type {type(old).__name__}", at)
    if type(old) is type(new) or (is_constant(old) and is_constant(new)):
        return value
    raise Halt(
        f"the checker cannot tell whether field {name!r} accepts another type", at, "set the field once"
    )


def config_dict(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`ml_collections.ConfigDict(initial)`."""
    result = DictObj({}, ML)
    for name in ("type_safe", "convert_dict"):
        if name in args.keywords:
            option = args.keywords[name].payload
            if not isinstance(option, bool):
                reason = (
                    f"the checker cannot evaluate ConfigDict({name}=...) with a value only known at run time"
                )
                raise Halt(reason, site.at, "write True or False")
            result.flags[name] = option
    given = args.positional or [
        value for name, value in args.keywords.items() if name == "initial_dictionary"
    ]
    for key, item in pairs_of(evaluator, Args(list(given[:1])), site.at):
        store(evaluator, result, key, ML.convert(evaluator, item, site.at), site.at)
    return Value(result, site.at)


def create(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`config_dict.create(a=1)`."""
    initial = DictObj({name: (Value(name, site.at), value) for name, value in args.keywords.items()})
    return config_dict(evaluator, Args([Value(initial, site.at)]), site)


FIELD_REFERENCE = refusal("ml_collections.FieldReference", "write the value out")
FROZEN = refusal("FrozenConfigDict", "use ConfigDict")


class MLCollections(Dialect):
    functions: ClassVar = {
        "ml_collections.ConfigDict": config_dict, "ml_collections.config_dict.ConfigDict": config_dict,
        "ml_collections.config_dict.create": create,
        "ml_collections.FieldReference": FIELD_REFERENCE, "ml_collections.config_dict.FieldReference": FIELD_REFERENCE,
        "ml_collections.FrozenConfigDict": FROZEN, "ml_collections.config_dict.FrozenConfigDict": FROZEN,
        "ml_collections.config_dict.placeholder": refusal("placeholder", "write a value"),
        "ml_collections.config_dict.required_placeholder": refusal("required_placeholder", "write a value"),
    }  # fmt: skip
    contexts = (inside_unlocked,)
