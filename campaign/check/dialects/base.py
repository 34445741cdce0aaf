"""A configuration framework as the checker models it, and what several frameworks share.

To add one, write a `Dialect` in a separate file and name it in `campaign/check/dialects/registry.py`.
A function or method of the framework without a model stays external, or is refused with a reason: a model that
is only nearly right would let a false claim through.
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from campaign.check.builtins.arguments import nothing, refusal
from campaign.check.builtins.methods import find_method
from campaign.check.claim.targets import Entry, Target
from campaign.check.evaluator.hashed_containers import pairs_of, store, write_item
from campaign.check.evaluator.imports import load
from campaign.check.evaluator.state import Args, ContextModel, Evaluator, Function, Site
from campaign.check.values import (
    PLAIN_DICT,
    Builtin,
    DictObj,
    ListObj,
    MappingDialect,
    ModuleObj,
    Origin,
    TupleObj,
    Value,
    is_constant,
)
from campaign.check.values.limits import Halt, Raised

Roots = tuple[dict[str, Value], bool]
"""The configuration of a target by name, and whether paths leave that name out because it is the only one."""


class Dialect:
    """One configuration framework: its functions, its context managers, and how its files are loaded."""

    entry = ""
    """The entry kind that selects it, as in `entry = "mmengine"`; empty when a file never needs to say so."""
    functions: ClassVar[Mapping[str, Function]] = {}
    """Models of the framework's functions and classes, by dotted name."""
    constants: ClassVar[Mapping[str, Any]] = {}
    contexts: tuple[ContextModel, ...] = ()

    def loads(self, evaluator: Evaluator, target: Target, entry: Entry | None) -> bool:
        """Whether `load` reads this target."""
        return entry is not None and bool(self.entry) and entry.kind == self.entry

    def load(self, evaluator: Evaluator, target: Target, entry: Entry | None) -> Roots:
        raise NotImplementedError


def load_module(evaluator: Evaluator, target: Target) -> ModuleObj:
    """The evaluated module of a target, after the package that it is in, as an import runs them."""
    at = start_of(evaluator, target)
    package_file = os.path.join(os.path.dirname(target.path), "__init__.py")
    if evaluator.sources.is_file(package_file) and package_file != target.path:
        load(evaluator, package_file, os.path.basename(os.path.dirname(target.path)), at)
    name = at.file.removesuffix(".py").replace("/", ".")
    return load(evaluator, target.path, name, at)


def start_of(evaluator: Evaluator, target: Target) -> Origin:
    return Origin(evaluator.sources.display_path(target.path), 1, 1)


def tuple_of(items: list[Value]) -> TupleObj:
    return TupleObj(tuple(items))


class AttributeMapping(MappingDialect):
    """A dict whose keys are attributes too, and which converts the containers that are stored in it."""

    equals_dict = converts_items = True
    methods: ClassVar[Mapping[str, Function]] = {}
    """Methods that differ from those of `dict`."""
    sequences: ClassVar[Mapping[type, Callable[[list[Value]], Any]]] = {}
    """What lists and tuples become; one that is not named here is stored as it is."""
    copies_own = True
    """Storing a mapping of this dialect copies it; False where the framework stores the object itself."""

    def get_attribute(self, evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value | None:
        payload: DictObj = holder.payload
        if name in self.methods:
            return Value(Builtin(name, self.methods[name], holder), at)
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
        return converted(evaluator, value, self, at, self.sequences, self.copies_own)

    def new(self, evaluator: Evaluator, args: Args, site: Site) -> Value:
        """A call of the class with what `dict` takes."""
        result = DictObj({}, self)
        for key, item in pairs_of(evaluator, args, site.at):
            store(evaluator, result, key, self.convert(evaluator, item, site.at), site.at)
        return Value(result, site.at)


def converted(
    evaluator: Evaluator,
    value: Value,
    dialect: MappingDialect,
    at: Origin,
    sequences: Mapping[type, Callable[[list[Value]], Any]],
    copies_own: bool = True,
) -> Value:
    """A value as a framework stores it: dicts are copied into its mapping, sequences as `sequences` says.

    The copy is as deep as the framework's, because an object that both sides of a copy share can be changed
    through either of them.
    """
    payload = value.payload
    if isinstance(payload, DictObj):
        if not copies_own and payload.dialect is dialect:
            return value
        copy = DictObj({}, dialect)
        for key, item in payload.entries.values():
            inner = converted(evaluator, item, dialect, at, sequences, copies_own)
            store(evaluator, copy, key, inner, at)
        return Value(copy, value.origin)
    becomes = sequences.get(type(payload))
    if becomes is None or getattr(payload, "cls", None) is not None:  # named tuples are stored as they are
        return value
    items = [converted(evaluator, item, dialect, at, sequences, copies_own) for item in payload.items]
    return Value(becomes(items), value.origin)


def to_dict(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`config.to_dict()`: plain dicts all the way down."""
    return converted(evaluator, args.positional[0], PLAIN_DICT, site.at, {ListObj: ListObj})


def update_nested(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """The `update` of mmengine and ml_collections: a dict over a dict is merged, not replaced."""
    payload = args.positional[0].payload
    # A list: a config may be updated with itself.
    for key, item in list(pairs_of(evaluator, Args(args.positional[1:], args.keywords), site.at)):
        _merge_item(evaluator, payload, key, item, site.at)
    return nothing(site)


def _merge_item(evaluator: Evaluator, payload: DictObj, key: Value, item: Value, at: Origin) -> None:
    before = payload.entries.get(key.payload) if is_constant(key.payload) else None
    old = before[1].payload if before is not None else None
    if isinstance(old, DictObj) and isinstance(item.payload, DictObj):
        for inner_key, inner in list(item.payload.entries.values()):
            _merge_item(evaluator, old, inner_key, inner, at)
        payload.version += 1
        return
    write_item(evaluator, payload, key, item, at)


def refused_methods(cls: str, suggestions: Mapping[str, str]) -> dict[str, Function]:
    """Methods without a model: calling `dict`'s in their place would give another value."""
    return {name: refusal(f"{cls}.{name}()", suggestion) for name, suggestion in suggestions.items()}
