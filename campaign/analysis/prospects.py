"""What the planned seeds can show, said before anything is spent.

Without a pilot the noise is unknown, and the answer is in standard deviations of the paired difference. With
one, it is in the metric's own units, planned with the upper limit of the pilot's standard deviation; the
observed effect of a pilot is never used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from campaign.analysis.power import Pilot, minimum_detectable, pilot, power, seeds_for
from campaign.analysis.runs import Runs
from campaign.errors import UsageError
from campaign.spec.hypotheses import Hypothesis

WANTED = 0.8
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Prospect:
    """One claim: what its seeds can detect, and how many its declared effect needs."""

    name: str
    """The hypothesis; empty for the comparison of all conditions with the first."""
    metric: str
    seeds: int
    alpha: float
    """Shared among the candidates (Bonferroni)."""
    minimum_detectable: float | None
    """With 80 % power, in units of `metric` with a pilot, else of the standard deviation; None: nothing is."""
    min_effect: float
    """Smallest effect of interest, as declared; 0 when none is."""
    power: float | None
    """Chance to detect `min_effect`; None without a pilot or a declared effect."""
    seeds_needed: int | None
    """Seeds that detect `min_effect` with 80 % power; None without a pilot, or when above a million."""
    noise: Pilot | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def words(self) -> str:
        """One sentence for a terminal or a report."""
        head = f"{self.name}: " if self.name else ""
        plural = "s" * (self.seeds != 1)
        if self.minimum_detectable is None:
            return f"{head}{self.seeds} seed{plural} detect nothing: a paired test needs at least 2"
        if self.noise is None:
            return (
                f"{head}{self.seeds} seed{plural} detect {self.minimum_detectable:.2g} standard deviations of "
                f"the paired difference with {WANTED:.0%} power; --pilot CAMPAIGN gives it in the metric's units"
            )
        said = (
            f"{head}{self.seeds} seed{plural} detect {self.minimum_detectable:.3g} of {self.metric} with "
            f"{WANTED:.0%} power (sd of the pilot's {self.noise.n} differences {self.noise.sd_difference:.3g}, "
            f"planned with its upper limit {self.noise.upper:.3g})"
        )
        if self.power is None:
            return said
        needed = "more than a million" if self.seeds_needed is None else f"{self.seeds_needed:,}"
        return f"{said}; for the declared {self.min_effect:g} the power is {self.power:.0%}, {needed} seeds make it {WANTED:.0%}"


def prospects(
    seeds: int, conditions: Sequence[str], hypotheses: Sequence[Hypothesis], pilot_runs: Runs | None = None
) -> tuple[Prospect, ...]:
    """One for each hypothesis; without any, one for all conditions against the first.

    Raises `UsageError` when the pilot cannot say how much the metric varies.
    """
    if len(conditions) < 2:
        return ()
    if not hypotheses:
        metric = ""
        if pilot_runs is not None:
            from campaign.analysis.summaries import default_metric

            metric = default_metric(pilot_runs)
        made = Hypothesis(name="comparison", metric=metric or "correct_rate")
        return (_prospect(seeds, made, len(conditions) - 1, pilot_runs, named=False),)
    family = sum(_candidates(hypothesis, conditions) for hypothesis in hypotheses)
    return tuple(_prospect(seeds, hypothesis, family, pilot_runs, named=True) for hypothesis in hypotheses)


def _candidates(hypothesis: Hypothesis, conditions: Sequence[str]) -> int:
    if hypothesis.contrast is not None or isinstance(hypothesis.candidate, str):
        return 1
    return len(hypothesis.candidate) if hypothesis.candidate else len(conditions) - 1


def _prospect(seeds: int, hypothesis: Hypothesis, family: int, runs: Runs | None, *, named: bool) -> Prospect:
    alpha = hypothesis.alpha / family
    noise = None if runs is None else _noise(runs, hypothesis)
    sd = 1.0 if noise is None else noise.upper
    smallest = minimum_detectable(seeds, sd, alpha, WANTED) if sd > 0 else 0.0
    effect = hypothesis.min_effect
    known = noise is not None and effect > 0
    return Prospect(
        name=hypothesis.name if named else "",
        metric=hypothesis.metric,
        seeds=seeds,
        alpha=alpha,
        minimum_detectable=smallest if isfinite(smallest) else None,
        min_effect=effect,
        power=power(seeds, effect, sd, alpha) if known else None,
        seeds_needed=seeds_for(effect, sd, alpha, WANTED) if known else None,
        noise=noise,
    )


def _noise(runs: Runs, hypothesis: Hypothesis) -> Pilot:
    """From the pilot's pairs of the hypothesis' own conditions where it has them, else of its first two."""
    from campaign.analysis.samples import pair
    from campaign.analysis.summaries import summarise

    samples = summarise(runs, hypothesis.metric, hypothesis.summary)
    labels = tuple(samples)
    if len(labels) < 2:
        raise UsageError("the pilot has one condition; the noise of a difference needs two")
    given = hypothesis.candidate
    candidate = given if isinstance(given, str) else (given or ("",))[0]
    base = hypothesis.baseline if hypothesis.baseline in samples else labels[0]
    other = candidate if candidate in samples and candidate != base else next(x for x in labels if x != base)
    differences = pair(samples[str(base)], samples[other])
    if len(differences) < 2:
        raise UsageError(
            f"the pilot has {len(differences)} seed that is complete in both {base} and {other}; noise needs 2"
        )
    return pilot(float(differences.array.std(ddof=1)), len(differences))
