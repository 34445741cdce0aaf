"""Hydra's structured configs: dataclasses stored in the `ConfigStore`, as `entry = "hydra"` loads them.

The configuration of a file is what it stores, by group and name. Everything else that Hydra would mix in (YAML
files, a `defaults` list, `compose`) is refused: passing it over would compare less than what runs.
"""

from __future__ import annotations

import ast
from functools import partial
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from campaign.check.claim.targets import Entry, Target
from campaign.check.dialects.base import Dialect, Roots, load_module, start_of
from campaign.check.evaluator.external_calls import call_external
from campaign.check.evaluator.hashed_containers import store
from campaign.check.evaluator.state import Args, Evaluator, Site
from campaign.check.values import (
    EXTERNAL,
    Builtin,
    ClassObj,
    DataField,
    DictObj,
    ExternalCall,
    ExternalName,
    InstObj,
    ListObj,
    Origin,
    Partial,
    TupleObj,
    Unknown,
    Value,
    children,
    is_constant,
    reachable,
)
from campaign.check.values.limits import Halt

CONFIG_STORE = "hydra.core.config_store.ConfigStore"
PARAMETERS = ("name", "node", "group", "package", "provider")
MISSING = "???"
"""OmegaConf's mark for a field that has no value yet."""
PACKAGES = "@packages"
"""Where the tree keeps the `package` of each config."""
UNMODELLED = ("repo", "load", "list", "get_type", "instance", "_load", "_open")
COMPOSING = ("hydra.compose", "hydra.initialize", "hydra.experimental", f"{CONFIG_STORE}WithProvider")
LOADS_NO_YAML = "hydra.main(version_base=None, config_path=None, ...)"


class Repository:
    """What one evaluation stores. The `ConfigStore` itself is a singleton of the process."""

    def __init__(self) -> None:
        self.nodes = DictObj({})
        self.singleton: Value | None = None


REPOSITORIES: WeakKeyDictionary[Evaluator, Repository] = WeakKeyDictionary()
"""Of the evaluations whose entry is `hydra`."""


