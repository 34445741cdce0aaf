"""The literals and file names from which values are computed: which field under test explains a difference, and
whether it explains all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from campaign.check.difference.comparison import Difference
from campaign.check.values import Origin, Value, children, is_constant, reachable

MAX_ORIGINS = 50_000
"""Origins that are visited to explain one difference."""
MAX_PARTS = 5_000

Location = tuple[str, int, int]
"""File, line and column of a literal."""


def source_origins(value: Value | None) -> list[Origin]:
    """The literals and file names from which a value, and everything in it, is computed."""
    if value is None:
        return []
    stack = [value.origin]
    for payload in reachable([value])[:MAX_PARTS]:
        stack.extend(inner.origin for inner in children(payload)[:MAX_PARTS])
    found: list[Origin] = []
    seen: set[int] = set()
    while stack and len(seen) < MAX_ORIGINS:
        origin = stack.pop()
        if id(origin) in seen:
            continue
        seen.add(id(origin))
        if origin.kind:
            found.append(origin)
        # The parents hold the operands of a computation and the tests that led to it: data and control dependences.
        stack.extend(origin.parents)
    return found


def location(origin: Origin) -> Location:
    return (origin.file, origin.line, origin.column)


def literal_locations(difference: Difference) -> set[Location]:
    # By place, not by value: two literals 8 at two places of a file are two choices.
    origins = source_origins(difference.reference) + source_origins(difference.variant)
    return {location(origin) for origin in origins if origin.kind == "literal"}


def tainting_fields(
    difference: Difference, under_test: Iterable[tuple[str, set[Location]]]
) -> tuple[str, ...]:
    """The fields under test that share a literal with a difference, so that their value flows into it."""
    mine = literal_locations(difference)
    return tuple(path for path, locations in under_test if locations & mine)


def is_fully_derived(difference: Difference, under_test: set[Location], targets: tuple[str, ...]) -> bool:
    """Whether both sides are computed from the same literals of the two files, apart from those under test.

    The counts matter: `n * 2` and `n * 2 * 2` hold the same set of literals. Literals of files that both sides
    import are the same for both, and are left out.
    """

    def other_literals(value: Value | None) -> Counter[str]:
        # By value, not by place: the same expression may be on another line of the other file.
        return Counter(
            repr(origin.value)
            for origin in source_origins(value)
            if origin.kind == "literal" and origin.file in targets and location(origin) not in under_test
        )

    return other_literals(difference.reference) == other_literals(difference.variant)


def differs_only_by_file_name(difference: Difference) -> bool:
    """Whether two strings differ only because the files have different names."""
    a, b = difference.reference, difference.variant
    if a is None or b is None or not _may_be_label(difference, a, b):
        return False
    left, right = source_origins(a), source_origins(b)
    both_named = all(any(origin.kind == "file" for origin in side) for side in (left, right))
    return both_named and _literal_values(left) == _literal_values(right)


def _may_be_label(difference: Difference, a: Value, b: Value) -> bool:
    """Strings, or values that may be strings at run time. A number that is computed from the file's name is not a label:
    `1 if "big" in __file__ else 2` decides something."""
    if is_constant(a.payload) and is_constant(b.payload):
        return isinstance(a.payload, str) and isinstance(b.payload, str)
    return difference.unproven


def _literal_values(origins: list[Origin]) -> Counter[str]:
    return Counter(repr(origin.value) for origin in origins if origin.kind == "literal")
