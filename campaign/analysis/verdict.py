"""Verdicts of a campaign's hypotheses. The command line, the report and notebooks all call `verdicts`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, ClassVar, Literal

from campaign.analysis import completions
from campaign.analysis.attainability import MIN_PAIRS
from campaign.analysis.claims import Claim, claims_of, declared_sizes
from campaign.analysis.condition_comparison import Comparison, Design, adjust, compare, compare_contrast
from campaign.analysis.descriptive import Rates
from campaign.analysis.litmus import Litmus, Minimum, Threshold, against, litmus, minimum
from campaign.analysis.reasons import dropped, observed, p_is
from campaign.analysis.runs import Run, Runs
from campaign.analysis.samples import Differences, SeedSample, contrast
from campaign.analysis.significance import holm
from campaign.analysis.stages import Stage, stage_of
from campaign.analysis.summaries import summarise
from campaign.folder.run_code import differences
from campaign.json_documents import as_json
from campaign.spec.hypotheses import Direction, Frozen, Hypothesis
from campaign.spec.stale import listed

Outcome = Literal["CONFIRMED", "FAILED", "INCONCLUSIVE", "EXPLORATORY"]
"""The litmus of a hypothesis that was frozen before the runs. Any other comparison is exploratory: it describes what
was observed, and neither confirms nor refutes."""

Summarise = Callable[[str, str], dict[str, SeedSample]]
"""(metric, summary) -> condition -> one value per run."""

MOST_FACTS = 6
"""Most differences in code that one note lists."""
VERSION = 1
"""Version of the JSON document that `document` returns."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on one claim, with all numbers and the reason as sentences."""

    WRITTEN: ClassVar[tuple[str, ...]] = ("outcome", "confirmatory", "label")

    hypothesis: str
    litmus: Litmus
    """What the intervals, the minima of evidence and the exact test say of the thresholds. It is the outcome of a
    confirmatory claim only."""
    exploratory: tuple[str, ...]
    """Why the claim is not confirmatory; empty when it is."""
    comparison: Comparison
    thresholds: tuple[Threshold, ...]
    minima: tuple[Minimum, ...]
    reason: str
    """The reason for the outcome, as sentences that can be quoted."""
    confound: str = ""
    """The fields outside the fields under test in which the claim's conditions differ too, and the reason why they
    were run; empty when none is recorded."""
    notes: tuple[str, ...] = ()
    """Caveats: dropped seeds, irregular files, seeds that wait for a later look."""
    family: str = ""
    frozen: str = ""
    """SHA-256 of the frozen hypotheses; empty when none were frozen."""
    mechanism: Comparison | None = None
    descriptive: Rates | None = None
    """Rates over completions, where they are logged and the claim is tested. They enter no decision."""

    def __repr__(self) -> str:
        """What a notebook shows; the fields have all numbers."""
        notes = "".join(f" note: {note}." for note in self.notes)
        return f"<{self.hypothesis}: {self.label}. {self.reason}{notes}>"

    @property
    def confirmatory(self) -> bool:
        return not self.exploratory

    @property
    def outcome(self) -> Outcome:
        return self.litmus if self.confirmatory else "EXPLORATORY"

    @property
    def label(self) -> str:
        """The outcome as every output prints it; what was observed where the claim is exploratory."""
        label = self.litmus if self.confirmatory else f"exploratory: {observed(self.comparison)}"
        return f"{label} (confounded)" if self.confound else label

    @property
    def recommendation(self) -> str:
        """The recommendation as outputs for people print it. It is about a difference from 0, the litmus about the thresholds: beside a
        FAILED or CONFIRMED, "insufficient evidence" would be read as a doubt about it."""
        if self.comparison.recommendation == "insufficient_statistical_evidence":
            if self.outcome in ("CONFIRMED", "FAILED"):
                return "no statistically significant difference from 0"
        return self.comparison.recommendation

    def to_json(self) -> dict[str, Any]:
        verdict: dict[str, Any] = as_json(self)
        return verdict


