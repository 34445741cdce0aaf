"""Validates the `[[hypotheses]]` of a campaign file, also against the conditions that exist."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from campaign.errors import Problem
from campaign.spec.explain import explain, toml_value
from campaign.spec.hypotheses import Hypothesis
from campaign.spec.positions import TomlPath
from campaign.spec.problems import Problems
from campaign.suggest import suggest


def hypothesis_tables(
    data: dict[str, Any], labels: Sequence[str], problems: Problems
) -> tuple[dict[str, Any], ...]:
    """The tables as written; invalid ones are reported."""
    tables = data.get("hypotheses", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        message = f"expected tables [[hypotheses]], got {toml_value(tables)}"
        problems.at_value(("hypotheses",), message, field="")
        return ()
    names: set[str] = set()
    for number, table in enumerate(tables):
        at: TomlPath = ("hypotheses", number)
        _validate(table, at, problems)
        _check_conditions(table, at, labels, problems)
        name = table.get("name")
        if isinstance(name, str):
            if name in names:
                message = f"two hypotheses are named {toml_value(name)}"
                problems.at_value((*at, "name"), message, "give one of them another name")
            names.add(name)
    return tuple(tables)


def _validate(table: dict[str, Any], at: TomlPath, problems: Problems) -> None:
    try:
        Hypothesis.model_validate_json(json.dumps(table))
    except ValidationError as error:
        for entry in error.errors(include_url=False):
            problem = explain(entry, problems.document, Hypothesis, at)
            if not entry["loc"]:  # about the table as a whole, whose position is its header
                problem = Problem(problem.message, problems.document.place(at), problem.path, problem.hint)
            problems.add(problem)


def _check_conditions(table: dict[str, Any], at: TomlPath, labels: Sequence[str], problems: Problems) -> None:
    for path, label in _named_conditions(table, at):
        if isinstance(label, str) and label not in labels:
            hint = suggest(label, labels, "conditions")
            problems.at_value(path, f"there is no condition {toml_value(label)}", hint)


def _named_conditions(table: dict[str, Any], at: TomlPath) -> Iterator[tuple[TomlPath, Any]]:
    for key in ("baseline", "candidate", "ranking"):
        value = table.get(key)
        if isinstance(value, list):
            yield from (((*at, key, number), label) for number, label in enumerate(value))
        elif value is not None:
            yield (*at, key), value
    contrast = table.get("contrast")
    if isinstance(contrast, dict):
        yield from (((*at, "contrast", label), label) for label in contrast)
