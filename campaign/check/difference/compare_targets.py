"""The comparison of two targets: all cases of both, their trees, effects, imports and risks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from campaign.check.claim.patterns import Step
from campaign.check.claim.targets import Target
from campaign.check.difference.classification import Patterns, classify, place
from campaign.check.difference.comparison import Comparison
from campaign.check.difference.hidden_effects import compare_hidden_effects
from campaign.check.evaluator.case import Case, unused_imports
from campaign.check.findings import Finding
from campaign.check.sources import Sources
from campaign.check.values import NOWHERE, Effect, Value
from campaign.check.values.limits import Halt


def compare_targets(
    left: Target,
    references: list[Case],
    right: Target,
    variants: list[Case],
    patterns: Patterns,
    sources: Sources,
) -> Iterator[Finding]:
    """All cases of both sides that can come about in one environment."""
    targets = (sources.display_path(left.path), sources.display_path(right.path))
    matched: set[int] = set()
    for case in references:
        for other in variants:
            if any(other.tests.get(test, outcome) is not outcome for test, outcome in case.tests.items()):
                continue
            matched |= {id(case), id(other)}
            yield from compare_cases(left, case, right, other, patterns, targets)
    for target, cases in ((left, references), (right, variants)):
        if any(id(case) not in matched for case in cases):
            message = f"{target.text} has a configuration in environments in which the other file raises"
            yield Finding(
                "unproven", "environment", message=message, suggestion="make the same assertions in both"
            )


def compare_cases(
    left: Target, a: Case, right: Target, b: Case, patterns: Patterns, targets: tuple[str, str]
) -> Iterator[Finding]:
    conditional = {**a.tests, **b.tests}
    if a.problem or b.problem:
        if a.raised and b.raised and conditional and a.problem == b.problem:
            return  # no configuration on either side in such an environment
        for target, case in ((left, a), (right, b)):
            if case.problem:
                yield _failed(target, case, bool(conditional))
        return
    comparison = Comparison(targets)
    try:
        for name in {**a.roots, **b.roots}:
            _compare_root(comparison, name, a, b)
        _compare_effects(comparison, a, b)
        compare_hidden_effects(comparison, a, b)
        findings = classify(comparison, patterns, targets)
    except Halt as halt:
        findings = [
            Finding(
                "unproven",
                "",
                variant_place=place(halt.origin or NOWHERE),
                message=halt.reason,
                suggestion=halt.suggestion,
            )
        ]
    except (RecursionError, MemoryError):
        findings = [Finding("unproven", "", message="the trees are nested too deeply to compare")]
    yield from findings
    yield from _one_sided_imports(a, b)
    yield from _one_sided_risks(a, b)


def _compare_root(comparison: Comparison, name: str, a: Case, b: Case) -> None:
    single = a.single and b.single
    path = () if single else (Step(name, ""),)
    if single and list(a.roots) != list(b.roots):
        if name in a.roots:
            comparison.compare((), next(iter(a.roots.values())), next(iter(b.roots.values())))
        return
    if name not in b.roots:
        comparison.report(path, "absent", a.roots[name], None)
    elif name not in a.roots:
        comparison.report(path, "extra", None, b.roots[name])
    else:
        comparison.compare(path, a.roots[name], b.roots[name])


def _compare_effects(comparison: Comparison, a: Case, b: Case) -> None:
    """What both files do to the outside, in order. What is in the tree already was compared there."""
    left, right = a.evaluator.effects, b.evaluator.effects
    for index in range(max(len(left), len(right))):
        path = (Step(f"effects[{index}]", ""),)
        if index >= len(left) or index >= len(right):
            extra = (left if index < len(left) else right)[index]
            one = Value(None, extra.origin)
            sides: tuple[Value | None, Value | None] = (one, None) if index < len(left) else (None, one)
            comparison.doubt(
                path,
                *sides,
                f"{extra.name}() is called for its effect on one side only",
                "call it on both sides",
            )
            return
        _compare_effect(comparison, path, left[index], right[index])


def _compare_effect(comparison: Comparison, path: Any, x: Effect, y: Effect) -> None:
    at = (Value(None, x.origin), Value(None, y.origin))
    if x.name != y.name or len(x.args) != len(y.args) or set(x.kwargs) != set(y.kwargs):
        names = x.name if x.name == y.name else f"{x.name} and {y.name}"
        comparison.doubt(path, *at, f"outside effects differ: {names}", "do the same on both sides")
        return
    if any(holder.version != version for holder, version in (*x.input_versions, *y.input_versions)):
        comparison.doubt(path, *at, f"what {x.name}() got changed afterwards", "change it before the call")
    if x.target is not None and y.target is not None and not comparison.identical(x.target, y.target):
        comparison.doubt(path, *at, f"{x.name} is done to different objects", "do the same on both sides")
    pairs = [*zip(x.args, y.args, strict=True), *((x.kwargs[name], y.kwargs[name]) for name in x.kwargs)]
    for index, (mine, other) in enumerate(pairs):
        if (id(mine.payload), id(other.payload)) in comparison.visited:
            continue
        before = len(comparison.differences)
        comparison.compare((*path, Step(f"[{index}]", "")), mine, other)
        for difference in comparison.differences[before:]:
            difference.unknown = True
            difference.message = (
                difference.message or f"{x.name}() is called for its effect with another value"
            )


def _one_sided_imports(a: Case, b: Case) -> Iterator[Finding]:
    """An import may change what comes after it: one that nothing is read from has to be on both sides."""
    for case, other in ((a, b), (b, a)):
        if case.evaluator.imports.keys() <= other.evaluator.imports.keys():
            continue
        for name, origin in unused_imports(case).items():
            if name not in other.evaluator.imports:
                where = place(origin)
                yield Finding(
                    "unproven",
                    f"import {name}",
                    reference_place=where if case is a else None,
                    variant_place=where if case is b else None,
                    message=f"{name} is imported on one side only and nothing of it is in the configuration: it may have effects",
                    suggestion="remove the import, or import it on both sides",
                )


def _one_sided_risks(a: Case, b: Case) -> Iterator[Finding]:
    """What raises in some environment has to raise on both sides."""
    for case, other in ((a, b), (b, a)):
        for key, origin in case.evaluator.risks.items():
            if key not in other.evaluator.risks:
                where = place(origin)
                yield Finding(
                    "unproven",
                    "environment",
                    reference_place=where if case is a else None,
                    variant_place=where if case is b else None,
                    message="may raise at run time, on one side only",
                    suggestion="do the same on both sides, or read the environment with a default",
                )
                return


def _failed(target: Target, case: Case, conditional: bool) -> Finding:
    when = " in some environments" if conditional and case.raised else ""
    return Finding(
        "unproven",
        "",
        variant_place=place(case.place or NOWHERE),
        message=f"{target.text}: {case.problem}{when}",
        suggestion=case.suggestion,
        loads=False,
    )


def merged(findings: list[Finding]) -> tuple[Finding, ...]:
    """Each finding once; several cases often give the same one."""
    seen: dict[object, Finding] = {}
    for finding in findings:
        key = (finding.kind, finding.path, finding.detail, finding.reference_value, finding.variant_value)
        seen.setdefault((key, finding.reference_place, finding.variant_place, finding.message), finding)
    return tuple(seen.values())
