"""The tests themselves: against scipy, against their definitions, and at their edges."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from campaign.analysis import kernels
from campaign.analysis.kernels import PerSeed
from campaign.analysis.samples import Differences, SeedSample, contrast, pair
from campaign.analysis.significance import cohens_d, holm, paired_t, sign_flip, welch

numbers = st.floats(-1e3, 1e3, allow_nan=False).map(lambda value: round(value, 6))
pairs = st.integers(2, 9).flatmap(lambda n: st.lists(numbers, min_size=n, max_size=n))


def sample(condition: str, values: list[float]) -> SeedSample:
    return SeedSample(condition, dict(enumerate(values)))


def differences(values: list[float]) -> Differences:
    return Differences("b - a", dict(enumerate(values)))


def spread_out(values: list[float]) -> bool:
    return float(np.std(values)) > 1e-4 * (1.0 + float(np.max(np.abs(values))))


@settings(deadline=None)
@given(pairs, st.data())
def test_paired_t_any_numbers_agrees_with_scipy(a: list[float], data: st.DataObject) -> None:
    b = data.draw(st.lists(numbers, min_size=len(a), max_size=len(a)))
    d = [y - x for x, y in zip(a, b, strict=True)]
    if not spread_out(d):
        return
    ours = paired_t(pair(sample("a", a), sample("b", b)))
    theirs = stats.ttest_rel(b, a)
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-12)
    interval = theirs.confidence_interval(0.95)
    assert (ours.lower, ours.upper) == pytest.approx((interval.low, interval.high), rel=1e-6, abs=1e-6)


@settings(deadline=None)
@given(pairs, pairs)
def test_welch_unequal_groups_agrees_with_scipy(a: list[float], b: list[float]) -> None:
    if not (spread_out(a) and spread_out(b)):
        return
    ours = welch(sample("a", a), sample("b", b))
    theirs = stats.ttest_ind(b, a, equal_var=False)
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-12)
    interval = theirs.confidence_interval(0.95)
    assert (ours.lower, ours.upper) == pytest.approx((interval.low, interval.high), rel=1e-5, abs=1e-5)


@settings(max_examples=30, deadline=None)
@given(pairs)
def test_sign_flip_any_numbers_agrees_with_scipys_permutation_of_samples(values: list[float]) -> None:
    theirs = stats.permutation_test(
        (np.array(values),),
        lambda x, axis: np.mean(x, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    assert sign_flip(differences(values)).p == pytest.approx(theirs.pvalue)


@settings(deadline=None)
@given(pairs)
def test_sign_flip_any_numbers_is_the_share_of_assignments_at_least_as_extreme(values: list[float]) -> None:
    observed = abs(math.fsum(values))
    tie = 1e-9 * max(abs(value) for value in values)
    sums = [
        abs(math.fsum(s * v for s, v in zip(signs, values, strict=True)))
        for signs in product((1, -1), repeat=len(values))
    ]
    share = sum(total >= observed - tie for total in sums) / len(sums)
    assert sign_flip(differences(values)).p == pytest.approx(share)


@settings(deadline=None)
@given(st.lists(numbers, min_size=6, max_size=9))
def test_sign_flip_interval_holds_exactly_the_shifts_that_are_not_rejected(values: list[float]) -> None:
    if not spread_out(values):
        return
    test = sign_flip(differences(values))
    width = test.upper - test.lower
    shifts = ((test.lower, 1), (test.upper, -1))
    for limit, inward in shifts:
        inside = [value - limit - inward * 1e-6 * (width + 1e-9) for value in values]
        outside = [value - limit + inward * 1e-3 * (width + 1e-6) for value in values]
        assert sign_flip(differences(inside)).p > 0.05
        assert sign_flip(differences(outside)).p <= sign_flip(differences(inside)).p


def test_sign_flip_interval_shift_beyond_a_limit_is_rejected() -> None:
    values = list(np.random.default_rng(3).normal(1.0, 1.0, 10))
    test = sign_flip(differences(values))
    for beyond in (test.lower - 1e-6, test.upper + 1e-6):
        assert sign_flip(differences([value - beyond for value in values])).p <= 0.05


@pytest.mark.parametrize(("n", "least"), [(3, 0.25), (4, 0.125), (5, 0.0625), (6, 0.03125), (8, 0.0078125)])
def test_sign_flip_all_of_one_sign_reaches_the_smallest_attainable_p(n: int, least: float) -> None:
    assert sign_flip(differences([1.0 + i for i in range(n)])).p == least


def test_sign_flip_five_pairs_has_an_unbounded_interval() -> None:
    test = sign_flip(differences([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert (test.lower, test.upper) == (-math.inf, math.inf)


def test_sign_flip_above_twenty_pairs_is_sampled_close_to_the_t_test_and_repeatable() -> None:
    values = list(np.random.default_rng(5).normal(0.3, 1.0, 40))
    first, second = sign_flip(differences(values)), sign_flip(differences(values))
    t = paired_t(differences(values))
    assert first == second
    assert not first.exact
    assert first.p == pytest.approx(t.p, abs=0.01)
    assert (first.lower, first.upper) == pytest.approx((t.lower, t.upper), abs=0.05)


def test_sign_flip_sampled_never_gives_zero() -> None:
    p = sign_flip(differences([1.0 + i for i in range(60)])).p
    assert p == pytest.approx(2.0 / (kernels.RESAMPLES + 1))


def test_paired_t_three_equal_differences_gives_p_of_one_and_no_bounds() -> None:
    test = paired_t(pair(sample("a", [0.1, 0.2, 0.3]), sample("b", [0.3, 0.4, 0.5])))
    assert test.p == 1.0
    assert (test.lower, test.upper) == (-math.inf, math.inf)


def test_paired_t_differences_that_are_rounding_error_only_count_as_equal() -> None:
    a = [1.0 + 0.1 * i for i in range(8)]
    b = [value + 0.3 for value in a]
    assert len({y - x for x, y in zip(a, b, strict=True)}) > 1
    assert paired_t(pair(sample("a", a), sample("b", b))).p == 1.0


def test_welch_no_variance_gives_p_of_one() -> None:
    test = welch(sample("a", [0.5] * 4), sample("b", [0.7] * 4))
    assert (test.p, test.lower, test.upper) == (1.0, -math.inf, math.inf)


@pytest.mark.parametrize("n", [0, 1])
def test_tests_without_two_pairs_give_p_of_one(n: int) -> None:
    d = differences([1.0] * n)
    assert paired_t(d).p == 1.0
    assert sign_flip(d).p == 1.0
    assert welch(sample("a", [1.0] * n), sample("b", [2.0] * n)).p == 1.0


def test_holm_textbook_numbers_step_down() -> None:
    assert holm((0.01, 0.04, 0.03, 0.005)) == pytest.approx((0.03, 0.06, 0.06, 0.02))


@settings(deadline=None)
@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8))
def test_holm_any_p_values_is_monotone_between_raw_and_bonferroni(p: list[float]) -> None:
    adjusted = holm(tuple(p))
    for raw, after in zip(p, adjusted, strict=True):
        assert min(raw, 1.0) <= after <= min(1.0, raw * len(p)) + 1e-12
    order = np.argsort(p, kind="stable")
    assert all(np.diff(np.array(adjusted)[order]) >= 0)


def test_batches_give_what_single_campaigns_give() -> None:
    d = np.random.default_rng(1).normal(0.2, 1.0, (50, 7))
    t, flips = kernels.paired_t(PerSeed(d)), kernels.sign_flip(PerSeed(d))
    lower, upper = kernels.sign_flip_interval(PerSeed(d), 0.95)
    for row in range(len(d)):
        one = differences(d[row].tolist())
        assert t[row] == pytest.approx(paired_t(one).p)
        assert flips[row] == sign_flip(one).p
        assert (lower[row], upper[row]) == (sign_flip(one).lower, sign_flip(one).upper)


def test_cohens_d_is_mean_over_standard_deviation() -> None:
    assert cohens_d(differences([1.0, 2.0, 3.0])) == pytest.approx(2.0)
    assert math.isnan(cohens_d(differences([1.0, 1.0])))


def test_pair_seeds_that_one_side_lacks_are_dropped_with_the_reason() -> None:
    a = SeedSample("a", {1: 0.1, 2: 0.2}, missing={3: "failed at step 4 of 10"})
    b = SeedSample("b", {1: 0.3, 3: 0.4})
    d = pair(a, b)
    assert d.values == {1: pytest.approx(0.2)}
    assert "failed at step 4" in d.dropped[3]
    assert "no such run" in d.dropped[2]


def test_pair_other_metric_is_refused() -> None:
    with pytest.raises(ValueError, match="different metrics"):
        pair(SeedSample("a", {1: 0.1}, "loss"), SeedSample("b", {1: 0.1}, "reward"))


def test_contrast_additive_effects_have_no_interaction() -> None:
    seeds = np.random.default_rng(0).normal(0, 1, 8)
    cells = {(i, j): sample(f"{i}{j}", list(seeds + 0.3 * i + 0.5 * j)) for i in (0, 1) for j in (0, 1)}
    d = contrast([(cells[1, 1], 1), (cells[1, 0], -1), (cells[0, 1], -1), (cells[0, 0], 1)], "interaction")
    assert list(d.values.values()) == pytest.approx([0.0] * 8, abs=1e-12)
    assert paired_t(d).p == 1.0
