"""The comparison of two targets: all cases of both, their trees, effects, imports and possible exceptions."""

from __future__ import annotations

from collections.abc import Iterator

from campaign.check.claim.patterns import Step
from campaign.check.claim.targets import Target
from campaign.check.difference.classification import DeclaredPatterns, classify, source_place
from campaign.check.difference.comparison import Comparison
from campaign.check.difference.effect_difference import compare_effects, compare_hidden_effects
from campaign.check.evaluator.case import Case, unused_imports
from campaign.check.findings import Finding
from campaign.check.sources import Sources
from campaign.check.values import NOWHERE, Origin
from campaign.check.values.limits import Halt


def compare_targets(
    left: Target,
    references: list[Case],
    right: Target,
    variants: list[Case],
    patterns: DeclaredPatterns,
    sources: Sources,
) -> Iterator[Finding]:
    """The findings of all pairs of cases that can occur in one environment.

    The cases of a target cover every outcome of its run-time tests, and an environment gives the same test the same
    outcome on both sides. Two cases that disagree on a test therefore never meet; all others are compared.
    """
    targets = (sources.display_path(left.path), sources.display_path(right.path))
    matched: set[int] = set()
    for case in references:
        for other in variants:
            # A test that only one side makes does not separate the two cases.
            if any(other.tests.get(test, outcome) is not outcome for test, outcome in case.tests.items()):
                continue
            matched |= {id(case), id(other)}
            yield from compare_cases(left, case, right, other, patterns, targets)
    # Without a counterpart, the other file raised before it reached these outcomes.
    for target, cases in ((left, references), (right, variants)):
        if any(id(case) not in matched for case in cases):
            message = f"{target.text} has a configuration in environments in which the other file raises"
            suggestion = "make the same assertions in both files"
            yield Finding("unproven", "environment", message=message, suggestion=suggestion)


def compare_cases(
    left: Target, a: Case, right: Target, b: Case, patterns: DeclaredPatterns, targets: tuple[str, str]
) -> Iterator[Finding]:
    """The findings of one pair of cases."""
    if a.problem or b.problem:
        yield from _failures(left, a, right, b)
        return
    comparison = Comparison(targets)
    try:
        for name in {**a.roots, **b.roots}:
            _compare_root(comparison, name, a, b)
        # After the trees: effects skip the arguments that were compared as parts of a tree.
        compare_effects(comparison, a, b)
        compare_hidden_effects(comparison, a, b)
        findings = classify(comparison, patterns, targets)
    except Halt as halt:
        # The comparison did not reach the end of the trees: the differences found until then are not a complete answer.
        findings = [
            Finding(
                "unproven",
                "",
                variant_place=source_place(halt.origin or NOWHERE),
                message=halt.reason,
                suggestion=halt.suggestion,
            )
        ]
    except (RecursionError, MemoryError):
        message = "the configuration is nested too deeply for the checker to compare it"
        findings = [Finding("unproven", "", message=message, suggestion="nest the configuration less deeply")]
    yield from findings
    yield from _one_sided_imports(a, b)
    yield from _one_sided_risks(a, b)


def _failures(left: Target, a: Case, right: Target, b: Case) -> Iterator[Finding]:
    """The findings of two cases of which at least one gives no configuration."""
    conditional = bool(a.tests or b.tests)
    if a.raised and b.raised and conditional and a.problem == b.problem:
        return  # neither side has a configuration in such an environment, so that there is nothing to compare
    for target, case in ((left, a), (right, b)):
        if case.problem:
            when = " in some environments" if conditional and case.raised else ""
            yield Finding(
                "unproven",
                "",
                variant_place=source_place(case.place or NOWHERE),
                message=f"{target.text}: {case.problem}{when}",
                suggestion=case.suggestion,
                loads=False,
            )


def _compare_root(comparison: Comparison, name: str, a: Case, b: Case) -> None:
    single = a.single and b.single
    if single and list(a.roots) != list(b.roots):
        # One configuration in each file, under two names (`config.py:small` and `config.py:large`).
        if name in a.roots:
            comparison.compare((), next(iter(a.roots.values())), next(iter(b.roots.values())))
        return
    path = () if single else (Step(name, ""),)
    mine, other = a.roots.get(name), b.roots.get(name)
    if mine is None or other is None:
        comparison.add(path, "absent" if other is None else "extra", mine, other)
    else:
        comparison.compare(path, mine, other)


def _one_sided_imports(a: Case, b: Case) -> Iterator[Finding]:
    """An import runs the module, which may change what comes after it: an import from which nothing is used must be on
    both sides. One from which something is used shows up as an external name in the tree."""
    for case, other in ((a, b), (b, a)):
        if case.evaluator.imports.keys() <= other.evaluator.imports.keys():
            continue
        for name, origin in unused_imports(case).items():
            if name not in other.evaluator.imports:
                message = (
                    f"{name} is imported on one side only and nothing of it is in the configuration: "
                    "importing it may have effects"
                )
                suggestion = "remove the import, or import it on both sides"
                yield _one_sided(f"import {name}", origin, case is a, message, suggestion)


def _one_sided_risks(a: Case, b: Case) -> Iterator[Finding]:
    """An operation that raises in some environment must do so on both sides: otherwise one side has a configuration
    there and the other one has none."""
    for case, other in ((a, b), (b, a)):
        for key, origin in case.evaluator.risks.items():
            if key not in other.evaluator.risks:
                message = "the expression may raise at run time, on one side only"
                suggestion = "do the same on both sides, or read the environment with a default"
                yield _one_sided("environment", origin, case is a, message, suggestion)
                return


def _one_sided(path: str, origin: Origin, reference: bool, message: str, suggestion: str) -> Finding:
    place = source_place(origin)
    return Finding(
        "unproven",
        path,
        reference_place=place if reference else None,
        variant_place=None if reference else place,
        message=message,
        suggestion=suggestion,
    )


def unique_findings(findings: list[Finding]) -> tuple[Finding, ...]:
    """Each finding once: several cases often give the same one."""
    seen: dict[object, Finding] = {}
    for finding in findings:
        key = (finding.kind, finding.path, finding.detail, finding.reference_value, finding.variant_value)
        seen.setdefault((key, finding.reference_place, finding.variant_place, finding.message), finding)
    return tuple(seen.values())
