"""Values: a payload with its origin. Constants are their own payload."""

from __future__ import annotations

from typing import Any

CONSTANT_TYPES = frozenset({type(None), bool, int, float, complex, str, bytes, type(...), range, slice})


class Origin:
    """Where a value came from: a place in a file, and the origins of the values it was computed from."""

    __slots__ = ("column", "file", "kind", "line", "parents", "value")

    def __init__(
        self,
        file: str,
        line: int,
        column: int,
        parents: tuple[Origin, ...] = (),
        kind: str = "",
        value: object = None,
    ) -> None:
        self.file = file
        self.line = line
        self.column = column
        self.parents = parents
        self.kind = kind
        """`literal`, `file` (derives from `__file__` or `__name__`), or empty for what was computed."""
        self.value = value


NOWHERE = Origin("", 0, 0)


class Value:
    """A payload with its origin. Immutable; the payload may be a mutable object."""

    __slots__ = ("origin", "payload")

    def __init__(self, payload: Any, origin: Origin) -> None:
        self.payload = payload
        self.origin = origin


Key = Any
"""What identifies a payload in a dict or set: a constant is its own key, others have tagged tuples."""


class Mutable:
    """Base class of objects that have an identity and can change. `version` counts the changes; `escaped_to`
    names the external code that the object was passed to, which may have changed it unseen."""

    __slots__ = ("escaped_to", "version")

    def __init__(self) -> None:
        self.version = 0
        self.escaped_to = ""


def is_constant(payload: Any) -> bool:
    return type(payload) in CONSTANT_TYPES
