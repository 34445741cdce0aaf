"""One comparison at a declared look: the levels of its intervals and its sequential p-value."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from campaign.analysis import kernels, sequential
from campaign.analysis.samples import SeedSample
from campaign.analysis.significance import Test, welch
from campaign.analysis.stages import Stage


def levels(alpha: float, stage: Stage, family_size: int) -> tuple[float, float]:
    """Confidence levels at this look: of the comparison's own interval, and of the simultaneous (Bonferroni)
    one.

    At a look the level is 1 minus the look's nominal bound, which makes it a repeated confidence interval:
    all looks together have the declared coverage (Jennison and Turnbull, Journal of the Royal Statistical
    Society B 1989).
    """
    own, simultaneous = stage.at(alpha), stage.at(alpha / family_size)
    return (
        1.0 - (own.nominal if own else alpha),
        1.0 - (simultaneous.nominal if simultaneous else alpha / family_size),
    )


def p_over_looks(
    increments: list[kernels.PerSeed], weights: list[float], stage: Stage, scale: float
) -> float:
    """Sequential p-value over the looks so far.

    `increments` holds the differences that were new at each look. Every look tests all data up to it; the
    last one combines the stages if its size was chosen adaptively.
    """
    scores = []
    for number in range(1, stage.look + 1):
        if stage.adaptive and number == stage.look:
            scores.append(sequential.inverse_normal(increments, weights, 0.0, scale))
        else:
            cumulative = kernels.PerSeed(np.concatenate(increments[:number]))
            scores.append(sequential.normal_score(cumulative, 0.0, scale))
    return sequential.sequential_p(scores, sequential.fractions(stage.looks))


def combined(
    test: Test, increments: list[kernels.PerSeed], weights: list[float], level: float, scale: float
) -> Test:
    """The test with p-value and interval of the inverse normal combination of the stages."""
    from scipy.special import ndtr, ndtri

    z = sequential.inverse_normal(increments, weights, 0.0, scale)
    critical = float(-ndtri((1.0 - level) / 2.0))
    lower, upper = sequential.inverse_normal_interval(increments, weights, critical, scale)
    return replace(test, p=float(2.0 * ndtr(-abs(z))), lower=lower, upper=upper, level=level)


def unpaired_p_over_looks(arms: tuple[SeedSample, SeedSample], stage: Stage) -> float:
    """Sequential p-value over the looks so far for Welch's test; every look tests all seeds up to it."""
    scores = [_unpaired_score(arms, stage.seeds[:seeds]) for seeds in stage.looks[: stage.look]]
    return sequential.sequential_p(scores, sequential.fractions(stage.looks))


def _unpaired_score(arms: tuple[SeedSample, SeedSample], seeds: tuple[int, ...]) -> float:
    from scipy.special import ndtri

    a, b = (sample.only(seeds) for sample in arms)
    test = welch(a, b)
    return float(np.sign(test.effect) * -ndtri(max(test.p, 1e-300) / 2.0)) if test.n else 0.0
