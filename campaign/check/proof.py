"""The proof: both files are evaluated without running them, and their configuration trees are compared."""

from __future__ import annotations

import os.path
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from campaign.check.claim.declaration import Declaration
from campaign.check.claim.patterns import compile_pattern
from campaign.check.claim.targets import Entry, Target, parse_entry, parse_target
from campaign.check.dialects.registry import ENTRIES
from campaign.check.difference.classification import DeclaredPatterns, source_place
from campaign.check.difference.compare_targets import compare_targets, unique_findings
from campaign.check.difference.dump_tree import Writer, dump_tree
from campaign.check.difference.equal_fields import equal_field_findings
from campaign.check.difference.pattern_matches import count_matches
from campaign.check.entries import evaluate
from campaign.check.evaluator.boundary import Boundary
from campaign.check.evaluator.case import Case
from campaign.check.findings import CheckResult, Finding, VariantResult, verdict_of
from campaign.check.sources import RevisionSources, Sources
from campaign.check.values.limits import Halt, TookTooLong
from campaign.check.workers import map_ranges, run_with_deep_stack, time_limit
from campaign.errors import UsageError

KEEP_IT_SMALLER = "keep the configuration smaller"


@dataclass(frozen=True, slots=True)
class PartialResult:
    """The findings about some of the variants."""

    results: tuple[VariantResult, ...]
    unmatched: frozenset[str]
    """Patterns that match nothing in the reference or in these variants."""
    some_not_loaded: bool
    """A file cannot be evaluated, so that its fields are not known."""


def prove(
    declaration: Declaration, root: Path, against: str | None = None, may_be_unmatched: Collection[str] = ()
) -> CheckResult:
    """Compare every variant with the reference. No code of the files is imported or run.

    `against` compares each target with itself in that git revision instead. Raises `UsageError` for a target that
    does not exist or cannot be read, an unknown entry, and a pattern that matches too much, or nothing unless it is one
    of `may_be_unmatched`.
    """
    if not declaration.variants and against is None:
        raise UsageError("a check needs at least one variant besides the reference")
    count = len(declaration.variants) + (against is not None)
    parts = map_ranges(partial(_prove_range, declaration, root, against), count)
    _reject_unmatched_patterns(declaration, parts, may_be_unmatched)
    reference = declaration.reference if against is None else f"{declaration.reference} at {against}"
    return CheckResult(reference, tuple(result for part in parts for result in part.results))


def _prove_range(declaration: Declaration, root: Path, against: str | None, indices: range) -> PartialResult:
    return _Proof(declaration, root, against).prove(indices)


class _Proof:
    """The proof of one declaration within one process; each reference is evaluated once."""

    def __init__(self, declaration: Declaration, root: Path, against: str | None) -> None:
        self.declaration = declaration
        self.sources = Sources(root)
        self.reference_sources = RevisionSources(root, against) if against is not None else self.sources
        self.entry = parse_entry(declaration.entry, ENTRIES)
        self.patterns = _compile_patterns(declaration, self.entry)
        self.reference = parse_target(declaration.reference, self.sources)
        variants = [parse_target(text, self.sources) for text in declaration.variants]
        everything = [self.reference, *variants]
        self.pairs = [(self.reference, variant) for variant in variants]
        if against is not None:
            self.pairs = [(target, target) for target in everything]
        self.boundary = Boundary(
            str(self.sources.root), declaration.follow, _folders(everything), everything=against is not None
        )
        self.reference_cases: dict[str, list[Case]] = {}
        self.counted: set[str] = set()

    def prove(self, indices: range) -> PartialResult:
        """The results of a range of pairs; the first range also says what is wrong with the reference itself."""
        results = [self._prove_pair(*self.pairs[index]) for index in indices]
        if self.reference_sources is self.sources and 0 in indices:
            reference = self.reference
            broken = self._equal_field_findings(reference, self.reference_cases[reference.text])
            if broken:
                results.insert(0, VariantResult(reference.text, verdict_of(tuple(broken)), tuple(broken)))
        unmatched = frozenset(pattern.text for pattern in self.patterns.all() if not pattern.match_count)
        problems = [case.problem for cases in self.reference_cases.values() for case in cases]
        not_loaded = any(not finding.loads for result in results for finding in result.findings)
        return PartialResult(tuple(results), unmatched, not_loaded or any(problems))

    def _prove_pair(self, left: Target, right: Target) -> VariantResult:
        references = self.reference_cases.get(left.text)
        if references is None:
            references = evaluate(left, self.entry, self.reference_sources, self.boundary, "reference")
            self.reference_cases[left.text] = references
        variants = evaluate(right, self.entry, self.sources, self.boundary, "variant")
        findings: list[Finding] = []
        try:
            with time_limit():
                if left.text not in self.counted:
                    self.counted.add(left.text)
                    self._count_matches(references, left.text)
                self._count_matches(variants, right.text)
                findings += compare_targets(left, references, right, variants, self.patterns, self.sources)
                findings += self._equal_field_findings(right, variants)
        except TookTooLong:
            message = f"{right.text}: the checker takes too long to compare the configuration"
            findings.append(Finding("unproven", "", message=message, suggestion=KEEP_IT_SMALLER, loads=False))
        return VariantResult(right.text, verdict_of(tuple(findings)), unique_findings(findings))

    def _count_matches(self, cases: list[Case], target: str) -> None:
        for index, case in enumerate(cases):
            if not case.problem:
                name = f"{target} (case {index + 1})" if index else target
                count_matches(self.patterns.all(), case.roots, case.single, name)

    def _equal_field_findings(self, target: Target, cases: list[Case]) -> list[Finding]:
        groups = self.declaration.equal
        return [
            finding
            for group in groups
            for case in cases
            for finding in equal_field_findings(group, target, case)
        ]


