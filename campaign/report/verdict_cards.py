"""Verdict cards: the verdicts of the analysis arranged for the page. Nothing is computed here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from campaign.analysis.attainability import p_text
from campaign.analysis.condition_comparison import Comparison
from campaign.analysis.reasons import counted, interval, number, p_is, percent
from campaign.analysis.verdict import Verdict, verdicts
from campaign.errors import UsageError
from campaign.report.campaign_record import CampaignRecord


@dataclass(frozen=True, slots=True)
class Card:
    """One verdict on the page."""

    label: str
    """The outcome; for an exploratory comparison what was observed."""
    kind: str
    """`confirmed`, `failed`, `inconclusive` or `exploratory`."""
    exploratory: bool
    title: str
    what: str
    effect: str
    interval: str
    evidence: str
    recommendation: str
    reason: str
    rows: tuple[tuple[str, str], ...]
    confound: str
    """In which other fields the conditions differ, and why they were run; empty when there are none."""
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdicts of a campaign, or why there are none."""

    verdicts: tuple[Verdict, ...] = ()
    refused: str = ""

    @property
    def cards(self) -> tuple[Card, ...]:
        return tuple(_card(verdict) for verdict in self.verdicts)


def judge(record: CampaignRecord) -> Judgement:
    """The verdicts of a campaign; none for a single condition."""
    if len(record.conditions) < 2 or len(record.record.conditions) < 2:
        return Judgement()
    try:
        return Judgement(verdicts(record.record))
    except UsageError as error:
        return Judgement(refused=str(error))


def _card(verdict: Verdict) -> Card:
    comparison = verdict.comparison
    undeclared = verdict.hypothesis.startswith("comparison")
    return Card(
        label=verdict.label,
        kind=verdict.outcome.lower(),
        exploratory=not verdict.confirmatory,
        title=comparison.label if undeclared else verdict.hypothesis,
        what=f"in {comparison.metric}" if undeclared else f"{comparison.label} in {comparison.metric}",
        effect=number(comparison.effect, signed=True) if comparison.effect is not None else "",
        interval=_interval(comparison),
        evidence=_evidence(comparison),
        recommendation=verdict.recommendation.replace("_", " "),
        reason=verdict.reason,
        rows=tuple(_facts(verdict)),
        confound=verdict.confound,
        notes=verdict.notes,
    )


def _interval(comparison: Comparison) -> str:
    if comparison.withheld or (
        comparison.simultaneous_lower is None and comparison.simultaneous_upper is None
    ):
        return ""
    limits = interval(comparison.simultaneous_lower, comparison.simultaneous_upper)
    return f"{percent(comparison.simultaneous_level)} confidence interval {limits}"


def _evidence(comparison: Comparison) -> str:
    count = counted(
        comparison.n, "pairs" if comparison.test == "paired t" else "runs in the smaller condition"
    )
    if comparison.p_adjusted is None:
        return f"{count}; not tested yet"
    adjusted = f" (Holm over {comparison.family_size} comparisons)" if comparison.family_size > 1 else ""
    guard = f", sign-flip test {p_is(comparison.sign_flip.p)}" if comparison.sign_flip else ""
    return f"{count}; {comparison.test}, {p_is(comparison.p_adjusted)}{adjusted}{guard}"


def _facts(verdict: Verdict) -> Iterator[tuple[str, str]]:
    """The numbers behind the verdict, as (name, value) pairs."""
    comparison = verdict.comparison
    yield "comparison", f"{comparison.label}; {comparison.summary}"
    for arm in (comparison.baseline, comparison.candidate):
        if arm.values and arm.condition != "0":
            sd = number(arm.sd) if arm.sd is not None else "unknown"
            yield arm.condition, "no usable seed" if arm.mean is None else f"{number(arm.mean)}, sd {sd}"
    for row in verdict.thresholds:
        yield f"{'litmus' if verdict.confirmatory else 'threshold'}, {row.label}", row.words
    for minimum in verdict.minima:
        yield f"minimum {minimum.label}", f"{'met' if minimum.met else 'not met'}: {minimum.words}"
    yield from _statistics(comparison)
    yield "recommendation", verdict.recommendation.replace("_", " ")
    if verdict.frozen:
        yield "hypotheses frozen as", verdict.frozen[:16]


def _statistics(comparison: Comparison) -> Iterator[tuple[str, str]]:
    if comparison.p is not None:
        limits = f"{percent(comparison.level)} {interval(comparison.lower, comparison.upper)}"
        yield "this comparison alone", f"{limits}, {p_is(comparison.p)}"
    if comparison.cohens_d is not None:
        yield "Cohen's d", number(comparison.cohens_d, signed=True)
    if comparison.pair_correlation is not None:
        yield "pair correlation", number(comparison.pair_correlation, signed=True)
    yield "smallest attainable p of an exact test", p_text(comparison.attainable_p)
    if comparison.power is not None:
        power = comparison.power
        needed = f"{power.seeds_needed} seeds" if power.seeds_needed is not None else "over a million seeds"
        yield "power", f"{p_text(power.reached)} for {number(power.min_effect)}; {needed} for 80 %"


def why_all_are_exploratory(results: Sequence[Verdict]) -> str:
    """The reasons as a sentence when no verdict is confirmatory; empty otherwise."""
    if not results or any(verdict.confirmatory for verdict in results):
        return ""
    reasons = dict.fromkeys(reason for verdict in results for reason in verdict.exploratory)
    return f"Exploratory: {'; '.join(reasons)}."
