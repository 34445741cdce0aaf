"""Vectorised arithmetic of the tests. The last axis of every array is the seeds; leading axes are a batch.

Internal: called by `campaign.analysis.significance`, which accepts per-run samples only, and by the
calibration benchmark. `PerSeed` marks an array with one value per seed, so that passing a pooled array fails
type checking here too.
"""

from __future__ import annotations

from typing import Any, NewType

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
PerSeed = NewType("PerSeed", np.ndarray[Any, np.dtype[np.float64]])

ENUMERATE_TO = 20
"""Up to this many pairs all 2**n sign assignments are enumerated; above it, a random sample of them is
used."""
RESAMPLES = 99_999
"""Sign assignments sampled above `ENUMERATE_TO`, from a fixed seed, so that results are reproducible."""
_NO_SPREAD = 1e-12
"""A standard deviation below this fraction of the largest value is treated as rounding error.

It is some 4,500 times the machine epsilon, to cover the rounding that sums and logged values accumulate, and
far below any difference between runs that a metric can resolve.
"""


def spread(d: PerSeed, scale: Floats | float = 0.0) -> Floats:
    """Sample standard deviation (n - 1); exactly 0 where it is within rounding error of values of size
    `scale`.

    `scale` is the size of the numbers that were subtracted: differences that are equal in exact arithmetic,
    of numbers near 1e6, vary by some 1e-10, and a t-test of them would be significant.
    """
    size = np.maximum(np.max(np.abs(d), axis=-1, initial=0.0), scale)
    if d.shape[-1] < 2:
        return np.zeros(d.shape[:-1])
    # Scaled to a maximum of 1 first, because the squares of 1e300 and 1e-300 overflow and underflow.
    unit = np.max(np.abs(d), axis=-1, keepdims=True, initial=0.0)
    units = np.divide(d, unit, out=np.zeros_like(d), where=unit > 0)
    sd = np.std(units, axis=-1, ddof=1) * unit[..., 0]
    return np.asarray(np.where(sd <= _NO_SPREAD * size, 0.0, sd))


def t_statistic(d: PerSeed, null: Floats | float = 0.0, scale: Floats | float = 0.0) -> Floats:
    """Student's t statistic of mean(d) - null; 0 where the differences have no variance."""
    sd = spread(d, scale)
    error = sd / np.sqrt(d.shape[-1])
    t = np.divide(np.mean(d, axis=-1) - null, error, out=np.zeros_like(sd), where=sd > 0)
    return np.asarray(t)


def t_two_sided(t: Floats, df: Floats | float) -> Floats:
    """Two-sided tail probability P(|T| >= |t|) of Student's t distribution."""
    from scipy.special import stdtr

    # Twice the lower tail: 1 - cdf(|t|) would lose all digits of p below 1e-16.
    return np.asarray(2.0 * stdtr(df, -np.abs(t)))


def t_quantile(level: float, df: Floats | float) -> Floats:
    """The two-sided critical value: P(|T| <= t) = `level`."""
    from scipy.special import stdtrit

    return np.asarray(stdtrit(df, 0.5 + level / 2.0))


def paired_t(d: PerSeed, scale: Floats | float = 0.0) -> Floats:
    """Two-sided p-value of the paired t-test (Student, Biometrika 1908); 1 without variance or with fewer
    than two pairs."""
    if d.shape[-1] < 2:
        return np.ones(d.shape[:-1])
    return t_two_sided(t_statistic(d, 0.0, scale), d.shape[-1] - 1)


def skewness(d: PerSeed, scale: Floats | float = 0.0) -> Floats:
    """Sample skewness g1 = m3 / m2**1.5 (Joanes and Gill, The Statistician 1998); 0 where there is no
    variance."""
    sd = spread(d, scale)
    deviation = d - np.mean(d, axis=-1, keepdims=True)
    # Standardised first, because the cubes of small deviations underflow.
    units = np.divide(deviation, sd[..., None], out=np.zeros_like(deviation), where=sd[..., None] > 0)
    second, third = np.mean(units**2, axis=-1), np.mean(units**3, axis=-1)
    return np.asarray(np.divide(third, second**1.5, out=np.zeros_like(sd), where=second > 0))


