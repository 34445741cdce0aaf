"""One number per run, as the analysis makes it, for tables, the heat map and the differences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from campaign.analysis.runs import Run
from campaign.analysis.summaries import default_metric, resolve_summary, summarise, tail_window
from campaign.errors import UsageError
from campaign.metrics.definitions import lookup
from campaign.report.campaign_record import CampaignRecord, RunEntry


@dataclass(frozen=True, slots=True)
class Finals:
    """The final value of each run in one metric."""

    metric: str
    """As it was recorded, `val/...` for a held-out evaluation; empty when there is none to speak of."""
    how: str
    """How a run became one number, in words."""
    values: Mapping[tuple[str, int], float] = field(default_factory=dict)
    """(condition, seed) -> value, for the runs that are complete."""
    so_far: Mapping[tuple[str, int], float] = field(default_factory=dict)
    """The same for runs that are not: shown, and never averaged with the others."""
    higher_is_better: bool | None = None

    def of(self, condition: str) -> dict[int, float]:
        return {seed: value for (label, seed), value in self.values.items() if label == condition}

    def get(self, run: RunEntry) -> float | None:
        return self.values.get((run.condition, run.seed))

    def preliminary(self, run: RunEntry) -> float | None:
        return self.so_far.get((run.condition, run.seed))


def finals(record: CampaignRecord) -> Finals:
    """The final values in the metric of the first hypothesis, else in the one the analysis takes by default,
    else in the first by name."""
    planned = record.record.planned
    declared = next(iter((*planned.hypotheses, *(planned.frozen.hypotheses if planned.frozen else ()))), None)
    names = record.record.metrics
    try:
        metric = declared.metric if declared else default_metric(record.record)
    except UsageError:
        if not names:
            return Finals("", "no run has a metric yet")
        metric = names[0]
    try:
        how = resolve_summary(record.record, metric, declared.summary if declared else "auto")
    except UsageError as error:
        return Finals(metric, str(error))
    samples = summarise(record.record, metric, declared.summary if declared else "auto")
    values = {
        (label, seed): float(value)
        for label, sample in samples.items()
        for seed, value in sample.values.items()
    }
    waiting = {
        (run.condition, run.seed): value
        for run in record.runs
        if (run.condition, run.seed) not in values
        and run.data is not None
        and (value := latest(run.data, how.metric)) is not None
    }
    known = lookup(how.metric)
    better = declared.direction if declared else known.direction if known else "none"
    return Finals(
        how.metric, resolved.description, values, waiting, None if better == "none" else better == "higher"
    )


def latest(run: Run, metric: str) -> float | None:
    """Where a run stands that is not complete: its last held-out evaluation, or mean of its last steps."""
    values = run.metrics.get(metric)
    if values is None:
        return None
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    return (
        float(finite[-1]) if metric.startswith("val/") else float(finite[-tail_window(run.length) :].mean())
    )
