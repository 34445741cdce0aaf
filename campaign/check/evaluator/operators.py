"""Binary and unary operators."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from campaign.check.evaluator.constant_folding import (
    call_on_constants,
    refuse_large_result,
    refuse_wide_format,
)
from campaign.check.evaluator.dispatch import BINARY_OPERATIONS
from campaign.check.evaluator.hashed_containers import may_collide, store
from campaign.check.evaluator.state import Args, Evaluator
from campaign.check.evaluator.symbolic import symbolic, symbolic_string
from campaign.check.values import (
    EXTERNAL,
    ClassObj,
    DictObj,
    InstObj,
    Key,
    ListObj,
    Origin,
    SetObj,
    TupleObj,
    Value,
    View,
    is_constant,
    is_never_equal,
    is_unevaluated,
    propagate_unknown,
    unwrap_enum,
)
from campaign.check.values.constants import NotConcrete, check_size, lower
from campaign.check.values.limits import ELEMENTS_A_STEP, Halt

BINARY: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("add", operator.add), ast.Sub: ("sub", operator.sub), ast.Mult: ("mul", operator.mul),
    ast.Div: ("truediv", operator.truediv), ast.FloorDiv: ("floordiv", operator.floordiv),
    ast.Mod: ("mod", operator.mod), ast.Pow: ("pow", operator.pow), ast.LShift: ("lshift", operator.lshift),
    ast.RShift: ("rshift", operator.rshift), ast.BitOr: ("or", operator.or_), ast.BitXor: ("xor", operator.xor),
    ast.BitAnd: ("and", operator.and_), ast.MatMult: ("matmul", operator.matmul),
}  # fmt: skip
UNARY: dict[type[ast.unaryop], tuple[str, Callable[[Any], Any]]] = {
    ast.USub: ("neg", operator.neg), ast.UAdd: ("pos", operator.pos), ast.Invert: ("invert", operator.invert),
}  # fmt: skip
RICH_COMPARISONS = frozenset({"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"})


def binary(evaluator: Evaluator, kind: type[ast.operator], left: Value, right: Value, at: Origin) -> Value:
    name, function = BINARY[kind]
    a, b = left.payload, right.payload
    if is_constant(a) and is_constant(b):
        # Python itself computes the result: no rounding, overflow or formatting rule is modelled.
        refuse_large_result(name, a, b, at)
        return call_on_constants(evaluator, function, (a, b), at, left, right)
    for payload in (a, b):
        if is_never_equal(payload):
            origin = Origin(at.file, at.line, at.column, (left.origin, right.origin))
            return Value(propagate_unknown(payload), origin)
    evaluator.readable(a, at)
    evaluator.readable(b, at)
    if name == "mod" and isinstance(a, str):
        # `str.__mod__` formats any right operand, so a `__rmod__` of that operand is never called.
        return _format_percent(evaluator, left, right, at)
    types = {type(a), type(b)}
    if InstObj in types:
        return _binary_instances(evaluator, kind, left, right, at)
    if not types.isdisjoint(EXTERNAL):
        return symbolic(evaluator, name, at, left, right)
    if View in types:
        return evaluator.binary(kind, as_set(evaluator, left, at), as_set(evaluator, right, at), at)
    return _binary_containers(evaluator, name, left, right, at)


def _binary_containers(evaluator: Evaluator, name: str, left: Value, right: Value, at: Origin) -> Value:
    a, b = left.payload, right.payload
    combine = CONTAINERS.get((name, type(a), type(b)))
    combined = None if combine is None else combine(evaluator, name, a, b, at)
    if combined is not None:
        return Value(combined, Origin(at.file, at.line, at.column, (left.origin, right.origin)))
    if name == "or" and _is_type(a) and _is_type(b):
        return symbolic(evaluator, "union", at, left, right)
    raise evaluator.error(TypeError, f"unsupported operand types for {name}", at)


def _binary_instances(
    evaluator: Evaluator, kind: type[ast.operator], left: Value, right: Value, at: Origin
) -> Value:
    name = BINARY[kind][0]
    result = special_method(evaluator, f"__{name}__", f"__r{name}__", left, right, at)
    if result is not None:
        return result
    # A member of an IntEnum inherits the operators of int, which come after the methods of the enum itself.
    plain_left, plain_right = unwrap_enum(left), unwrap_enum(right)
    if plain_left is not left or plain_right is not right:
        return evaluator.binary(kind, plain_left, plain_right, at)
    raise evaluator.error(TypeError, f"unsupported operand for {name}", at)


def special_method(
    evaluator: Evaluator, name: str, reflected: str, left: Value, right: Value, at: Origin
) -> Value | None:
    """The result of the operands' own methods; None where neither operand has one that implements the operation."""
    for receiver, method, other in _attempts(name, reflected, left, right):
        payload = receiver.payload
        if isinstance(payload, InstObj) and method and payload.cls.find(method) is not None:
            result = evaluator.call_method(receiver, method, Args([other]), at)
            # NotImplemented means that the method does not support the other operand: the next one is tried.
            if result.payload is not NotImplemented:
                return result
    return None


def _attempts(name: str, reflected: str, left: Value, right: Value) -> list[tuple[Value, str, Value]]:
    """The methods that Python tries, in order: that of the left operand, then the reflected one of the right."""
    attempts = [(left, name, right), (right, reflected, left)]
    a, b = left.payload, right.payload
    if isinstance(a, InstObj) and isinstance(b, InstObj):
        compares = name in RICH_COMPARISONS
        # Operands of one class do not try the reflected method of an arithmetic operator, but do for a comparison.
        if a.cls is b.cls:
            return attempts if compares else attempts[:1]
        # The right operand comes first if its class is a subclass of the left one's. For arithmetic the subclass
        # must also provide another implementation of the reflected method.
        if a.cls in b.cls.mro and (compares or b.cls.find(reflected) is not a.cls.find(reflected)):
            attempts.reverse()
    return attempts


