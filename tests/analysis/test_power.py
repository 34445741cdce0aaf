"""Power and the smallest attainable p-value, as a plan reports them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from campaign.analysis.attainability import (
    attainable,
    attainable_unpaired,
    describe_attainable,
    min_pairs_to_reject,
    p_text,
)
from campaign.analysis.power import (
    episodes_two_proportions,
    minimum_detectable,
    pilot,
    power,
    power_of_differences,
    sd_upper,
    seeds_for,
)


@pytest.mark.parametrize(("n", "p"), [(3, 0.25), (4, 0.125), (5, 0.0625), (6, 0.03125), (8, 0.0078125)])
def test_attainable_paired_is_two_over_all_assignments(n: int, p: float) -> None:
    assert attainable(n) == p


@pytest.mark.parametrize(("n", "p"), [(3, 0.1), (4, 0.0286), (5, 0.0079)])
def test_attainable_unpaired_is_two_over_all_splits(n: int, p: float) -> None:
    assert attainable_unpaired(n) == pytest.approx(p, abs=1e-4)


def test_describe_attainable_three_seeds_says_that_six_are_needed() -> None:
    assert describe_attainable(3) == (
        "3 seeds: no exact test can fall below .05 (the smallest attainable p is .25); "
        "at least 6 seeds are needed"
    )
    assert describe_attainable(6) == "6 seeds: the smallest attainable p of an exact test is .031"
    assert "at least 8 seeds are needed" in describe_attainable(6, 0.01)
    assert describe_attainable(1).startswith("1 seed: no exact test")


def test_min_pairs_to_reject_impossible_alpha_is_refused() -> None:
    assert [min_pairs_to_reject(alpha) for alpha in (0.05, 0.01, 0.5)] == [6, 8, 3]
    with pytest.raises(ValueError, match="greater than 0"):
        min_pairs_to_reject(0.0)


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.0312, ".031"), (0.05, ".05"), (0.25, ".25"), (0.00001, "<.0001"), (1.0, "1"), (0.0078, ".0078")],
)
def test_p_text_prints_as_papers_do(p: float, text: str) -> None:
    assert p_text(p) == text


def test_attainable_imports_neither_scipy_nor_numpy() -> None:
    code = (
        "import sys, campaign.analysis as a; a.attainable(3); a.describe_attainable(3);"
        "print([m for m in ('numpy', 'scipy', 'polars', 'pydantic') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


def test_names_of_the_package_are_complete_after_any_import() -> None:
    code = (
        "import campaign.analysis.verdict, campaign.analysis.power, campaign.analysis as a;"
        "print([n for n in a.__all__ if type(getattr(a, n)).__name__ == 'module'])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


BETWEEN_SEEDS = 0.033 * np.sqrt(2 * (1 - 0.3))
"""Of the differences, where runs of a condition have a standard deviation of .033 and pairs a correlation of .3."""


@pytest.mark.parametrize(("effect", "seeds"), [(0.01, 122), (0.02, 32), (0.04, 10)])
def test_seeds_for_a_typical_campaign_are_the_known_numbers(effect: float, seeds: int) -> None:
    row = power_of_differences(8, [effect], BETWEEN_SEEDS).rows[0]
    assert row.seeds_needed == seeds


@settings(deadline=None)
@given(st.integers(2, 60), st.floats(0.05, 3.0))
def test_power_agrees_with_the_noncentral_t_of_scipy(n: int, d: float) -> None:
    critical = stats.t.ppf(0.975, n - 1)
    centre = d * np.sqrt(n)
    other_side = float(stats.nct.cdf(-critical, n - 1, centre))  # scipy's is NaN where it is below 1e-300
    exact = float(stats.nct.sf(critical, n - 1, centre)) + (0.0 if np.isnan(other_side) else other_side)
    assert power(n, d, 1.0) == pytest.approx(exact, abs=1e-6)


def test_power_simulated_t_tests_reject_as_often() -> None:
    d = np.random.default_rng(2).normal(0.5, 1.0, (20_000, 12))
    share = np.mean(stats.ttest_1samp(d, 0.0, axis=1).pvalue < 0.05)
    assert power(12, 0.5, 1.0) == pytest.approx(share, abs=0.01)


@settings(deadline=None)
@given(st.integers(2, 100))
def test_minimum_detectable_effect_has_exactly_the_target_power(n: int) -> None:
    assert power(n, minimum_detectable(n, 1.0), 1.0) == pytest.approx(0.8, abs=1e-6)


@settings(deadline=None)
@given(st.floats(0.02, 2.0))
def test_seeds_for_an_effect_are_the_fewest_that_have_the_power(effect: float) -> None:
    n = seeds_for(effect, 1.0)
    assert n is not None
    assert n >= 6
    assert power(n, effect, 1.0) >= 0.8
    assert n == 6 or power(n - 1, effect, 1.0) < 0.8


def test_seeds_for_nothing_is_none_and_one_seed_detects_nothing() -> None:
    assert seeds_for(0.0, 1.0) is None
    assert seeds_for(1e-9, 1.0) is None
    assert power(1, 5.0, 1.0) == 0.0
    assert power_of_differences(1, [0.1], 0.03).to_json()["minimum_detectable"] is None


def test_power_several_candidates_share_the_error_rate() -> None:
    alone, shared = (power_of_differences(8, [0.04], BETWEEN_SEEDS, candidates=k).rows[0] for k in (1, 5))
    assert shared.power < alone.power
    assert (shared.seeds_needed or 0) > (alone.seeds_needed or 0)


@pytest.mark.parametrize(
    "wrong",
    [{"sd_difference": 0.0}, {"sd_difference": float("nan")}, {"sd_difference": 0.1, "candidates": 0}],
)
def test_power_of_impossible_numbers_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="impossible"):
        power_of_differences(8, [0.1], **wrong)


def test_pilot_upper_limit_holds_in_four_of_five_pilots() -> None:
    sds = np.random.default_rng(3).normal(0, 1, (20_000, 5)).std(axis=1, ddof=1)
    held = np.mean([sd_upper(float(sd), 5) >= 1.0 for sd in sds])
    assert held == pytest.approx(0.8, abs=0.01)
    assert pilot(0.03, 5).upper > 0.03
    assert sd_upper(0.03, 1) == float("inf")


def test_two_proportions_lower_bound_simulated_trials_have_the_power() -> None:
    n = episodes_two_proportions(0.019, 0.031)
    rng = np.random.default_rng(4)
    a, b = rng.binomial(n, 0.019, 20_000) / n, rng.binomial(n, 0.031, 20_000) / n
    pooled = (a + b) / 2
    z = (b - a) / np.sqrt(2 * pooled * (1 - pooled) / n)
    assert np.mean(np.abs(z) > 1.96) == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize("rates", [(0.0, 0.1), (0.1, 0.1), (0.2, 1.0)])
def test_two_proportions_impossible_rates_are_refused(rates: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="rates"):
        episodes_two_proportions(*rates)
