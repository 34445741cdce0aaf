"""Group-sequential testing: several declared looks at the data share one error rate.

The error is spent by the O'Brien-Fleming-type function of Lan and DeMets (Biometrika 1983), alpha(t) = 2 (1 -
Phi(z / sqrt(t))) with z the two-sided critical value of alpha, applied to |Z|. The bounds follow by recursive
integration over the paths that have not stopped (Armitage, McPherson and Rowe, Journal of the Royal
Statistical Society A 1969). Retesting at .05 instead, after doubling 8 seeds to 16, has an error rate of 8.5
%; testing after every seed has one of 21 %.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from campaign.analysis import kernels
from campaign.analysis.kernels import PerSeed

Floats = NDArray[np.float64]
_FAR = 8.3
"""Beyond this many standard deviations the normal tail, 5e-17, is below the resolution of a double near 1."""
_NODES = 96
"""Quadrature nodes per look: the integrand is a product of normal densities, for which this is exact to
1e-13."""


@dataclass(frozen=True, slots=True)
class Look:
    """One declared analysis."""

    number: int
    """Counted from 1."""
    of: int
    seeds: int
    """Declared number of seeds per condition at this look."""
    fraction: float
    """Information fraction: the seeds at this look over the seeds at the last look."""
    nominal: float
    """Nominal significance level: the test rejects at this look when p is below it."""


def spent(alpha: float, fraction: float) -> float:
    """Cumulative error spent at information fraction `fraction`."""
    from scipy.special import ndtr, ndtri

    if fraction <= 0.0:
        return 0.0
    return float(2.0 * ndtr(ndtri(alpha / 2.0) / np.sqrt(min(fraction, 1.0))))


def fractions(looks: Sequence[int]) -> tuple[float, ...]:
    """Information fractions of looks given as numbers of seeds."""
    return tuple(look / looks[-1] for look in looks)


@lru_cache(maxsize=4096)
def bounds(alpha: float, at: tuple[float, ...]) -> tuple[float, ...]:
    """Critical values of |Z| at the ascending information fractions `at`."""
    from scipy.special import ndtri

    density = _ContinuationDensity()
    values = []
    spent_before, time = 0.0, 0.0
    for fraction in at:
        increment = spent(alpha, fraction) - spent_before
        if len(at) == 1 and fraction == 1.0:
            values.append(float(-ndtri(alpha / 2.0)))
            break
        critical = density.critical(increment, time, fraction)
        density = density.after(critical, time, fraction)
        values.append(critical)
        spent_before, time = spent(alpha, fraction), fraction
    return tuple(values)


def plan_looks(looks: Sequence[int], alpha: float = 0.05) -> tuple[Look, ...]:
    """The declared looks with their nominal significance levels."""
    from scipy.special import ndtr

    at = fractions(looks)
    return tuple(
        Look(number, len(looks), seeds, fraction, float(2.0 * ndtr(-critical)))
        for number, (seeds, fraction, critical) in enumerate(
            zip(looks, at, bounds(alpha, at), strict=True), start=1
        )
    )


def sequential_p(z: Sequence[float], at: Sequence[float]) -> float:
    """Sequential p-value: the smallest alpha at which the looks so far reject (Liu and Anderson, JASA 2008).

    `z` has one statistic per completed look and `at` the information fractions of these looks. For a single
    look at the full information this is the ordinary two-sided p-value. Holm's procedure may be applied to
    sequential p-values, because they are valid p-values (Maurer and Bretz, Statistics in Biopharmaceutical
    Research 2013).
    """
    if not z:
        return 1.0
    return min(_look_p(abs(value), tuple(at[: number + 1])) for number, value in enumerate(z))


def inverse_normal(
    stages: Sequence[PerSeed], weights: Sequence[float], null: float, scale: float = 0.0
) -> float:
    """Inverse normal combination of independent stages with prespecified weights (Lehmacher and Wassmer,
    Biometrics 1999).

    The one-sided t-test p-value of each stage's new seeds becomes a normal score z; sum(sqrt(w) z) / sqrt(sum
    w) is standard normal under the null hypothesis, however the size of a later stage was chosen.
    """
    scores = [normal_score(stage, null, scale) for stage in stages]
    total = sum(weights)
    return float(sum(np.sqrt(w) * s for w, s in zip(weights, scores, strict=True)) / np.sqrt(total))


def inverse_normal_interval(
    stages: Sequence[PerSeed], weights: Sequence[float], critical: float, scale: float = 0.0
) -> tuple[float, float]:
    """The effects that the combination test does not reject: a repeated confidence interval (Mehta, Bauer,
    Posch and Brannath, Statistics in Medicine 2007). Unbounded when a stage has no variance.

    Each limit is bracketed by doubling and then bisected: the statistic is monotone in the null value.
    """
    centre = float(np.mean(np.concatenate(stages)))
    errors = [float(kernels.spread(stage, scale)) / sqrt(len(stage)) for stage in stages]
    if not all(error > 0 for error in errors):
        return -np.inf, np.inf
    step = max(errors)

    def limit(sign: float) -> float:
        def rejected(null: float) -> bool:
            return sign * inverse_normal(stages, weights, null, scale) < -critical

        far = 1.0
        while not rejected(centre + sign * far * step):
            far *= 2.0
            if far > 1e9:
                return sign * float("inf")
        near = 0.0
        while rejected(centre + sign * near * step):
            near = 2.0 * near - 1.0
        low, high = near, far
        for _ in range(80):
            middle = (low + high) / 2.0
            low, high = (low, middle) if rejected(centre + sign * middle * step) else (middle, high)
        return centre + sign * high * step

    return limit(-1.0), limit(1.0)


def normal_score(d: PerSeed, null: float = 0.0, scale: float = 0.0) -> float:
    """The normal score of the t statistic: the z with Phi(z) = P(T <= t). 0 without variance."""
    from scipy.special import ndtri, stdtr

    if len(d) < 2:
        return 0.0
    t = float(kernels.t_statistic(d, null, scale))
    # In the lower tail, because 1 - 1e-20 rounds to 1 in the upper one; the sign of t is restored afterwards.
    tail = max(float(stdtr(len(d) - 1, -abs(t))), 1e-300)
    return float(-np.sign(t) * ndtri(tail))


@dataclass(frozen=True, slots=True)
class _ContinuationDensity:
    """Density of the Brownian motion at the last look, restricted to the paths that have not stopped.

    Represented at quadrature nodes; both fields are None before the first look, when the process is at 0.
    """

    at: Floats | None = None
    weight: Floats | None = None
    """Density times quadrature weight at each node."""

    def crossing(self, critical: float, time: float, fraction: float) -> float:
        """P(not stopped before, and |Z| >= critical at `fraction`)."""
        from scipy.special import ndtr

        edge, step = critical * np.sqrt(fraction), np.sqrt(fraction - time)
        if self.at is None or self.weight is None:
            return float(2.0 * ndtr(-critical))
        return float(self.weight @ (ndtr((-edge - self.at) / step) + ndtr((self.at - edge) / step)))

    def critical(self, increment: float, time: float, fraction: float) -> float:
        """The critical value whose crossing probability is `increment`, within [0, _FAR]."""
        if self.crossing(_FAR, time, fraction) >= increment:
            return _FAR
        if self.crossing(0.0, time, fraction) <= increment:
            return 0.0
        return _root(lambda critical: self.crossing(critical, time, fraction) - increment, 0.0, _FAR, 1e-13)

    def after(self, critical: float, time: float, fraction: float) -> _ContinuationDensity:
        """The density at `fraction`, over the paths that do not cross there.

        The recursion of Armitage, McPherson and Rowe (1969): the density is the convolution of the previous
        one with the normal increment between the looks, truncated at the boundary.
        """
        nodes, weights = legendre(_NODES)
        edge, step = critical * np.sqrt(fraction), np.sqrt(fraction - time)
        x = nodes * edge
        if self.at is None or self.weight is None:
            density = np.exp(-0.5 * (x / step) ** 2) / (step * np.sqrt(2 * np.pi))
        else:
            increment = (x[:, None] - self.at[None, :]) / step
            density = (np.exp(-0.5 * increment**2) / (step * np.sqrt(2 * np.pi))) @ self.weight
        return _ContinuationDensity(x, weights * edge * density)


@lru_cache(maxsize=2)
def legendre(nodes: int) -> tuple[Floats, Floats]:
    """Nodes and weights of Gauss-Legendre quadrature on [-1, 1]."""
    points, weights = np.polynomial.legendre.leggauss(nodes)
    return np.asarray(points), np.asarray(weights)


@lru_cache(maxsize=4096)
def _look_p(z: float, at: tuple[float, ...]) -> float:
    """The alpha whose bound at the last of these looks is exactly z, by root finding over log(alpha)."""
    from scipy.special import ndtr

    if len(at) == 1 and at[0] >= 1.0:
        return float(2.0 * ndtr(-z))
    low, high = -40.0, float(np.log(0.9999))
    if bounds(float(np.exp(high)), at)[-1] >= z:
        return 1.0
    if bounds(float(np.exp(low)), at)[-1] <= z:
        return float(np.exp(low))
    return float(
        np.exp(_root(lambda log_alpha: bounds(float(np.exp(log_alpha)), at)[-1] - z, low, high, 1e-10))
    )


def _root(function: Callable[[float], float], low: float, high: float, tolerance: float) -> float:
    """The root of a monotone function between `low` and `high`, by Ridders' method (IEEE Transactions on
    Circuits and Systems 1979): bracketing, with quadratic convergence, and without importing scipy.optimize.
    """
    at_low, at_high = function(low), function(high)
    root = low
    for _ in range(60):
        middle = (low + high) / 2.0
        at_middle = function(middle)
        size = sqrt(at_middle**2 - at_low * at_high)
        if size == 0.0:
            return middle
        before, root = root, middle + (middle - low) * np.sign(at_low - at_high) * at_middle / size
        at_root = function(root)
        if at_root == 0.0 or abs(root - before) < tolerance:
            return float(root)
        if (at_middle > 0) != (at_root > 0):
            low, at_low, high, at_high = middle, at_middle, root, at_root
        elif (at_low > 0) != (at_root > 0):
            high, at_high = root, at_root
        else:
            low, at_low = root, at_root
        if abs(high - low) < tolerance:
            break
    return float(root)
