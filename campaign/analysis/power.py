"""How many seeds a claim needs, from a declared smallest effect of interest and never from the observed one.

The unit is the seed: beyond some 2,400 episodes a seed the noise between seeds dominates, and more steps do
not buy what more seeds do. The power is that of the two-sided paired t-test (noncentral t).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite, sqrt
from typing import Any

from campaign.analysis.attainability import MIN_PAIRS, attainable, attainable_words, least_pairs, p_text

MOST_SEEDS = 1_000_000
PILOT_CONFIDENCE = 0.8
"""A pilot's standard deviation is taken at this upper confidence limit: planned with its point estimate, half
of all studies fall short (mean attained power .66 against .88)."""


@dataclass(frozen=True, slots=True)
class PowerRow:
    """One effect: the chance to detect it with the planned seeds, and the seeds that detect it."""

    effect: float
    power: float
    seeds_needed: int | None
    """Seeds for the wanted power; None when more than a million."""


@dataclass(frozen=True, slots=True)
class PowerTable:
    """What a plan can show, before money is spent."""

    n_pairs: int
    sd_difference: float
    """Of candidate minus baseline over seeds, in the metric's units."""
    alpha: float
    """After sharing among the candidates (Bonferroni)."""
    wanted: float
    minimum_detectable: float
    """Smallest effect that the planned seeds detect with the wanted power; infinite when none."""
    attainable_p: float
    rows: tuple[PowerRow, ...]
    words: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        document = asdict(self)
        if not isfinite(self.minimum_detectable):
            document["minimum_detectable"] = None
        return document


@dataclass(frozen=True, slots=True)
class Pilot:
    """What a pilot campaign says about noise, on the cautious side."""

    n: int
    sd_difference: float
    """Standard deviation of the pilot's differences."""
    upper: float
    """Its 80 % upper confidence limit: what to plan with."""


def power_table(
    n_pairs: int,
    effects: Sequence[float],
    sd: float,
    correlation: float = 0.0,
    *,
    alpha: float = 0.05,
    wanted: float = 0.8,
    candidates: int = 1,
) -> PowerTable:
    """Power of the planned seeds for each effect, what they can detect, and the seeds each effect needs.

    `sd` is the standard deviation between seeds within a condition, `correlation` that of two conditions over
    seeds. With several candidates the error rate is shared. Raises ValueError for impossible numbers.
    """
    if not (sd > 0 and isfinite(sd)) or not -1.0 <= correlation < 1.0:
        raise ValueError(f"impossible: standard deviation {sd}, correlation {correlation}")
    sd_difference = sd * sqrt(2.0 * (1.0 - correlation))
    return power_of_differences(
        n_pairs, effects, sd_difference, alpha=alpha, wanted=wanted, candidates=candidates
    )


def power_of_differences(
    n_pairs: int,
    effects: Sequence[float],
    sd_difference: float,
    *,
    alpha: float = 0.05,
    wanted: float = 0.8,
    candidates: int = 1,
) -> PowerTable:
    """The same from the standard deviation of the differences, as a pilot gives it."""
    if not (sd_difference > 0 and isfinite(sd_difference)) or n_pairs < 1 or candidates < 1:
        raise ValueError(f"impossible: sd {sd_difference}, {n_pairs} pairs, {candidates} candidates")
    shared = alpha / candidates
    rows = tuple(
        PowerRow(
            effect,
            power(n_pairs, effect, sd_difference, shared),
            seeds_for(effect, sd_difference, shared, wanted),
        )
        for effect in effects
    )
    smallest = minimum_detectable(n_pairs, sd_difference, shared, wanted)
    words = [attainable_words(n_pairs, alpha)]
    if n_pairs >= 2:
        words.append(f"{n_pairs} seeds detect an effect of {smallest:.3g} with {wanted:.0%} power")
    words.extend(_row_words(row, n_pairs, wanted) for row in rows)
    return PowerTable(
        n_pairs, sd_difference, shared, wanted, smallest, attainable(n_pairs), rows, tuple(words)
    )


