"""Tables of handlers: which function evaluates a syntax node, or an operation on a payload.

`Evaluator` reads the tables; the modules that implement the handlers fill them when they are imported. A handler
can therefore use every operation of the evaluator without importing the module that implements it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from campaign.check.values import ClassObj, Origin, Value
from campaign.check.values.scope import Scope

if TYPE_CHECKING:
    from campaign.check.evaluator.state import Args, Completion, Evaluator

Handler = TypeVar("Handler", bound=Callable[..., Any])


class ByPayload(dict[type, Handler]):
    """Handlers by payload type. A subclass shares the handler of its base; `object` holds the default."""

    def __missing__(self, kind: type) -> Handler:
        # The rule of `functools.singledispatch`: the nearest base wins. The answer is stored, because a table
        # is read once per evaluated operation.
        handler = self[kind] = next(self[base] for base in kind.__mro__[1:] if base in self)
        return handler


EXPRESSIONS: dict[type[ast.AST], Callable[[Evaluator, Any, Scope], Value]] = {}
STATEMENTS: dict[type[ast.AST], Callable[[Evaluator, Any, Scope], Completion]] = {}
TARGETS: dict[type[ast.AST], Callable[[Evaluator, Any, Value, Scope], None]] = {}
"""What an assignment to an expression does."""
BINARY_OPERATIONS: dict[type[ast.AST], Callable[[Evaluator, Any, Value, Value, Origin], Value]] = {}
COMPARISONS: dict[type[ast.AST], Callable[[Evaluator, Any, Value, Value, Origin], Value]] = {}
CALLS: ByPayload[Callable[[Evaluator, Value, Args, Origin, Scope | None], Value]] = ByPayload()
ATTRIBUTES: ByPayload[Callable[[Evaluator, Value, str, Origin], Value]] = ByPayload()
MEMBERS: ByPayload[Callable[[Evaluator, Value, Value, ClassObj, Origin], Value]] = ByPayload()
"""What an attribute of a class is when it is read through an instance: Python's descriptor protocol."""
SET_ATTRIBUTE: ByPayload[Callable[[Evaluator, Value, str, Value, Origin], None]] = ByPayload()
DELETE_ATTRIBUTE: ByPayload[Callable[[Evaluator, Value, str, Origin], None]] = ByPayload()
GET_ITEM: ByPayload[Callable[[Evaluator, Value, Value, Origin], Value]] = ByPayload()
SET_ITEM: ByPayload[Callable[[Evaluator, Value, Value, Value, Origin], None]] = ByPayload()
DELETE_ITEM: ByPayload[Callable[[Evaluator, Value, Value, Origin], None]] = ByPayload()
ITERATION: ByPayload[Callable[[Evaluator, Value, Origin], Iterator[Value]]] = ByPayload()
TRUTH: ByPayload[Callable[[Evaluator, Value, Origin], bool]] = ByPayload()
