"""`holder[index]`: read, set, delete."""

from __future__ import annotations

from typing import Any

from campaign.check.comparisons import has_name, plain_name
from campaign.check.constants import NotConcrete, Unhashable, is_outside_key, key_of, lift
from campaign.check.limits import CHARACTERS_A_STEP, ELEMENTS_A_STEP, Halt
from campaign.check.machine import Args, Machine
from campaign.check.operators import store
from campaign.check.outside import opaque_effect, outside_effect, term
from campaign.check.values import (
    OUTSIDE,
    ClassObj,
    DictObj,
    FuncObj,
    InstObj,
    ListObj,
    Namespace,
    Nondet,
    Opaque,
    Origin,
    Sym,
    Term,
    TupleObj,
    Unknown,
    Value,
    is_constant,
)


def get_item(machine: Machine, holder: Value, index: Value, at: Origin) -> Value:
    payload = holder.payload
    machine.readable(payload, at)
    if isinstance(payload, DictObj):
        return dict_item(machine, holder, payload, index, at)
    if isinstance(payload, ListObj | TupleObj):
        return sequence_item(machine, holder, payload, index, at)
    if isinstance(payload, Namespace):
        if not has_name(payload, index.payload, at):
            raise machine.error(KeyError, str(index.payload), at)
        return payload.names[index.payload]
    if isinstance(payload, str | bytes | range) and is_constant(index.payload):
        try:
            found = payload[index.payload]
            machine.charge((0 if isinstance(found, int | range) else len(found)) // CHARACTERS_A_STEP, at)
            return lift(found, at)
        except Halt:
            raise
        except Exception as error:
            raise machine.error(type(error), str(error), at) from None
    if isinstance(payload, Sym) and payload.name == "os.environ":
        return term(machine, "os.environ[]", at, index, Value(len(machine.effects), at))
    if isinstance(payload, ClassObj):
        return class_item(machine, holder, payload, index, at)
    if isinstance(payload, type):
        return term(machine, "[]", at, holder, index, may_raise=False)
    if isinstance(payload, InstObj) and payload.cls.find("__getitem__") is not None:
        from campaign.check.calls import call_method

        return call_method(machine, holder, "__getitem__", Args([index]), at)
    if isinstance(payload, (*OUTSIDE, Unknown, Nondet)) or (
        is_constant(payload) and not is_constant(index.payload)
    ):
        return term(machine, "[]", at, holder, index)
    raise machine.error(TypeError, "object is not subscriptable", at)


def class_item(machine: Machine, holder: Value, payload: ClassObj, index: Value, at: Origin) -> Value:
    if payload.kind == "enum":
        member = payload.members.get(index.payload) if isinstance(index.payload, str) else None
        if member is None:
            raise machine.error(KeyError, str(index.payload), at)
        return Value(member, at)
    return holder  # Generic[T] at run time is the class for all that a configuration does


def dict_item(machine: Machine, holder: Value, payload: DictObj, index: Value, at: Origin) -> Value:
    try:
        key = key_of(index.payload)
    except Unhashable as error:
        raise machine.error(TypeError, f"unhashable type: '{error}'", at) from None
    except NotConcrete:
        return term(machine, "[]", at, holder, index)
    pair = payload.entries.get(key)
    if pair is not None:
        if is_outside_key(key) or not any(is_outside_key(other) for other in payload.entries):
            if _later_outside(payload, key):
                return term(machine, "[]", at, holder, index)
            return _with_index(pair[1], index)
        return term(machine, "[]", at, holder, index)
    if any(is_outside_key(other) for other in payload.entries) or (is_outside_key(key) and payload.entries):
        return term(machine, "[]", at, holder, index)
    if payload.factory is not None:
        from campaign.check.calls import call

        made = call(machine, payload.factory, Args([]), at, None)
        store(machine, payload, index, made, at)
        return made
    raise machine.error(KeyError, str(index.payload), at)


def _later_outside(payload: DictObj, key: Any) -> bool:
    """Whether another key, written after this run-time key, might be the same."""
    return is_outside_key(key) and list(payload.entries)[-1] != key


def _with_index(value: Value, index: Value) -> Value:
    """What is read depends on the key as well, unless it is written there."""
    if index.origin.kind == "literal":
        return value
    origin = value.origin
    return Value(value.payload, Origin(origin.file, origin.line, origin.column, (origin, index.origin)))


def sequence_item(
    machine: Machine, holder: Value, payload: ListObj | TupleObj, index: Value, at: Origin
) -> Value:
    position = _plain_index(index)
    if isinstance(position, slice):
        try:
            part = payload.items[position]
        except (TypeError, ValueError) as error:
            raise machine.error(type(error), str(error), at) from None
        machine.charge(len(part) // ELEMENTS_A_STEP, at)
        if isinstance(payload, ListObj):
            assert isinstance(part, list)
            return Value(ListObj(list(part)), at)
        return Value(TupleObj(tuple(part)), at)
    if isinstance(position, int):
        try:
            item: Value = payload.items[position]
        except IndexError:
            raise machine.error(IndexError, "index out of range", at) from None
        return _with_index(item, index)
    if isinstance(position, (*OUTSIDE, Unknown, Nondet)):
        return term(machine, "[]", at, holder, index)
    raise machine.error(TypeError, "indices must be integers or slices", at)


def _plain_index(index: Value) -> Any:
    from campaign.check.operators import unwrapped

    return unwrapped(index).payload


def set_item(machine: Machine, holder: Value, index: Value, value: Value, at: Origin) -> None:
    payload = holder.payload
    if isinstance(payload, DictObj):
        if payload.flavour:
            from campaign.check.dialects.mappings import set_mapping_item

            set_mapping_item(machine, payload, index, value, at)
        else:
            store(machine, payload, index, value, at)
    elif isinstance(payload, ListObj):
        _set_sequence(machine, payload, index, value, at)
    elif isinstance(payload, Namespace):
        payload.names[plain_name(index, at)] = machine.bound(value)
        payload.changed()
    elif isinstance(payload, Sym):
        outside_effect(machine, "__setitem__", holder, Args([index, value]), at)
    elif isinstance(payload, Opaque | Term):
        opaque_effect(machine, holder, "__setitem__", Args([index, machine.bound(value)]), at)
    elif isinstance(payload, InstObj) and payload.cls.find("__setitem__") is not None:
        from campaign.check.calls import call_method

        call_method(machine, holder, "__setitem__", Args([index, value]), at)
    elif isinstance(payload, Unknown | Nondet | FuncObj):
        raise Halt("sets an item of a value that cannot be known", at)
    else:
        raise machine.error(TypeError, "object does not support item assignment", at)


def _set_sequence(machine: Machine, payload: ListObj, index: Value, value: Value, at: Origin) -> None:
    position = _plain_index(index)
    payload.version += 1
    if isinstance(position, slice):
        from campaign.check.iteration import elements

        try:
            payload.items[position] = [machine.bound(item) for item in elements(machine, value, at)]
        except (TypeError, ValueError) as error:
            raise machine.error(type(error), str(error), at) from None
    elif isinstance(position, int):
        try:
            payload.items[position] = machine.bound(value)
        except IndexError:
            raise machine.error(IndexError, "assignment index out of range", at) from None
    else:
        raise Halt("sets an item at an index only known at run time", at, "use a constant index")


def delete_item(machine: Machine, holder: Value, index: Value, at: Origin) -> None:
    payload = holder.payload
    if isinstance(payload, DictObj):
        key = key_of(index.payload)
        if is_outside_key(key) or any(is_outside_key(other) for other in payload.entries):
            raise Halt("deletes among keys only known at run time", at)
        if key not in payload.entries:
            raise machine.error(KeyError, str(index.payload), at)
        del payload.entries[key]
        payload.version += 1
    elif isinstance(payload, ListObj) and isinstance(index.payload, int | slice):
        try:
            del payload.items[index.payload]
        except (IndexError, TypeError, ValueError) as error:
            raise machine.error(type(error), str(error), at) from None
        payload.version += 1
    elif isinstance(payload, Namespace):
        if not has_name(payload, index.payload, at):
            raise machine.error(KeyError, str(index.payload), at)
        del payload.names[index.payload]
        payload.changed()
    elif isinstance(payload, Sym):
        outside_effect(machine, "__delitem__", holder, Args([index]), at)
    elif isinstance(payload, Opaque | Term):
        opaque_effect(machine, holder, "__delitem__", Args([index]), at)
    else:
        raise Halt("deletes an item of an object that is not followed", at)
