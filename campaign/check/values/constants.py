"""Between payloads and real Python constants: lowering, lifting, dictionary keys."""

from __future__ import annotations

from typing import Any

from campaign.check.values.callables import BoundMethod, Builtin, FuncObj, Partial
from campaign.check.values.class_objects import ClassObj, InstObj
from campaign.check.values.containers import DictObj, ListObj, SetObj, TupleObj
from campaign.check.values.external_values import (
    ExternalCall,
    ExternalName,
    Nondeterministic,
    SymbolicOperation,
    Unknown,
)
from campaign.check.values.limits import KEY_PARTS, SIZE, Halt
from campaign.check.values.module_objects import ModuleObj
from campaign.check.values.value import Key, Mutable, Origin, Value, is_constant


class NotConcrete(Exception):
    """A payload that is not made of constants only."""


class Unhashable(Exception):
    """A payload that cannot be a key, with its type's name."""


def lower(payload: Any) -> Any:
    """The real Python object of a payload made of constants only. Raises `NotConcrete`."""
    return payload if is_constant(payload) else _lowered(payload, 0, [LOWERED])


LOWERED = 100_000
"""Elements of one object that is lowered, shared ones each time."""


def _lowered(payload: Any, depth: int, left: list[int]) -> Any:
    if is_constant(payload):
        return payload
    left[0] -= 1
    if left[0] < 0:
        raise Halt("computes with an object of too many elements", None, "keep the configuration small")
    if depth > 100 or (isinstance(payload, Mutable) and payload.escaped_to):
        raise NotConcrete
    inner = depth + 1

    def lower(part: Any, depth: int) -> Any:
        return _lowered(part, depth, left)

    if isinstance(payload, ListObj):
        return [lower(item.payload, inner) for item in payload.items]
    if isinstance(payload, TupleObj) and payload.cls is None:
        return tuple(lower(item.payload, inner) for item in payload.items)
    if isinstance(payload, DictObj) and payload.is_plain:
        return {
            lower(key.payload, inner): lower(item.payload, inner) for key, item in payload.entries.values()
        }
    if isinstance(payload, SetObj):
        if len(payload.items) > 1:
            raise NotConcrete  # its text depends on the order, which differs from run to run
        items = [lower(item.payload, inner) for item in payload.items.values()]
        return frozenset(items) if payload.frozen else set(items)
    raise NotConcrete


def lift(item: Any, origin: Origin) -> Value:
    """A real Python object as a value."""
    if is_constant(item):
        if isinstance(item, str | bytes):
            check_size(len(item), origin)
        return Value(item, origin)
    if isinstance(item, list):
        return Value(ListObj([lift(part, origin) for part in item]), origin)
    if isinstance(item, tuple):
        return Value(TupleObj(tuple(lift(part, origin) for part in item)), origin)
    if isinstance(item, set | frozenset):
        parts = {key_of(part): lift(part, origin) for part in item}
        return Value(SetObj(parts, isinstance(item, frozenset)), origin)
    if isinstance(item, dict):
        entries = {}
        for name, part in item.items():
            key = lift(name, origin)
            entries[key_of(key.payload)] = (key, lift(part, origin))
        return Value(DictObj(entries), origin)
    return Value(Unknown(f"a result of type {type(item).__name__}"), origin)


def key_of(payload: Any) -> Key:
    """What identifies a payload in a dict or set. Raises `Unhashable`, `NotConcrete`, or `Halt`."""
    if isinstance(payload, float) and payload != payload:
        raise NotConcrete
    if isinstance(payload, slice):
        raise Unhashable("slice")
    if is_constant(payload):
        return payload
    if isinstance(payload, ListObj | DictObj) or (isinstance(payload, SetObj) and not payload.frozen):
        raise Unhashable({ListObj: "list", DictObj: "dict", SetObj: "set"}[type(payload)])
    if isinstance(payload, TupleObj):
        if _parts(payload, KEY_PARTS) > KEY_PARTS:
            raise Halt(f"uses a tuple of more than {KEY_PARTS:,} parts as a key")
        return ("tuple", *(key_of(item.payload) for item in payload.items))
    if isinstance(payload, SetObj):
        return ("frozenset", frozenset(payload.items))
    if isinstance(payload, type):
        return ("type", payload.__name__)
    if isinstance(payload, InstObj):
        return _instance_key(payload)
    if isinstance(payload, FuncObj | ClassObj | ModuleObj | Builtin | BoundMethod | Partial):
        return ("object", id(payload), payload)
    if isinstance(payload, ExternalName | SymbolicOperation | ExternalCall):
        return ("outside", _external_key(payload))
    if isinstance(payload, Unknown | Nondeterministic):
        raise NotConcrete
    raise Halt(f"uses a {type(payload).__name__} as a key")


def _parts(payload: TupleObj, most: int) -> int:
    """Parts of a tuple and the tuples in it; stops counting above `most`, which a few lines of tuples of tuples
    exceed by far."""
    count = 0
    stack = [payload]
    while stack and count <= most:
        inner = stack.pop()
        count += len(inner.items)
        stack.extend(item.payload for item in inner.items if isinstance(item.payload, TupleObj))
    return count


def _instance_key(payload: InstObj) -> Key:
    cls = payload.cls
    if cls.kind == "enum" and cls.builtin not in (None, object):
        value = payload.attrs.get("value")
        if value is not None:
            return key_of(value.payload)
    if cls.kind == "enum":
        return ("member", cls.qualname, id(payload), payload)
    if cls.find("__eq__") is not None or cls.find("__hash__") is not None or cls.options.get("eq"):
        raise Halt(f"uses an instance of {cls.name}, which has its own equality, as a key")
    return ("object", id(payload), payload)


def _external_key(payload: Any) -> str:
    from campaign.check.values.fingerprints import Unmatched, fingerprint

    try:
        return fingerprint(payload, 0)
    except Unmatched:
        raise NotConcrete from None


def is_external_key(key: Key) -> bool:
    """Whether two such keys with different text may still be the same at run time."""
    if isinstance(key, tuple) and key:
        return key[0] == "outside" or (key[0] == "tuple" and any(is_external_key(part) for part in key[1:]))
    return False


def check_size(count: int, at: Origin) -> None:
    if count > SIZE:
        raise Halt(f"a value of {count:,} elements or characters", at, "keep the configuration small")
