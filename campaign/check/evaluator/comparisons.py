"""Rich comparison and identity."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from campaign.check.evaluator.constant_folding import call_on_constants
from campaign.check.evaluator.dispatch import COMPARISONS
from campaign.check.evaluator.membership import contains
from campaign.check.evaluator.operators import as_set, special_method
from campaign.check.evaluator.state import Evaluator
from campaign.check.evaluator.symbolic import involves_external, symbolic
from campaign.check.values import (
    Builtin,
    ClassObj,
    DictObj,
    ExternalCall,
    FuncObj,
    InstObj,
    ModuleObj,
    Origin,
    SetObj,
    TupleObj,
    Unknown,
    Value,
    View,
    is_constant,
    is_external,
    is_never_equal,
    is_unevaluated,
    unwrap_enum,
)
from campaign.check.values.constants import NotConcrete, lower
from campaign.check.values.limits import Halt

COMPARE: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Eq: ("eq", operator.eq), ast.NotEq: ("ne", operator.ne), ast.Lt: ("lt", operator.lt),
    ast.LtE: ("le", operator.le), ast.Gt: ("gt", operator.gt), ast.GtE: ("ge", operator.ge),
}  # fmt: skip
REFLECTED = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le", "eq": "eq", "ne": "ne"}
COMPARED_BY_IDENTITY = (FuncObj, ClassObj, ModuleObj, Builtin, type, type(None))
SINGLETONS = (type(None), bool, type(...))


def compare(evaluator: Evaluator, kind: type[ast.cmpop], left: Value, right: Value, at: Origin) -> Value:
    origin = Origin(at.file, at.line, at.column, (left.origin, right.origin))
    if kind is ast.Is or kind is ast.IsNot:
        return _identity(evaluator, kind is ast.IsNot, left, right, origin)
    # `in` converts the result of `__contains__` to a truth value, and `not in` inverts it.
    if kind is ast.In or kind is ast.NotIn:
        found = contains(evaluator, right, left, at)
        if is_constant(found.payload):
            return Value(bool(found.payload) is (kind is ast.In), origin)
        return found if kind is ast.In else symbolic(evaluator, "not", at, found)
    return _rich_comparison(evaluator, kind, left, right, at, origin)


def _rich_comparison(
    evaluator: Evaluator, kind: type[ast.cmpop], left: Value, right: Value, at: Origin, origin: Origin
) -> Value:
    name, function = COMPARE[kind]
    if _is_set_view(left) or _is_set_view(right):
        left, right = _view_as_set(evaluator, left, at), _view_as_set(evaluator, right, at)
    a, b = left.payload, right.payload
    if is_constant(a) and is_constant(b):
        return call_on_constants(evaluator, function, (a, b), at, left, right)
    # Before the containers: `[1] == Foo()` calls the reflected method of Foo, because list returns NotImplemented.
    if isinstance(a, InstObj) or isinstance(b, InstObj):
        return _compare_instances(evaluator, kind, left, right, at, origin)
    try:
        return call_on_constants(evaluator, function, (_comparable(a), _comparable(b)), at, left, right)
    except NotConcrete:
        return _compare_objects(evaluator, name, left, right, at, origin)


def _compare_objects(
    evaluator: Evaluator, name: str, left: Value, right: Value, at: Origin, origin: Origin
) -> Value:
    a, b = left.payload, right.payload
    if is_unevaluated(a) or is_unevaluated(b):
        # A class may define `__eq__` so that an object is equal to itself alone, or not even to itself: comparing an
        # object with itself is another operation than comparing it with one from an equal call.
        op = f"{name} itself" if a is b and isinstance(a, ExternalCall) else name
        return symbolic(evaluator, op, at, left, right)
    # `object.__eq__` compares by identity, and these types do not override it.
    by_identity = isinstance(a, COMPARED_BY_IDENTITY) or isinstance(b, COMPARED_BY_IDENTITY)
    if by_identity and name in ("eq", "ne"):
        return Value((a is b) is (name == "eq"), origin)
    if involves_external(a) or involves_external(b):
        return symbolic(evaluator, name, at, left, right)
    raise Halt("the equality of objects of these types is not modelled", at, "compare plain values")


def _is_set_view(value: Value) -> bool:
    return isinstance(value.payload, View) and value.payload.kind != "values"


def _view_as_set(evaluator: Evaluator, value: Value, at: Origin) -> Value:
    """An operand of a comparison with `keys()` or `items()`, which compare as sets, and with sets alone."""
    if not (_is_set_view(value) or isinstance(value.payload, SetObj) or is_unevaluated(value.payload)):
        raise Halt("a dict view is compared with something other than a set", at, "compare it with a set")
    return as_set(evaluator, value, at)


def _comparable(payload: Any) -> Any:
    """Like `lower`, but also of sets and mappings that compare as dicts: unlike their strings, their comparison does
    not depend on the order of their elements."""
    if isinstance(payload, SetObj):
        items = [lower(item.payload) for item in payload.items.values()]
        return frozenset(items) if payload.frozen else set(items)
    if isinstance(payload, DictObj) and payload.dialect.equals_dict:
        return {lower(key.payload): lower(item.payload) for key, item in payload.entries.values()}
    return lower(payload)


def _compare_instances(
    evaluator: Evaluator, kind: type[ast.cmpop], left: Value, right: Value, at: Origin, origin: Origin
) -> Value:
    name = COMPARE[kind][0]
    result = special_method(evaluator, f"__{name}__", f"__{REFLECTED[name]}__", left, right, at)
    if result is not None:
        return result
    if name == "ne":
        # `object.__ne__` inverts `__eq__`; no other comparison is derived from another.
        equal = special_method(evaluator, "__eq__", "__eq__", left, right, at)
        if equal is not None:
            return Value(not evaluator.truth(equal, at), origin)
    plain_left, plain_right = unwrap_enum(left), unwrap_enum(right)
    if plain_left is not left or plain_right is not right:
        return evaluator.compare(kind, plain_left, plain_right, at)
    return _compare_by_default(evaluator, name, left, right, at, origin)


def _compare_by_default(
    evaluator: Evaluator, name: str, left: Value, right: Value, at: Origin, origin: Origin
) -> Value:
    """A comparison for which neither operand has a method in the checked files."""
    a, b = left.payload, right.payload
    if any(
        isinstance(side, InstObj) and side.cls.name in ("SimpleNamespace", "Namespace") for side in (a, b)
    ):
        raise Halt("the equality of namespace instances is not modelled", at, "compare their fields")
    if name not in ("eq", "ne"):
        raise Halt("the order of instances is not modelled", at, "compare plain values")
    if a is b:
        return Value(name == "eq", origin)
    if is_unevaluated(a) or is_unevaluated(b):
        return symbolic(evaluator, name, at, left, right)
    # A generated `__eq__` returns NotImplemented for another class, and then identity decides.
    if isinstance(a, InstObj) and isinstance(b, InstObj) and a.cls is b.cls:
        generating = a.cls.generating_class("__eq__")
        if generating is not None:
            return Value(_fields_equal(evaluator, generating, a, b, at) is (name == "eq"), origin)
    return Value(name != "eq", origin)


def _fields_equal(evaluator: Evaluator, cls: ClassObj, a: InstObj, b: InstObj, at: Origin) -> bool:
    """`__eq__` as `dataclass` generates it: the fields are compared as tuples, and the comparison of tuples takes an
    element as equal to itself without calling its `__eq__`."""
    for field in cls.fields:
        if field.init_only or not field.field.compared:
            continue
        mine, other = (evaluator.get_attribute(Value(side, at), field.name, at) for side in (a, b))
        if mine.payload is other.payload:
            continue
        if not evaluator.truth(evaluator.compare(ast.Eq, mine, other, at), at):
            return False
    return True


def _identity(evaluator: Evaluator, negate: bool, left: Value, right: Value, origin: Origin) -> Value:
    same = _is_same(left.payload, right.payload)
    if same == "symbolic":
        return symbolic(evaluator, "is not" if negate else "is", origin, left, right)
    if same == "unknown":
        reason = "whether equal constants are one object depends on the Python implementation"
        return Value(Unknown(reason, "compare with =="), origin)
    return Value((same is True) is not negate, origin)


def _is_same(a: Any, b: Any) -> bool | str:
    """Whether two payloads are one object: a truth value, `symbolic`, or `unknown`."""
    either = (a, b)
    if any(isinstance(side, ExternalCall) or is_never_equal(side) for side in either):
        return True if a is b and isinstance(a, ExternalCall) else "symbolic"
    if is_external(a) or is_external(b):
        # Nothing external is one of the objects that the files create; a constant may be stored anywhere.
        other = b if is_external(a) else a
        return "symbolic" if is_external(other) or is_constant(other) else False
    if isinstance(a, SINGLETONS) or isinstance(b, SINGLETONS):
        return a is b
    return _is_same_object(a, b)


def _is_same_object(a: Any, b: Any) -> bool | str:
    if is_constant(a) and is_constant(b):
        # Python may or may not share equal numbers and strings. Unequal ones are never one object, but for NaN.
        return False if type(a) is not type(b) or (a != b and a is not b) else "unknown"
    # CPython folds equal constant tuples of one code object, and has one empty tuple and one empty frozenset.
    may_be_shared = isinstance(a, TupleObj) or (isinstance(a, SetObj) and a.frozen)
    return "unknown" if a is not b and type(a) is type(b) and may_be_shared else a is b


COMPARISONS.update(dict.fromkeys((ast.Is, ast.IsNot, ast.In, ast.NotIn, *COMPARE), compare))
