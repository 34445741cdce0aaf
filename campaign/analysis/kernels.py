"""The arithmetic of the tests, on arrays whose last axis is the seeds; every leading axis is a batch.

Internal: the doors to it are `campaign.analysis.significance`, which takes per-run samples only, and the
calibration. `PerSeed` marks an array that holds one number for each seed, so that a pooled array does not
type-check here either.
"""

from __future__ import annotations

from typing import Any, NewType

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
PerSeed = NewType("PerSeed", np.ndarray[Any, np.dtype[np.float64]])

ENUMERATE_TO = 20
"""Up to so many pairs every assignment of signs is enumerated (2**20); above, a sample of them is drawn."""
RESAMPLES = 99_999
"""Sign assignments drawn above `ENUMERATE_TO`, with a fixed stream, so that a result can be repeated."""
_NO_SPREAD = 1e-12
"""A standard deviation below this share of the values' size is rounding, not spread."""


def spread(d: PerSeed, scale: Floats | float = 0.0) -> Floats:
    """Standard deviation (n - 1) of differences; exactly 0 where it is only rounding error of values of
    size `scale`."""
    size = np.maximum(np.max(np.abs(d), axis=-1, initial=0.0), scale)
    if d.shape[-1] < 2:
        return np.zeros(d.shape[:-1])
    # In units of their size: the squares of 1e300 and of 1e-300 are no numbers any more.
    unit = np.max(np.abs(d), axis=-1, keepdims=True, initial=0.0)
    units = np.divide(d, unit, out=np.zeros_like(d), where=unit > 0)
    sd = np.std(units, axis=-1, ddof=1) * unit[..., 0]
    return np.asarray(np.where(sd <= _NO_SPREAD * size, 0.0, sd))


def t_statistic(d: PerSeed, null: Floats | float = 0.0, scale: Floats | float = 0.0) -> Floats:
    """Student's t of mean(d) - null; 0 without spread: equal differences say nothing about chance."""
    sd = spread(d, scale)
    error = sd / np.sqrt(d.shape[-1])
    t = np.divide(np.mean(d, axis=-1) - null, error, out=np.zeros_like(sd), where=sd > 0)
    return np.asarray(t)


def t_two_sided(t: Floats, df: Floats | float) -> Floats:
    """P(|T| >= |t|) of Student's distribution."""
    from scipy.special import stdtr

    return np.asarray(2.0 * stdtr(df, -np.abs(t)))


def t_quantile(level: float, df: Floats | float) -> Floats:
    """The point that |T| stays below with probability `level`."""
    from scipy.special import stdtrit

    return np.asarray(stdtrit(df, 0.5 + level / 2.0))


def paired_t(d: PerSeed, scale: Floats | float = 0.0) -> Floats:
    """Two-sided p of the paired t-test (Student 1908); 1 where there is no spread or less than two pairs."""
    if d.shape[-1] < 2:
        return np.ones(d.shape[:-1])
    return t_two_sided(t_statistic(d, 0.0, scale), d.shape[-1] - 1)


def skewness(d: PerSeed, scale: Floats | float = 0.0) -> Floats:
    """Third standardised moment of the differences; 0 where there is no spread."""
    sd = spread(d, scale)
    deviation = d - np.mean(d, axis=-1, keepdims=True)
    # In units of the spread first: the cube of a small number is no number any more.
    units = np.divide(deviation, sd[..., None], out=np.zeros_like(deviation), where=sd[..., None] > 0)
    size = np.mean(units**2, axis=-1)
    cubes = np.mean(units**3, axis=-1)
    return np.asarray(np.divide(cubes, size**1.5, out=np.zeros_like(sd), where=size > 0))


def skew_corrected(d: PerSeed, scale: Floats | float = 0.0) -> Floats:
    """Two-sided p of the t-test with Hall's cubic transformation, which takes the skewness of the differences
    out of it (Journal of the Royal Statistical Society B 54, 1992). 1 where the t-test has 1."""
    n = d.shape[-1]
    if n < 3:
        return np.ones(d.shape[:-1])
    units = t_statistic(d, 0.0, scale) / np.sqrt(n)
    skew = skewness(d, scale)
    straight = units + skew * units**2 / 3.0 + skew**2 * units**3 / 27.0 + skew / (6.0 * n)
    p = t_two_sided(np.sqrt(n) * straight, n - 1)
    return np.asarray(np.where(spread(d, scale) > 0, p, 1.0))


def t_interval(d: PerSeed, level: float, scale: Floats | float = 0.0) -> tuple[Floats, Floats]:
    """Confidence limits of the mean difference; infinite where there is no spread to judge by."""
    mean = np.mean(d, axis=-1)
    if d.shape[-1] < 2:
        return np.full_like(mean, -np.inf), np.full_like(mean, np.inf)
    sd = spread(d, scale)
    half = np.where(sd > 0, t_quantile(level, d.shape[-1] - 1) * sd / np.sqrt(d.shape[-1]), np.inf)
    return mean - half, mean + half


