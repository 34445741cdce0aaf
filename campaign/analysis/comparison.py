"""Two conditions in one metric: every number about their difference, in one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import hypot, isfinite
from typing import Any, ClassVar, Literal

import numpy as np

from campaign.analysis import kernels, sequential
from campaign.analysis.attainability import MIN_PAIRS, attainable, attainable_unpaired
from campaign.analysis.looks import combined, levels, p_over_looks, unpaired_p_over_looks
from campaign.analysis.power import power, sd_upper, seeds_for
from campaign.analysis.samples import Differences, SeedSample, pair
from campaign.analysis.sequential import Look
from campaign.analysis.significance import (
    Test,
    cohens_d,
    cohens_d_unpaired,
    paired_t,
    sign_flip,
    welch,
)
from campaign.analysis.stages import Stage
from campaign.json_documents import as_json

Recommendation = Literal[
    "statistically_significant_improvement", "insufficient_statistical_evidence", "significant_degradation"
]


@dataclass(frozen=True, slots=True)
class Design:
    """How a comparison is made; all of it is declared before the data are seen."""

    direction: Literal["higher", "lower"] = "higher"
    alpha: float = 0.05
    test: Literal["paired", "welch"] = "paired"
    min_effect: float = 0.0
    min_pairs: int = MIN_PAIRS


@dataclass(frozen=True, slots=True)
class Arm:
    """One condition's per-run numbers."""

    condition: str
    values: Mapping[int, float]
    """Of every seed that may be tested, with a pair or without."""
    mean: float | None
    """Over the seeds that were tested: a paired effect is the difference of these means."""
    sd: float | None


@dataclass(frozen=True, slots=True)
class Power:
    """What the seeds at hand could show, for the declared effect and never for the observed one."""

    min_effect: float
    sd_difference: float
    """80 % upper confidence limit of the differences' standard deviation."""
    reached: float
    """Power for `min_effect` with the seeds at hand."""
    seeds_needed: int | None
    """Seeds for 80 %; None when more than a million."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Candidate minus baseline in one metric. p-values are None while they are withheld (see `withheld`)."""

    WRITTEN: ClassVar[tuple[str, ...]] = ("can_reach",)

    baseline: Arm
    candidate: Arm
    label: str
    """What is subtracted from what."""
    metric: str
    summary: str
    """How a run became a number, in words."""
    design: Design
    test: Literal["paired t", "Welch's t"]
    n: int
    """Pairs; for Welch's test the runs of the smaller condition."""
    differences: Mapping[int, float]
    """Seed -> difference; empty for Welch's test."""
    dropped: Mapping[int, str]
    """Seed -> why it does not count."""
    effect: float | None
    lower: float | None
    """Of this comparison's own interval; None when unbounded."""
    upper: float | None
    level: float
    simultaneous_lower: float | None
    """Of the interval that holds for the whole family at once (Bonferroni)."""
    simultaneous_upper: float | None
    simultaneous_level: float
    p: float | None
    """Of the t-test at this look, on its own."""
    p_sequential: float | None
    """The smallest error rate at which the declared looks so far reject; equals `p` without looks."""
    p_adjusted: float | None
    """`p_sequential` after Holm, over the family."""
    p_skew_corrected: float | None
    """Of the t-test with the skewness of the differences taken out (Hall 1992), after Holm: it decides
    nothing, and is there to be compared with `p`. None for Welch's test and combined stages."""
    family_size: int
    sign_flip: Test | None
    """The guard; None for Welch's test."""
    cohens_d: float | None
    pair_correlation: float | None
    attainable_p: float
    """The smallest p that an exact test can give with so many seeds."""
    power: Power | None
    look: Look | None
    withheld: str
    """Why there is no p-value; empty when there is one."""
    recommendation: Recommendation
    reason: str
    """The recommendation's reason, to be quoted."""

    @property
    def sign(self) -> float:
        """+1 when higher is better."""
        return 1.0 if self.design.direction == "higher" else -1.0

    @property
    def improvement(self) -> tuple[float | None, float | None, float | None]:
        """Effect, lower and upper simultaneous limit, turned so that above 0 is better."""
        if self.sign > 0:
            return self.effect, self.simultaneous_lower, self.simultaneous_upper
        flipped = (self.effect, self.simultaneous_upper, self.simultaneous_lower)
        return tuple(None if value is None else -value for value in flipped)  # type: ignore[return-value]

    @property
    def rests_on_skewness(self) -> bool:
        """Whether a significant t-test is one no more when the skewness of the differences is taken out."""
        bound = self.look.nominal if self.look is not None else self.design.alpha
        significant = self.recommendation != "insufficient_statistical_evidence"
        return significant and self.p_skew_corrected is not None and self.p_skew_corrected >= bound

    @property
    def can_reach(self) -> bool:
        """Whether an exact test of so many seeds can fall below alpha at all."""
        return self.attainable_p < self.design.alpha

    def to_json(self) -> dict[str, Any]:
        ready: dict[str, Any] = as_json(self)
        return ready


