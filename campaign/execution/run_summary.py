"""What the store keeps of a run's record."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from campaign.folder.run_record import RecordFormat, finished_steps
from campaign.spec.config import RunConfig


def record_format(config: RunConfig) -> RecordFormat:
    """How to read the record of a run with this configuration."""
    labels = {"condition": config.condition, "seed": config.training.seed}
    return RecordFormat(config.core.metrics_file, config.core.metrics_map, labels)


def summarise(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """`steps` finished and the median `step_seconds`."""
    if not rows:
        return {"steps": 0}
    summary: dict[str, Any] = {"steps": finished_steps(rows[0]["step"], rows[-1]["step"])}
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
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    ]
