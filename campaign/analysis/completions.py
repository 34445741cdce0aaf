"""Counts of correct completions that runs logged, from which the descriptive rates are computed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from campaign.analysis.descriptive import Rates, rates
from campaign.analysis.runs import Run, Runs

CORRECT, TOTAL = "correct_count", "total_count"
"""The keys of a step's completion counts in emergence logs."""


def rates_of(runs: Runs, baseline: str, candidate: str, seeds: Sequence[int]) -> Rates | None:
    """Success rates over all completions of two conditions; None unless every tested run logged counts."""
    first, second = (_pooled_counts(runs, condition, seeds) for condition in (baseline, candidate))
    return rates(*first, *second) if first and second else None


def count(run: Run) -> tuple[int, int] | None:
    """(correct, total) completions over the steps of a run; None when its rows have no valid counts."""
    if CORRECT not in run.metrics or TOTAL not in run.metrics:
        return None
    correct, total = run.metrics[CORRECT], run.metrics[TOTAL]
    both = np.isfinite(correct) & np.isfinite(total)
    sums = float(np.sum(correct[both])), float(np.sum(total[both]))
    # Above 2**53 (about 9e15) a double no longer represents every integer, so a sum would not be a count.
    valid = all(value.is_integer() for value in sums) and 0 <= sums[0] <= sums[1] <= 1e15 and sums[1]
    return (int(sums[0]), int(sums[1])) if valid else None


def _pooled_counts(runs: Runs, condition: str, seeds: Sequence[int]) -> tuple[int, int] | None:
    counts = [run.completions for seed in seeds if (run := runs.get(condition, seed)) is not None]
    logged = [count for count in counts if count is not None]
    if not logged or len(logged) < len(counts):
        return None
    return sum(correct for correct, _ in logged), sum(total for _, total in logged)
