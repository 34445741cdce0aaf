"""`str`, `repr` and their like of any value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from campaign.check.constants import NotConcrete, lift, lower
from campaign.check.limits import CHARACTERS_A_STEP, Halt
from campaign.check.machine import Args, Machine
from campaign.check.operators import describe_term
from campaign.check.values import (
    ClassObj,
    ErrorObj,
    InstObj,
    Nondet,
    Origin,
    Unknown,
    Value,
    is_constant,
    spoiled,
)

TEXT: dict[str, Callable[[Any], str]] = {"str": str, "repr": repr, "ascii": ascii, "format": str}


def as_text(machine: Machine, value: Value, function: str, at: Origin) -> Value:
    """`function` is `str`, `repr`, `ascii` or `format`."""
    payload = value.payload
    origin = Origin(at.file, at.line, at.column, (value.origin,))
    machine.readable(payload, at)
    if isinstance(payload, str) and function in ("str", "format"):
        return Value(payload, origin)
    if isinstance(payload, Unknown | Nondet):
        return Value(spoiled(payload), origin)
    if isinstance(payload, InstObj):
        return instance_text(machine, value, payload, function, at)
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
        machine.charge(len(text) // CHARACTERS_A_STEP, at)
        return lift(text, origin)
    except NotConcrete:
        return describe_term(machine, function, at, value)
    except ValueError as error:
        raise machine.error(ValueError, str(error), at) from None


def instance_text(machine: Machine, value: Value, payload: InstObj, function: str, at: Origin) -> Value:
    from campaign.check.calls import call_method

    names = {"str": ("__str__", "__repr__"), "format": ("__format__", "__str__", "__repr__")}
    for name in names.get(function, ("__repr__",)):
        if payload.cls.find(name) is not None:
            args = [Value("", at)] if name == "__format__" else []
            result = call_method(machine, value, name, Args(args), at)
            if not is_constant(result.payload):
                return describe_term(machine, function, at, result)
            return result
    cls = payload.cls
    if cls.kind == "enum":
        if cls.builtin is not None and function != "repr":
            plain = payload.attrs["value"]
            mixed_by_name = any(
                getattr(base.payload, "name", "") in ("enum.IntEnum", "enum.StrEnum") for base in cls.bases
            )
            if mixed_by_name:
                return as_text(machine, plain, "str", at)
            if function == "format" or cls.builtin is not None:
                raise Halt(f"the text of enum {cls.name}, which differs between versions", at, "use .value")
        member = payload.attrs["name"].payload
        if function == "repr":
            inner = as_text(machine, payload.attrs["value"], "repr", at)
            return Value(f"<{cls.qualname}.{member}: {inner.payload}>", at)
        return Value(f"{cls.qualname}.{member}", at)
    writer = cls.writer("__repr__")
    if writer is not None:
        parts = []
        for field in writer.fields:
            if field.name in payload.attrs and field.field.shown:
                inner = as_text(machine, payload.attrs[field.name], "repr", at)
                if not isinstance(inner.payload, str):
                    return describe_term(machine, function, at, value)
                parts.append(f"{field.name}={inner.payload}")
        return Value(
            f"{cls.qualname}({', '.join(parts)})", Origin(at.file, at.line, at.column, (value.origin,))
        )
    return Value(Nondet("the address in an object's text"), at)
