"""The final value of each run, as the analysis computes it, for the tables and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from campaign.analysis.runs import Run, Runs
from campaign.analysis.summaries import default_metric, resolve_summary, summarise
from campaign.analysis.tail import tail_window
from campaign.errors import UsageError
from campaign.metrics.definitions import lookup
from campaign.report.campaign_record import CampaignRecord, RunEntry
from campaign.spec.hypotheses import Hypothesis


@dataclass(frozen=True, slots=True)
class FinalValues:
    """The final value of each run in one metric."""

    metric: str
    """As recorded, `val/...` for a held-out evaluation; empty when no run has a metric."""
    description: str
    """How each run was summarised, as a phrase, or why no run could be."""
    values: Mapping[tuple[str, int], float] = field(default_factory=dict)
    """(condition, seed) -> value, for complete runs."""
    preliminary_values: Mapping[tuple[str, int], float] = field(default_factory=dict)
    """(condition, seed) -> value, for incomplete runs. Displayed, and never averaged with the others."""
    higher_is_better: bool | None = None

    def of(self, condition: str) -> dict[int, float]:
        """Seed -> value, for the complete runs of a condition."""
        return {seed: value for (label, seed), value in self.values.items() if label == condition}

    def get(self, run: RunEntry) -> float | None:
        return self.values.get((run.condition, run.seed))

    def preliminary(self, run: RunEntry) -> float | None:
        return self.preliminary_values.get((run.condition, run.seed))


def final_values(record: CampaignRecord) -> FinalValues:
    """The final values in the declared headline metric, else in that of the first hypothesis, else in the default
    metric of the analysis, else in the first metric by name."""
    declared = record.plan.headline_metric
    hypothesis = _first_hypothesis(record.record, declared)
    metric = hypothesis.metric if hypothesis else declared or _default_metric(record.record)
    if not metric:
        return FinalValues("", "no run has a metric yet")
    summary = hypothesis.summary if hypothesis else "auto"
    try:
        resolved = resolve_summary(record.record, metric, summary)
    except UsageError as error:
        return FinalValues(metric, str(error))
    values = {
        (label, seed): float(value)
        for label, sample in summarise(record.record, metric, summary).items()
        for seed, value in sample.values.items()
    }
    preliminary = {
        (run.condition, run.seed): value
        for run in record.runs
        if (run.condition, run.seed) not in values
        and run.data is not None
        and (value := preliminary_value(run.data, resolved.metric)) is not None
    }
    return FinalValues(
        resolved.metric,
        resolved.description,
        values,
        preliminary,
        _higher_is_better(hypothesis, resolved.metric),
    )


def preliminary_value(run: Run, metric: str) -> float | None:
    """The value of an incomplete run so far: its last held-out evaluation, or the mean of its last steps."""
    values = run.metrics.get(metric)
    if values is None:
        return None
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    if metric.startswith("val/"):
        return float(finite[-1])
    return float(finite[-tail_window(run.length) :].mean())


def _first_hypothesis(runs: Runs, metric: str | None) -> Hypothesis | None:
    """The first hypothesis about `metric`, or about any."""
    frozen = runs.design.frozen.hypotheses if runs.design.frozen else ()
    hypotheses = (*runs.design.hypotheses, *frozen)
    return next((entry for entry in hypotheses if metric in (None, entry.metric)), None)


def _default_metric(runs: Runs) -> str:
    """The default metric, else the first by name; empty when no run has a metric."""
    try:
        return default_metric(runs)
    except UsageError:
        return next(iter(runs.metrics), "")


def _higher_is_better(hypothesis: Hypothesis | None, metric: str) -> bool | None:
    definition = lookup(metric)
    direction = hypothesis.direction if hypothesis else definition.direction if definition else "none"
    return None if direction == "none" else direction == "higher"
