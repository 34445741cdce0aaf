"""Learning curves: runs downsampled to screen resolution, and their mean and range over the seeds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from campaign.report.campaign_record import CampaignRecord

MAX_POINTS = 100
"""Default number of points per curve, enough for a figure about a thousand pixels wide."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SeedCurve:
    """The curve of one run; NaN where the run has no value."""

    condition: str
    seed: int
    values: Floats


@dataclass(frozen=True, slots=True)
class ConditionCurve:
    """Mean, minimum, maximum and number of seeds of one condition at each step."""

    condition: str
    mean: Floats
    low: Floats
    high: Floats
    count: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Curves:
    """One metric of all runs over a shared axis of steps."""

    metric: str
    steps: Floats
    """Centre of each bin of steps."""
    width: int
    """Number of steps per bin."""
    seeds: tuple[SeedCurve, ...]
    conditions: tuple[ConditionCurve, ...]

    @property
    def uneven(self) -> bool:
        """Whether the number of seeds differs between the points of a condition."""
        return any(len(set(curve.count[curve.count > 0].tolist())) > 1 for curve in self.conditions)


def curves(record: CampaignRecord, metric: str, max_points: int = MAX_POINTS) -> Curves | None:
    """The curves of a metric; None when no run has a finite value of it.

    Steps are binned when there are more than `max_points` of them. Values are averaged per run and bin first,
    so that every seed has the same weight.
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
    width = max(1, -(-len(steps) // max_points))
    bins = np.arange(len(steps)) // width
    centres = np.bincount(bins, weights=steps) / np.bincount(bins)
    seeds = tuple(
        SeedCurve(condition, seed, _binned(steps, bins, *series)) for (condition, seed), series in raw.items()
    )
    return Curves(metric, centres, width, seeds, _over_seeds(seeds))


def _finite(steps: NDArray[np.int64], values: Floats) -> tuple[NDArray[np.int64], Floats]:
    finite = np.isfinite(values)
    return steps[finite], values[finite]


def _binned(
    axis: NDArray[np.int64], bins: NDArray[np.int64], steps: NDArray[np.int64], values: Floats
) -> Floats:
    indices = bins[np.searchsorted(axis, steps)]
    size = int(bins[-1]) + 1
    count = np.bincount(indices, minlength=size)
    total = np.bincount(indices, weights=values, minlength=size)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _over_seeds(seeds: tuple[SeedCurve, ...]) -> tuple[ConditionCurve, ...]:
    grouped: dict[str, list[Floats]] = {}
    for curve in seeds:
        grouped.setdefault(curve.condition, []).append(curve.values)
    return tuple(_summary(condition, np.stack(values)) for condition, values in grouped.items())


def _summary(condition: str, values: Floats) -> ConditionCurve:
    # Not nanmean and nanmin: they warn about steps that no seed has.
    finite = np.isfinite(values)
    count = finite.sum(axis=0)
    some = count > 0
    mean = np.where(some, np.where(finite, values, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
    low = np.where(some, np.where(finite, values, np.inf).min(axis=0), np.nan)
    high = np.where(some, np.where(finite, values, -np.inf).max(axis=0), np.nan)
    return ConditionCurve(condition, mean, low, high, count)


def varies(found: Curves, tolerance: float = 1e-12) -> bool:
    """Whether the metric varies over steps or runs."""
    values = np.concatenate([curve.values for curve in found.seeds])
    values = values[np.isfinite(values)]
    return bool(len(values)) and bool(np.ptp(values) > tolerance)
