"""Methods of the builtin types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from campaign.check.builtins.constant_methods import PURE, class_method, pure_method
from campaign.check.builtins.dict_methods import (
    dict_clear,
    dict_copy,
    dict_fromkeys,
    dict_get,
    dict_pop,
    dict_popitem,
    dict_setdefault,
    dict_update,
    dict_view,
    namespace_method,
)
from campaign.check.builtins.list_methods import (
    list_append,
    list_clear,
    list_copy,
    list_extend,
    list_insert,
    list_pop,
    list_remove,
    list_reverse,
    list_sort,
    sequence_count,
    sequence_index,
)
from campaign.check.builtins.method_arguments import Method
from campaign.check.builtins.set_methods import (
    set_add,
    set_clear,
    set_copy,
    set_discard,
    set_method,
    set_pop,
    set_remove,
    set_test,
)
from campaign.check.builtins.signatures import check_function, check_method
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

REAL: dict[type, type] = {ListObj: list, TupleObj: tuple, DictObj: dict}


def _real_type(payload: Any) -> type | None:
    """The Python type behind a container; None for one that has methods of its own."""
    if isinstance(payload, SetObj):
        return frozenset if payload.frozen else set
    if isinstance(payload, DictObj) and not payload.is_plain:
        return None
    return REAL.get(type(payload))


def _method_check(kind: type | None, name: str) -> Callable[..., Any] | None:
    return None if kind is None else lambda evaluator, args, at: check_method(evaluator, kind, name, args, at)


def find_method(holder: Value, name: str) -> Builtin | None:
    payload = holder.payload
    table = METHODS.get(type(payload))
    if table is not None:
        found = table.get(name)
        kind = _real_type(payload)
        if found is None or (kind is not None and not hasattr(kind, name)):
            return None
        called = (kind or type(payload)).__name__
        return Builtin(f"{called}.{name}", found, holder, _method_check(kind, name))
    if isinstance(payload, type):
        return _unbound_method(payload, name)
    for kind, names in PURE.items():
        if (type(payload) is kind or (kind is int and type(payload) is bool)) and name in names:
            return Builtin(f"{kind.__name__}.{name}", lambda m, a, s: pure_method(m, name, a, s), holder)
    return None


def _own_kind(kind: type, name: str, args: Args, at: Origin) -> Any:
    """`str.upper(x)` is only followed for a text; Python refuses anything else."""
    subject = args.positional[0].payload if args.positional else None
    if not isinstance(subject, (kind, *EXTERNAL)):
        raise Halt(f"{kind.__name__}.{name}() of something else", at, "call the method of the object")
    return NOT_CONFIRMED


def _unbound_method(kind: type, name: str) -> Builtin | None:
    """`str.upper`, `list.append`, `dict.fromkeys`: the method of a type."""
    if kind is dict and name == "fromkeys":
        real = dict.fromkeys
        return Builtin(
            "dict.fromkeys", dict_fromkeys, check=lambda m, a, at: check_function(m, "fromkeys", real, a, at)
        )
    if kind is object and name == "__setattr__":
        return Builtin("object.__setattr__", object_setattr)
    if name in PURE.get(kind, frozenset()):
        return Builtin(
            f"{kind.__name__}.{name}",
            lambda m, a, s: pure_method(m, name, a, s),
            check=lambda m, a, at: _own_kind(kind, name, a, at),
        )
    if (kind is int and name == "from_bytes") or (kind in (float, bytes) and name == "fromhex"):
        named = getattr(kind, name)
        return Builtin(name, lambda m, a, s: class_method(m, named, a, s))
    types: dict[Any, Any] = {list: ListObj, dict: DictObj, set: SetObj}
    own = types.get(kind)
    if own is not None and name in METHODS[own]:
        return Builtin(f"{kind.__name__}.{name}", METHODS[own][name], check=_method_check(kind, name))
    return None


METHODS: dict[type, dict[str, Method]] = {
    ListObj: {
        "append": list_append, "extend": list_extend, "insert": list_insert, "pop": list_pop,
        "remove": list_remove, "index": sequence_index, "count": sequence_count, "clear": list_clear,
        "reverse": list_reverse, "copy": list_copy, "sort": list_sort,
    },
    TupleObj: {"index": sequence_index, "count": sequence_count},
    DictObj: {
        "get": dict_get, "setdefault": dict_setdefault, "pop": dict_pop, "popitem": dict_popitem,
        "keys": dict_view("keys"), "values": dict_view("values"), "items": dict_view("items"), "update": dict_update,
        "clear": dict_clear, "copy": dict_copy,
    },
    SetObj: {
        "add": set_add, "discard": set_discard, "remove": set_remove, "pop": set_pop, "copy": set_copy,
        "clear": set_clear, "union": set_method("or", False), "intersection": set_method("and", False),
        "difference": set_method("sub", False), "symmetric_difference": set_method("xor", False),
        "update": set_method("or", True), "intersection_update": set_method("and", True),
        "difference_update": set_method("sub", True), "issubset": set_test("issubset"),
        "issuperset": set_test("issuperset"), "isdisjoint": set_test("isdisjoint"),
    },
}  # fmt: skip


METHODS[Namespace] = {
    name: namespace_method(name)
    for name in ("get", "pop", "setdefault", "update", "keys", "values", "items", "copy")
}
METHODS[IteratorObj] = {
    "__next__": lambda evaluator, args, site: next_item(evaluator, args, site),
}


def next_item(evaluator: Evaluator, args: Args, site: Site) -> Value:
    source = args.positional[0].payload
    if not isinstance(source, IteratorObj):
        raise Halt("next() of an iterator that is not followed", site.at)
    source.version += 1
    for item in source.source:
        return item
    if len(args.positional) > 1:
        return args.positional[1]
    raise evaluator.error(StopIteration, "", site.at)


__all__ = ["find_method"]


def builtin_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    """A method of a builtin type."""
    method = find_method(holder, name)
    if method is not None:
        return Value(method, at)
    payload = holder.payload
    if is_constant(payload) and name in ("real", "imag", "numerator", "denominator", "start", "stop", "step"):
        if hasattr(payload, name):
            return Value(getattr(payload, name), at)
    kind = payload.__name__ if isinstance(payload, type) else type_name(payload)
    if isinstance(payload, type) and name in ("__name__", "__qualname__"):
        return Value(payload.__name__, at)
    if name == "__class__":
        return type_of(evaluator, holder, at)
    if is_constant(payload) and not hasattr(payload, name):
        raise evaluator.error(AttributeError, f"{kind!r} object has no attribute {name!r}", at)
    if isinstance(payload, ListObj | DictObj | SetObj | TupleObj):
        real = {ListObj: list, DictObj: dict, SetObj: set, TupleObj: tuple}[type(payload)]
        if not hasattr(real, name):
            raise evaluator.error(AttributeError, f"{kind!r} object has no attribute {name!r}", at)
    raise Halt(f"attribute {name!r} of {kind} is not followed", at)


ATTRIBUTES[object] = builtin_attribute
