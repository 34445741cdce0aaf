"""`raise` and `try`: what is caught, and by which handler."""

from __future__ import annotations

import ast

from campaign.check.assignments import (
    bind,
)
from campaign.check.calls import call
from campaign.check.limits import Halt, Raised
from campaign.check.machine import Args, Completion, Machine
from campaign.check.scope import Scope
from campaign.check.values import (
    OUTSIDE,
    ClassObj,
    ErrorObj,
    Origin,
    TupleObj,
    Unknown,
    Value,
)


def raise_statement(machine: Machine, node: ast.Raise, scope: Scope) -> Completion:
    at = machine.place(node, scope)
    if node.exc is None:
        if not machine.handled:
            raise machine.error(RuntimeError, "no active exception to reraise", at)
        raise Raised(machine.handled[-1])
    value = machine.eval(node.exc, scope)
    payload = value.payload
    if isinstance(payload, type) and issubclass(payload, BaseException):
        raise Raised(Value(ErrorObj(payload, ()), at))
    if (
        isinstance(payload, ClassObj)
        and payload.builtin is not None
        and issubclass(payload.builtin, BaseException)
    ):
        value = call(machine, value, Args([]), at, scope)
        payload = value.payload
    if isinstance(payload, ErrorObj):
        raise Raised(Value(payload, at))
    if isinstance(payload, OUTSIDE):
        raise Raised(Value(ErrorObj(None, (), machine.unique(at)), at))
    raise machine.error(TypeError, "exceptions must derive from BaseException", at)


def try_statement(machine: Machine, node: ast.Try, scope: Scope) -> Completion:
    completion: Completion = None
    before = machine.control
    try:
        completion = _guarded(machine, node, scope)
    except Raised:
        machine.control = before
        final = machine.run(node.finalbody, scope)
        if final is not None:
            return final
        raise
    final = machine.run(node.finalbody, scope)
    return final if final is not None else completion


def _guarded(machine: Machine, node: ast.Try, scope: Scope) -> Completion:
    before = machine.control
    depth = machine.tries
    machine.tries = depth + (1 if node.handlers else 0)
    try:
        completion = machine.run(node.body, scope)
    except Raised as raised:
        machine.tries = depth
        machine.control = before
        return handle(machine, node, raised, scope)
    finally:
        machine.tries = depth
    if completion is None:
        return machine.run(node.orelse, scope)
    return completion


def handle(machine: Machine, node: ast.Try, raised: Raised, scope: Scope) -> Completion:
    for handler in node.handlers:
        at = machine.place(handler, scope, raised.error.origin)
        if handler.type is not None:
            wanted = machine.eval(handler.type, scope)
            if not catches(machine, raised.error, wanted, at):
                continue
        before = machine.under(raised.error.origin)
        if handler.name:
            bind(machine, handler.name, raised.error, scope)
        machine.handled.append(raised.error)
        try:
            return machine.run(handler.body, scope)
        finally:
            machine.handled.pop()
            machine.control = before
            if handler.name:
                scope.holder(handler.name).vars.pop(handler.name, None)
    raise raised


def catches(machine: Machine, error: Value, wanted: Value, at: Origin) -> bool:
    payload, kind = error.payload, wanted.payload
    assert isinstance(payload, ErrorObj)
    if isinstance(kind, TupleObj):
        return any(catches(machine, error, item, at) for item in kind.items)
    if payload.type is None:
        if kind in (Exception, BaseException):
            return True
        name = kind.__name__ if isinstance(kind, type) else getattr(kind, "name", "")
        return machine.decisions.decide(f"raises {name}: {payload.cause}")
    if isinstance(payload.type, ClassObj):
        if isinstance(kind, ClassObj):
            return kind in payload.type.mro
        if payload.type.outside:
            raise Halt("catches an exception that has a base from outside", at)
        builtin = payload.type.builtin
        if isinstance(kind, type) and builtin is not None:
            return issubclass(builtin, kind)
    elif isinstance(kind, type):
        return issubclass(payload.type, kind)
    elif isinstance(kind, ClassObj):
        return False
    if isinstance(kind, OUTSIDE | Unknown):
        raise Halt("catches an exception from outside", at, "catch a builtin exception")
    raise machine.error(
        TypeError, "catching classes that do not inherit from BaseException is not allowed", at
    )
