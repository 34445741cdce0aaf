"""The proof: both files evaluated without running them, their trees compared."""

from __future__ import annotations

import os.path
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from campaign.check.claim.declaration import Declaration
from campaign.check.claim.patterns import compile_pattern
from campaign.check.claim.targets import Entry, Target, parse_entry, parse_target
from campaign.check.dialects.registry import ENTRIES
from campaign.check.difference.classification import Patterns, place
from campaign.check.difference.compare_targets import compare_targets, merged
from campaign.check.difference.equal_fields import related
from campaign.check.difference.survey import survey
from campaign.check.difference.tree import tree_form
from campaign.check.entries import evaluate
from campaign.check.evaluator.boundary import Boundary
from campaign.check.evaluator.case import Case
from campaign.check.findings import CheckResult, Finding, VariantResult, verdict_of
from campaign.check.sources import RevisionSources, Sources
from campaign.check.values.limits import Halt, TookTooLong
from campaign.check.workers import in_time, over_ranges, with_deep_stack
from campaign.errors import UsageError


@dataclass(frozen=True, slots=True)
class Part:
    """What was found about some of the variants."""

    results: tuple[VariantResult, ...]
    idle: frozenset[str]
    """Patterns that match nothing in the reference nor in these variants."""
    unloaded: bool
    """A file does not evaluate: what fields it has is not known."""


def prove(
    declaration: Declaration, root: Path, against: str | None = None, may_be_idle: Collection[str] = ()
) -> CheckResult:
    """Compare every variant with the reference. Nothing of the files is imported or run.

    `against` compares each target with itself in that git revision instead. Raises `UsageError` for a target
    that is not there or unreadable, an unknown entry, and a pattern that matches too much, or nothing unless it
    is one of `may_be_idle`.
    """
    if not declaration.variants and against is None:
        raise UsageError("a check needs at least one variant besides the reference")
    count = len(declaration.variants) + (against is not None)
    parts = over_ranges(partial(_prove_part, declaration, root, against), count)
    _refuse_idle(declaration, parts, may_be_idle)
    shown = f"{declaration.reference} at {against}" if against is not None else declaration.reference
    return CheckResult(shown, tuple(result for part in parts for result in part.results))


def _prove_part(declaration: Declaration, root: Path, against: str | None, part: range) -> Part:
    """The pairs of a range; without `against`, the first part also says what is wrong with the reference."""
    now = Sources(root)
    entry = parse_entry(declaration.entry, ENTRIES)
    variants = [parse_target(text, now) for text in declaration.variants]
    reference = parse_target(declaration.reference, now)
    before = RevisionSources(root, against) if against is not None else now
    folders = _folders([reference, *variants])
    boundary = Boundary(str(now.root), declaration.follow, folders, everything=against is not None)
    patterns = _patterns(declaration, entry)
    pairs: list[tuple[Target, Sources, Target]]
    if against is None:
        pairs = [(reference, now, variant) for variant in variants]
    else:
        pairs = [(target, before, target) for target in (reference, *variants)]
    known: dict[str, list[Case]] = {}
    surveyed: set[str] = set()
    results = []
    for left, sources, right in (pairs[index] for index in part):
        if left.text not in known:
            known[left.text] = evaluate(left, entry, sources, boundary, "reference")
        cases = evaluate(right, entry, now, boundary, "variant")
        findings: list[Finding] = []
        try:
            with in_time():
                if left.text not in surveyed:
                    surveyed.add(left.text)
                    _survey(patterns, known[left.text], left.text)
                _survey(patterns, cases, right.text)
                findings.extend(compare_targets(left, known[left.text], right, cases, patterns, now))
                findings.extend(_relations(declaration, right, cases))
        except TookTooLong:
            findings.append(_too_long(right))
        results.append(VariantResult(right.text, verdict_of(tuple(findings)), merged(findings)))
    if against is None and 0 in part:
        broken = _relations(declaration, reference, known[reference.text])
        if broken:
            results.insert(0, VariantResult(reference.text, verdict_of(tuple(broken)), tuple(broken)))
    idle = frozenset(pattern.text for pattern in patterns.every() if not pattern.found)
    unloaded = any(not finding.loads for result in results for finding in result.findings)
    unloaded = unloaded or any(case.problem for cases in known.values() for case in cases)
    return Part(tuple(results), idle, bool(unloaded))


def _too_long(target: Target) -> Finding:
    return Finding(
        "unproven",
        "",
        message=f"{target.text}: takes too long to compare",
        suggestion="keep the configuration smaller",
        loads=False,
    )


