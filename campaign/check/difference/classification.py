"""Classifies differences: declared, derived from a declared field, confound, or unproven."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import cast

from campaign.check.claim.patterns import Path, Pattern, path_text
from campaign.check.difference.comparison import Comparison, Difference
from campaign.check.difference.derivation import (
    Location,
    differs_only_by_file_name,
    is_fully_derived,
    literal_locations,
    tainting_fields,
)
from campaign.check.difference.value_text import value_text
from campaign.check.findings import Detail, Finding, Kind
from campaign.check.values import Origin, Value
from campaign.errors import Place

INTERPOLATION = re.compile(r"\$\{([\w.\[\]]+)\}")

InterpolatedString = tuple[Path, Value, Value]
"""The path of a string with `${...}`, and the string on both sides."""


@dataclass(slots=True)
class DeclaredPatterns:
    """The compiled patterns of a declaration."""

    under_test: list[Pattern]
    labels: list[Pattern]
    derived_ok: list[Pattern]

    def all(self) -> list[Pattern]:
        return [*self.under_test, *self.labels, *self.derived_ok]


@dataclass(slots=True)
class FieldsUnderTest:
    """The fields under test that differ, each with the literals from which its values are computed."""

    fields: list[tuple[str, set[Location]]] = field(default_factory=list)

    def locations(self) -> set[Location]:
        return {location for _, locations in self.fields for location in locations}


def matches(patterns: list[Pattern], path: Path) -> bool:
    return any(pattern.match(path) is not None for pattern in patterns)


def source_place(origin: Origin) -> Place | None:
    if not origin.file:
        return None
    return Place(origin.file, origin.line or None, origin.column or None)


def classify(comparison: Comparison, patterns: DeclaredPatterns, targets: tuple[str, ...]) -> list[Finding]:
    """The findings of one pair of trees.

    Two passes: an undeclared difference can only be explained once all fields under test that differ are known.
    """
    under_test = FieldsUnderTest()
    findings: list[Finding] = []
    undeclared: list[Difference] = []
    for difference in comparison.differences:
        # Before the patterns: a cosmetic difference at a field under test does not count as a use of the pattern.
        if difference.cosmetic:
            findings.append(to_finding(difference, "cosmetic"))
        elif matches(patterns.under_test, difference.path):
            under_test.fields.append((path_text(difference.path), literal_locations(difference)))
            findings.append(to_finding(difference, "under_test"))
        elif matches(patterns.labels, difference.path):
            findings.append(to_finding(difference, "label"))
        else:
            undeclared.append(difference)
    findings += [classify_undeclared(difference, patterns, under_test, targets) for difference in undeclared]
    differing: list[tuple[str, Kind]] = [(f.path, f.kind) for f in findings if f.kind != "cosmetic"]
    return findings + interpolation_findings(comparison, patterns, differing)


def classify_undeclared(
    difference: Difference, patterns: DeclaredPatterns, under_test: FieldsUnderTest, targets: tuple[str, ...]
) -> Finding:
    if differs_only_by_file_name(difference):
        return to_finding(difference, "label", message="the value is derived only from the file's name")
    tainted_by = tainting_fields(difference, under_test.fields)
    # Before `derived_ok`: what is not known cannot be shown to follow from anything.
    if difference.unproven:
        return to_finding(difference, "unproven", tainted_by)
    if not matches(patterns.derived_ok, difference.path):
        return to_finding(difference, "confound", tainted_by)
    # A shared literal is not enough: `gamma * 100` against `gamma * 200` differs by more than the field under test.
    if tainted_by and is_fully_derived(difference, under_test.locations(), targets):
        return to_finding(difference, "derived", tainted_by)
    why = "is only partly derived from it" if tainted_by else "is not derived from a field under test"
    message = f"the field is declared in derived_ok, but the difference {why}"
    return to_finding(difference, "confound", tainted_by, message)


def to_finding(
    difference: Difference, kind: Kind, tainted_by: tuple[str, ...] = (), message: str = ""
) -> Finding:
    return Finding(
        kind=kind,
        path=path_text(difference.path),
        detail=cast(Detail, difference.detail),
        reference_value=value_text(difference.reference),
        variant_value=value_text(difference.variant),
        reference_place=source_place(difference.reference_origin),
        variant_place=source_place(difference.variant_origin),
        tainted_by=tainted_by,
        message=message or difference.message,
        suggestion=difference.suggestion,
    )


def interpolation_findings(
    comparison: Comparison, patterns: DeclaredPatterns, differing: list[tuple[str, Kind]]
) -> list[Finding]:
    """Findings for strings like `${train.lr}`: equal in both trees, different once the framework fills them in.

    A string that is filled in from another one of them differs too, so that the search repeats until it finds no more.
    """
    findings: list[Finding] = []
    declared = [*patterns.under_test, *patterns.labels]
    remaining = [item for item in comparison.interpolated_strings if not matches(declared, item[0])]
    while True:
        found = [(item, sources) for item in remaining if (sources := differing_sources(item[1], differing))]
        if not found:
            return findings
        for item, sources in found:
            remaining.remove(item)
            findings.append(_interpolation_finding(item, sources, patterns))
            differing.append((path_text(item[0]), findings[-1].kind))


def differing_sources(text: Value, differing: list[tuple[str, Kind]]) -> list[tuple[str, Kind]]:
    """The differing fields from which an interpolated string may be filled in."""
    names = INTERPOLATION.findall(text.payload)
    return [(path, kind) for path, kind in differing if any(may_refer_to(name, path) for name in names)]


def may_refer_to(name: str, path: str) -> bool:
    """Whether `${name}` may read from a path.

    It may be relative (`${.rate}`, `${..model.rate}`), or start at a part of the configuration that is a document of
    its own. Any path whose end fits, or that of one of its parents, is taken as read: too many, but never too few.
    """
    suffix = f".{name.lstrip('.')}"
    ends = [end for end in range(1, len(path) + 1) if end == len(path) or path[end] in ".["]
    return any(f".{path[:end]}".endswith(suffix) for end in ends)


def _interpolation_finding(
    item: InterpolatedString, sources: list[tuple[str, Kind]], patterns: DeclaredPatterns
) -> Finding:
    path, a, b = item
    # Filled in from a label or a confound, the string is not derived from fields under test.
    from_declared = all(kind in ("under_test", "derived") for _, kind in sources)
    return Finding(
        kind="derived" if from_declared and matches(patterns.derived_ok, path) else "confound",
        path=path_text(path),
        detail="value",
        reference_value=value_text(a),
        variant_value=value_text(b),
        reference_place=source_place(a.origin),
        variant_place=source_place(b.origin),
        tainted_by=tuple(source for source, kind in sources if kind == "under_test"),
        message=f"the string is filled in from {sources[0][0]}, which differs",
    )