def compare(
    baseline: SeedSample,
    candidate: SeedSample,
    design: Design | None = None,
    *,
    stage: Stage | None = None,
    family_size: int = 1,
) -> Comparison:
    """Compares two conditions on their per-run numbers.

    `stage` says which seeds may be tested now (all of them without it), `family_size` among how many
    comparisons the error rate is shared. Holm's adjustment needs the p-values of the whole family: `adjust`.
    """
    design = design or Design()
    differences = pair(baseline, candidate)
    stage = stage or Stage(tuple(dict.fromkeys((*baseline.seeds, *candidate.seeds))))
    arms = (baseline.only(stage.seeds), candidate.only(stage.seeds))
    if design.test == "welch":
        return _unpaired(arms, design, stage, family_size)
    paired = differences.only(stage.seeds)
    both = [seed for seed in stage.seeds if seed in paired.values]
    return _paired(paired, arms, both, design, stage, family_size)


def compare_contrast(
    differences: Differences,
    metric: str,
    summary: str,
    design: Design | None = None,
    *,
    stage: Stage | None = None,
    family_size: int = 1,
) -> Comparison:
    """The same for a contrast of several conditions, for example the interaction of a 2 x 2 design."""
    design = design or Design()
    stage = stage or Stage(differences.seeds)
    zero = SeedSample("0", dict.fromkeys(differences.values, 0.0), metric, summary)
    value = SeedSample(differences.label, differences.values, metric, summary, differences.dropped)
    kept = differences.only(stage.seeds)
    return _paired(kept, (zero, value), list(kept.seeds), design, stage, family_size)


def adjust(
    comparison: Comparison, p_adjusted: float | None, p_skew_corrected: float | None = None
) -> Comparison:
    """The comparison with its p-values after Holm, and the recommendation that follows."""
    return _recommended(replace(comparison, p_adjusted=p_adjusted, p_skew_corrected=p_skew_corrected))


def _paired(
    differences: Differences,
    arms: tuple[SeedSample, SeedSample],
    seeds: list[int],
    design: Design,
    stage: Stage,
    family_size: int,
) -> Comparison:
    own, shared = levels(design.alpha, stage, family_size)
    test = paired_t(differences, own)
    wide = paired_t(differences, shared)
    guard = sign_flip(differences, own)
    p_sequential = test.p
    if stage.look and not stage.withheld:
        parts = [differences.only(part).array for part in stage.parts]
        weights = np.diff([0.0, *sequential.fractions(stage.looks)[: stage.look]]).tolist()
        p_sequential = p_over_looks(parts, weights, stage, differences.scale)
        if stage.adaptive:
            test, wide = (combined(test, parts, weights, level, differences.scale) for level in (own, shared))
    sd = float(kernels.spread(differences.array, differences.scale)) if len(seeds) > 1 else 0.0
    comparison = _assemble(
        differences.label, arms, design, stage, family_size, test, wide, p_sequential, guard, (seeds, seeds)
    )
    return _recommended(
        replace(
            comparison,
            differences=dict(differences.values),
            dropped=dict(differences.dropped),
            p_skew_corrected=None
            if stage.withheld or stage.adaptive
            else float(kernels.skew_corrected(differences.array, differences.scale)),
            cohens_d=_finite(cohens_d(differences)),
            pair_correlation=_finite(differences.correlation),
            attainable_p=attainable(len(seeds)),
            power=_power(design, sd, len(seeds), len(seeds), 1.0 - shared),
        )
    )


