"""`raise` and `try` statements."""

from __future__ import annotations

import ast
from typing import Any

from campaign.check.evaluator.assignments import bind
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
    if isinstance(payload, ClassObj) and issubclass(payload.builtin or object, BaseException):
        payload = evaluator.call(value, Args([]), at, scope).payload
    if isinstance(payload, ErrorObj):
        raise Raised(Value(payload, at))
    if isinstance(payload, EXTERNAL):
        raise Raised(Value(ErrorObj(None, (), evaluator.unique(at)), at))
    raise evaluator.error(TypeError, "exceptions must derive from BaseException", at)


def try_statement(evaluator: Evaluator, node: ast.Try, scope: Scope) -> Completion:
    # `finally` runs however the rest ends, and its own `return`, `break` or `continue` replaces the outcome, a raised
    # exception included (reference, 8.4.4). After a `Halt` it does not run: nothing is compared then.
    before = evaluator.control
    try:
        completion = _with_handlers(evaluator, node, scope)
    except Raised:
        evaluator.control = before
        final = evaluator.run(node.finalbody, scope)
        if final is not None:
            return final
        raise
    final = evaluator.run(node.finalbody, scope)
    return final if final is not None else completion


def _with_handlers(evaluator: Evaluator, node: ast.Try, scope: Scope) -> Completion:
    before, tries = evaluator.control, evaluator.tries
    evaluator.tries = tries + (1 if node.handlers else 0)
    try:
        completion = evaluator.run(node.body, scope)
    except Raised as raised:
        # The handlers are not protected by their own `try` statement, nor is the `else` block (reference, 8.4.3).
        evaluator.tries = tries
        evaluator.control = before
        return handle(evaluator, node, raised, scope)
    finally:
        evaluator.tries = tries
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
            # `except E as name` deletes the name at its end (reference, 8.4.1).
            if handler.name:
                scope.holder(handler.name).vars.pop(handler.name, None)
    raise raised


def catches(evaluator: Evaluator, error: Value, wanted: Value, at: Origin) -> bool:
    """Whether `except wanted` catches an exception."""
    payload, kind = error.payload, wanted.payload
    assert isinstance(payload, ErrorObj)
    if isinstance(kind, TupleObj):
        return any(catches(evaluator, error, item, at) for item in kind.items)
    if payload.type is None:
        return _catches_external(evaluator, payload, kind)
    if isinstance(kind, ClassObj):
        return isinstance(payload.type, ClassObj) and kind in payload.type.mro
    own = _builtin_base(payload.type, at) if isinstance(payload.type, ClassObj) else payload.type
    if isinstance(kind, type) and own is not None:
        return issubclass(own, kind)
    if isinstance(kind, (*EXTERNAL, Unknown)):
        reason = "an external exception class may or may not be a base of the one that is raised"
        raise Halt(reason, at, "catch a builtin exception")
    message = "catching classes that do not inherit from BaseException is not allowed"
    raise evaluator.error(TypeError, message, at)


def _builtin_base(error_class: ClassObj, at: Origin) -> type | None:
    if error_class.external:
        reason = f"the bases of exception {error_class.name} are outside of `follow`"
        raise Halt(reason, at, "catch the exception by its own class")
    return error_class.builtin


def _catches_external(evaluator: Evaluator, error: ErrorObj, kind: Any) -> bool:
    # The class of an exception that external code raises is not known: except by the bases of every exception, it is
    # caught in one case and not caught in another.
    if kind in (Exception, BaseException):
        return True
    name = kind.__name__ if isinstance(kind, type) else getattr(kind, "name", "")
    return evaluator.decisions.decide(f"raises {name}: {error.cause}")
