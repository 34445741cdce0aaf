"""Iteration, as lazily as Python does it: what is read while it changes is seen while it changes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from campaign.check.code import comprehension_code
from campaign.check.constants import check_size, key_of, lift
from campaign.check.limits import Halt
from campaign.check.machine import Args, Machine
from campaign.check.outside import is_nondeterministic, reads_files, term
from campaign.check.scope import NO_NAMES, Scope
from campaign.check.values import (
    OUTSIDE,
    ClassObj,
    DictObj,
    InstObj,
    Iter,
    ListObj,
    Namespace,
    Nondet,
    Origin,
    SetObj,
    Sym,
    TupleObj,
    Unknown,
    Value,
    View,
    is_constant,
    pairs_in_order,
)

Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def iterate(machine: Machine, value: Value, at: Origin) -> Iterator[Value]:
    """The elements of a value. Raises `Halt` where their number or order is only known at run time."""
    payload = value.payload
    machine.readable(payload, at)
    if isinstance(payload, ListObj):
        return _list_elements(machine, payload, at)
    if isinstance(payload, TupleObj):
        return iter(payload.items)
    if isinstance(payload, DictObj):
        return _dict_keys(machine, payload, at)
    if isinstance(payload, View):
        return _view_elements(machine, payload, at)
    if isinstance(payload, Iter):
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
        return _instance_elements(machine, value, payload, at)
    if isinstance(payload, OUTSIDE):
        raise Halt(
            "goes through something whose elements are only known at run time", at, "list the elements"
        )
    if isinstance(payload, Unknown):
        raise Halt(f"goes through a value that cannot be known: {payload.reason}", at, payload.edit)
    if isinstance(payload, Nondet):
        raise Halt(f"goes through a value that differs from run to run ({payload.source})", at)
    name = type(payload).__name__
    raise machine.error(TypeError, f"{name!r} object is not iterable", at)


def _list_elements(machine: Machine, payload: ListObj, at: Origin) -> Iterator[Value]:
    index = 0
    while index < len(payload.items):
        machine.readable(payload, at)
        yield payload.items[index]
        index += 1


def _dict_keys(machine: Machine, payload: DictObj, at: Origin) -> Iterator[Value]:
    size = len(payload.entries)
    for key, _ in pairs_in_order(payload):
        if len(payload.entries) != size:
            raise machine.error(RuntimeError, "dictionary changed size during iteration", at)
        yield key


def _view_elements(machine: Machine, payload: View, at: Origin) -> Iterator[Value]:
    for key in _dict_keys(machine, payload.holder, at):
        if payload.kind == "keys":
            yield key
            continue
        pair = payload.holder.entries[key_of(key.payload)]
        yield pair[1] if payload.kind == "values" else Value(TupleObj((key, pair[1])), pair[1].origin)


def _instance_elements(machine: Machine, value: Value, payload: InstObj, at: Origin) -> Iterator[Value]:
    from campaign.check.calls import call_method

    if payload.cls.find("__getitem__") is not None and payload.cls.find("__iter__") is None:
        raise Halt(f"goes through an instance of {payload.cls.name} by its indices", at, "use a list")
    if payload.cls.find("__iter__") is None:
        raise machine.error(TypeError, f"{payload.cls.name!r} object is not iterable", at)
    result = call_method(machine, value, "__iter__", Args([]), at)
    if isinstance(result.payload, InstObj):
        raise Halt(f"goes through an instance of {payload.cls.name}", at, "use a list")
    return iterate(machine, result, at)


def elements(machine: Machine, value: Value, at: Origin) -> list[Value]:
    """All elements at once, counted against the budget."""
    found: list[Value] = []
    for item in iterate(machine, value, at):
        machine.budget.steps -= 1
        found.append(item)
        if machine.budget.steps < 0:
            raise Halt("the budget of steps is spent", at)
    check_size(len(found), at)
    return found


def extend(machine: Machine, payload: ListObj, items: Value, at: Origin) -> None:
    """`list.extend`: what an iterator reads of the list while it grows is what is there by then."""
    lazily = isinstance(items.payload, Iter)
    for item in iterate(machine, items, at) if lazily else elements(machine, items, at):
        payload.items.append(machine.bound(item))
        machine.budget.steps -= lazily
        if machine.budget.steps < 0:
            raise Halt("the budget of steps is spent", at)
    check_size(len(payload.items), at)
    payload.version += 1


def unordered(machine: Machine, value: Value, at: Origin) -> list[Value]:
    """The elements where their order cannot matter to what is done with them."""
    machine.readable(value.payload, at)
    if isinstance(value.payload, SetObj):
        return list(value.payload.items.values())
    return elements(machine, value, at)


def run_comprehension(
    machine: Machine, node: Comprehension, scope: Scope, first: Value
) -> Iterator[Value | tuple[Value, Value]]:
    """The elements of a comprehension, one by one. Its first iterable was evaluated at once, outside its
    scope."""
    at = machine.place(node, scope, first.origin)
    source = iterate(machine, first, at)
    parent = scope.parent if scope.kind == "class" else scope
    inner = Scope("comprehension", scope.module, parent, NO_NAMES)
    inner.cls, inner.receiver = scope.cls, scope.receiver
    return _generate(machine, node, inner, 0, source)


def _generate(
    machine: Machine, node: Comprehension, scope: Scope, level: int, source: Iterator[Value]
) -> Iterator[Value | tuple[Value, Value]]:
    from campaign.check.assignments import assign
    from campaign.check.operators import truth

    generator = node.generators[level]
    if generator.is_async:
        raise Halt("an asynchronous comprehension", machine.place(node, scope))
    for item in source:
        machine.budget.steps -= 1
        if machine.budget.steps < 0:
            raise machine.spent(node, scope)
        assign(machine, generator.target, item, scope)
        before = machine.control
        keep = True
        for test in generator.ifs:
            outcome = machine.eval(test, scope)
            keep = truth(machine, outcome, machine.place(test, scope, outcome.origin))
            machine.under(outcome.origin)
            if not keep:
                break
        if keep and level + 1 < len(node.generators):
            following = machine.eval(node.generators[level + 1].iter, scope)
            deeper = iterate(machine, following, machine.place(node, scope))
            yield from _generate(machine, node, scope, level + 1, deeper)
        elif keep and isinstance(node, ast.DictComp):
            key = machine.eval(node.key, scope)
            yield key, machine.bound(machine.eval(node.value, scope))
        elif keep:
            assert not isinstance(node, ast.DictComp)
            yield machine.bound(machine.eval(node.elt, scope))
        machine.control = before


REPEATABLE = frozenset(
    {"abs", "all", "any", "bin", "bool", "bytes", "chr", "complex", "dict", "divmod", "enumerate", "float", "format",
     "frozenset", "getattr", "hasattr", "hex", "int", "isinstance", "issubclass", "len", "list", "max", "min", "oct",
     "ord", "pow", "range", "repr", "reversed", "round", "set", "slice", "sorted", "str", "sum", "tuple", "type", "zip"}
)  # fmt: skip
"""Builtins that give the same for the same, and change nothing."""


def differs_each_time(node: ast.AST, name: str, found: Sym) -> bool:
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


def opaque_comprehension(machine: Machine, node: Comprehension, scope: Scope, first: Value) -> Value:
    """`[int(x) for x in VALUE]` over a run-time value: a term of the code and what it reads."""
    at = machine.place(node, scope, first.origin)
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
        if isinstance(found.payload, Sym) and differs_each_time(node, name, found.payload):
            raise Halt("makes something that differs from run to run, for each element", at)
        if not (is_constant(found.payload) or isinstance(found.payload, (*OUTSIDE, type))):
            raise Halt(
                "computes with the elements of something only known at run time", at, "list the elements"
            )
        operands.append(found)
    return term(machine, type(node).__name__, at, *operands)
