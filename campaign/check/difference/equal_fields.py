"""`equal`: fields of one file that have to hold the same value."""

from __future__ import annotations

from campaign.check.claim.patterns import compile_pattern, path_text
from campaign.check.claim.targets import Target
from campaign.check.difference.classification import place
from campaign.check.difference.comparison import Comparison
from campaign.check.difference.survey import steps
from campaign.check.difference.tree import show
from campaign.check.evaluator.case import Case
from campaign.check.findings import Finding
from campaign.check.values import Value
from campaign.errors import UsageError


def related(group: tuple[str, ...], target: Target, case: Case) -> list[Finding]:
    """One finding for each field of the group that does not hold what the first one holds."""
    if case.problem:
        return []
    values = [(text, reach(text, case)) for text in group]
    present = [(text, value) for text, value in values if value is not None]
    if len(present) < 2:
        return []  # a file without the fields has nothing to keep equal
    first_text, first = present[0]
    findings = []
    for text, value in present[1:]:
        comparison = Comparison(())
        comparison.compare((), first, value)
        differences = [found for found in comparison.differences if not found.cosmetic]
        if not differences:
            continue
        unknown = all(found.unknown for found in differences)
        findings.append(
            Finding(
                "unproven" if unknown else "confound",
                text,
                "value",
                show(first),
                show(value),
                place(first.origin),
                place(value.origin),
                message=f"declared equal to {first_text} in {target.text}",
                suggestion="compute both from one name" if unknown else "",
            )
        )
    return findings


def reach(text: str, case: Case) -> Value | None:
    """The value at a plain path; the name of a single entry may stand in front."""
    pattern = compile_pattern(text)
    if any("*" in token for token in pattern.tokens):
        raise UsageError(f"equal: {text!r} has to be a plain path")
    starts = [(pattern.tokens, next(iter(case.roots.values())))] if case.single else []
    if pattern.tokens[0] in case.roots:
        starts.append((pattern.tokens[1:], case.roots[pattern.tokens[0]]))
    for tokens, value in starts:
        found: Value | None = value
        for token in tokens:
            below = {step.text: child for step, child in steps(found.payload)} if found is not None else {}
            found = below.get(token)
        if found is not None:
            return found
    return None


__all__ = ["path_text", "reach", "related"]