def welch(a: PerSeed, b: PerSeed, level: float, scale: float = 0.0) -> tuple[Floats, Floats, Floats, Floats]:
    """Welch's test of mean(b) - mean(a) (Biometrika 1947): p, degrees of freedom, lower and upper limit."""
    n_a, n_b = a.shape[-1], b.shape[-1]
    effect = np.mean(b, axis=-1) - np.mean(a, axis=-1)
    if min(n_a, n_b) < 2:
        nothing = np.full_like(effect, np.inf)
        return np.ones_like(effect), np.zeros_like(effect), -nothing, nothing
    sd_a, sd_b = spread(a, scale), spread(b, scale)
    unit = np.where((larger := np.maximum(sd_a, sd_b)) > 0, larger, 1.0)
    share_a, share_b = (sd_a / unit) ** 2 / n_a, (sd_b / unit) ** 2 / n_b
    variance = share_a + share_b
    some = variance > 0
    below = share_a**2 / (n_a - 1) + share_b**2 / (n_b - 1)
    df = np.divide(variance**2, below, out=np.ones_like(variance), where=some)
    error = unit * np.sqrt(variance)
    t = np.divide(effect, error, out=np.zeros_like(effect), where=some)
    half = np.where(some, t_quantile(level, df) * error, np.inf)
    return t_two_sided(t, df), df, effect - half, effect + half


def subset_means(d: PerSeed) -> Floats:
    """Mean of every non-empty subset of the pairs, all 2**n - 1 of them (or a sample, above `ENUMERATE_TO`).

    They are all that a sign-flip test needs: the flipped mean reaches the observed one, after a shift by
    delta, exactly for those subsets whose mean is at most delta (Hartigan, JASA 1969).
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
    stream = np.random.default_rng(20)
    blocks, left = [], RESAMPLES
    while left:
        size = min(left, max(1, 2_000_000 // d.shape[-1]))
        chosen = stream.integers(0, 2, size=(size, d.shape[-1])).astype(np.float64)
        counts = chosen.sum(axis=-1)
        # The empty subset (2**-n) flips nothing: it reaches the observed mean under every shift.
        means = np.where(counts > 0, (d @ chosen.T) / np.maximum(counts, 1.0), -np.inf)
        blocks.append(means)
        left -= size
    return np.concatenate(blocks, axis=-1)


def sign_flip(d: PerSeed, means: Floats | None = None) -> Floats:
    """Two-sided p of the sign-flip test of the mean (Fisher 1935): exact to n = 20, then (b+1)/(B+1)."""
    if d.shape[-1] == 0:
        return np.ones(d.shape[:-1])
    means = subset_means(d) if means is None else means
    tie = _NO_SPREAD * np.max(np.abs(d), axis=-1, keepdims=True)
    positive = np.mean(d, axis=-1, keepdims=True) >= 0
    # Draws of the empty subset stand at -inf: count them on the side that is asked for.
    reaching = np.where(positive, means <= tie, (means >= -tie) | np.isneginf(means))
    share = (1.0 + np.count_nonzero(reaching, axis=-1)) / (means.shape[-1] + 1.0)
    return np.asarray(np.minimum(1.0, 2.0 * share))


def sign_flip_interval(d: PerSeed, level: float, means: Floats | None = None) -> tuple[Floats, Floats]:
    """Limits of all shifts that the sign-flip test does not reject at 1 - `level`: order statistics of the
    subset means. Infinite where so few pairs can reject nothing."""
    mean = np.mean(d, axis=-1)
    unbounded = np.full_like(mean, -np.inf), np.full_like(mean, np.inf)
    if d.shape[-1] == 0:
        return unbounded
    means = subset_means(d) if means is None else means
    total = means.shape[-1] + 1
    rank = int(np.floor((1.0 - level) * total / 2.0 + 1e-9))
    if rank < 1:
        return unbounded
    above = np.where(np.isneginf(means), np.inf, means)
    lower = np.partition(means, rank - 1, axis=-1)[..., rank - 1]
    upper = np.partition(above, total - 1 - rank, axis=-1)[..., total - 1 - rank]
    return np.asarray(lower), np.asarray(upper)


def holm(p: Floats) -> Floats:
    """Holm's adjusted p-values (Scandinavian Journal of Statistics 1979) over the last axis."""
    m = p.shape[-1]
    if m == 0:
        return p
    order = np.argsort(p, axis=-1, kind="stable")
    ranked = np.take_along_axis(p, order, axis=-1) * np.arange(m, 0, -1)
    stepped = np.minimum(1.0, np.maximum.accumulate(ranked, axis=-1))
    adjusted = np.empty_like(stepped)
    np.put_along_axis(adjusted, order, stepped, axis=-1)
    return adjusted
