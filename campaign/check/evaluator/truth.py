"""The truth of a value, as `if`, `and`, `not` and `bool()` test it."""

from __future__ import annotations

from campaign.check.evaluator.dispatch import TRUTH
from campaign.check.evaluator.state import Args, Evaluator
from campaign.check.evaluator.symbolic import decide
from campaign.check.values import (
    EXTERNAL,
    DictObj,
    InstObj,
    ListObj,
    Namespace,
    Nondeterministic,
    Origin,
    SetObj,
    TupleObj,
    Unknown,
    Value,
    View,
    is_constant,
    unwrap_enum,
)


def _constant_or_true(evaluator: Evaluator, value: Value, at: Origin) -> bool:
    # An object is true unless its class defines `__bool__` or `__len__`; functions, classes and modules do not.
    return bool(value.payload) if is_constant(value.payload) else True


def _instance_truth(evaluator: Evaluator, value: Value, at: Origin) -> bool:
    payload: InstObj = value.payload
    plain = unwrap_enum(value)
    if plain is not value:  # a member of an IntEnum or StrEnum is as true as its value
        return evaluator.truth(plain, at)
    # `__len__` is called only when the class has no `__bool__`.
    for name in ("__bool__", "__len__"):
        if payload.cls.find(name) is not None:
            return evaluator.truth(evaluator.call_method(value, name, Args([]), at), at)
    return True


TRUTH.update(
    {
        **dict.fromkeys((ListObj, TupleObj, SetObj), lambda evaluator, value, at: bool(value.payload.items)),
        **dict.fromkeys((*EXTERNAL, Unknown, Nondeterministic), decide),
        DictObj: lambda evaluator, value, at: bool(value.payload.entries),
        Namespace: lambda evaluator, value, at: bool(value.payload.names),
        View: lambda evaluator, value, at: bool(value.payload.holder.entries),
        InstObj: _instance_truth,
        object: _constant_or_true,
    }
)
