"""The type of a value, and whether it is an instance of a class."""

from __future__ import annotations

from typing import Any

from campaign.check.evaluator.state import Evaluator
from campaign.check.evaluator.symbolic import symbolic
from campaign.check.values import (
    ClassObj,
    DictObj,
    ErrorObj,
    ExternalName,
    FuncObj,
    InstObj,
    ListObj,
    ModuleObj,
    Origin,
    SetObj,
    TupleObj,
    Value,
    is_constant,
    is_external,
    is_unevaluated,
)
from campaign.check.values.limits import Halt

TYPE_NAMES = {ListObj: "list", DictObj: "dict", TupleObj: "tuple", FuncObj: "function", ModuleObj: "module"}
BUILTIN_BASES: dict[type, type] = {ListObj: list, TupleObj: tuple, DictObj: dict}


def type_name(payload: Any) -> str:
    """The name of a payload's type, for messages."""
    if isinstance(payload, SetObj):
        return "frozenset" if payload.frozen else "set"
    return (
        payload.cls.name
        if isinstance(payload, InstObj)
        else TYPE_NAMES.get(type(payload), type(payload).__name__)
    )


def type_of(evaluator: Evaluator, value: Value, at: Origin) -> Value:
    found = _class_of(value.payload)
    return symbolic(evaluator, "type", at, value) if found is None else Value(found, at)


def _class_of(payload: Any) -> type | ClassObj | None:
    """The class of a payload; None where it is not known, or is a class that the evaluator does not keep."""
    if is_constant(payload):
        return type(payload)
    if isinstance(payload, InstObj):
        return payload.cls
    if isinstance(payload, TupleObj):
        return tuple if payload.cls is None else payload.cls
    if isinstance(payload, SetObj):
        return frozenset if payload.frozen else set
    if isinstance(payload, ErrorObj):
        return payload.type
    if isinstance(payload, DictObj):
        return dict if payload.is_plain else None
    return type if isinstance(payload, ClassObj | type) else BUILTIN_BASES.get(type(payload))


def is_a(evaluator: Evaluator, value: Value, kind: Value, at: Origin) -> bool:
    """`isinstance(value, kind)` for one class."""
    payload, tested_class = value.payload, kind.payload
    if is_unevaluated(payload) or is_external(tested_class):
        return evaluator.truth(symbolic(evaluator, "isinstance", at, value, kind), at)
    if isinstance(tested_class, ClassObj):
        return _is_own_instance(payload, tested_class, at)
    if not isinstance(tested_class, type):
        reason = "isinstance() is called with something that is not modelled as a class"
        raise Halt(reason, at, "test against a class or a tuple of classes")
    if tested_class is object:
        return True
    if is_constant(payload):
        return isinstance(payload, tested_class)
    if isinstance(payload, InstObj | ErrorObj):
        # A class of the checked files keeps its nearest builtin base, `Exception` or `int` for example.
        cls = payload.cls if isinstance(payload, InstObj) else payload.type
        real = cls.builtin if isinstance(cls, ClassObj) else cls
        return real is not None and issubclass(real, tested_class)
    # A named tuple is a tuple, and a framework's mapping a dict; the other types have no base but object.
    return tested_class is BUILTIN_BASES.get(type(payload), _class_of(payload))


def _is_own_instance(payload: Any, tested_class: ClassObj, at: Origin) -> bool:
    if any(
        isinstance(base.payload, ExternalName) and base.payload.name == "typing.Protocol"
        for base in tested_class.bases
    ):
        # A runtime-checkable protocol looks for attributes instead of the inheritance.
        raise Halt(
            f"isinstance() of protocol {tested_class.name} is not modelled", at, "test against a class"
        )
    own = payload.cls if isinstance(payload, InstObj | TupleObj) else None
    if isinstance(payload, ErrorObj) and isinstance(payload.type, ClassObj):
        own = payload.type
    return own is not None and tested_class in own.mro
