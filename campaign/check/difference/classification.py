"""From differences to findings: what was declared, what follows from it, what nobody declared."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, cast

from campaign.check.claim.patterns import Path, Pattern, path_text
from campaign.check.difference.comparison import Comparison, Difference
from campaign.check.difference.taint import Leaf, explaining, follows_entirely, only_file_names, places_of
from campaign.check.difference.tree import show
from campaign.check.findings import Detail, Finding, Kind
from campaign.check.values import Origin, Value
from campaign.errors import Place

INTERPOLATION = re.compile(r"\$\{([\w.\[\]]+)\}")

Role = Literal["under_test", "label", "derived_ok"]


@dataclass(slots=True)
class Patterns:
    """The compiled patterns of a declaration."""

    under_test: list[Pattern]
    labels: list[Pattern]
    derived_ok: list[Pattern]

    def every(self) -> list[Pattern]:
        return [*self.under_test, *self.labels, *self.derived_ok]


@dataclass(slots=True)
class Tested:
    """The differences at fields under test, and the literals they go back to."""

    fields: list[tuple[str, set[Leaf]]] = field(default_factory=list)

    def places(self) -> set[Leaf]:
        return {place for _, places in self.fields for place in places}


def matching(patterns: list[Pattern], path: Path) -> Pattern | None:
    return next((pattern for pattern in patterns if pattern.match(path) is not None), None)


def place(origin: Origin) -> Place | None:
    if not origin.file:
        return None
    return Place(origin.file, origin.line or None, origin.column or None)


def classify(comparison: Comparison, patterns: Patterns, targets: tuple[str, ...]) -> list[Finding]:
    """The findings of one pair of trees."""
    tested = Tested()
    findings: list[Finding] = []
    rest: list[Difference] = []
    differing: list[tuple[str, Kind]] = []
    for difference in comparison.differences:
        if difference.cosmetic:
            findings.append(finding(difference, "cosmetic"))
        elif matching(patterns.under_test, difference.path) is not None:
            tested.fields.append((path_text(difference.path), places_of(difference)))
            findings.append(finding(difference, "under_test"))
            differing.append((path_text(difference.path), "under_test"))
        elif matching(patterns.labels, difference.path) is not None:
            findings.append(finding(difference, "label"))
            differing.append((path_text(difference.path), "label"))
        else:
            rest.append(difference)
    for difference in rest:
        found = undeclared(difference, patterns, tested, targets)
        differing.append((path_text(difference.path), found.kind))
        findings.append(found)
    findings.extend(interpolated(comparison, patterns, differing))
    return findings


def undeclared(
    difference: Difference, patterns: Patterns, tested: Tested, targets: tuple[str, ...]
) -> Finding:
    if only_file_names(difference):
        return finding(difference, "label", message="derives only from the file's name")
    tainted_by = explaining(difference, tested.fields)
    if difference.unknown:
        return finding(difference, "unproven", tainted_by)
    if matching(patterns.derived_ok, difference.path) is not None:
        if tainted_by and follows_entirely(difference, tested.places(), targets):
            return finding(difference, "derived", tainted_by)
        why = "does not follow from a field under test" if not tainted_by else "follows only in part"
        return finding(difference, "confound", tainted_by, message=f"declared as derived, but {why}")
    return finding(difference, "confound", tainted_by)


def finding(
    difference: Difference, kind: Kind, tainted_by: tuple[str, ...] = (), message: str = ""
) -> Finding:
    return Finding(
        kind=kind,
        path=path_text(difference.path),
        detail=cast(Detail, difference.detail),
        reference_value=show(difference.reference),
        variant_value=show(difference.variant),
        reference_place=place(difference.reference_at),
        variant_place=place(difference.variant_at),
        tainted_by=tainted_by,
        message=message or difference.message,
        suggestion=difference.suggestion,
    )


def interpolated(
    comparison: Comparison, patterns: Patterns, differing: list[tuple[str, Kind]]
) -> list[Finding]:
    """Texts like `${train.lr}` are the same on both sides, and differ once they are filled in; so do those that
    are filled from them."""
    findings: list[Finding] = []
    left = [
        (path, a, b)
        for path, a, b in comparison.texts
        if matching([*patterns.under_test, *patterns.labels], path) is None
    ]
    while True:
        found = [(text, sources) for text in left if (sources := filled_from(text[1], differing))]
        if not found:
            return findings
        for text, sources in found:
            left.remove(text)
            findings.append(_filled(text, sources, patterns))
            differing.append((path_text(text[0]), findings[-1].kind))


def filled_from(text: Value, differing: list[tuple[str, Kind]]) -> list[tuple[str, Kind]]:
    names = INTERPOLATION.findall(text.payload)
    return [(path, kind) for path, kind in differing if any(may_mean(name, path) for name in names)]


def _filled(text: tuple[Path, Value, Value], sources: list[tuple[str, Kind]], patterns: Patterns) -> Finding:
    path, a, b = text
    derived = matching(patterns.derived_ok, path) is not None and all(
        kind in ("under_test", "derived") for _, kind in sources
    )
    return Finding(
        kind="derived" if derived else "confound",
        path=path_text(path),
        detail="value",
        reference_value=show(a),
        variant_value=show(b),
        reference_place=place(a.origin),
        variant_place=place(b.origin),
        tainted_by=tuple(source for source, kind in sources if kind == "under_test"),
        message=f"is filled from {sources[0][0]}, which differs",
    )


def may_mean(name: str, path: str) -> bool:
    """Whether `${name}` may read from a path. It may be relative (`${.rate}`, `${..model.rate}`), or start at a
    part of the configuration that is a document of its own, so the end of any path above may fit."""
    wanted = f".{name.lstrip('.')}"
    return any(
        f".{above}".endswith(wanted)
        for above in (path[:end] for end in range(1, len(path) + 1) if end == len(path) or path[end] in ".[")
    )


__all__ = ["Patterns", "classify", "matching", "place"]