def power(n_pairs: int, effect: float, sd_difference: float, alpha: float = 0.05) -> float:
    """Probability that the two-sided paired t-test rejects when the differences are normal."""
    if n_pairs < 2:
        return 0.0
    if sd_difference <= 0:
        return 1.0 if effect else 0.0
    from scipy.special import nctdtr, stdtrit

    df = n_pairs - 1
    noncentrality = abs(effect) / sd_difference * sqrt(n_pairs)
    critical = float(stdtrit(df, 1.0 - alpha / 2.0))
    if noncentrality > 30.0:  # beyond what the noncentral t is tabulated for
        return _power_by_integration(df, noncentrality, critical)
    reached = 1.0 - float(nctdtr(df, noncentrality, critical)) + float(nctdtr(df, noncentrality, -critical))
    if not isfinite(reached):
        return _power_by_integration(df, noncentrality, critical)
    return min(1.0, max(alpha, reached))


def _power_by_integration(df: int, noncentrality: float, critical: float) -> float:
    """P(T > critical): the mean of what the normal says, over the quantiles of the estimated sd."""
    import numpy as np
    from scipy.special import chdtri, ndtr

    from campaign.analysis.sequential import legendre

    points, weights = legendre(400)
    ratio = np.sqrt(chdtri(df, 1.0 - (points + 1.0) / 2.0) / df)
    return float(np.sum(weights / 2.0 * ndtr(noncentrality - critical * ratio)))


def seeds_for(effect: float, sd_difference: float, alpha: float = 0.05, wanted: float = 0.8) -> int | None:
    """The fewest seeds that detect `effect` with the wanted power and can reach `alpha`; None above 10**6."""
    if effect == 0:
        return None
    low = max(2, least_pairs(alpha), MIN_PAIRS)
    if power(low, effect, sd_difference, alpha) >= wanted:
        return low
    high = low
    while power(high, effect, sd_difference, alpha) < wanted:
        low, high = high, high * 2
        if high > MOST_SEEDS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle, effect, sd_difference, alpha) >= wanted else (middle, high)
    return high


def minimum_detectable(n_pairs: int, sd_difference: float, alpha: float = 0.05, wanted: float = 0.8) -> float:
    """The smallest effect that `n_pairs` detect with the wanted power; infinite below two pairs."""
    if n_pairs < 2:
        return float("inf")
    low, high = 0.0, sd_difference
    while power(n_pairs, high, sd_difference, alpha) < wanted:
        low, high = high, high * 2.0
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (
            (low, middle) if power(n_pairs, middle, sd_difference, alpha) >= wanted else (middle, high)
        )
    return high


def sd_upper(sd: float, n: int, confidence: float = PILOT_CONFIDENCE) -> float:
    """Upper confidence limit of a standard deviation that was estimated from `n` numbers (chi-square)."""
    if n < 2:
        return float("inf")
    from scipy.special import chdtri

    return sd * sqrt((n - 1) / float(chdtri(n - 1, confidence)))


def pilot(sd_difference: float, n: int) -> Pilot:
    """What a pilot of `n` pairs allows to plan with."""
    return Pilot(n, sd_difference, sd_upper(sd_difference, n))


def episodes_two_proportions(first: float, second: float, alpha: float = 0.05, wanted: float = 0.8) -> int:
    """Episodes in each arm that tell two success rates apart when every episode is independent (Fleiss 1981,
    without continuity correction).

    A lower bound: completions of one prompt, and of one run, are not independent, so the true need is higher.
    """
    if not (0 < first < 1 and 0 < second < 1) or first == second:
        raise ValueError(f"two different rates between 0 and 1 are needed: {first}, {second}")
    from scipy.special import ndtri

    mean = (first + second) / 2.0
    under_null = float(-ndtri(alpha / 2.0)) * sqrt(2.0 * mean * (1.0 - mean))
    under_effect = float(ndtri(wanted)) * sqrt(first * (1.0 - first) + second * (1.0 - second))
    return int(-(-((under_null + under_effect) ** 2) // (first - second) ** 2))


def _row_words(row: PowerRow, n_pairs: int, wanted: float) -> str:
    need = "more than a million seeds" if row.seeds_needed is None else f"{row.seeds_needed} seeds"
    chance = "<.0001" if row.power < 0.0001 else p_text(row.power)
    return f"an effect of {row.effect:.3g}: power {chance} with {n_pairs} seeds; {need} for {wanted:.0%}"