def _instance(name: str, evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`ConfigStore.instance()`; external under any other entry, where a store is an effect to compare."""
    repository = REPOSITORIES.get(evaluator)
    if repository is None:
        external = ExternalName(name, "hydra.core.config_store", len(evaluator.effects))
        return call_external(evaluator, Value(external, site.at), args, site.at)
    if repository.singleton is None:
        repository.singleton = _new_store(repository, site)
    return repository.singleton


def _new_store(repository: Repository, site: Site) -> Value:
    """An instance of a class without methods. Its `store` is a partial over the nodes: a shallow copy of the
    store shares them, as in Python, and a deep copy, which would not, is refused for partials."""
    at = site.at
    builtin = Value(Builtin("ConfigStore.store", _store), at)
    method = Partial(builtin, (Value(repository.nodes, at),), {})
    others = {
        name: Value(Unknown(f"ConfigStore.{name} is not modelled", "only store configurations"), at)
        for name in UNMODELLED
    }
    cls = ClassObj("ConfigStore", "ConfigStore", site.scope.module, ())
    return Value(InstObj(cls, {**others, "store": Value(method, at)}), at)


def _store(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`store(name, node, group, package)`: the last node of a name wins; `provider` only appears in messages."""
    at, nodes = site.at, args.positional[0].payload
    given = _parameters(evaluator, args, at)
    name = _string(given, "name", at).removesuffix(".yaml")
    groups = [part for part in _string(given, "group", at).split("/") if part]
    package = _string(given, "package", at)
    where = ".".join([*groups, name])
    if "." in name:
        raise Halt(
            f"the checker cannot store {name!r}: a name with a dot is not a field",
            at,
            "use a name without dots",
        )
    node = structured(evaluator, given["node"], at)
    _refuse_defaults(node, where, at)
    into = nodes
    for group in groups:
        into = _group(evaluator, into, group, at)
    if name in into.entries and _is_group(into.entries[name][1].payload):
        raise Halt(f"the checker cannot store {where!r}: a group has that name", at, "rename one of them")
    store(evaluator, into, Value(name, at), node, at)
    if package:
        packages = _group(evaluator, nodes, PACKAGES, at)
        store(evaluator, packages, Value(where, at), given["package"], at)
    return Value(None, at)


def _parameters(evaluator: Evaluator, args: Args, at: Origin) -> dict[str, Value]:
    given = dict(zip(PARAMETERS, args.positional[1:], strict=False)) | args.keywords
    count = len(args.positional) - 1 + len(args.keywords)
    if count != len(given) or not {"name", "node"} <= given.keys() <= set(PARAMETERS):
        raise evaluator.error(TypeError, "ConfigStore.store() does not take these arguments", at)
    return given


def _string(given: dict[str, Value], parameter: str, at: Origin) -> str:
    """A string that is given, or an empty one for None."""
    payload = given[parameter].payload if parameter in given else None
    if not (payload is None and parameter != "name") and not isinstance(payload, str):
        reason = f"the checker cannot evaluate the {parameter} of ConfigStore.store(): it is only known at run time"
        raise Halt(reason, at, "write a string")
    return payload or ""


def _group(evaluator: Evaluator, into: DictObj, name: str, at: Origin) -> DictObj:
    if name not in into.entries:
        group = DictObj({})
        group.flags["group"] = True
        store(evaluator, into, Value(name, at), Value(group, at), at)
    payload: DictObj = into.entries[name][1].payload
    if not _is_group(payload):
        raise Halt(
            f"the checker cannot store into group {name!r}: a config has that name", at, "rename one of them"
        )
    payload.version += 1
    return payload


def _is_group(payload: Any) -> bool:
    """Whether a level of the tree is a group, and not a dict that was stored."""
    return isinstance(payload, DictObj) and "group" in payload.flags


def structured(evaluator: Evaluator, value: Value, at: Origin) -> Value:
    """A copy of a node, as `OmegaConf.structured` makes one when it is stored: changing the dataclass instance
    later does not change the config. A dataclass itself stands for its defaults."""
    payload = value.payload
    evaluator.readable(payload, at)
    if isinstance(payload, ClassObj):
        return Value(_defaults_of(evaluator, payload, at), value.origin)
    if isinstance(payload, InstObj) and payload.cls.kind != "enum":
        return Value(_instance_of(evaluator, payload, at), value.origin)
    if isinstance(payload, ListObj | TupleObj) and getattr(payload, "cls", None) is None:
        items = [structured(evaluator, item, at) for item in payload.items]
        return Value(ListObj(items), value.origin)
    if isinstance(payload, DictObj) and payload.is_plain:
        entries = {
            key: (name, structured(evaluator, item, at)) for key, (name, item) in payload.entries.items()
        }
        return Value(DictObj(entries), value.origin)
    if is_constant(payload) or isinstance(payload, (InstObj, *EXTERNAL)):
        return value
    suggestion = "use dataclasses, dicts, lists and plain values"
    raise Halt(
        "the checker cannot evaluate a stored value of this type: OmegaConf has no such node", at, suggestion
    )


def _fields(cls: ClassObj, at: Origin) -> list[DataField]:
    if cls.kind != "dataclass" or cls.external:
        raise Halt(
            f"the checker cannot evaluate stored class {cls.name}: it is not a dataclass",
            at,
            "add @dataclass to it",
        )
    for base in cls.mro:
        base.exposed = True  # OmegaConf converts values by the annotations, so these are compared as well
    return [field for field in cls.fields if not field.init_only]


def _defaults_of(evaluator: Evaluator, cls: ClassObj, at: Origin) -> InstObj:
    """A dataclass that is stored without an instance: no `__post_init__` runs, required fields are missing."""
    values: dict[str, Value] = {}
    for name, field in ((field.name, field.field) for field in _fields(cls, at)):
        default = Value(MISSING, at) if field.default is None else field.default
        if field.factory is not None:
            default = evaluator.call(field.factory, Args([]), at)
        values[name] = _field_value(evaluator, cls, name, default, at)
    return InstObj(cls, values)


def _instance_of(evaluator: Evaluator, payload: InstObj, at: Origin) -> InstObj:
    """Only the fields: an attribute that `__post_init__` adds is not part of the config."""
    cls, holder = payload.cls, Value(payload, at)
    values: dict[str, Value] = {}
    for name in (field.name for field in _fields(cls, at)):
        item = evaluator.get_attribute(holder, name, at)
        values[name] = _field_value(evaluator, cls, name, item, at)
    return InstObj(cls, values)


def _field_value(evaluator: Evaluator, cls: ClassObj, name: str, value: Value, at: Origin) -> Value:
    """A value as its field stores it. OmegaConf converts by the annotation: the int of a float field becomes a
    float. The rarer conversions, as of a string to a number, are left out: both sides have equal annotations, or
    are unproven, so values that are equal before a conversion are equal after it."""
    if type(value.payload) is int:
        owner = next(base for base in cls.mro if name in base.annotations)
        annotation = owner.annotations[name]
        if isinstance(annotation, ast.Name) and annotation.id == "float":
            if "float" not in owner.module.scope.vars:
                return Value(float(value.payload), value.origin)
    return structured(evaluator, value, at)


def _refuse_defaults(node: Value, where: str, at: Origin) -> None:
    payload = node.payload
    names: Any = ()
    if isinstance(payload, InstObj):
        names = payload.attrs
    elif isinstance(payload, DictObj):
        names = payload.entries
    elif isinstance(payload, ExternalCall):
        names = payload.kwargs
    else:
        raise Halt(
            f"the checker cannot evaluate config {where!r}: it is neither a dataclass nor a dict",
            at,
            "store a dataclass",
        )
    if "defaults" in names:
        reason = f"the checker cannot evaluate the `defaults` list of config {where!r}: what Hydra composes is not modelled"
        raise Halt(reason, at, "give each group its own field with a dataclass instead of `defaults`")


def _refuse_unmodelled(evaluator: Evaluator, values: list[Value], nodes: DictObj, at: Origin) -> None:
    """Refuses what would add to the stored configs, or fill fields from places that composing moves."""
    stored = [value for pair in nodes.entries.values() for value in pair]
    calls = _calls_by_name(evaluator, [*values, *stored])
    if not all(_loads_no_yaml(call) for call in calls.get("hydra.main", ())):
        reason = (
            "the checker cannot evaluate hydra.main() with a config_path: its YAML files are not modelled"
        )
        raise Halt(reason, at, f"write {LOADS_NO_YAML} and store the configs")
    composing = next((name for name in calls if name.startswith(COMPOSING)), None)
    if composing is not None:
        reason = f"the checker cannot evaluate {composing}(): what Hydra composes is not modelled"
        raise Halt(reason, at, "leave composing to hydra.main()")
    grouped = any(_is_group(item.payload) for _, item in nodes.entries.values())
    if grouped and _interpolates(stored):
        # The tree has `optim.adam.lr` where the composed config, which `${optim.lr}` reads, has `optim.lr`.
        reason = "the checker cannot evaluate `${...}` beside groups: composing places their fields elsewhere"
        raise Halt(reason, at, "write the value out, or store one config without groups")


def _calls_by_name(evaluator: Evaluator, values: list[Value]) -> dict[str, list[ExternalCall]]:
    """The external calls that the values and the effects of an evaluation hold, by the name that is called."""
    # An effect that is a bare call, such as `hydra.initialize("conf")`, has its name and no target.
    calls: dict[str, list[ExternalCall]] = {effect.name: [] for effect in evaluator.effects}
    for effect in evaluator.effects:
        values += [*effect.args, *effect.kwargs.values(), *([effect.target] if effect.target else [])]
    for payload in reachable(values):
        if isinstance(payload, ExternalCall) and isinstance(payload.callee.payload, ExternalName):
            calls.setdefault(payload.callee.payload.name, []).append(payload)
    return calls


def _loads_no_yaml(call: ExternalCall) -> bool:
    """From `version_base` 1.2 on, and with None, no `config_path` means that no folder is searched."""
    path = call.args[0] if call.args else call.kwargs.get("config_path")
    base = call.args[2] if len(call.args) > 2 else call.kwargs.get("version_base")
    if path is not None:
        return path.payload is None
    return base is not None and base.payload in (None, "1.2", "1.3")


def _interpolates(values: list[Value]) -> bool:
    """Whether any string in the values is filled from another field. `reachable` leaves constants out."""
    inside = [value for payload in reachable(values) for value in children(payload)]
    return any(isinstance(value.payload, str) and "${" in value.payload for value in (*values, *inside))


class Hydra(Dialect):
    entry = "hydra"
    constants: ClassVar = {"omegaconf.MISSING": MISSING}
    # The metaclass makes every call of the class return the one instance, as `instance()` does.
    functions: ClassVar = {
        name: partial(_instance, name) for name in (CONFIG_STORE, f"{CONFIG_STORE}.instance")
    }

    def load(self, evaluator: Evaluator, target: Target, entry: Entry | None) -> Roots:
        at = start_of(evaluator, target)
        repository = REPOSITORIES[evaluator] = Repository()
        nodes = repository.nodes
        module = load_module(evaluator, target)
        evaluator.readable(nodes, at)
        _refuse_unmodelled(evaluator, list(module.scope.vars.values()), nodes, at)
        if not nodes.entries:
            reason = f"{at.file} stores nothing in the ConfigStore"
            raise Halt(reason, at, "store a config, or name the configuration with another entry")
        return {str(key): item for key, (_, item) in nodes.entries.items()}, False
