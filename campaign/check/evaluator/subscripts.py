"""Subscripts: reading, setting and deleting `holder[index]`."""

from __future__ import annotations

from campaign.check.evaluator.dispatch import DELETE_ITEM, GET_ITEM, SET_ITEM
from campaign.check.evaluator.effects import external_effect, external_object_effect
from campaign.check.evaluator.hashed_containers import hashed, may_collide, store, write_item
from campaign.check.evaluator.membership import namespace_has
from campaign.check.evaluator.state import Args, Evaluator
from campaign.check.evaluator.symbolic import symbolic
from campaign.check.evaluator.type_tests import type_name
from campaign.check.values import (
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
    is_unevaluated,
    unwrap_enum,
)
from campaign.check.values.constants import NotConcrete, is_external_key, lift
from campaign.check.values.limits import CHARACTERS_A_STEP, ELEMENTS_A_STEP, Halt


def _symbolic_item(evaluator: Evaluator, holder: Value, index: Value, at: Origin) -> Value:
    return symbolic(evaluator, "[]", at, holder, index)


def _no_items(evaluator: Evaluator, holder: Value, index: Value, at: Origin) -> Value:
    if is_constant(holder.payload) and not is_constant(index.payload):
        return symbolic(evaluator, "[]", at, holder, index)
    raise evaluator.error(TypeError, "object is not subscriptable", at)


