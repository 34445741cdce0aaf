"""What the store keeps of a run's record."""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from campaign.analysis.tail import tail_mean, tail_start
from campaign.folder.completeness import Shortfall, keep_shortfall, shortfall
from campaign.folder.outcome import Outcome
from campaign.folder.paths import RunPaths
from campaign.folder.run_record import RecordFormat, settle_record
from campaign.spec.config import RunConfig


def record_format(config: RunConfig) -> RecordFormat:
    """How to read the record of a run with this configuration."""
    core, training = config.core, config.training
    return RecordFormat(
        core.metrics_file,
        core.metrics_map,
        {"condition": config.condition, "seed": training.seed},
        training.max_steps,
        core.early_stopping,
        every_step=core.command is None and core.entrypoint is None,
    )


@dataclass(frozen=True, slots=True)
class SettledRun:
    """A run whose record has been merged after the end of an attempt."""

    rows: Sequence[Mapping[str, Any]]
    """The merged record."""
    summary: dict[str, Any]
    shortfall: Shortfall | None = None
    """Why the record is not that of a complete run, although the core has exited with 0."""


def settle_run(run: RunPaths, config: RunConfig, outcome: Outcome) -> SettledRun:
    """Merge the record of a run after the end of its attempt and, if the core has finished, check that it is complete."""
    rows_format = record_format(config)
    rows = settle_record(run, rows_format)
    length = 0 if config.core.early_stopping else config.training.max_steps
    if outcome.kind != "finished":
        run.completeness.unlink(missing_ok=True)
        return SettledRun(rows, summarise(rows, length))
    if outcome.reason:
        # It was asked to stop. Only a record of full length shows that it did not obey, wherever it may end otherwise.
        rows_format = replace(rows_format, early_stopping=False)
    found = shortfall(run, rows, rows_format)
    keep_shortfall(run, found)
    return SettledRun(rows, summarise(rows, length), found)


def summarise(rows: Sequence[Mapping[str, Any]], length: int = 0) -> dict[str, Any]:
    """Everything that a table of runs shows, so that the record is not read again.

    `steps` finished, the final `correct_rate` and whether it was `evaluated`, and the median `step_seconds`. The final
    value is the one that `compare` uses by default: the last evaluation, or the mean over the end of a run of
    `length` steps, or of as many as it has if these are more.
    """
    if not rows:
        return {"steps": 0}
    summary: dict[str, Any] = {"steps": int(rows[-1]["step"]) + 1}
    evaluations = numbers(rows, "val/correct_rate")
    start = tail_start(max(length, summary["steps"]))
    training = numbers([row for row in rows if row["step"] >= start], "correct_rate")
    if evaluations:
        summary.update(correct_rate=evaluations[-1], evaluated=True)
    elif training and math.isfinite(tail_mean(training)):
        summary.update(correct_rate=tail_mean(training), evaluated=False)
    seconds = numbers(rows, "step_time_s")
    if seconds:
        summary["step_seconds"] = statistics.median(seconds)
    return summary


def numbers(rows: Iterable[Mapping[str, Any]], name: str) -> list[float]:
    """The finite values of one metric, in order."""
    values = (row.get(name) for row in rows)
    return [
        float(value)
        for value in values
        if isinstance(value, (int, float))
        and not isinstance(value, bool)
        and abs(value) <= sys.float_info.max
    ]
