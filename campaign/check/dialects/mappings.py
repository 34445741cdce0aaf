"""Dicts with attribute access: what each framework does when one is read, set, updated or copied.

flavours: `config` (mmengine's `ConfigDict`, what a lazy base's dicts become), `ml` (ml_collections'
`ConfigDict`),  # noqa: E501
`omega` (OmegaConf's `DictConfig`, what detectron2's `LazyCall` gives), `defaultdict`.
"""

from __future__ import annotations

from typing import Any

from campaign.check.builtins.method_arguments import none
from campaign.check.builtins.methods import find_method
from campaign.check.evaluator.hashed_containers import pairs_of, store, write_item
from campaign.check.evaluator.state import Args, Evaluator, Site
from campaign.check.values import (
    PLAIN_DICT,
    Builtin,
    DictObj,
    ListObj,
    MappingDialect,
    Origin,
    TupleObj,
    Value,
    is_constant,
)
from campaign.check.values.limits import Halt, Raised


class ConfigDialect(MappingDialect):
    """mmengine's `ConfigDict`."""

    name = "config"
    equals_dict = converts_items = True

    def get_attribute(self, evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value | None:
        payload: DictObj = holder.payload
        special = SPECIAL.get((self.name, name))
        if special is not None:
            return Value(Builtin(name, special, holder), at)
        if name in payload.entries:
            return payload.entries[name][1]
        if find_method(holder, name) is None:
            raise self.missing(evaluator, name, at)
        return None

    def missing(self, evaluator: Evaluator, name: str, at: Origin) -> Halt | Raised:
        return evaluator.error(AttributeError, f"'ConfigDict' object has no attribute {name!r}", at)

    def set_attribute(
        self, evaluator: Evaluator, payload: DictObj, name: str, value: Value, at: Origin
    ) -> None:
        self.set_item(evaluator, payload, Value(name, at), value, at)

    def set_item(self, evaluator: Evaluator, payload: DictObj, key: Value, value: Value, at: Origin) -> None:
        store(evaluator, payload, key, self.convert(evaluator, value, at), at)

    def convert(self, evaluator: Evaluator, value: Value, at: Origin) -> Value:
        return nested(evaluator, value, self, at)


class OmegaDialect(ConfigDialect):
    """OmegaConf's `DictConfig`."""

    name = "omega"

    def missing(self, evaluator: Evaluator, name: str, at: Origin) -> Halt | Raised:
        return Halt(f"reads {name!r}, which the configuration does not have", at, "set it first")

    def convert_base(self, evaluator: Evaluator, value: Value, at: Origin) -> Value:
        """LazyConfig converts only plain dicts."""
        payload = value.payload
        return (
            self.convert(evaluator, value, at) if isinstance(payload, DictObj) and payload.is_plain else value
        )


class MlDialect(ConfigDialect):
    """ml_collections' `ConfigDict`."""

    name = "ml"
    sorts_keys = True
    equals_dict = False

    def get_attribute(self, evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value | None:
        payload: DictObj = holder.payload
        special = SPECIAL.get((self.name, name))
        if special is not None:
            return Value(Builtin(name, special, holder), at)
        if find_method(holder, name) is not None:
            return None
        if name in payload.entries:
            return payload.entries[name][1]
        raise evaluator.error(AttributeError, f"{name!r}", at)

    def set_item(self, evaluator: Evaluator, payload: DictObj, key: Value, value: Value, at: Origin) -> None:
        _set_ml(evaluator, payload, key, value, at)


class UnlockedDialect(MappingDialect):
    """What `config.unlocked()` of ml_collections gives: a context manager."""

    name = "unlocked"


MMENGINE = ConfigDialect()
OMEGA = OmegaDialect()
ML = MlDialect()
UNLOCKED = UnlockedDialect()


def nested(evaluator: Evaluator, value: Value, dialect: MappingDialect, at: Origin) -> Value:
    """A value as the framework stores it: its dicts (and OmegaConf's lists) are copied into its own kind."""
    payload = value.payload
    if isinstance(payload, DictObj):
        if dialect is ML and payload.dialect is ML:
            return value
        copy = DictObj({}, dialect)
        for key, item in payload.entries.values():
            store(evaluator, copy, key, nested(evaluator, item, dialect, at), at)
        return Value(copy, value.origin)
    if dialect is not ML and isinstance(payload, ListObj):
        return Value(ListObj([nested(evaluator, item, dialect, at) for item in payload.items]), value.origin)
    if dialect is OMEGA and isinstance(payload, TupleObj) and payload.cls is None:
        return Value(ListObj([nested(evaluator, item, dialect, at) for item in payload.items]), value.origin)
    if dialect is MMENGINE and isinstance(payload, TupleObj) and payload.cls is None:
        return Value(
            TupleObj(tuple(nested(evaluator, item, dialect, at) for item in payload.items)), value.origin
        )
    return value


def _set_ml(evaluator: Evaluator, payload: DictObj, key: Value, value: Value, at: Origin) -> None:
    """ml_collections: a locked dict takes no new key, and a field keeps its type."""
    name = key.payload
    if not isinstance(name, str):
        raise Halt("a ConfigDict key that is not a text", at)
    before = payload.entries.get(name)
    if before is None:
        if payload.flags.get("locked"):
            raise evaluator.error(KeyError, f"{name!r} is not in the locked ConfigDict", at)
        store(evaluator, payload, key, nested(evaluator, value, ML, at), at)
        return
    old, new = before[1].payload, value.payload
    if old is None or new is None or not payload.flags.get("type_safe", True):
        store(evaluator, payload, key, nested(evaluator, value, ML, at), at)
        return
    if isinstance(old, DictObj) and isinstance(new, DictObj):
        store(evaluator, payload, key, nested(evaluator, value, ML, at), at)
        return
    store(evaluator, payload, key, _same_type(evaluator, old, value, name, at), at)


def _same_type(evaluator: Evaluator, old: Any, value: Value, name: str, at: Origin) -> Value:
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
    raise Halt(f"sets field {name!r}, whose type may not fit", at, "set it once")


def update_config(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """mmengine's and ml_collections' `update`: nested dicts are merged."""
    payload = args.positional[0].payload
    for key, item in list(pairs_of(evaluator, Args(args.positional[1:], args.keywords), site.at)):
        merge_item(evaluator, payload, key, item, site.at)
    return none(site)


def merge_item(evaluator: Evaluator, payload: DictObj, key: Value, item: Value, at: Origin) -> None:
    known = payload.entries.get(key.payload) if is_constant(key.payload) else None
    old = known[1].payload if known is not None else None
    if isinstance(old, DictObj) and isinstance(item.payload, DictObj):
        for inner_key, inner in list(item.payload.entries.values()):
            merge_item(evaluator, old, inner_key, inner, at)
        payload.version += 1
        return
    write_item(evaluator, payload, key, item, at)


def _copy(evaluator: Evaluator, args: Args, site: Site) -> Value:
    payload = args.positional[0].payload
    copy = DictObj(dict(payload.entries), payload.dialect)
    copy.flags = dict(payload.flags)
    return Value(copy, site.at)


def _flag(name: str, value: bool) -> Any:
    def known(evaluator: Evaluator, args: Args, site: Site) -> Value:
        stack = [args.positional[0].payload]
        while stack:
            payload = stack.pop()
            payload.flags[name] = value
            stack.extend(
                item.payload
                for _, item in payload.entries.values()
                if isinstance(item.payload, DictObj) and item.payload.dialect is ML
            )
        return args.positional[0]

    return known


def _unlocked(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`with config.unlocked():` new keys are allowed; they stay allowed here, which only accepts more
    programs."""
    payload = args.positional[0].payload
    payload.flags["locked"] = False
    return Value(DictObj({}, UNLOCKED), site.at)


def _to_dict(evaluator: Evaluator, args: Args, site: Site) -> Value:
    return nested(evaluator, args.positional[0], PLAIN_DICT, site.at)


def _refuse(name: str) -> Any:
    def known(evaluator: Evaluator, args: Args, site: Site) -> Value:
        raise Halt(f"ConfigDict.{name} is not followed", site.at)

    return known


SPECIAL: dict[tuple[str, str], Any] = {
    ("config", "update"): update_config, ("ml", "update"): update_config, ("config", "merge"): _refuse("merge"),
    ("ml", "lock"): _flag("locked", True), ("ml", "unlock"): _flag("locked", False),
    ("ml", "unlocked"): _unlocked, ("ml", "to_dict"): _to_dict, ("config", "to_dict"): _to_dict,
    ("ml", "copy_and_resolve_references"): _refuse("copy_and_resolve_references"),
    ("ml", "get_ref"): _refuse("get_ref"), ("ml", "get_oneway_ref"): _refuse("get_oneway_ref"),
    ("ml", "ignore_type"): _refuse("ignore_type"), ("ml", "update_from_flattened_dict"): _refuse("update"),
    ("ml", "values"): _refuse("values"), ("ml", "items"): _refuse("items"), ("ml", "iteritems"): _refuse("iteritems"),
    ("config", "copy"): _copy, ("ml", "copy"): _refuse("copy"), ("omega", "copy"): _refuse("copy"),
    ("omega", "update"): _refuse("update"), ("omega", "setdefault"): _refuse("setdefault"),
    ("omega", "merge_with"): _refuse("merge_with"), ("ml", "setdefault"): _refuse("setdefault"),
    ("ml", "pop"): _refuse("pop"), ("config", "setdefault"): _refuse("setdefault"),
}  # fmt: skip