def _unpaired(
    arms: tuple[SeedSample, SeedSample], design: Design, stage: Stage, family_size: int
) -> Comparison:
    baseline, candidate = arms
    own, shared = levels(design.alpha, stage, family_size)
    test, wide = welch(baseline, candidate, own), welch(baseline, candidate, shared)
    p_sequential = test.p
    if stage.look and not stage.withheld:
        p_sequential = unpaired_p_over_looks(arms, stage)
    label = f"{candidate.condition} - {baseline.condition}"
    sizes = len(baseline), len(candidate)
    sd = hypot(baseline.sd, candidate.sd) if min(sizes) > 1 else 0.0
    comparison = _assemble(
        label,
        arms,
        design,
        stage,
        family_size,
        test,
        wide,
        p_sequential,
        None,
        (baseline.seeds, candidate.seeds),
    )
    dropped = {
        seed: f"{sample.condition}: {reason}" for sample in arms for seed, reason in sample.missing.items()
    }
    return _recommended(
        replace(
            comparison,
            dropped=dropped,
            cohens_d=_finite(cohens_d_unpaired(baseline, candidate)),
            attainable_p=attainable_unpaired(*sizes),
            power=_power(design, sd, min(sizes), min(sizes), 1.0 - shared),
        )
    )


def _assemble(
    label: str,
    arms: tuple[SeedSample, SeedSample],
    design: Design,
    stage: Stage,
    family_size: int,
    test: Test,
    wide: Test,
    p_sequential: float,
    guard: Test | None,
    tested: tuple[Sequence[int], Sequence[int]],
) -> Comparison:
    shown = not stage.withheld
    return Comparison(
        baseline=_arm(arms[0], tested[0]),
        candidate=_arm(arms[1], tested[1]),
        label=label,
        metric=arms[0].metric,
        summary=arms[0].summary,
        design=design,
        test="Welch's t" if guard is None else "paired t",
        n=test.n,
        differences={},
        dropped={},
        effect=_finite(test.effect),
        lower=_finite(test.lower) if shown else None,
        upper=_finite(test.upper) if shown else None,
        level=test.level,
        simultaneous_lower=_finite(wide.lower) if shown else None,
        simultaneous_upper=_finite(wide.upper) if shown else None,
        simultaneous_level=wide.level,
        p=test.p if shown else None,
        p_sequential=p_sequential if shown else None,
        p_adjusted=p_sequential if shown else None,
        p_skew_corrected=None,
        family_size=family_size,
        sign_flip=guard if shown else None,
        cohens_d=None,
        pair_correlation=None,
        attainable_p=1.0,
        power=None,
        look=stage.at(design.alpha),
        withheld=stage.withheld,
        recommendation="insufficient_statistical_evidence",
        reason="",
    )


def _power(design: Design, sd: float, sd_n: int, n: int, alpha: float) -> Power | None:
    if design.min_effect <= 0 or sd <= 0:
        return None
    cautious = sd_upper(sd, sd_n)
    return Power(
        design.min_effect,
        cautious,
        power(n, design.min_effect, cautious, alpha),
        seeds_for(design.min_effect, cautious, alpha),
    )


def _recommended(comparison: Comparison) -> Comparison:
    from campaign.analysis.reasons import recommendation_reason

    recommendation = _recommendation(comparison)
    comparison = replace(comparison, recommendation=recommendation)
    return replace(comparison, reason=recommendation_reason(comparison))


def _recommendation(comparison: Comparison) -> Recommendation:
    """Holm p and the guard below alpha, and six pairs: everything else is insufficient evidence."""
    alpha = comparison.design.alpha
    guard = comparison.sign_flip
    reached = (
        comparison.p_adjusted is not None
        and comparison.effect is not None
        and comparison.p_adjusted < alpha
        and (guard is None or guard.p < alpha)
        and comparison.n >= MIN_PAIRS
    )
    if not reached:
        return "insufficient_statistical_evidence"
    better = (comparison.effect or 0.0) * comparison.sign > 0
    return "statistically_significant_improvement" if better else "significant_degradation"


def _arm(sample: SeedSample, tested: Sequence[int]) -> Arm:
    used = sample.only(tested)
    return Arm(sample.condition, dict(sample.values), _finite(used.mean), _finite(used.sd))


def _finite(value: float) -> float | None:
    return float(value) if isfinite(value) else None
