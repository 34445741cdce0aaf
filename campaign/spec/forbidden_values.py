"""Values that no field of a campaign file may have: secrets, dates, NaN, control characters, deep nesting."""

from __future__ import annotations

import math
from typing import Any

from campaign.errors import Place, Problem
from campaign.spec import secrets
from campaign.spec.explain import toml_value
from campaign.spec.positions import TomlPath
from campaign.spec.problems import Problems

DEEPEST = 16
"""Most levels of tables and lists; a field's own settings use two or three."""
_SECRET_HINT = (
    "remove it from the file: secrets come from environment variables only (WANDB_API_KEY, HF_TOKEN, ...)"
)
_FORBIDDEN = object()


def without_forbidden_values(problems: Problems) -> dict[str, Any]:
    """The document's data without the forbidden values, each of which is reported."""
    document = problems.document
    secret_lines = set()
    for line, column, kind in secrets.in_text(document.text):
        secret_lines.add(line)
        problems.add(
            Problem(f"this looks like {kind}", Place(document.file, line, column), hint=_SECRET_HINT)
        )
    return _Filter(problems, frozenset(secret_lines)).table(document.data, ())


class _Filter:
    def __init__(self, problems: Problems, secret_lines: frozenset[int]) -> None:
        self.problems = problems
        self.secret_lines = secret_lines

    def table(self, table: dict[str, Any], at: TomlPath) -> dict[str, Any]:
        kept = {key: self._value(value, (*at, key), key) for key, value in table.items()}
        return {key: value for key, value in kept.items() if value is not _FORBIDDEN}

    def _value(self, value: Any, at: TomlPath, name: str) -> Any:
        if len(at) > DEEPEST:
            hint = f"use at most {DEEPEST} levels of tables and lists"
            self.problems.at_value(at, "is nested too deeply", hint, field="")
            return _FORBIDDEN
        if isinstance(value, dict):
            return self.table(value, at)
        if isinstance(value, list):
            self._arguments(value, at)
            items = [self._value(item, (*at, number), name) for number, item in enumerate(value)]
            # Dropping one item would shift the indices of the others, and with them their positions.
            return _FORBIDDEN if any(item is _FORBIDDEN for item in items) else items
        return value if self._allowed(value, at, name) else _FORBIDDEN

    def _arguments(self, items: list[Any], at: TomlPath) -> None:
        """Reports secrets in the arguments of a command, which would be in the results and in the list of processes."""
        for number, kind in secrets.in_arguments(items):
            self.problems.at_value((*at, number), f"this looks like {kind}", _SECRET_HINT)

    def _has_reported_secret(self, value: Any, at: TomlPath) -> bool:
        """No message may quote such a value. The secret in a string of several lines is not on the line where the
        value starts, so strings are searched too."""
        if not self.secret_lines:
            return False
        on_line = self.problems.document.place(at, value=True).line in self.secret_lines
        return on_line or (isinstance(value, str) and any(secrets.in_text(value)))

    def _allowed(self, value: Any, at: TomlPath, name: str) -> bool:
        if self._has_reported_secret(value, at):
            return False
        if kind := secrets.in_field(name, value):
            self.problems.at_value(at, f"this looks like {kind}", _SECRET_HINT)
            return False
        if isinstance(value, float) and not math.isfinite(value):
            self.problems.at_value(at, f"must be a finite number, got {value}")
            return False
        if not isinstance(value, (bool, int, float, str)):
            hint = f'write it as a string: "{value}"'
            self.problems.at_value(at, f"must not be a date or time, got {value}", hint)
            return False
        if isinstance(value, str) and (character := _control_character(value)):
            message = f"contains the control character {character}: {toml_value(value)}"
            self.problems.at_value(at, message, "remove the character")
            return False
        return True


def _control_character(text: str) -> str:
    return next((f"U+{ord(c):04X}" for c in text if (ord(c) < 32 and c not in "\t\n\r") or ord(c) == 127), "")
