"""Where values come from: which field under test explains a difference, and whether it explains all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from campaign.check.difference.comparison import Difference
from campaign.check.values import Origin, Value, children, is_constant, reachable

VISITED = 50_000
"""Origins that are looked at to explain one difference."""

Leaf = tuple[str, int, int]


def all_leaves(value: Value | None) -> list[Origin]:
    """The literals and file names that a value, and everything in it, goes back to."""
    if value is None:
        return []
    stack = [value.origin]
    for payload in reachable([value])[:5_000]:
        stack.extend(inner.origin for inner in children(payload)[:5_000])
    found: list[Origin] = []
    seen: set[int] = set()
    while stack and len(seen) < VISITED:
        origin = stack.pop()
        if id(origin) in seen:
            continue
        seen.add(id(origin))
        if origin.kind:
            found.append(origin)
        stack.extend(origin.parents)
    return found


def literal_places(value: Value | None) -> set[Leaf]:
    return {(leaf.file, leaf.line, leaf.column) for leaf in all_leaves(value) if leaf.kind == "literal"}


def places_of(difference: Difference) -> set[Leaf]:
    return literal_places(difference.reference) | literal_places(difference.variant)


def explaining(difference: Difference, under_test: Iterable[tuple[str, set[Leaf]]]) -> tuple[str, ...]:
    """The fields under test whose differing literals flow into this place."""
    mine = places_of(difference)
    return tuple(path for path, places in under_test if places & mine)


def follows_entirely(difference: Difference, tested: set[Leaf], targets: tuple[str, ...]) -> bool:
    """Whether, the literals of fields under test aside, both sides go back to the same literals of their
    files."""

    def rest(value: Value | None) -> Counter[str]:
        return Counter(
            repr(leaf.value)
            for leaf in all_leaves(value)
            if leaf.kind == "literal"
            and leaf.file in targets
            and (leaf.file, leaf.line, leaf.column) not in tested
        )

    return rest(difference.reference) == rest(difference.variant)


def only_file_names(difference: Difference) -> bool:
    """Whether two texts differ only because the files have different names."""
    a, b = difference.reference, difference.variant
    if a is None or b is None:
        return False
    sides = [all_leaves(value) for value in (a, b)]
    if not all(any(leaf.kind == "file" for leaf in side) for side in sides):
        return False
    if is_constant(a.payload) and is_constant(b.payload):
        if not (isinstance(a.payload, str) and isinstance(b.payload, str)):
            return False
    elif not difference.unknown:
        return False
    rest = [Counter(repr(leaf.value) for leaf in side if leaf.kind == "literal") for side in sides]
    return rest[0] == rest[1]


__all__ = ["explaining", "follows_entirely", "literal_places", "only_file_names", "places_of"]
