"""Comparison, identity and membership."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator
from typing import Any

from campaign.check.evaluator.operators import (
    as_set,
    computed,
    involves_external,
    special_method,
    unwrap_enum,
)
from campaign.check.evaluator.state import OPERATIONS, Args, Evaluator
from campaign.check.evaluator.symbolic import symbolic
from campaign.check.values import (
    EXTERNAL,
    Builtin,
    ClassObj,
    DictObj,
    ExternalCall,
    FuncObj,
    InstObj,
    IteratorObj,
    ListObj,
    ModuleObj,
    Namespace,
    Nondeterministic,
    Origin,
    SetObj,
    TupleObj,
    Unknown,
    Value,
    View,
    is_constant,
)
from campaign.check.values.constants import NotConcrete, Unhashable, is_external_key, key_of, lower
from campaign.check.values.limits import Halt

COMPARE: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Eq: ("eq", operator.eq), ast.NotEq: ("ne", operator.ne), ast.Lt: ("lt", operator.lt),
    ast.LtE: ("le", operator.le), ast.Gt: ("gt", operator.gt), ast.GtE: ("ge", operator.ge),
}  # fmt: skip
REFLECTED = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le", "eq": "eq", "ne": "ne"}
OBJECTS = (FuncObj, ClassObj, ModuleObj, Builtin, type)


def compare(evaluator: Evaluator, kind: type[ast.cmpop], left: Value, right: Value, at: Origin) -> Value:
    origin = Origin(at.file, at.line, at.column, (left.origin, right.origin))
    if kind is ast.Is or kind is ast.IsNot:
        return _identity(evaluator, kind is ast.IsNot, left, right, origin)
    if kind is ast.In or kind is ast.NotIn:
        found = contains(evaluator, right, left, at)
        if is_constant(found.payload):
            return Value(bool(found.payload) is (kind is ast.In), origin)
        return found if kind is ast.In else symbolic(evaluator, "not", at, found)
    name, function = COMPARE[kind]
    if any(isinstance(side.payload, View) and side.payload.kind != "values" for side in (left, right)):
        left, right = as_set(evaluator, left, at), as_set(evaluator, right, at)
    a, b = left.payload, right.payload
    if is_constant(a) and is_constant(b):
        return computed(evaluator, function, (a, b), at, left, right)
    if isinstance(a, InstObj) or isinstance(b, InstObj):
        return _compare_instances(evaluator, name, left, right, at, origin)
    try:
        return computed(evaluator, function, (_comparable(a), _comparable(b)), at, left, right)
    except NotConcrete:
        pass
    if isinstance(a, (*EXTERNAL, Unknown, Nondeterministic)) or isinstance(
        b, (*EXTERNAL, Unknown, Nondeterministic)
    ):
        # An object may be equal to itself alone: that is told apart from an equal one.
        return symbolic(
            evaluator, f"{name} itself" if a is b and isinstance(a, ExternalCall) else name, at, left, right
        )
    if isinstance(a, OBJECTS) or isinstance(b, OBJECTS) or a is None or b is None:
        if name in ("eq", "ne"):
            return Value((a is b) is (name == "eq"), origin)
    if involves_external(a) or involves_external(b):
        return symbolic(evaluator, name, at, left, right)
    raise Halt("compares objects whose equality is not followed", at, "compare plain values")


def _comparable(payload: Any) -> Any:
    """Like `lower`, sets included: comparing them does not depend on their order."""
    if isinstance(payload, SetObj):
        items = [lower(item.payload) for item in payload.items.values()]
        return frozenset(items) if payload.frozen else set(items)
    if isinstance(payload, DictObj) and payload.dialect.equals_dict:
        return {lower(key.payload): lower(item.payload) for key, item in payload.entries.values()}
    return lower(payload)


def _compare_instances(
    evaluator: Evaluator, name: str, left: Value, right: Value, at: Origin, origin: Origin
) -> Value:
    a, b = left.payload, right.payload
    result = special_method(evaluator, f"__{name}__", f"__{REFLECTED[name]}__", left, right, at)
    if result is not None:
        return result
    if name == "ne":
        equal = special_method(evaluator, "__eq__", "__eq__", left, right, at)
        if equal is not None:
            return Value(not evaluator.truth(equal, at), origin)
    plain = (unwrap_enum(left), unwrap_enum(right))
    if plain[0] is not left or plain[1] is not right:
        kinds = {"eq": ast.Eq, "ne": ast.NotEq, "lt": ast.Lt, "le": ast.LtE, "gt": ast.Gt, "ge": ast.GtE}
        return evaluator.compare(kinds[name], *plain, at)
    if any(
        isinstance(side, InstObj) and side.cls.name in ("SimpleNamespace", "Namespace") for side in (a, b)
    ):
        raise Halt("compares instances of a namespace", at, "compare their fields")
    if name in ("eq", "ne"):
        if a is b:
            return Value(name == "eq", origin)
        if isinstance(a, (*EXTERNAL, Unknown, Nondeterministic)) or isinstance(
            b, (*EXTERNAL, Unknown, Nondeterministic)
        ):
            return symbolic(evaluator, name, at, left, right)
        if isinstance(a, InstObj) and isinstance(b, InstObj) and a.cls is b.cls:
            writer = a.cls.generating_class("__eq__")
            if writer is not None:
                return Value(_fields_equal(evaluator, writer, a, b, at) is (name == "eq"), origin)
        return Value(name != "eq", origin)
    raise Halt("puts instances in order", at, "compare plain values")


def _fields_equal(evaluator: Evaluator, writer: ClassObj, a: InstObj, b: InstObj, at: Origin) -> bool:
    """`__eq__` as `dataclass` wrote it: the fields as tuples, which take the same object for equal."""
    for field in writer.fields:
        if field.init_only or not field.field.compared:
            continue
        mine, other = (evaluator.get_attribute(Value(side, at), field.name, at) for side in (a, b))
        if mine.payload is not other.payload and not evaluator.truth(
            evaluator.compare(ast.Eq, mine, other, at), at
        ):
            return False
    return True


def _identity(evaluator: Evaluator, negate: bool, left: Value, right: Value, origin: Origin) -> Value:
    a, b = left.payload, right.payload
    singles = (type(None), bool, type(...))
    if isinstance(a, (ExternalCall, Unknown, Nondeterministic)) or isinstance(
        b, (ExternalCall, Unknown, Nondeterministic)
    ):
        if a is b and isinstance(a, ExternalCall):
            return Value(not negate, origin)
        return symbolic(evaluator, "is not" if negate else "is", origin, left, right)
    if isinstance(a, EXTERNAL) or isinstance(b, EXTERNAL):
        other = b if isinstance(a, EXTERNAL) else a
        if isinstance(other, EXTERNAL) or is_constant(other):
            return symbolic(evaluator, "is not" if negate else "is", origin, left, right)
        return Value(negate, origin)
    if isinstance(a, singles) or isinstance(b, singles):
        return Value((a is b) is not negate, origin)
    if is_constant(a) and is_constant(b):
        if type(a) is not type(b) or (a != b and a is not b):
            return Value(negate, origin)
        return Value(Unknown("whether equal constants are one object", "compare with =="), origin)
    if a is not b and type(a) is type(b) and _may_be_shared(a):
        # CPython folds equal constant tuples of one code object, and has one empty tuple and frozenset.
        return Value(Unknown("whether equal constants are one object", "compare with =="), origin)
    return Value((a is b) is not negate, origin)


def _may_be_shared(payload: Any) -> bool:
    return isinstance(payload, TupleObj) or (isinstance(payload, SetObj) and payload.frozen)


def namespace_has(namespace: Namespace, name: Any, at: Origin) -> bool:
    """Whether `globals()` or `vars(x)` has a name. Modules and classes have more of them than we keep."""
    if not is_constant(name):
        raise Halt("looks up a name only known at run time", at, "use a constant name")
    if isinstance(name, str) and name in namespace.names:
        return True
    if isinstance(name, str) and name.startswith("__") and not isinstance(namespace.holder, InstObj):
        raise Halt(f"looks up {name}", at)
    return False


def settable_name(name: Value, at: Origin) -> str:
    """A name that is set by way of `globals()` or `vars(x)`."""
    if not isinstance(name.payload, str):
        raise Halt("sets a name only known at run time", at, "use a constant name")
    if name.payload.startswith("__"):
        raise Halt(f"sets {name.payload}", at)
    return name.payload


def contains(evaluator: Evaluator, container: Value, item: Value, at: Origin) -> Value:
    payload = container.payload
    evaluator.readable(payload, at)
    origin = Origin(at.file, at.line, at.column, (container.origin, item.origin))
    if isinstance(payload, DictObj | SetObj):
        keys = payload.entries if isinstance(payload, DictObj) else payload.items
        try:
            key = key_of(item.payload)
        except Unhashable as error:
            raise evaluator.error(TypeError, f"unhashable type: '{error}'", at) from None
        except NotConcrete:
            return symbolic(evaluator, "in", at, item, container)
        if key in keys:
            return Value(True, origin)
        if is_external_key(key) or any(is_external_key(other) for other in keys):
            return symbolic(evaluator, "in", at, item, container) if keys else Value(False, origin)
        return Value(False, origin)
    if isinstance(payload, View) and payload.kind == "keys":
        return contains(evaluator, Value(payload.holder, container.origin), item, at)
    if isinstance(payload, ListObj | TupleObj | IteratorObj | View):
        source: Iterator[Value] = evaluator.iterate(container, at)
        for member in source:
            evaluator.charge(1, at)
            if member.payload is item.payload or evaluator.truth(
                evaluator.compare(ast.Eq, member, item, at), at
            ):
                return Value(True, origin)
        return Value(False, origin)
    if isinstance(payload, Namespace):
        return Value(namespace_has(payload, item.payload, at), origin)
    if isinstance(payload, range) and is_constant(item.payload) and type(item.payload) not in (int, bool):
        # Python would go through the range; an integer that is equal answers for the others.
        number = item.payload
        whole = (
            isinstance(number, float | complex) and number == number.real and float(number.real).is_integer()
        )
        return Value(whole and int(number.real) in payload, origin)
    if is_constant(payload) and is_constant(item.payload):
        return computed(evaluator, lambda a, b: b in a, (payload, item.payload), at, container, item)
    if isinstance(payload, InstObj) and payload.cls.find("__contains__") is not None:
        found = evaluator.call_method(container, "__contains__", Args([item]), at)
        return Value(evaluator.truth(found, at), origin)
    if isinstance(payload, ClassObj) and payload.kind == "enum":
        return Value(any(item.payload is member for member in payload.members.values()), origin)
    if is_constant(payload) or isinstance(payload, (*EXTERNAL, Unknown, Nondeterministic)):
        return symbolic(evaluator, "in", at, item, container)
    raise Halt("tests membership in an object that is not followed", at)


OPERATIONS.compare = compare
