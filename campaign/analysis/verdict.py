"""From runs and hypotheses to verdicts: the function that the terminal, the report and a notebook call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, ClassVar

from campaign.analysis import completions
from campaign.analysis.claims import Claim, claims_of
from campaign.analysis.comparison import Comparison, Design, adjust, compare, compare_contrast
from campaign.analysis.descriptive import Rates
from campaign.analysis.litmus import Minimum, Outcome, Threshold, against, minimum, outcome
from campaign.analysis.reasons import dropped, p_is
from campaign.analysis.runs import Runs
from campaign.analysis.samples import Differences, SeedSample, contrast
from campaign.analysis.significance import holm
from campaign.analysis.stages import Stage, stage_of
from campaign.analysis.summaries import summarise
from campaign.json_documents import as_json
from campaign.spec.hypotheses import Direction, Frozen, Hypothesis

Measured = Callable[[str, str], dict[str, SeedSample]]
"""(metric, summary) -> one number for each run, by condition."""

VERSION = 1
"""Of the JSON document that `document` makes."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the runs say about one claim, with every number and the reason in words."""

    WRITTEN: ClassVar[tuple[str, ...]] = ("confirmatory", "label")

    hypothesis: str
    outcome: Outcome
    exploratory: tuple[str, ...]
    """Why this is not a test of a claim made beforehand; empty when it is."""
    comparison: Comparison
    thresholds: tuple[Threshold, ...]
    minima: tuple[Minimum, ...]
    reason: str
    """The outcome's reason, to be quoted."""
    notes: tuple[str, ...] = ()
    """What a careful reader should know: dropped seeds, odd files, seeds between looks."""
    family: str = ""
    frozen: str = ""
    """SHA-256 of the frozen hypotheses; empty when nothing was frozen."""
    mechanism: Comparison | None = None
    descriptive: Rates | None = None
    """Rates over completions, where they are logged and there is a test: shown, and never deciding."""

    @property
    def confirmatory(self) -> bool:
        return not self.exploratory

    @property
    def label(self) -> str:
        """The outcome as every output shows it."""
        return self.outcome if self.confirmatory else f"{self.outcome} (exploratory)"

    def to_json(self) -> dict[str, Any]:
        ready: dict[str, Any] = as_json(self)
        return ready


@dataclass(frozen=True, slots=True)
class VerdictsDocument:
    """What `campaign compare --json` prints."""

    version: int
    kind: str
    campaign: str
    exit_code: int
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...]


def verdicts(
    runs: Runs,
    hypotheses: Sequence[Hypothesis] | None = None,
    *,
    looks: Sequence[int] | None = None,
    frozen: Frozen | None = None,
    metric: str | None = None,
    summary: str = "auto",
    direction: Direction = "higher",
    final: bool = False,
) -> tuple[Verdict, ...]:
    """One verdict for each claim.

    `hypotheses` and `looks` are those of the plan when not given, `frozen` what the campaign's folder has. A
    hypothesis that was frozen and is gone now is judged all the same. Without any, every condition is
    compared with the first in `metric`, with Holm, and marked exploratory. `final` says that
    nothing more will run. Raises `UsageError` for a condition or a metric that the runs do not have.
    """
    frozen = frozen if frozen is not None else runs.planned.frozen
    declared = tuple(hypotheses if hypotheses is not None else runs.planned.hypotheses)
    looks = tuple(looks if looks is not None else runs.planned.looks)
    claims = claims_of(runs, declared, frozen, looks, metric, summary, direction)
    stages = {
        claim: stage_of(
            runs, claim.conditions, looks, frozen, final, paired=claim.hypothesis.test == "paired"
        )
        for claim in claims
    }
    claims = [
        replace(claim, exploratory=(*claim.exploratory, *stages[claim].exploratory)) for claim in claims
    ]
    staged = list(zip(claims, stages.values(), strict=True))
    sizes = _family_sizes(claims)
    # Claims share metrics: each is summarised once for all of them.
    measured: Measured = cache(partial(summarise, runs))
    compared = [_compare(measured, claim, stage, sizes[claim.family_key]) for claim, stage in staged]
    compared = _adjusted(claims, compared)
    return tuple(
        _verdict(runs, measured, claim, stage, comparison, frozen)
        for (claim, stage), comparison in zip(staged, compared, strict=True)
    )


def exit_code(results: Sequence[Verdict]) -> int:
    """0 when all are CONFIRMED, 1 when one FAILED, 3 when one is INCONCLUSIVE."""
    outcomes = {verdict.outcome for verdict in results}
    return 1 if "FAILED" in outcomes else 3 if "INCONCLUSIVE" in outcomes else 0


