"""Power before money is spent, hypothesis by hypothesis."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from folders import runs_of
from scipy import stats

from campaign.analysis.hypothesis_power import pilot_of, planned_power, undeclared
from campaign.analysis.power import episodes_two_proportions, sd_upper
from campaign.errors import UsageError
from campaign.spec.hypotheses import Hypothesis

RNG = np.random.default_rng(8)
BASE = RNG.normal(0.5, 0.03, 6)
BETTER = (BASE + RNG.normal(0.1, 0.02, 6)).tolist()
PILOT = runs_of({"grpo": BASE.tolist(), "maxrl": BETTER})
CLAIM = Hypothesis(name="maxrl helps", metric="correct_rate", candidate="maxrl", min_effect=0.02)


def test_plan_with_three_seeds_says_plainly_that_nothing_can_be_confirmed() -> None:
    (planned,) = planned_power([CLAIM], ("grpo", "maxrl"), 3)
    assert "no exact test can fall below .05" in planned.words[0]
    assert "'maxrl helps' cannot become CONFIRMED or FAILED with 3 seeds: it needs 6" in planned.words
    assert planned.table is None
    assert any("without a pilot" in words for words in planned.words)


def test_plan_with_a_pilot_uses_the_upper_limit_of_its_noise() -> None:
    (planned,) = planned_power([CLAIM], ("grpo", "maxrl"), 8, pilot_runs=PILOT)
    assert planned.table is not None
    assert planned.pilot is not None
    measured = float(np.std(np.array(BETTER) - BASE, ddof=1))
    assert planned.pilot.sd_difference == pytest.approx(measured)
    assert planned.table.sd_difference == pytest.approx(sd_upper(measured, 6))
    assert planned.table.rows[0].effect == 0.02
    json.dumps(planned.to_json(), allow_nan=False)


def test_plan_does_not_look_at_the_pilots_effect() -> None:
    shifted = runs_of({"grpo": BASE.tolist(), "maxrl": [level + 0.3 for level in BETTER]})
    made = [planned_power([CLAIM], ("grpo", "maxrl"), 8, pilot_runs=runs) for runs in (PILOT, shifted)]
    tables = [planned.table for (planned,) in made]
    assert tables[0] is not None
    assert tables[1] is not None
    assert tables[0].rows[0].power == pytest.approx(tables[1].rows[0].power)


def test_plan_candidates_of_a_family_share_the_error_rate() -> None:
    everyone = Hypothesis(name="all", metric="correct_rate", min_effect=0.02)
    planned = planned_power([CLAIM, everyone], ("grpo", "maxrl", "sepa"), 8, pilot_runs=PILOT)
    assert [entry.candidates for entry in planned] == [3, 3]
    assert planned[0].table is not None
    assert planned[0].table.alpha == pytest.approx(0.05 / 3)


def test_plan_looks_count_for_what_can_be_confirmed() -> None:
    (planned,) = planned_power([CLAIM], ("grpo", "maxrl"), 4, looks=(4, 8))
    assert not any("cannot become" in words for words in planned.words)


@pytest.mark.parametrize("levels", [{"grpo": [0.5], "maxrl": [0.6]}, {"grpo": [0.5] * 4, "maxrl": [0.5] * 4}])
def test_pilot_without_enough_data_is_refused_with_the_reason(levels: dict[str, list[float]]) -> None:
    with pytest.raises(UsageError, match=r"cannot estimate|has no variance"):
        pilot_of(runs_of(levels), CLAIM)


@pytest.mark.parametrize("seeds", [3, 8])
def test_plan_without_a_pilot_reports_a_detectable_effect_that_simulation_confirms(seeds: int) -> None:
    (planned,) = planned_power([CLAIM], ("grpo", "maxrl"), seeds)
    found = re.search(r"detect ([0-9.]+) standard deviations", planned.words[-1])
    assert found is not None
    draws = np.random.default_rng(seeds).normal(float(found[1]), 1.0, size=(20_000, seeds))
    rejected = stats.ttest_1samp(draws, 0.0, axis=1).pvalue < 0.05
    assert rejected.mean() == pytest.approx(0.8, abs=0.03)


def test_plan_with_one_seed_says_that_nothing_can_be_detected() -> None:
    (planned,) = planned_power([CLAIM], ("grpo", "maxrl"), 1)
    assert "one seed detects nothing" in planned.words[-1]


def test_plan_without_a_hypothesis_takes_the_pilots_default_metric() -> None:
    assert undeclared(PILOT).metric == "correct_rate"
    assert undeclared(None).baseline is None


def test_plan_without_hypotheses_promises_no_verdict_with_any_number_of_seeds() -> None:
    for seeds in (3, 16):
        (planned,) = planned_power([undeclared(None)], ("grpo", "maxrl"), seeds, declared=False)
        assert (
            "no hypothesis is declared, so every comparison is exploratory and confirms nothing"
            in planned.words
        )
        assert "CONFIRMED" not in " ".join(planned.words)


def test_plan_with_a_pilot_names_the_naive_count_of_episodes_and_why_it_is_no_plan() -> None:
    (planned,) = planned_power([CLAIM], ("grpo", "maxrl"), 8, pilot_runs=PILOT)
    (said,) = [words for words in planned.words if "episodes" in words]
    rate = float(np.mean(BASE))
    assert f"{episodes_two_proportions(rate, rate + 0.02):,} per condition" in said
    assert "no plan" in said
    without_effect = CLAIM.model_copy(update={"min_effect": 0.0})
    (planned,) = planned_power([without_effect], ("grpo", "maxrl"), 8, pilot_runs=PILOT)
    assert not any("episodes" in words for words in planned.words)
