"""Constraints on strings that pydantic lacks, each with its error message and its part of the JSON Schema."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

DOTTED = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$"
"""The full name of a Python function, `pkg.mod.fn`."""


@dataclass(frozen=True, slots=True)
class NamedOrDotted:
    """A string that is one of `names`, or the dotted path of a function to use in their place."""

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
    """A string that matches `pattern`; `form` describes the pattern in messages."""

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