def as_set(evaluator: Evaluator, value: Value, at: Origin) -> Value:
    """The set of the elements: a dict view takes part in set operations as one."""
    if isinstance(value.payload, SetObj):
        return value
    return Value(evaluator.new_set(evaluator.elements(value, at), at), value.origin)


def _is_type(payload: Any) -> bool:
    return payload is None or isinstance(payload, type | ClassObj)


def _concatenate(evaluator: Evaluator, name: str, a: Any, b: Any, at: Origin) -> ListObj | TupleObj:
    check_size(len(a.items) + len(b.items), at)
    evaluator.budget.steps -= (len(a.items) + len(b.items)) // 10
    return _sequence(a, [*a.items, *b.items])


def _repeat(evaluator: Evaluator, name: str, a: Any, b: Any, at: Origin) -> ListObj | TupleObj:
    sequence, count = (b, a) if isinstance(b, ListObj | TupleObj) else (a, b)
    size = len(sequence.items) * max(int(count), 0)
    check_size(size, at)
    evaluator.budget.steps -= size
    # The elements are not copied: `[[]] * 2` holds one list twice.
    return _sequence(sequence, list(sequence.items) * count)


def _sequence(like: Any, items: list[Value]) -> ListObj | TupleObj:
    return ListObj(items) if isinstance(like, ListObj) else TupleObj(tuple(items))


def _merge_dicts(evaluator: Evaluator, name: str, a: DictObj, b: DictObj, at: Origin) -> DictObj | None:
    if not (a.is_plain and b.is_plain):  # a framework's mapping has its own `__or__`
        return None
    evaluator.charge((len(a.entries) + len(b.entries)) // ELEMENTS_A_STEP, at)
    merged = DictObj(dict(a.entries))
    for key, item in b.entries.values():
        store(evaluator, merged, key, item, at)
    return merged


def _combine_sets(evaluator: Evaluator, name: str, a: SetObj, b: SetObj, at: Origin) -> SetObj:
    # The result has the type of the left operand, as in `frozenset | set`.
    return SetObj(set_operation(evaluator, name, a, b, at), a.frozen)


def set_operation(evaluator: Evaluator, name: str, a: SetObj, b: SetObj, at: Origin) -> dict[Key, Value]:
    if may_collide((*a.items, *b.items)):
        reason = "a set operation depends on which elements that are only known at run time are equal"
        raise Halt(reason, at, "use constants as elements")
    evaluator.charge((len(a.items) + len(b.items)) // ELEMENTS_A_STEP, at)
    return SET_OPERATIONS[name](a.items, b.items)


Items = dict[Key, Value]


def _intersection(a: Items, b: Items) -> Items:
    # CPython iterates over the smaller set, and over the right one if both are of equal size; the elements of the
    # result are those of the set that it iterates over.
    return _intersection(b, a) if len(b) > len(a) else {key: item for key, item in b.items() if key in a}


def _difference(a: Items, b: Items) -> Items:
    return {key: item for key, item in a.items() if key not in b}


SET_OPERATIONS: dict[str, Callable[[Items, Items], Items]] = {
    "or": lambda a, b: {**b, **a},  # of two equal elements the one of the left set is kept
    "and": _intersection,
    "sub": _difference,
    "xor": lambda a, b: {**_difference(a, b), **_difference(b, a)},
}


CONTAINERS: dict[tuple[str, type, type], Callable[[Evaluator, str, Any, Any, Origin], Any]] = {
    ("add", ListObj, ListObj): _concatenate, ("add", TupleObj, TupleObj): _concatenate,
    **{("mul", kind, count): _repeat for kind in (ListObj, TupleObj) for count in (int, bool)},
    **{("mul", count, kind): _repeat for kind in (ListObj, TupleObj) for count in (int, bool)},
    ("or", DictObj, DictObj): _merge_dicts,
    **{(name, SetObj, SetObj): _combine_sets for name in ("or", "and", "sub", "xor")},
}  # fmt: skip
"""Operator and payload types of both operands -> the result, or None where Python raises TypeError."""


def _format_percent(evaluator: Evaluator, left: Value, right: Value, at: Origin) -> Value:
    """`text % arguments` with an argument that is not a constant."""
    text = left.payload
    payload = right.payload
    arguments = payload.items if isinstance(payload, ListObj | TupleObj) else [right]
    lengths = [len(item.payload) for item in arguments if isinstance(item.payload, str | bytes)]
    refuse_wide_format(text, max(lengths, default=0), at)
    try:
        return call_on_constants(evaluator, operator.mod, (text, lower(payload)), at, left, right)
    except NotConcrete:
        return symbolic_string(evaluator, "mod", at, left, right)


def unary(evaluator: Evaluator, kind: type[ast.unaryop], operand: Value, at: Origin) -> Value:
    name, function = UNARY[kind]
    payload = operand.payload
    if is_constant(payload):
        return call_on_constants(evaluator, function, (payload,), at, operand)
    if isinstance(payload, InstObj):
        # Looked up on the class, never on the instance, as every special method is.
        if payload.cls.find(f"__{name}__") is not None:
            return evaluator.call_method(operand, f"__{name}__", Args([]), at)
        plain = unwrap_enum(operand)
        if plain is not operand:
            return unary(evaluator, kind, plain, at)
    if is_unevaluated(payload):
        return symbolic(evaluator, name, at, operand)
    raise evaluator.error(TypeError, f"bad operand type for {name}", at)


BINARY_OPERATIONS.update(dict.fromkeys(BINARY, binary))
