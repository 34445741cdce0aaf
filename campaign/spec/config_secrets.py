"""Finds secrets in resolved conditions, which are copied into the results.

The campaign file itself was searched when it was read (`campaign.spec.secrets`). What remains are values that come from
Python modules, and values of the environment, which have no form of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from campaign.errors import Place, Problem, SpecError
from campaign.secret_patterns import names_a_secret
from campaign.spec import secrets
from campaign.spec.planned_runs import Condition
from campaign.spec.run_config import config_to_json

LEAST_CHARACTERS = 12
"""Of a value of the environment: a shorter one may be an ordinary word."""
HINT = "remove it: secrets come from environment variables only, which every run inherits"


def refuse_secrets(conditions: Iterable[Condition], file: Path, environment: Mapping[str, str]) -> None:
    """Raises `SpecError` with every field that holds a secret; the messages do not repeat it. `file` is the campaign's,
    which they name."""
    kept = {
        value: name
        for name, value in environment.items()
        if names_a_secret(name) and len(value) >= LEAST_CHARACTERS
    }
    found: dict[tuple[str, str], None] = {}
    conditions = tuple(conditions)
    for condition in conditions:
        found |= dict.fromkeys(_secrets_in(condition.overrides, kept))
    if kept and conditions:  # a field that no condition sets is the same in all of them
        found |= dict.fromkeys(_secrets_in(config_to_json(conditions[0].config), kept))
    if found:
        raise SpecError(
            [Problem(f"this looks like {kind}", Place(str(file)), path, HINT) for path, kind in found]
        )


def _secrets_in(value: Any, kept: Mapping[str, str], path: str = "") -> Iterator[tuple[str, str]]:
    """Path and kind of every secret in a JSON-like value."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _secrets_in(item, kept, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for number, kind in secrets.in_arguments(value):
            yield f"{path}[{number}]", kind
        for number, item in enumerate(value):
            yield from _secrets_in(item, kept, f"{path}[{number}]")
    elif isinstance(value, str):
        if looks_like := _kind(path.rpartition(".")[2], value, kept):
            yield path, looks_like


def _kind(name: str, value: str, kept: Mapping[str, str]) -> str | None:
    for secret, variable in kept.items():
        if secret in value:
            return f"the value of the environment variable {variable}"
    return secrets.in_field(name, value) or next((kind for _, _, kind in secrets.in_text(value)), None)
