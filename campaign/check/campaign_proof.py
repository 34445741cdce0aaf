"""The proof over a campaign file: its resolved conditions, and the sources of conditions that are modules."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from campaign.check.claim.declaration import Declaration
from campaign.check.difference.compare_targets import merged
from campaign.check.findings import CheckResult, VariantResult, verdict_of
from campaign.check.proof import prove
from campaign.check.resolved_conditions import Plan, agree, prove_plan

ENTRY = "names:config"


def module_conditions(spec: Path) -> list[str]:
    """The modules that a campaign file's conditions name, in the order of the file."""
    data = tomllib.loads(spec.read_text(encoding="utf-8-sig"))
    section = data.get("campaign")
    conditions = section.get("conditions", []) if isinstance(section, dict) else []
    if not isinstance(conditions, list):
        return []
    return [
        entry["module"]
        for entry in conditions
        if isinstance(entry, dict) and isinstance(entry.get("module"), str)
    ]


def prove_campaign(
    plan: Plan, spec: Path, root: Path, prefix: str = "", given: Mapping[str, Any] | None = None
) -> CheckResult:
    """Resolved configurations first; modules' sources as well, and whether both answers agree.

    Raises `InternalDisagreement` when evaluating and importing a module give different trees.
    """
    resolved = prove_plan(plan)
    modules = [prefix + module for module in module_conditions(spec)]
    if not modules:
        return resolved
    agree(modules, root, ENTRY)
    if len(modules) < 2:
        return resolved
    declaration = Declaration(modules[0], tuple(dict.fromkeys(modules[1:])), ENTRY, tuple(plan.under_test))
    return joined(resolved, _over_sources(declaration, root, dict(given or {})))


def _over_sources(declaration: Declaration, root: Path, given: dict[str, Any]) -> CheckResult:
    """Fields under test that no module names are declared in the spec alone: they are left out here."""
    from campaign.errors import UsageError

    patterns = list(declaration.under_test)
    while True:
        try:
            return prove(replace(declaration, under_test=tuple(patterns), **given), root)
        except UsageError as error:
            idle = [
                text for text in patterns if repr(text) in str(error) and "no field matches" in str(error)
            ]
            if not idle:
                raise
            patterns = [text for text in patterns if text not in idle]


def joined(resolved: CheckResult, sources: CheckResult) -> CheckResult:
    """One answer of two: a variant is as bad as the worse of them."""
    variants = list(resolved.variants)
    for variant in sources.variants:
        findings = merged(list(variant.findings))
        variants.append(VariantResult(variant.target, verdict_of(findings), findings))
    assumptions = tuple(dict.fromkeys((*resolved.assumptions, *sources.assumptions)))
    return CheckResult(f"{resolved.reference} ({sources.reference})", tuple(variants), assumptions)
