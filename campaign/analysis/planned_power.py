"""What the planned seeds can show, hypothesis by hypothesis, before anything is spent.

Nothing is refused here: a campaign that cannot show what it claims is told so, plainly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from campaign.analysis.attainability import MIN_PAIRS, attainable_words, least_pairs, p_text
from campaign.analysis.power import Pilot, PowerTable, minimum_detectable, pilot, power_of_differences
from campaign.analysis.runs import Runs
from campaign.analysis.samples import SeedSample, contrast, pair
from campaign.analysis.summaries import PREFERRED, default_metric, summarise
from campaign.errors import UsageError
from campaign.spec.hypotheses import Hypothesis


@dataclass(frozen=True, slots=True)
class PlannedPower:
    """What one hypothesis can hope for."""

    hypothesis: str
    metric: str
    candidates: int
    """Comparisons that share the error rate."""
    table: PowerTable | None
    """None without a pilot: nothing is known of the noise."""
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
) -> tuple[PlannedPower, ...]:
    """Power of each hypothesis with so many seeds; `pilot_runs` tell how noisy its metric is.

    Raises `UsageError` when the pilot lacks the metric or has too few runs to tell.
    """
    family: dict[str, int] = {}
    for hypothesis in hypotheses:
        family[hypothesis.family] = family.get(hypothesis.family, 0) + _candidates(hypothesis, conditions)
    return tuple(
        _planned(hypothesis, family[hypothesis.family], seeds, looks, pilot_runs) for hypothesis in hypotheses
    )


def pilot_of(runs: Runs, hypothesis: Hypothesis) -> Pilot:
    """The noise of a hypothesis' differences in a pilot: root mean square over pairs of conditions, with
    the hypothesis' baseline where the pilot has it. Raises `UsageError` when the pilot cannot tell."""
    samples = summarise(runs, hypothesis.metric, hypothesis.summary)
    found = _spreads(samples, hypothesis)
    if not found:
        raise UsageError(
            f"the pilot in {runs.folder} cannot tell how {hypothesis.metric} varies: "
            "it needs two conditions with the same two seeds or more"
        )
    mean_square = sum(sd * sd for sd, _ in found) / len(found)
    if mean_square <= 0:
        raise UsageError(f"{hypothesis.metric} does not vary at all in the pilot in {runs.folder}")
    return pilot(sqrt(mean_square), min(n for _, n in found))


def _planned(
    hypothesis: Hypothesis, family: int, seeds: int, looks: Sequence[int], pilot_runs: Runs | None
) -> PlannedPower:
    words = [attainable_words(seeds, hypothesis.alpha)]
    least = max(hypothesis.min_pairs, MIN_PAIRS, least_pairs(hypothesis.alpha))
    most = max((seeds, *looks))
    if most < least:
        words.append(f"{hypothesis.name!r} cannot become CONFIRMED with {most} seeds: it needs {least}")
    noise = pilot_of(pilot_runs, hypothesis) if pilot_runs is not None else None
    if noise is None:
        words.append(_standardised(seeds, hypothesis.alpha / family))
        return PlannedPower(hypothesis.name, hypothesis.metric, family, None, None, tuple(words))
    effects = [hypothesis.min_effect] if hypothesis.min_effect > 0 else []
    table = power_of_differences(seeds, effects, noise.upper, alpha=hypothesis.alpha, candidates=family)
    words = [*words, *table.words[1:]]
    words.append(
        f"the pilot's {noise.n} pairs put the standard deviation of the differences at most at "
        f"{noise.upper:.3g} (80 % upper limit; {noise.sd_difference:.3g} as measured)"
    )
    if family > 1:
        words.append(f"{family} comparisons share the error rate: each has {p_text(table.alpha)}")
    return PlannedPower(hypothesis.name, hypothesis.metric, family, table, noise, tuple(words))


def _standardised(seeds: int, alpha: float) -> str:
    """What can be said of the planned seeds when nothing is known of the noise."""
    if seeds < 2:
        return "one seed detects nothing: a paired test needs two"
    smallest = minimum_detectable(seeds, 1.0, alpha)
    return (
        f"without a pilot the noise is unknown: {seeds} seeds detect {smallest:.2g} standard deviations of the "
        "paired difference with 80% power; --pilot CAMPAIGN says it in the metric's units"
    )


def undeclared(pilot_runs: Runs | None) -> Hypothesis:
    """What is compared when nothing was declared: every condition with the first, in the default metric."""
    metric = default_metric(pilot_runs) if pilot_runs is not None else PREFERRED[0]
    return Hypothesis(name="comparison", metric=metric, min_pairs=2)


def _candidates(hypothesis: Hypothesis, conditions: Sequence[str]) -> int:
    if hypothesis.contrast is not None or isinstance(hypothesis.candidate, str):
        return 1
    return len(hypothesis.candidate) if hypothesis.candidate is not None else max(1, len(conditions) - 1)


def _spreads(samples: Mapping[str, SeedSample], hypothesis: Hypothesis) -> list[tuple[float, int]]:
    """(standard deviation of the differences, pairs) of each pair of conditions that is asked about."""
    if hypothesis.contrast is not None and set(hypothesis.contrast) <= set(samples):
        weights = [(samples[name], weight) for name, weight in hypothesis.contrast.items()]
        found = [contrast(weights, hypothesis.name)]
    else:
        labels = list(samples)
        baseline = hypothesis.baseline if hypothesis.baseline in samples else None
        found = [
            pair(samples[first], samples[second])
            for place, first in enumerate(labels)
            for second in labels[place + 1 :]
            if baseline is None or baseline in (first, second)
        ]
    return [(float(d.array.std(ddof=1)), len(d)) for d in found if len(d) > 1]
