"""`copy.copy` and `copy.deepcopy`."""

from __future__ import annotations

from typing import Any

from campaign.check.limits import Halt
from campaign.check.machine import Args, Machine, Site
from campaign.check.pure_functions import one
from campaign.check.values import (
    Bound,
    DictObj,
    InstObj,
    Iter,
    ListObj,
    Opaque,
    Origin,
    Partial,
    SetObj,
    TupleObj,
    Value,
)


def deep_copy(machine: Machine, args: Args, site: Site) -> Value:
    return copied(machine, one(machine, args, site), {}, site.at)


def copied(machine: Machine, value: Value, memo: dict[int, Any], at: Origin) -> Value:
    """`copy.deepcopy`: own objects anew, shared ones shared in the copy too."""
    payload = value.payload
    machine.readable(payload, at)
    if id(payload) in memo:
        return Value(memo[id(payload)], value.origin)
    copy: Any = payload
    if isinstance(payload, ListObj):
        copy = memo[id(payload)] = ListObj([])
        copy.items = [copied(machine, item, memo, at) for item in payload.items]
    elif isinstance(payload, TupleObj):
        copy = TupleObj(tuple(copied(machine, item, memo, at) for item in payload.items), payload.cls)
    elif isinstance(payload, SetObj):
        copy = SetObj(dict(payload.items), payload.frozen)
    elif isinstance(payload, DictObj):
        copy = memo[id(payload)] = DictObj({}, payload.flavour)
        copy.factory, copy.flags = payload.factory, dict(payload.flags)
        copy.entries = {
            key: (pair[0], copied(machine, pair[1], memo, at)) for key, pair in payload.entries.items()
        }
    elif isinstance(payload, InstObj) and payload.cls.kind != "enum":
        copy = memo[id(payload)] = InstObj(payload.cls)
        copy.attrs = {name: copied(machine, item, memo, at) for name, item in payload.attrs.items()}
    elif isinstance(payload, Opaque):
        copy = memo[id(payload)] = _copied_opaque(machine, payload, memo, at)
    elif isinstance(payload, Bound):
        copy = memo[id(payload)] = Bound(payload.function, copied(machine, payload.receiver, memo, at))
    elif isinstance(payload, Iter | Partial):
        raise Halt(f"deep copy of a {type(payload).__name__.lower()} is not followed", at)
    machine.budget.steps -= 1
    return Value(copy, value.origin)


def _copied_opaque(machine: Machine, payload: Opaque, memo: dict[int, Any], at: Origin) -> Opaque:
    args = tuple(copied(machine, item, memo, at) for item in payload.args)
    kwargs = {name: copied(machine, item, memo, at) for name, item in payload.kwargs.items()}
    copy = Opaque(payload.callee, args, kwargs, payload.epoch)
    copy.fields = {name: copied(machine, item, memo, at) for name, item in payload.fields.items()}
    copy.log = list(payload.log)
    if any(holder.version != version for holder, version in payload.captured):
        raise Halt("copies an object built from something that changed afterwards", at, "change it before")
    return copy


def shallow_copy(machine: Machine, args: Args, site: Site) -> Value:
    value = one(machine, args, site)
    payload = value.payload
    machine.readable(payload, site.at)
    copy: Any = payload
    if isinstance(payload, ListObj):
        copy = ListObj(list(payload.items))
    elif isinstance(payload, SetObj):
        copy = SetObj(dict(payload.items), payload.frozen)
    elif isinstance(payload, DictObj):
        copy = DictObj(dict(payload.entries), payload.flavour)
        copy.factory, copy.flags = payload.factory, dict(payload.flags)
    elif isinstance(payload, InstObj) and payload.cls.kind != "enum":
        copy = InstObj(payload.cls, dict(payload.attrs))
    elif isinstance(payload, Opaque):
        copy = Opaque(payload.callee, payload.args, dict(payload.kwargs), payload.epoch)
        copy.fields, copy.log = dict(payload.fields), list(payload.log)
    elif isinstance(payload, Iter):
        raise Halt("copy of an iterator is not followed", site.at)
    return Value(copy, Origin(site.at.file, site.at.line, site.at.column, (value.origin,)))
