"""What a plan may say about the seeds it has: in standard deviations without a pilot, in units with one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from campaign.analysis.prospects import Prospect, prospects
from campaign.analysis.runs import Run, Runs
from campaign.errors import UsageError
from campaign.spec.hypotheses import Hypothesis

CONDITIONS = ("base", "new")


def _runs(values: dict[str, list[float]]) -> Runs:
    """Runs whose metric is constant, so that any summary of it is that number."""
    return Runs(
        tuple(
            Run(condition, seed, np.arange(20), {"correct_rate": np.full(20, value)})
            for condition, numbers in values.items()
            for seed, value in enumerate(numbers)
        )
    )


def _only(found: tuple[Prospect, ...]) -> Prospect:
    (prospect,) = found
    return prospect


def test_without_a_pilot_the_answer_is_in_standard_deviations_and_says_how_to_do_better() -> None:
    found = _only(prospects(6, CONDITIONS, ()))
    assert found.noise is None
    assert found.power is None
    assert "standard deviations" in found.words
    assert "--pilot" in found.words


@pytest.mark.parametrize("seeds", [3, 6, 12])
def test_minimum_detectable_effect_has_the_wanted_power_by_simulation(seeds: int) -> None:
    smallest = _only(prospects(seeds, CONDITIONS, ())).minimum_detectable
    assert smallest is not None
    rng = np.random.default_rng(seeds)
    draws = rng.normal(smallest, 1.0, size=(20_000, seeds))
    rejected = stats.ttest_1samp(draws, 0.0, axis=1).pvalue < 0.05
    assert rejected.mean() == pytest.approx(0.8, abs=0.02)


def test_one_seed_detects_nothing_and_the_words_say_so() -> None:
    found = _only(prospects(1, CONDITIONS, ()))
    assert found.minimum_detectable is None
    assert "at least 2" in found.words


def test_a_pilot_is_planned_with_the_upper_limit_of_its_noise_and_not_with_its_effect() -> None:
    hypothesis = Hypothesis(name="gain", metric="correct_rate", min_effect=0.05)
    close = _runs({"base": [0.50, 0.52, 0.54, 0.50], "new": [0.51, 0.52, 0.56, 0.50]})
    far = _runs({"base": [0.50, 0.52, 0.54, 0.50], "new": [0.91, 0.92, 0.96, 0.90]})
    with_close = _only(prospects(6, CONDITIONS, (hypothesis,), close))
    with_far = _only(prospects(6, CONDITIONS, (hypothesis,), far))
    assert with_close.noise is not None
    assert with_close.noise.upper > with_close.noise.sd_difference
    assert with_far.seeds_needed == with_close.seeds_needed
    assert with_close.seeds_needed is not None
    assert f"{with_close.seeds_needed} seeds make it 80%" in with_close.words


def test_several_candidates_share_the_error_rate() -> None:
    one = _only(prospects(8, CONDITIONS, ()))
    three = _only(prospects(8, ("base", "a", "b", "c"), ()))
    assert three.alpha == pytest.approx(one.alpha / 3)
    assert one.minimum_detectable is not None
    assert three.minimum_detectable is not None
    assert three.minimum_detectable > one.minimum_detectable


def test_one_condition_has_no_prospect() -> None:
    assert prospects(8, ("alone",), ()) == ()


@pytest.mark.parametrize(
    "values", [{"base": [0.5, 0.6]}, {"base": [0.5], "new": [0.6]}], ids=["one condition", "one seed"]
)
def test_a_pilot_without_differences_is_refused_in_words(values: dict[str, list[float]]) -> None:
    hypothesis = Hypothesis(name="gain", metric="correct_rate", min_effect=0.05)
    with pytest.raises(UsageError, match="pilot"):
        prospects(6, CONDITIONS, (hypothesis,), _runs(values))
