"""One rule for both directions: CONFIRMED and FAILED need the same evidence, over many random campaigns.

The campaigns have 2 to 12 seeds, effects from none to overwhelming, normal, skewed and constant differences, failed
runs, and minima of evidence that may be lower than any test can use.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from folders import runs_of

from campaign.analysis.attainability import MIN_PAIRS
from campaign.analysis.condition_comparison import Design, compare
from campaign.analysis.litmus import against, litmus, minimum
from campaign.analysis.reasons import observed
from campaign.analysis.samples import SeedSample
from campaign.analysis.verdict import Verdict, verdicts
from campaign.spec.hypotheses import Hypothesis, freeze

MIRRORED = {"CONFIRMED": "FAILED", "FAILED": "CONFIRMED", "INCONCLUSIVE": "INCONCLUSIVE"}
Levels = dict[str, list[float | None]]


def campaigns(count: int, seed: int) -> Iterator[tuple[Levels, np.random.Generator]]:
    rng = np.random.default_rng(seed)
    for _ in range(count):
        n = int(rng.integers(2, 13))
        base = rng.normal(0.5, 0.03, n)
        noise = [rng.normal(0, 0.02, n), rng.exponential(0.02, n) - 0.02, np.full(n, 0.0)]
        effect = float(rng.choice([0.0, 0.01, 0.03, 0.3])) * float(rng.choice([-1, 1]))
        values = (base + effect + noise[int(rng.integers(3))]).tolist()
        levels: Levels = {"a": base.tolist(), "b": values}
        if rng.random() < 0.3:
            levels[str(rng.choice(["a", "b"]))][int(rng.integers(n))] = None
        yield levels, rng


def judged(
    levels: Mapping[str, Sequence[float | None]], *, looks: Sequence[int] = (), **fields: Any
) -> Verdict:
    hypothesis = Hypothesis.model_validate({"name": "h", "metric": "correct_rate", **fields})
    n = max(len(values) for values in levels.values())
    gaps = {f"{name}_s{seed}" for name, values in levels.items() for seed in range(n) if values[seed] is None}
    filled = {name: [0.5 if v is None else v for v in values] for name, values in levels.items()}
    more = {"speed": {name: [-v for v in values] for name, values in filled.items()}}
    frozen = freeze([hypothesis], range(n), looks)
    runs = runs_of(filled, frozen=frozen, more=more, states=dict.fromkeys(gaps, "failed"))
    return verdicts(runs)[0]


def fields(rng: np.random.Generator, test: str) -> dict[str, Any]:
    return {
        "test": test,
        "alpha": float(rng.choice([0.01, 0.05, 0.2])),
        "min_pairs": int(rng.choice([2, 6, 8])),
        "direction": str(rng.choice(["higher", "lower"])),
    }


@pytest.mark.parametrize("test", ["paired", "welch"])
def test_swapped_conditions_have_mirrored_outcomes(test: str) -> None:
    seen = set()
    for levels, rng in campaigns(80, 1):
        given = fields(rng, test)
        there = judged(levels, baseline="a", candidate="b", **given)
        back = judged(levels, baseline="b", candidate="a", **given)
        assert back.litmus == MIRRORED[there.litmus], (levels, given)
        assert back.comparison.recommendation == {
            "statistically_significant_improvement": "significant_degradation",
            "significant_degradation": "statistically_significant_improvement",
        }.get(there.comparison.recommendation, there.comparison.recommendation)
        seen.add(there.litmus)
    assert seen == set(MIRRORED)


@pytest.mark.parametrize("test", ["paired", "welch"])
def test_other_direction_has_the_mirrored_outcome_and_so_has_the_negated_metric(test: str) -> None:
    for levels, rng in campaigns(50, 2):
        given = fields(rng, test) | {"baseline": "a", "candidate": "b"}
        flipped = given | {"direction": "lower" if given["direction"] == "higher" else "higher"}
        plain = judged(levels, **given)
        assert judged(levels, **flipped).litmus == MIRRORED[plain.litmus]
        assert judged(levels, **flipped, metric="speed").litmus == plain.litmus


@pytest.mark.parametrize("test", ["paired", "welch"])
@pytest.mark.parametrize("threshold", [0.0, 0.01, 0.25])
def test_verdict_needs_the_minima_and_the_exact_test_whichever_it_is(test: str, threshold: float) -> None:
    for levels, rng in campaigns(50, 3):
        given = fields(rng, test) | {"baseline": "a", "candidate": "b", "threshold": threshold}
        verdict = judged(levels, **given)
        comparison = verdict.comparison
        short = comparison.n < max(given["min_pairs"], MIN_PAIRS)
        (row,) = verdict.thresholds
        held = row.sign_flip_p is None or row.sign_flip_p < given["alpha"]
        if short or not held or row.side == "open":
            assert verdict.litmus == "INCONCLUSIVE"
        else:
            assert verdict.litmus == {"above": "CONFIRMED", "below": "FAILED"}[row.side]
        if verdict.litmus == "CONFIRMED":
            assert comparison.recommendation == "statistically_significant_improvement"
        if verdict.litmus == "FAILED" and threshold == 0:
            assert comparison.recommendation == "significant_degradation"
        if verdict.litmus == "FAILED":
            assert "insufficient" not in verdict.recommendation


def test_swapped_conditions_are_never_both_better_by_a_positive_threshold() -> None:
    for levels, rng in campaigns(50, 4):
        given = fields(rng, "paired") | {"threshold": 0.02}
        there = judged(levels, baseline="a", candidate="b", **given).litmus
        back = judged(levels, baseline="b", candidate="a", **given).litmus
        assert (there, back) != ("CONFIRMED", "CONFIRMED")
        if "CONFIRMED" in (there, back):
            assert {there, back} == {"CONFIRMED", "FAILED"}


def test_negated_threshold_of_the_swapped_pair_mirrors_the_outcome() -> None:
    """Non-inferiority (a threshold below 0) is held to the same evidence as superiority."""
    for levels, rng in campaigns(50, 5):
        samples = [
            SeedSample(name, {s: v for s, v in enumerate(values) if v is not None}, "m")
            for name, values in levels.items()
        ]
        threshold = float(rng.choice([-0.05, -0.01, 0.02]))
        outcomes = [
            litmus([against(found, value, "effect")], [minimum("pairs", MIN_PAIRS, found.n, "pairs")])
            for found, value in (
                (compare(samples[0], samples[1], Design()), threshold),
                (compare(samples[1], samples[0], Design()), -threshold),
            )
        ]
        assert outcomes[1] == MIRRORED[outcomes[0]]


def test_negated_contrast_has_the_mirrored_outcome() -> None:
    for levels, rng in campaigns(40, 7):
        given = {key: value for key, value in fields(rng, "paired").items() if key != "test"}
        there, back = (
            judged(levels, contrast={"a": -weight, "b": weight}, **given).litmus for weight in (1.0, -1.0)
        )
        assert back == MIRRORED[there]


def test_declared_looks_keep_the_outcomes_mirrored() -> None:
    seen = set()
    for levels, rng in campaigns(40, 8):
        grown = {name: [*values, *values][:12] for name, values in levels.items()}
        if len(grown["a"]) < 12:
            continue
        given = fields(rng, "paired") | {"looks": (8, 12)}
        there = judged(grown, baseline="a", candidate="b", **given)
        back = judged(grown, baseline="b", candidate="a", **given)
        assert there.comparison.look is not None
        assert back.litmus == MIRRORED[there.litmus]
        seen.add(there.litmus)
    assert len(seen) > 1


def test_ranking_and_its_reverse_are_not_decided_below_the_minima() -> None:
    """A ranking's steps may rest on fewer pairs than the effect: they too must meet the minima."""
    full = [0.5, 0.51, 0.49, 0.52, 0.5, 0.48, 0.53, 0.5]
    few: list[float | None] = [value - 0.2 for value in full]
    few[3:] = [None] * 5
    few[0], few[1], few[2] = 0.301, 0.309, 0.292
    levels: Levels = {"a": [*full], "b": [value + 0.1 + 0.001 * s for s, value in enumerate(full)], "c": few}
    for ranking in (("b", "c"), ("c", "b")):
        verdict = judged(levels, baseline="a", candidate="b", ranking=ranking)
        assert verdict.comparison.n == 8
        assert verdict.litmus == "INCONCLUSIVE"
        assert "3 pairs; the minimum is 6" in verdict.reason


