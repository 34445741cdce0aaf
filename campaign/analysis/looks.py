"""One comparison at a declared look: the levels of its intervals, and its p over the looks so far."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from campaign.analysis import kernels, sequential
from campaign.analysis.samples import SeedSample
from campaign.analysis.significance import Test, welch
from campaign.analysis.stages import Stage


def levels(alpha: float, stage: Stage, family_size: int) -> tuple[float, float]:
    """Confidence levels of the comparison's own and of the simultaneous interval, at this look."""
    own, shared = stage.at(alpha), stage.at(alpha / family_size)
    return (
        1.0 - (own.nominal if own else alpha),
        1.0 - (shared.nominal if shared else alpha / family_size),
    )


def p_over_looks(parts: list[kernels.PerSeed], weights: list[float], stage: Stage, scale: float) -> float:
    """Sequential p over the looks so far: each on all data up to it, the last one combined if it adapted."""
    scores = []
    for number in range(1, stage.look + 1):
        if stage.adaptive and number == stage.look:
            scores.append(sequential.inverse_normal(parts, weights, 0.0, scale))
        else:
            so_far = kernels.PerSeed(np.concatenate(parts[:number]))
            scores.append(sequential.normal_score(so_far, 0.0, scale))
    return sequential.sequential_p(scores, sequential.fractions(stage.looks))


def combined(
    test: Test, parts: list[kernels.PerSeed], weights: list[float], level: float, scale: float
) -> Test:
    """The t-test's p and interval replaced by those of the combined stages."""
    from scipy.special import ndtr, ndtri

    z = sequential.inverse_normal(parts, weights, 0.0, scale)
    critical = float(-ndtri((1.0 - level) / 2.0))
    lower, upper = sequential.inverse_normal_interval(parts, weights, critical, scale)
    return replace(test, p=float(2.0 * ndtr(-abs(z))), lower=lower, upper=upper, level=level)


def unpaired_p_over_looks(arms: tuple[SeedSample, SeedSample], stage: Stage) -> float:
    """The same for Welch's test, each look on all seeds up to it."""
    scores = [_unpaired_score(arms, stage.seeds[:seeds]) for seeds in stage.looks[: stage.look]]
    return sequential.sequential_p(scores, sequential.fractions(stage.looks))


def _unpaired_score(arms: tuple[SeedSample, SeedSample], seeds: tuple[int, ...]) -> float:
    from scipy.special import ndtri

    a, b = (sample.only(seeds) for sample in arms)
    test = welch(a, b)
    return float(np.sign(test.effect) * -ndtri(max(test.p, 1e-300) / 2.0)) if test.n else 0.0
