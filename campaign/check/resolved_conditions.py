"""The proof of a campaign's resolved conditions, and the check that evaluating their modules agrees with executing
them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from campaign.check.claim.patterns import compile_pattern
from campaign.check.difference.classification import DeclaredPatterns, classify
from campaign.check.difference.compare_targets import unique_findings
from campaign.check.difference.comparison import Comparison
from campaign.check.executed_conditions import executed_trees
from campaign.check.findings import CheckResult, Finding, VariantResult, verdict_of
from campaign.check.proof import dump
from campaign.check.values import NOWHERE
from campaign.check.values.constants import lift
from campaign.check.workers import run_with_deep_stack
from campaign.errors import InternalDisagreement

LABELS = ("campaign", "condition")
"""Fields of a run's configuration that only name it."""

NAME = "resolved conditions"
"""Name of this comparison in a campaign's proof."""

ONE_ENVIRONMENT = "one interpreter, the same environment variables and package versions for all runs"

OPEN_FORMS = frozenset(
    {"$term", "$unknown", "$nondeterministic", "$call", "$ref", "$function", "$class", "$cases", "$module"}
)
"""Forms of values that are not known, or that executing a module writes in another form."""


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


def prove_resolved_conditions(plan: Plan) -> CheckResult:
    """Compare the resolved configuration of every condition with that of the first one.

    The code of a core that is not built in is no part of the configuration: two runs with equal configurations may
    differ in it. The result says so.
    """
    first, *others = plan.conditions
    programs = list(
        dict.fromkeys(program for condition in plan.conditions if (program := _program(condition)))
    )
    core = " and ".join(programs) or "the built-in core"
    same_code = (f"{core} is the same code for all runs",) if len(programs) == 1 else ()
    assumptions = (*same_code, f"{core} reads nothing but the run's configuration", ONE_ENVIRONMENT)
    under_test = [compile_pattern(text) for text in plan.under_test]
    patterns = DeclaredPatterns(under_test, [compile_pattern(text) for text in LABELS], [])
    variants = []
    for condition in others:
        comparison = Comparison(())
        # Conditions share the sections that they do not change: only the rest is worth a comparison.
        reference, variant = _differing_parts(dict(first.config), dict(condition.config))
        comparison.compare((), lift(reference, NOWHERE), lift(variant, NOWHERE))
        findings = [_without_places(finding) for finding in classify(comparison, patterns, ())]
        unique = unique_findings(findings)
        variants.append(VariantResult(condition.label, verdict_of(unique), unique))
    return CheckResult(
        first.label,
        tuple(variants),
        assumptions,
        name=NAME,
        compared=f"the resolved configurations of {'both' if len(others) == 1 else f'all {len(others) + 1}'} conditions",
        not_compared=f"the code of {core}" if programs else "",
    )


def _program(condition: Condition) -> str:
    """The program of a core that is not built in, as a phrase; empty for the built-in one."""
    core = _as_plain_data(dict(condition.config).get("core")) or {}
    if core.get("command"):
        return f"the command `{' '.join(core['command'])}`"
    return f"the entry point `{core['entrypoint']}`" if core.get("entrypoint") else ""


def _differing_parts(
    reference: dict[str, Any], variant: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both configurations without the parts that are equal."""
    left, right = dict(reference), dict(variant)
    for key in reference.keys() & variant.keys():
        mine, other = reference[key], variant[key]
        if mine is not other:
            mine, other = _as_plain_data(mine), _as_plain_data(other)
            if isinstance(mine, dict) and isinstance(other, dict):
                mine, other = _differing_parts(mine, other)
        if mine is other or _equal_data(mine, other):
            del left[key], right[key]
        else:
            left[key], right[key] = mine, other
    return left, right


def _as_plain_data(value: Any) -> Any:
    return value.model_dump() if hasattr(value, "model_dump") else value


def _equal_data(mine: Any, other: Any) -> bool:
    """Equality of plain data as the comparison defines it: 1, 1.0 and True all differ."""
    if type(mine) is not type(other):
        return False
    if isinstance(mine, list | tuple):
        return len(mine) == len(other) and all(map(_equal_data, mine, other))
    if isinstance(mine, dict):
        return mine.keys() == other.keys() and all(_equal_data(mine[key], other[key]) for key in mine)
    if isinstance(mine, float):
        return repr(mine) == repr(other)  # 0.0 == -0.0
    return bool(mine == other)


def _without_places(finding: Finding) -> Finding:
    """A resolved configuration has no source file to point at."""
    return replace(finding, reference_place=None, variant_place=None, tainted_by=())


def verify_against_execution(targets: Sequence[str], root: Path, entry: str = "names:config") -> None:
    """Compare the evaluated tree of each module with the tree that importing it in another process gives.

    Raises `InternalDisagreement`. Modules that cannot be imported, and parts whose value the evaluator does not know,
    are not compared.
    """
    executed = run_with_deep_stack(lambda: executed_trees(targets, root))
    for target in targets:
        if target not in executed:
            continue
        path = first_disagreement(dump(target, root, entry), executed[target], "config")
        if path:
            raise InternalDisagreement(
                f"{target}: evaluating the file and importing it give different values of {path}. This is a bug in "
                "campaign; please report it with the file.\n"
                "    Nothing was started, because the answer of the check cannot be relied on. Write the value out in "
                "the module, or set it in the campaign file"
            )


def first_disagreement(evaluated: Any, executed: Any, path: str) -> str:
    """The path at which two trees in the form of `dump` differ; empty if they agree in all that is known of both."""
    if _is_open(evaluated) or _is_open(executed):
        return ""
    below = _matched_children(evaluated, executed, path)
    if below is None:
        return "" if evaluated == executed and type(evaluated) is type(executed) else path
    found = (first_disagreement(*children) for children in below)
    return next((where for where in found if where), "")


def _is_open(tree: Any) -> bool:
    return isinstance(tree, dict) and not OPEN_FORMS.isdisjoint(tree)


def _matched_children(left: Any, right: Any, path: str) -> list[tuple[Any, Any, str]] | None:
    """The children of two trees in pairs, each with its path; None if they are leaves, or have different children."""
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        pairs = enumerate(zip(left, right, strict=True))
        return [(mine, other, f"{path}[{index}]") for index, (mine, other) in pairs]
    if not (isinstance(left, dict) and isinstance(right, dict) and set(left) == set(right)):
        return None
    if "$dict" in left:
        return _matched_entries(left["$dict"], right["$dict"], path)
    return [(left[key], right[key], path if key.startswith("$") else f"{path}.{key}") for key in left]


def _matched_entries(left: list[Any], right: list[Any], path: str) -> list[tuple[Any, Any, str]] | None:
    if [key for key, _ in left] != [key for key, _ in right]:
        return None
    return [(mine, other, f"{path}.{key}") for (key, mine), (_, other) in zip(left, right, strict=True)]
