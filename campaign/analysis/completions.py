"""Completions that runs logged, counted: what the descriptive rates are made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from campaign.analysis.descriptive import Rates, rates
from campaign.analysis.runs import Run, Runs

CORRECT, TOTAL = "correct_count", "total_count"
"""Completions of a step, as emergence logs name them."""


def rates_of(runs: Runs, baseline: str, candidate: str, seeds: Sequence[int]) -> Rates | None:
    """Success rates over all completions of two conditions; None unless every tested run counted them."""
    first, second = (_together(runs, condition, seeds) for condition in (baseline, candidate))
    return rates(*first, *second) if first and second else None


def count(run: Run) -> tuple[int, int] | None:
    """Correct completions and all of them over the steps of a run whose rows count them, else None."""
    if CORRECT not in run.metrics or TOTAL not in run.metrics:
        return None
    correct, total = run.metrics[CORRECT], run.metrics[TOTAL]
    both = np.isfinite(correct) & np.isfinite(total)
    sums = float(np.sum(correct[both])), float(np.sum(total[both]))
    whole = all(value.is_integer() for value in sums)
    return (int(sums[0]), int(sums[1])) if whole and 0 <= sums[0] <= sums[1] <= 1e15 and sums[1] else None


def _together(runs: Runs, condition: str, seeds: Sequence[int]) -> tuple[int, int] | None:
    there = [run for seed in seeds if (run := runs.get(condition, seed)) is not None]
    counts = [run.completions for run in there]
    known = [pair for pair in counts if pair is not None]
    if not known or len(known) < len(counts):
        return None
    return sum(correct for correct, _ in known), sum(total for _, total in known)
