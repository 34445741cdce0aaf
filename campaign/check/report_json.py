"""The answer as one versioned JSON document, the form that a campaign's folder keeps."""

from __future__ import annotations

from typing import Any

from campaign.check.findings import CheckResult, Finding
from campaign.errors import Place

VERSION = 1


def to_json(result: CheckResult) -> dict[str, Any]:
    """JSON-able; `version` changes when a key changes its meaning or goes away."""
    return {
        "version": VERSION,
        "kind": "campaign.check",
        "verdict": result.verdict,
        "exit_code": result.exit_code,
        "reference": result.reference,
        "assumptions": list(result.assumptions),
        "variants": [
            {
                "target": variant.target,
                "verdict": variant.verdict,
                "findings": [_finding(finding) for finding in variant.findings],
            }
            for variant in result.variants
        ],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "path": finding.path,
        "detail": finding.detail,
        "reference": {"value": finding.reference_value, **_place(finding.reference_place)},
        "variant": {"value": finding.variant_value, **_place(finding.variant_place)},
        "tainted_by": list(finding.tainted_by),
        "message": finding.message,
        "edit": finding.edit,
        "loads": finding.loads,
    }


def _place(place: Place | None) -> dict[str, Any]:
    if place is None:
        return {"file": None, "line": None, "column": None}
    return {"file": place.file, "line": place.line, "column": place.column}