def document(results: Sequence[Verdict], runs: Runs | None = None) -> dict[str, Any]:
    """The JSON form of `VerdictsDocument`."""
    name, notes = (runs.planned.name, runs.notes) if runs else ("", ())
    ready: dict[str, Any] = as_json(
        VerdictsDocument(VERSION, "campaign.verdicts", name, exit_code(results), tuple(results), notes)
    )
    return ready


def _compare(measured: Measured, claim: Claim, stage: Stage, family_size: int) -> Comparison:
    hypothesis = claim.hypothesis
    design = Design(
        hypothesis.direction, hypothesis.alpha, hypothesis.test, hypothesis.min_effect, hypothesis.min_pairs
    )
    return _measure(measured, claim, hypothesis.metric, hypothesis.summary, design, stage, family_size)


def _measure(
    measured: Measured,
    claim: Claim,
    metric: str,
    summary: str,
    design: Design,
    stage: Stage,
    family_size: int,
) -> Comparison:
    samples = measured(metric, summary)
    weights = claim.hypothesis.contrast
    if weights is None:
        baseline, candidate = samples[claim.baseline], samples[claim.candidate]
        return compare(baseline, candidate, design, stage=stage, family_size=family_size)
    differences = _contrast(samples, weights)
    first = samples[next(iter(weights))]
    return compare_contrast(
        differences, first.metric, first.summary, design, stage=stage, family_size=family_size
    )


def _contrast(samples: Mapping[str, SeedSample], weights: Mapping[str, float]) -> Differences:
    terms = [f"{'-' if weight < 0 else '+'} {_coefficient(weight)}{name}" for name, weight in weights.items()]
    label = " ".join(terms).removeprefix("+ ")
    return contrast([(samples[name], weight) for name, weight in weights.items()], label)


def _coefficient(weight: float) -> str:
    return "" if abs(weight) == 1 else f"{abs(weight):g} "


def _family_sizes(claims: Sequence[Claim]) -> dict[tuple[str, bool], int]:
    sizes: dict[tuple[str, bool], int] = {}
    for claim in claims:
        sizes[claim.family_key] = sizes.get(claim.family_key, 0) + 1
    return sizes


