"""Power of the two-sided paired t-test and the number of seeds that a declared effect needs.

Power is computed from the noncentral t distribution (Cohen, Statistical Power Analysis for the Behavioral
Sciences 1988), for the declared smallest effect of interest and never for the observed one. The unit is the
seed: beyond some 2,400 episodes per seed the variance between seeds dominates, and additional steps do not
replace additional seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite, sqrt
from typing import Any

from campaign.analysis.attainability import (
    MIN_PAIRS,
    attainable,
    describe_attainable,
    min_pairs_to_reject,
    p_text,
)

MAX_SEEDS = 1_000_000
"""Upper bound of the search for the required number of seeds."""
PILOT_CONFIDENCE = 0.8
"""Level of the upper confidence limit at which a pilot's standard deviation is used.

With the point estimate instead, about half of all studies would be underpowered: the mean attained power is
.66 instead of .88 (Browne, Statistics in Medicine 1995, proposes the upper limit).
"""


@dataclass(frozen=True, slots=True)
class PowerRow:
    """Power for one effect size, and the number of seeds that reach the target power for it."""

    effect: float
    power: float
    seeds_needed: int | None
    """Seeds for the target power; None when more than a million."""


@dataclass(frozen=True, slots=True)
class PowerTable:
    """Power of a planned number of seeds."""

    n_pairs: int
    sd_difference: float
    """Standard deviation of candidate minus baseline over seeds, in units of the metric."""
    alpha: float
    """Error rate per comparison, after Bonferroni over the candidates."""
    wanted: float
    """Target power."""
    minimum_detectable: float
    """Minimum detectable effect at the target power; infinite below two pairs."""
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
    """The variability measured in a pilot campaign."""

    n: int
    sd_difference: float
    """Standard deviation of the pilot's paired differences."""
    upper: float
    """The 80 % upper confidence limit of `sd_difference`, used for planning."""