DROPPED_BY_OUTCOME = ("finite", "failed", "is short", "evaluation at its end", "goes on to")
"""Words in the reasons for which a seed is dropped because of how its run went."""


@dataclass(frozen=True, slots=True)
class VerdictsDocument:
    """What `campaign compare --json` prints."""

    version: int
    kind: str
    campaign: str
    exit_code: int
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...]
    stale: Mapping[str, tuple[str, ...]]
    """Run id -> the settings in which it differs from its plan, each with both values. Unless they were included by
    request, these runs are in no verdict."""


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
    """One verdict per claim.

    `hypotheses` and `looks` default to those of the plan, `frozen` to the frozen record of the campaign. A
    hypothesis that was frozen and later removed is tested too. Without hypotheses, every condition is
    compared with the first in `metric`, with Holm's adjustment, and marked exploratory. `final` declares that
    no further run will finish. Raises `UsageError` for a condition or a metric that the runs do not have.
    """
    frozen = frozen if frozen is not None else runs.design.frozen
    declared = tuple(hypotheses if hypotheses is not None else runs.design.hypotheses)
    looks = tuple(looks if looks is not None else runs.design.looks)
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
    sizes = _family_sizes(claims, declared_sizes(frozen, runs.conditions))
    # Cached, because claims share metrics.
    summarised: Summarise = cache(partial(summarise, runs))
    comparisons = [_compare(summarised, claim, stage, sizes[claim.family_key]) for claim, stage in staged]
    return tuple(
        _verdict(runs, summarised, claim, stage, comparison, frozen)
        for (claim, stage), comparison in zip(staged, _adjusted(claims, comparisons, sizes), strict=True)
    )


def exit_code(results: Sequence[Verdict]) -> int:
    """1 if any verdict is FAILED, else 3 if any is INCONCLUSIVE, exploratory or confounded, else 0."""
    outcomes = {verdict.outcome for verdict in results}
    confounded = any(verdict.confound for verdict in results)
    return 1 if "FAILED" in outcomes else 3 if confounded or outcomes - {"CONFIRMED"} else 0


def document(results: Sequence[Verdict], runs: Runs | None = None) -> dict[str, Any]:
    """The JSON form of `VerdictsDocument`."""
    name, notes = (runs.design.name, runs.notes) if runs else ("", ())
    stale = {run.id: run.stale for run in (*runs.runs, *runs.stale) if run.stale} if runs else {}
    verdicts_document: dict[str, Any] = as_json(
        VerdictsDocument(VERSION, "campaign.verdicts", name, exit_code(results), tuple(results), notes, stale)
    )
    return verdicts_document


def _compare(summarised: Summarise, claim: Claim, stage: Stage, family_size: int) -> Comparison:
    hypothesis = claim.hypothesis
    design = Design(
        hypothesis.direction, hypothesis.alpha, hypothesis.test, hypothesis.min_effect, hypothesis.min_pairs
    )
    return _compare_in(summarised, claim, hypothesis.metric, hypothesis.summary, design, stage, family_size)


def _compare_in(
    summarised: Summarise,
    claim: Claim,
    metric: str,
    summary: str,
    design: Design,
    stage: Stage,
    family_size: int,
) -> Comparison:
    samples = summarised(metric, summary)
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


def _family_sizes(claims: Sequence[Claim], declared: Mapping[str, int]) -> dict[tuple[str, bool], int]:
    """Comparisons by family. A family has at least the size that was `declared`: a claim that has become exploratory
    (it was edited, or its runs were left unfinished) would otherwise make the others look more certain."""
    sizes: dict[tuple[str, bool], int] = {}
    for claim in claims:
        sizes[claim.family_key] = sizes.get(claim.family_key, 0) + 1
    return {
        (family, exploratory): size if exploratory else max(size, declared.get(family, 0))
        for (family, exploratory), size in sizes.items()
    }


