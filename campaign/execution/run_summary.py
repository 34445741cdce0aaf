"""What the store keeps of a run's record."""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from campaign.folder.run_record import RecordFormat, finished_steps
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


def summarise(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """`steps` finished and the median `step_seconds`."""
    if not rows:
        return {"steps": 0}
    summary: dict[str, Any] = {"steps": finished_steps(rows[0]["step"], rows[-1]["step"])}
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
        if isinstance(value, (int, float))
        and not isinstance(value, bool)
        and abs(value) <= sys.float_info.max
    ]