def _refuse_idle(declaration: Declaration, parts: list[Part], allowed: Collection[str]) -> None:
    """A pattern that matches nothing is a mistake, unless a file could not be evaluated at all."""
    if any(part.unloaded for part in parts):
        return
    idle = frozenset.intersection(*(part.idle for part in parts)).difference(allowed)
    if idle:
        declared = (*declaration.under_test, *declaration.labels, *declaration.derived_ok)
        listed = ", ".join(repr(text) for text in dict.fromkeys(declared) if text in idle)
        raise UsageError(f"no field matches {listed} in the reference or in any variant")


def _relations(declaration: Declaration, target: Target, cases: list[Case]) -> list[Finding]:
    return [found for group in declaration.equal for case in cases for found in related(group, target, case)]


def _folders(targets: list[Target]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(os.path.dirname(target.path) for target in targets))


def _patterns(declaration: Declaration, entry: Entry | None) -> Patterns:
    name = entry.names[0] if entry is not None and entry.kind != "merge" and len(entry.names) == 1 else ""
    return Patterns(
        [compile_pattern(text, name) for text in declaration.under_test],
        [compile_pattern(text, name) for text in declaration.labels],
        [compile_pattern(text, name) for text in declaration.derived_ok],
    )


def _survey(patterns: Patterns, cases: list[Case], target: str) -> None:
    for index, case in enumerate(cases):
        if not case.problem:
            survey(
                patterns.every(),
                case.roots,
                case.single,
                target if not index else f"{target} (case {index + 1})",
            )


def dump(target: str, root: Path, entry: str | None = None, follow: tuple[str, ...] = ()) -> Any:
    """The absolute tree of one target, JSON-able (keys sorted where order has no meaning).

    ==================  ==============================================================================
    value               form
    ==================  ==============================================================================
    None, bool, str     as in JSON
    int                 ``{"$int": "3"}``
    float, complex      ``{"$float": repr}``, ``{"$complex": repr}``
    bytes               ``{"$bytes": hex}``
    Ellipsis            ``{"$ellipsis": true}``
    range, slice        ``{"$range": [start, stop, step]}``, ``{"$slice": [start, stop, step]}`` (plain ints)
    list                ``[...]``
    tuple               ``{"$tuple": [...]}``; a named tuple has ``"$type": name`` beside it and
                        ``"fields": {...}`` instead of the list
    set, frozenset      ``{"$set": [...]}``, ``{"$frozenset": [...]}``, sorted by their JSON text
    dict                ``{"$dict": [[key, value], ...]}``, sorted by the JSON text of the key
    an instance         ``{"$object": class __qualname__, "fields": {...}}``: what ``vars`` has, and data
                        attributes of the class and its bases that it does not shadow (no dunder, no
                        function, property, static or class method)
    enum member         ``{"$enum": "Class.NAME", "value": ...}``
    class               ``{"$class": __qualname__, "fields": {...}}``, data attributes as above
    function, lambda    ``{"$function": __name__}``
    module              ``{"$module": name}``
    name from outside   ``{"$ref": "lib.sub.Name"}``
    call of it          ``{"$call": callee, "args": [...], "kwargs": {...}}``; the callee is the qualified
                        name, or its form when it is not a name. ``"fields": {...}`` when attributes were
                        set afterwards, ``"effects": [[name, [args...], {kwargs...}], ...]`` when methods
                        were called on it or items set (``__setitem__``, ``__delitem__``)
    other operation     ``{"$term": operation, "operands": [...]}``
    not known           ``{"$unknown": reason}``, ``{"$nondeterministic": source}``
    ==================  ==============================================================================

    Shared objects are written out each time; a cycle is ``{"$cycle": true}``. A single name, a call or a
    class
    gives its value's tree; several names give ``{"$names": {...}}``.
    When a test on something only known at run time splits the evaluation, the tree is
    ``{"$cases": [{"when": {test: bool}, "tree": ...}]}``.
    """
    return with_deep_stack(lambda: _dump(target, root, entry, follow))


def _dump(text: str, root: Path, entry: str | None, follow: tuple[str, ...]) -> Any:
    sources = Sources(root)
    target = parse_target(text, sources)
    boundary = Boundary(str(sources.root), follow, _folders([target]))
    cases = evaluate(target, parse_entry(entry, ENTRIES), sources, boundary, "reference")
    trees = [{"when": dict(case.tests), "tree": _tree(case)} for case in cases]
    if len(trees) == 1 and not trees[0]["when"]:
        return trees[0]["tree"]
    return {"$cases": trees}


def _tree(case: Case) -> Any:
    if case.problem:
        at = f" ({place(case.place)})" if case.place is not None and place(case.place) else ""
        return {"$unknown": case.problem + at}
    try:
        with in_time():
            return tree_form(case.roots, case.single)
    except TookTooLong:
        return {"$unknown": "takes too long to write out"}
    except Halt as halt:
        return {"$unknown": halt.reason}
    except RecursionError:
        return {"$unknown": "a tree that is nested too deeply"}
