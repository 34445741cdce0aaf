"""Looks: the bounds, the p-value over looks, the combination of stages."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from campaign.analysis.kernels import PerSeed
from campaign.analysis.samples import Differences
from campaign.analysis.sequential import (
    bounds,
    fractions,
    inverse_normal,
    inverse_normal_interval,
    normal_score,
    plan_looks,
    sequential_p,
    spent,
)
from campaign.analysis.significance import paired_t


def test_two_looks_at_8_and_16_have_the_known_bounds() -> None:
    assert [look.nominal for look in plan_looks((8, 16))] == pytest.approx([0.0056, 0.0478], abs=5e-5)


def test_one_look_is_the_ordinary_test() -> None:
    assert plan_looks((8,))[0].nominal == pytest.approx(0.05)
    assert sequential_p([1.7], (1.0,)) == pytest.approx(2 * stats.norm.sf(1.7))


@pytest.mark.parametrize("looks", [(8, 16), (4, 8, 12), (5, 6, 20, 40), (2, 50)])
def test_bounds_any_looks_the_process_crosses_them_with_probability_alpha(looks: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    steps = np.diff([0, *looks])
    paths = np.cumsum(rng.normal(0, np.sqrt(steps), (400_000, len(looks))), axis=1) / np.sqrt(looks)
    crossed = np.any(np.abs(paths) > np.array(bounds(0.05, fractions(looks))), axis=1)
    assert np.mean(crossed) == pytest.approx(0.05, abs=0.0011)


def test_bounds_spend_by_each_look_what_the_function_says() -> None:
    rng = np.random.default_rng(1)
    looks = (8, 12, 16)
    paths = np.cumsum(rng.normal(0, np.sqrt(np.diff([0, *looks])), (400_000, 3)), axis=1) / np.sqrt(looks)
    crossed = np.abs(paths) > np.array(bounds(0.2, fractions(looks)))
    by = np.mean(np.maximum.accumulate(crossed, axis=1), axis=0)
    assert by == pytest.approx([spent(0.2, t) for t in fractions(looks)], abs=0.003)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.001, 0.4), st.integers(1, 3))
def test_sequential_p_is_the_alpha_whose_bound_is_reached(alpha: float, look: int) -> None:
    at = (0.4, 0.7, 1.0)[:look] if look < 3 else (0.4, 0.7, 1.0)
    z = [0.0] * (look - 1) + [bounds(alpha, at)[-1]]
    assert sequential_p(z, at) == pytest.approx(alpha, rel=1e-4)


def test_sequential_p_rejection_at_an_early_look_is_kept() -> None:
    early = sequential_p([4.0], (0.5,))
    assert sequential_p([4.0, 0.1], (0.5, 1.0)) == pytest.approx(early)


def test_normal_score_is_as_rare_as_the_t_statistic() -> None:
    d = PerSeed(np.array([0.3, -0.1, 0.5, 0.2, 0.4]))
    p = stats.ttest_1samp(d, 0.0).pvalue
    assert 2 * stats.norm.sf(normal_score(d)) == pytest.approx(p)
    assert normal_score(PerSeed(-d)) == pytest.approx(-normal_score(d))


def test_normal_score_without_spread_is_zero() -> None:
    assert normal_score(PerSeed(np.array([0.3, 0.3, 0.3]))) == 0.0


def test_inverse_normal_one_stage_is_the_t_test() -> None:
    values = [0.3, -0.1, 0.5, 0.2, 0.4]
    test = paired_t(Differences("b - a", dict(enumerate(values))))
    stage = [PerSeed(np.array(values))]
    assert 2 * stats.norm.sf(inverse_normal(stage, [1.0], 0.0)) == pytest.approx(test.p)
    limits = inverse_normal_interval(stage, [1.0], float(stats.norm.ppf(0.975)))
    assert limits == pytest.approx((test.lower, test.upper), rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_inverse_normal_interval_limits_are_exactly_on_the_bound(seed: int) -> None:
    rng = np.random.default_rng(seed)
    stages = [PerSeed(rng.normal(rng.normal(), 1.0, 8)), PerSeed(rng.normal(rng.normal(), 1.0, 5))]
    lower, upper = inverse_normal_interval(stages, [0.5, 0.5], 1.98)
    assert inverse_normal(stages, [0.5, 0.5], lower) == pytest.approx(1.98, abs=1e-6)
    assert inverse_normal(stages, [0.5, 0.5], upper) == pytest.approx(-1.98, abs=1e-6)
