"""The result as SARIF 2.1.0, for code scanning."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple
from urllib.parse import quote

from campaign.check.findings import CheckResult, Finding, VariantResult
from campaign.check.output.redaction import without_secrets
from campaign.errors import Place

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


class Rule(NamedTuple):
    name: str
    text: str
    level: str
    help: str
    """How to resolve a finding of the rule."""


RULES = {
    "CC001": Rule(
        "confound",
        "Variants differ in a field that is not under test.",
        "error",
        "Give the variant the reference's value, or name the field in under_test if it is part of the question.",
    ),
    "CC002": Rule(
        "tainted-confound",
        "The value of a field under test flows into a field that is not under test.",
        "error",
        "Set the field independently, or name it in derived_ok if it must be derived from the field under test.",
    ),
    "CC003": Rule(
        "unproven",
        "It cannot be proven that variants are equal outside the fields under test.",
        "warning",
        "Make the edit that the message names; it makes the field provable.",
    ),
    "CC004": Rule(
        "does-not-load",
        "A configuration cannot be evaluated.",
        "warning",
        "Correct what the message names: the file does not parse, raises, or uses a construct that is not supported.",
    ),
}


def to_sarif(result: CheckResult, version: str) -> dict[str, Any]:
    result = without_secrets(result)
    rules = [
        {
            "id": rule,
            "name": what.name,
            "shortDescription": {"text": what.text},
            "fullDescription": {"text": f"{what.text} {what.help}"},
            "help": {"text": what.help},
            "defaultConfiguration": {"level": what.level},
        }
        for rule, what in RULES.items()
    ]
    results = [
        _result(part, variant, finding)
        for part in result.comparisons
        for variant in part.variants
        for finding in variant.findings
        if finding.kind in ("confound", "unproven")
    ]
    run = {
        "tool": {"driver": {"name": "campaign check", "version": version, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    if any(part.name for part in result.comparisons):
        run["properties"] = {"comparisons": [_comparison(part) for part in result.comparisons]}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _comparison(part: CheckResult) -> dict[str, str]:
    """One comparison of a campaign's proof, for the property bag of the run: results alone do not say what holds."""
    return {
        "name": part.name,
        "compared": part.compared,
        "not_compared": part.not_compared,
        "reference": part.reference,
        "verdict": part.verdict,
    }


def rule_of(finding: Finding) -> str:
    if finding.kind == "confound":
        return "CC002" if finding.tainted_by else "CC001"
    return "CC003" if finding.loads else "CC004"


def _result(result: CheckResult, variant: VariantResult, finding: Finding) -> dict[str, Any]:
    rule = rule_of(finding)
    answer: dict[str, Any] = {
        "ruleId": rule,
        "ruleIndex": list(RULES).index(rule),
        "level": RULES[rule].level,
        "message": {"text": _message(result, variant, finding)},
        "locations": [{"physicalLocation": _location(finding.variant_place, variant.target)}],
        "partialFingerprints": {"campaignCheck/v1": fingerprint(variant, finding)},
    }
    if finding.reference_place is not None:
        answer["relatedLocations"] = [
            {
                "id": 1,
                "message": {"text": f"the reference has {finding.reference_value or 'nothing'}"},
                "physicalLocation": _location(finding.reference_place, result.reference),
            }
        ]
    return answer


def fingerprint(variant: VariantResult, finding: Finding) -> str:
    """A hash of variant, field and rule, without values and places: it is stable when lines move."""
    text = "\0".join((variant.target, finding.path, rule_of(finding), finding.detail))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def _message(result: CheckResult, variant: VariantResult, finding: Finding) -> str:
    name = f"{result.name}: " if result.name else ""
    if not finding.loads:
        return name + (finding.message or f"{variant.target} cannot be evaluated")
    parts = [f"{name}{finding.path or variant.target}: "]
    if finding.kind == "confound":
        parts.append(f"{finding.reference_value or 'absent'} in {result.reference}, ")
        parts.append(f"{finding.variant_value or 'absent'} in {variant.target}")
    else:
        parts.append("cannot be proven the same")
    if finding.message:
        parts.append(f"; {finding.message}")
    if finding.tainted_by:
        parts.append(f"; {', '.join(finding.tainted_by)} flows into it")
    if finding.suggestion:
        parts.append(f"; to make it provable: {finding.suggestion}")
    return "".join(parts)


def _location(place: Place | None, target: str) -> dict[str, Any]:
    file = place.file if place else target.partition("#")[0].partition("?")[0].rpartition(":")[0] or target
    location: dict[str, Any] = {"artifactLocation": {"uri": quote(file)}}
    if place is not None and place.line:
        region = {"startLine": place.line}
        if place.column:
            region["startColumn"] = place.column
        location["region"] = region
    return location
