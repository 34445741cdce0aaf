"""Builtin functions that iterate over their arguments, as lazily as Python does and in the same order."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from campaign.check.builtins.arguments import call_origin, first_argument
from campaign.check.builtins.list_methods import in_order
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
    Value,
    is_constant,
    is_external,
    is_unevaluated,
)
from campaign.check.values.limits import Halt


def any_or_all(stops_at: bool, evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`any` stops at the first true element, `all` at the first false one: an iterator keeps the rest."""
    value = first_argument(evaluator, args, site)
    is_set = isinstance(value.payload, SetObj)
    items = unordered(evaluator, value, site.at) if is_set else evaluator.iterate(value, site.at)
    for item in items:
        if evaluator.truth(item, site.at) is stops_at:
            return Value(stops_at, call_origin(args, site))
    return Value(not stops_at, call_origin(args, site))


def total(evaluator: Evaluator, args: Args, site: Site) -> Value:
    value = first_argument(evaluator, args, site, 2)
    if isinstance(value.payload, SetObj):
        items = _integers_of_set(evaluator, value, site)
    else:
        items = evaluator.elements(value, site.at)
    start = _start(args, site)
    # Python refuses a string as the start: joining is `"".join()`.
    if isinstance(start.payload, str | bytes) or ("start" in args.keywords and len(args.positional) > 1):
        raise evaluator.error(TypeError, "sum() cannot be called like this", site.at)
    if all(isinstance(item.payload, int | float) for item in (start, *items)):
        # One call, because sum() of floats compensates rounding errors from Python 3.12 on.
        origin = call_origin(Args([*items, start]), site)
        return Value(sum([item.payload for item in items], start.payload), origin)
    result = start
    for item in items:
        result = evaluator.binary(ast.Add, result, item, site.at)
    return result


def _integers_of_set(evaluator: Evaluator, value: Value, site: Site) -> list[Value]:
    # Addition of floats is not associative, and that of lists not commutative; of integers it is both.
    items = unordered(evaluator, value, site.at)
    if not all(isinstance(item.payload, int) for item in items):
        reason = "the checker cannot sum a set of anything but integers: its order differs between runs"
        raise Halt(reason, site.at, "sum a list")
    return items


def _start(args: Args, site: Site) -> Value:
    """The `start` of `sum` and `enumerate`."""
    by_position = args.positional[1] if len(args.positional) > 1 else Value(0, site.at)
    return args.keywords.get("start", by_position)


