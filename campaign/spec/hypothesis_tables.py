"""The `[[hypotheses]]` of a campaign file: each valid by itself, and about conditions that exist."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from campaign.errors import Problem
from campaign.spec.explain import did_you_mean, explain, shown
from campaign.spec.hypotheses import Hypothesis
from campaign.spec.positions import TomlPath
from campaign.spec.problems import Findings


def claims(data: dict[str, Any], labels: Sequence[str], findings: Findings) -> tuple[dict[str, Any], ...]:
    """The tables as written; what is wrong with them is reported."""
    tables = data.get("hypotheses", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        findings.at_value(("hypotheses",), f"expected tables [[hypotheses]], got {shown(tables)}", field="")
        return ()
    names: set[Any] = set()
    for number, table in enumerate(tables):
        at: TomlPath = ("hypotheses", number)
        _validate(table, at, findings)
        for path, label in _conditions_named(table, at):
            if isinstance(label, str) and label not in labels:
                hint = did_you_mean(label, labels) or f"conditions: {', '.join(labels[:20])}"
                findings.at_value(path, f"there is no condition {shown(label)}", hint)
        name = table.get("name")
        if isinstance(name, str) and name in names:
            findings.at_value((*at, "name"), f"two hypotheses are named {shown(name)}")
        names.add(name if isinstance(name, str) else None)
    return tuple(tables)


def _validate(table: dict[str, Any], at: TomlPath, findings: Findings) -> None:
    try:
        Hypothesis.model_validate_json(json.dumps(table))
    except ValidationError as error:
        for entry in error.errors(include_url=False):
            problem = explain(entry, findings.document, Hypothesis, at)
            if not entry["loc"]:
                problem = Problem(problem.message, findings.document.place(at), problem.path, problem.hint)
            findings.add(problem)


def _conditions_named(table: dict[str, Any], at: TomlPath) -> Iterator[tuple[TomlPath, Any]]:
    for key in ("baseline", "candidate", "ranking"):
        value = table.get(key)
        if isinstance(value, list):
            yield from (((*at, key, number), label) for number, label in enumerate(value))
        elif value is not None:
            yield (*at, key), value
    contrast = table.get("contrast")
    if isinstance(contrast, dict):
        yield from (((*at, "contrast", label), label) for label in contrast)
