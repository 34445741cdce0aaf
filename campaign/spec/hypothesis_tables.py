"""Validates the `[[hypotheses]]` of a campaign file, also against its conditions, their lengths, and its seeds.

`campaign.metrics.claimed_metrics` checks the metrics that they name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from campaign.spec.config import RunConfig
from campaign.spec.explain import explain, toml_value
from campaign.spec.hypotheses import Hypothesis
from campaign.spec.planned_runs import Condition
from campaign.spec.positions import TomlPath
from campaign.spec.problems import Problems
from campaign.spec.spec import CampaignSection
from campaign.suggest import suggest


def hypothesis_tables(
    data: dict[str, Any], conditions: Sequence[Condition], campaign: CampaignSection, problems: Problems
) -> tuple[dict[str, Any], ...]:
    """The tables as written; invalid ones, and those that nothing could ever confirm, are reported."""
    tables = data.get("hypotheses", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        message = f"expected tables [[hypotheses]], got {toml_value(tables)}"
        problems.at_value(("hypotheses",), message, field="")
        return ()
    names: set[str] = set()
    for number, table in enumerate(tables):
        at: TomlPath = ("hypotheses", number)
        known = len(problems)
        hypothesis = _validated(table, at, problems)
        _check_conditions(table, at, [condition.label for condition in conditions], problems)
        if hypothesis is not None and len(problems) == known:
            for key, message, hint in _unattainable(hypothesis, conditions, campaign):
                problems.at_value((*at, *key), message, hint)
        name = table.get("name")
        if isinstance(name, str):
            if name in names:
                message = f"two hypotheses are named {toml_value(name)}"
                problems.at_value((*at, "name"), message, "give one of them another name")
            names.add(name)
    return tuple(tables)


def _validated(table: dict[str, Any], at: TomlPath, problems: Problems) -> Hypothesis | None:
    try:
        return Hypothesis.model_validate_json(json.dumps(table))
    except ValidationError as error:
        for entry in error.errors(include_url=False):
            problem = explain(entry, problems.document, Hypothesis, at)
            if not entry["loc"]:  # about the table as a whole, whose position is its header
                problem = replace(problem, place=problems.document.place(at))
            elif entry["loc"][-1] in ("min_effect", "threshold") and entry["type"] == "greater_than_equal":
                problem = replace(problem, hint="write the size of the effect; `direction` gives its sign")
            problems.add(problem)
        return None


Unattainable = tuple[TomlPath, str, str]
"""The key of the hypothesis at fault, what is wrong with it, and the fix."""


def _unattainable(
    hypothesis: Hypothesis, conditions: Sequence[Condition], campaign: CampaignSection
) -> Iterator[Unattainable]:
    """Requirements that no run of this campaign can meet."""
    labels = [condition.label for condition in conditions]
    compared = hypothesis.conditions_of(labels)
    if hypothesis.baseline is None and compared[0] in _candidates(hypothesis):
        yield (
            ("candidate",),
            f"{toml_value(compared[0])} is the first condition, which is the baseline",
            "name another `baseline`, or another candidate",
        )
    elif len(compared) < 2:
        yield (), f"compares {compared[0]} with nothing", "add a second condition"
    most = max(len(campaign.seeds), *campaign.looks, 0)
    if "min_pairs" in hypothesis.model_fields_set and hypothesis.min_pairs > most:
        yield (
            ("min_pairs",),
            f"is {hypothesis.min_pairs}, but the campaign has {most} seeds, so that it could never be CONFIRMED",
            "add seeds, declare a later look, or lower it",
        )
    found: dict[TomlPath, Unattainable] = {}
    for condition in conditions:
        if condition.label in compared and _has_known_length(condition.config):
            for problem in _beyond_the_run(hypothesis, condition):
                found.setdefault(problem[0], problem)
    yield from found.values()


def _candidates(hypothesis: Hypothesis) -> tuple[str, ...]:
    given = hypothesis.candidate
    return (given,) if isinstance(given, str) else given or ()


def _has_known_length(config: RunConfig) -> bool:
    """Whether runs have `training.max_steps` steps: a command whose file does not give it chooses its own length."""
    return config.uses_built_in_core or "max_steps" in config.training.model_fields_set


def _beyond_the_run(hypothesis: Hypothesis, condition: Condition) -> Iterator[Unattainable]:
    """Numbers of steps and completions that a run of the condition does not have."""
    training = condition.config.training
    steps = training.max_steps
    if hypothesis.min_steps > steps:
        yield (
            ("min_steps",),
            f"is {hypothesis.min_steps}, but a run of {condition.label} has {steps} steps (max_steps)",
            f"write at most {steps}, or raise max_steps",
        )
    summaries: list[tuple[TomlPath, str]] = [(("summary",), hypothesis.summary)]
    if hypothesis.mechanism is not None:
        summaries.append((("mechanism", "summary"), hypothesis.mechanism.summary))
    for key, summary in summaries:
        window = int(summary.removeprefix("tail:")) if summary.startswith("tail:") else 0
        if window > steps:
            yield (
                key,
                f"is the mean of the last {window} steps, but a run of {condition.label} has {steps} (max_steps)",
                f"write at most `tail:{steps}`",
            )
    logged = steps * min(training.log_generations, training.batch_size) * training.group_size
    if condition.config.uses_built_in_core and hypothesis.min_generations > logged:
        yield (
            ("min_generations",),
            f"is {hypothesis.min_generations}, but a run of {condition.label} logs {steps} steps x "
            f"{min(training.log_generations, training.batch_size)} prompts x {training.group_size} "
            f"completions = {logged}",
            "lower it, or raise training.log_generations",
        )


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
