"""Methods and attributes of the builtin types."""

from __future__ import annotations

from functools import partial
from typing import Any

from campaign.check.builtins.constant_methods import (
    CLASS_METHODS,
    CONSTANT_METHODS,
    class_method,
    constant_method,
)
from campaign.check.builtins.dict_methods import DICT_METHODS, FROMKEYS, NAMESPACE_METHODS
from campaign.check.builtins.list_methods import LIST_METHODS, TUPLE_METHODS
from campaign.check.builtins.set_methods import SET_METHODS
from campaign.check.builtins.signatures import PAYLOADS, Model, builtin_function, builtin_method
from campaign.check.evaluator.attributes import object_setattr
from campaign.check.evaluator.calls import NOT_CONFIRMED
from campaign.check.evaluator.dispatch import ATTRIBUTES
from campaign.check.evaluator.state import Args, Evaluator, Site
from campaign.check.evaluator.type_tests import type_name, type_of
from campaign.check.values import (
    EXTERNAL,
    Builtin,
    DictObj,
    IteratorObj,
    ListObj,
    Namespace,
    Origin,
    SetObj,
    TupleObj,
    Value,
    is_constant,
)
from campaign.check.values.limits import Halt


def next_item(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`next(iterator)`. Reading consumes: every other reference to the iterator sees it advanced."""
    source = args.positional[0].payload
    if not isinstance(source, IteratorObj):
        reason = "the checker cannot evaluate next() of an iterator that is not modelled"
        raise Halt(reason, site.at, "take the element by its index")
    source.version += 1
    # The default is not an element: with one, an exhausted iterator raises nothing.
    for item in source.source:
        return item
    if len(args.positional) > 1:
        return args.positional[1]
    raise evaluator.error(StopIteration, "", site.at)


METHODS: dict[type, dict[str, Model]] = {
    ListObj: LIST_METHODS, TupleObj: TUPLE_METHODS, DictObj: DICT_METHODS, SetObj: SET_METHODS,
    Namespace: NAMESPACE_METHODS, IteratorObj: {"__next__": Model(next_item)},
}  # fmt: skip


REAL_TYPES: dict[type, type] = {ListObj: list, DictObj: dict, SetObj: set, TupleObj: tuple}


def find_method(holder: Value, name: str) -> Builtin | None:
    payload = holder.payload
    if type(payload) in METHODS:
        return _container_method(holder, name)
    if isinstance(payload, type):
        return _unbound_method(payload, name)
    kind: type = int if type(payload) is bool else type(payload)  # bool adds no methods to those of int
    if name in CONSTANT_METHODS.get(kind, ()):
        return Builtin(f"{kind.__name__}.{name}", partial(constant_method, name), holder)
    return None


def _container_method(holder: Value, name: str) -> Builtin | None:
    payload = holder.payload
    model = METHODS[type(payload)].get(name)
    kind = _real_type(payload)
    # `hasattr` tells a list from a tuple and a set from a frozenset, which share a table or a payload type.
    if model is None or (kind is not None and not hasattr(kind, name)):
        return None
    if kind is None:
        return Builtin(f"{type(payload).__name__}.{name}", model.call, holder)
    return builtin_method(kind, name, model, holder)


def _real_type(payload: Any) -> type | None:
    """The Python type behind a container; None for one with its own methods."""
    if isinstance(payload, SetObj):
        return frozenset if payload.frozen else set
    if isinstance(payload, DictObj) and not payload.is_plain:
        return None
    return REAL_TYPES.get(type(payload))


def _unbound_method(kind: type, name: str) -> Builtin | None:
    """`str.upper`, `list.append`, `dict.fromkeys`: the method of a type."""
    if kind is dict and name == "fromkeys":
        return builtin_function("dict.fromkeys", dict.fromkeys, FROMKEYS)
    if kind is object and name == "__setattr__":
        return Builtin("object.__setattr__", object_setattr)
    if name in CONSTANT_METHODS.get(kind, ()):
        full = f"{kind.__name__}.{name}"
        return Builtin(full, partial(constant_method, name), check=partial(_refuse_other_kind, kind, name))
    if (kind, name) in CLASS_METHODS:
        return Builtin(name, partial(class_method, getattr(kind, name)))
    if kind in (list, dict, set) and name in METHODS[PAYLOADS[kind]]:
        return builtin_method(kind, name, METHODS[PAYLOADS[kind]][name])
    return None


def _refuse_other_kind(kind: type, name: str, evaluator: Evaluator, args: Args, at: Origin) -> Any:
    """`str.upper(x)` is a descriptor: it accepts a string only. An external value may be one."""
    subject = args.positional[0].payload if args.positional else None
    if not isinstance(subject, (kind, *EXTERNAL)):
        reason = f"the checker cannot evaluate {kind.__name__}.{name}() of anything but a {kind.__name__}"
        raise Halt(reason, at, "call the method of the object")
    return NOT_CONFIRMED


DATA_ATTRIBUTES = frozenset({"real", "imag", "numerator", "denominator", "start", "stop", "step"})


def builtin_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    """An attribute of a builtin type's instance, or of the type."""
    method = find_method(holder, name)
    if method is not None:
        return Value(method, at)
    payload = holder.payload
    if is_constant(payload) and name in DATA_ATTRIBUTES and hasattr(payload, name):
        return Value(getattr(payload, name), at)
    if name == "__class__":
        return type_of(evaluator, holder, at)
    if isinstance(payload, type):
        kind = payload.__name__
        if name in ("__name__", "__qualname__"):
            return Value(kind, at)
    else:
        kind = type_name(payload)
        # An attribute that the real type lacks raises AttributeError; one without a model is refused.
        real = payload if is_constant(payload) else REAL_TYPES.get(type(payload))
        if (is_constant(payload) or real is not None) and not hasattr(real, name):
            raise evaluator.error(AttributeError, f"{kind!r} object has no attribute {name!r}", at)
    raise Halt(
        f"the checker cannot evaluate attribute {name!r} of {kind}: it is not modelled",
        at,
        "write its value out",
    )


ATTRIBUTES[object] = builtin_attribute