def skew_corrected(d: PerSeed, scale: Floats | float = 0.0) -> Floats:
    """Two-sided p-value of the t-test after Hall's transformation, which removes the skewness of the
    statistic.

    With U = mean / sd and skewness g, the transformed statistic is sqrt(n) (U + g U**2 / 3 + g**2 U**3 / 27 +
    g / (6 n)), the cubic of Hall (Journal of the Royal Statistical Society B 54, 1992). Unlike the quadratic
    Cornish-Fisher correction it is monotone in U, because its derivative is (1 + g U / 3)**2, so a larger
    effect cannot have a larger p-value. 1 where the t-test has 1.
    """
    n = d.shape[-1]
    if n < 3:
        return np.ones(d.shape[:-1])
    u = t_statistic(d, 0.0, scale) / np.sqrt(n)
    g = skewness(d, scale)
    transformed = u + g * u**2 / 3.0 + g**2 * u**3 / 27.0 + g / (6.0 * n)
    p = t_two_sided(np.sqrt(n) * transformed, n - 1)
    return np.asarray(np.where(spread(d, scale) > 0, p, 1.0))


def t_interval(d: PerSeed, level: float, scale: Floats | float = 0.0) -> tuple[Floats, Floats]:
    """Confidence limits of the mean difference; infinite where there is no variance."""
    mean = np.mean(d, axis=-1)
    if d.shape[-1] < 2:
        return np.full_like(mean, -np.inf), np.full_like(mean, np.inf)
    sd = spread(d, scale)
    half = np.where(sd > 0, t_quantile(level, d.shape[-1] - 1) * sd / np.sqrt(d.shape[-1]), np.inf)
    return mean - half, mean + half


def welch(a: PerSeed, b: PerSeed, level: float, scale: float = 0.0) -> tuple[Floats, Floats, Floats, Floats]:
    """Welch's t-test of mean(b) - mean(a) (Biometrika 1947).

    Returns the two-sided p-value, the Welch-Satterthwaite degrees of freedom, and the confidence limits.
    """
    n_a, n_b = a.shape[-1], b.shape[-1]
    effect = np.mean(b, axis=-1) - np.mean(a, axis=-1)
    if min(n_a, n_b) < 2:
        unbounded = np.full_like(effect, np.inf)
        return np.ones_like(effect), np.zeros_like(effect), -unbounded, unbounded
    sd_a, sd_b = spread(a, scale), spread(b, scale)
    # In units of the larger standard deviation: the degrees of freedom need its fourth power, which
    # overflows.
    unit = np.where((larger := np.maximum(sd_a, sd_b)) > 0, larger, 1.0)
    variance_a, variance_b = (sd_a / unit) ** 2 / n_a, (sd_b / unit) ** 2 / n_b
    variance = variance_a + variance_b
    varies = variance > 0
    denominator = variance_a**2 / (n_a - 1) + variance_b**2 / (n_b - 1)
    df = np.divide(variance**2, denominator, out=np.ones_like(variance), where=varies)
    error = unit * np.sqrt(variance)
    t = np.divide(effect, error, out=np.zeros_like(effect), where=varies)
    half = np.where(varies, t_quantile(level, df) * error, np.inf)
    return t_two_sided(t, df), df, effect - half, effect + half


def subset_means(d: PerSeed) -> Floats:
    """Means of all 2**n - 1 non-empty subsets of the pairs; of a sample of them above `ENUMERATE_TO`.

    They determine the sign-flip test of every null value delta. Flipping the signs of d - delta on a subset S
    changes the mean by -2 |S| (mean(S) - delta) / n, so the flipped mean is at least the observed one exactly
    when mean(S) <= delta. Test and confidence limits are therefore counts and order statistics of the subset
    means (Hartigan, JASA 1969).
    """
    n = d.shape[-1]
    if n > ENUMERATE_TO:
        return _sampled_subset_means(d)
    sums = np.zeros((*d.shape[:-1], 1))
    counts = np.zeros(1)
    for i in range(n):
        sums = np.concatenate((sums, sums + d[..., i : i + 1]), axis=-1)
        counts = np.concatenate((counts, counts + 1.0))
    return np.asarray(sums[..., 1:] / counts[1:])


