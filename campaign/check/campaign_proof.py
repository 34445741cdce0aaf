"""The proof of a campaign file: of its `[check]` table, or else of its conditions and the modules they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from campaign.check.claim.declaration import Declaration, from_section
from campaign.check.difference.compare_targets import unique_findings
from campaign.check.findings import CheckResult, VariantResult, verdict_of
from campaign.check.proof import prove
from campaign.check.resolved_conditions import Plan, prove_resolved_conditions, verify_against_execution
from campaign.errors import UsageError

if TYPE_CHECKING:
    from campaign.spec.check_section import CheckSection
    from campaign.spec.spec import Spec

ENTRY = "names:config"


def prove_spec(
    spec: Spec, plan: Plan, overrides: Mapping[str, Any] | None = None, against: str | None = None
) -> CheckResult:
    """The proof of `spec`; `plan` is resolved from it. `overrides` replaces fields of the declaration.

    Raises `UsageError` or `SpecError` when the declaration does not fit the files.
    """
    if spec.check.names_files:
        return prove_section(spec.check, spec.path, overrides, against)
    if against is not None:
        raise UsageError(
            "--against needs a [check] table or files; the conditions of this spec are in the spec"
        )
    root, prefix = _import_root(spec.path)
    modules = [prefix + module for module in spec.modules.values()]
    return prove_conditions(plan, modules, root, overrides)


def prove_section(
    section: CheckSection, path: Path, overrides: Mapping[str, Any] | None = None, against: str | None = None
) -> CheckResult:
    """The proof over the files that the `[check]` table of the campaign file in `path` names."""
    root, prefix = _import_root(path)
    declaration = from_section(section, path.resolve().parent, str(path))
    return prove(replace(_prefixed(declaration, prefix), **(overrides or {})), root, against)


def prove_conditions(
    plan: Plan, modules: Sequence[str], root: Path, overrides: Mapping[str, Any] | None = None
) -> CheckResult:
    """Prove the resolved configurations, then the sources of the modules that conditions come from, and verify that
    evaluating and importing a module agree.

    Raises `InternalDisagreement` when they give different trees.
    """
    resolved = prove_resolved_conditions(plan)
    if not modules:
        return resolved
    verify_against_execution(modules, root, ENTRY)
    if len(modules) < 2:
        return resolved
    under_test = tuple(plan.under_test)
    declaration = Declaration(modules[0], tuple(dict.fromkeys(modules[1:])), ENTRY, under_test)
    # A field under test may be set in the spec alone, so that no module has it; the resolved configurations cover it.
    sources = prove(replace(declaration, **(overrides or {})), root, may_be_unmatched=under_test)
    return combine_results(resolved, sources)


def combine_results(resolved: CheckResult, sources: CheckResult) -> CheckResult:
    """One result of two: its verdict is the worse of both."""
    variants = list(resolved.variants)
    for variant in sources.variants:
        findings = unique_findings(list(variant.findings))
        variants.append(VariantResult(variant.target, verdict_of(findings), findings))
    assumptions = tuple(dict.fromkeys((*resolved.assumptions, *sources.assumptions)))
    return CheckResult(f"{resolved.reference} ({sources.reference})", tuple(variants), assumptions)


def proof_sentence(result: CheckResult) -> str:
    """The answer in one line."""
    if not result.variants:
        return "nothing to compare"
    fields = sorted(
        {f.path for v in result.variants for f in v.findings if f.kind in ("confound", "unproven") and f.path}
    )
    where = f" in {', '.join(fields[:4])}{' ...' if len(fields) > 4 else ''}" if fields else ""
    match result.verdict:
        case "proven":
            return "proven: the conditions differ only in the fields under test"
        case "confound":
            return f"CONFOUND: the conditions also differ{where}, outside the fields under test"
        case _:
            return f"cannot prove that the conditions differ only in the fields under test{where}"


def _import_root(path: Path) -> tuple[Path, str]:
    """The folder that imports may reach, and the prefix of the spec's targets in it.

    The current folder when the spec is below it, the spec's own folder otherwise.
    """
    folder, here = path.resolve().parent, Path.cwd().resolve()
    if folder.is_relative_to(here):
        inside = folder.relative_to(here).as_posix()
        return here, "" if inside == "." else f"{inside}/"
    return folder, ""


def _prefixed(declaration: Declaration, prefix: str) -> Declaration:
    return replace(
        declaration,
        reference=prefix + declaration.reference,
        variants=tuple(prefix + target for target in declaration.variants),
        follow=tuple(prefix + glob for glob in declaration.follow),
    )
