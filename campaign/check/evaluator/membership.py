"""Membership: the operators `in` and `not in`."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from campaign.check.evaluator.constant_folding import call_on_constants
from campaign.check.evaluator.dispatch import ByPayload
from campaign.check.evaluator.hashed_containers import hashed, may_collide
from campaign.check.evaluator.state import Args, Evaluator
from campaign.check.evaluator.symbolic import symbolic
from campaign.check.values import (
    ClassObj,
    DictObj,
    InstObj,
    IteratorObj,
    ListObj,
    Namespace,
    Origin,
    SetObj,
    TupleObj,
    Value,
    View,
    is_constant,
    is_unevaluated,
)
from campaign.check.values.constants import NotConcrete
from campaign.check.values.limits import Halt


def contains(evaluator: Evaluator, container: Value, item: Value, at: Origin) -> Value:
    """Whether the container has an element equal to the item; a symbolic operation where that is not known."""
    evaluator.readable(container.payload, at)
    found = CONTAINS[type(container.payload)](evaluator, container, item, at)
    if isinstance(found, Value):
        return found
    return Value(found, Origin(at.file, at.line, at.column, (container.origin, item.origin)))


def namespace_has(namespace: Namespace, name: Any, at: Origin) -> bool:
    """Whether `globals()` or `vars(x)` has a name."""
    if not is_constant(name):
        raise Halt("the code looks up a name that is only known at run time", at, "use a constant name")
    if isinstance(name, str) and name in namespace.names:
        return True
    # Modules and classes have more special names, such as `__spec__`, than the evaluator keeps.
    if isinstance(name, str) and name.startswith("__") and not isinstance(namespace.holder, InstObj):
        raise Halt(f"the code looks up {name}, which is not modelled", at, "leave out the special name")
    return False


def _has_key(evaluator: Evaluator, container: Value, item: Value, at: Origin) -> bool | Value:
    keys = container.payload.entries if isinstance(container.payload, DictObj) else container.payload.items
    try:
        key = hashed(evaluator, item.payload, at)
    except NotConcrete:
        return symbolic(evaluator, "in", at, item, container)
    if key in keys or not keys:
        return key in keys
    # Two keys of which one is only known at run time may be equal although they look different here.
    if may_collide((key, *keys)):
        return symbolic(evaluator, "in", at, item, container)
    return False


def _has_element(evaluator: Evaluator, container: Value, item: Value, at: Origin) -> bool:
    """`any(x is item or x == item for x in container)`, as the data model defines it; an iterator is consumed up
    to the element that is found."""
    for member in evaluator.iterate(container, at):
        evaluator.charge(1, at)
        if member.payload is item.payload:
            return True
        if evaluator.truth(evaluator.compare(ast.Eq, member, item, at), at):
            return True
    return False


def _view_has(evaluator: Evaluator, container: Value, item: Value, at: Origin) -> bool | Value:
    view: View = container.payload
    if view.kind == "keys":
        return contains(evaluator, Value(view.holder, container.origin), item, at)
    return _has_element(evaluator, container, item, at)


def _constant_has(evaluator: Evaluator, container: Value, item: Value, at: Origin) -> Value:
    payload = container.payload
    if is_constant(payload) and is_constant(item.payload):
        return call_on_constants(evaluator, lambda a, b: b in a, (payload, item.payload), at, container, item)
    if is_constant(payload) or is_unevaluated(payload):
        return symbolic(evaluator, "in", at, item, container)
    raise _not_modelled(at)


def _range_has(evaluator: Evaluator, container: Value, item: Value, at: Origin) -> bool | Value:
    number = item.payload
    if not is_constant(number):
        return symbolic(evaluator, "in", at, item, container)
    if isinstance(number, int):
        return number in container.payload
    # Python compares with every element of the range, which may be billions: only an integral number is equal to one.
    if not isinstance(number, float | complex) or number != number.real:
        return False
    return float(number.real).is_integer() and int(number.real) in container.payload


def _instance_has(evaluator: Evaluator, container: Value, item: Value, at: Origin) -> bool:
    if container.payload.cls.find("__contains__") is None:
        raise _not_modelled(at)
    return evaluator.truth(evaluator.call_method(container, "__contains__", Args([item]), at), at)


def _class_has(evaluator: Evaluator, container: Value, item: Value, at: Origin) -> bool:
    if container.payload.kind != "enum":
        raise _not_modelled(at)
    return any(item.payload is member for member in container.payload.members.values())


def _not_modelled(at: Origin) -> Halt:
    return Halt(
        "membership in an object of this type is not modelled", at, "test membership in a list or dict"
    )


CONTAINS: ByPayload[Callable[[Evaluator, Value, Value, Origin], bool | Value]] = ByPayload(
    {
        DictObj: _has_key, SetObj: _has_key, ListObj: _has_element, TupleObj: _has_element, IteratorObj: _has_element,
        View: _view_has, range: _range_has, InstObj: _instance_has, ClassObj: _class_has,
        Namespace: lambda evaluator, container, item, at: namespace_has(container.payload, item.payload, at),
        object: _constant_has,
    }
)  # fmt: skip
