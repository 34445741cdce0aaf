"""The `equal` declaration: fields of one file that must hold the same value."""

from __future__ import annotations

from campaign.check.claim.patterns import compile_pattern
from campaign.check.claim.targets import Target
from campaign.check.difference.classification import source_place
from campaign.check.difference.comparison import Comparison
from campaign.check.difference.pattern_matches import child_fields
from campaign.check.difference.value_text import value_text
from campaign.check.evaluator.case import Case
from campaign.check.findings import Finding
from campaign.check.values import Value
from campaign.errors import UsageError


def equal_field_findings(group: tuple[str, ...], target: Target, case: Case) -> list[Finding]:
    """One finding for each field of the group that does not hold the value of the first one."""
    if case.problem:
        return []
    values = [(path, value_at(path, case)) for path in group]
    present = [(path, value) for path, value in values if value is not None]
    # A file that has at most one of the fields cannot break the rule.
    findings = [_compare_fields(target, present[0], other) for other in present[1:]]
    return [finding for finding in findings if finding is not None]


def _compare_fields(target: Target, first: tuple[str, Value], other: tuple[str, Value]) -> Finding | None:
    # Both values are of one run, so that any comparison that proves two runs alike holds within it as well.
    comparison = Comparison(())
    comparison.compare((), first[1], other[1])
    differences = [difference for difference in comparison.differences if not difference.cosmetic]
    if not differences:
        return None
    unproven = all(difference.unproven for difference in differences)
    return Finding(
        kind="unproven" if unproven else "confound",
        path=other[0],
        detail="value",
        reference_value=value_text(first[1]),
        variant_value=value_text(other[1]),
        reference_place=source_place(first[1].origin),
        variant_place=source_place(other[1].origin),
        message=f"declared equal to {first[0]} in {target.text}",
        suggestion="compute both fields from one name" if unproven else "",
    )


def value_at(text: str, case: Case) -> Value | None:
    """The value at a path without wildcards, which may start with the name of a root."""
    tokens = compile_pattern(text).tokens
    if any("*" in token for token in tokens):
        raise UsageError(f"equal: {text!r} has a wildcard; write the path of one field")
    starts = [(tokens, next(iter(case.roots.values())))] if case.single else []
    if tokens[0] in case.roots:
        starts.append((tokens[1:], case.roots[tokens[0]]))
    found = (_descend(value, below) for below, value in starts)
    return next((value for value in found if value is not None), None)


def _descend(value: Value | None, tokens: tuple[str, ...]) -> Value | None:
    for token in tokens:
        below = {} if value is None else {step.text: child for step, child in child_fields(value.payload)}
        value = below.get(token)
    return value
