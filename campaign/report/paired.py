"""The differences that a report shows: candidate - baseline, with the roles that the hypotheses give the conditions.

The verdict cards, the figure, the table and the JSON document take their differences from here, so that the same pair
of conditions has the same sign everywhere. The rule: a hypothesis in the report's metric names candidate and baseline.
A condition that no such hypothesis names is compared with the baseline of the first one; without any, every condition
is compared with the first of the campaign.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean

from campaign.analysis.condition_comparison import Comparison
from campaign.report.campaign_record import CampaignRecord
from campaign.report.finals import FinalValues
from campaign.report.verdict_cards import Judgement


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Candidate minus baseline in the report's metric."""

    candidate: str
    baseline: str
    by_seed: Mapping[int, float]
    """Seed -> difference; empty where the runs are not paired by seed."""
    mean: float | None
    """Their mean; the difference of the means where the runs are not paired by seed."""
    number: int
    """Number of pairs, or of runs in the smaller condition."""
    interval: tuple[float, float] | None = None
    """Simultaneous confidence interval of the verdict on this pair."""

    @property
    def label(self) -> str:
        """The difference as a formula, as in the verdicts."""
        return f"{self.candidate} - {self.baseline}"

    @property
    def seeds(self) -> str:
        """The number of seeds behind the mean, in words."""
        return f"{self.number} seed{'' if self.number == 1 else 's'}"


def paired_differences(
    record: CampaignRecord, values: FinalValues, judgement: Judgement
) -> tuple[PairedDifference, ...]:
    """Those of the verdicts in the report's metric, then those of the conditions that no verdict names."""
    judged = {(pair.candidate, pair.baseline): pair for pair in reversed(list(_judged(values, judgement)))}
    pairs = list(reversed(judged.values()))
    reference = pairs[0].baseline if pairs else record.conditions[0]
    named = {reference, *(name for pair in pairs for name in (pair.candidate, pair.baseline))}
    pairs += [_described(values, label, reference) for label in record.conditions if label not in named]
    return tuple(pairs)


def _judged(values: FinalValues, judgement: Judgement) -> Iterator[PairedDifference]:
    for verdict in judgement.verdicts:
        comparison = verdict.comparison
        candidate, baseline = comparison.candidate.condition, comparison.baseline.condition
        if candidate == comparison.label or comparison.metric != values.metric:
            continue  # a contrast, or other units
        if comparison.summary != values.description:
            # The roles hold, the numbers are of another summary than those of the report.
            yield _described(values, candidate, baseline)
            continue
        yield PairedDifference(
            candidate,
            baseline,
            comparison.differences,
            comparison.effect,
            comparison.n,
            _interval(comparison),
        )


def _interval(comparison: Comparison) -> tuple[float, float] | None:
    low, high = comparison.simultaneous_lower, comparison.simultaneous_upper
    return None if low is None or high is None else (low, high)


def _described(values: FinalValues, candidate: str, baseline: str) -> PairedDifference:
    """The difference over the seeds that both conditions have completed."""
    of_baseline = values.of(baseline)
    by_seed = {
        seed: value - of_baseline[seed]
        for seed, value in sorted(values.of(candidate).items())
        if seed in of_baseline
    }
    mean = fmean(by_seed.values()) if by_seed else None
    return PairedDifference(candidate, baseline, by_seed, mean, len(by_seed))
