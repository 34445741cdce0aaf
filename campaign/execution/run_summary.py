"""What the store keeps of a run's record."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from campaign.folder.run_record import RecordFormat
from campaign.spec.config import RunConfig

LAST_STEPS = 10
"""Steps whose mean represents a run that was never evaluated."""


def record_format(config: RunConfig) -> RecordFormat:
    """How to read the record of a run with this configuration."""
    labels = {"condition": config.condition, "seed": config.training.seed}
    return RecordFormat(config.core.metrics_file, config.core.metrics_map, labels)


def summarise(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Everything that a table of runs shows, so that the record is not read again.

    `steps` finished, the final `correct_rate` and whether it was `evaluated`, and the median `step_seconds`.
    """
    if not rows:
        return {"steps": 0}
    summary: dict[str, Any] = {"steps": int(rows[-1]["step"]) + 1}
    evaluations = numbers(rows, "val/correct_rate")
    training = numbers(rows, "correct_rate")
    if evaluations:
        summary.update(correct_rate=evaluations[-1], evaluated=True)
    elif training:
        summary.update(correct_rate=mean(training[-LAST_STEPS:]), evaluated=False)
    seconds = numbers(rows, "step_time_s")
    if seconds:
        summary["step_seconds"] = min(
            statistics.median(seconds), max(seconds)
        )  # a sum of two can be infinite
    return summary


def mean(values: Sequence[float]) -> float:
    """The mean, also where the sum of the values is beyond the range of a float: a core may log anything."""
    return math.fsum(value / len(values) for value in values)


def numbers(rows: Iterable[Mapping[str, Any]], name: str) -> list[float]:
    """The finite values of one metric, in order."""
    values = (row.get(name) for row in rows)
    return [
        float(value)
        for value in values
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    ]
