"""What no value of a campaign file may be, whatever the field: secrets, dates, NaN, endless nesting."""

from __future__ import annotations

import math
from typing import Any

from campaign.errors import Place, Problem
from campaign.spec import secrets
from campaign.spec.explain import shown
from campaign.spec.positions import TomlPath
from campaign.spec.problems import Findings

DEEPEST = 16
"""Levels of tables and lists; a field's own settings use two or three."""
_SECRET_HINT = (
    "secrets come from the environment only (WANDB_API_KEY, HF_TOKEN, ...): remove it from the file"
)
_DROP = object()


def screen(findings: Findings) -> dict[str, Any]:
    """The document's data without the values that cannot be used, each of which is reported."""
    document = findings.document
    secret_lines = set()
    for line, column, kind in secrets.in_text(document.text):
        secret_lines.add(line)
        findings.add(
            Problem(f"this looks like {kind}", Place(document.file, line, column), hint=_SECRET_HINT)
        )
    return _Screen(findings, frozenset(secret_lines)).table(document.data, ())


class _Screen:
    def __init__(self, findings: Findings, secret_lines: frozenset[int]) -> None:
        self.findings = findings
        self.secret_lines = secret_lines

    def table(self, table: dict[str, Any], at: TomlPath) -> dict[str, Any]:
        kept = {key: self._value(value, (*at, key), key) for key, value in table.items()}
        return {key: value for key, value in kept.items() if value is not _DROP}

    def _value(self, value: Any, at: TomlPath, name: str) -> Any:
        if len(at) > DEEPEST:
            self.findings.at_value(at, "nested too deeply", f"at most {DEEPEST} levels", field="")
            return _DROP
        if isinstance(value, dict):
            return self.table(value, at)
        if isinstance(value, list):
            items = [self._value(item, (*at, number), name) for number, item in enumerate(value)]
            # Leaving out one item would move the others away from their places in the file.
            return _DROP if any(item is _DROP for item in items) else items
        return value if self._usable(value, at, name) else _DROP

    def _usable(self, value: Any, at: TomlPath, name: str) -> bool:
        kind = secrets.in_field(name, value)
        place = self.findings.document.place(at, value=True)
        if place.line in self.secret_lines:
            return False
        if kind:
            self.findings.at_value(at, f"this looks like {kind}", _SECRET_HINT)
            return False
        if isinstance(value, float) and not math.isfinite(value):
            self.findings.at_value(at, f"must be a finite number, got {value}")
            return False
        if not isinstance(value, (bool, int, float, str)):
            self.findings.at_value(
                at, f"dates and times are not used here, got {value}", f'write text: "{value}"'
            )
            return False
        if isinstance(value, str) and (control := _control(value)):
            self.findings.at_value(at, f"holds the control character {control}, got {shown(value)}")
            return False
        return True


def _control(text: str) -> str:
    return next((f"U+{ord(c):04X}" for c in text if (ord(c) < 32 and c not in "\t\n\r") or ord(c) == 127), "")
