"""Dicts with attribute access: what each framework does when one is read, set, updated or copied.

flavours: `config` (mmengine's `ConfigDict`, what a lazy base's dicts become), `ml` (ml_collections'
`ConfigDict`),  # noqa: E501
`omega` (OmegaConf's `DictConfig`, what detectron2's `LazyCall` gives), `defaultdict`.
"""

from __future__ import annotations

from typing import Any

from campaign.check.builtins.dict_methods import pairs_of
from campaign.check.builtins.method_arguments import none
from campaign.check.builtins.methods import find_method
from campaign.check.evaluator.operators import store
from campaign.check.evaluator.state import Args, Evaluator, Site
from campaign.check.values.lattice import Builtin, DictObj, ListObj, Origin, TupleObj, Value, is_constant
from campaign.check.values.limits import Halt

ATTRIBUTES = frozenset({"config", "ml", "omega"})
NESTS = {"ml": "ml", "omega": "omega", "config": "config"}


def mapping_attribute(
    evaluator: Evaluator, holder: Value, payload: DictObj, name: str, at: Origin
) -> Value | None:
    special = SPECIAL.get((payload.flavour, name))
    if special is not None:
        return Value(Builtin(name, special, holder), at)
    if payload.flavour in ATTRIBUTES and payload.flavour != "ml" and name in payload.entries:
        return payload.entries[name][1]
    if payload.flavour == "ml" and find_method(holder, name) is None:
        if name in payload.entries:
            return payload.entries[name][1]
        raise evaluator.error(AttributeError, f"{name!r}", at)
    if payload.flavour in ATTRIBUTES and find_method(holder, name) is None:
        if payload.flavour == "omega":
            raise Halt(f"reads {name!r}, which the configuration does not have", at, "set it first")
        raise evaluator.error(AttributeError, f"'ConfigDict' object has no attribute {name!r}", at)
    return None


def set_mapping_attribute(
    evaluator: Evaluator, payload: DictObj, name: str, value: Value, at: Origin
) -> None:
    if payload.flavour not in ATTRIBUTES:
        raise evaluator.error(AttributeError, f"'dict' object has no attribute {name!r}", at)
    set_mapping_item(evaluator, payload, Value(name, at), value, at)


def set_mapping_item(evaluator: Evaluator, payload: DictObj, key: Value, value: Value, at: Origin) -> None:
    if payload.flavour == "ml":
        _set_ml(evaluator, payload, key, value, at)
    elif payload.flavour in ("omega", "config"):
        store(evaluator, payload, key, nested(evaluator, value, payload.flavour, at), at)
    else:
        store(evaluator, payload, key, value, at)


def nested(evaluator: Evaluator, value: Value, flavour: str, at: Origin) -> Value:
    """A value as the framework stores it: its dicts (and OmegaConf's lists) are copied into its own kind."""
    payload = value.payload
    if isinstance(payload, DictObj):
        if flavour == "ml" and payload.flavour == "ml":
            return value
        copy = DictObj({}, flavour)
        for key, item in payload.entries.values():
            store(evaluator, copy, key, nested(evaluator, item, flavour, at), at)
        return Value(copy, value.origin)
    if flavour != "ml" and isinstance(payload, ListObj):
        return Value(ListObj([nested(evaluator, item, flavour, at) for item in payload.items]), value.origin)
    if flavour == "omega" and isinstance(payload, TupleObj) and payload.cls is None:
        return Value(ListObj([nested(evaluator, item, flavour, at) for item in payload.items]), value.origin)
    if flavour == "config" and isinstance(payload, TupleObj) and payload.cls is None:
        return Value(
            TupleObj(tuple(nested(evaluator, item, flavour, at) for item in payload.items)), value.origin
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
        store(evaluator, payload, key, nested(evaluator, value, "ml", at), at)
        return
    old, new = before[1].payload, value.payload
    if old is None or new is None or not payload.flags.get("type_safe", True):
        store(evaluator, payload, key, nested(evaluator, value, "ml", at), at)
        return
    if isinstance(old, DictObj) and isinstance(new, DictObj):
        store(evaluator, payload, key, nested(evaluator, value, "ml", at), at)
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
    set_mapping_item(evaluator, payload, key, item, at)


def _copy(evaluator: Evaluator, args: Args, site: Site) -> Value:
    payload = args.positional[0].payload
    copy = DictObj(dict(payload.entries), payload.flavour)
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
                if isinstance(item.payload, DictObj) and item.payload.flavour == "ml"
            )
        return args.positional[0]

    return known


def _unlocked(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`with config.unlocked():` new keys are allowed; they stay allowed here, which only accepts more
    programs."""
    payload = args.positional[0].payload
    payload.flags["locked"] = False
    return Value(DictObj({}, "unlocked"), site.at)


def _to_dict(evaluator: Evaluator, args: Args, site: Site) -> Value:
    return nested(evaluator, args.positional[0], "", site.at)


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
