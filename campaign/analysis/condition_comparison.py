"""The comparison of two conditions in one metric: effect, intervals, p-values, power and recommendation."""

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
    """The declared parameters of a comparison, fixed before the data are seen."""

    direction: Literal["higher", "lower"] = "higher"
    alpha: float = 0.05
    test: Literal["paired", "welch"] = "paired"
    min_effect: float = 0.0
    min_pairs: int = MIN_PAIRS


@dataclass(frozen=True, slots=True)
class Arm:
    """One condition's per-run values."""

    condition: str
    values: Mapping[int, float]
    """Seed -> value, for every seed of the stage, paired or not."""
    mean: float | None
    """Over the tested seeds only, so that a paired effect is the difference of the two means."""
    sd: float | None


@dataclass(frozen=True, slots=True)
class Power:
    """Power of the available seeds for the declared smallest effect of interest.

    Power for the observed effect is a function of the p-value and adds nothing to it (Hoenig and Heisey, The
    American Statistician 2001), so it is never computed.
    """

    min_effect: float
    sd_difference: float
    """80 % upper confidence limit of the standard deviation of the differences."""
    reached: float
    """Power for `min_effect` with the available seeds."""
    seeds_needed: int | None
    """Seeds for 80 % power; None when more than a million."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Candidate minus baseline in one metric. While `withheld`, p-values and limits are None."""

    WRITTEN: ClassVar[tuple[str, ...]] = ("can_reach",)

    baseline: Arm
    candidate: Arm
    label: str
    """The difference as a formula, for example `maxrl - grpo`."""
    metric: str
    summary: str
    """How each run was summarised, as a phrase."""
    design: Design
    test: Literal["paired t", "Welch's t"]
    n: int
    """Number of pairs; for Welch's test, number of runs of the smaller condition."""
    differences: Mapping[int, float]
    """Seed -> difference; empty for Welch's test."""
    dropped: Mapping[int, str]
    """Seed -> why it is excluded."""
    effect: float | None
    lower: float | None
    """Limit of the confidence interval of this comparison alone; None when unbounded."""
    upper: float | None
    level: float
    simultaneous_lower: float | None
    """Limit of the simultaneous confidence interval over the family (Bonferroni)."""
    simultaneous_upper: float | None
    simultaneous_level: float
    p: float | None
    """p-value of the t-test at this look, without adjustment."""
    p_sequential: float | None
    """Sequential p-value: the smallest error rate at which the looks so far reject; `p` without looks."""
    p_adjusted: float | None
    """`p_sequential` after Holm's adjustment over the family."""
    p_skew_corrected: float | None
    """p-value of the skewness-corrected t-test (Hall 1992), Holm-adjusted. A diagnostic that enters no
    decision. None for Welch's test and for combined stages."""
    family_size: int
    sign_flip: Test | None
    """Exact sign-flip test, required in addition to the t-test; None for Welch's test."""
    cohens_d: float | None
    pair_correlation: float | None
    attainable_p: float
    """The smallest p-value that an exact test of this many seeds can attain."""
    power: Power | None
    look: Look | None
    withheld: str
    """Why the p-value is withheld; empty when it is not."""
    recommendation: Recommendation
    reason: str
    """The reason for the recommendation, as sentences that can be quoted."""

    @property
    def sign(self) -> float:
        """+1 when higher is better."""
        return 1.0 if self.design.direction == "higher" else -1.0

    @property
    def improvement(self) -> tuple[float | None, float | None, float | None]:
        """Effect and simultaneous limits (lower, upper), signed so that positive values are improvements."""
        if self.sign > 0:
            return self.effect, self.simultaneous_lower, self.simultaneous_upper
        flipped = (self.effect, self.simultaneous_upper, self.simultaneous_lower)
        return tuple(None if value is None else -value for value in flipped)  # type: ignore[return-value]

    @property
    def rests_on_skewness(self) -> bool:
        """Whether the t-test is significant but the skewness-corrected test is not."""
        bound = self.look.nominal if self.look is not None else self.design.alpha
        significant = self.recommendation != "insufficient_statistical_evidence"
        return significant and self.p_skew_corrected is not None and self.p_skew_corrected >= bound

    @property
    def can_reach(self) -> bool:
        """Whether an exact test of this many seeds can fall below alpha."""
        return self.attainable_p < self.design.alpha

    def to_json(self) -> dict[str, Any]:
        document: dict[str, Any] = as_json(self)
        return document


