"""Escapes: objects and functions of the checked files that are passed to external code.

External code may change the objects it receives and may call the functions. Neither is seen by the evaluator,
so an escaped object must not be read again, and an escaped function must not change state.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from campaign.check.evaluator.dispatch import ByPayload
from campaign.check.values import (
    BoundMethod,
    Builtin,
    ClassObj,
    DictObj,
    ExternalCall,
    ExternalName,
    FuncObj,
    InstObj,
    ListObj,
    Mutable,
    Origin,
    SetObj,
    SymbolicOperation,
    TupleObj,
    Value,
    reachable,
)
from campaign.check.values.limits import Halt
from campaign.check.values.scope import FunctionNode, names_of

MUTATING = frozenset(
    {"append", "extend", "insert", "remove", "pop", "clear", "update", "setdefault", "popitem", "sort", "reverse",
     "add", "discard", "__setitem__", "__setattr__", "__delitem__", "intersection_update", "difference_update"}
)  # fmt: skip
REFLECTIVE = frozenset({"setattr", "delattr", "exec", "eval", "globals", "vars", "locals"})
"""Builtins that can write to a variable or attribute whose name the syntax does not show."""
CONTAINERS = frozenset({ListObj, DictObj, SetObj, InstObj})
NOT_CALLABLE = frozenset({ExternalName, ExternalCall, SymbolicOperation, ListObj, TupleObj, DictObj, SetObj})
"""Payload types that hold no code of the checked files which external code could call."""


def refuse_callback(payload: Any, at: Origin) -> None:
    """Refuse a function that changes state where external code receives it."""
    # When and how often external code calls the function is unknown. That matters only if a call leaves something
    # behind: the calls of a function without effects cannot be told from no call at all.
    CALLBACKS[type(payload)](payload, at)


def _refuse_function(payload: FuncObj, at: Origin) -> None:
    # External code may read annotations and names, as pydantic and argument parsers do: they are compared from now on.
    payload.exposed = True
    _refuse_state_change([payload], False, at)


def _refuse_bound_method(payload: BoundMethod, at: Origin) -> None:
    function, receiver = payload.function.payload, payload.receiver.payload
    if isinstance(function, FuncObj):
        # A bound method shares its receiver with the checked files, so writing to `self` is a change of state.
        shares_self = isinstance(receiver, Mutable) and not isinstance(receiver, ClassObj)
        _refuse_state_change([function], shares_self, at)


def _refuse_class(payload: ClassObj, at: Origin) -> None:
    # External code makes the instances itself: writing to `self` changes no object of the checked files.
    payload.exposed = True
    functions = [item.payload for item in payload.namespace.values() if isinstance(item.payload, FuncObj)]
    _refuse_state_change(functions, False, at)


def _refuse_builtin(payload: Builtin, at: Origin) -> None:
    if payload.holder is not None and payload.name.rpartition(".")[2] in MUTATING:
        raise _state_changing_callback(payload.name, at)


CALLBACKS: ByPayload[Callable[[Any, Origin], None]] = ByPayload(
    {
        FuncObj: _refuse_function, BoundMethod: _refuse_bound_method, ClassObj: _refuse_class, Builtin: _refuse_builtin,
        object: lambda payload, at: None,
    }
)  # fmt: skip


def _refuse_state_change(functions: list[FuncObj], on_self: bool, at: Origin) -> None:
    if any(changes_state(function.node, on_self) for function in functions):
        raise _state_changing_callback(functions[0].name, at)


def _state_changing_callback(name: str, at: Origin) -> Halt:
    reason = f"the code passes {name}, which changes state, to external code that may call it"
    return Halt(reason, at, "pass a function that only returns a value")


def changes_state(node: ast.AST, on_self: bool) -> bool:
    """Whether a function writes to anything but its own variables (and, unless `on_self`, its `self`)."""
    # The answer depends on the syntax alone; it is kept on the node, because a function may be passed many times.
    known: dict[bool, bool] = getattr(node, "_changes", {})
    if on_self not in known:
        known[on_self] = _changes_state(node, on_self)
        node._changes = known  # type: ignore[attr-defined]
    return known[on_self]


def _changes_state(node: ast.AST, on_self: bool) -> bool:
    assert isinstance(node, FunctionNode)
    parameters = [arg.arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)]
    first = next((arg.arg for arg in (*node.args.posonlyargs, *node.args.args)), None)
    # A local variable that is not a parameter is taken as a fresh object; a parameter is the caller's object.
    writable = names_of(node).local - set(parameters) | ({first} if not on_self else set())
    return any(
        target is None or not (isinstance(target, ast.Name) and target.id in writable)
        for child in ast.walk(node)
        for target in _written_objects(child)
    )


def _written_objects(node: ast.AST) -> Iterator[ast.expr | None]:
    """The object that a node may change: `a` in `a.b[c] = 1`; None for one that the syntax does not show."""
    target: ast.expr | None = None
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
        target = node.value
    elif isinstance(function, ast.Attribute) and function.attr in MUTATING:
        target = function.value
    elif isinstance(node, ast.Global | ast.Nonlocal) or (
        isinstance(function, ast.Name) and function.id in REFLECTIVE
    ):
        yield None
    while isinstance(target, ast.Attribute | ast.Subscript):
        target = target.value
    if target is not None:
        yield target


def mark_escaped(values: list[Value], name: str) -> list[Any]:
    """Mark own objects as passed to code that may change them; reading one afterwards ends the evaluation."""
    escaped = [
        payload
        for payload in reachable(values)
        # The members of an enum are constants of their class: nothing is expected to change them.
        if type(payload) in CONTAINERS and not (isinstance(payload, InstObj) and payload.cls.kind == "enum")
    ]
    for payload in escaped:
        payload.escaped_to = name
    return escaped