def power_of_differences(
    n_pairs: int,
    effects: Sequence[float],
    sd_difference: float,
    *,
    alpha: float = 0.05,
    target_power: float = 0.8,
    candidates: int = 1,
) -> PowerTable:
    """Power of the planned seeds for each effect, the minimum detectable effect, and the seeds each effect needs.

    `sd_difference` is the standard deviation of the paired differences, as estimated by a pilot. Several candidates
    share the error rate. Raises ValueError for values out of range.
    """
    if not (sd_difference > 0 and isfinite(sd_difference)) or n_pairs < 1 or candidates < 1:
        raise ValueError(
            f"impossible: sd {sd_difference}, {n_pairs} pairs, {candidates} candidates; each must be positive"
        )
    shared = alpha / candidates
    rows = tuple(
        PowerRow(
            effect,
            power(n_pairs, effect, sd_difference, shared),
            seeds_for(effect, sd_difference, shared, target_power),
        )
        for effect in effects
    )
    smallest = minimum_detectable(n_pairs, sd_difference, shared, target_power)
    sentences = [describe_attainable(n_pairs, alpha)]
    if n_pairs >= 2:
        sentences.append(f"{n_pairs} seeds detect an effect of {smallest:.3g} with {target_power:.0%} power")
    sentences.extend(_row_sentence(row, n_pairs, target_power) for row in rows)
    return PowerTable(
        n_pairs, sd_difference, shared, target_power, smallest, attainable(n_pairs), rows, tuple(sentences)
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
    if noncentrality > 30.0:  # from here on nctdtr underflows in the lower tail and returns NaN
        return _power_by_integration(df, noncentrality, critical)
    both_tails = (
        1.0 - float(nctdtr(df, noncentrality, critical)) + float(nctdtr(df, noncentrality, -critical))
    )
    if not isfinite(both_tails):
        return _power_by_integration(df, noncentrality, critical)
    # A two-sided test is unbiased: its power is at least alpha. Rounding can put the sum just below.
    return min(1.0, max(alpha, both_tails))


def _power_by_integration(df: int, noncentrality: float, critical: float) -> float:
    """P(T > critical) for the noncentral t, by Gauss-Legendre quadrature.

    T = (Z + noncentrality) / sqrt(X / df) with X chi-square distributed, so the probability is the mean of
    Phi(noncentrality - critical sqrt(X / df)) over the quantiles of X. The lower tail is negligible here.
    """
    import numpy as np
    from scipy.special import chdtri, ndtr

    from campaign.analysis.sequential import legendre

    points, weights = legendre(400)
    ratio = np.sqrt(chdtri(df, 1.0 - (points + 1.0) / 2.0) / df)
    return float(np.sum(weights / 2.0 * ndtr(noncentrality - critical * ratio)))


def seeds_for(
    effect: float, sd_difference: float, alpha: float = 0.05, target_power: float = 0.8
) -> int | None:
    """The smallest number of seeds that detect `effect` with the target power; None above a million.

    Never fewer than an exact test needs to fall below `alpha`, nor than a recommendation needs.
    """
    if effect == 0:
        return None
    low = max(2, min_pairs_to_reject(alpha), MIN_PAIRS)
    if power(low, effect, sd_difference, alpha) >= target_power:
        return low
    high = low
    while power(high, effect, sd_difference, alpha) < target_power:
        low, high = high, high * 2
        if high > MAX_SEEDS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (
            (low, middle) if power(middle, effect, sd_difference, alpha) >= target_power else (middle, high)
        )
    return high


def minimum_detectable(
    n_pairs: int, sd_difference: float, alpha: float = 0.05, target_power: float = 0.8
) -> float:
    """The minimum detectable effect of `n_pairs` at the target power; infinite below two pairs."""
    if n_pairs < 2:
        return float("inf")
    low, high = 0.0, sd_difference
    while power(n_pairs, high, sd_difference, alpha) < target_power:
        low, high = high, high * 2.0
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (
            (low, middle) if power(n_pairs, middle, sd_difference, alpha) >= target_power else (middle, high)
        )
    return high


def sd_upper(sd: float, n: int, confidence: float = PILOT_CONFIDENCE) -> float:
    """Upper confidence limit of a standard deviation estimated from `n` values (chi-square distribution)."""
    if n < 2:
        return float("inf")
    from scipy.special import chdtri

    return sd * sqrt((n - 1) / float(chdtri(n - 1, confidence)))


def pilot(sd_difference: float, n: int) -> Pilot:
    """A pilot of `n` pairs whose differences have standard deviation `sd_difference`."""
    return Pilot(n, sd_difference, sd_upper(sd_difference, n))


def episodes_two_proportions(
    first: float, second: float, alpha: float = 0.05, target_power: float = 0.8
) -> int:
    """Episodes per arm that distinguish two success rates if all episodes are independent (Fleiss,
    Statistical Methods for Rates and Proportions 1981, without continuity correction).

    A lower bound: completions of one prompt, and of one run, are positively correlated. Raises ValueError
    unless the rates are different and between 0 and 1.
    """
    if not (0 < first < 1 and 0 < second < 1) or first == second:
        raise ValueError(f"the two rates must be different and between 0 and 1, not {first} and {second}")
    from scipy.special import ndtri

    mean = (first + second) / 2.0
    under_null = float(-ndtri(alpha / 2.0)) * sqrt(2.0 * mean * (1.0 - mean))
    under_effect = float(ndtri(target_power)) * sqrt(first * (1.0 - first) + second * (1.0 - second))
    return int(-(-((under_null + under_effect) ** 2) // (first - second) ** 2))


def _row_sentence(row: PowerRow, n_pairs: int, target_power: float) -> str:
    needed = "more than a million seeds" if row.seeds_needed is None else f"{row.seeds_needed} seeds"
    power_now = "<.0001" if row.power < 0.0001 else p_text(row.power)
    return (
        f"an effect of {row.effect:.3g}: power {power_now} with {n_pairs} seeds; "
        f"{needed} for {target_power:.0%}"
    )