def _adjusted(claims: Sequence[Claim], comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Holm over each family. A comparison without a p-value yet counts as 1: it still takes its share."""
    adjusted = list(comparisons)
    for key in dict.fromkeys(claim.family_key for claim in claims):
        members = [number for number, claim in enumerate(claims) if claim.family_key == key]
        sequential = _stepped([comparisons[number].p_sequential for number in members])
        corrected = _stepped([comparisons[number].p_skew_corrected for number in members])
        for number, *p_values in zip(members, sequential, corrected, strict=True):
            adjusted[number] = adjust(comparisons[number], *p_values)
    return adjusted


def _stepped(p_values: Sequence[float | None]) -> list[float | None]:
    stepped = holm(tuple(1.0 if p is None else p for p in p_values))
    return [None if before is None else after for before, after in zip(p_values, stepped, strict=True)]


def _verdict(
    runs: Runs,
    measured: Measured,
    claim: Claim,
    stage: Stage,
    comparison: Comparison,
    frozen: Frozen | None,
) -> Verdict:
    hypothesis = claim.hypothesis
    rows = [against(comparison, hypothesis.litmus_threshold, "effect")]
    mechanism = _mechanism(measured, claim, stage)
    if mechanism is not None and hypothesis.mechanism is not None:
        rows.append(against(mechanism, hypothesis.mechanism.threshold, "mechanism"))
    rows.extend(_ranking(measured, claim, stage))
    minima = _minima(runs, claim, stage, comparison)
    guard = comparison.sign_flip
    guard_holds = not comparison.withheld and (guard is None or guard.p < hypothesis.alpha)
    result = outcome(rows, minima, guard_holds)
    gone = "it was frozen and is no longer in the spec: judged all the same"
    notes = (
        *stage.notes,
        *([gone] if claim.withdrawn else []),
        *([said] if (said := dropped(comparison)) else []),
        *_caution(comparison),
        *_unequal_lengths(runs, claim),
    )
    return Verdict(
        hypothesis=claim.name,
        outcome=result,
        exploratory=claim.exploratory,
        comparison=comparison,
        thresholds=tuple(rows),
        minima=minima,
        reason=_reason(claim, result, rows, minima, comparison, guard_holds),
        notes=notes,
        family=claim.family_key[0],
        frozen=frozen.sha256 if frozen else "",
        mechanism=mechanism,
        descriptive=None
        if comparison.withheld or hypothesis.contrast is not None
        else completions.rates_of(runs, claim.baseline, claim.candidate, stage.seeds),
    )


def _mechanism(measured: Measured, claim: Claim, stage: Stage) -> Comparison | None:
    mechanism = claim.hypothesis.mechanism
    if mechanism is None:
        return None
    design = Design(mechanism.direction, claim.hypothesis.alpha, claim.hypothesis.test)
    return _measure(measured, claim, mechanism.metric, mechanism.summary, design, stage, 1)


def _ranking(measured: Measured, claim: Claim, stage: Stage) -> list[Threshold]:
    """Each condition of the expected ranking against the next one."""
    hypothesis = claim.hypothesis
    if not hypothesis.ranking:
        return []
    samples = measured(hypothesis.metric, hypothesis.summary)
    design = Design(hypothesis.direction, hypothesis.alpha, hypothesis.test)
    return [
        against(compare(samples[worse], samples[better], design, stage=stage), 0.0, f"{better} above {worse}")
        for better, worse in zip(hypothesis.ranking, hypothesis.ranking[1:], strict=False)
    ]


def _minima(runs: Runs, claim: Claim, stage: Stage, comparison: Comparison) -> tuple[Minimum, ...]:
    hypothesis = claim.hypothesis
    unit = "pairs" if hypothesis.test == "paired" else "runs in the smaller condition"
    rows = [minimum("pairs", hypothesis.min_pairs, comparison.n, unit)]
    counted = [
        run
        for condition in claim.conditions
        for seed in stage.seeds
        if (run := runs.get(condition, seed)) is not None and seed not in comparison.dropped
    ]
    if hypothesis.min_steps:
        fewest = min((run.length for run in counted), default=0)
        rows.append(minimum("steps", hypothesis.min_steps, fewest, "steps in the shortest run"))
    if hypothesis.min_generations:
        least = min((run.generations or 0 for run in counted), default=0)
        rows.append(
            minimum("generations", hypothesis.min_generations, least, "completions in the smallest log")
        )
    return tuple(rows)


def _caution(comparison: Comparison) -> list[str]:
    """What should make a reader look twice."""
    said = []
    lost = [reason for reason in comparison.dropped.values() if "finite" in reason or "failed" in reason]
    if lost:
        said.append(
            "seeds that failed or diverged were dropped; if the condition made them fail, "
            "the effect is too favourable to it"
        )
    if comparison.rests_on_skewness and comparison.p_skew_corrected is not None:
        said.append(
            "the differences are skewed, and with their skewness taken out (Hall 1992) "
            f"{p_is(comparison.p_skew_corrected)}: look at the seeds' differences before quoting this"
        )
    unseen = comparison.recommendation == "insufficient_statistical_evidence" and not comparison.withheld
    if unseen and comparison.power is not None and comparison.power.reached < 0.5:
        said.append("with this power, a missing effect is no evidence of none")
    return said


def _unequal_lengths(runs: Runs, claim: Claim) -> list[str]:
    """Conditions that trained for different lengths differ in more than what is compared, perhaps."""
    lengths = {condition: runs.length(condition) for condition in claim.conditions}
    if len({length for length in lengths.values() if length}) < 2:
        return []
    said = ", ".join(f"{condition} {length}" for condition, length in lengths.items())
    return [f"the conditions' runs are not equally long, in steps: {said}"]


def _reason(
    claim: Claim,
    result: Outcome,
    rows: Sequence[Threshold],
    minima: Sequence[Minimum],
    comparison: Comparison,
    guard_holds: bool,
) -> str:
    head = f"{result}{' (exploratory: ' + '; '.join(claim.exploratory) + ')' if claim.exploratory else ''}"
    short = [row.words for row in minima if not row.met]
    if comparison.withheld:
        return f"{head}: {comparison.withheld}."
    if result == "FAILED":
        why = [row.words for row in rows if row.side == "below"] + short
    elif result == "CONFIRMED":
        why = [row.words for row in rows]
    else:
        why = [row.words for row in rows if row.side != "above"] + short
        if not why and not guard_holds:
            why = ["the intervals lie above their thresholds, but the exact sign-flip guard does not agree"]
    return f"{head}: {'; '.join(why)}. {comparison.reason}"
