"""The proof of a campaign file: of its conditions, of the modules they come from, and of its `[check]` table.

The resolved conditions are what the runs are made of, so they are always compared. A `[check]` table that names files
adds a comparison and replaces none: all must hold, and each is reported under its own name.
"""

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
    spec: Spec,
    plan: Plan,
    overrides: Mapping[str, Any] | None = None,
    against: str | None = None,
    *,
    import_modules: bool = False,
) -> CheckResult:
    """The proof of `spec`; `plan` is resolved from it. `overrides` replaces fields of the declaration.

    With `import_modules`, the modules of conditions are also imported, each in a separate process, to verify that
    evaluating them gives the same; without it, nothing is executed.

    Raises `UsageError` or `SpecError` when the declaration does not fit the files.
    """
    if against is not None:
        if not spec.check.names_files:
            raise UsageError(
                "--against needs a [check] table or files; the conditions of this spec are in the spec"
            )
        return prove_section(spec.check, spec.path, overrides, against)
    if spec.check.model_fields_set and not spec.check.names_files:
        raise UsageError(
            "[check] names no `variants`, so nothing of it would be checked: name the files to compare, or remove "
            "the table; what may differ between conditions is declared in `campaign.under_test`"
        )
    root, prefix = import_root(spec.path)
    modules = [prefix + module for module in spec.modules.values()]
    if spec.check.names_files:
        section = named_section(prove_section(spec.check, spec.path, overrides))
        # The flags describe the files of the table.
        conditions = prove_conditions(plan, modules, root, import_modules=import_modules)
        return combine_results(conditions, section)
    if overrides and len(modules) < 2:
        raise UsageError(
            "the flags describe files, and this campaign names none: declare its fields under test in "
            "`campaign.under_test`"
        )
    return prove_conditions(plan, modules, root, overrides, import_modules=import_modules)


def named_section(result: CheckResult) -> CheckResult:
    """The result over the files of a `[check]` table, as a part of a campaign's proof."""
    files = len(result.variants) + 1
    return replace(result, name="[check]", compared=f"the configurations of {files} files")


def prove_section(
    section: CheckSection, path: Path, overrides: Mapping[str, Any] | None = None, against: str | None = None
) -> CheckResult:
    """The proof over the files that the `[check]` table of the campaign file in `path` names."""
    root, prefix = import_root(path)
    declaration = from_section(section, path.resolve().parent, str(path))
    return prove(replace(_prefixed(declaration, prefix), **(overrides or {})), root, against)


def prove_conditions(
    plan: Plan,
    modules: Sequence[str],
    root: Path,
    overrides: Mapping[str, Any] | None = None,
    *,
    import_modules: bool = False,
) -> CheckResult:
    """Prove the resolved configurations, then the sources of the modules that conditions come from; with
    `import_modules`, verify that evaluating and importing a module agree.

    Raises `InternalDisagreement` when they give different trees.
    """
    resolved = prove_resolved_conditions(plan)
    if not modules:
        return resolved
    if import_modules:
        verify_against_execution(modules, root, ENTRY)
    if len(modules) < 2:
        return resolved
    under_test = tuple(plan.under_test)
    declaration = Declaration(modules[0], tuple(dict.fromkeys(modules[1:])), ENTRY, under_test)
    # A field under test may be set in the spec alone, so that no module has it; the resolved configurations cover it.
    sources = prove(replace(declaration, **(overrides or {})), root, may_be_unmatched=under_test)
    count = len(declaration.variants) + 1
    compared = f"the sources of {count} condition modules"
    return combine_results(resolved, replace(sources, name="condition modules", compared=compared))


def combine_results(*results: CheckResult) -> CheckResult:
    """One result of several, which are its parts: its verdict is the worst of them. Those that compare nothing, as the
    conditions of a campaign with only one, are left out."""
    parts = [part for result in results for part in result.comparisons if part.variants]
    if len(parts) < 2:
        return parts[0] if parts else results[0]
    parts = [replace(part, variants=tuple(map(_unique, part.variants))) for part in parts]
    others = ", ".join(part.reference for part in parts[1:])
    return CheckResult(
        f"{parts[0].reference} ({others})",
        tuple(variant for part in parts for variant in part.variants),
        tuple(dict.fromkeys(assumption for part in parts for assumption in part.assumptions)),
        not_compared=next((part.not_compared for part in parts if part.not_compared), ""),
        parts=tuple(parts),
    )


def _unique(variant: VariantResult) -> VariantResult:
    findings = unique_findings(list(variant.findings))
    return VariantResult(variant.target, verdict_of(findings), findings)


def proof_sentence(result: CheckResult) -> str:
    """The answer in one line: what was compared, and what was found."""
    if not result.variants:
        return "nothing to compare"
    parts = result.comparisons
    sentences = [_sentence(part) for part in parts]
    if len(parts) > 1:
        sentences = [f"{part.name}: {sentence}" for part, sentence in zip(parts, sentences, strict=True)]
    if result.not_compared and result.verdict == "proven":
        sentences.append(f"not compared: {result.not_compared}")
    heads = {"proven": "proven", "confound": "CONFOUND", "unproven": "cannot prove"}
    return f"{heads[result.verdict]}: {'; '.join(sentences)}"


def _sentence(part: CheckResult) -> str:
    fields = sorted(
        {f.path for v in part.variants for f in v.findings if f.kind in ("confound", "unproven") and f.path}
    )
    where = f" in {', '.join(fields[:4])}{' ...' if len(fields) > 4 else ''}" if fields else ""
    what = part.compared or "the configurations"
    match part.verdict:
        case "proven":
            return f"{what} differ only in the fields under test"
        case "confound":
            return f"{what} also differ{where}, outside the fields under test"
        case _:
            return f"it is not proven that {what} differ only in the fields under test{where and f':{where}'}"


def import_root(path: Path) -> tuple[Path, str]:
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