def _adjusted(
    claims: Sequence[Claim], comparisons: Sequence[Comparison], sizes: Mapping[tuple[str, bool], int]
) -> list[Comparison]:
    """Applies Holm's adjustment within each family.

    A withheld p-value counts as 1: the comparison belongs to the family before its result is known, so it
    must already cost the others their share of the error rate. So does a declared one that is no longer tested in it.
    """
    adjusted = list(comparisons)
    for key in dict.fromkeys(claim.family_key for claim in claims):
        members = [number for number, claim in enumerate(claims) if claim.family_key == key]
        sequential = _holm([comparisons[number].p_sequential for number in members], sizes[key])
        corrected = _holm([comparisons[number].p_skew_corrected for number in members], sizes[key])
        for number, *p_values in zip(members, sequential, corrected, strict=True):
            adjusted[number] = adjust(comparisons[number], *p_values)
    return adjusted


def _holm(p_values: Sequence[float | None], size: int) -> list[float | None]:
    untested = (1.0,) * (size - len(p_values))
    adjusted = holm((*(1.0 if p is None else p for p in p_values), *untested))
    return [None if before is None else after for before, after in zip(p_values, adjusted, strict=False)]


def _verdict(
    runs: Runs,
    summarised: Summarise,
    claim: Claim,
    stage: Stage,
    comparison: Comparison,
    frozen: Frozen | None,
) -> Verdict:
    hypothesis = claim.hypothesis
    mechanism = _mechanism(summarised, claim, stage)
    ranking = _ranking(summarised, claim, stage)
    rows = [against(comparison, hypothesis.litmus_threshold, "effect")]
    if mechanism is not None and hypothesis.mechanism is not None:
        rows.append(against(mechanism, hypothesis.mechanism.threshold, "mechanism"))
    rows.extend(against(pair, 0.0, label) for label, pair in ranking.items())
    compared = (comparison, *([mechanism] if mechanism is not None else []), *ranking.values())
    minima = _minima(runs, claim, stage, compared)
    result = litmus(rows, minima)
    withdrawn = "the hypothesis was frozen and is no longer in the spec; it is still tested"
    check = runs.design.check
    confound = check.confound(claim.conditions)
    notes = (
        *stage.notes,
        *([check.doubt] if check.doubt else []),
        *check.earlier,
        *([withdrawn] if claim.withdrawn else []),
        *_corrected(claim, frozen),
        *([seeds] if (seeds := dropped(comparison)) else []),
        *_cautions(comparison),
        *_unequal_lengths(runs, claim),
        *_unequal_code(runs, claim, stage, comparison),
        *_repeated(runs, claim, stage, comparison),
        *_executed_again(runs, claim, stage, comparison),
    )
    return Verdict(
        hypothesis=claim.name,
        litmus=result,
        exploratory=claim.exploratory,
        comparison=comparison,
        thresholds=tuple(rows),
        minima=minima,
        reason=_reason(claim, result, rows, minima, comparison)
        + (f" Confounded: {confound}." if confound else ""),
        confound=confound,
        notes=notes,
        family=claim.family_key[0],
        frozen=frozen.sha256 if frozen else "",
        mechanism=mechanism,
        descriptive=None
        if comparison.withheld or hypothesis.contrast is not None
        else completions.rates_of(runs, claim.baseline, claim.candidate, stage.seeds),
    )


def _corrected(claim: Claim, frozen: Frozen | None) -> list[str]:
    """A caveat when the metric was named after rows had been logged: their curves may have been the reason."""
    return [
        f"its metric was corrected from {made.before} to {made.after} after the first rows and before a run had ended"
        for made in (frozen.corrections if frozen else ())
        if made.hypothesis == claim.hypothesis.name
    ]


def _mechanism(summarised: Summarise, claim: Claim, stage: Stage) -> Comparison | None:
    mechanism = claim.hypothesis.mechanism
    if mechanism is None:
        return None
    design = Design(mechanism.direction, claim.hypothesis.alpha, claim.hypothesis.test)
    return _compare_in(summarised, claim, mechanism.metric, mechanism.summary, design, stage, 1)


