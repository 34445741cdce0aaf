"""Statistical tests on per-run samples. They accept `SeedSample` and `Differences` only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from campaign.analysis import kernels
from campaign.analysis.samples import Differences, SeedSample


@dataclass(frozen=True, slots=True)
class Test:
    """The result of a two-sided test, with the corresponding confidence interval."""

    __test__ = False  # keeps pytest from collecting a class called Test

    name: Literal["paired t", "Welch's t", "sign-flip"]
    n: int
    """Number of pairs; for Welch's test, number of runs of the smaller condition."""
    effect: float
    p: float
    lower: float
    upper: float
    level: float
    """Confidence level of the interval."""
    df: float = float("nan")
    exact: bool = False
    """Whether all sign assignments were enumerated."""


def paired_t(differences: Differences, level: float = 0.95) -> Test:
    """Paired t-test of the mean difference over seeds (Student, Biometrika 1908).

    Without variance p is 1 and the interval is unbounded: equal differences carry no information about
    chance.
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
    """Sign-flip (randomisation) test of the mean difference (Fisher, The Design of Experiments 1935), with
    the confidence interval obtained by inverting it.

    It assumes only that the differences are symmetric about 0 under the null hypothesis. Exact up to 20
    pairs; above, 99,999 sign assignments are sampled from a fixed seed and p is (b + 1) / (B + 1) (Phipson
    and Smyth 2010).
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
    """Welch's t-test of candidate minus baseline (Biometrika 1947), for unequal sizes and variances."""
    a, b = _of_sample(baseline), _of_sample(candidate)
    n = min(len(a), len(b))
    if n == 0:
        return Test("Welch's t", 0, float("nan"), 1.0, -np.inf, np.inf, level)
    scale = float(max(np.max(np.abs(a)), np.max(np.abs(b))))
    p, df, lower, upper = kernels.welch(a, b, level, scale)
    effect = float(np.mean(b) - np.mean(a))
    return Test("Welch's t", n, effect, float(p), float(lower), float(upper), level, df=float(df))


def holm(p_values: tuple[float, ...]) -> tuple[float, ...]:
    """Holm-adjusted p-values, in the order given; they control the family-wise error rate (Holm 1979)."""
    return tuple(float(p) for p in kernels.holm(np.array(p_values, dtype=np.float64)))


def cohens_d(differences: Differences) -> float:
    """Cohen's d_z: mean over standard deviation of the differences; NaN without variance."""
    d = _of_differences(differences)
    sd = float(kernels.spread(d, differences.scale)) if len(d) > 1 else 0.0
    return float(np.mean(d)) / sd if sd > 0 else float("nan")


def cohens_d_unpaired(baseline: SeedSample, candidate: SeedSample) -> float:
    """Cohen's d for unequal variances: difference of means over the root of the mean variance (Cohen
    1988)."""
    a, b = _of_sample(baseline), _of_sample(candidate)
    if min(len(a), len(b)) < 2:
        return float("nan")
    sd = float(np.hypot(kernels.spread(a), kernels.spread(b))) / 2.0**0.5
    return float(np.mean(b) - np.mean(a)) / sd if sd > 0 else float("nan")


def _of_differences(differences: Differences) -> kernels.PerSeed:
    if not isinstance(differences, Differences):
        raise TypeError(
            f"a paired test takes Differences, one value per seed, not {type(differences).__name__}: "
            "create them with `pair`"
        )
    return differences.array


def _of_sample(sample: SeedSample) -> kernels.PerSeed:
    if not isinstance(sample, SeedSample):
        raise TypeError(f"a test takes SeedSample, one value per run, not {type(sample).__name__}")
    return sample.array
