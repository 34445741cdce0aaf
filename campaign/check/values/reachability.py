"""Reachability: the payloads that a value holds, directly or through others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from campaign.check.values.value import CONSTANT_TYPES, Mutable, Value

CHILDREN: dict[type, Callable[[Any], list[Value]]] = {}
"""Payload type -> the values that it holds directly; each module of payload types adds its own."""
OPAQUE: set[type] = set()
"""Payload types that `directly_reachable` does not look into."""


def children(payload: Any) -> list[Value]:
    """The values that a payload holds directly."""
    inside = CHILDREN.get(type(payload))
    return [] if inside is None else list(inside(payload))


def reachable(values: list[Value]) -> list[Any]:
    """Every payload in the values, each once, without the constants."""
    return _inside(values, set())


def directly_reachable(values: Iterable[Value]) -> list[Any]:
    """Like `reachable`, but without the inputs of external values: those were checked when the value was recorded."""
    return _inside(values, OPAQUE)


def _inside(values: Iterable[Value], closed: set[type]) -> list[Any]:
    stack = [value.payload for value in values if type(value.payload) not in CONSTANT_TYPES]
    if not stack:
        return stack
    found: list[Any] = []
    seen: set[int] = set()
    while stack:
        payload = stack.pop()
        if id(payload) in seen:
            continue
        seen.add(id(payload))
        found.append(payload)
        kind = type(payload)
        inside = None if kind in closed else CHILDREN.get(kind)
        if inside is not None:
            stack.extend(
                [value.payload for value in inside(payload) if type(value.payload) not in CONSTANT_TYPES]
            )
    return found


def input_versions(args: tuple[Value, ...], kwargs: dict[str, Value]) -> list[tuple[Mutable, int]]:
    return versions(directly_reachable((*args, *kwargs.values())))


def versions(payloads: list[Any]) -> list[tuple[Mutable, int]]:
    return [(payload, payload.version) for payload in payloads if isinstance(payload, Mutable)]