def _ranking(summarised: Summarise, claim: Claim, stage: Stage) -> dict[str, Comparison]:
    """The comparison of each condition of the declared ranking with the next one, by label."""
    hypothesis = claim.hypothesis
    if not hypothesis.ranking:
        return {}
    samples = summarised(hypothesis.metric, hypothesis.summary)
    design = Design(hypothesis.direction, hypothesis.alpha, hypothesis.test)
    return {
        f"{better} above {worse}": compare(samples[worse], samples[better], design, stage=stage)
        for better, worse in zip(hypothesis.ranking, hypothesis.ranking[1:], strict=False)
    }


def _minima(runs: Runs, claim: Claim, stage: Stage, compared: Sequence[Comparison]) -> tuple[Minimum, ...]:
    """The minima of evidence, which every comparison of the claim must meet: any of them can decide it.

    Fewer than `MIN_PAIRS` never decide, whatever is declared, just as they support no recommendation.
    """
    hypothesis, comparison = claim.hypothesis, compared[0]
    unit = "pairs" if hypothesis.test == "paired" else "runs in the smaller condition"
    needed = max(hypothesis.min_pairs, MIN_PAIRS)
    rows = [minimum("pairs", needed, min(each.n for each in compared), unit)]
    tested = [run for found in _compared_runs(runs, claim, stage, comparison).values() for run in found]
    if hypothesis.min_steps:
        steps = min((run.finished for run in tested), default=0)
        rows.append(minimum("steps", hypothesis.min_steps, steps, "steps in the shortest run"))
    if hypothesis.min_generations:
        logged = min((run.generations or 0 for run in tested), default=0)
        rows.append(
            minimum("generations", hypothesis.min_generations, logged, "completions in the smallest log")
        )
    return tuple(rows)


def _compared_runs(runs: Runs, claim: Claim, stage: Stage, comparison: Comparison) -> dict[str, list[Run]]:
    """Condition -> its runs that the comparison is based on."""
    return {
        condition: [
            run
            for seed in _compared_seeds(comparison, condition, stage)
            if (run := runs.get(condition, seed)) is not None
        ]
        for condition in claim.conditions
    }


def _compared_seeds(comparison: Comparison, condition: str, stage: Stage) -> Iterable[int]:
    """The seeds of a condition that the comparison is based on."""
    if comparison.test == "paired t":
        return comparison.differences
    arms = {arm.condition: arm.values for arm in (comparison.baseline, comparison.candidate)}
    return arms.get(condition, stage.seeds)


def _cautions(comparison: Comparison) -> list[str]:
    """Caveats about the validity of the comparison."""
    cautions = []
    # While nothing is tested, a cancelled run is one that is still to come.
    words = DROPPED_BY_OUTCOME if comparison.withheld else (*DROPPED_BY_OUTCOME, "is cancelled")
    if any(word in reason for reason in comparison.dropped.values() for word in words):
        cautions.append(
            "seeds that failed, were cancelled, ended early or late, or diverged were dropped; if the condition caused it, "
            "the effect is biased in its favour"
        )
    if comparison.rests_on_skewness and comparison.p_skew_corrected is not None:
        cautions.append(
            "the differences are skewed, and corrected for skewness (Hall 1992) "
            f"{p_is(comparison.p_skew_corrected)}: inspect the paired differences before quoting this result"
        )
    insufficient = (
        comparison.recommendation == "insufficient_statistical_evidence" and not comparison.withheld
    )
    if insufficient and comparison.power is not None and comparison.power.reached < 0.5:
        cautions.append("with this power, the absence of an effect cannot be inferred")
    return cautions


def _unequal_lengths(runs: Runs, claim: Claim) -> list[str]:
    """Caveats when conditions trained for different lengths, which is a difference besides the tested one, or when
    runs end where their cores end."""
    return [*_unequal_conditions(runs, claim), *_beyond_the_plan(runs, claim), *_own_ends(runs, claim)]


