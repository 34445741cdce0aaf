"""Learning curves: runs thinned to what a screen can show, and a mean with its range over the seeds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from campaign.report.campaign_record import CampaignRecord

MOST_POINTS = 100
"""Points of one curve. A line a thousand pixels wide shows no more, and forty runs stay small."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SeedCurve:
    """One run. `values` is NaN where the run has none."""

    condition: str
    seed: int
    values: Floats


@dataclass(frozen=True, slots=True)
class ConditionCurve:
    """Over the seeds of one condition: mean, lowest, highest, and how many there are at each step."""

    condition: str
    mean: Floats
    low: Floats
    high: Floats
    count: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Curves:
    """One metric of all runs on one axis of steps."""

    metric: str
    steps: Floats
    """Middle of each bin of steps."""
    width: int
    """Steps that were averaged into one point."""
    seeds: tuple[SeedCurve, ...]
    conditions: tuple[ConditionCurve, ...]

    @property
    def uneven(self) -> bool:
        """Whether a condition's later points rest on fewer seeds than its earlier ones."""
        return any(len(set(curve.count[curve.count > 0].tolist())) > 1 for curve in self.conditions)


def curves(record: CampaignRecord, metric: str, most_points: int = MOST_POINTS) -> Curves | None:
    """The metric's curves, or None when no run has a number of it.

    Steps are binned only when there are more than `most_points` of them; a bin's point is the mean of the
    run's finite values in it, so no seed weighs more than another.
    """
    raw = {
        (run.condition, run.seed): _finite(run.data.steps, run.data.metrics[metric])
        for run in record.runs
        if run.data is not None and metric in run.data.metrics
    }
    raw = {key: series for key, series in raw.items() if len(series[0])}
    if not raw:
        return None
    steps = np.unique(np.concatenate([series[0] for series in raw.values()]))
    width = max(1, -(-len(steps) // most_points))
    bins = np.arange(len(steps)) // width
    centres = np.bincount(bins, weights=steps) / np.bincount(bins)
    seeds = tuple(
        SeedCurve(condition, seed, _binned(steps, bins, *series)) for (condition, seed), series in raw.items()
    )
    return Curves(metric, centres, width, seeds, _over_seeds(seeds))


def _finite(steps: NDArray[np.int64], values: Floats) -> tuple[NDArray[np.int64], Floats]:
    there = np.isfinite(values)
    return steps[there], values[there]


def _binned(
    axis: NDArray[np.int64], bins: NDArray[np.int64], steps: NDArray[np.int64], values: Floats
) -> Floats:
    places = bins[np.searchsorted(axis, steps)]
    size = int(bins[-1]) + 1
    count = np.bincount(places, minlength=size)
    total = np.bincount(places, weights=values, minlength=size)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _over_seeds(seeds: tuple[SeedCurve, ...]) -> tuple[ConditionCurve, ...]:
    grouped: dict[str, list[Floats]] = {}
    for curve in seeds:
        grouped.setdefault(curve.condition, []).append(curve.values)
    return tuple(_summary(condition, np.stack(values)) for condition, values in grouped.items())


def _summary(condition: str, values: Floats) -> ConditionCurve:
    there = np.isfinite(values)
    count = there.sum(axis=0)
    some = count > 0
    mean = np.where(some, np.where(there, values, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
    low = np.where(some, np.where(there, values, np.inf).min(axis=0), np.nan)
    high = np.where(some, np.where(there, values, -np.inf).max(axis=0), np.nan)
    return ConditionCurve(condition, mean, low, high, count)


def varies(found: Curves, tolerance: float = 1e-12) -> bool:
    """Whether the metric moves at all: a flat line says nothing in a plot."""
    values = np.concatenate([curve.values for curve in found.seeds])
    values = values[np.isfinite(values)]
    return bool(len(values)) and bool(np.ptp(values) > tolerance)
