"""The proof of a campaign file: its resolved conditions, and the sources of conditions that are modules."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from campaign.check.claim.declaration import Declaration
from campaign.check.difference.compare_targets import unique_findings
from campaign.check.findings import CheckResult, VariantResult, verdict_of
from campaign.check.proof import UnmatchedPatterns, prove
from campaign.check.resolved_conditions import Plan, prove_resolved_conditions, verify_against_execution

ENTRY = "names:config"


def module_conditions(spec: Path) -> list[str]:
    """The modules that a campaign file's conditions name, in the order of the file."""
    data = tomllib.loads(spec.read_text(encoding="utf-8-sig"))
    section = data.get("campaign")
    conditions = section.get("conditions", []) if isinstance(section, dict) else []
    if not isinstance(conditions, list):
        return []
    modules = [entry.get("module") for entry in conditions if isinstance(entry, dict)]
    return [module for module in modules if isinstance(module, str)]


def prove_campaign(
    plan: Plan, spec: Path, root: Path, prefix: str = "", given: Mapping[str, Any] | None = None
) -> CheckResult:
    """Prove the resolved configurations, then the sources of modules, and verify that evaluating and importing a module
    agree.

    Raises `InternalDisagreement` when they give different trees.
    """
    resolved = prove_resolved_conditions(plan)
    modules = [prefix + module for module in module_conditions(spec)]
    if not modules:
        return resolved
    verify_against_execution(modules, root, ENTRY)
    if len(modules) < 2:
        return resolved
    declaration = Declaration(modules[0], tuple(dict.fromkeys(modules[1:])), ENTRY, tuple(plan.under_test))
    return combine_results(resolved, _prove_sources(replace(declaration, **(given or {})), root))


def _prove_sources(declaration: Declaration, root: Path) -> CheckResult:
    """The proof of the modules. A field under test that the campaign file alone declares matches nothing in them: it is
    left out here, because the resolved configurations already cover it."""
    try:
        return prove(declaration, root)
    except UnmatchedPatterns as error:
        remaining = tuple(text for text in declaration.under_test if text not in error.patterns)
        if remaining == declaration.under_test:
            raise
        return _prove_sources(replace(declaration, under_test=remaining), root)


def combine_results(resolved: CheckResult, sources: CheckResult) -> CheckResult:
    """One result of two: its verdict is the worse of both."""
    variants = list(resolved.variants)
    for variant in sources.variants:
        findings = unique_findings(list(variant.findings))
        variants.append(VariantResult(variant.target, verdict_of(findings), findings))
    assumptions = tuple(dict.fromkeys((*resolved.assumptions, *sources.assumptions)))
    return CheckResult(f"{resolved.reference} ({sources.reference})", tuple(variants), assumptions)