def extreme(operator: type[ast.cmpop], evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`min` and `max`: the first of several equal extremes, so the order of a set's elements may show."""
    if not args.positional:
        raise evaluator.error(TypeError, "expected at least 1 argument", site.at)
    given, single = args.positional[0], len(args.positional) == 1
    if single and "key" in args.keywords:
        return _first_extreme(evaluator, operator, _items_to_measure(evaluator, given, site.at), args, site)
    items = unordered(evaluator, given, site.at) if single else args.positional
    runtime = any(is_unevaluated(item.payload) for item in items)
    if runtime and "key" not in args.keywords:
        return symbolic(evaluator, "min" if operator is ast.Lt else "max", site.at, *items)
    return _first_extreme(evaluator, operator, iter(items), args, site)


def _items_to_measure(evaluator: Evaluator, given: Value, at: Origin) -> Iterator[Value]:
    if isinstance(given.payload, IteratorObj):
        # Each element is measured before the next one is computed: either may have effects.
        return _counted(evaluator, given, at)
    if isinstance(given.payload, SetObj):
        reason = "the checker cannot pick from a set by key: which of two elements with equal keys it returns differs between runs"
        raise Halt(reason, at, "pick from a list")
    return iter(evaluator.elements(given, at))


def _first_extreme(
    evaluator: Evaluator, operator: type[ast.cmpop], items: Iterator[Value], args: Args, site: Site
) -> Value:
    key = args.keywords.get("key")
    best: tuple[Value, Value] | None = None
    origins = []
    for item in items:
        measured = item
        if key is not None and key.payload is not None:  # `key=None` is no key
            measured = evaluator.call(key, Args([item]), site.at)
        # Strictly less, or greater: an element that is equal to the best does not replace it.
        if best is None or evaluator.truth(evaluator.compare(operator, measured, best[1], site.at), site.at):
            best = item, measured
        origins.append(item.origin)
    if best is None:
        if "default" in args.keywords:
            return args.keywords["default"]
        raise evaluator.error(ValueError, "arg is an empty sequence", site.at)
    return Value(best[0].payload, Origin(site.at.file, site.at.line, site.at.column, tuple(origins)))


def _counted(evaluator: Evaluator, value: Value, at: Origin) -> Iterator[Value]:
    for item in evaluator.iterate(value, at):
        evaluator.charge(1, at)
        yield item


def in_sorted_order(evaluator: Evaluator, args: Args, site: Site) -> Value:
    items = unordered(evaluator, first_argument(evaluator, args, site), site.at)
    if isinstance(args.positional[0].payload, SetObj) and "key" in args.keywords:
        # The sort is stable: elements with equal keys stay in the order of the set.
        reason = (
            "the checker cannot sort a set by key: the order of elements with equal keys differs between runs"
        )
        raise Halt(reason, site.at, "sort a list")
    return Value(ListObj(in_order(evaluator, items, args.keywords, site)), call_origin(args, site))


def reversed_items(evaluator: Evaluator, args: Args, site: Site) -> Value:
    value = first_argument(evaluator, args, site)
    # Neither a sequence nor a `__reversed__`: a dict has one since Python 3.8.
    if isinstance(value.payload, IteratorObj | SetObj):
        raise evaluator.error(TypeError, "object is not reversible", site.at)
    if isinstance(value.payload, ListObj):
        return Value(IteratorObj(_backwards(evaluator, value.payload, site.at)), call_origin(args, site))
    items = evaluator.elements(value, site.at)
    return Value(IteratorObj(iter(items[::-1])), call_origin(args, site))


def _backwards(evaluator: Evaluator, payload: ListObj, at: Origin) -> Iterator[Value]:
    """`list_reverseiterator`: starts at the index that is last when it is made, reads each element late, and
    ends where the index is beyond the list."""

    def generate(index: int) -> Iterator[Value]:
        while 0 <= index < len(payload.items):
            evaluator.readable(payload, at)
            yield payload.items[index]
            index -= 1

    evaluator.readable(payload, at)
    return generate(len(payload.items) - 1)


def zipped(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`zip`. Its iterators are read in turn, and those before the exhausted one have lost an element; without
    arguments it is empty."""
    sources = [evaluator.iterate(value, site.at) for value in args.positional]
    strict = "strict" in args.keywords and evaluator.truth(args.keywords["strict"], site.at)

    def generate() -> Iterator[Value]:
        while sources:  # zip() without arguments has no rows
            row: list[Value] = []
            for index, source in enumerate(sources):
                item = next(source, None)
                if item is None:
                    # The first to end must be the first iterable, and then all others must end as well.
                    if strict and (index or any(next(other, None) is not None for other in sources[1:])):
                        raise evaluator.error(ValueError, "zip() arguments differ in length", site.at)
                    return
                row.append(item)
            yield Value(TupleObj(tuple(row)), site.at)

    return Value(IteratorObj(generate()), call_origin(args, site))


def enumerated(evaluator: Evaluator, args: Args, site: Site) -> Value:
    value = first_argument(evaluator, args, site, 2)
    start = _start(args, site)
    if not isinstance(start.payload, int):
        raise Halt(
            "the checker cannot enumerate from a start only known at run time", site.at, "write the start out"
        )
    pairs = (
        Value(TupleObj((Value(index, site.at), item)), site.at)
        for index, item in enumerate(evaluator.iterate(value, site.at), start.payload)
    )
    return Value(IteratorObj(pairs), call_origin(args, site))


def mapped(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`map` calls the function when an element is asked for, not before."""
    function, *rest = args.positional
    if any(is_external(value.payload) for value in rest):
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

    return Value(IteratorObj(generate()), call_origin(args, site))


def filtered(evaluator: Evaluator, args: Args, site: Site) -> Value:
    function, source = args.positional

    def generate() -> Iterator[Value]:
        for item in evaluator.iterate(source, site.at):
            kept = item  # filter(None, ...) keeps what is true
            if function.payload is not None:
                kept = evaluator.call(function, Args([item]), site.at, site.scope)
            if evaluator.truth(kept, site.at):
                yield item

    return Value(IteratorObj(generate()), call_origin(args, site))


def iterator(evaluator: Evaluator, args: Args, site: Site) -> Value:
    value = first_argument(evaluator, args, site)
    if isinstance(value.payload, IteratorObj):  # an iterator is its own iterator
        return value
    return Value(IteratorObj(evaluator.iterate(value, site.at)), site.at)


any_of, all_of = partial(any_or_all, True), partial(any_or_all, False)
smallest, largest = partial(extreme, ast.Lt), partial(extreme, ast.Gt)
