"""`str`, `repr` and their like of any value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from campaign.check.evaluator.operators import symbolic_string
from campaign.check.evaluator.state import Args, Evaluator
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

TEXT: dict[str, Callable[[Any], str]] = {"str": str, "repr": repr, "ascii": ascii, "format": str}


def to_string(evaluator: Evaluator, value: Value, function: str, at: Origin) -> Value:
    """`function` is `str`, `repr`, `ascii` or `format`."""
    payload = value.payload
    origin = Origin(at.file, at.line, at.column, (value.origin,))
    evaluator.readable(payload, at)
    if isinstance(payload, str) and function in ("str", "format"):
        return Value(payload, origin)
    if isinstance(payload, Unknown | Nondeterministic):
        return Value(propagate_unknown(payload), origin)
    if isinstance(payload, InstObj):
        return instance_to_string(evaluator, value, payload, function, at)
    if isinstance(payload, ErrorObj):
        if function == "str" and len(payload.args) == 1 and isinstance(payload.args[0].payload, str):
            if payload.type is not KeyError:
                raise Halt("the text of an exception", at)
        raise Halt("the text of an exception", at)
    if isinstance(payload, type):
        return Value(f"<class '{payload.__name__}'>", origin)
    if isinstance(payload, ClassObj):
        raise Halt(f"the text of class {payload.name}", at, "write the text out")
    try:
        real = lower(payload)
        text = TEXT[function](real)
        evaluator.charge(len(text) // CHARACTERS_A_STEP, at)
        return lift(text, origin)
    except NotConcrete:
        return symbolic_string(evaluator, function, at, value)
    except ValueError as error:
        raise evaluator.error(ValueError, str(error), at) from None


def instance_to_string(
    evaluator: Evaluator, value: Value, payload: InstObj, function: str, at: Origin
) -> Value:

    names = {"str": ("__str__", "__repr__"), "format": ("__format__", "__str__", "__repr__")}
    for name in names.get(function, ("__repr__",)):
        if payload.cls.find(name) is not None:
            args = [Value("", at)] if name == "__format__" else []
            result = evaluator.call_method(value, name, Args(args), at)
            if not is_constant(result.payload):
                return symbolic_string(evaluator, function, at, result)
            return result
    cls = payload.cls
    if cls.kind == "enum":
        if cls.builtin is not None and function != "repr":
            plain = payload.attrs["value"]
            mixed_by_name = any(
                getattr(base.payload, "name", "") in ("enum.IntEnum", "enum.StrEnum") for base in cls.bases
            )
            if mixed_by_name:
                return to_string(evaluator, plain, "str", at)
            if function == "format" or cls.builtin is not None:
                raise Halt(f"the text of enum {cls.name}, which differs between versions", at, "use .value")
        member = payload.attrs["name"].payload
        if function == "repr":
            inner = to_string(evaluator, payload.attrs["value"], "repr", at)
            return Value(f"<{cls.qualname}.{member}: {inner.payload}>", at)
        return Value(f"{cls.qualname}.{member}", at)
    writer = cls.generating_class("__repr__")
    if writer is not None:
        parts = []
        for field in writer.fields:
            if field.name in payload.attrs and field.field.in_repr:
                inner = to_string(evaluator, payload.attrs[field.name], "repr", at)
                if not isinstance(inner.payload, str):
                    return symbolic_string(evaluator, function, at, value)
                parts.append(f"{field.name}={inner.payload}")
        return Value(
            f"{cls.qualname}({', '.join(parts)})", Origin(at.file, at.line, at.column, (value.origin,))
        )
    return Value(Nondeterministic("the address in an object's text"), at)
