"""Iteration, as lazily as Python does it: what is read while it changes is seen while it changes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from campaign.check.evaluator.state import OPERATIONS, Args, Evaluator
from campaign.check.evaluator.symbolic import is_nondeterministic, reads_files, symbolic
from campaign.check.values import (
    EXTERNAL,
    ClassObj,
    DictObj,
    ExternalName,
    InstObj,
    IteratorObj,
    ListObj,
    Namespace,
    Nondeterministic,
    Origin,
    SetObj,
    TupleObj,
    Unknown,
    Value,
    View,
    is_constant,
    pairs_in_order,
)
from campaign.check.values.code_objects import comprehension_code
from campaign.check.values.constants import check_size, key_of, lift
from campaign.check.values.limits import Halt
from campaign.check.values.scope import NO_NAMES, Comprehension, Scope


def iterate(evaluator: Evaluator, value: Value, at: Origin) -> Iterator[Value]:
    """The elements of a value. Raises `Halt` where their number or order is only known at run time."""
    payload = value.payload
    evaluator.readable(payload, at)
    if isinstance(payload, ListObj):
        return _list_elements(evaluator, payload, at)
    if isinstance(payload, TupleObj):
        return iter(payload.items)
    if isinstance(payload, DictObj):
        return _dict_keys(evaluator, payload, at)
    if isinstance(payload, View):
        return _view_elements(evaluator, payload, at)
    if isinstance(payload, IteratorObj):
        payload.version += 1
        return payload.source
    if isinstance(payload, SetObj):
        if len(payload.items) > 1:
            raise Halt(
                "goes through a set, whose order differs from run to run", at, "use sorted(...) or a list"
            )
        return iter(list(payload.items.values()))
    if isinstance(payload, str | bytes | range):
        return (lift(item, value.origin) for item in payload)
    if isinstance(payload, ClassObj) and payload.kind == "enum":
        members = list(dict.fromkeys(payload.members.values()))
        return iter([Value(member, value.origin) for member in members])
    if isinstance(payload, Namespace):
        return iter([Value(name, value.origin) for name in list(payload.names)])
    if isinstance(payload, InstObj):
        return _instance_elements(evaluator, value, payload, at)
    if isinstance(payload, EXTERNAL):
        raise Halt(
            "goes through something whose elements are only known at run time", at, "list the elements"
        )
    if isinstance(payload, Unknown):
        raise Halt(f"goes through a value that cannot be known: {payload.reason}", at, payload.suggestion)
    if isinstance(payload, Nondeterministic):
        raise Halt(f"goes through a value that differs from run to run ({payload.source})", at)
    name = type(payload).__name__
    raise evaluator.error(TypeError, f"{name!r} object is not iterable", at)


def _list_elements(evaluator: Evaluator, payload: ListObj, at: Origin) -> Iterator[Value]:
    index = 0
    while index < len(payload.items):
        evaluator.readable(payload, at)
        yield payload.items[index]
        index += 1


def _dict_keys(evaluator: Evaluator, payload: DictObj, at: Origin) -> Iterator[Value]:
    size = len(payload.entries)
    for key, _ in pairs_in_order(payload):
        if len(payload.entries) != size:
            raise evaluator.error(RuntimeError, "dictionary changed size during iteration", at)
        yield key


def _view_elements(evaluator: Evaluator, payload: View, at: Origin) -> Iterator[Value]:
    for key in _dict_keys(evaluator, payload.holder, at):
        if payload.kind == "keys":
            yield key
            continue
        pair = payload.holder.entries[key_of(key.payload)]
        yield pair[1] if payload.kind == "values" else Value(TupleObj((key, pair[1])), pair[1].origin)


def _instance_elements(evaluator: Evaluator, value: Value, payload: InstObj, at: Origin) -> Iterator[Value]:

    if payload.cls.find("__getitem__") is not None and payload.cls.find("__iter__") is None:
        raise Halt(f"goes through an instance of {payload.cls.name} by its indices", at, "use a list")
    if payload.cls.find("__iter__") is None:
        raise evaluator.error(TypeError, f"{payload.cls.name!r} object is not iterable", at)
    result = evaluator.call_method(value, "__iter__", Args([]), at)
    if isinstance(result.payload, InstObj):
        raise Halt(f"goes through an instance of {payload.cls.name}", at, "use a list")
    return evaluator.iterate(result, at)


def elements(evaluator: Evaluator, value: Value, at: Origin) -> list[Value]:
    """All elements at once, counted against the budget."""
    found: list[Value] = []
    for item in evaluator.iterate(value, at):
        evaluator.budget.steps -= 1
        found.append(item)
        if evaluator.budget.steps < 0:
            raise Halt("the budget of steps is spent", at)
    check_size(len(found), at)
    return found


def extend(evaluator: Evaluator, payload: ListObj, items: Value, at: Origin) -> None:
    """`list.extend`: what an iterator reads of the list while it grows is what is there by then."""
    lazily = isinstance(items.payload, IteratorObj)
    for item in evaluator.iterate(items, at) if lazily else evaluator.elements(items, at):
        payload.items.append(evaluator.with_control_origin(item))
        evaluator.budget.steps -= lazily
        if evaluator.budget.steps < 0:
            raise Halt("the budget of steps is spent", at)
    check_size(len(payload.items), at)
    payload.version += 1


def unordered(evaluator: Evaluator, value: Value, at: Origin) -> list[Value]:
    """The elements where their order cannot matter to what is done with them."""
    evaluator.readable(value.payload, at)
    if isinstance(value.payload, SetObj):
        return list(value.payload.items.values())
    return evaluator.elements(value, at)


def run_comprehension(
    evaluator: Evaluator, node: Comprehension, scope: Scope, first: Value
) -> Iterator[Value | tuple[Value, Value]]:
    """The elements of a comprehension, one by one. Its first iterable was evaluated at once, outside its
    scope."""
    at = evaluator.place(node, scope, first.origin)
    source = evaluator.iterate(first, at)
    parent = scope.parent if scope.kind == "class" else scope
    inner = Scope("comprehension", scope.module, parent, NO_NAMES)
    inner.cls, inner.receiver = scope.cls, scope.receiver
    return _generate(evaluator, node, inner, 0, source)


def _generate(
    evaluator: Evaluator, node: Comprehension, scope: Scope, level: int, source: Iterator[Value]
) -> Iterator[Value | tuple[Value, Value]]:

    generator = node.generators[level]
    if generator.is_async:
        raise Halt("an asynchronous comprehension", evaluator.place(node, scope))
    for item in source:
        evaluator.budget.steps -= 1
        if evaluator.budget.steps < 0:
            raise evaluator.spent(node, scope)
        evaluator.assign(generator.target, item, scope)
        before = evaluator.control
        keep = True
        for test in generator.ifs:
            outcome = evaluator.eval(test, scope)
            keep = evaluator.truth(outcome, evaluator.place(test, scope, outcome.origin))
            evaluator.push_control(outcome.origin)
            if not keep:
                break
        if keep and level + 1 < len(node.generators):
            following = evaluator.eval(node.generators[level + 1].iter, scope)
            deeper = evaluator.iterate(following, evaluator.place(node, scope))
            yield from _generate(evaluator, node, scope, level + 1, deeper)
        elif keep and isinstance(node, ast.DictComp):
            key = evaluator.eval(node.key, scope)
            yield key, evaluator.with_control_origin(evaluator.eval(node.value, scope))
        elif keep:
            assert not isinstance(node, ast.DictComp)
            yield evaluator.with_control_origin(evaluator.eval(node.elt, scope))
        evaluator.control = before


REPEATABLE = frozenset(
    {"abs", "all", "any", "bin", "bool", "bytes", "chr", "complex", "dict", "divmod", "enumerate", "float", "format",
     "frozenset", "getattr", "hasattr", "hex", "int", "isinstance", "issubclass", "len", "list", "max", "min", "oct",
     "ord", "pow", "range", "repr", "reversed", "round", "set", "slice", "sorted", "str", "sum", "tuple", "type", "zip"}
)  # fmt: skip
"""Builtins that give the same for the same, and change nothing."""


def differs_each_time(node: ast.AST, name: str, found: ExternalName) -> bool:
    """Whether code reaches, from an outside name, something nondeterministic or a file."""
    names = {found.name}
    for part in ast.walk(node):
        steps: list[str] = []
        while isinstance(part, ast.Attribute):
            steps.insert(0, part.attr)
            part = part.value
        if isinstance(part, ast.Name) and part.id == name:
            names.update(".".join([found.name, *steps[:count]]) for count in range(1, len(steps) + 1))
    return any(is_nondeterministic(full) or reads_files(full) for full in names)


def symbolic_comprehension(evaluator: Evaluator, node: Comprehension, scope: Scope, first: Value) -> Value:
    """`[int(x) for x in VALUE]` over a run-time value: a term of the code and what it reads."""
    at = evaluator.place(node, scope, first.origin)
    code, free = comprehension_code(node)
    operands = [first, Value(code, at)]
    if any(isinstance(part, ast.NamedExpr | ast.Await | ast.Yield) for part in ast.walk(node)):
        raise Halt("binds names for elements only known at run time", at, "list the elements")
    inner = scope.parent if scope.kind == "class" and scope.parent is not None else scope
    for name in free:
        found = inner.lookup(name)
        if isinstance(found, str):
            if name not in REPEATABLE:
                raise Halt(f"calls {name} for elements only known at run time", at, "list the elements")
            operands.append(Value(f"builtin {name}", at))
            continue
        if isinstance(found.payload, ExternalName) and differs_each_time(node, name, found.payload):
            raise Halt("makes something that differs from run to run, for each element", at)
        if not (is_constant(found.payload) or isinstance(found.payload, (*EXTERNAL, type))):
            raise Halt(
                "computes with the elements of something only known at run time", at, "list the elements"
            )
        operands.append(found)
    return symbolic(evaluator, type(node).__name__, at, *operands)


OPERATIONS.iterate = iterate
OPERATIONS.elements = elements