def _constant_item(evaluator: Evaluator, holder: Value, index: Value, at: Origin) -> Value:
    if not is_constant(index.payload):
        return symbolic(evaluator, "[]", at, holder, index)
    try:
        found = holder.payload[index.payload]
    except Exception as error:
        raise evaluator.error(type(error), str(error), at) from None
    evaluator.charge((0 if isinstance(found, int | range) else len(found)) // CHARACTERS_A_STEP, at)
    return lift(found, at)


def _class_item(evaluator: Evaluator, holder: Value, index: Value, at: Origin) -> Value:
    payload: ClassObj = holder.payload
    if payload.kind != "enum":
        return holder  # `Generic[T]` constructs, inherits and compares as the class does
    # `Color["RED"]` is a lookup by name, aliases included.
    member = payload.members.get(index.payload) if isinstance(index.payload, str) else None
    if member is None:
        raise evaluator.error(KeyError, str(index.payload), at)
    return Value(member, at)


def _instance_item(evaluator: Evaluator, holder: Value, index: Value, at: Origin) -> Value:
    if holder.payload.cls.find("__getitem__") is None:
        return _no_items(evaluator, holder, index, at)
    return evaluator.call_method(holder, "__getitem__", Args([index]), at)


def _name_item(evaluator: Evaluator, holder: Value, index: Value, at: Origin) -> Value:
    if holder.payload.name == "os.environ":
        # The number of effects so far is an operand, since any of them may have set the variable.
        return symbolic(evaluator, "os.environ[]", at, index, Value(len(evaluator.effects), at))
    return symbolic(evaluator, "[]", at, holder, index)


def _namespace_item(evaluator: Evaluator, holder: Value, index: Value, at: Origin) -> Value:
    payload: Namespace = holder.payload
    if not namespace_has(payload, index.payload, at):
        raise evaluator.error(KeyError, str(index.payload), at)
    return payload.names[index.payload]


def _dict_item(evaluator: Evaluator, holder: Value, index: Value, at: Origin) -> Value:
    payload: DictObj = holder.payload
    try:
        key = hashed(evaluator, index.payload, at)
    except NotConcrete:
        # Which entry it is, and whether there is one, is decided at run time.
        return symbolic(evaluator, "[]", at, holder, index)
    pair = payload.entries.get(key)
    if pair is not None and is_external_key(key):
        # An entry that was written after this one may have the same key at run time, and would then replace it.
        is_last = list(payload.entries)[-1] == key
        return _with_index(pair[1], index) if is_last else symbolic(evaluator, "[]", at, holder, index)
    # An entry whose key is only known at run time may be the one that is looked up, or may have replaced it.
    if payload.entries and may_collide((key, *payload.entries)):
        return symbolic(evaluator, "[]", at, holder, index)
    if pair is not None:
        return _with_index(pair[1], index)
    if payload.factory is not None:  # `defaultdict` stores what its factory returns
        made = evaluator.call(payload.factory, Args([]), at, None)
        store(evaluator, payload, index, made, at)
        return made
    raise evaluator.error(KeyError, str(index.payload), at)


def _with_index(value: Value, index: Value) -> Value:
    """The element, with the origin of its index."""
    # Which element is read depends on the index: a field under test that serves as an index flows into the element.
    if index.origin.kind == "literal":
        return value
    origin = value.origin
    return Value(value.payload, Origin(origin.file, origin.line, origin.column, (origin, index.origin)))


def _sequence_item(evaluator: Evaluator, holder: Value, index: Value, at: Origin) -> Value:
    payload: ListObj | TupleObj = holder.payload
    position = unwrap_enum(index).payload  # a member of an IntEnum is an index
    # A slice of a list is a new list; the elements are shared. A slice of a named tuple is a plain tuple.
    if isinstance(position, slice):
        try:
            part = payload.items[position]
        except (TypeError, ValueError) as error:
            raise evaluator.error(type(error), str(error), at) from None
        evaluator.charge(len(part) // ELEMENTS_A_STEP, at)
        return Value(ListObj(list(part)) if isinstance(payload, ListObj) else TupleObj(tuple(part)), at)
    if isinstance(position, int):
        try:
            return _with_index(payload.items[position], index)
        except IndexError:
            raise evaluator.error(IndexError, "index out of range", at) from None
    if is_unevaluated(position):
        return symbolic(evaluator, "[]", at, holder, index)
    raise evaluator.error(TypeError, "indices must be integers or slices", at)


def _alias(evaluator: Evaluator, holder: Value, index: Value, at: Origin) -> Value:
    # `list[int]` is an annotation or an alias, and evaluating it cannot fail.
    return symbolic(evaluator, "[]", at, holder, index, may_raise=False)


GET_ITEM.update(
    {
        DictObj: _dict_item, ListObj: _sequence_item, TupleObj: _sequence_item, Namespace: _namespace_item,
        str: _constant_item, bytes: _constant_item, range: _constant_item, ExternalName: _name_item,
        ClassObj: _class_item, InstObj: _instance_item, type: _alias, ExternalCall: _symbolic_item,
        SymbolicOperation: _symbolic_item, Unknown: _symbolic_item, Nondeterministic: _symbolic_item, object: _no_items,
    }
)  # fmt: skip


def _set_dict(evaluator: Evaluator, holder: Value, index: Value, value: Value, at: Origin) -> None:
    write_item(evaluator, holder.payload, index, value, at)


def _set_list(evaluator: Evaluator, holder: Value, index: Value, value: Value, at: Origin) -> None:
    payload: ListObj = holder.payload
    position = unwrap_enum(index).payload
    payload.version += 1
    # The elements are read before the list changes, so `xs[:] = xs` keeps them.
    if isinstance(position, slice):
        items = [evaluator.with_control_origin(item) for item in evaluator.elements(value, at)]
        try:
            payload.items[position] = items
        except (TypeError, ValueError) as error:
            raise evaluator.error(type(error), str(error), at) from None
    elif isinstance(position, int):
        try:
            payload.items[position] = evaluator.with_control_origin(value)
        except IndexError:
            raise evaluator.error(IndexError, "assignment index out of range", at) from None
    else:
        raise Halt("the code sets an item at an index only known at run time", at, "use a constant index")


def settable_name(name: Value, at: Origin) -> str:
    """A name that is set through `globals()` or `vars(x)`."""
    if not isinstance(name.payload, str):
        raise Halt("the code sets a name that is only known at run time", at, "use a constant name")
    if name.payload.startswith("__"):
        raise Halt(
            f"the code sets {name.payload}, which is not modelled", at, "use a name without underscores"
        )
    return name.payload


def _set_namespace(evaluator: Evaluator, holder: Value, index: Value, value: Value, at: Origin) -> None:
    holder.payload.names[settable_name(index, at)] = evaluator.with_control_origin(value)
    holder.payload.changed()


def _set_name(evaluator: Evaluator, holder: Value, index: Value, value: Value, at: Origin) -> None:
    external_effect(evaluator, "__setitem__", holder, Args([index, value]), at)


def _set_external(evaluator: Evaluator, holder: Value, index: Value, value: Value, at: Origin) -> None:
    args = Args([index, evaluator.with_control_origin(value)])
    external_object_effect(evaluator, holder, "__setitem__", args, at)


def _set_instance(evaluator: Evaluator, holder: Value, index: Value, value: Value, at: Origin) -> None:
    if holder.payload.cls.find("__setitem__") is None:
        _no_item_assignment(evaluator, holder, index, value, at)
    evaluator.call_method(holder, "__setitem__", Args([index, value]), at)


def _refuse_item(evaluator: Evaluator, holder: Value, index: Value, value: Value, at: Origin) -> None:
    raise Halt("the code sets an item of an unknown value", at, "set it in the configuration")


def _no_item_assignment(evaluator: Evaluator, holder: Value, index: Value, value: Value, at: Origin) -> None:
    raise evaluator.error(TypeError, "object does not support item assignment", at)


SET_ITEM.update(
    {
        DictObj: _set_dict, ListObj: _set_list, Namespace: _set_namespace, ExternalName: _set_name,
        ExternalCall: _set_external, SymbolicOperation: _set_external, InstObj: _set_instance,
        FuncObj: _refuse_item, Unknown: _refuse_item, Nondeterministic: _refuse_item, object: _no_item_assignment,
    }
)  # fmt: skip


def _delete_from_dict(evaluator: Evaluator, holder: Value, index: Value, at: Origin) -> None:
    payload: DictObj = holder.payload
    try:
        key = hashed(evaluator, index.payload, at)
    except NotConcrete:
        raise Halt(
            "the code deletes a key that is only known at run time", at, "use a constant as the key"
        ) from None
    if may_collide((key, *payload.entries)):
        raise Halt(
            "a dict from which a key is deleted has a key only known at run time", at, "use constants as keys"
        )
    if key not in payload.entries:
        raise evaluator.error(KeyError, str(index.payload), at)
    del payload.entries[key]
    payload.version += 1


def _delete_from_list(evaluator: Evaluator, holder: Value, index: Value, at: Origin) -> None:
    # An index from an external value, or an object with `__index__`.
    if not isinstance(index.payload, int | slice):
        raise Halt("the code deletes an item at an index only known at run time", at, "use a constant index")
    try:
        del holder.payload.items[index.payload]
    except (IndexError, TypeError, ValueError) as error:
        raise evaluator.error(type(error), str(error), at) from None
    holder.payload.version += 1


def _delete_from_namespace(evaluator: Evaluator, holder: Value, index: Value, at: Origin) -> None:
    if not namespace_has(holder.payload, index.payload, at):
        raise evaluator.error(KeyError, str(index.payload), at)
    del holder.payload.names[index.payload]
    holder.payload.changed()


def _delete_from_name(evaluator: Evaluator, holder: Value, index: Value, at: Origin) -> None:
    external_effect(evaluator, "__delitem__", holder, Args([index]), at)


def _delete_from_external(evaluator: Evaluator, holder: Value, index: Value, at: Origin) -> None:
    external_object_effect(evaluator, holder, "__delitem__", Args([index]), at)


def _refuse_deletion(evaluator: Evaluator, holder: Value, index: Value, at: Origin) -> None:
    reason = f"the code deletes an item of a {type_name(holder.payload)}, which is not modelled"
    raise Halt(reason, at, "leave the item out in the first place")


DELETE_ITEM.update(
    {
        DictObj: _delete_from_dict, ListObj: _delete_from_list, Namespace: _delete_from_namespace,
        ExternalName: _delete_from_name, ExternalCall: _delete_from_external, SymbolicOperation: _delete_from_external,
        object: _refuse_deletion,
    }
)  # fmt: skip