def _beyond_the_plan(runs: Runs, claim: Claim) -> list[str]:
    planned = {label: runs.design.steps.get(label, 0) for label in claim.conditions}
    longer = [
        f"{label} to step {length} of {planned[label]}"
        for label in claim.conditions
        if planned[label] and (length := runs.length(label)) > planned[label] + 1
    ]
    return [f"the runs go on beyond the plan: {', '.join(longer)}"] if longer else []


def _own_ends(runs: Runs, claim: Claim) -> list[str]:
    ended = {
        label: sorted(run.finished for run in runs.of(label) if run.own_end and run.state == "done")
        for label in claim.conditions
    }
    lengths = sorted(length for found in ended.values() for length in found)
    if not lengths or lengths[0] == lengths[-1]:
        return []
    longest = lengths[-1]
    # How many, and of which condition: runs that drop out keep the value they had until then.
    early = (
        f"{label} {sum(length < longest for length in found)} of {len(found)}"
        for label, found in ended.items()
        if found
    )
    return [
        f"the runs may end early (core.early_stopping) and are compared each at its own end: after "
        f"{lengths[0]} to {longest} steps; before step {longest} ended: {', '.join(early)}"
    ]


def _unequal_conditions(runs: Runs, claim: Claim) -> list[str]:
    lengths = {condition: runs.expected_steps(condition) for condition in claim.conditions}
    if len({length for length in lengths.values() if length}) < 2:
        return []
    listed = ", ".join(f"{condition} {length}" for condition, length in lengths.items())
    return [f"the runs of the conditions differ in length (steps): {listed}"]


def _repeated(runs: Runs, claim: Claim, stage: Stage, comparison: Comparison) -> list[str]:
    """A caveat when settings were changed after runs had ended: their results may have been the reason."""
    compared = _compared_runs(runs, claim, stage, comparison)
    repeated = [run.id for found in compared.values() for run in found if run.repeated]
    if not repeated:
        return []
    return [
        f"settings were changed after runs had ended with others, and these were repeated: {listed(repeated)}; the "
        "earlier records are in their superseded/ folders"
    ]


def _executed_again(runs: Runs, claim: Claim, stage: Stage, comparison: Comparison) -> list[str]:
    """A caveat when runs that were done have been deleted and executed again: whoever saw their results chose them."""
    compared = _compared_runs(runs, claim, stage, comparison)
    again = [run.id for found in compared.values() for run in found if run.executed_again]
    if not again:
        return []
    return [f"these runs were done, deleted, and executed again with the same settings: {listed(again)}"]


def _unequal_code(runs: Runs, claim: Claim, stage: Stage, comparison: Comparison) -> list[str]:
    """A caveat when the runs were not all executed by the same code, which is a difference besides the tested one."""
    sides = {
        condition: [run.code for run in found]
        for condition, found in _compared_runs(runs, claim, stage, comparison).items()
    }
    found = differences(sides)
    if not found:
        return []
    more = f"; and {len(found) - MOST_FACTS} more" if len(found) > MOST_FACTS else ""
    return [f"the runs were not all executed by the same code: {' | '.join(found[:MOST_FACTS])}{more}"]


def _reason(
    claim: Claim,
    result: Litmus,
    rows: Sequence[Threshold],
    minima: Sequence[Minimum],
    comparison: Comparison,
) -> str:
    head = f"exploratory ({'; '.join(claim.exploratory)})" if claim.exploratory else result
    if comparison.withheld:
        return f"{head}: {comparison.withheld}."
    if claim.exploratory:
        return f"{head}: {observed(comparison)}. {comparison.reason}"
    decisive = {
        "FAILED": [row.words for row in rows if row.side == "below" and row.agrees],
        "CONFIRMED": [row.words for row in rows],
        "INCONCLUSIVE": [row.words for row in rows if row.side != "above" or not row.agrees],
    }[result]
    # The minima of a CONFIRMED or FAILED verdict are all met, so this adds nothing to it.
    decisive += [row.words for row in minima if not row.met]
    return f"{head}: {'; '.join(decisive)}. {comparison.reason}"
