"""Descriptive success rates over completions. They are reported and never enter a decision.

Completions of one run share its weights, and completions of one prompt share its difficulty. A test that
treats them as independent has 28-69 % false positives at a nominal 5 % (`docs/verdicts.md`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

NEVER_DECIDES = (
    "descriptive only: completions of a run are not independent, so these rates do not enter the verdict"
)


@dataclass(frozen=True, slots=True)
class Rates:
    """Success rates of two conditions over all their completions."""

    baseline: float
    candidate: float
    baseline_completions: int
    candidate_completions: int
    baseline_interval: tuple[float, float]
    """Wilson score interval under independence of completions, hence too narrow."""
    candidate_interval: tuple[float, float]
    fisher_p: float
    """Fisher's exact test under independence of completions, hence too small."""
    decides: bool = False
    words: str = NEVER_DECIDES


def rates(baseline_correct: int, baseline_total: int, candidate_correct: int, candidate_total: int) -> Rates:
    """Both success rates, with the intervals and the test that would hold if completions were independent.

    Raises ValueError for impossible counts.
    """
    for correct, total in ((baseline_correct, baseline_total), (candidate_correct, candidate_total)):
        if not 0 <= correct <= total or total == 0:
            raise ValueError(
                f"{correct} correct of {total} completions is impossible: "
                "expected 0 <= correct <= total and total > 0"
            )
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
    """Wilson score interval (Wilson, JASA 1927) of a proportion of independent trials."""
    from scipy.special import ndtri

    z = float(ndtri(0.5 + level / 2.0))
    rate, weight = correct / total, z * z / total
    centre = (rate + weight / 2.0) / (1.0 + weight)
    half = z * sqrt(rate * (1.0 - rate) / total + weight / (4.0 * total)) / (1.0 + weight)
    return max(0.0, centre - half), min(1.0, centre + half)


def fisher_exact(first_correct: int, first_total: int, second_correct: int, second_total: int) -> float:
    """Two-sided p-value of Fisher's exact test: the total probability of all tables with the same margins
    that are no more likely than the observed one."""
    from scipy.special import gammaln

    correct = first_correct + second_correct
    low, high = max(0, correct - second_total), min(correct, first_total)
    k = np.arange(low, high + 1)

    def log_binomial(n: int, of: np.ndarray[tuple[int], np.dtype[np.int64]]) -> object:
        return gammaln(n + 1.0) - gammaln(of + 1.0) - gammaln(n - of + 1.0)

    # In logarithms, normalised by the largest term: the binomial coefficients overflow at some 1,000 trials.
    log_p = np.asarray(log_binomial(first_total, k)) + np.asarray(log_binomial(second_total, correct - k))
    p = np.exp(log_p - np.max(log_p))
    observed = p[first_correct - low]
    # Tables of equal probability differ by rounding; the relative tolerance is that of R's fisher.test.
    return float(min(1.0, np.sum(p[p <= observed * (1.0 + 1e-7)]) / np.sum(p)))
