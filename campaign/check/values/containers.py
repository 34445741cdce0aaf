"""Lists, tuples, sets, mappings with their views, namespaces, and iterators."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from campaign.check.values.reachability import CHILDREN
from campaign.check.values.value import NOWHERE, Key, Mutable, Origin, Value

if TYPE_CHECKING:
    from campaign.check.values.class_objects import ClassObj


class ListObj(Mutable):
    __slots__ = ("items",)

    def __init__(self, items: list[Value]) -> None:
        super().__init__()
        self.items = items


class TupleObj:
    """A tuple; one of a named tuple class has that `cls`."""

    __slots__ = ("cls", "items")

    def __init__(self, items: tuple[Value, ...], cls: ClassObj | None = None) -> None:
        self.items = items
        self.cls = cls


class SetObj(Mutable):
    __slots__ = ("frozen", "items")

    def __init__(self, items: dict[Key, Value], frozen: bool = False) -> None:
        super().__init__()
        self.items = items
        self.frozen = frozen


class MappingDialect:
    """How a type of mapping differs from `dict`. The base class is `dict` itself; each dialect overrides what
    its framework does differently."""

    name = ""
    """The prefix of the entries in fingerprints and dumps."""
    sorts_keys = False
    """Iteration gives the keys in sorted order."""
    equals_dict = False
    """Compares equal to a dict with the same entries."""
    matches_patterns = False
    """A `match` statement treats it as it treats a dict."""
    converts_items = False
    """Items are converted or checked when they are written, by `set_item`."""
    ordered = False
    """The order of the keys is part of the value."""

    def get_attribute(self, evaluator: Any, holder: Value, name: str, at: Origin) -> Value | None:
        """An attribute that the type adds; None for those of `dict`."""
        return None

    def set_attribute(self, evaluator: Any, payload: DictObj, name: str, value: Value, at: Origin) -> None:
        raise evaluator.error(AttributeError, f"'dict' object has no attribute {name!r}", at)

    def set_item(self, evaluator: Any, payload: DictObj, key: Value, value: Value, at: Origin) -> None:
        raise NotImplementedError

    def convert(self, evaluator: Any, value: Value, at: Origin) -> Value:
        """A value as the type stores it."""
        return value

    def convert_base(self, evaluator: Any, value: Value, at: Origin) -> Value:
        """A value that is imported from a base configuration of this dialect."""
        return self.convert(evaluator, value, at)


PLAIN_DICT = MappingDialect()


class DictObj(Mutable):
    """A dict, or a framework's mapping when it has another dialect than `PLAIN_DICT`."""

    __slots__ = ("dialect", "entries", "factory", "flags")

    def __init__(self, entries: dict[Key, tuple[Value, Value]], dialect: MappingDialect = PLAIN_DICT) -> None:
        super().__init__()
        self.entries = entries
        self.dialect = dialect
        self.factory: Value | None = None
        self.flags: dict[str, Any] = {}

    @property
    def is_plain(self) -> bool:
        return self.dialect is PLAIN_DICT


def pairs_in_order(payload: DictObj) -> list[tuple[Value, Value]]:
    """The entries as iteration gives them."""
    pairs = list(payload.entries.values())
    return sorted(pairs, key=lambda pair: str(pair[0].payload)) if payload.dialect.sorts_keys else pairs


class View:
    """`keys()`, `values()` or `items()` of a dict: a view, which shows every later change of the dict."""

    __slots__ = ("holder", "kind")

    def __init__(self, holder: DictObj, kind: str) -> None:
        self.holder = holder
        self.kind = kind


class Namespace:
    """`globals()`, or `vars()` of a module or instance: a dict that shares the variables or attributes."""

    __slots__ = ("holder", "names")

    def __init__(self, names: dict[str, Value], holder: Any) -> None:
        self.names = names
        self.holder = holder

    def changed(self) -> None:
        if isinstance(self.holder, Mutable):
            self.holder.version += 1


def as_dict(namespace: Namespace) -> DictObj:
    """A dict with the entries that `vars(x)` has now."""
    return DictObj({name: (Value(name, value.origin), value) for name, value in namespace.names.items()})


class IteratorObj(Mutable):
    """An iterator. It computes its elements on demand, each once, in the order that Python would."""

    __slots__ = ("source",)

    def __init__(self, source: Iterator[Value]) -> None:
        super().__init__()
        self.source = source


CHILDREN.update(
    {
        ListObj: lambda payload: payload.items,
        TupleObj: lambda payload: list(payload.items),
        SetObj: lambda payload: list(payload.items.values()),
        DictObj: lambda payload: [value for pair in payload.entries.values() for value in pair],
        View: lambda payload: [Value(payload.holder, NOWHERE)],
        Namespace: lambda payload: [Value(payload.holder, NOWHERE), *payload.names.values()],
    }
)
