"""Conversion between payloads and Python constants, and the keys of payloads in dicts and sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from campaign.check.values.callables import BoundMethod, Builtin, FuncObj, Partial
from campaign.check.values.class_objects import ClassObj, InstObj
from campaign.check.values.containers import DictObj, ListObj, SetObj, TupleObj
from campaign.check.values.external_values import (
    EXTERNAL,
    Nondeterministic,
    Placeholder,
    Unknown,
)
from campaign.check.values.fingerprints import Unmatched, fingerprint
from campaign.check.values.limits import KEY_PARTS, SIZE, Halt
from campaign.check.values.module_objects import ModuleObj
from campaign.check.values.value import Key, Mutable, Origin, Value, is_constant

LOWERED = 100_000
"""Elements of one object that is lowered, shared ones counted at each occurrence."""
DEPTH = 100


class NotConcrete(Exception):
    """A payload that is not made of constants only."""


class Unhashable(Exception):
    """A payload that Python refuses as a key; the argument is the name of its type."""


def lower(payload: Any) -> Any:
    """The Python object of a payload made of constants only. Raises `NotConcrete`."""
    return payload if is_constant(payload) else _lowered(payload, 0, [LOWERED])


def _lowered(payload: Any, depth: int, left: list[int]) -> Any:
    if is_constant(payload):
        return payload
    left[0] -= 1
    if left[0] < 0:
        raise Halt(f"an object has more than {LOWERED:,} elements", None, "keep the configuration small")
    build = BUILDERS.get(type(payload))
    # An object that contains itself is not made of constants only: the depth ends that, too.
    if build is None or depth > DEPTH or (isinstance(payload, Mutable) and payload.escaped_to):
        raise NotConcrete
    return build(payload, lambda value: _lowered(value.payload, depth + 1, left))


Lower = Callable[[Value], Any]


def _build_tuple(payload: TupleObj, lower: Lower) -> Any:
    if payload.cls is not None:
        raise NotConcrete
    return tuple(map(lower, payload.items))


def _build_dict(payload: DictObj, lower: Lower) -> Any:
    if not payload.is_plain:
        raise NotConcrete
    return {lower(key): lower(item) for key, item in payload.entries.values()}


def _build_set(payload: SetObj, lower: Lower) -> Any:
    # The string of a set of several elements depends on their order, which differs between runs.
    if len(payload.items) > 1:
        raise NotConcrete
    return (frozenset if payload.frozen else set)(map(lower, payload.items.values()))


BUILDERS: dict[type, Callable[[Any, Lower], Any]] = {
    ListObj: lambda payload, lower: list(map(lower, payload.items)),
    TupleObj: _build_tuple, DictObj: _build_dict, SetObj: _build_set,
}  # fmt: skip


def lift(item: Any, origin: Origin) -> Value:
    """A Python object as a value."""
    if isinstance(item, str | bytes):
        check_size(len(item), origin)
    if is_constant(item):
        return Value(item, origin)
    payload: Any
    if isinstance(item, list):
        payload = ListObj([lift(part, origin) for part in item])
    elif isinstance(item, tuple):
        payload = TupleObj(tuple(lift(part, origin) for part in item))
    elif isinstance(item, set | frozenset):
        payload = SetObj({key_of(part): lift(part, origin) for part in item}, isinstance(item, frozenset))
    elif isinstance(item, dict):
        pairs = [(lift(key, origin), lift(part, origin)) for key, part in item.items()]
        payload = DictObj({key_of(key.payload): (key, part) for key, part in pairs})
    else:
        payload = Unknown(f"an object of type {type(item).__name__} is not modelled", "use plain values")
    return Value(payload, origin)


def key_of(payload: Any) -> Key:
    """What identifies a payload in a dict or set. Raises `Unhashable`, `NotConcrete`, or `Halt`.

    A constant is its own key, so that keys collide exactly as Python's do: 1, 1.0 and True are one key."""
    if isinstance(payload, float) and payload != payload:
        raise NotConcrete  # NaN is not equal to itself: a dict finds it by identity
    if is_constant(payload):
        if isinstance(payload, slice):
            raise Unhashable("slice")
        return payload
    if isinstance(payload, type):
        return ("type", payload.__name__)
    make = KEYS.get(type(payload))
    if make is None:
        raise Halt(f"a {type(payload).__name__} is used as a key", None, "use a constant as the key")
    return make(payload)


def _unhashable(payload: Any) -> Key:
    raise Unhashable("list" if isinstance(payload, ListObj) else "dict")


def _tuple_key(payload: TupleObj) -> Key:
    if _count_parts(payload) > KEY_PARTS:
        raise Halt(f"a tuple of more than {KEY_PARTS:,} parts is used as a key", None, "use a shorter key")
    return ("tuple", *(key_of(item.payload) for item in payload.items))


def _set_key(payload: SetObj) -> Key:
    if not payload.frozen:
        raise Unhashable("set")
    return ("frozenset", frozenset(payload.items))


def _count_parts(payload: TupleObj) -> int:
    """Parts of a tuple and of the tuples in it. The count stops above the limit: with shared tuples, a few lines of
    code reach exponentially many parts."""
    count = 0
    stack = [payload]
    while stack and count <= KEY_PARTS:
        inner = stack.pop()
        count += len(inner.items)
        stack.extend(item.payload for item in inner.items if isinstance(item.payload, TupleObj))
    return count


def _instance_key(payload: InstObj) -> Key:
    cls = payload.cls
    value = payload.attrs.get("value")
    if cls.kind == "enum" and cls.builtin not in (None, object) and value is not None:
        return key_of(value.payload)  # a member of an IntEnum is equal to its value, and has its hash
    if cls.kind == "enum":
        return ("member", cls.qualname, id(payload), payload)
    if cls.find("__eq__") is not None or cls.find("__hash__") is not None or cls.options.get("eq"):
        reason = f"an instance of {cls.name}, which defines its own equality, is used as a key"
        raise Halt(reason, None, "use a constant as the key")
    return _identity_key(payload)


def _identity_key(payload: Any) -> Key:
    # The payload is part of its key, so that it is kept alive with the key and its id is not reused.
    return ("object", id(payload), payload)


def _external_key(payload: Any) -> Key:
    try:
        return ("external", fingerprint(payload))
    except Unmatched:
        raise NotConcrete from None


def _no_key(payload: Any) -> Key:
    raise NotConcrete


KEYS: dict[type, Callable[[Any], Key]] = {
    ListObj: _unhashable, DictObj: _unhashable, SetObj: _set_key, TupleObj: _tuple_key, InstObj: _instance_key,
    **dict.fromkeys((FuncObj, ClassObj, ModuleObj, Builtin, BoundMethod, Partial), _identity_key),
    **dict.fromkeys(EXTERNAL, _external_key),
    **dict.fromkeys((Unknown, Nondeterministic, Placeholder), _no_key),
}  # fmt: skip


def is_external_key(key: Key) -> bool:
    """Whether a key is only known at run time: it may equal a key that looks different here."""
    if isinstance(key, tuple) and key:
        return key[0] == "external" or (key[0] == "tuple" and any(is_external_key(part) for part in key[1:]))
    return False


def check_size(count: int, at: Origin) -> None:
    if count > SIZE:
        reason = f"a value has {count:,} elements or characters, more than {SIZE:,}"
        raise Halt(reason, at, "keep the configuration small")
