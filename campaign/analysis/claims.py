"""Claims: each hypothesis expanded to one claim per candidate, each marked confirmatory or exploratory."""

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
    """One hypothesis about one candidate condition."""

    hypothesis: Hypothesis
    baseline: str
    candidate: str
    """Empty for a contrast."""
    exploratory: tuple[str, ...]
    """Why the claim is not confirmatory; empty when it is."""
    several: bool = False
    """Whether the hypothesis has other candidates too."""
    withdrawn: bool = False
    """Whether the hypothesis was frozen and has since been removed from the spec."""

    @property
    def name(self) -> str:
        return f"{self.hypothesis.name}: {self.candidate}" if self.several else self.hypothesis.name

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions that this claim reads, without duplicates."""
        weights = tuple(self.hypothesis.contrast or ())
        arms = weights or (self.baseline, self.candidate)
        return tuple(dict.fromkeys((*arms, *self.hypothesis.ranking)))

    @property
    def family_key(self) -> tuple[str, bool]:
        """Exploratory claims form a separate family, so that they cost the declared ones no power."""
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
    """All claims in order of declaration, then the withdrawn ones.

    Raises `UsageError` for an unknown condition, or when there are fewer than two conditions.
    """
    if len(runs.conditions) < 2:
        found = f"only {runs.conditions[0]}" if runs.conditions else "none"
        raise UsageError(f"a comparison needs two conditions, but the runs have {found}")
    withdrawn = _withdrawn(hypotheses, frozen)
    if not hypotheses and not withdrawn:
        default = Hypothesis(
            name="comparison",
            metric=metric or default_metric(runs),
            summary=summary,
            direction=direction,
            family="all",
        )
        return _claims_of_one(runs, default, (UNDECLARED,))
    claims = []
    for hypothesis in hypotheses:
        claims.extend(_claims_of_one(runs, hypothesis, _exploratory_reasons(runs, hypothesis, frozen, looks)))
    for hypothesis in withdrawn:
        reasons = _exploratory_reasons(runs, hypothesis, frozen, looks)
        claims.extend(replace(claim, withdrawn=True) for claim in _claims_of_one(runs, hypothesis, reasons))
    frozen_conditions = frozen.conditions if frozen else ()
    return [_mark_late_conditions(claim, frozen_conditions) for claim in claims]


def declared_sizes(frozen: Frozen | None, conditions: Sequence[str]) -> dict[str, int]:
    """Family -> number of comparisons that were declared in it; empty when nothing was frozen. `conditions` are those
    of the runs, for a record that has none."""
    known = (frozen.conditions if frozen else ()) or conditions
    sizes: dict[str, int] = {}
    for old in frozen.hypotheses if frozen else ():
        baseline = known[0] if old.baseline is None else old.baseline
        number = 1 if old.contrast is not None else len(_candidates(old.candidate, baseline, known))
        sizes[old.family] = sizes.get(old.family, 0) + number
    return sizes


def _withdrawn(declared: Sequence[Hypothesis], frozen: Frozen | None) -> tuple[Hypothesis, ...]:
    """Hypotheses that were frozen and later removed. They are still tested: dropping one after seeing the
    data would be selective reporting."""
    names = {hypothesis.name for hypothesis in declared}
    return tuple(old for old in frozen.hypotheses if old.name not in names) if frozen else ()


def _changed_defaults(runs: Runs, hypothesis: Hypothesis, frozen: Frozen) -> list[str]:
    """What a hypothesis that leaves its conditions to the order of the plan compares now and did not when it was
    frozen. Its fields are the same, but another order makes the better condition the candidate, and a condition that
    is gone costs no error rate."""
    if hypothesis.contrast is not None or not frozen.conditions:
        return []
    reasons = []
    first, now = frozen.conditions[0], runs.conditions[0]
    if hypothesis.baseline is None and first != now:
        reasons.append(f"its baseline, the first condition, was {first} when frozen and is {now} now")
    gone = [label for label in frozen.conditions if label not in runs.conditions]
    if hypothesis.candidate is None and gone:
        reasons.append(f"it was frozen with candidates that the plan no longer has: {', '.join(gone)}")
    return reasons


def _mark_late_conditions(claim: Claim, frozen_conditions: Sequence[str]) -> Claim:
    """Marks a claim exploratory when it is about conditions that were added after the first submit."""
    late = [label for label in claim.conditions if frozen_conditions and label not in frozen_conditions]
    reasons = tuple(f"condition {label} was added after the first submit" for label in late)
    return replace(claim, exploratory=(*claim.exploratory, *reasons))


def _exploratory_reasons(
    runs: Runs, hypothesis: Hypothesis, frozen: Frozen | None, looks: Sequence[int]
) -> tuple[str, ...]:
    if frozen is None:
        return ("no hypotheses were frozen before the runs",)
    reasons = list(changes(frozen, hypothesis))
    if tuple(looks) != frozen.looks:
        reasons.append(f"looks were {list(frozen.looks)} when frozen and are {list(looks)} now")
    removed = [seed for seed in frozen.seeds if runs.design.seeds and seed not in runs.design.seeds]
    if removed:
        reasons.append(f"declared seeds were removed from the plan: {', '.join(map(str, removed))}")
    return (*reasons, *_changed_defaults(runs, hypothesis, frozen))


def _claims_of_one(runs: Runs, hypothesis: Hypothesis, exploratory: tuple[str, ...]) -> list[Claim]:
    """The claims of one hypothesis. Raises `UsageError` for an unknown condition."""
    _check_conditions((*(hypothesis.contrast or ()), *hypothesis.ranking), hypothesis, runs.conditions)
    if hypothesis.contrast is not None:
        return [Claim(hypothesis, "", "", exploratory)]
    baseline = hypothesis.baseline if hypothesis.baseline is not None else runs.conditions[0]
    candidates = _candidates(hypothesis.candidate, baseline, runs.conditions)
    _check_conditions((baseline, *candidates), hypothesis, runs.conditions)
    if baseline in candidates:
        raise UsageError(
            f"hypothesis {hypothesis.name!r} compares {baseline} with itself: "
            "name another baseline or candidate"
        )
    several = len(candidates) > 1 or hypothesis.candidate is None
    return [Claim(hypothesis, baseline, candidate, exploratory, several) for candidate in candidates]


def _candidates(
    declared: str | tuple[str, ...] | None, baseline: str, conditions: Sequence[str]
) -> tuple[str, ...]:
    """The declared candidates; every condition except the baseline when none is declared."""
    if declared is None:
        return tuple(label for label in conditions if label != baseline)
    return (declared,) if isinstance(declared, str) else declared


def _check_conditions(labels: Sequence[str], hypothesis: Hypothesis, conditions: Sequence[str]) -> None:
    for label in labels:
        if label not in conditions:
            hint = suggest(label, conditions, "the conditions are")
            raise UsageError(f"hypothesis {hypothesis.name!r} names an unknown condition, {label!r}; {hint}")
