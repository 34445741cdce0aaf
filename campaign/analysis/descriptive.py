"""Rates over completions: shown, and never deciding.

Completions of one run share its weights and those of one prompt its difficulty, so a test that counts them as
independent is wrong more than half of the time (54-77 % false positives at a nominal 5 %).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

NEVER_DECIDES = "descriptive only: completions of a run are not independent, so this decides nothing"


@dataclass(frozen=True, slots=True)
class Rates:
    """Success rates of two conditions over all their completions."""

    baseline: float
    candidate: float
    baseline_completions: int
    candidate_completions: int
    baseline_interval: tuple[float, float]
    """Wilson interval as if completions were independent: too narrow."""
    candidate_interval: tuple[float, float]
    fisher_p: float
    """Fisher's exact test as if completions were independent: far too small."""
    decides: bool = False
    words: str = NEVER_DECIDES


def rates(baseline_correct: int, baseline_total: int, candidate_correct: int, candidate_total: int) -> Rates:
    """Both rates with what would hold if completions were independent.

    Raises ValueError for impossible counts.
    """
    for correct, total in ((baseline_correct, baseline_total), (candidate_correct, candidate_total)):
        if not 0 <= correct <= total or total == 0:
            raise ValueError(f"{correct} correct of {total} completions is impossible")
    return Rates(
        baseline_correct / baseline_total,
        candidate_correct / candidate_total,
        baseline_total,
        candidate_total,
        wilson(baseline_correct, baseline_total),
        wilson(candidate_correct, candidate_total),
        fisher_exact(baseline_correct, baseline_total, candidate_correct, candidate_total),
    )


def wilson(correct: int, total: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval (JASA 1927) of a proportion of independent trials."""
    from scipy.special import ndtri

    z = float(ndtri(0.5 + level / 2.0))
    rate, weight = correct / total, z * z / total
    centre = (rate + weight / 2.0) / (1.0 + weight)
    half = z * sqrt(rate * (1.0 - rate) / total + weight / (4.0 * total)) / (1.0 + weight)
    return max(0.0, centre - half), min(1.0, centre + half)


def fisher_exact(first_correct: int, first_total: int, second_correct: int, second_total: int) -> float:
    """Two-sided p of Fisher's exact test: the probability of all tables no likelier than this one."""
    from scipy.special import gammaln

    correct = first_correct + second_correct
    low, high = max(0, correct - second_total), min(correct, first_total)
    k = np.arange(low, high + 1)

    def choose(n: int, of: np.ndarray[tuple[int], np.dtype[np.int64]]) -> object:
        return gammaln(n + 1.0) - gammaln(of + 1.0) - gammaln(n - of + 1.0)

    log_p = np.asarray(choose(first_total, k)) + np.asarray(choose(second_total, correct - k))
    p = np.exp(log_p - np.max(log_p))
    here = p[first_correct - low]
    return float(min(1.0, np.sum(p[p <= here * (1.0 + 1e-7)]) / np.sum(p)))
