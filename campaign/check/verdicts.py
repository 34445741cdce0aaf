"""From differences to findings: what was declared, what follows from it, what nobody declared."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, cast

from campaign.check.difference import Comparison, Difference
from campaign.check.findings import Detail, Finding, Kind
from campaign.check.patterns import Path, Pattern, path_text
from campaign.check.taint import Leaf, explaining, follows_entirely, only_file_names, places_of
from campaign.check.tree import show
from campaign.check.values import Origin
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
        edit=difference.edit,
    )


def interpolated(
    comparison: Comparison, patterns: Patterns, differing: list[tuple[str, Kind]]
) -> list[Finding]:
    """Texts like `${train.lr}` are the same on both sides, and differ once they are filled in."""
    findings = []
    for path, a, b in comparison.texts:
        if matching([*patterns.under_test, *patterns.labels], path) is not None:
            continue
        for name in INTERPOLATION.findall(a.payload):
            sources = [
                (text, kind)
                for text, kind in differing
                if text == name or text.startswith((f"{name}.", f"{name}["))
            ]
            if not sources:
                continue
            derived = matching(patterns.derived_ok, path) is not None and all(
                kind == "under_test" for _, kind in sources
            )
            findings.append(
                Finding(
                    kind="derived" if derived else "confound",
                    path=path_text(path),
                    detail="value",
                    reference_value=show(a),
                    variant_value=show(b),
                    reference_place=place(a.origin),
                    variant_place=place(b.origin),
                    tainted_by=tuple(text for text, kind in sources if kind == "under_test"),
                    message=f"is filled from {name}, which differs",
                )
            )
    return findings


__all__ = ["Patterns", "classify", "matching", "place"]
