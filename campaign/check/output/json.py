"""The result as one versioned JSON document, which a campaign's folder also keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from campaign.check.findings import CheckResult, Detail, Finding, Kind, Verdict
from campaign.check.output.redaction import without_secrets
from campaign.errors import Place
from campaign.json_documents import as_json

VERSION = 1
"""Changes when a key changes its meaning or is removed."""


@dataclass(frozen=True, slots=True)
class Side:
    """The value of one side of a difference, and its place."""

    value: str
    file: str | None
    line: int | None
    column: int | None


@dataclass(frozen=True, slots=True)
class WrittenFinding:
    """One difference, or one part of the configuration that could not be proven equal."""

    kind: Kind
    path: str
    detail: Detail
    reference: Side
    variant: Side
    tainted_by: tuple[str, ...]
    message: str
    edit: str
    loads: bool


@dataclass(frozen=True, slots=True)
class WrittenVariant:
    """The findings about one variant."""

    target: str
    verdict: Verdict
    findings: tuple[WrittenFinding, ...]


@dataclass(frozen=True, slots=True)
class CheckDocument:
    """The document that `campaign check --json` prints and `check.json` in a campaign's folder holds."""

    version: int
    kind: str
    verdict: Verdict
    exit_code: int
    reference: str
    assumptions: tuple[str, ...]
    variants: tuple[WrittenVariant, ...]
    allowed: str | None
    """The reason given with `--allow-confounds`."""


def to_json(result: CheckResult, allowed: str | None = None) -> dict[str, Any]:
    """The JSON form of `CheckDocument`."""
    result = without_secrets(result)
    variants = tuple(
        WrittenVariant(variant.target, variant.verdict, tuple(map(_finding, variant.findings)))
        for variant in result.variants
    )
    document = CheckDocument(
        VERSION,
        "campaign.check",
        result.verdict,
        result.exit_code,
        result.reference,
        result.assumptions,
        variants,
        allowed,
    )
    ready: dict[str, Any] = as_json(document)
    return ready


def _finding(finding: Finding) -> WrittenFinding:
    return WrittenFinding(
        finding.kind,
        finding.path,
        finding.detail,
        _side(finding.reference_value, finding.reference_place),
        _side(finding.variant_value, finding.variant_place),
        finding.tainted_by,
        finding.message,
        finding.suggestion,
        finding.loads,
    )


def _side(value: str, place: Place | None) -> Side:
    return (
        Side(value, None, None, None) if place is None else Side(value, place.file, place.line, place.column)
    )