def _reject_unmatched_patterns(
    declaration: Declaration, parts: list[PartialResult], allowed: Collection[str]
) -> None:
    """Raise `UsageError` for patterns without a match, unless a file whose fields are not known may have them."""
    if any(part.some_not_loaded for part in parts):
        return
    unmatched = frozenset.intersection(*(part.unmatched for part in parts)).difference(allowed)
    declared = (*declaration.under_test, *declaration.labels, *declaration.derived_ok)
    if unmatched:
        listed = ", ".join(repr(text) for text in dict.fromkeys(declared) if text in unmatched)
        raise UsageError(f"no field matches {listed} in the reference or in any variant")


def _folders(targets: Iterable[Target]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(os.path.dirname(target.path) for target in targets))


def _compile_patterns(declaration: Declaration, entry: Entry | None) -> DeclaredPatterns:
    # With `names:config`, users write `config.lr` for the field whose path is `lr`.
    name = entry.names[0] if entry is not None and entry.kind != "merge" and len(entry.names) == 1 else ""
    return DeclaredPatterns(
        *(
            [compile_pattern(text, name) for text in texts]
            for texts in (declaration.under_test, declaration.labels, declaration.derived_ok)
        )
    )


def dump(
    target: str,
    root: Path,
    entry: str | None = None,
    follow: tuple[str, ...] = (),
    writer: type[Writer] = Writer,
) -> Any:
    """The configuration tree of one target as JSON data, with sorted keys where their order has no meaning.

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
    tuple               ``{"$tuple": [...]}``; a named tuple has ``"$type": name`` and ``"fields": {...}``,
                        and null instead of the list
    set, frozenset      ``{"$set": [...]}``, ``{"$frozenset": [...]}``, sorted by the JSON of the members
    dict                ``{"$dict": [[key, value], ...]}``, sorted by the JSON of the keys
    an instance         ``{"$object": class __qualname__, "fields": {...}}``: the contents of ``vars``, and
                        data attributes of the class and its bases that these do not override (no dunder
                        attribute, function, property, static or class method)
    enum member         ``{"$enum": "Class.NAME", "value": ...}``
    class               ``{"$class": __qualname__, "fields": {...}}``, data attributes as above
    function, lambda    ``{"$function": __name__}``
    module              ``{"$module": name}``
    external name       ``{"$ref": "lib.sub.Name"}``
    external call       ``{"$call": callee, "args": [...], "kwargs": {...}}``; the callee is the qualified
                        name, or its form when it is not a name. ``"fields": {...}`` holds attributes that
                        were set afterwards; ``"effects": [[name, [args...], {kwargs...}], ...]`` holds
                        methods that were called on it and items that were set (``__setitem__``,
                        ``__delitem__``)
    other operation     ``{"$term": operation, "operands": [...]}``
    not known           ``{"$unknown": reason}``, ``{"$nondeterministic": source}``
    ==================  ==============================================================================

    Shared objects are written out each time; a cycle is ``{"$cycle": true}``. A single name, a call or a class
    gives the tree of its value; several names give ``{"$names": {...}}``. When a test on a value that is only
    known at run time splits the evaluation, the tree is ``{"$cases": [{"when": {test: bool}, "tree": ...}]}``.
    """
    return run_with_deep_stack(lambda: _dump(target, root, entry, follow, writer))


def _dump(text: str, root: Path, entry: str | None, follow: tuple[str, ...], writer: type[Writer]) -> Any:
    sources = Sources(root)
    target = parse_target(text, sources)
    boundary = Boundary(str(sources.root), follow, _folders([target]))
    cases = evaluate(target, parse_entry(entry, ENTRIES), sources, boundary, "reference")
    trees = [{"when": dict(case.tests), "tree": _case_tree(case, writer)} for case in cases]
    if len(trees) == 1 and not trees[0]["when"]:
        return trees[0]["tree"]
    return {"$cases": trees}


def _case_tree(case: Case, writer: type[Writer]) -> Any:
    if case.problem:
        place = source_place(case.place) if case.place is not None else None
        return {"$unknown": f"{case.problem} ({place})" if place else case.problem}
    try:
        with time_limit():
            return dump_tree(case.roots, case.single, writer)
    except TookTooLong:
        return {"$unknown": "the checker takes too long to write the tree"}
    except Halt as halt:
        return {"$unknown": halt.reason}
    except RecursionError:
        return {"$unknown": "the tree is nested too deeply for the checker to write it"}
