"""`raise` and `try`: what is caught, and by which handler."""

from __future__ import annotations

import ast

from campaign.check.evaluator.assignments import (
    bind,
)
from campaign.check.evaluator.state import Args, Completion, Evaluator
from campaign.check.values import (
    EXTERNAL,
    ClassObj,
    ErrorObj,
    Origin,
    TupleObj,
    Unknown,
    Value,
)
from campaign.check.values.limits import Halt, Raised
from campaign.check.values.scope import Scope


def raise_statement(evaluator: Evaluator, node: ast.Raise, scope: Scope) -> Completion:
    at = evaluator.place(node, scope)
    if node.exc is None:
        if not evaluator.handled:
            raise evaluator.error(RuntimeError, "no active exception to reraise", at)
        raise Raised(evaluator.handled[-1])
    value = evaluator.eval(node.exc, scope)
    payload = value.payload
    if isinstance(payload, type) and issubclass(payload, BaseException):
        raise Raised(Value(ErrorObj(payload, ()), at))
    if (
        isinstance(payload, ClassObj)
        and payload.builtin is not None
        and issubclass(payload.builtin, BaseException)
    ):
        value = evaluator.call(value, Args([]), at, scope)
        payload = value.payload
    if isinstance(payload, ErrorObj):
        raise Raised(Value(payload, at))
    if isinstance(payload, EXTERNAL):
        raise Raised(Value(ErrorObj(None, (), evaluator.unique(at)), at))
    raise evaluator.error(TypeError, "exceptions must derive from BaseException", at)


def try_statement(evaluator: Evaluator, node: ast.Try, scope: Scope) -> Completion:
    completion: Completion = None
    before = evaluator.control
    try:
        completion = _guarded(evaluator, node, scope)
    except Raised:
        evaluator.control = before
        final = evaluator.run(node.finalbody, scope)
        if final is not None:
            return final
        raise
    final = evaluator.run(node.finalbody, scope)
    return final if final is not None else completion


def _guarded(evaluator: Evaluator, node: ast.Try, scope: Scope) -> Completion:
    before = evaluator.control
    depth = evaluator.tries
    evaluator.tries = depth + (1 if node.handlers else 0)
    try:
        completion = evaluator.run(node.body, scope)
    except Raised as raised:
        evaluator.tries = depth
        evaluator.control = before
        return handle(evaluator, node, raised, scope)
    finally:
        evaluator.tries = depth
    if completion is None:
        return evaluator.run(node.orelse, scope)
    return completion


def handle(evaluator: Evaluator, node: ast.Try, raised: Raised, scope: Scope) -> Completion:
    for handler in node.handlers:
        at = evaluator.place(handler, scope, raised.error.origin)
        if handler.type is not None:
            wanted = evaluator.eval(handler.type, scope)
            if not catches(evaluator, raised.error, wanted, at):
                continue
        before = evaluator.push_control(raised.error.origin)
        if handler.name:
            bind(evaluator, handler.name, raised.error, scope)
        evaluator.handled.append(raised.error)
        try:
            return evaluator.run(handler.body, scope)
        finally:
            evaluator.handled.pop()
            evaluator.control = before
            if handler.name:
                scope.holder(handler.name).vars.pop(handler.name, None)
    raise raised


def catches(evaluator: Evaluator, error: Value, wanted: Value, at: Origin) -> bool:
    payload, kind = error.payload, wanted.payload
    assert isinstance(payload, ErrorObj)
    if isinstance(kind, TupleObj):
        return any(catches(evaluator, error, item, at) for item in kind.items)
    if payload.type is None:
        if kind in (Exception, BaseException):
            return True
        name = kind.__name__ if isinstance(kind, type) else getattr(kind, "name", "")
        return evaluator.decisions.decide(f"raises {name}: {payload.cause}")
    if isinstance(payload.type, ClassObj):
        if isinstance(kind, ClassObj):
            return kind in payload.type.mro
        if payload.type.external:
            raise Halt("catches an exception that has a base from outside", at)
        builtin = payload.type.builtin
        if isinstance(kind, type) and builtin is not None:
            return issubclass(builtin, kind)
    elif isinstance(kind, type):
        return issubclass(payload.type, kind)
    elif isinstance(kind, ClassObj):
        return False
    if isinstance(kind, EXTERNAL | Unknown):
        raise Halt("catches an exception from outside", at, "catch a builtin exception")
    raise evaluator.error(
        TypeError, "catching classes that do not inherit from BaseException is not allowed", at
    )
