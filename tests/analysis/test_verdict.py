"""Verdicts: recommendation, litmus, families, looks, what is confirmatory, and the words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from folders import runs_of

from campaign.analysis.condition_comparison import Design, compare
from campaign.analysis.factorial import find_two_by_two, interaction
from campaign.analysis.kernels import PerSeed
from campaign.analysis.runs import Run, Runs
from campaign.analysis.samples import Differences, SeedSample, pair
from campaign.analysis.sequential import inverse_normal, normal_score, plan_looks, sequential_p
from campaign.analysis.significance import paired_t
from campaign.analysis.summaries import summarise
from campaign.analysis.verdict import Verdict, document, exit_code, verdicts
from campaign.errors import UsageError
from campaign.spec.hypotheses import Correction, Extension, Frozen, Hypothesis, Mechanism, freeze

RNG = np.random.default_rng(11)
SEEDS = RNG.normal(0.5, 0.03, 32)
NOISE = RNG.normal(0.0, 0.02, 32)
Levels = dict[str, list[float | None]]


def levels(effect: float, n: int = 8, noise: Sequence[float] = tuple(NOISE)) -> Levels:
    better = [float(SEEDS[seed] + effect + noise[seed]) for seed in range(n)]
    return {"grpo": [float(value) for value in SEEDS[:n]], "maxrl": list(better)}


def hypothesis(**fields: Any) -> Hypothesis:
    return Hypothesis.model_validate({"name": "h", "metric": "correct_rate", "candidate": "maxrl", **fields})


def judged(
    of: Levels, made: Hypothesis, *, looks: Sequence[int] = (), seeds: int | None = None, **more: Any
) -> Verdict:
    """The verdict on a hypothesis that was frozen before the runs."""
    n = seeds if seeds is not None else max(len(values) for values in of.values())
    frozen = freeze([made], range(n), looks)
    return verdicts(runs_of(of, frozen=frozen, **more))[0]


def test_verdict_clear_effect_is_confirmed_and_recommended() -> None:
    verdict = judged(levels(0.1), hypothesis())
    assert (verdict.outcome, verdict.exploratory) == ("CONFIRMED", ())
    assert verdict.comparison.recommendation == "statistically_significant_improvement"
    assert verdict.frozen
    assert "8 pairs" in verdict.reason
    assert "maxrl is better" in verdict.reason


def test_verdict_clear_loss_is_failed_and_a_degradation() -> None:
    verdict = judged(levels(-0.1), hypothesis())
    assert verdict.outcome == "FAILED"
    assert verdict.comparison.recommendation == "significant_degradation"


def test_verdict_noise_is_inconclusive() -> None:
    verdict = judged(levels(0.0, noise=[0.02 * (-1) ** seed for seed in range(32)]), hypothesis())
    assert verdict.outcome == "INCONCLUSIVE"
    assert verdict.comparison.recommendation == "insufficient_statistical_evidence"
    assert "p is not below .05" in verdict.reason


def test_verdict_lower_is_better_turns_the_sides() -> None:
    fell, rose = (judged(levels(effect), hypothesis(direction="lower")) for effect in (-0.1, 0.1))
    assert (fell.outcome, rose.outcome) == ("CONFIRMED", "FAILED")
    assert fell.comparison.recommendation == "statistically_significant_improvement"
    assert rose.comparison.recommendation == "significant_degradation"


def test_litmus_point_estimate_above_the_threshold_does_not_confirm() -> None:
    effect = judged(levels(0.1), hypothesis()).comparison.effect
    assert effect is not None
    verdict = judged(levels(0.1), hypothesis(min_effect=effect - 0.001))
    comparison = verdict.comparison
    assert verdict.thresholds[0].side == "open"
    assert verdict.outcome == "INCONCLUSIVE"
    assert comparison.recommendation == "statistically_significant_improvement"


def test_litmus_interval_below_the_smallest_effect_of_interest_fails() -> None:
    verdict = judged(levels(0.03), hypothesis(min_effect=0.2))
    assert verdict.outcome == "FAILED"
    assert "lies entirely below 0.200" in verdict.reason


def test_litmus_threshold_may_differ_from_the_effect_of_interest() -> None:
    assert judged(levels(0.1), hypothesis(min_effect=0.2, threshold=0.0)).outcome == "CONFIRMED"


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_verdict_fewer_than_six_pairs_are_never_significant(n: int) -> None:
    verdict = judged(levels(5.0, n), hypothesis(min_pairs=2))
    assert verdict.comparison.p is not None
    assert verdict.comparison.recommendation == "insufficient_statistical_evidence"
    assert "at least 6 are needed" in verdict.comparison.reason
    assert verdict.outcome != "CONFIRMED"


@pytest.mark.parametrize("fields", [{"alpha": 0.1}, {"test": "welch"}])
def test_verdict_five_seeds_stay_insufficient_where_a_p_value_could_fall_below_alpha(
    fields: dict[str, Any],
) -> None:
    comparison = judged(levels(5.0, 5), hypothesis(min_pairs=2, **fields)).comparison
    assert comparison.p is not None
    assert comparison.attainable_p < comparison.design.alpha
    assert comparison.recommendation == "insufficient_statistical_evidence"


def test_verdict_t_test_without_the_guard_is_not_enough() -> None:
    of: Levels = {"grpo": [0.0] * 6, "maxrl": [1.0, 1.2, 0.9, 1.1, 1.0, -0.1]}
    verdict = judged(of, hypothesis())
    comparison = verdict.comparison
    assert comparison.p is not None
    assert comparison.sign_flip is not None
    assert comparison.p < 0.01
    assert comparison.sign_flip.p == 0.0625
    assert comparison.recommendation == "insufficient_statistical_evidence"
    assert verdict.thresholds[0].side == "above"
    assert verdict.outcome == "INCONCLUSIVE"
    assert "the exact sign-flip test" in verdict.reason


def test_verdict_minima_short_of_the_declared_keep_it_inconclusive() -> None:
    short = judged(levels(0.1), hypothesis(min_pairs=12, min_steps=50, min_generations=10))
    assert short.outcome == "INCONCLUSIVE"
    assert [(row.label, row.met) for row in short.minima] == [
        ("pairs", False), ("steps", False), ("generations", False),
    ]  # fmt: skip
    assert "20 steps in the shortest run; the minimum is 50" in short.reason


def test_verdict_mechanism_that_does_not_move_keeps_it_from_being_confirmed() -> None:
    made = hypothesis(mechanism=Mechanism(metric="exec_entropy_var"))
    high, low = [1.0 + 0.01 * seed for seed in range(8)], [0.5 - 0.02 * seed for seed in range(8)]
    near = [value + 0.02 * (-1) ** seed for seed, value in enumerate(high)]
    fell, still, rose = (
        {"exec_entropy_var": {"grpo": grpo, "maxrl": maxrl}}
        for grpo, maxrl in ((high, low), (high, near), (low, high))
    )
    outcomes = [judged(levels(0.1), made, more=more).outcome for more in (fell, still, rose)]
    assert outcomes == ["CONFIRMED", "INCONCLUSIVE", "FAILED"]
    verdict = judged(levels(0.1), made, more=rose)
    assert [row.label for row in verdict.thresholds if row.side == "below"] == ["mechanism"]
    assert "FAILED: mechanism" in verdict.reason


def test_verdict_expected_ranking_is_held_against_intervals() -> None:
    of = levels(0.1) | {"sepa": [float(SEEDS[s] + 0.3 + 0.5 * NOISE[s + 8]) for s in range(8)]}
    right = judged(of, hypothesis(ranking=("sepa", "maxrl", "grpo")))
    wrong = judged(of, hypothesis(ranking=("maxrl", "sepa", "grpo")))
    assert (right.outcome, wrong.outcome) == ("CONFIRMED", "FAILED")
    assert [row.label for row in right.thresholds] == ["effect", "sepa above maxrl", "maxrl above grpo"]


def test_family_of_candidates_shares_the_error_rate() -> None:
    of = levels(0.1) | {f"c{k}": [float(v) for v in SEEDS[:8] + RNG.normal(0, 0.03, 8)] for k in range(4)}
    made = Hypothesis(name="h", metric="correct_rate")
    results = verdicts(runs_of(of, frozen=freeze([made], range(8))))
    assert [verdict.hypothesis for verdict in results] == [f"h: {name}" for name in list(of)[1:]]
    first = results[0].comparison
    assert first.family_size == 5
    assert first.p is not None
    assert first.p_adjusted == pytest.approx(min(1.0, 5 * first.p))
    assert first.simultaneous_level == pytest.approx(0.99)
    assert first.simultaneous_lower is not None
    assert first.lower is not None
    assert first.simultaneous_lower < first.lower


def test_family_hypotheses_named_apart_do_not_share() -> None:
    of = levels(0.1)
    together = [hypothesis(name="a"), hypothesis(name="b", summary="final")]
    apart = [hypothesis(name="a", family="x"), hypothesis(name="b", summary="final", family="y")]
    sizes = [
        [verdict.comparison.family_size for verdict in verdicts(runs_of(of, frozen=freeze(made, range(8))))]
        for made in (together, apart)
    ]
    assert sizes == [[2, 2], [1, 1]]


def test_exploratory_hypothesis_costs_the_declared_ones_nothing() -> None:
    frozen = freeze([hypothesis(name="declared")], range(8))
    made = [hypothesis(name="declared"), hypothesis(name="afterthought", summary="final")]
    declared, afterthought = verdicts(runs_of(levels(0.1), frozen=frozen), made)
    assert (declared.exploratory, declared.comparison.family_size) == ((), 1)
    assert afterthought.exploratory == ("it was added after the first submit",)


@pytest.mark.parametrize(
    "change",
    [
        {"metric": "reward"},
        {"summary": "final"},
        {"min_effect": 0.5},
        {"threshold": 0.0},
        {"alpha": 0.1},
        {"direction": "lower"},
        {"test": "welch"},
        {"min_pairs": 3},
        {"ranking": ("maxrl", "grpo")},
        {"family": "x"},
    ],
)
def test_hypothesis_changed_after_freezing_is_exploratory_in_every_output(change: dict[str, Any]) -> None:
    frozen = freeze([hypothesis()], range(8))
    runs = runs_of(levels(0.1), frozen=frozen, more={"reward": {k: [0.5] * 8 for k in ("grpo", "maxrl")}})
    (verdict,) = verdicts(runs, [hypothesis(**change)])
    field = next(iter(change))
    assert f"`{field}` was" in verdict.exploratory[0]
    assert "exploratory" in verdict.label
    assert "exploratory" in verdict.reason
    assert verdict.to_json()["confirmatory"] is False


def test_looks_changed_after_freezing_are_exploratory() -> None:
    frozen = freeze([hypothesis()], range(8), (8, 16))
    (verdict,) = verdicts(runs_of(levels(0.1), frozen=frozen), looks=(4, 8))
    assert "looks were [8, 16] when frozen and are [4, 8] now" in verdict.exploratory


def test_condition_added_after_freezing_is_exploratory_and_the_others_stay_declared() -> None:
    made = Hypothesis(name="h", metric="correct_rate")
    frozen = freeze([made], range(8), conditions=("grpo", "maxrl"))
    of = levels(0.1) | {"late": [float(v) for v in SEEDS[8:16]]}
    declared, late = verdicts(runs_of(of, frozen=frozen))
    assert (declared.exploratory, declared.comparison.family_size) == ((), 1)
    assert late.exploratory == ("condition late was added after the first submit",)


def test_order_of_conditions_changed_after_freezing_does_not_choose_the_candidate() -> None:
    """Without names, the first condition is the baseline: another order would turn FAILED into CONFIRMED."""
    frozen = freeze([Hypothesis(name="h", metric="correct_rate")], range(8), conditions=("grpo", "maxrl"))
    of = levels(-0.1)
    assert verdicts(runs_of(of, frozen=frozen))[0].outcome == "FAILED"
    (verdict,) = verdicts(runs_of(dict(reversed(of.items())), frozen=frozen))
    assert verdict.outcome == "EXPLORATORY"
    assert verdict.exploratory == (
        "its baseline, the first condition, was grpo when frozen and is maxrl now",
    )
    named = freeze([hypothesis(baseline="grpo")], range(8), conditions=("grpo", "maxrl"))
    assert verdicts(runs_of(dict(reversed(of.items())), frozen=named))[0].outcome == "FAILED"


def test_candidates_that_are_gone_make_the_claims_about_the_others_exploratory() -> None:
    frozen = freeze(
        [Hypothesis(name="h", metric="correct_rate")], range(8), conditions=("grpo", "maxrl", "c", "d")
    )
    (verdict,) = verdicts(runs_of(levels(0.1), frozen=frozen))
    assert verdict.exploratory == ("it was frozen with candidates that the plan no longer has: c, d",)


def test_metric_corrected_after_the_first_rows_is_said_beside_the_verdict() -> None:
    made = Correction(hypothesis="h", before="corect_rate", after="correct_rate")
    frozen = freeze([hypothesis()], range(8)).model_copy(update={"corrections": (made,)})
    (verdict,) = verdicts(runs_of(levels(0.1), frozen=frozen))
    assert verdict.outcome == "CONFIRMED"
    assert "its metric was corrected from corect_rate to correct_rate after the first rows" in str(
        verdict.notes
    )


def test_declared_hypothesis_that_became_exploratory_still_costs_its_family() -> None:
    made = [hypothesis(name="a"), hypothesis(name="b", summary="final")]
    runs = runs_of(levels(0.1), frozen=freeze(made, range(8), conditions=("grpo", "maxrl")))
    before, _ = verdicts(runs)
    after, edited = verdicts(runs, [made[0], hypothesis(name="b", summary="final", alpha=0.1)])
    assert (after.exploratory, bool(edited.exploratory)) == ((), True)
    assert after.comparison.family_size == before.comparison.family_size == 2
    assert after.comparison.simultaneous_level == before.comparison.simultaneous_level
    assert after.comparison.p_adjusted == pytest.approx(2 * (after.comparison.p or 1))


def test_declared_seed_removed_from_the_plan_still_counts_and_is_reported() -> None:
    frozen = freeze([hypothesis()], range(8))
    runs = runs_of(levels(0.1), frozen=frozen)
    shopped = Runs(runs.runs, replace(runs.design, seeds=(0, 1, 2, 3, 4, 5, 7)))
    (verdict,) = verdicts(shopped)
    assert verdict.comparison.n == 8
    assert verdict.exploratory == ("declared seeds were removed from the plan: 6",)


def test_campaign_that_has_only_begun_is_inconclusive_and_not_an_error() -> None:
    of = levels(0.1)
    going = {f"{name}_s{seed}": "running" for name in of for seed in range(8)}
    verdict = judged(of, hypothesis(metric="val/exact"), states=going)
    assert verdict.outcome == "INCONCLUSIVE"
    assert "16 runs are unfinished" in verdict.reason
    with pytest.raises(UsageError, match="no run has val/exact"):
        judged(of, hypothesis(metric="val/exact"))


def test_conditions_without_a_common_seed_are_referred_to_the_unpaired_test() -> None:
    of: Levels = {"grpo": [0.5, 0.6, 0.4, None, None, None], "maxrl": [None, None, None, 0.4, 0.8, 0.9]}
    assert "share no seed" in verdicts(runs_of(of))[0].reason


def test_frozen_hypothesis_that_was_removed_is_still_judged() -> None:
    frozen = freeze([hypothesis(name="kept"), hypothesis(name="gone", summary="final")], range(8))
    kept, gone = verdicts(runs_of(levels(0.1), frozen=frozen), [hypothesis(name="kept")])
    assert gone.hypothesis == "gone"
    assert any("no longer in the spec" in note for note in gone.notes)
    assert kept.comparison.family_size == 2


def test_no_hypotheses_compares_all_with_the_first_and_is_exploratory() -> None:
    of = levels(0.1) | {"sepa": [float(v) for v in SEEDS[8:16]]}
    results = verdicts(runs_of(of))
    assert [(v.comparison.baseline.condition, v.comparison.candidate.condition) for v in results] == [
        ("grpo", "maxrl"), ("grpo", "sepa"),
    ]  # fmt: skip
    assert all("no hypothesis was declared" in verdict.reason for verdict in results)
    assert results[0].comparison.family_size == 2


def test_running_campaign_shows_no_p_value_anywhere() -> None:
    verdict = judged(levels(0.1), hypothesis(), states={"maxrl_s3": "running"})
    comparison = verdict.comparison
    shown = (
        comparison.p,
        comparison.p_adjusted,
        comparison.p_sequential,
        comparison.sign_flip,
        comparison.lower,
    )
    assert shown == (None,) * 5
    assert verdict.outcome == "INCONCLUSIVE"
    assert "1 run is unfinished (maxrl_s3)" in verdict.reason
    assert " p =" not in verdict.reason


def test_planned_run_that_has_not_begun_withholds_the_test_too() -> None:
    of = levels(0.1)
    of["maxrl"][7] = None
    verdict = judged(of, hypothesis())
    assert "maxrl_s7" in verdict.reason
    assert verdict.comparison.p is None


def test_cancelled_run_is_unfinished_and_not_failed_because_the_next_submit_resumes_it() -> None:
    verdict = judged(levels(0.1), hypothesis(), states={"maxrl_s3": "cancelled"})
    assert verdict.comparison.p is None
    assert "1 run is unfinished (maxrl_s3)" in verdict.reason
    assert verdict.comparison.dropped[3] == "maxrl: is cancelled (step 20 of 20)"
    assert not any("biased" in note for note in verdict.notes)
    (final,) = verdicts(runs_of(levels(0.1), states={"maxrl_s3": "cancelled"}), [hypothesis()], final=True)
    assert any("were cancelled" in note and "biased in its favour" in note for note in final.notes)


def test_planned_run_that_has_not_begun_is_said_to_be_planned() -> None:
    of = levels(0.1)
    of["maxrl"][7] = None
    assert judged(of, hypothesis()).comparison.dropped[7] == "maxrl: has not started"


def test_final_tests_the_available_runs_and_reports_the_unfinished_plan() -> None:
    frozen = freeze([hypothesis()], range(8))
    runs = runs_of(levels(0.1), frozen=frozen, states={"maxrl_s3": "running"})
    (verdict,) = verdicts(runs, final=True)
    assert verdict.comparison.n == 7
    assert verdict.exploratory == ("it was stopped with 1 run of its plan unfinished",)


def test_failed_run_drops_its_pair_and_warns_of_the_bias() -> None:
    verdict = judged(levels(0.1), hypothesis(), states={"maxrl_s3": "failed"})
    assert verdict.comparison.n == 7
    assert "failed at step 20 of 20" in verdict.comparison.dropped[3]
    assert any("biased in its favour" in note for note in verdict.notes)
    assert any("1 seed dropped (seed 3" in note for note in verdict.notes)


def test_paired_effect_is_the_difference_of_the_means_that_are_shown() -> None:
    of: Levels = {"grpo": [0.5, 0.6, 0.4, 9.0], "maxrl": [0.6, 0.8, 0.45, None]}
    comparison = verdicts(runs_of(of))[0].comparison
    assert comparison.baseline.mean == pytest.approx(0.5)
    assert (comparison.candidate.mean or 0) - (comparison.baseline.mean or 0) == pytest.approx(
        comparison.effect
    )
    assert comparison.baseline.values[3] == 9.0


def test_look_not_reached_yet_reports_the_first_one() -> None:
    verdict = judged(levels(0.1, 16), hypothesis(), looks=(8, 16), states={"maxrl_s2": "running"})
    assert "the first look is at 8 seeds, and 15 are complete" in verdict.reason
    assert verdict.comparison.p is None


def test_first_look_tests_its_seeds_only_and_against_its_own_bound() -> None:
    verdict = judged(levels(0.1, 16), hypothesis(), looks=(8, 16), states={"maxrl_s12": "running"})
    comparison = verdict.comparison
    assert comparison.n == 8
    assert comparison.look is not None
    assert (comparison.look.number, comparison.look.of) == (1, 2)
    assert comparison.look.nominal == pytest.approx(0.0056, abs=1e-4)
    assert comparison.level == pytest.approx(1 - comparison.look.nominal)
    assert verdict.exploratory == ()


def test_first_look_p_between_its_bound_and_alpha_is_not_significant() -> None:
    weak = next(
        effect
        for effect in np.linspace(0.01, 0.1, 200)
        if 0.006 < (judged(levels(effect), hypothesis()).comparison.p or 0) < 0.02
    )
    assert (
        judged(levels(weak), hypothesis()).comparison.recommendation
        == "statistically_significant_improvement"
    )
    at_look = judged(levels(weak, 8), hypothesis(), looks=(8, 16)).comparison
    assert at_look.recommendation == "insufficient_statistical_evidence"
    assert (at_look.p_sequential or 0) > 0.05


def test_look_of_a_family_has_simultaneous_intervals_at_the_shared_bound() -> None:
    of = levels(0.1, 8) | {"sepa": [float(v) for v in SEEDS[8:16]]}
    made = Hypothesis(name="h", metric="correct_rate")
    comparison = verdicts(runs_of(of, frozen=freeze([made], range(8), (8, 16))))[0].comparison
    assert comparison.level == pytest.approx(1 - plan_looks((8, 16), 0.05)[0].nominal)
    assert comparison.simultaneous_level == pytest.approx(1 - plan_looks((8, 16), 0.025)[0].nominal)


def test_last_look_uses_its_bound_on_all_seeds() -> None:
    comparison = judged(levels(0.1, 16), hypothesis(), looks=(8, 16)).comparison
    assert comparison.n == 16
    assert comparison.look is not None
    assert comparison.look.nominal == pytest.approx(plan_looks((8, 16))[1].nominal)


def test_extension_without_declared_looks_is_labelled_exploratory() -> None:
    frozen = freeze([hypothesis()], range(8))
    runs = runs_of(levels(0.1, 16), frozen=frozen)
    (verdict,) = verdicts(runs)
    assert verdict.exploratory == ("it was extended from 8 to 16 seeds without declared looks",)


def test_extension_beyond_the_last_look_is_labelled_exploratory() -> None:
    frozen = freeze([hypothesis()], range(16), (8, 16))
    (verdict,) = verdicts(runs_of(levels(0.1, 20), frozen=frozen))
    assert verdict.exploratory == ("it was extended to 20 seeds, beyond its last look at 16",)


def test_recorded_extension_combines_its_stages_and_stays_confirmatory() -> None:
    frozen = freeze([hypothesis()], range(8), (8, 16))
    extended = frozen.model_copy(update={"extensions": (Extension(at=8, to=24),)})
    (verdict,) = verdicts(runs_of(levels(0.012, 24), frozen=extended))
    comparison = verdict.comparison
    assert verdict.exploratory == ()
    assert comparison.n == 24
    pooled = paired_t(_differences(levels(0.012, 24)))
    assert comparison.p != pytest.approx(pooled.p)
    d = _differences(levels(0.012, 24)).array
    stages = [PerSeed(d[:8]), PerSeed(d[8:])]
    scores = [normal_score(stages[0]), inverse_normal(stages, [0.5, 0.5], 0.0)]
    assert comparison.p_sequential == pytest.approx(sequential_p(scores, (0.5, 1.0)))
    assert comparison.lower is not None
    assert comparison.upper is not None
    assert comparison.lower < pooled.effect < comparison.upper


def _differences(of: Levels) -> Differences:
    samples = [
        SeedSample(name, {seed: float(value or 0) for seed, value in enumerate(values)})
        for name, values in of.items()
    ]
    return pair(samples[0], samples[1])


@pytest.mark.parametrize(
    ("of", "words"),
    [
        ({"grpo": [0.5], "maxrl": [0.9]}, "One seed cannot estimate"),
        ({"grpo": [0.5] * 8, "maxrl": [0.7] * 8}, "Check that the core uses its seed"),
        (
            {"grpo": [0.5] * 8, "maxrl": [0.5] * 8},
            "Check that the conditions differ in a way that affects the metric",
        ),
        ({"grpo": [0.5, 0.6, None, None], "maxrl": [None, None, 0.4, 0.8]}, "nothing to compare"),
        ({"grpo": [0.5, 0.6, 0.7, None], "maxrl": [0.6, 0.8, 0.8, 0.9]}, "Too few seeds"),
    ],
)
def test_edge_cases_are_answered_with_a_sentence(of: Levels, words: str) -> None:
    (verdict,) = verdicts(runs_of(of))
    assert words in verdict.reason
    assert verdict.litmus == "INCONCLUSIVE"
    json.dumps(verdict.to_json(), allow_nan=False)


@pytest.mark.parametrize("factor", [1e-300, 1e-160, 1e160, 1e300])
@pytest.mark.parametrize("test", ["paired", "welch"])
def test_metric_of_any_scale_has_the_same_verdict(factor: float, test: str) -> None:
    of = levels(0.1)
    scaled: Levels = {
        name: [None if value is None else factor * value for value in per_seed]
        for name, per_seed in of.items()
    }
    plain, other = (judged(each, hypothesis(test=test)).comparison for each in (of, scaled))
    assert other.p == pytest.approx(plain.p, rel=1e-9)
    assert other.cohens_d == pytest.approx(plain.cohens_d, rel=1e-9)
    if plain.pair_correlation is not None:
        assert other.pair_correlation == pytest.approx(plain.pair_correlation, rel=1e-9)
    assert other.lower is not None
    assert plain.lower is not None
    assert other.lower / factor == pytest.approx(plain.lower, rel=1e-9)


def test_metric_too_large_for_arithmetic_is_reported_and_not_used() -> None:
    verdict = judged({"grpo": [1.7e308] * 8, "maxrl": [-1.7e308] * 8}, hypothesis())
    assert verdict.outcome == "INCONCLUSIVE"
    assert "too large for double precision" in verdict.reason


def test_condition_that_does_not_log_the_metric_is_reported_once_and_not_as_divergence() -> None:
    runs = runs_of(levels(0.1))
    without = tuple(replace(run, metrics={"loss": run.metrics["correct_rate"]}) for run in runs.of("maxrl"))
    (verdict,) = verdicts(Runs((*runs.of("grpo"), *without)), metric="correct_rate")
    assert "seeds 0, 1, 2, 3, 4, 5, 6, 7: maxrl: does not log correct_rate" in verdict.reason
    assert not any("diverged" in note for note in verdict.notes)


def test_conditions_of_different_lengths_are_reported() -> None:
    short, long = runs_of({"a": [0.1, 0.2, 0.3]}, steps=10), runs_of({"b": [0.1, 0.2, 0.3]}, steps=30)
    (verdict,) = verdicts(Runs((*short.runs, *long.runs)))
    assert "the runs of the conditions differ in length (steps): a 10, b 30" in verdict.notes


def test_significance_that_rests_on_skewness_is_reported_and_decides_nothing() -> None:
    of: Levels = {"grpo": [0.0] * 8, "maxrl": [-0.2, 0.9, -0.3, -2.0, -1.9, -2.0, -1.8, -2.1]}
    verdict = judged(of, hypothesis())
    assert verdict.comparison.recommendation == "significant_degradation"
    assert verdict.comparison.rests_on_skewness
    assert any("skewed" in note and "p = .072" in note for note in verdict.notes)
    assert verdict.outcome == "FAILED"


def test_skew_correction_leaves_symmetric_differences_alone() -> None:
    of: Levels = {"grpo": [0.0] * 8, "maxrl": [0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9]}
    comparison = judged(of, hypothesis()).comparison
    assert comparison.p_skew_corrected == pytest.approx(comparison.p, rel=1e-6)


def test_rates_over_completions_are_shown_and_never_decide() -> None:
    of = levels(0.0, noise=[0.02 * (-1) ** seed for seed in range(32)])
    made = hypothesis()
    runs = runs_of(of, frozen=freeze([made], range(8)))
    counted = tuple(
        replace(run, completions=(5000 if run.condition == "maxrl" else 4000, 10000)) for run in runs.runs
    )
    plain, (verdict,) = verdicts(runs)[0], verdicts(replace(runs, runs=counted))
    assert verdict.descriptive is not None
    assert (verdict.descriptive.baseline, verdict.descriptive.candidate) == (0.4, 0.5)
    assert verdict.descriptive.fisher_p < 1e-9
    assert verdict.descriptive.decides is False
    assert (
        (verdict.outcome, verdict.reason) == (plain.outcome, plain.reason) == ("INCONCLUSIVE", plain.reason)
    )
    assert plain.descriptive is None


def test_rates_over_completions_are_withheld_with_the_test() -> None:
    runs = runs_of(levels(0.1), states={"maxrl_s3": "running"})
    counted = tuple(replace(run, completions=(1, 2)) for run in runs.runs)
    assert verdicts(replace(runs, runs=counted))[0].descriptive is None


def test_adaptive_extension_of_welchs_test_is_labelled_exploratory() -> None:
    made = hypothesis(test="welch")
    extension = Extension(at=8, to=12)
    for tested, labelled in ((made, True), (hypothesis(), False)):
        frozen = freeze([tested], range(12), (8, 16)).model_copy(update={"extensions": (extension,)})
        (verdict,) = verdicts(runs_of(levels(0.1, 12), frozen=frozen))
        assert verdict.comparison.n == 12
        assert (
            any("stages can be combined for paired tests only" in why for why in verdict.exploratory)
            is labelled
        )


def test_single_condition_is_refused_with_the_reason() -> None:
    with pytest.raises(UsageError, match="needs two conditions"):
        verdicts(runs_of({"grpo": [0.5] * 8}))


@pytest.mark.parametrize(
    "fields", [{"candidate": "maxlr"}, {"baseline": "gpo"}, {"ranking": ("maxrl", "gpo")}]
)
def test_hypothesis_with_an_unknown_condition_suggests_the_nearest(fields: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="did you mean"):
        judged(levels(0.1), hypothesis(**fields))


def test_welch_hypothesis_has_no_pairs_and_no_guard() -> None:
    of = levels(0.2)
    of["grpo"] = of["grpo"][:7]
    comparison = judged(of, hypothesis(test="welch"), seeds=7).comparison
    assert (comparison.test, comparison.sign_flip, comparison.n) == ("Welch's t", None, 7)
    assert comparison.recommendation == "statistically_significant_improvement"


def test_power_is_of_the_declared_effect_and_cautious() -> None:
    comparison = judged(levels(0.1), hypothesis(min_effect=0.02)).comparison
    assert comparison.power is not None
    sd = float(np.std(NOISE[:8], ddof=1))
    assert comparison.power.sd_difference == pytest.approx(sd * np.sqrt(7 / 3.8223), rel=1e-3)
    moved = judged(levels(0.3), hypothesis(min_effect=0.02)).comparison
    assert moved.power is not None
    assert moved.power.reached == pytest.approx(comparison.power.reached)


def test_interaction_contrast_is_tested_seed_by_seed() -> None:
    both, first, second = ("maxrl", "sepa"), "maxrl", "sepa"

    def level(cell: tuple[str, str], seed: int) -> float:
        effects = 0.1 * (cell[0] == first) + 0.05 * (cell[1] == second) + 0.2 * (cell == both)
        return float(SEEDS[seed] + effects + RNG.normal(0, 0.01))

    names = [(a, t) for a in ("grpo", "maxrl") for t in ("none", "sepa")]
    cells: Levels = {f"{a}+{t}": [level((a, t), seed) for seed in range(8)] for a, t in names}
    design = find_two_by_two({label: (label.split("+")[0], label.split("+")[1]) for label in cells})
    assert design is not None
    made = Hypothesis(name="interaction", metric="correct_rate", contrast=design.interaction)
    verdict = judged(cells, made)
    assert verdict.outcome == "CONFIRMED"
    assert verdict.comparison.effect == pytest.approx(0.2, abs=0.03)
    by_hand = interaction(summarise(runs_of(cells), "correct_rate"), design)
    assert verdict.comparison.effect == pytest.approx(paired_t(by_hand).effect)
    assert find_two_by_two({"p": ("a", "b"), "q": ("a", "c"), "r": ("d", "b")}) is None
    assert find_two_by_two({"p": ("a", "b"), "q": ("a", "c"), "r": ("d", "b"), "s": ("e", "c")}) is None
    assert find_two_by_two({}) is None


def test_run_that_goes_on_beyond_the_plan_costs_its_own_seed_and_not_those_of_the_others() -> None:
    def with_steps(of: Runs, longer: Callable[[Run], bool]) -> Runs:
        design = replace(of.design, steps={"grpo": 20, "maxrl": 20})
        runs = tuple(
            replace(run, steps=np.append(run.steps[:-1], 40), metrics=run.metrics) if longer(run) else run
            for run in of.runs
        )
        return Runs(runs, design)

    of = runs_of(levels(0.1), frozen=freeze([hypothesis()], range(8)))
    (one,) = verdicts(with_steps(of, lambda run: run.id == "maxrl_s3"))
    assert (one.comparison.n, one.outcome) == (7, "CONFIRMED")
    assert "biased" in str(one.notes)
    assert one.comparison.dropped == {3: "maxrl: goes on to step 41, beyond the 20 of the plan"}
    (side,) = verdicts(with_steps(of, lambda run: run.condition == "maxrl"))
    assert "the runs go on beyond the plan: maxrl to step 41 of 20" in side.notes


def test_exit_code_is_the_worst_outcome() -> None:
    good, bad, open_ = (
        judged(levels(0.1), hypothesis()),
        judged(levels(-0.1), hypothesis()),
        judged(levels(0.1, 3), hypothesis()),
    )
    assert [exit_code(found) for found in ([good], [good, open_], [good, open_, bad], [])] == [0, 3, 1, 0]
    assert exit_code([replace(good, confound="the conditions also differ in training.lr")]) == 3


def test_document_is_plain_json_with_a_version() -> None:
    runs = runs_of(levels(0.1, 3))
    text = json.dumps(document(verdicts(runs), runs), allow_nan=False)
    assert json.loads(text)["version"] == 1


# What must not matter, and what must.


def _facts(verdict: Verdict) -> dict[str, Any]:
    c = verdict.comparison
    return {
        "outcome": verdict.outcome, "recommendation": c.recommendation, "p": c.p, "holm": c.p_adjusted,
        "flip": c.sign_flip.p if c.sign_flip else None, "d": c.cohens_d, "r": c.pair_correlation,
        "effect": c.effect, "lower": c.lower, "upper": c.upper, "n": c.n,
    }  # fmt: skip


def _same(one: Mapping[str, Any], other: Mapping[str, Any], *, but: Sequence[str] = ()) -> None:
    for key in one.keys() - set(but):
        assert one[key] == (pytest.approx(other[key]) if isinstance(other[key], float) else other[key]), key


@pytest.mark.parametrize("effect", [0.0, 0.02, -0.03, 0.1])
def test_renamed_conditions_change_names_only(effect: float) -> None:
    of = levels(effect)
    renamed: Levels = {"grpo": of["grpo"], "zz top/7": of["maxrl"]}
    _same(_facts(verdicts(runs_of(of))[0]), _facts(verdicts(runs_of(renamed))[0]))


@pytest.mark.parametrize("effect", [0.0, 0.02, -0.03, 0.1])
@pytest.mark.parametrize("factor", [100.0, 1e-7, 1e9, 1 / 3])
def test_scaled_metric_scales_effect_and_interval_only(effect: float, factor: float) -> None:
    of = levels(effect)
    scaled: Levels = {name: [factor * (v or 0) for v in values] for name, values in of.items()}
    before, after = _facts(verdicts(runs_of(of))[0]), _facts(verdicts(runs_of(scaled))[0])
    _same(before, after, but=("effect", "lower", "upper"))
    for key in ("effect", "lower", "upper"):
        assert after[key] == pytest.approx(factor * before[key])


@pytest.mark.parametrize("effect", [0.0, 0.02, -0.03, 0.1])
def test_shifted_metric_changes_nothing(effect: float) -> None:
    of = levels(effect)
    shifted: Levels = {name: [10 + (v or 0) for v in values] for name, values in of.items()}
    _same(_facts(verdicts(runs_of(of))[0]), _facts(verdicts(runs_of(shifted))[0]))


@pytest.mark.parametrize("effect", [0.0, 0.02, -0.03, 0.1])
def test_swapped_baseline_and_candidate_mirror_the_effect(effect: float) -> None:
    of = levels(effect)
    before = _facts(judged(of, hypothesis()))
    after = _facts(judged(of, hypothesis(baseline="maxrl", candidate="grpo")))
    _same(before, after, but=("outcome", "recommendation", "effect", "lower", "upper", "d"))
    assert (after["effect"], after["lower"], after["upper"]) == pytest.approx(
        (-before["effect"], -before["upper"], -before["lower"])
    )
    assert after["d"] == pytest.approx(-before["d"])


@pytest.mark.parametrize("effect", [0.0, 0.1])
def test_order_of_runs_changes_nothing(effect: float) -> None:
    runs = runs_of(levels(effect))
    turned = type(runs)(tuple(reversed(runs.runs)), runs.design)
    names = ("maxrl", "grpo")
    _same(
        _facts(verdicts(runs, [hypothesis(baseline="grpo")])[0]),
        _facts(verdicts(turned, [hypothesis(baseline="grpo")])[0]),
    )
    assert set(turned.conditions) == set(names)


def test_comparison_family_size_widens_only_the_simultaneous_interval() -> None:
    a, b = (SeedSample(n, {s: float(v or 0) for s, v in enumerate(vs)}) for n, vs in levels(0.1).items())
    alone, shared = compare(a, b), compare(a, b, Design(), family_size=5)
    assert (alone.lower, alone.upper, alone.p) == (shared.lower, shared.upper, shared.p)
    assert shared.simultaneous_level == pytest.approx(0.99)


def test_frozen_record_is_what_runs_carry() -> None:
    frozen = freeze([hypothesis()], range(8))
    assert isinstance(runs_of(levels(0.1), frozen=frozen).design.frozen, Frozen)
