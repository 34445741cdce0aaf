"""The result as one versioned JSON document, which a campaign's folder also keeps."""

from __future__ import annotations

from collections.abc import Mapping
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

    comparison: str
    """Name of the comparison that it belongs to; empty for a check of files."""
    target: str
    verdict: Verdict
    findings: tuple[WrittenFinding, ...]


@dataclass(frozen=True, slots=True)
class WrittenComparison:
    """One of the comparisons of a proof. All must hold."""

    name: str
    """`resolved conditions`, `condition modules` or `[check]`; empty for a check of files."""
    compared: str
    """What was compared, as a phrase."""
    not_compared: str
    """What the runs also depend on and was not compared; empty where there is nothing to say."""
    reference: str
    verdict: Verdict
    targets: tuple[str, ...]
    assumptions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EarlierAllowance:
    """A confound with which an earlier submit was allowed to start runs."""

    reason: str
    fields: tuple[str, ...]


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
    comparisons: tuple[WrittenComparison, ...]
    """What was compared, each with its own reference."""
    allowed: str | None
    """The reason given with `--allow-confounds`; null unless there is a confound."""
    earlier: tuple[EarlierAllowance, ...]
    """What earlier submits of the campaign were allowed: their runs are not undone by a later declaration."""


def to_json(
    result: CheckResult, allowed: str | None = None, before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The JSON form of `CheckDocument`; `before` is the document that an earlier submit recorded."""
    result = without_secrets(result)
    variants = tuple(
        WrittenVariant(part.name, variant.target, variant.verdict, tuple(map(_finding, variant.findings)))
        for part in result.comparisons
        for variant in part.variants
    )
    document = CheckDocument(
        VERSION,
        "campaign.check",
        result.verdict,
        result.exit_code,
        result.reference,
        result.assumptions,
        variants,
        tuple(map(_comparison, result.comparisons)),
        allowed if result.verdict == "confound" else None,
        _allowances(before or {}),
    )
    ready: dict[str, Any] = as_json(document)
    return ready


def _allowances(before: Mapping[str, Any]) -> tuple[EarlierAllowance, ...]:
    """Those that the earlier document lists, and its own. A document in another form has none."""
    try:
        found = [
            EarlierAllowance(str(old["reason"]), tuple(old["fields"])) for old in before.get("earlier") or ()
        ]
        if reason := before.get("allowed"):
            findings = [finding for variant in before["variants"] for finding in variant["findings"]]
            fields = sorted({str(f["path"]) for f in findings if f["kind"] == "confound"})
            found.append(EarlierAllowance(str(reason), tuple(fields)))
    except (TypeError, KeyError, AttributeError):
        return ()
    return tuple(dict.fromkeys(found))


def _comparison(part: CheckResult) -> WrittenComparison:
    targets = tuple(variant.target for variant in part.variants)
    return WrittenComparison(
        part.name,
        part.compared,
        part.not_compared,
        part.reference,
        part.verdict,
        targets,
        part.assumptions,
    )


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
