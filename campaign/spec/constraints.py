"""Constraints that pydantic has no word for, each with its own text and its part of the JSON Schema."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

DOTTED = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$"
"""A Python function by its full name, `pkg.mod.fn`."""


@dataclass(frozen=True, slots=True)
class NamedOrDotted:
    """Text that is one of `names`, or the dotted path of a function that does the same job."""

    names: tuple[str, ...]

    def check(self, value: str) -> str:
        if value in self.names or re.fullmatch(DOTTED, value, re.ASCII):
            return value
        raise PydanticCustomError("named_or_dotted", "is not known", {"legal": self.names})

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        del core, handler
        return {"anyOf": [{"enum": list(self.names)}, {"type": "string", "pattern": DOTTED}]}


@dataclass(frozen=True, slots=True)
class Text:
    """Text of a given form; `form` says it in words."""

    pattern: str
    form: str

    def check(self, value: str) -> str:
        if re.search(self.pattern, value, re.ASCII):
            return value
        raise PydanticCustomError("text_form", "has the wrong form", {"form": self.form})

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(core), "pattern": self.pattern}
