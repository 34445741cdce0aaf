"""Hypotheses spelt out: one claim for each candidate, and whether it was made before the first run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from campaign.analysis.runs import Runs
from campaign.analysis.summaries import default_metric
from campaign.errors import UsageError
from campaign.spec.hypotheses import Direction, Frozen, Hypothesis, changes
from campaign.suggest import suggest

UNDECLARED = "no hypothesis was declared before the runs"


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """One hypothesis about one candidate."""

    hypothesis: Hypothesis
    baseline: str
    candidate: str
    """Empty for a contrast."""
    exploratory: tuple[str, ...]
    several: bool = False
    """The hypothesis has other candidates too."""
    withdrawn: bool = False
    """Frozen, and gone from the spec."""

    @property
    def name(self) -> str:
        return f"{self.hypothesis.name}: {self.candidate}" if self.several else self.hypothesis.name

    @property
    def conditions(self) -> tuple[str, ...]:
        """Everything this claim reads, once each."""
        weights = tuple(self.hypothesis.contrast or ())
        arms = weights or (self.baseline, self.candidate)
        return tuple(dict.fromkeys((*arms, *self.hypothesis.ranking)))

    @property
    def family_key(self) -> tuple[str, bool]:
        """Exploratory claims have a family of their own: they must not cost the declared ones anything."""
        return self.hypothesis.family, bool(self.exploratory)


def claims_of(
    runs: Runs,
    hypotheses: Sequence[Hypothesis],
    frozen: Frozen | None,
    looks: Sequence[int],
    metric: str | None,
    summary: str,
    direction: Direction,
) -> list[Claim]:
    """Every claim, in order. Raises `UsageError` for a condition that is not there."""
    if len(runs.conditions) < 2:
        only = runs.conditions[0] if runs.conditions else "none"
        raise UsageError(f"a comparison needs two conditions; there is {only}")
    gone = _withdrawn(hypotheses, frozen)
    if not hypotheses and not gone:
        made = Hypothesis(
            name="comparison",
            metric=metric or default_metric(runs),
            summary=summary,
            direction=direction,
            family="all",
        )
        return _spelt_out(runs, made, (UNDECLARED,))
    claims = []
    for hypothesis in hypotheses:
        claims.extend(_spelt_out(runs, hypothesis, _exploratory(runs, hypothesis, frozen, looks)))
    for hypothesis in gone:
        spelt = _spelt_out(runs, hypothesis, _exploratory(runs, hypothesis, frozen, looks))
        claims.extend(replace(claim, withdrawn=True) for claim in spelt)
    known = frozen.conditions if frozen else ()
    return [_with_late_conditions(claim, known) for claim in claims]


def _withdrawn(declared: Sequence[Hypothesis], frozen: Frozen | None) -> tuple[Hypothesis, ...]:
    """Hypotheses that were frozen and are gone: leaving out what failed would be choosing by the result."""
    names = {hypothesis.name for hypothesis in declared}
    return tuple(old for old in frozen.hypotheses if old.name not in names) if frozen else ()


def _with_late_conditions(claim: Claim, known: Sequence[str]) -> Claim:
    """A claim about conditions that were added after the first submit is exploratory."""
    late = [label for label in claim.conditions if known and label not in known]
    reasons = tuple(f"condition {label} was added after the first submit" for label in late)
    return replace(claim, exploratory=(*claim.exploratory, *reasons))


def _exploratory(
    runs: Runs, hypothesis: Hypothesis, frozen: Frozen | None, looks: Sequence[int]
) -> tuple[str, ...]:
    if frozen is None:
        return ("nothing was frozen before the runs",)
    reasons = list(changes(frozen, hypothesis))
    if tuple(looks) != frozen.looks:
        reasons.append(f"looks were {list(frozen.looks)} when frozen and are {list(looks)} now")
    gone = [seed for seed in frozen.seeds if runs.planned.seeds and seed not in runs.planned.seeds]
    if gone:
        reasons.append(f"declared seeds are gone from the plan: {', '.join(map(str, gone))}")
    return tuple(reasons)


def _spelt_out(runs: Runs, hypothesis: Hypothesis, exploratory: tuple[str, ...]) -> list[Claim]:
    there = runs.conditions
    _known((*(hypothesis.contrast or ()), *hypothesis.ranking), hypothesis, there)
    if hypothesis.contrast is not None:
        return [Claim(hypothesis, "", "", exploratory)]
    baseline = hypothesis.baseline if hypothesis.baseline is not None else there[0]
    given = hypothesis.candidate
    named = (given,) if isinstance(given, str) else given
    candidates = named if named is not None else tuple(label for label in there if label != baseline)
    _known((baseline, *candidates), hypothesis, there)
    if baseline in candidates:
        raise UsageError(f"hypothesis {hypothesis.name!r}: {baseline} is compared with itself")
    several = len(candidates) > 1 or named is None
    return [Claim(hypothesis, baseline, candidate, exploratory, several) for candidate in candidates]


def _known(labels: Sequence[str], hypothesis: Hypothesis, there: Sequence[str]) -> None:
    for label in labels:
        if label not in there:
            hint = suggest(label, there, "there are")
            raise UsageError(f"hypothesis {hypothesis.name!r}: no condition is called {label!r}; {hint}")
