"""Power of the planned seeds for each hypothesis, before anything is run.

The result is advice: an underpowered campaign is reported as such and never refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from typing import Any

from campaign.analysis.attainability import MIN_PAIRS, describe_attainable, min_pairs_to_reject, p_text
from campaign.analysis.power import (
    Pilot,
    PowerTable,
    episodes_two_proportions,
    minimum_detectable,
    pilot,
    power_of_differences,
)
from campaign.analysis.runs import Runs
from campaign.analysis.samples import Differences, SeedSample, contrast, pair
from campaign.analysis.summaries import PREFERRED, default_metric, summarise
from campaign.errors import UsageError
from campaign.metrics.definitions import lookup
from campaign.spec.hypotheses import Hypothesis


@dataclass(frozen=True, slots=True)
class PlannedPower:
    """Power of the planned seeds for one hypothesis."""

    hypothesis: str
    metric: str
    candidates: int
    """Number of comparisons that share the error rate."""
    table: PowerTable | None
    """None without a pilot, because the variance is unknown."""
    pilot: Pilot | None
    words: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "hypothesis": self.hypothesis,
            "metric": self.metric,
            "candidates": self.candidates,
            "power": self.table.to_json() if self.table else None,
            "pilot_sd_upper": self.pilot.upper if self.pilot else None,
            "words": list(self.words),
        }


def planned_power(
    hypotheses: Sequence[Hypothesis],
    conditions: Sequence[str],
    seeds: int,
    looks: Sequence[int] = (),
    pilot_runs: Runs | None = None,
    *,
    declared: bool = True,
) -> tuple[PlannedPower, ...]:
    """Power of each hypothesis with `seeds` seeds; `pilot_runs` provides the variance of its metric. `declared` is
    False for `undeclared`, which no number of seeds confirms.

    Raises `UsageError` when the pilot lacks the metric or has too few runs to estimate its variance.
    """
    family: dict[str, int] = {}
    for hypothesis in hypotheses:
        family[hypothesis.family] = family.get(hypothesis.family, 0) + _candidates(hypothesis, conditions)
    return tuple(
        _power_of(hypothesis, family[hypothesis.family], seeds, looks, pilot_runs, declared)
        for hypothesis in hypotheses
    )


def pilot_of(runs: Runs, hypothesis: Hypothesis) -> Pilot:
    """The standard deviation of the paired differences in a pilot, for one hypothesis.

    It is the root mean square over the pairs of conditions, restricted to those with the hypothesis' baseline
    where the pilot has it. Raises `UsageError` when the pilot cannot estimate it.
    """
    samples = summarise(runs, hypothesis.metric, hypothesis.summary)
    spreads = [
        (float(differences.array.std(ddof=1)), len(differences))
        for differences in _pilot_differences(samples, hypothesis)
        if len(differences) > 1
    ]
    if not spreads:
        raise UsageError(
            f"the pilot in {runs.folder} cannot estimate the variance of {hypothesis.metric}: "
            "it needs two conditions that share at least two seeds"
        )
    mean_square = sum(sd * sd for sd, _ in spreads) / len(spreads)
    if mean_square <= 0:
        raise UsageError(
            f"{hypothesis.metric} has no variance in the pilot in {runs.folder}: use another pilot or metric"
        )
    # The fewest pairs give the widest upper limit, so several conditions never pass for more seeds.
    return pilot(sqrt(mean_square), min(n for _, n in spreads))


def _power_of(
    hypothesis: Hypothesis,
    family: int,
    seeds: int,
    looks: Sequence[int],
    pilot_runs: Runs | None,
    declared: bool,
) -> PlannedPower:
    sentences = [describe_attainable(seeds, hypothesis.alpha)]
    needed = max(hypothesis.min_pairs, MIN_PAIRS, min_pairs_to_reject(hypothesis.alpha))
    final_seeds = max((seeds, *looks))
    if not declared:
        sentences.append("no hypothesis is declared, so every comparison is exploratory and confirms nothing")
    elif final_seeds < needed:
        sentences.append(
            f"{hypothesis.name!r} cannot become CONFIRMED or FAILED with {final_seeds} seeds: it needs {needed}"
        )
    if pilot_runs is None:
        sentences.append(_standardised(seeds, hypothesis.alpha / family))
        return PlannedPower(hypothesis.name, hypothesis.metric, family, None, None, tuple(sentences))
    noise = pilot_of(pilot_runs, hypothesis)
    effects = [hypothesis.min_effect] if hypothesis.min_effect > 0 else []
    table = power_of_differences(seeds, effects, noise.upper, alpha=hypothesis.alpha, candidates=family)
    sentences.extend(table.words[1:])
    sentences.extend(_episodes(hypothesis, hypothesis.alpha / family, pilot_runs))
    sentences.append(
        f"the pilot's {noise.n} pairs give a standard deviation of the differences of "
        f"{noise.sd_difference:.3g}, with an 80 % upper confidence limit of {noise.upper:.3g}, which is used here"
    )
    if family > 1:
        sentences.append(f"{family} comparisons share the error rate: {p_text(table.alpha)} for each")
    return PlannedPower(hypothesis.name, hypothesis.metric, family, table, noise, tuple(sentences))


def _episodes(hypothesis: Hypothesis, alpha: float, pilot_runs: Runs) -> Iterator[str]:
    """What a count of independent episodes would ask for, and why it is no plan; only for a rate with a declared
    effect, and a pilot that measured the rate of the baseline."""
    definition = lookup(hypothesis.metric)
    if not hypothesis.min_effect or definition is None or definition.unit != "share":
        return
    samples = summarise(pilot_runs, hypothesis.metric, hypothesis.summary)
    baseline = samples.get(hypothesis.baseline or pilot_runs.conditions[0])
    if baseline is None or not len(baseline):
        return
    sign = 1.0 if hypothesis.direction == "higher" else -1.0
    other = baseline.mean + sign * hypothesis.min_effect
    if 0.0 < baseline.mean < 1.0 and 0.0 < other < 1.0:
        episodes = episodes_two_proportions(baseline.mean, other, alpha)
        yield (
            f"a count of independent episodes would ask for {episodes:,} per condition; it is no plan, because "
            "episodes of a run share its weights, and only more seeds average over the variance between seeds"
        )


def _standardised(seeds: int, alpha: float) -> str:
    """The minimum detectable effect in standard deviations, for use without a pilot."""
    if seeds < 2:
        return "one seed detects nothing: a paired test needs at least two"
    smallest = minimum_detectable(seeds, 1.0, alpha)
    return (
        f"without a pilot the variance is unknown: {seeds} seeds detect {smallest:.2g} standard deviations "
        "of the paired difference with 80% power; --pilot CAMPAIGN reports this in units of the metric"
    )


def undeclared(pilot_runs: Runs | None) -> Hypothesis:
    """The default hypothesis: every condition against the first, in the default metric."""
    metric = default_metric(pilot_runs) if pilot_runs is not None else PREFERRED[0]
    return Hypothesis(name="comparison", metric=metric, min_pairs=2)


def _candidates(hypothesis: Hypothesis, conditions: Sequence[str]) -> int:
    if hypothesis.contrast is not None or isinstance(hypothesis.candidate, str):
        return 1
    return len(hypothesis.candidate) if hypothesis.candidate is not None else max(1, len(conditions) - 1)


def _pilot_differences(samples: Mapping[str, SeedSample], hypothesis: Hypothesis) -> list[Differences]:
    """The paired differences that the hypothesis compares; those of all pairs of conditions when the pilot
    has other conditions."""
    if hypothesis.contrast is not None and set(hypothesis.contrast) <= set(samples):
        weights = [(samples[name], weight) for name, weight in hypothesis.contrast.items()]
        return [contrast(weights, hypothesis.name)]
    baseline = hypothesis.baseline if hypothesis.baseline in samples else None
    return [
        pair(samples[first], samples[second])
        for first, second in combinations(samples, 2)
        if baseline is None or baseline in (first, second)
    ]
