"""Truth, arithmetic, comparison, membership, subscripts: exact on constants, terms on what is outside."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from campaign.check.evaluator.mappings import store
from campaign.check.evaluator.state import OPERATIONS, Args, Evaluator
from campaign.check.evaluator.symbolic import decide, symbolic
from campaign.check.values import (
    EXTERNAL,
    NOWHERE,
    ClassObj,
    DictObj,
    ErrorObj,
    FuncObj,
    InstObj,
    IteratorObj,
    ListObj,
    Namespace,
    Nondeterministic,
    Origin,
    SetObj,
    TupleObj,
    Unknown,
    Value,
    View,
    is_constant,
    propagate_unknown,
    reachable,
)
from campaign.check.values.constants import (
    NotConcrete,
    check_size,
    is_external_key,
    lift,
    lower,
)
from campaign.check.values.limits import CHARACTERS_A_STEP, ELEMENTS_A_STEP, Halt

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


COMPARISONS = frozenset({"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"})


def involves_external(payload: Any) -> bool:
    if is_constant(payload):
        return False
    from campaign.check.values import Mutable

    return any(
        isinstance(inner, (*EXTERNAL, Unknown, Nondeterministic))
        for inner in reachable([Value(payload, NOWHERE)])
    ) or (isinstance(payload, Mutable) and bool(payload.escaped_to))


def truth(evaluator: Evaluator, value: Value, at: Origin) -> bool:
    payload = value.payload
    if is_constant(payload):
        return bool(payload)
    evaluator.readable(payload, at)
    if isinstance(payload, ListObj | TupleObj | SetObj):
        return bool(payload.items)
    if isinstance(payload, DictObj):
        return bool(payload.entries)
    if isinstance(payload, Namespace):
        return bool(payload.names)
    if isinstance(payload, View):
        return bool(payload.holder.entries)
    if isinstance(payload, InstObj):
        return _instance_truth(evaluator, value, payload, at)
    if isinstance(payload, (*EXTERNAL, Unknown, Nondeterministic)):
        return decide(evaluator, value, at)
    return True


def _instance_truth(evaluator: Evaluator, value: Value, payload: InstObj, at: Origin) -> bool:

    if payload.cls.kind == "enum" and payload.cls.builtin not in (None, object):
        return evaluator.truth(payload.attrs["value"], at)
    for name in ("__bool__", "__len__"):
        if payload.cls.find(name) is not None:
            result = evaluator.call_method(value, name, Args([]), at)
            return evaluator.truth(result, at)
    return True


def binary(evaluator: Evaluator, kind: type[ast.operator], left: Value, right: Value, at: Origin) -> Value:
    name, function = BINARY[kind]
    a, b = left.payload, right.payload
    if is_constant(a) and is_constant(b):
        _guard(name, a, b, at)
        return computed(evaluator, function, (a, b), at, left, right)
    origin = Origin(at.file, at.line, at.column, (left.origin, right.origin))
    if isinstance(a, Unknown | Nondeterministic) or isinstance(b, Unknown | Nondeterministic):
        return Value(propagate_unknown(a if isinstance(a, Unknown | Nondeterministic) else b), origin)
    evaluator.readable(a, at)
    evaluator.readable(b, at)
    if (isinstance(a, InstObj) or isinstance(b, InstObj)) and not (name == "mod" and isinstance(a, str)):
        result = special_method(evaluator, f"__{name}__", f"__r{name}__", left, right, at)
        if result is not None:
            return result
        left, right = unwrap_enum(left), unwrap_enum(right)
        if left.payload is not a or right.payload is not b:
            return evaluator.binary(kind, left, right, at)
        raise evaluator.error(TypeError, f"unsupported operand for {name}", at)
    if name == "mod" and isinstance(a, str):
        return _percent(evaluator, left, right, at)
    if isinstance(a, EXTERNAL) or isinstance(b, EXTERNAL):
        return symbolic(evaluator, name, at, left, right)
    if isinstance(a, View) or isinstance(b, View):
        return evaluator.binary(kind, as_set(evaluator, left, at), as_set(evaluator, right, at), at)
    own = _containers(evaluator, name, a, b, at, origin)
    if own is not None:
        return own
    if name == "or" and _typelike(a) and _typelike(b):
        return symbolic(evaluator, "union", at, left, right)
    raise evaluator.error(TypeError, f"unsupported operand types for {name}", at)


def as_set(evaluator: Evaluator, value: Value, at: Origin) -> Value:
    """A view takes part in set operations as the set of its elements."""
    if isinstance(value.payload, SetObj):
        return value

    return Value(evaluator.new_set(evaluator.elements(value, at), at), value.origin)


def _typelike(payload: Any) -> bool:
    return payload is None or isinstance(payload, type | ClassObj)


def unwrap_enum(value: Value) -> Value:
    """The plain value of a member of an enum that mixes in `int` or `str`."""
    payload = value.payload
    if (
        isinstance(payload, InstObj)
        and payload.cls.kind == "enum"
        and payload.cls.builtin not in (None, object)
    ):
        return Value(payload.attrs["value"].payload, value.origin)
    return value


def _containers(evaluator: Evaluator, name: str, a: Any, b: Any, at: Origin, origin: Origin) -> Value | None:
    if name == "add" and isinstance(a, ListObj | TupleObj) and isinstance(b, ListObj | TupleObj):
        check_size(len(a.items) + len(b.items), at)
        evaluator.budget.steps -= (len(a.items) + len(b.items)) // 10
    if name == "add" and isinstance(a, ListObj) and isinstance(b, ListObj):
        return Value(ListObj([*a.items, *b.items]), origin)
    if name == "add" and isinstance(a, TupleObj) and isinstance(b, TupleObj):
        return Value(TupleObj((*a.items, *b.items)), origin)
    if name == "mul":
        if isinstance(b, ListObj | TupleObj):
            a, b = b, a
        if isinstance(a, ListObj | TupleObj) and isinstance(b, int):
            check_size(len(a.items) * max(int(b), 0), at)
            evaluator.budget.steps -= len(a.items) * max(int(b), 0)
            return Value(ListObj(a.items * b) if isinstance(a, ListObj) else TupleObj(a.items * b), origin)
    if name == "or" and isinstance(a, DictObj) and isinstance(b, DictObj) and a.is_plain and b.is_plain:
        evaluator.charge((len(a.entries) + len(b.entries)) // ELEMENTS_A_STEP, at)
        merged = Value(DictObj(dict(a.entries)), origin)
        for key, item in b.entries.values():
            store(evaluator, merged.payload, key, item, at)
        return merged
    if isinstance(a, SetObj) and isinstance(b, SetObj) and name in ("or", "and", "sub", "xor"):
        return Value(SetObj(set_operation(evaluator, name, a, b, at), a.frozen), origin)
    return None


def set_operation(evaluator: Evaluator, name: str, a: SetObj, b: SetObj, at: Origin) -> dict[Any, Value]:
    if any(is_external_key(key) for key in (*a.items, *b.items)):
        raise Halt("combines sets of values only known at run time", at)
    evaluator.charge((len(a.items) + len(b.items)) // ELEMENTS_A_STEP, at)
    if name == "or":
        return {**b.items, **a.items}
    if name == "and":
        # CPython goes through the smaller set, and through the second of two that are as large.
        if len(b.items) > len(a.items):
            a, b = b, a
        return {key: item for key, item in b.items.items() if key in a.items}
    kept = {key: item for key, item in a.items.items() if key not in b.items}
    if name == "sub":
        return kept
    return {**kept, **{key: item for key, item in b.items.items() if key not in a.items}}


def _percent(evaluator: Evaluator, left: Value, right: Value, at: Origin) -> Value:
    text = left.payload
    longest = max((len(part.payload) for part in _texts(right)), default=0)
    check_size(len(text) + text.count("%") * longest, at)
    if "*" in text or any(
        len(digits) > 4 for digits in "".join(c if c.isdigit() else " " for c in text).split()
    ):
        raise Halt("a format with a huge width", at)
    try:
        return computed(evaluator, operator.mod, (text, lower(right.payload)), at, left, right)
    except NotConcrete:
        return symbolic_string(evaluator, "mod", at, left, right)


def _texts(value: Value) -> list[Value]:
    inside = value.payload.items if isinstance(value.payload, ListObj | TupleObj) else [value]
    return [item for item in inside if isinstance(item.payload, str | bytes)]


def symbolic_string(evaluator: Evaluator, op: str, at: Origin, *values: Value) -> Value:
    """The text of objects: a term, unless it would show an address."""
    for payload in reachable(list(values)):
        if isinstance(payload, InstObj) and payload.cls.kind != "dataclass" and payload.cls.kind != "enum":
            if payload.cls.find("__str__") is None and payload.cls.find("__repr__") is None:
                return Value(Nondeterministic("the address in an object's text"), at)
            raise Halt(f"the text of an instance of {payload.cls.name}", at, "write the text out")
        if isinstance(payload, FuncObj | IteratorObj | ErrorObj):
            return Value(Nondeterministic("the address in an object's text"), at)
        if isinstance(payload, SetObj) and len(payload.items) > 1:
            return Value(Nondeterministic("the order in a set's text"), at)
    return symbolic(evaluator, op, at, *values)


def _guard(name: str, a: Any, b: Any, at: Origin) -> None:
    """Refuses arithmetic whose result alone would fill the memory."""
    if name == "pow" and isinstance(a, int) and isinstance(b, int) and abs(a) > 1 and b > 0:
        if b * a.bit_length() > 100_000:
            raise Halt("a power with more than 100,000 bits", at)
    elif name == "lshift" and isinstance(a, int) and isinstance(b, int) and b > 100_000:
        raise Halt("a shift by more than 100,000 bits", at)
    elif name == "mul":
        for text, count in ((a, b), (b, a)):
            if isinstance(text, str | bytes) and isinstance(count, int):
                check_size(len(text) * max(count, 0), at)
        if isinstance(a, int) and isinstance(b, int) and a.bit_length() + b.bit_length() > 200_000:
            raise Halt("a product with more than 200,000 bits", at)
    elif name == "mod" and isinstance(a, str):
        check_size(len(a) + a.count("%") * (len(b) if isinstance(b, str | bytes) else 0), at)
        if "*" in a or any(len(part) > 4 for part in "".join(c if c.isdigit() else " " for c in a).split()):
            raise Halt("a format with a huge or computed width", at)
    elif name == "add" and isinstance(a, str | bytes) and isinstance(b, str | bytes):
        check_size(len(a) + len(b), at)


def computed(
    evaluator: Evaluator, function: Callable[..., Any], args: tuple[Any, ...], at: Origin, *inputs: Value
) -> Value:
    try:
        result = function(*args)
    except Exception as error:
        raise evaluator.error(type(error), str(error), at) from None
    for item in (*args, result):
        if isinstance(item, str | bytes):
            evaluator.charge(len(item) // CHARACTERS_A_STEP, at)
        elif isinstance(item, int):
            evaluator.charge(item.bit_length() // CHARACTERS_A_STEP, at)
    return lift(result, Origin(at.file, at.line, at.column, tuple(value.origin for value in inputs)))


def compute(evaluator: Evaluator, function: Callable[..., Any], at: Origin, *inputs: Value) -> Value:
    """A pure Python function of constants, carried out; a term when an input is only known at run time."""
    try:
        args = tuple(lower(value.payload) for value in inputs)
    except NotConcrete:
        return symbolic(evaluator, function.__name__, at, *inputs)
    return computed(evaluator, function, args, at, *inputs)


def unary(evaluator: Evaluator, kind: type[ast.unaryop], operand: Value, at: Origin) -> Value:
    name, function = UNARY[kind]
    if is_constant(operand.payload):
        return computed(evaluator, function, (operand.payload,), at, operand)
    if isinstance(operand.payload, InstObj):
        if operand.payload.cls.find(f"__{name}__") is not None:
            return evaluator.call_method(operand, f"__{name}__", Args([]), at)
        plain = unwrap_enum(operand)
        if plain is not operand:
            return unary(evaluator, kind, plain, at)
    if isinstance(operand.payload, (*EXTERNAL, Unknown, Nondeterministic)):
        return symbolic(evaluator, name, at, operand)
    raise evaluator.error(TypeError, f"bad operand type for {name}", at)


def special_method(
    evaluator: Evaluator, name: str, reflected: str, left: Value, right: Value, at: Origin
) -> Value | None:
    """What the operands' own methods answer. As in Python, the right one is asked first when its class inherits
    from the left one's (and, for arithmetic, has a method of its own); one class is asked once for arithmetic."""

    asked = [(left, name, right), (right, reflected, left)]
    a, b = left.payload, right.payload
    if isinstance(a, InstObj) and isinstance(b, InstObj):
        compares = name in COMPARISONS
        if a.cls is b.cls:
            asked = asked if compares else asked[:1]
        elif a.cls in b.cls.mro and (compares or b.cls.find(reflected) is not a.cls.find(reflected)):
            asked.reverse()
    for receiver, method, other in asked:
        payload = receiver.payload
        if isinstance(payload, InstObj) and method and payload.cls.find(method) is not None:
            result = evaluator.call_method(receiver, method, Args([other]), at)
            if result.payload is not NotImplemented:
                return result
    return None


OPERATIONS.truth = truth
OPERATIONS.binary = binary
