"""Which seeds may be tested now: nothing while runs are going, and a declared look only when it is reached.

Looking at a campaign while it runs and stopping when the result is good gives 35-68 % false positives, so
there are no p-values before a look's runs are over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from campaign.analysis.runs import Runs
from campaign.analysis.sequential import Look, plan_looks
from campaign.spec.hypotheses import Extension, Frozen


@dataclass(frozen=True, slots=True)
class Stage:
    """The seeds that count, how they came, and why nothing may be tested when nothing may."""

    seeds: tuple[int, ...]
    withheld: str = ""
    """Why there is no p-value yet; empty when there is one."""
    looks: tuple[int, ...] = ()
    """Seeds at each declared look; empty without looks."""
    look: int = 0
    """The look that is reached, from 1; 0 without looks."""
    adaptive: bool = False
    """The last stage has another size than declared: the stages are combined and not pooled."""
    exploratory: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def at(self, alpha: float) -> Look | None:
        return plan_looks(self.looks, alpha)[self.look - 1] if self.look else None

    @property
    def parts(self) -> tuple[tuple[int, ...], ...]:
        """The seeds that were new at each look so far."""
        edges = [0, *self.looks[: self.look]]
        if self.adaptive:
            edges[-1] = len(self.seeds)
        return tuple(self.seeds[start:end] for start, end in pairwise(edges))


def stage_of(
    runs: Runs,
    conditions: Sequence[str],
    looks: Sequence[int],
    frozen: Frozen | None,
    final: bool = False,
    paired: bool = True,
) -> Stage:
    """What may be tested for these conditions. `final`: nothing more will run, whatever was planned.
    `paired`: stages of pairs can be combined when seeds were added adaptively; those of Welch's test are not.
    """
    seeds = runs.seeds
    exploratory: list[str] = []
    open_runs = _open(runs, conditions, seeds)
    if final and open_runs:
        exploratory.append(f"it was stopped with {_runs_words(len(open_runs))} of its plan unfinished")
        open_runs = []
    if not looks:
        if frozen is not None and len(seeds) > len(frozen.seeds) > 0:
            exploratory.append(
                f"it was extended from {len(frozen.seeds)} to {len(seeds)} seeds without declared looks"
            )
        return Stage(seeds, _going_words(open_runs), exploratory=tuple(exploratory))
    going = {seed for _, seed in open_runs}
    return _looked(seeds, going, tuple(looks), frozen, tuple(exploratory), paired)


def _looked(
    seeds: tuple[int, ...],
    going: set[int],
    looks: tuple[int, ...],
    frozen: Frozen | None,
    exploratory: tuple[str, ...],
    paired: bool,
) -> Stage:
    extension = _adaptive(frozen.extensions if frozen else (), looks, len(seeds))
    ends = list(looks)
    if extension is not None and not paired:
        return Stage(
            seeds,
            f"{len(going)} seeds are still going" if going else "",
            exploratory=(
                *exploratory,
                f"it was extended to {extension.to} seeds, which is no declared look, and stages are combined "
                "for pairs only",
            ),
        )
    if extension is not None:
        ends = [look for look in looks if look <= extension.at] + [extension.to]
        # An extension from an earlier look than the last but one takes all the error that is left at once.
        looks = (*ends[:-1], looks[-1])
    elif len(seeds) > looks[-1]:
        return Stage(
            seeds,
            f"{len(going)} seeds are still going" if going else "",
            exploratory=(
                *exploratory,
                f"it was extended to {len(seeds)} seeds, beyond its last look at {looks[-1]}",
            ),
        )
    reached = [
        number
        for number, end in enumerate(ends, start=1)
        if end <= len(seeds) and not going & set(seeds[:end])
    ]
    if not reached:
        over = sum(seed not in going for seed in seeds)
        words = f"the first look is at {ends[0]} seeds, and {over} are complete: no p-value before that"
        return Stage(seeds[: ends[0]], words, looks, exploratory=exploratory)
    look = reached[-1]
    notes: tuple[str, ...] = ()
    if len(seeds) > ends[look - 1]:
        later = f"the next look is at {ends[look]}" if look < len(ends) else "there is no later look"
        notes = (f"look {look} tests the first {ends[look - 1]} of {len(seeds)} seeds; {later}",)
    adaptive = extension is not None and look == len(ends)
    return Stage(seeds[: ends[look - 1]], "", looks, look, adaptive, exploratory, notes)


def _adaptive(extensions: Sequence[Extension], looks: tuple[int, ...], seeds: int) -> Extension | None:
    """The recorded extension that led here, when it has another size than the declared looks."""
    for extension in extensions:
        if extension.at in looks[:-1] and extension.to not in looks and extension.to <= seeds:
            return extension
    return None


def _open(runs: Runs, conditions: Sequence[str], seeds: Sequence[int]) -> list[tuple[str, int]]:
    """Runs that have not ended, and planned runs that have not begun."""
    planned = set(runs.planned.seeds) if runs.planned.conditions else set()
    return [
        (condition, seed)
        for condition in conditions
        for seed in seeds
        if (
            run.open
            if (run := runs.get(condition, seed)) is not None
            else seed in planned and condition in runs.planned.conditions
        )
    ]


def _going_words(open_runs: Sequence[tuple[str, int]]) -> str:
    if not open_runs:
        return ""
    names = ", ".join(f"{condition}_s{seed}" for condition, seed in open_runs[:4])
    more = f" and {len(open_runs) - 4} more" if len(open_runs) > 4 else ""
    verb = "is" if len(open_runs) == 1 else "are"
    return (
        f"{_runs_words(len(open_runs))} {verb} not over yet ({names}{more}): a test now and another later "
        "would break the error rate, so there is no p-value"
    )


def _runs_words(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
