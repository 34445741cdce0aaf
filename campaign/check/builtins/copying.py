"""`copy.copy` and `copy.deepcopy`."""

from __future__ import annotations

from typing import Any

from campaign.check.builtins.pure_functions import one
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


def deep_copy(evaluator: Evaluator, args: Args, site: Site) -> Value:
    return copied(evaluator, one(evaluator, args, site), {}, site.at)


def copied(evaluator: Evaluator, value: Value, memo: dict[int, Any], at: Origin) -> Value:
    """`copy.deepcopy`: own objects anew, shared ones shared in the copy too."""
    payload = value.payload
    evaluator.readable(payload, at)
    if id(payload) in memo:
        return Value(memo[id(payload)], value.origin)
    copy: Any = payload
    if isinstance(payload, ListObj):
        copy = memo[id(payload)] = ListObj([])
        copy.items = [copied(evaluator, item, memo, at) for item in payload.items]
    elif isinstance(payload, TupleObj):
        copy = TupleObj(tuple(copied(evaluator, item, memo, at) for item in payload.items), payload.cls)
    elif isinstance(payload, SetObj):
        copy = SetObj(dict(payload.items), payload.frozen)
    elif isinstance(payload, DictObj):
        copy = memo[id(payload)] = DictObj({}, payload.dialect)
        copy.factory, copy.flags = payload.factory, dict(payload.flags)
        copy.entries = {
            key: (pair[0], copied(evaluator, pair[1], memo, at)) for key, pair in payload.entries.items()
        }
    elif isinstance(payload, InstObj) and payload.cls.kind != "enum":
        copy = memo[id(payload)] = InstObj(payload.cls)
        copy.attrs = {name: copied(evaluator, item, memo, at) for name, item in payload.attrs.items()}
    elif isinstance(payload, ExternalCall):
        copy = memo[id(payload)] = _copied_external_call(evaluator, payload, memo, at)
    elif isinstance(payload, BoundMethod):
        copy = memo[id(payload)] = BoundMethod(
            payload.function, copied(evaluator, payload.receiver, memo, at)
        )
    elif isinstance(payload, IteratorObj | Partial):
        raise Halt(f"deep copy of a {type(payload).__name__.lower()} is not followed", at)
    evaluator.budget.steps -= 1
    return Value(copy, value.origin)


def _copied_external_call(
    evaluator: Evaluator, payload: ExternalCall, memo: dict[int, Any], at: Origin
) -> ExternalCall:
    args = tuple(copied(evaluator, item, memo, at) for item in payload.args)
    kwargs = {name: copied(evaluator, item, memo, at) for name, item in payload.kwargs.items()}
    copy = ExternalCall(payload.callee, args, kwargs, payload.epoch)
    copy.fields = {name: copied(evaluator, item, memo, at) for name, item in payload.fields.items()}
    copy.log = list(payload.log)
    if any(holder.version != version for holder, version in payload.input_versions):
        raise Halt("copies an object built from something that changed afterwards", at, "change it before")
    return copy


def shallow_copy(evaluator: Evaluator, args: Args, site: Site) -> Value:
    value = one(evaluator, args, site)
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
        raise Halt("copy of an iterator is not followed", site.at)
    return Value(copy, Origin(site.at.file, site.at.line, site.at.column, (value.origin,)))
