"""The proof over a campaign's resolved conditions, and its agreement with what running their modules
gives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from campaign.check.claim.patterns import compile_pattern
from campaign.check.difference.classification import Patterns, classify
from campaign.check.difference.compare_targets import merged
from campaign.check.difference.comparison import Comparison
from campaign.check.executed_conditions import executed_trees
from campaign.check.findings import CheckResult, Finding, VariantResult, verdict_of
from campaign.check.proof import dump
from campaign.check.values import NOWHERE
from campaign.check.values.constants import lift
from campaign.check.workers import with_deep_stack

LABELS = ("campaign", "condition")
"""Fields of a run's configuration that only name it."""

PLAN_ASSUMPTIONS = (
    "the built-in core reads nothing but the run's configuration",
    "one interpreter, the same environment variables and package versions for all runs",
)


class InternalDisagreement(Exception):
    """The evaluator's answer for a file is not what running the file gives: a bug of ours, never the
    user's."""


class Condition(Protocol):
    @property
    def label(self) -> str: ...
    @property
    def config(self) -> Any: ...


class Plan(Protocol):
    @property
    def conditions(self) -> Sequence[Condition]: ...
    @property
    def under_test(self) -> Sequence[str]: ...


def prove_plan(plan: Plan) -> CheckResult:
    """Every condition against the first: the resolved configurations agree outside the fields under test."""
    first, *others = plan.conditions
    under_test = [compile_pattern(text) for text in plan.under_test]
    patterns = Patterns(under_test, [compile_pattern(text) for text in LABELS], [])
    variants = []
    for condition in others:
        comparison = Comparison(())
        reference, variant = _unlike(_plain(first.config), _plain(condition.config))
        comparison.compare((), lift(reference, NOWHERE), lift(variant, NOWHERE))
        findings = tuple(_without_places(finding) for finding in classify(comparison, patterns, ()))
        findings = merged(list(findings))
        variants.append(VariantResult(condition.label, verdict_of(findings), findings))
    return CheckResult(first.label, tuple(variants), PLAN_ASSUMPTIONS)


def _plain(config: Any) -> dict[str, Any]:
    """The sections of a configuration as they are: conditions share those that they do not change."""
    return dict(config)


def _unlike(reference: dict[str, Any], variant: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both without what is the same in both: of thousands of conditions, nearly everything is."""
    left, right = dict(reference), dict(variant)
    for key in reference.keys() & variant.keys():
        if reference[key] is variant[key]:
            del left[key], right[key]
            continue
        ours, theirs = _dumped(reference[key]), _dumped(variant[key])
        if isinstance(ours, dict) and isinstance(theirs, dict):
            left[key], right[key] = _unlike(ours, theirs)
            if not left[key] and not right[key]:
                del left[key], right[key]
        elif _same(ours, theirs):
            del left[key], right[key]
        else:
            left[key], right[key] = ours, theirs
    return left, right


def _dumped(value: Any) -> Any:
    return value.model_dump() if hasattr(value, "model_dump") else value


def _same(ours: Any, theirs: Any) -> bool:
    """Equality of plain data as the proof has it: 1, 1.0 and True all differ."""
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, (list, tuple)):
        return len(ours) == len(theirs) and all(_same(a, b) for a, b in zip(ours, theirs, strict=True))
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(_same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, float):
        return repr(ours) == repr(theirs)  # 0.0 == -0.0
    return bool(ours == theirs)


def _without_places(finding: Finding) -> Finding:
    from dataclasses import replace

    return replace(finding, reference_place=None, variant_place=None, tainted_by=())


def agree(targets: Sequence[str], root: Path, entry: str = "names:config") -> None:
    """Compare the evaluator's tree of each module with the tree that importing it gives, in a process of
    its own.

    Raises `InternalDisagreement`. Modules that cannot be imported, and parts that the evaluator leaves open,
    are not compared.
    """
    executed = with_deep_stack(lambda: executed_trees(targets, root))
    for target in targets:
        if target not in executed:
            continue
        evaluated = dump(target, root, entry)
        where = first_disagreement(evaluated, executed[target], "config")
        if where:
            raise InternalDisagreement(
                f"{target}: the evaluator and Python disagree at {where}; please report it with the file. "
                "The check's answer for this campaign cannot be relied on."
            )


def first_disagreement(evaluated: Any, executed: Any, path: str) -> str:
    """Where two trees in `dump`'s form differ; empty when they agree in all that is known of both."""
    open_forms = (
        "$term",
        "$unknown",
        "$nondeterministic",
        "$call",
        "$ref",
        "$function",
        "$class",
        "$cases",
        "$module",
    )
    for tree in (evaluated, executed):
        if isinstance(tree, dict) and any(form in tree for form in open_forms):
            return ""
    if isinstance(evaluated, dict) and isinstance(executed, dict) and set(evaluated) == set(executed):
        if "$dict" in evaluated:
            return _entries(evaluated["$dict"], executed["$dict"], path)
        for key in evaluated:
            below = first_disagreement(
                evaluated[key], executed[key], path if key.startswith("$") else f"{path}.{key}"
            )
            if below:
                return below
        return ""
    if isinstance(evaluated, list) and isinstance(executed, list) and len(evaluated) == len(executed):
        for index, (left, right) in enumerate(zip(evaluated, executed, strict=True)):
            below = first_disagreement(left, right, f"{path}[{index}]")
            if below:
                return below
        return ""
    return "" if evaluated == executed and type(evaluated) is type(executed) else path


def _entries(left: list[Any], right: list[Any], path: str) -> str:
    if [pair[0] for pair in left] != [pair[0] for pair in right]:
        return path
    for (key, mine), (_, other) in zip(left, right, strict=True):
        below = first_disagreement(mine, other, f"{path}.{key}")
        if below:
            return below
    return ""
