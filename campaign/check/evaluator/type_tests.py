"""Whether a value is an instance of a class."""

from __future__ import annotations

from campaign.check.evaluator.state import Evaluator
from campaign.check.evaluator.symbolic import symbolic
from campaign.check.values import (
    EXTERNAL,
    ClassObj,
    DictObj,
    ErrorObj,
    ExternalName,
    InstObj,
    ListObj,
    Nondeterministic,
    Origin,
    SetObj,
    TupleObj,
    Unknown,
    Value,
    is_constant,
)
from campaign.check.values.limits import Halt


def is_a(evaluator: Evaluator, value: Value, kind: Value, at: Origin) -> bool:
    payload, wanted = value.payload, kind.payload
    if isinstance(payload, (*EXTERNAL, Unknown, Nondeterministic)) or isinstance(wanted, EXTERNAL):
        return evaluator.truth(symbolic(evaluator, "isinstance", at, value, kind), at)
    if isinstance(wanted, ClassObj):
        own = payload.cls if isinstance(payload, InstObj | TupleObj) else None
        if isinstance(payload, ErrorObj) and isinstance(payload.type, ClassObj):
            own = payload.type
        if any(
            base.payload.name == "typing.Protocol"
            for base in wanted.bases
            if isinstance(base.payload, ExternalName)
        ):
            raise Halt("isinstance() of a protocol", at)
        return own is not None and wanted in own.mro
    if not isinstance(wanted, type):
        raise Halt("isinstance() of something that is not followed", at)
    if wanted is object:
        return True
    kinds: dict[type, type] = {ListObj: list, TupleObj: tuple, DictObj: dict}
    if is_constant(payload):
        return isinstance(payload, wanted)
    if isinstance(payload, SetObj):
        return wanted is (frozenset if payload.frozen else set)
    if isinstance(payload, InstObj):
        return payload.cls.builtin is not None and issubclass(payload.cls.builtin, wanted)
    if isinstance(payload, ErrorObj):
        real = payload.type.builtin if isinstance(payload.type, ClassObj) else payload.type
        return real is not None and issubclass(real, wanted)
    if type(payload) in kinds:
        return kinds[type(payload)] is wanted
    return wanted is type and isinstance(payload, ClassObj | type)