def _sampled_subset_means(d: PerSeed) -> Floats:
    rng = np.random.default_rng(20)
    blocks, remaining = [], RESAMPLES
    while remaining:
        size = min(remaining, max(1, 2_000_000 // d.shape[-1]))
        chosen = rng.integers(0, 2, size=(size, d.shape[-1])).astype(np.float64)
        counts = chosen.sum(axis=-1)
        # The empty subset flips no sign, so its mean equals the observed one for every delta: it must count
        # as "mean(S) <= delta", whatever delta is.
        means = np.where(counts > 0, (d @ chosen.T) / np.maximum(counts, 1.0), -np.inf)
        blocks.append(means)
        remaining -= size
    return np.concatenate(blocks, axis=-1)


def sign_flip(d: PerSeed, means: Floats | None = None) -> Floats:
    """Two-sided p-value of the sign-flip (randomisation) test of the mean (Fisher, The Design of Experiments
    1935).

    Exact up to n = 20. Above, p = (b + 1) / (B + 1) for b of B sampled assignments, which keeps the test
    valid, whereas b / B does not (Phipson and Smyth, Statistical Applications in Genetics and Molecular
    Biology 2010).
    """
    if d.shape[-1] == 0:
        return np.ones(d.shape[:-1])
    means = subset_means(d) if means is None else means
    # Subset means that equal 0 exactly are computed with rounding error. Counting them as ties raises p.
    tolerance = _NO_SPREAD * np.max(np.abs(d), axis=-1, keepdims=True)
    positive = np.mean(d, axis=-1, keepdims=True) >= 0
    # Samples of the empty subset are marked by -inf and count on either side.
    extreme = np.where(positive, means <= tolerance, (means >= -tolerance) | np.isneginf(means))
    # The 1 is the identity assignment, which enumeration leaves out as the empty subset.
    one_sided = (1.0 + np.count_nonzero(extreme, axis=-1)) / (means.shape[-1] + 1.0)
    return np.asarray(np.minimum(1.0, 2.0 * one_sided))


def sign_flip_interval(d: PerSeed, level: float, means: Floats | None = None) -> tuple[Floats, Floats]:
    """Confidence limits by inversion of the sign-flip test: the null values that it does not reject at 1 -
    `level`.

    They are order statistics of the subset means (see `subset_means`). Infinite when so few pairs cannot
    reject at this level.
    """
    mean = np.mean(d, axis=-1)
    unbounded = np.full_like(mean, -np.inf), np.full_like(mean, np.inf)
    if d.shape[-1] == 0:
        return unbounded
    means = subset_means(d) if means is None else means
    total = means.shape[-1] + 1
    # 1e-9: (1 - .95) * 2**k / 2 must not lose an integer rank to the rounding of 1 - level.
    rank = int(np.floor((1.0 - level) * total / 2.0 + 1e-9))
    if rank < 1:
        return unbounded
    above = np.where(np.isneginf(means), np.inf, means)
    lower = np.partition(means, rank - 1, axis=-1)[..., rank - 1]
    upper = np.partition(above, total - 1 - rank, axis=-1)[..., total - 1 - rank]
    return np.asarray(lower), np.asarray(upper)


def holm(p: Floats) -> Floats:
    """Holm-adjusted p-values over the last axis (Holm, Scandinavian Journal of Statistics 1979)."""
    m = p.shape[-1]
    if m == 0:
        return p
    order = np.argsort(p, axis=-1, kind="stable")
    ranked = np.take_along_axis(p, order, axis=-1) * np.arange(m, 0, -1)
    # The running maximum is the step-down rule: a hypothesis is rejected only if all smaller p-values are.
    monotone = np.minimum(1.0, np.maximum.accumulate(ranked, axis=-1))
    adjusted = np.empty_like(monotone)
    np.put_along_axis(adjusted, order, monotone, axis=-1)
    return adjusted
