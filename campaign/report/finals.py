"""One number per run for tables, the heat map and the differences: descriptive, never a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from campaign.analysis.runs import Run
from campaign.report.source import CampaignRecord, RunEntry

PREFERRED = ("correct_rate", "mean_reward", "accuracy", "reward", "score", "loss")
"""What a report is about when no hypothesis names a metric: the first of these that a run has."""


@dataclass(frozen=True, slots=True)
class Finals:
    """The final value of each run in one metric."""

    metric: str
    """As it was recorded, `val/...` for a held-out evaluation."""
    how: str
    """How a run became one number, in words."""
    values: Mapping[tuple[str, int], float]
    """(condition, seed) -> value, for runs that have one."""

    def of(self, condition: str) -> dict[int, float]:
        return {seed: value for (label, seed), value in self.values.items() if label == condition}

    def get(self, run: RunEntry) -> float | None:
        return self.values.get((run.condition, run.seed))


def finals(record: CampaignRecord, metric: str | None = None) -> Finals:
    """The final values in `metric`, or in the metric the campaign is about.

    The last held-out evaluation where any run has one, else the mean of the last max(5, 10 %) of the steps.
    Runs that are still going count with what they have, and are marked where they are shown.
    """
    name = metric or main_metric(record)
    held_out = name if name.startswith("val/") else f"val/{name}"
    if any(_has(run, held_out) for run in record.runs):
        return Finals(held_out, "last held-out evaluation", _values(record, held_out, 1))
    return Finals(name, "mean of the last 10 % of the steps, at least 5", _values(record, name, None))


def main_metric(record: CampaignRecord) -> str:
    """The metric of the first hypothesis, else the first of `PREFERRED`, else the first by name."""
    for hypothesis in record.plan.get("hypotheses") or ():
        if isinstance(hypothesis, Mapping) and isinstance(hypothesis.get("metric"), str):
            return str(hypothesis["metric"])
    names = {name for run in record.runs if run.data is not None for name in run.data.metrics}
    for name in PREFERRED:
        if name in names or f"val/{name}" in names:
            return name
    return min(names, default=PREFERRED[0])


def _has(run: RunEntry, metric: str) -> bool:
    return (
        run.data is not None
        and metric in run.data.metrics
        and bool(np.isfinite(run.data.metrics[metric]).any())
    )


def _values(record: CampaignRecord, metric: str, last: int | None) -> dict[tuple[str, int], float]:
    found = {}
    for run in record.runs:
        value = final_value(run.data, metric, last) if run.data is not None else None
        if value is not None:
            found[run.condition, run.seed] = value
    return found


def final_value(run: Run, metric: str, last: int | None = None) -> float | None:
    """Mean of the metric's last `last` finite values; of the last max(5, 10 %) of the steps when None."""
    values = run.metrics.get(metric)
    if values is None:
        return None
    window = values[-last:] if last is not None and last > 1 else values
    if last is None:
        window = values[-max(5, -(-len(values) // 10)) :]
    finite = window[np.isfinite(window)]
    if not len(finite):
        return None
    return float(finite[-1]) if last == 1 else float(finite.mean())
