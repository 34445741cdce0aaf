"""Truth, arithmetic, comparison, membership, subscripts: exact on constants, terms on what is outside."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator
from typing import Any

from campaign.check.constants import NotConcrete, Unhashable, check_size, is_outside_key, key_of, lift, lower
from campaign.check.limits import Halt
from campaign.check.machine import Args, Machine
from campaign.check.outside import decide, term
from campaign.check.values import (
    NOWHERE,
    OUTSIDE,
    Builtin,
    ClassObj,
    DictObj,
    ErrorObj,
    FuncObj,
    InstObj,
    Iter,
    ListObj,
    ModuleObj,
    Namespace,
    Nondet,
    Opaque,
    Origin,
    SetObj,
    TupleObj,
    Unknown,
    Value,
    View,
    is_constant,
    reachable,
    spoiled,
)

BINARY: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("add", operator.add), ast.Sub: ("sub", operator.sub), ast.Mult: ("mul", operator.mul),
    ast.Div: ("truediv", operator.truediv), ast.FloorDiv: ("floordiv", operator.floordiv),
    ast.Mod: ("mod", operator.mod), ast.Pow: ("pow", operator.pow), ast.LShift: ("lshift", operator.lshift),
    ast.RShift: ("rshift", operator.rshift), ast.BitOr: ("or", operator.or_), ast.BitXor: ("xor", operator.xor),
    ast.BitAnd: ("and", operator.and_), ast.MatMult: ("matmul", operator.matmul),
}  # fmt: skip
COMPARE: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Eq: ("eq", operator.eq), ast.NotEq: ("ne", operator.ne), ast.Lt: ("lt", operator.lt),
    ast.LtE: ("le", operator.le), ast.Gt: ("gt", operator.gt), ast.GtE: ("ge", operator.ge),
}  # fmt: skip
REFLECTED = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le", "eq": "eq", "ne": "ne"}
UNARY: dict[type[ast.unaryop], tuple[str, Callable[[Any], Any]]] = {
    ast.USub: ("neg", operator.neg), ast.UAdd: ("pos", operator.pos), ast.Invert: ("invert", operator.invert),
}  # fmt: skip
OBJECTS = (FuncObj, ClassObj, ModuleObj, Builtin, type)


def involves_outside(payload: Any) -> bool:
    if is_constant(payload):
        return False
    from campaign.check.values import Mutable

    return any(
        isinstance(inner, (*OUTSIDE, Unknown, Nondet)) for inner in reachable([Value(payload, NOWHERE)])
    ) or (isinstance(payload, Mutable) and bool(payload.given_to))


def truth(machine: Machine, value: Value, at: Origin) -> bool:
    payload = value.payload
    if is_constant(payload):
        return bool(payload)
    machine.readable(payload, at)
    if isinstance(payload, ListObj | TupleObj | SetObj):
        return bool(payload.items)
    if isinstance(payload, DictObj):
        return bool(payload.entries)
    if isinstance(payload, Namespace):
        return bool(payload.names)
    if isinstance(payload, View):
        return bool(payload.holder.entries)
    if isinstance(payload, InstObj):
        return _instance_truth(machine, value, payload, at)
    if isinstance(payload, (*OUTSIDE, Unknown, Nondet)):
        return decide(machine, value, at)
    return True


def _instance_truth(machine: Machine, value: Value, payload: InstObj, at: Origin) -> bool:
    from campaign.check.calls import call_method

    if payload.cls.kind == "enum" and payload.cls.builtin not in (None, object):
        return truth(machine, payload.attrs["value"], at)
    for name in ("__bool__", "__len__"):
        if payload.cls.find(name) is not None:
            result = call_method(machine, value, name, Args([]), at)
            return truth(machine, result, at)
    return True


def binary(machine: Machine, kind: type[ast.operator], left: Value, right: Value, at: Origin) -> Value:
    name, function = BINARY[kind]
    a, b = left.payload, right.payload
    if is_constant(a) and is_constant(b):
        _guard(name, a, b, at)
        return _compute(machine, function, (a, b), at, left, right)
    origin = Origin(at.file, at.line, at.column, (left.origin, right.origin))
    if isinstance(a, Unknown | Nondet) or isinstance(b, Unknown | Nondet):
        return Value(spoiled(a if isinstance(a, Unknown | Nondet) else b), origin)
    machine.readable(a, at)
    machine.readable(b, at)
    if isinstance(a, InstObj) or isinstance(b, InstObj):
        result = _dunder(machine, f"__{name}__", f"__r{name}__", left, right, at)
        if result is not None:
            return result
        left, right = unwrapped(left), unwrapped(right)
        if left.payload is not a or right.payload is not b:
            return binary(machine, kind, left, right, at)
        raise machine.error(TypeError, f"unsupported operand for {name}", at)
    if name == "mod" and isinstance(a, str):
        return _percent(machine, left, right, at)
    if isinstance(a, OUTSIDE) or isinstance(b, OUTSIDE):
        return term(machine, name, at, left, right)
    if isinstance(a, View) or isinstance(b, View):
        return binary(machine, kind, _as_set(machine, left, at), _as_set(machine, right, at), at)
    own = _containers(machine, name, a, b, at, origin)
    if own is not None:
        return own
    if name == "or" and _typelike(a) and _typelike(b):
        return term(machine, "union", at, left, right)
    raise machine.error(TypeError, f"unsupported operand types for {name}", at)


def _as_set(machine: Machine, value: Value, at: Origin) -> Value:
    """A view takes part in set operations as the set of its elements."""
    if isinstance(value.payload, SetObj):
        return value
    from campaign.check.expressions import new_set
    from campaign.check.iteration import elements

    return Value(new_set(machine, elements(machine, value, at), at), value.origin)


def _typelike(payload: Any) -> bool:
    return payload is None or isinstance(payload, type | ClassObj)


def unwrapped(value: Value) -> Value:
    """The plain value of a member of an enum that mixes in `int` or `str`."""
    payload = value.payload
    if (
        isinstance(payload, InstObj)
        and payload.cls.kind == "enum"
        and payload.cls.builtin not in (None, object)
    ):
        return Value(payload.attrs["value"].payload, value.origin)
    return value


def _containers(machine: Machine, name: str, a: Any, b: Any, at: Origin, origin: Origin) -> Value | None:
    if name == "add" and isinstance(a, ListObj | TupleObj) and isinstance(b, ListObj | TupleObj):
        check_size(len(a.items) + len(b.items), at)
        machine.budget.steps -= (len(a.items) + len(b.items)) // 10
    if name == "add" and isinstance(a, ListObj) and isinstance(b, ListObj):
        return Value(ListObj([*a.items, *b.items]), origin)
    if name == "add" and isinstance(a, TupleObj) and isinstance(b, TupleObj):
        return Value(TupleObj((*a.items, *b.items)), origin)
    if name == "mul":
        if isinstance(b, ListObj | TupleObj):
            a, b = b, a
        if isinstance(a, ListObj | TupleObj) and isinstance(b, int):
            check_size(len(a.items) * max(int(b), 0), at)
            machine.budget.steps -= len(a.items) * max(int(b), 0)
            return Value(ListObj(a.items * b) if isinstance(a, ListObj) else TupleObj(a.items * b), origin)
    if name == "or" and isinstance(a, DictObj) and isinstance(b, DictObj) and not (a.flavour or b.flavour):
        merged = Value(DictObj(dict(a.entries)), origin)
        for key, item in b.entries.values():
            store(machine, merged.payload, key, item, at)
        return merged
    if isinstance(a, SetObj) and isinstance(b, SetObj) and name in ("or", "and", "sub", "xor"):
        return Value(SetObj(set_operation(machine, name, a, b, at), a.frozen), origin)
    return None


def set_operation(machine: Machine, name: str, a: SetObj, b: SetObj, at: Origin) -> dict[Any, Value]:
    if any(is_outside_key(key) for key in (*a.items, *b.items)):
        raise Halt("combines sets of values only known at run time", at)
    if name == "or":
        return {**b.items, **a.items}
    if name == "and":
        return {key: item for key, item in a.items.items() if key in b.items}
    kept = {key: item for key, item in a.items.items() if key not in b.items}
    if name == "sub":
        return kept
    return {**kept, **{key: item for key, item in b.items.items() if key not in a.items}}


def _percent(machine: Machine, left: Value, right: Value, at: Origin) -> Value:
    text = left.payload
    longest = max((len(part.payload) for part in _texts(right)), default=0)
    check_size(len(text) + text.count("%") * longest, at)
    if "*" in text or any(
        len(digits) > 4 for digits in "".join(c if c.isdigit() else " " for c in text).split()
    ):
        raise Halt("a format with a huge width", at)
    try:
        return _compute(machine, operator.mod, (text, lower(right.payload)), at, left, right)
    except NotConcrete:
        return describe_term(machine, "mod", at, left, right)


def _texts(value: Value) -> list[Value]:
    inside = value.payload.items if isinstance(value.payload, ListObj | TupleObj) else [value]
    return [item for item in inside if isinstance(item.payload, str | bytes)]


def describe_term(machine: Machine, op: str, at: Origin, *values: Value) -> Value:
    """The text of objects: a term, unless it would show an address."""
    for payload in reachable(list(values)):
        if isinstance(payload, InstObj) and payload.cls.kind != "dataclass" and payload.cls.kind != "enum":
            if payload.cls.find("__str__") is None and payload.cls.find("__repr__") is None:
                return Value(Nondet("the address in an object's text"), at)
            raise Halt(f"the text of an instance of {payload.cls.name}", at, "write the text out")
        if isinstance(payload, FuncObj | Iter | ErrorObj):
            return Value(Nondet("the address in an object's text"), at)
        if isinstance(payload, SetObj) and len(payload.items) > 1:
            return Value(Nondet("the order in a set's text"), at)
    return term(machine, op, at, *values)


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


def _compute(
    machine: Machine, function: Callable[..., Any], args: tuple[Any, ...], at: Origin, *inputs: Value
) -> Value:
    try:
        result = function(*args)
    except Exception as error:
        raise machine.error(type(error), str(error), at) from None
    return lift(result, Origin(at.file, at.line, at.column, tuple(value.origin for value in inputs)))


def compute(machine: Machine, function: Callable[..., Any], at: Origin, *inputs: Value) -> Value:
    """A pure Python function of constants, carried out; a term when an input is only known at run time."""
    try:
        args = tuple(lower(value.payload) for value in inputs)
    except NotConcrete:
        return term(machine, function.__name__, at, *inputs)
    return _compute(machine, function, args, at, *inputs)


def unary(machine: Machine, kind: type[ast.unaryop], operand: Value, at: Origin) -> Value:
    name, function = UNARY[kind]
    if is_constant(operand.payload):
        return _compute(machine, function, (operand.payload,), at, operand)
    if isinstance(operand.payload, InstObj):
        from campaign.check.calls import call_method

        if operand.payload.cls.find(f"__{name}__") is not None:
            return call_method(machine, operand, f"__{name}__", Args([]), at)
        plain = unwrapped(operand)
        if plain is not operand:
            return unary(machine, kind, plain, at)
    if isinstance(operand.payload, (*OUTSIDE, Unknown, Nondet)):
        return term(machine, name, at, operand)
    raise machine.error(TypeError, f"bad operand type for {name}", at)


def _dunder(
    machine: Machine, name: str, reflected: str, left: Value, right: Value, at: Origin
) -> Value | None:
    from campaign.check.calls import call_method

    for receiver, method, other in ((left, name, right), (right, reflected, left)):
        payload = receiver.payload
        if isinstance(payload, InstObj) and method and payload.cls.find(method) is not None:
            result = call_method(machine, receiver, method, Args([other]), at)
            if result.payload is not NotImplemented:
                return result
    return None


def compare(machine: Machine, kind: type[ast.cmpop], left: Value, right: Value, at: Origin) -> Value:
    origin = Origin(at.file, at.line, at.column, (left.origin, right.origin))
    if kind is ast.Is or kind is ast.IsNot:
        return _identity(machine, kind is ast.IsNot, left, right, origin)
    if kind is ast.In or kind is ast.NotIn:
        found = contains(machine, right, left, at)
        if is_constant(found.payload):
            return Value(bool(found.payload) is (kind is ast.In), origin)
        return found if kind is ast.In else term(machine, "not", at, found)
    name, function = COMPARE[kind]
    if any(isinstance(side.payload, View) and side.payload.kind != "values" for side in (left, right)):
        left, right = _as_set(machine, left, at), _as_set(machine, right, at)
    a, b = left.payload, right.payload
    if is_constant(a) and is_constant(b):
        return _compute(machine, function, (a, b), at, left, right)
    if isinstance(a, InstObj) or isinstance(b, InstObj):
        return _compare_instances(machine, name, left, right, at, origin)
    try:
        return _compute(machine, function, (_comparable(a), _comparable(b)), at, left, right)
    except NotConcrete:
        pass
    if isinstance(a, (*OUTSIDE, Unknown, Nondet)) or isinstance(b, (*OUTSIDE, Unknown, Nondet)):
        return term(machine, name, at, left, right)
    if isinstance(a, OBJECTS) or isinstance(b, OBJECTS) or a is None or b is None:
        if name in ("eq", "ne"):
            return Value((a is b) is (name == "eq"), origin)
    if involves_outside(a) or involves_outside(b):
        return term(machine, name, at, left, right)
    raise Halt("compares objects whose equality is not followed", at, "compare plain values")


def _comparable(payload: Any) -> Any:
    """Like `lower`, sets included: comparing them does not depend on their order."""
    if isinstance(payload, SetObj):
        items = [lower(item.payload) for item in payload.items.values()]
        return frozenset(items) if payload.frozen else set(items)
    if isinstance(payload, DictObj) and payload.flavour in ("defaultdict", "config", "omega"):
        return {lower(key.payload): lower(item.payload) for key, item in payload.entries.values()}
    return lower(payload)


def _compare_instances(
    machine: Machine, name: str, left: Value, right: Value, at: Origin, origin: Origin
) -> Value:
    a, b = left.payload, right.payload
    result = _dunder(machine, f"__{name}__", f"__{REFLECTED[name]}__", left, right, at)
    if result is not None:
        return result
    if name == "ne":
        equal = _dunder(machine, "__eq__", "__eq__", left, right, at)
        if equal is not None:
            return Value(not truth(machine, equal, at), origin)
    plain = (unwrapped(left), unwrapped(right))
    if plain[0] is not left or plain[1] is not right:
        kinds = {"eq": ast.Eq, "ne": ast.NotEq, "lt": ast.Lt, "le": ast.LtE, "gt": ast.Gt, "ge": ast.GtE}
        return compare(machine, kinds[name], *plain, at)
    if any(isinstance(side, InstObj) and side.cls.name == "SimpleNamespace" for side in (a, b)):
        raise Halt("compares instances of SimpleNamespace", at, "compare their fields")
    if name in ("eq", "ne"):
        if a is b:
            return Value(name == "eq", origin)
        if isinstance(a, (*OUTSIDE, Unknown, Nondet)) or isinstance(b, (*OUTSIDE, Unknown, Nondet)):
            return term(machine, name, at, left, right)
        same_class = isinstance(a, InstObj) and isinstance(b, InstObj) and a.cls is b.cls
        if same_class and a.cls.kind == "dataclass" and a.cls.options.get("eq", True):
            return Value(_fields_equal(machine, a, b, at) is (name == "eq"), origin)
        return Value(name != "eq", origin)
    raise Halt("puts instances in order", at, "compare plain values")


def _fields_equal(machine: Machine, a: InstObj, b: InstObj, at: Origin) -> bool:
    return all(
        truth(machine, compare(machine, ast.Eq, a.attrs[field.name], b.attrs[field.name], at), at)
        for field in a.cls.fields
        if field.name in a.attrs and field.name in b.attrs
    )


def _identity(machine: Machine, negate: bool, left: Value, right: Value, origin: Origin) -> Value:
    a, b = left.payload, right.payload
    singles = (type(None), bool, type(...))
    if isinstance(a, (Opaque, Unknown, Nondet)) or isinstance(b, (Opaque, Unknown, Nondet)):
        if a is b and isinstance(a, Opaque):
            return Value(not negate, origin)
        return term(machine, "is not" if negate else "is", origin, left, right)
    if isinstance(a, OUTSIDE) or isinstance(b, OUTSIDE):
        other = b if isinstance(a, OUTSIDE) else a
        if isinstance(other, OUTSIDE) or is_constant(other):
            return term(machine, "is not" if negate else "is", origin, left, right)
        return Value(negate, origin)
    if isinstance(a, singles) or isinstance(b, singles):
        return Value((a is b) is not negate, origin)
    if is_constant(a) and is_constant(b):
        if type(a) is not type(b) or a != b:
            return Value(negate, origin)
        return Value(Unknown("whether equal constants are one object", "compare with =="), origin)
    return Value((a is b) is not negate, origin)


def has_name(namespace: Namespace, name: Any, at: Origin) -> bool:
    """Whether `globals()` or `vars(x)` has a name. Modules and classes have more of them than we keep."""
    if not is_constant(name):
        raise Halt("looks up a name only known at run time", at, "use a constant name")
    if isinstance(name, str) and name in namespace.names:
        return True
    if isinstance(name, str) and name.startswith("__") and not isinstance(namespace.holder, InstObj):
        raise Halt(f"looks up {name}", at)
    return False


def plain_name(name: Value, at: Origin) -> str:
    """A name that is set by way of `globals()` or `vars(x)`."""
    if not isinstance(name.payload, str):
        raise Halt("sets a name only known at run time", at, "use a constant name")
    if name.payload.startswith("__"):
        raise Halt(f"sets {name.payload}", at)
    return name.payload


def contains(machine: Machine, container: Value, item: Value, at: Origin) -> Value:
    payload = container.payload
    machine.readable(payload, at)
    origin = Origin(at.file, at.line, at.column, (container.origin, item.origin))
    if isinstance(payload, DictObj | SetObj):
        keys = payload.entries if isinstance(payload, DictObj) else payload.items
        try:
            key = key_of(item.payload)
        except Unhashable as error:
            raise machine.error(TypeError, f"unhashable type: '{error}'", at) from None
        except NotConcrete:
            return term(machine, "in", at, item, container)
        if key in keys:
            return Value(True, origin)
        if is_outside_key(key) or any(is_outside_key(other) for other in keys):
            return term(machine, "in", at, item, container) if keys else Value(False, origin)
        return Value(False, origin)
    if isinstance(payload, View) and payload.kind == "keys":
        return contains(machine, Value(payload.holder, container.origin), item, at)
    if isinstance(payload, ListObj | TupleObj | Iter | View):
        from campaign.check.iteration import iterate

        source: Iterator[Value] = iterate(machine, container, at)
        for member in source:
            if member.payload is item.payload or truth(
                machine, compare(machine, ast.Eq, member, item, at), at
            ):
                return Value(True, origin)
        return Value(False, origin)
    if isinstance(payload, Namespace):
        return Value(has_name(payload, item.payload, at), origin)
    if is_constant(payload) and is_constant(item.payload):
        return _compute(machine, lambda a, b: b in a, (payload, item.payload), at, container, item)
    if isinstance(payload, InstObj) and payload.cls.find("__contains__") is not None:
        from campaign.check.calls import call_method

        found = call_method(machine, container, "__contains__", Args([item]), at)
        return Value(truth(machine, found, at), origin)
    if isinstance(payload, ClassObj) and payload.kind == "enum":
        return Value(any(item.payload is member for member in payload.members.values()), origin)
    if is_constant(payload) or isinstance(payload, (*OUTSIDE, Unknown, Nondet)):
        return term(machine, "in", at, item, container)
    raise Halt("tests membership in an object that is not followed", at)


def store(machine: Machine, payload: DictObj, key: Value, item: Value, at: Origin) -> None:
    """Set one entry; the key that is already there stays, as in Python."""
    try:
        known = key_of(key.payload)
    except Unhashable as error:
        raise machine.error(TypeError, f"unhashable type: '{error}'", at) from None
    except NotConcrete:
        raise Halt("uses a key that is only known at run time", at, "use a constant as the key") from None
    payload.version += 1
    before = payload.entries.get(known)
    payload.entries[known] = (before[0] if before else key, machine.bound(item))
