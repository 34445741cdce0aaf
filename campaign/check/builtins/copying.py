"""`copy.copy` and `copy.deepcopy`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from campaign.check.builtins.arguments import first_argument
from campaign.check.evaluator.state import Args, Evaluator, Site
from campaign.check.values import (
    BoundMethod,
    DictObj,
    ExternalCall,
    InstObj,
    IteratorObj,
    ListObj,
    Origin,
    Partial,
    SetObj,
    TupleObj,
    Value,
)
from campaign.check.values.limits import Halt

Memo = dict[int, Any]
DeepCopy = Callable[[Evaluator, Any, Memo, Origin], Any]


def deep_copy(evaluator: Evaluator, args: Args, site: Site) -> Value:
    return copied(evaluator, first_argument(evaluator, args, site), {}, site.at)


def copied(evaluator: Evaluator, value: Value, memo: Memo, at: Origin) -> Value:
    """`copy.deepcopy`. The memo makes an object that occurs twice one object in the copy too; functions,
    classes and modules are their own copies."""
    payload = value.payload
    evaluator.readable(payload, at)
    if id(payload) in memo:
        return Value(memo[id(payload)], value.origin)
    rule = DEEP_COPIES.get(type(payload))
    evaluator.budget.steps -= 1
    return Value(payload if rule is None else rule(evaluator, payload, memo, at), value.origin)


def _named(evaluator: Evaluator, values: dict[str, Value], memo: Memo, at: Origin) -> dict[str, Value]:
    return {name: copied(evaluator, item, memo, at) for name, item in values.items()}


# A container enters the memo before its parts are copied, because it may contain itself.


def _list(evaluator: Evaluator, payload: ListObj, memo: Memo, at: Origin) -> ListObj:
    copy = memo[id(payload)] = ListObj([])
    copy.items = [copied(evaluator, item, memo, at) for item in payload.items]
    return copy


def _tuple(evaluator: Evaluator, payload: TupleObj, memo: Memo, at: Origin) -> TupleObj:
    return TupleObj(tuple(copied(evaluator, item, memo, at) for item in payload.items), payload.cls)


def _set(evaluator: Evaluator, payload: SetObj, memo: Memo, at: Origin) -> SetObj:
    return SetObj(dict(payload.items), payload.frozen)


def _dict(evaluator: Evaluator, payload: DictObj, memo: Memo, at: Origin) -> DictObj:
    copy = memo[id(payload)] = DictObj({}, payload.dialect)
    copy.factory, copy.flags = payload.factory, dict(payload.flags)
    copy.entries = {
        key: (pair[0], copied(evaluator, pair[1], memo, at)) for key, pair in payload.entries.items()
    }
    return copy


def _instance(evaluator: Evaluator, payload: InstObj, memo: Memo, at: Origin) -> InstObj:
    if payload.cls.kind == "enum":  # `Enum.__deepcopy__` returns the member itself
        return payload
    copy = memo[id(payload)] = InstObj(payload.cls)
    copy.attrs = _named(evaluator, payload.attrs, memo, at)
    return copy


def _external_call(evaluator: Evaluator, payload: ExternalCall, memo: Memo, at: Origin) -> ExternalCall:
    args = tuple(copied(evaluator, item, memo, at) for item in payload.args)
    copy = ExternalCall(payload.callee, args, _named(evaluator, payload.kwargs, memo, at), payload.epoch)
    copy.fields = _named(evaluator, payload.fields, memo, at)
    copy.log = list(payload.log)
    if any(holder.version != version for holder, version in payload.input_versions):
        reason = "the checker cannot copy an object built from something that changed afterwards"
        raise Halt(reason, at, "change it before the object is built")
    memo[id(payload)] = copy
    return copy


def _bound_method(evaluator: Evaluator, payload: BoundMethod, memo: Memo, at: Origin) -> BoundMethod:
    copy = BoundMethod(payload.function, copied(evaluator, payload.receiver, memo, at))
    memo[id(payload)] = copy
    return copy


def _refuse(evaluator: Evaluator, payload: Any, memo: Memo, at: Origin) -> Any:
    kind = {IteratorObj: "an iterator", Partial: "a functools.partial"}[type(payload)]
    raise Halt(
        f"the checker cannot evaluate a deep copy of {kind}: it is not modelled", at, "build a second one"
    )


DEEP_COPIES: dict[type, DeepCopy] = {
    ListObj: _list, TupleObj: _tuple, SetObj: _set, DictObj: _dict, InstObj: _instance,
    ExternalCall: _external_call, BoundMethod: _bound_method, IteratorObj: _refuse, Partial: _refuse,
}  # fmt: skip


def shallow_copy(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`copy.copy`: a new container with the same parts."""
    value = first_argument(evaluator, args, site)
    payload = value.payload
    evaluator.readable(payload, site.at)
    copy: Any = payload
    if isinstance(payload, ListObj):
        copy = ListObj(list(payload.items))
    elif isinstance(payload, SetObj):
        copy = SetObj(dict(payload.items), payload.frozen)
    elif isinstance(payload, DictObj):
        copy = DictObj(dict(payload.entries), payload.dialect)
        copy.factory, copy.flags = payload.factory, dict(payload.flags)
    elif isinstance(payload, InstObj) and payload.cls.kind != "enum":
        copy = InstObj(payload.cls, dict(payload.attrs))
    elif isinstance(payload, ExternalCall):
        copy = ExternalCall(payload.callee, payload.args, dict(payload.kwargs), payload.epoch)
        copy.fields, copy.log = dict(payload.fields), list(payload.log)
    elif isinstance(payload, IteratorObj):
        raise Halt(
            "the checker cannot evaluate a copy of an iterator: it is not modelled",
            site.at,
            "make a list of it",
        )
    return Value(copy, Origin(site.at.file, site.at.line, site.at.column, (value.origin,)))
