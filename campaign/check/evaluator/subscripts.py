"""`holder[index]`: read, set, delete."""

from __future__ import annotations

from typing import Any

from campaign.check.evaluator.comparisons import namespace_has, settable_name
from campaign.check.evaluator.mappings import store, write_item
from campaign.check.evaluator.operators import unwrap_enum
from campaign.check.evaluator.state import OPERATIONS, Args, Evaluator
from campaign.check.evaluator.symbolic import external_effect, external_object_effect, symbolic
from campaign.check.values import (
    EXTERNAL,
    ClassObj,
    DictObj,
    ExternalCall,
    ExternalName,
    FuncObj,
    InstObj,
    ListObj,
    Namespace,
    Nondeterministic,
    Origin,
    SymbolicOperation,
    TupleObj,
    Unknown,
    Value,
    is_constant,
)
from campaign.check.values.constants import NotConcrete, Unhashable, is_external_key, key_of, lift
from campaign.check.values.limits import CHARACTERS_A_STEP, ELEMENTS_A_STEP, Halt


def get_item(evaluator: Evaluator, holder: Value, index: Value, at: Origin) -> Value:
    payload = holder.payload
    evaluator.readable(payload, at)
    if isinstance(payload, DictObj):
        return dict_item(evaluator, holder, payload, index, at)
    if isinstance(payload, ListObj | TupleObj):
        return sequence_item(evaluator, holder, payload, index, at)
    if isinstance(payload, Namespace):
        if not namespace_has(payload, index.payload, at):
            raise evaluator.error(KeyError, str(index.payload), at)
        return payload.names[index.payload]
    if isinstance(payload, str | bytes | range) and is_constant(index.payload):
        try:
            found = payload[index.payload]
            evaluator.charge((0 if isinstance(found, int | range) else len(found)) // CHARACTERS_A_STEP, at)
            return lift(found, at)
        except Halt:
            raise
        except Exception as error:
            raise evaluator.error(type(error), str(error), at) from None
    if isinstance(payload, ExternalName) and payload.name == "os.environ":
        return symbolic(evaluator, "os.environ[]", at, index, Value(len(evaluator.effects), at))
    if isinstance(payload, ClassObj):
        return class_item(evaluator, holder, payload, index, at)
    if isinstance(payload, type):
        return symbolic(evaluator, "[]", at, holder, index, may_raise=False)
    if isinstance(payload, InstObj) and payload.cls.find("__getitem__") is not None:
        return evaluator.call_method(holder, "__getitem__", Args([index]), at)
    if isinstance(payload, (*EXTERNAL, Unknown, Nondeterministic)) or (
        is_constant(payload) and not is_constant(index.payload)
    ):
        return symbolic(evaluator, "[]", at, holder, index)
    raise evaluator.error(TypeError, "object is not subscriptable", at)


def class_item(evaluator: Evaluator, holder: Value, payload: ClassObj, index: Value, at: Origin) -> Value:
    if payload.kind == "enum":
        member = payload.members.get(index.payload) if isinstance(index.payload, str) else None
        if member is None:
            raise evaluator.error(KeyError, str(index.payload), at)
        return Value(member, at)
    return holder  # Generic[T] at run time is the class for all that a configuration does


def dict_item(evaluator: Evaluator, holder: Value, payload: DictObj, index: Value, at: Origin) -> Value:
    try:
        key = key_of(index.payload)
    except Unhashable as error:
        raise evaluator.error(TypeError, f"unhashable type: '{error}'", at) from None
    except NotConcrete:
        return symbolic(evaluator, "[]", at, holder, index)
    pair = payload.entries.get(key)
    if pair is not None:
        if is_external_key(key) or not any(is_external_key(other) for other in payload.entries):
            if _symbolic_item(payload, key):
                return symbolic(evaluator, "[]", at, holder, index)
            return _with_index(pair[1], index)
        return symbolic(evaluator, "[]", at, holder, index)
    if any(is_external_key(other) for other in payload.entries) or (is_external_key(key) and payload.entries):
        return symbolic(evaluator, "[]", at, holder, index)
    if payload.factory is not None:
        made = evaluator.call(payload.factory, Args([]), at, None)
        store(evaluator, payload, index, made, at)
        return made
    raise evaluator.error(KeyError, str(index.payload), at)


def _symbolic_item(payload: DictObj, key: Any) -> bool:
    """Whether another key, written after this run-time key, might be the same."""
    return is_external_key(key) and list(payload.entries)[-1] != key


def _with_index(value: Value, index: Value) -> Value:
    """What is read depends on the key as well, unless it is written there."""
    if index.origin.kind == "literal":
        return value
    origin = value.origin
    return Value(value.payload, Origin(origin.file, origin.line, origin.column, (origin, index.origin)))


def sequence_item(
    evaluator: Evaluator, holder: Value, payload: ListObj | TupleObj, index: Value, at: Origin
) -> Value:
    position = _plain_index(index)
    if isinstance(position, slice):
        try:
            part = payload.items[position]
        except (TypeError, ValueError) as error:
            raise evaluator.error(type(error), str(error), at) from None
        evaluator.charge(len(part) // ELEMENTS_A_STEP, at)
        if isinstance(payload, ListObj):
            assert isinstance(part, list)
            return Value(ListObj(list(part)), at)
        return Value(TupleObj(tuple(part)), at)
    if isinstance(position, int):
        try:
            item: Value = payload.items[position]
        except IndexError:
            raise evaluator.error(IndexError, "index out of range", at) from None
        return _with_index(item, index)
    if isinstance(position, (*EXTERNAL, Unknown, Nondeterministic)):
        return symbolic(evaluator, "[]", at, holder, index)
    raise evaluator.error(TypeError, "indices must be integers or slices", at)


def _plain_index(index: Value) -> Any:
    return unwrap_enum(index).payload


def set_item(evaluator: Evaluator, holder: Value, index: Value, value: Value, at: Origin) -> None:
    payload = holder.payload
    if isinstance(payload, DictObj):
        write_item(evaluator, payload, index, value, at)
    elif isinstance(payload, ListObj):
        _set_sequence(evaluator, payload, index, value, at)
    elif isinstance(payload, Namespace):
        payload.names[settable_name(index, at)] = evaluator.with_control_origin(value)
        payload.changed()
    elif isinstance(payload, ExternalName):
        external_effect(evaluator, "__setitem__", holder, Args([index, value]), at)
    elif isinstance(payload, ExternalCall | SymbolicOperation):
        external_object_effect(
            evaluator, holder, "__setitem__", Args([index, evaluator.with_control_origin(value)]), at
        )
    elif isinstance(payload, InstObj) and payload.cls.find("__setitem__") is not None:
        evaluator.call_method(holder, "__setitem__", Args([index, value]), at)
    elif isinstance(payload, Unknown | Nondeterministic | FuncObj):
        raise Halt("sets an item of a value that cannot be known", at)
    else:
        raise evaluator.error(TypeError, "object does not support item assignment", at)


def _set_sequence(evaluator: Evaluator, payload: ListObj, index: Value, value: Value, at: Origin) -> None:
    position = _plain_index(index)
    payload.version += 1
    if isinstance(position, slice):
        try:
            payload.items[position] = [
                evaluator.with_control_origin(item) for item in evaluator.elements(value, at)
            ]
        except (TypeError, ValueError) as error:
            raise evaluator.error(type(error), str(error), at) from None
    elif isinstance(position, int):
        try:
            payload.items[position] = evaluator.with_control_origin(value)
        except IndexError:
            raise evaluator.error(IndexError, "assignment index out of range", at) from None
    else:
        raise Halt("sets an item at an index only known at run time", at, "use a constant index")


def delete_item(evaluator: Evaluator, holder: Value, index: Value, at: Origin) -> None:
    payload = holder.payload
    if isinstance(payload, DictObj):
        key = key_of(index.payload)
        if is_external_key(key) or any(is_external_key(other) for other in payload.entries):
            raise Halt("deletes among keys only known at run time", at)
        if key not in payload.entries:
            raise evaluator.error(KeyError, str(index.payload), at)
        del payload.entries[key]
        payload.version += 1
    elif isinstance(payload, ListObj) and isinstance(index.payload, int | slice):
        try:
            del payload.items[index.payload]
        except (IndexError, TypeError, ValueError) as error:
            raise evaluator.error(type(error), str(error), at) from None
        payload.version += 1
    elif isinstance(payload, Namespace):
        if not namespace_has(payload, index.payload, at):
            raise evaluator.error(KeyError, str(index.payload), at)
        del payload.names[index.payload]
        payload.changed()
    elif isinstance(payload, ExternalName):
        external_effect(evaluator, "__delitem__", holder, Args([index]), at)
    elif isinstance(payload, ExternalCall | SymbolicOperation):
        external_object_effect(evaluator, holder, "__delitem__", Args([index]), at)
    else:
        raise Halt("deletes an item of an object that is not followed", at)


OPERATIONS.get_item = get_item
OPERATIONS.set_item = set_item
OPERATIONS.delete_item = delete_item
