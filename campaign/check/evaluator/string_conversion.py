"""String conversion: `str`, `repr`, `ascii` and the empty format of any value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from campaign.check.evaluator.dispatch import ByPayload
from campaign.check.evaluator.state import Args, Evaluator
from campaign.check.evaluator.symbolic import symbolic_string
from campaign.check.values import (
    ClassObj,
    ErrorObj,
    InstObj,
    Nondeterministic,
    Origin,
    Unknown,
    Value,
    is_constant,
    propagate_unknown,
)
from campaign.check.values.constants import NotConcrete, lift, lower
from campaign.check.values.limits import CHARACTERS_A_STEP, Halt

CONVERSIONS: dict[str, Callable[[Any], str]] = {"str": str, "repr": repr, "ascii": ascii, "format": str}
# `object.__format__` calls `str()`, and `object.__str__` calls `repr()`: a class that defines one of these methods
# answers for those before it.
SPECIAL_METHODS = {"str": ("__str__", "__repr__"), "format": ("__format__", "__str__", "__repr__")}


def to_string(evaluator: Evaluator, value: Value, function: str, at: Origin) -> Value:
    """`function` is `str`, `repr`, `ascii` or `format`, the last with an empty format specification."""
    payload = value.payload
    evaluator.readable(payload, at)
    if isinstance(payload, str) and function in ("str", "format"):
        return Value(payload, _derived(value, at))
    return STRINGS[type(payload)](evaluator, value, function, at)


def _constant_to_string(evaluator: Evaluator, value: Value, function: str, at: Origin) -> Value:
    try:
        text = CONVERSIONS[function](lower(value.payload))
    except NotConcrete:
        return symbolic_string(evaluator, function, at, value)
    except ValueError as error:  # an integer of more digits than `sys.set_int_max_str_digits` allows
        raise evaluator.error(ValueError, str(error), at) from None
    evaluator.charge(len(text) // CHARACTERS_A_STEP, at)
    return lift(text, _derived(value, at))


def _derived(value: Value, at: Origin) -> Origin:
    return Origin(at.file, at.line, at.column, (value.origin,))


def _unknown(evaluator: Evaluator, value: Value, function: str, at: Origin) -> Value:
    return Value(propagate_unknown(value.payload), _derived(value, at))


def _refuse_error(evaluator: Evaluator, value: Value, function: str, at: Origin) -> Value:
    # The message of a builtin exception differs between versions of Python.
    raise Halt(f"{function}() of an exception is not modelled", at, "write the string out")


def _refuse_class(evaluator: Evaluator, value: Value, function: str, at: Origin) -> Value:
    reason = f"{function}() of class {value.payload.name} shows its module, which may differ"
    raise Halt(reason, at, "write the string out")


def _type_to_string(evaluator: Evaluator, value: Value, function: str, at: Origin) -> Value:
    return Value(f"<class '{value.payload.__name__}'>", _derived(value, at))


def _instance_to_string(evaluator: Evaluator, value: Value, function: str, at: Origin) -> Value:
    payload: InstObj = value.payload
    if function == "ascii":  # `repr()` with the other characters escaped
        text = _instance_to_string(evaluator, value, "repr", at)
        if isinstance(text.payload, str):
            return Value(text.payload.encode("ascii", "backslashreplace").decode(), text.origin)
        return symbolic_string(evaluator, function, at, text)
    for name in SPECIAL_METHODS.get(function, ("__repr__",)):
        if payload.cls.find(name) is not None:
            args = [Value("", at)] if name == "__format__" else []
            result = evaluator.call_method(value, name, Args(args), at)
            return result if is_constant(result.payload) else symbolic_string(evaluator, function, at, result)
    if payload.cls.kind == "enum":
        return _member_to_string(evaluator, payload, function, at)
    generating = payload.cls.generating_class("__repr__")
    # `dataclass` generates `__repr__` unless the class body or `repr=False` says otherwise.
    if generating is not None:
        return _dataclass_to_string(evaluator, value, generating, function, at)
    return Value(Nondeterministic("the address in an object's string"), at)


def _member_to_string(evaluator: Evaluator, payload: InstObj, function: str, at: Origin) -> Value:
    cls, value, name = payload.cls, payload.attrs["value"], payload.attrs["name"].payload
    if function == "repr":
        inner = to_string(evaluator, value, "repr", at)
        if not isinstance(inner.payload, str):
            return symbolic_string(evaluator, function, at, Value(payload, at))
        return Value(f"<{cls.qualname}.{name}: {inner.payload}>", at)
    if cls.builtin is None:
        return Value(f"{cls.qualname}.{name}", at)
    # IntEnum and StrEnum convert to their value. `class E(str, Enum)` did in format() before Python 3.12 only.
    if any(getattr(base.payload, "name", "") in ("enum.IntEnum", "enum.StrEnum") for base in cls.bases):
        return to_string(evaluator, value, "str", at)
    raise Halt(f"{function}() of enum {cls.name} differs between versions of Python", at, "use .value")


def _dataclass_to_string(
    evaluator: Evaluator, value: Value, generating: ClassObj, function: str, at: Origin
) -> Value:
    """`__repr__` as `dataclass` generates it: the qualified name of the own class, the fields of the generating one."""
    payload: InstObj = value.payload
    fields = []
    for field in generating.fields:
        if field.name in payload.attrs and field.field.in_repr:
            inner = to_string(evaluator, payload.attrs[field.name], "repr", at)
            if not isinstance(inner.payload, str):
                return symbolic_string(evaluator, function, at, value)
            fields.append(f"{field.name}={inner.payload}")
    return Value(f"{payload.cls.qualname}({', '.join(fields)})", _derived(value, at))


STRINGS: ByPayload[Callable[[Evaluator, Value, str, Origin], Value]] = ByPayload(
    {
        Unknown: _unknown, Nondeterministic: _unknown, InstObj: _instance_to_string, ErrorObj: _refuse_error,
        ClassObj: _refuse_class, type: _type_to_string, object: _constant_to_string,
    }
)  # fmt: skip
