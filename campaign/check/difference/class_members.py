"""The attributes of a class and its bases, split into data and code."""

from __future__ import annotations

from campaign.check.values import ClassObj, DescriptorObj, FuncObj, InstObj, Value


def is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def is_code(value: Value) -> bool:
    return isinstance(value.payload, FuncObj | DescriptorObj)


def data_attributes(cls: ClassObj) -> dict[str, Value]:
    """Attributes of a class and its bases that are data: no dunder, no function, property or method."""
    found: dict[str, Value] = {}
    # From the last base to the class itself, as Python resolves attributes along the MRO: the first class wins.
    for base in reversed(cls.mro):
        for name, value in base.namespace.items():
            # A method that overrides a data attribute hides it.
            found.pop(name, None)
            if not is_dunder(name) and not is_code(value):
                found[name] = value
    for name, member in cls.members.items():
        found[name] = Value(member, member.attrs["value"].origin)
    return found


def code_attributes(cls: ClassObj) -> dict[str, Value]:
    """Functions, properties and methods of a class and its bases, and dunder attributes."""
    found: dict[str, Value] = {}
    for base in reversed(cls.mro):
        for name, value in base.namespace.items():
            # `__slots__` only limits which attributes an instance may have; those that it has are compared.
            if is_code(value) or (is_dunder(name) and name != "__slots__"):
                found[name] = value
    return found


def instance_fields(payload: InstObj) -> dict[str, Value]:
    """The attributes of an instance: those of its class that it does not override, then its own."""
    fields = {
        name: value for name, value in data_attributes(payload.cls).items() if name not in payload.attrs
    }
    return {**fields, **payload.attrs}
