"""Iteration and comprehensions. Elements are computed on demand, as Python does: a change made during an iteration is
seen by it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from campaign.check.evaluator.dispatch import ITERATION
from campaign.check.evaluator.external_names import is_nondeterministic, reads_files
from campaign.check.evaluator.state import Args, Evaluator
from campaign.check.evaluator.symbolic import symbolic
from campaign.check.evaluator.type_tests import type_name
from campaign.check.values import (
    ClassObj,
    DictObj,
    ExternalCall,
    ExternalName,
    InstObj,
    IteratorObj,
    ListObj,
    Namespace,
    Nondeterministic,
    Origin,
    SetObj,
    SymbolicOperation,
    TupleObj,
    Unknown,
    Value,
    View,
    is_constant,
    is_external,
    pairs_in_order,
)
from campaign.check.values.code_objects import comprehension_code
from campaign.check.values.constants import check_size, key_of, lift
from campaign.check.values.limits import Halt
from campaign.check.values.scope import NO_NAMES, Comprehension, Scope


def _list_elements(evaluator: Evaluator, value: Value, at: Origin) -> Iterator[Value]:
    # A list iterator holds an index: elements that are appended or removed during the iteration count.
    payload: ListObj = value.payload
    index = 0
    while index < len(payload.items):
        evaluator.readable(payload, at)
        yield payload.items[index]
        index += 1


def _dict_keys(evaluator: Evaluator, value: Value, at: Origin) -> Iterator[Value]:
    # A dict iterates in insertion order, and raises at the next element once its size has changed.
    payload: DictObj = value.payload
    size = len(payload.entries)
    for key, _ in pairs_in_order(payload):
        if len(payload.entries) != size:
            raise evaluator.error(RuntimeError, "dictionary changed size during iteration", at)
        yield key


def _view_elements(evaluator: Evaluator, value: Value, at: Origin) -> Iterator[Value]:
    view: View = value.payload
    for key in _dict_keys(evaluator, Value(view.holder, value.origin), at):
        if view.kind == "keys":
            yield key
            continue
        pair = view.holder.entries[key_of(key.payload)]
        yield pair[1] if view.kind == "values" else Value(TupleObj((key, pair[1])), pair[1].origin)


def _iterator_elements(evaluator: Evaluator, value: Value, at: Origin) -> Iterator[Value]:
    # An iterator is its own iterator: two loops over it share one position.
    value.payload.version += 1  # every other reference to the iterator sees it advanced
    source: Iterator[Value] = value.payload.source
    return source


def _set_elements(evaluator: Evaluator, value: Value, at: Origin) -> Iterator[Value]:
    # The order depends on the hashes, and those of strings differ between processes.
    if len(value.payload.items) > 1:
        reason = "the code iterates over a set, whose order differs between runs"
        raise Halt(reason, at, "use sorted(...) or a list")
    return iter(list(value.payload.items.values()))


def _class_elements(evaluator: Evaluator, value: Value, at: Origin) -> Iterator[Value]:
    if value.payload.kind != "enum":
        raise evaluator.error(TypeError, "'type' object is not iterable", at)
    # An alias is a second name of one member, which is iterated over once.
    members = dict.fromkeys(value.payload.members.values())
    return iter([Value(member, value.origin) for member in members])


def _instance_elements(evaluator: Evaluator, value: Value, at: Origin) -> Iterator[Value]:
    cls = value.payload.cls
    if cls.find("__iter__") is None:
        if cls.find("__getitem__") is not None:
            raise Halt(
                f"iteration over a {cls.name} instance by its indices is not modelled", at, "use a list"
            )
        raise evaluator.error(TypeError, f"{cls.name!r} object is not iterable", at)
    result = evaluator.call_method(value, "__iter__", Args([]), at)
    if isinstance(result.payload, InstObj):
        raise Halt(f"the __next__ of a {cls.name} instance is not modelled", at, "use a list")
    return evaluator.iterate(result, at)


def _refuse_external(evaluator: Evaluator, value: Value, at: Origin) -> Iterator[Value]:
    reason = "the code iterates over a value whose elements are only known at run time"
    raise Halt(reason, at, "write the elements out")


def _refuse_unknown(evaluator: Evaluator, value: Value, at: Origin) -> Iterator[Value]:
    reason = f"the code iterates over an unknown value: {value.payload.reason}"
    raise Halt(reason, at, value.payload.suggestion)


def _refuse_nondeterministic(evaluator: Evaluator, value: Value, at: Origin) -> Iterator[Value]:
    reason = f"the code iterates over a value that differs between runs ({value.payload.source})"
    raise Halt(reason, at, "write the elements out")


def _constant_elements(evaluator: Evaluator, value: Value, at: Origin) -> Iterator[Value]:
    return (lift(item, value.origin) for item in value.payload)


def _not_iterable(evaluator: Evaluator, value: Value, at: Origin) -> Iterator[Value]:
    raise evaluator.error(TypeError, f"{type_name(value.payload)!r} object is not iterable", at)


ITERATION.update(
    {
        ListObj: _list_elements, DictObj: _dict_keys, View: _view_elements, IteratorObj: _iterator_elements,
        SetObj: _set_elements, ClassObj: _class_elements, InstObj: _instance_elements,
        str: _constant_elements, bytes: _constant_elements, range: _constant_elements,
        ExternalName: _refuse_external, ExternalCall: _refuse_external, SymbolicOperation: _refuse_external,
        TupleObj: lambda evaluator, value, at: iter(value.payload.items),
        Namespace: lambda evaluator, value, at: iter([Value(name, value.origin) for name in value.payload.names]),
        Unknown: _refuse_unknown, Nondeterministic: _refuse_nondeterministic, object: _not_iterable,
    }
)  # fmt: skip


def extend(evaluator: Evaluator, payload: ListObj, items: Value, at: Origin) -> None:
    """`list.extend`."""
    # Elements of an iterator are appended one by one: an iterator that reads the list sees it grow. Of a list, CPython
    # copies the elements first, so `xs.extend(xs)` ends.
    lazily = isinstance(items.payload, IteratorObj)
    for item in evaluator.iterate(items, at) if lazily else evaluator.elements(items, at):
        payload.items.append(evaluator.with_control_origin(item))
        evaluator.charge(int(lazily), at)
    check_size(len(payload.items), at)
    payload.version += 1


def unordered(evaluator: Evaluator, value: Value, at: Origin) -> list[Value]:
    """The elements, for an operation whose result does not depend on their order."""
    evaluator.readable(value.payload, at)
    if isinstance(value.payload, SetObj):
        return list(value.payload.items.values())
    return evaluator.elements(value, at)


def run_comprehension(
    evaluator: Evaluator, node: Comprehension, scope: Scope, first: Value
) -> Iterator[Value | tuple[Value, Value]]:
    """The elements of a comprehension, one by one. `first` is its first iterable: Python evaluates that one in the
    enclosing scope and immediately, even for a generator expression."""
    at = evaluator.place(node, scope, first.origin)
    source = evaluator.iterate(first, at)
    # Names of a class body are not visible in a comprehension: its scope is nested as a function is.
    parent = scope.parent if scope.kind == "class" else scope
    inner = Scope("comprehension", scope.module, parent, NO_NAMES)
    inner.cls, inner.receiver = scope.cls, scope.receiver
    return _generate(evaluator, node, inner, 0, source)


def _generate(
    evaluator: Evaluator, node: Comprehension, scope: Scope, level: int, source: Iterator[Value]
) -> Iterator[Value | tuple[Value, Value]]:
    generator = node.generators[level]
    if generator.is_async:
        raise Halt(
            "an asynchronous comprehension is not modelled", evaluator.place(node, scope), "use a plain loop"
        )
    for item in source:
        evaluator.budget.steps -= 1
        if evaluator.budget.steps < 0:
            raise evaluator.spent(node, scope)
        # All elements share one scope, so a lambda in the element sees the last value of the loop variable.
        evaluator.assign(generator.target, item, scope)
        before = evaluator.control
        if _passes(evaluator, generator.ifs, scope):
            if level + 1 < len(node.generators):
                following = evaluator.eval(node.generators[level + 1].iter, scope)
                deeper = evaluator.iterate(following, evaluator.place(node, scope))
                yield from _generate(evaluator, node, scope, level + 1, deeper)
            elif isinstance(node, ast.DictComp):
                # The key is evaluated before the value since Python 3.8.
                key = evaluator.eval(node.key, scope)
                yield key, evaluator.with_control_origin(evaluator.eval(node.value, scope))
            else:
                yield evaluator.with_control_origin(evaluator.eval(node.elt, scope))
        evaluator.control = before


def _passes(evaluator: Evaluator, tests: list[ast.expr], scope: Scope) -> bool:
    """Whether an element passes the `if` clauses."""
    # What is made of the element depends on every test that was evaluated: the caller restores the control origin.
    for test in tests:
        outcome = evaluator.eval(test, scope)
        passes = evaluator.truth(outcome, evaluator.place(test, scope, outcome.origin))
        evaluator.push_control(outcome.origin)
        if not passes:
            return False
    return True


REPEATABLE = frozenset(
    {"abs", "all", "any", "bin", "bool", "bytes", "chr", "complex", "dict", "divmod", "enumerate", "float", "format",
     "frozenset", "getattr", "hasattr", "hex", "int", "isinstance", "issubclass", "len", "list", "max", "min", "oct",
     "ord", "pow", "range", "repr", "reversed", "round", "set", "slice", "sorted", "str", "sum", "tuple", "type", "zip"}
)  # fmt: skip
"""Pure builtins."""


def differs_each_time(node: ast.AST, name: str, found: ExternalName) -> bool:
    """Whether code reaches something nondeterministic, or a file, through the attributes of an external name."""
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
    """`[int(x) for x in VALUE]` over a value only known at run time: a symbolic operation.

    Its operands are the iterable, the code, and the value of every name that the code reads."""
    # Equal code on equal operands gives equal elements if the code has no effects, which is why only constants,
    # external values and pure builtins may be read.
    at = evaluator.place(node, scope, first.origin)
    code, free = comprehension_code(node)
    if any(isinstance(part, ast.NamedExpr | ast.Await | ast.Yield) for part in ast.walk(node)):
        reason = "a comprehension over elements only known at run time binds names"
        raise Halt(reason, at, "write the elements out")
    inner = scope.parent if scope.kind == "class" and scope.parent is not None else scope
    read = [_comprehension_operand(node, name, inner, at) for name in free]
    return symbolic(evaluator, type(node).__name__, at, first, Value(code, at), *read)


def _comprehension_operand(node: Comprehension, name: str, scope: Scope, at: Origin) -> Value:
    found = scope.lookup(name)
    if isinstance(found, str):
        if name not in REPEATABLE:
            reason = f"a comprehension over elements only known at run time calls {name}"
            raise Halt(reason, at, "write the elements out")
        return Value(f"builtin {name}", at)
    payload = found.payload
    if isinstance(payload, ExternalName) and differs_each_time(node, name, payload):
        reason = "a comprehension makes something that differs between runs, for each element"
        raise Halt(reason, at, "compute it before the comprehension, or write the elements out")
    if not (is_constant(payload) or is_external(payload) or isinstance(payload, type)):
        reason = f"a comprehension over elements only known at run time reads {name}, which is not a constant"
        raise Halt(reason, at, "write the elements out")
    return found
