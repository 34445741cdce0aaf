"""The tests. Each takes per-run numbers, and nothing else: `SeedSample` or `Differences`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from campaign.analysis import kernels
from campaign.analysis.samples import Differences, SeedSample


@dataclass(frozen=True, slots=True)
class Test:
    """One two-sided test and the interval that goes with it."""

    __test__ = False  # not a test case, whatever a test runner makes of the name

    name: Literal["paired t", "Welch's t", "sign-flip"]
    n: int
    """Pairs; for Welch's test the runs of the smaller condition."""
    effect: float
    p: float
    lower: float
    upper: float
    level: float
    """Of the interval."""
    df: float = float("nan")
    exact: bool = False
    """Every assignment was enumerated."""


def paired_t(differences: Differences, level: float = 0.95) -> Test:
    """Student's t-test of the mean difference over seeds (Biometrika 1908).

    No spread gives p = 1 and an unbounded interval: equal differences carry no information on chance.
    """
    d = _of_differences(differences)
    if len(d) == 0:
        return Test("paired t", 0, float("nan"), 1.0, -np.inf, np.inf, level)
    lower, upper = kernels.t_interval(d, level, differences.scale)
    return Test(
        "paired t",
        len(d),
        float(np.mean(d)),
        float(kernels.paired_t(d, differences.scale)),
        float(lower),
        float(upper),
        level,
        df=len(d) - 1,
    )


def sign_flip(differences: Differences, level: float = 0.95) -> Test:
    """Fisher's sign-flip test of the mean difference, with its own interval: exact to 20 pairs.

    Assumes only that, without an effect, a seed's difference is as likely to have either sign. Above 20 pairs
    99,999 assignments are drawn from a fixed stream and p is (b + 1) / (B + 1) (Phipson and Smyth 2010).
    """
    d = _of_differences(differences)
    if len(d) == 0:
        return Test("sign-flip", 0, float("nan"), 1.0, -np.inf, np.inf, level)
    means = kernels.subset_means(d)
    lower, upper = kernels.sign_flip_interval(d, level, means)
    return Test(
        "sign-flip",
        len(d),
        float(np.mean(d)),
        float(kernels.sign_flip(d, means)),
        float(lower),
        float(upper),
        level,
        exact=len(d) <= kernels.ENUMERATE_TO,
    )


def welch(baseline: SeedSample, candidate: SeedSample, level: float = 0.95) -> Test:
    """Welch's t-test (Biometrika 1947) of candidate minus baseline: n and variances may differ."""
    a, b = _of_sample(baseline), _of_sample(candidate)
    n = min(len(a), len(b))
    if n == 0:
        return Test("Welch's t", 0, float("nan"), 1.0, -np.inf, np.inf, level)
    scale = float(max(np.max(np.abs(a)), np.max(np.abs(b))))
    p, df, lower, upper = kernels.welch(a, b, level, scale)
    effect = float(np.mean(b) - np.mean(a))
    return Test("Welch's t", n, effect, float(p), float(lower), float(upper), level, df=float(df))


def holm(p_values: tuple[float, ...]) -> tuple[float, ...]:
    """Adjusted p-values that hold the family-wise error rate (Holm 1979), in the order given."""
    return tuple(float(p) for p in kernels.holm(np.array(p_values, dtype=np.float64)))


def cohens_d(differences: Differences) -> float:
    """Mean over standard deviation of the differences (Cohen's d_z); NaN without spread."""
    d = _of_differences(differences)
    sd = float(kernels.spread(d, differences.scale)) if len(d) > 1 else 0.0
    return float(np.mean(d)) / sd if sd > 0 else float("nan")


def cohens_d_unpaired(baseline: SeedSample, candidate: SeedSample) -> float:
    """Difference of means over the root of the mean variance (Cohen 1988, unequal variances)."""
    a, b = _of_sample(baseline), _of_sample(candidate)
    if min(len(a), len(b)) < 2:
        return float("nan")
    sd = float(np.hypot(kernels.spread(a), kernels.spread(b))) / 2.0**0.5
    return float(np.mean(b) - np.mean(a)) / sd if sd > 0 else float("nan")


def _of_differences(differences: Differences) -> kernels.PerSeed:
    if not isinstance(differences, Differences):
        raise TypeError(
            f"a paired test takes Differences, one number for each seed, not {type(differences).__name__}: "
            "make them with `pair`"
        )
    return differences.array


def _of_sample(sample: SeedSample) -> kernels.PerSeed:
    if not isinstance(sample, SeedSample):
        raise TypeError(f"a test takes SeedSample, one number for each run, and not {type(sample).__name__}")
    return sample.array
