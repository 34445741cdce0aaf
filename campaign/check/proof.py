"""The proof: both files evaluated without running them, their trees compared."""

from __future__ import annotations

import gc
import os.path
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from campaign.check.declaration import Declaration
from campaign.check.difference import Comparison
from campaign.check.entries import Case, evaluate, unused_imports
from campaign.check.effects import compare_hidden_effects
from campaign.check.findings import CheckResult, Finding, VariantResult, verdict_of
from campaign.check.imports import Boundary
from campaign.check.limits import Halt
from campaign.check.patterns import compile_pattern
from campaign.check.places import survey
from campaign.check.relations import related
from campaign.check.sources import RevisionSources, Sources
from campaign.check.targets import Entry, Target, parse_entry, parse_target
from campaign.check.tree import tree_form
from campaign.check.values import NOWHERE, Effect, Value
from campaign.check.verdicts import Patterns, classify, place
from campaign.errors import UsageError

T = TypeVar("T")
STACK_BYTES = 512 * 1024 * 1024
GENERATOR_STACK_BYTES = 32 * 1024 * 1024
FRAMES = 60_000


def prove(declaration: Declaration, root: Path, against: str | None = None) -> CheckResult:
    """Compare every variant with the reference. Nothing of the files is imported or run.

    `against` compares each target with itself in that git revision instead. Raises `UsageError` for a target
    that is not there or unreadable, an unknown entry, and a pattern that matches nothing or too much.
    """
    return with_room(lambda: _prove(declaration, root, against))


def with_room(work: Callable[[], T]) -> T:
    """Deeply nested files need a deep stack: the work runs in a thread that has one."""
    answers: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(work())
        except BaseException as error:
            errors.append(error)

    collecting = gc.isenabled()
    before, frames = threading.stack_size(), sys.getrecursionlimit()
    threading.stack_size(STACK_BYTES)
    try:
        sys.setrecursionlimit(FRAMES)
        worker = threading.Thread(target=run)
        worker.start()
        threading.stack_size(GENERATOR_STACK_BYTES)
        gc.disable()  # nothing is freed before the answer: collecting would only cost
        worker.join()
    finally:
        threading.stack_size(before)
        sys.setrecursionlimit(frames)
        if collecting:
            gc.enable()
    if errors:
        raise errors[0]
    return answers[0]


def _prove(declaration: Declaration, root: Path, against: str | None) -> CheckResult:
    now = Sources(root)
    entry = parse_entry(declaration.entry)
    variants = [parse_target(text, now) for text in declaration.variants]
    reference = parse_target(declaration.reference, now)
    if not variants and against is None:
        raise UsageError("a check needs at least one variant besides the reference")
    follow, folders = declaration.follow, _folders([reference, *variants])
    before = RevisionSources(root, against) if against is not None else now
    boundary = Boundary(str(now.root), follow, folders, everything=against is not None)
    patterns = _patterns(declaration, entry)
    pairs: list[tuple[Target, Sources, Target]]
    if against is None:
        pairs = [(reference, now, variant) for variant in variants]
    else:
        pairs = [(target, before, target) for target in (reference, *variants)]
    known: dict[str, list[Case]] = {}
    results = []
    for left, sources, right in pairs:
        if left.text not in known:
            known[left.text] = evaluate(left, entry, sources, boundary, "reference")
            _survey(patterns, known[left.text], f"{left.text}")
        cases = evaluate(right, entry, now, boundary, "variant")
        _survey(patterns, cases, right.text)
        findings = list(compare_targets(left, known[left.text], right, cases, patterns, now))
        findings.extend(_relations(declaration, right, cases))
        results.append(VariantResult(right.text, verdict_of(tuple(findings)), merged(findings)))
    _refuse_idle(patterns, known, results)
    if against is None:
        broken = _relations(declaration, reference, known[reference.text])
        if broken:
            results.insert(0, VariantResult(reference.text, verdict_of(tuple(broken)), tuple(broken)))
    shown = f"{declaration.reference} at {against}" if against is not None else declaration.reference
    return CheckResult(shown, tuple(results))


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


def _refuse_idle(patterns: Patterns, known: dict[str, list[Case]], results: list[VariantResult]) -> None:
    """A pattern that matches nothing is a mistake, unless a file could not be evaluated at all."""
    broken = any(not finding.loads for result in results for finding in result.findings)
    if broken or any(case.problem for cases in known.values() for case in cases):
        return
    idle = [pattern.text for pattern in patterns.every() if not pattern.found]
    if idle:
        listed = ", ".join(repr(text) for text in idle)
        raise UsageError(f"no field matches {listed} in the reference or in any variant")