def test_ranking_that_holds_fails_when_it_is_reversed() -> None:
    seen = 0
    for levels, rng in campaigns(40, 6):
        third = [None if v is None else v + 0.3 + float(rng.normal(0, 0.01)) for v in levels["b"]]
        levels["c"] = third
        right = judged(levels, baseline="a", candidate="c", ranking=("c", "b"))
        wrong = judged(levels, baseline="c", candidate="a", ranking=("b", "c"))
        if right.litmus == "CONFIRMED":
            seen += 1
            assert wrong.litmus == "FAILED"
        if right.comparison.n < MIN_PAIRS:
            assert (right.litmus, wrong.litmus) == ("INCONCLUSIVE", "INCONCLUSIVE")
    assert seen > 10


def test_precisely_measured_absence_of_the_declared_effect_fails_without_a_word_of_doubt() -> None:
    base = [0.5, 0.51, 0.49, 0.52, 0.5, 0.48, 0.53, 0.5]
    levels: Levels = {"a": [*base], "b": [v + 0.001 * (-1) ** s for s, v in enumerate(base)]}
    verdict = judged(levels, baseline="a", candidate="b", min_effect=0.05)
    assert verdict.comparison.recommendation == "insufficient_statistical_evidence"
    assert verdict.outcome == "FAILED"
    assert verdict.recommendation == "no statistically significant difference from 0"


@pytest.mark.parametrize(
    ("candidate", "words"),
    [
        ([0.375, 0.375, 0.375], "lower by 0.125 in all 3 seeds"),
        ([0.625, 0.625, 0.625], "higher by 0.125 in all 3 seeds"),
        (
            [0.2, 0.6, 0.5],
            "lower by 0.0667 on average, mixed: higher in 1, lower in 1, equal in 1 of 3 seeds",
        ),
        ([0.5, 0.5, 0.5], "no difference in all 3 seeds"),
        ([0.375], "lower by 0.125 in the only seed"),
        ([], "nothing to compare"),
    ],
)
def test_what_was_observed_is_said_with_the_seeds_that_agree(candidate: list[float], words: str) -> None:
    baseline = SeedSample("a", dict.fromkeys(range(3), 0.5), "m")
    other = SeedSample("b", dict(enumerate(candidate)), "m")
    assert observed(compare(baseline, other)) == words


def test_unpaired_runs_are_described_without_seeds() -> None:
    samples = [
        SeedSample(name, dict(enumerate(v)), "m") for name, v in (("a", [0.5, 0.6]), ("b", [0.7, 0.8]))
    ]
    found = compare(*samples, Design(test="welch"))
    assert observed(found) == "higher by 0.200 on average; the runs are not paired by seed"
