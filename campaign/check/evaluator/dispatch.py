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


class Operations:
    """Operations that one function implements for all payloads."""

    builtin_attribute: AttributeHandler
    set_attribute: SetAttributeHandler
    delete_attribute: DeleteAttributeHandler
    get_item: GetItemHandler
    set_item: SetItemHandler
    delete_item: DeleteItemHandler
    iterate: IterationHandler
    truth: TruthHandler
    elements: Callable[[Evaluator, Value, Origin], list[Value]]
    binary: Callable[[Evaluator, type[ast.operator], Value, Value, Origin], Value]
    compare: Callable[[Evaluator, type[ast.cmpop], Value, Value, Origin], Value]


OPERATIONS = Operations()

Expression = Callable[["Evaluator", Any, Scope], Value]
Statement = Callable[["Evaluator", Any, Scope], "Completion"]
Target = Callable[["Evaluator", Any, Value, Scope], None]
CallHandler = Callable[["Evaluator", Value, "Args", Origin, "Scope | None"], Value]
AttributeHandler = Callable[["Evaluator", Value, str, Origin], Value]
MemberHandler = Callable[["Evaluator", Value, Value, ClassObj, Origin], Value]
SetAttributeHandler = Callable[["Evaluator", Value, str, Value, Origin], None]
DeleteAttributeHandler = Callable[["Evaluator", Value, str, Origin], None]
GetItemHandler = Callable[["Evaluator", Value, Value, Origin], Value]
SetItemHandler = Callable[["Evaluator", Value, Value, Value, Origin], None]
DeleteItemHandler = Callable[["Evaluator", Value, Value, Origin], None]
IterationHandler = Callable[["Evaluator", Value, Origin], Iterator[Value]]
TruthHandler = Callable[["Evaluator", Value, Origin], bool]

EXPRESSIONS: dict[type[ast.AST], Expression] = {}
STATEMENTS: dict[type[ast.AST], Statement] = {}
TARGETS: dict[type[ast.AST], Target] = {}
"""What an assignment to an expression does."""
CALLS: ByPayload[CallHandler] = ByPayload()
ATTRIBUTES: ByPayload[AttributeHandler] = ByPayload(
    {object: lambda *args: OPERATIONS.builtin_attribute(*args)}
)
MEMBERS: ByPayload[MemberHandler] = ByPayload()
"""What an attribute of a class is when it is read through an instance: Python's descriptor protocol."""
SET_ATTRIBUTE: ByPayload[SetAttributeHandler] = ByPayload(
    {object: lambda *args: OPERATIONS.set_attribute(*args)}
)
DELETE_ATTRIBUTE: ByPayload[DeleteAttributeHandler] = ByPayload(
    {object: lambda *args: OPERATIONS.delete_attribute(*args)}
)
GET_ITEM: ByPayload[GetItemHandler] = ByPayload({object: lambda *args: OPERATIONS.get_item(*args)})
SET_ITEM: ByPayload[SetItemHandler] = ByPayload({object: lambda *args: OPERATIONS.set_item(*args)})
DELETE_ITEM: ByPayload[DeleteItemHandler] = ByPayload({object: lambda *args: OPERATIONS.delete_item(*args)})
ITERATION: ByPayload[IterationHandler] = ByPayload({object: lambda *args: OPERATIONS.iterate(*args)})
TRUTH: ByPayload[TruthHandler] = ByPayload({object: lambda *args: OPERATIONS.truth(*args)})