def compare_targets(
    left: Target,
    references: list[Case],
    right: Target,
    variants: list[Case],
    patterns: Patterns,
    sources: Sources,
) -> Iterator[Finding]:
    """All cases of both sides that can come about in one environment."""
    targets = (sources.shown(left.path), sources.shown(right.path))
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
            yield Finding("unproven", "environment", message=message, edit="make the same assertions in both")


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
                edit=halt.edit,
            )
        ]
    except (RecursionError, MemoryError):
        findings = [Finding("unproven", "", message="the trees are nested too deeply to compare")]
    yield from findings
    yield from _one_sided_imports(a, b)
    yield from _one_sided_risks(a, b)


def _compare_root(comparison: Comparison, name: str, a: Case, b: Case) -> None:
    from campaign.check.patterns import Step

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
    from campaign.check.patterns import Step

    left, right = a.machine.effects, b.machine.effects
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
    from campaign.check.patterns import Step

    at = (Value(None, x.origin), Value(None, y.origin))
    if x.name != y.name or len(x.args) != len(y.args) or set(x.kwargs) != set(y.kwargs):
        names = x.name if x.name == y.name else f"{x.name} and {y.name}"
        comparison.doubt(path, *at, f"outside effects differ: {names}", "do the same on both sides")
        return
    if any(holder.version != version for holder, version in (*x.captured, *y.captured)):
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
        if case.machine.imports.keys() <= other.machine.imports.keys():
            continue
        for name, origin in unused_imports(case).items():
            if name not in other.machine.imports:
                where = place(origin)
                yield Finding(
                    "unproven",
                    f"import {name}",
                    reference_place=where if case is a else None,
                    variant_place=where if case is b else None,
                    message=f"{name} is imported on one side only and nothing of it is in the configuration: it may have effects",
                    edit="remove the import, or import it on both sides",
                )


def _one_sided_risks(a: Case, b: Case) -> Iterator[Finding]:
    """What raises in some environment has to raise on both sides."""
    for case, other in ((a, b), (b, a)):
        for key, origin in case.machine.risks.items():
            if key not in other.machine.risks:
                where = place(origin)
                yield Finding(
                    "unproven",
                    "environment",
                    reference_place=where if case is a else None,
                    variant_place=where if case is b else None,
                    message="may raise at run time, on one side only",
                    edit="do the same on both sides, or read the environment with a default",
                )
                return


def _failed(target: Target, case: Case, conditional: bool) -> Finding:
    when = " in some environments" if conditional and case.raised else ""
    return Finding(
        "unproven",
        "",
        variant_place=place(case.place or NOWHERE),
        message=f"{target.text}: {case.problem}{when}",
        edit=case.edit,
        loads=False,
    )


def merged(findings: list[Finding]) -> tuple[Finding, ...]:
    """Each finding once; several cases often give the same one."""
    seen: dict[object, Finding] = {}
    for finding in findings:
        key = (finding.kind, finding.path, finding.detail, finding.reference_value, finding.variant_value)
        seen.setdefault((key, finding.reference_place, finding.variant_place, finding.message), finding)
    return tuple(seen.values())


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
    return with_room(lambda: _dump(target, root, entry, follow))


def _dump(text: str, root: Path, entry: str | None, follow: tuple[str, ...]) -> Any:
    sources = Sources(root)
    target = parse_target(text, sources)
    boundary = Boundary(str(sources.root), follow, _folders([target]))
    cases = evaluate(target, parse_entry(entry), sources, boundary, "reference")
    trees = [{"when": dict(case.tests), "tree": _tree(case)} for case in cases]
    if len(trees) == 1 and not trees[0]["when"]:
        return trees[0]["tree"]
    return {"$cases": trees}


def _tree(case: Case) -> Any:
    if case.problem:
        at = f" ({place(case.place)})" if case.place is not None and place(case.place) else ""
        return {"$unknown": case.problem + at}
    try:
        return tree_form(case.roots, case.single)
    except Halt as halt:
        return {"$unknown": halt.reason}
    except RecursionError:
        return {"$unknown": "a tree that is nested too deeply"}
