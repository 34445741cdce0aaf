"""Builtin functions that go through what they are given."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from campaign.check.builtins.list_methods import in_order
from campaign.check.builtins.pure_functions import Function, one, origin_of
from campaign.check.evaluator.external_names import is_nondeterministic
from campaign.check.evaluator.iteration import unordered
from campaign.check.evaluator.state import Args, Evaluator, Site
from campaign.check.evaluator.symbolic import symbolic
from campaign.check.values import (
    EXTERNAL,
    ExternalName,
    IteratorObj,
    ListObj,
    Nondeterministic,
    Origin,
    SetObj,
    TupleObj,
    Unknown,
    Value,
    is_constant,
)
from campaign.check.values.limits import Halt


def any_of(evaluator: Evaluator, args: Args, site: Site) -> Value:
    for item in _any_order(evaluator, one(evaluator, args, site), site.at):
        if evaluator.truth(item, site.at):
            return Value(True, origin_of(args, site))
    return Value(False, origin_of(args, site))


def all_of(evaluator: Evaluator, args: Args, site: Site) -> Value:
    for item in _any_order(evaluator, one(evaluator, args, site), site.at):
        if not evaluator.truth(item, site.at):
            return Value(False, origin_of(args, site))
    return Value(True, origin_of(args, site))


def _any_order(evaluator: Evaluator, value: Value, at: Origin) -> Iterator[Value]:
    if isinstance(value.payload, SetObj):
        return iter(unordered(evaluator, value, at))
    return evaluator.iterate(value, at)


def total(evaluator: Evaluator, args: Args, site: Site) -> Value:
    value = one(evaluator, args, site, 1, 2)
    items = evaluator.elements(value, site.at) if not isinstance(value.payload, SetObj) else None
    if items is None:
        items = unordered(evaluator, value, site.at)
        if not all(isinstance(item.payload, int) for item in items):
            raise Halt("sums a set, whose order differs from run to run", site.at)
    start = args.keywords.get("start", args.positional[1] if len(args.positional) > 1 else Value(0, site.at))
    if isinstance(start.payload, str | bytes) or ("start" in args.keywords and len(args.positional) > 1):
        raise evaluator.error(TypeError, "sum() cannot be called like this", site.at)
    if all(isinstance(item.payload, int | float) for item in (start, *items)):
        # one call: from Python 3.12 on, sum() of floats is more exact than adding them in turn
        return Value(
            sum([item.payload for item in items], start.payload), origin_of(Args([*items, start]), site)
        )
    result = start
    for item in items:
        result = evaluator.binary(ast.Add, result, item, site.at)
    return result


def extreme(kind: type[ast.cmpop]) -> Function:
    def known(evaluator: Evaluator, args: Args, site: Site) -> Value:

        if not args.positional:
            raise evaluator.error(TypeError, "expected at least 1 argument", site.at)
        key = args.keywords.get("key")
        single = len(args.positional) == 1
        lazily = single and key is not None and isinstance(args.positional[0].payload, IteratorObj)
        if lazily:
            return _extreme_of_iterator(evaluator, kind, args, key, site)
        items = unordered(evaluator, args.positional[0], site.at) if single else args.positional
        if single and isinstance(args.positional[0].payload, SetObj) and key is not None:
            raise Halt("picks from a set by key, whose order differs from run to run", site.at)
        if not items:
            if "default" in args.keywords:
                return args.keywords["default"]
            raise evaluator.error(ValueError, "arg is an empty sequence", site.at)
        if (
            any(isinstance(item.payload, (*EXTERNAL, Unknown, Nondeterministic)) for item in items)
            and key is None
        ):
            return symbolic(evaluator, "min" if kind is ast.Lt else "max", site.at, *items)
        best, best_key = None, None
        for item in items:
            measured = (
                item
                if key is None or key.payload is None
                else evaluator.call(key, Args([item]), site.at, None)
            )
            if best_key is None or evaluator.truth(
                evaluator.compare(kind, measured, best_key, site.at), site.at
            ):
                best, best_key = item, measured
        assert best is not None
        origin = Origin(site.at.file, site.at.line, site.at.column, tuple(item.origin for item in items))
        return Value(best.payload, origin)

    return known


def _extreme_of_iterator(
    evaluator: Evaluator, kind: type[ast.cmpop], args: Args, key: Value | None, site: Site
) -> Value:
    """With a key, each element is measured before the next one is asked for: either may have effects."""

    pairs: list[tuple[Value, Value]] = []
    for item in evaluator.iterate(args.positional[0], site.at):
        evaluator.budget.steps -= 1
        if evaluator.budget.steps < 0:
            raise Halt("the budget of steps is spent", site.at)
        plain = key is None or key.payload is None
        measured = item if plain or key is None else evaluator.call(key, Args([item]), site.at, None)
        if not pairs or evaluator.truth(evaluator.compare(kind, measured, pairs[0][1], site.at), site.at):
            pairs.insert(0, (item, measured))
        else:
            pairs.append((item, measured))
    if not pairs:
        if "default" in args.keywords:
            return args.keywords["default"]
        raise evaluator.error(ValueError, "arg is an empty sequence", site.at)
    origins = tuple(item.origin for item, _ in pairs)
    return Value(pairs[0][0].payload, Origin(site.at.file, site.at.line, site.at.column, origins))


def in_sorted_order(evaluator: Evaluator, args: Args, site: Site) -> Value:
    items = unordered(evaluator, one(evaluator, args, site), site.at)
    if isinstance(args.positional[0].payload, SetObj) and "key" in args.keywords:
        raise Halt("sorts a set by key, whose ties differ from run to run", site.at)
    return Value(ListObj(in_order(evaluator, items, args.keywords, site)), origin_of(args, site))


def reversed_items(evaluator: Evaluator, args: Args, site: Site) -> Value:
    value = one(evaluator, args, site)
    if isinstance(value.payload, IteratorObj | SetObj):
        raise evaluator.error(TypeError, "object is not reversible", site.at)
    if isinstance(value.payload, ListObj):
        return Value(IteratorObj(_backwards(evaluator, value.payload, site.at)), origin_of(args, site))
    items = evaluator.elements(value, site.at)
    return Value(IteratorObj(iter(items[::-1])), origin_of(args, site))


def _backwards(evaluator: Evaluator, payload: ListObj, at: Origin) -> Iterator[Value]:
    """The elements from the end that the list has now, each as it is when it is read."""

    def generate(index: int) -> Iterator[Value]:
        while 0 <= index < len(payload.items):
            evaluator.readable(payload, at)
            yield payload.items[index]
            index -= 1

    evaluator.readable(payload, at)
    return generate(len(payload.items) - 1)


def zipped(evaluator: Evaluator, args: Args, site: Site) -> Value:
    sources = [evaluator.iterate(value, site.at) for value in args.positional]
    strict = "strict" in args.keywords and evaluator.truth(args.keywords["strict"], site.at)

    def generate() -> Iterator[Value]:
        while sources:
            row: list[Value] = []
            for index, source in enumerate(sources):
                item = next(source, None)
                if item is None:
                    if strict and (index or any(next(other, None) is not None for other in sources[1:])):
                        raise evaluator.error(ValueError, "zip() arguments differ in length", site.at)
                    return
                row.append(item)
            yield Value(TupleObj(tuple(row)), site.at)

    return Value(IteratorObj(generate()), origin_of(args, site))


def enumerated(evaluator: Evaluator, args: Args, site: Site) -> Value:
    value = one(evaluator, args, site, 1, 2)
    start = args.keywords.get("start", args.positional[1] if len(args.positional) > 1 else Value(0, site.at))
    if not isinstance(start.payload, int):
        raise Halt("enumerate() from a start only known at run time", site.at)
    source = evaluator.iterate(value, site.at)
    pairs = (
        Value(TupleObj((Value(index, site.at), item)), site.at)
        for index, item in enumerate(source, start.payload)
    )
    return Value(IteratorObj(pairs), origin_of(args, site))


def mapped(evaluator: Evaluator, args: Args, site: Site) -> Value:

    function, *rest = args.positional
    if any(isinstance(value.payload, EXTERNAL) for value in rest):
        if isinstance(function.payload, ExternalName) and is_nondeterministic(function.payload.name):
            return Value(Nondeterministic(function.payload.name), site.at)
        if is_constant(function.payload) or isinstance(function.payload, (*EXTERNAL, type)):
            return symbolic(evaluator, "map", site.at, *args.positional)
    sources = [evaluator.iterate(value, site.at) for value in rest]

    def generate() -> Iterator[Value]:
        while True:
            row: list[Value] = []
            for source in sources:
                item = next(source, None)
                if item is None:
                    return
                row.append(item)
            yield evaluator.call(function, Args(row), site.at, site.scope)

    return Value(IteratorObj(generate()), origin_of(args, site))


def filtered(evaluator: Evaluator, args: Args, site: Site) -> Value:

    function, source = args.positional

    def generate() -> Iterator[Value]:
        for item in evaluator.iterate(source, site.at):
            kept = (
                item
                if function.payload is None
                else evaluator.call(function, Args([item]), site.at, site.scope)
            )
            if evaluator.truth(kept, site.at):
                yield item

    return Value(IteratorObj(generate()), origin_of(args, site))


def iterator(evaluator: Evaluator, args: Args, site: Site) -> Value:
    value = one(evaluator, args, site)
    if isinstance(value.payload, IteratorObj):
        return value
    return Value(IteratorObj(evaluator.iterate(value, site.at)), site.at)