def compare(
    baseline: SeedSample,
    candidate: SeedSample,
    design: Design | None = None,
    *,
    stage: Stage | None = None,
    family_size: int = 1,
) -> Comparison:
    """Compares two conditions on their per-run values.

    `stage` selects the seeds that may be tested now (default: all); `family_size` is the number of
    comparisons that share the error rate. Holm's adjustment needs the p-values of the whole family, so it is
    applied afterwards, by `adjust`.
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
    """Tests a contrast of several conditions against 0, for example the interaction of a 2 x 2 design."""
    design = design or Design()
    stage = stage or Stage(differences.seeds)
    zero = SeedSample("0", dict.fromkeys(differences.values, 0.0), metric, summary)
    value = SeedSample(differences.label, differences.values, metric, summary, differences.dropped)
    tested = differences.only(stage.seeds)
    return _paired(tested, (zero, value), list(tested.seeds), design, stage, family_size)


def adjust(
    comparison: Comparison, p_adjusted: float | None, p_skew_corrected: float | None = None
) -> Comparison:
    """The comparison with Holm-adjusted p-values, and the recommendation that follows from them."""
    return _recommended(replace(comparison, p_adjusted=p_adjusted, p_skew_corrected=p_skew_corrected))


def _paired(
    differences: Differences,
    arms: tuple[SeedSample, SeedSample],
    seeds: list[int],
    design: Design,
    stage: Stage,
    family_size: int,
) -> Comparison:
    level, simultaneous_level = levels(design.alpha, stage, family_size)
    test = paired_t(differences, level)
    simultaneous = paired_t(differences, simultaneous_level)
    guard = sign_flip(differences, level)
    p_sequential = test.p
    if stage.look and not stage.withheld:
        increments = [differences.only(seeds).array for seeds in stage.increments]
        # The weights are the declared information increments, not the observed sizes: only weights that were
        # fixed before the second stage keep the error rate (Lehmacher and Wassmer, Biometrics 1999).
        weights = np.diff([0.0, *sequential.fractions(stage.looks)[: stage.look]]).tolist()
        p_sequential = p_over_looks(increments, weights, stage, differences.scale)
        if stage.adaptive:
            test, simultaneous = (
                combined(test, increments, weights, confidence, differences.scale)
                for confidence in (level, simultaneous_level)
            )
    sd = float(kernels.spread(differences.array, differences.scale)) if len(seeds) > 1 else 0.0
    comparison = _assemble(
        differences.label,
        arms,
        design,
        stage,
        family_size,
        test,
        simultaneous,
        p_sequential,
        guard,
        (seeds, seeds),
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
            power=_power(design, sd, len(seeds), 1.0 - simultaneous_level),
        )
    )


def _unpaired(
    arms: tuple[SeedSample, SeedSample], design: Design, stage: Stage, family_size: int
) -> Comparison:
    baseline, candidate = arms
    level, simultaneous_level = levels(design.alpha, stage, family_size)
    test, simultaneous = (
        welch(baseline, candidate, confidence) for confidence in (level, simultaneous_level)
    )
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
        simultaneous,
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
            power=_power(design, sd, min(sizes), 1.0 - simultaneous_level),
        )
    )


def _assemble(
    label: str,
    arms: tuple[SeedSample, SeedSample],
    design: Design,
    stage: Stage,
    family_size: int,
    test: Test,
    simultaneous: Test,
    p_sequential: float,
    guard: Test | None,
    tested: tuple[Sequence[int], Sequence[int]],
) -> Comparison:
    tested_now = not stage.withheld
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
        lower=_finite(test.lower) if tested_now else None,
        upper=_finite(test.upper) if tested_now else None,
        level=test.level,
        simultaneous_lower=_finite(simultaneous.lower) if tested_now else None,
        simultaneous_upper=_finite(simultaneous.upper) if tested_now else None,
        simultaneous_level=simultaneous.level,
        p=test.p if tested_now else None,
        p_sequential=p_sequential if tested_now else None,
        p_adjusted=p_sequential if tested_now else None,
        p_skew_corrected=None,
        family_size=family_size,
        sign_flip=guard if tested_now else None,
        cohens_d=None,
        pair_correlation=None,
        attainable_p=1.0,
        power=None,
        look=stage.at(design.alpha),
        withheld=stage.withheld,
        recommendation="insufficient_statistical_evidence",
        reason="",
    )


def _power(design: Design, sd: float, n: int, alpha: float) -> Power | None:
    if design.min_effect <= 0 or sd <= 0:
        return None
    cautious = sd_upper(sd, n)
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
    """Significant only if the Holm-adjusted p and the sign-flip p are both below alpha with six pairs or
    more.

    Requiring both can only lower the error rate (an intersection of rejection regions): the t-test is robust
    and carries the looks, the sign-flip test needs no normality.
    """
    alpha = comparison.design.alpha
    guard = comparison.sign_flip
    significant = (
        comparison.p_adjusted is not None
        and comparison.effect is not None
        and comparison.p_adjusted < alpha
        and (guard is None or guard.p < alpha)
        and comparison.n >= MIN_PAIRS
    )
    if not significant:
        return "insufficient_statistical_evidence"
    better = (comparison.effect or 0.0) * comparison.sign > 0
    return "statistically_significant_improvement" if better else "significant_degradation"


def _arm(sample: SeedSample, tested: Sequence[int]) -> Arm:
    of_tested = sample.only(tested)
    return Arm(sample.condition, dict(sample.values), _finite(of_tested.mean), _finite(of_tested.sd))


def _finite(value: float) -> float | None:
    return float(value) if isfinite(value) else None
