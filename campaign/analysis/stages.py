"""Stages: which seeds may be tested now. Nothing is tested while runs are unfinished, and a declared look
only when it has been reached.

Monitoring a campaign and stopping when the result looks good gives 35-68 % false positives, so no p-value is
computed before all runs of a look have ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from campaign.analysis.runs import Runs
from campaign.analysis.sequential import Look, plan_looks
from campaign.spec.hypotheses import Extension, Frozen
from campaign.spec.stale import listed, stale_sentence


@dataclass(frozen=True, slots=True)
class Stage:
    """The seeds to test, the looks they belong to, and why a test is withheld if it is."""

    seeds: tuple[int, ...]
    withheld: str = ""
    """Why there is no p-value yet; empty when there is one."""
    looks: tuple[int, ...] = ()
    """Number of seeds at each declared look; empty without looks."""
    look: int = 0
    """The look that has been reached, counted from 1; 0 without looks."""
    adaptive: bool = False
    """Whether the last stage has another size than declared. Stages are then combined instead of pooled."""
    exploratory: tuple[str, ...] = ()
    """Why the error rate does not hold; empty when it does."""
    notes: tuple[str, ...] = ()

    def at(self, alpha: float) -> Look | None:
        """The current look for an error rate of `alpha`; None without looks."""
        return plan_looks(self.looks, alpha)[self.look - 1] if self.look else None

    @property
    def increments(self) -> tuple[tuple[int, ...], ...]:
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
    """The stage of a comparison of `conditions`.

    `final` declares that no further run will finish, whatever was planned. `paired` is False for Welch's
    test, whose stages cannot be combined when seeds were added adaptively.
    """
    seeds = runs.seeds
    exploratory = _by_request(runs, conditions)
    unfinished = _unfinished(runs, conditions, seeds)
    notes = _stale_notes(runs, conditions)
    if final and unfinished:
        exploratory.append(f"it was stopped with {_count_runs(len(unfinished))} of its plan unfinished")
        unfinished = []
    if looks:
        waiting = {seed for _, seed in unfinished}
        stage = _stage_at_looks(seeds, waiting, tuple(looks), frozen, tuple(exploratory), paired)
    else:
        if frozen is not None and len(seeds) > len(frozen.seeds) > 0:
            exploratory.append(
                f"it was extended from {len(frozen.seeds)} to {len(seeds)} seeds without declared looks"
            )
        stage = Stage(seeds, _withheld_reason(unfinished, runs), exploratory=tuple(exploratory))
    if stage.withheld and notes:
        stage = replace(stage, withheld=f"{stage.withheld}; {'; '.join(notes)}")
    return replace(stage, notes=(*notes, *stage.notes))


def _by_request(runs: Runs, conditions: Sequence[str]) -> list[str]:
    """Why a comparison that includes stale runs is exploratory; empty when it includes none."""
    included = {run.id: run.stale for run in runs.runs if run.stale and run.condition in conditions}
    if not included:
        return []
    verb = "runs have" if len(included) > 1 else "run has"
    return [f"{len(included)} stale {verb} other settings than the plan: {stale_sentence(included)}"]


def _stale_notes(runs: Runs, conditions: Sequence[str]) -> tuple[str, ...]:
    """The stale runs that are left out, and the conditions that have no others."""
    left_out = runs.stale_of(conditions)
    if not left_out:
        return ()
    bare = [label for label in conditions if not runs.of(label) and runs.stale_of((label,))]
    alone = f"all runs of {' and of '.join(bare)} are stale; " if bare else ""
    verb = "stale runs were" if len(left_out) > 1 else "stale run was"
    return (f"{alone}{len(left_out)} {verb} left out: {stale_sentence(left_out)}",)


def _stage_at_looks(
    seeds: tuple[int, ...],
    waiting: set[int],
    looks: tuple[int, ...],
    frozen: Frozen | None,
    exploratory: tuple[str, ...],
    paired: bool,
) -> Stage:
    """The stage under declared looks; `waiting` are the seeds with unfinished runs."""
    extension = _adaptive_extension(frozen.extensions if frozen else (), looks, len(seeds))
    uncontrolled = _uncontrolled(len(seeds), looks, extension, paired)
    if uncontrolled:
        withheld = f"{len(waiting)} seeds have unfinished runs" if waiting else ""
        return Stage(seeds, withheld, exploratory=(*exploratory, uncontrolled))
    ends = list(looks)
    if extension is not None:
        ends = [look for look in looks if look <= extension.at] + [extension.to]
        # The combined test is at the information fraction of the last look, where it may spend all error
        # that is left: an extension from an earlier look skips the looks in between, which spend nothing.
        looks = (*ends[:-1], looks[-1])
    reached = [
        number
        for number, end in enumerate(ends, start=1)
        if end <= len(seeds) and not waiting & set(seeds[:end])
    ]
    if not reached:
        complete = sum(seed not in waiting for seed in seeds)
        withheld = f"the first look is at {ends[0]} seeds, and {complete} are complete"
        return Stage(seeds[: ends[0]], withheld, looks, exploratory=exploratory)
    look = reached[-1]
    adaptive = extension is not None and look == len(ends)
    return Stage(
        seeds[: ends[look - 1]], "", looks, look, adaptive, exploratory, _look_note(look, ends, len(seeds))
    )


def _uncontrolled(seeds: int, looks: tuple[int, ...], extension: Extension | None, paired: bool) -> str:
    """Why the declared looks do not control the error rate of this many seeds; empty when they do."""
    if extension is not None:
        return (
            ""
            if paired
            else f"it was extended to {extension.to} seeds, which is not a declared look, and stages can be "
            "combined for paired tests only"
        )
    if seeds > looks[-1]:
        return f"it was extended to {seeds} seeds, beyond its last look at {looks[-1]}"
    return ""


def _look_note(look: int, ends: Sequence[int], seeds: int) -> tuple[str, ...]:
    """A note about the seeds that wait for a later look, if any do."""
    if seeds <= ends[look - 1]:
        return ()
    later = f"the next look is at {ends[look]}" if look < len(ends) else "there is no later look"
    return (f"look {look} tests the first {ends[look - 1]} of {seeds} seeds; {later}",)


def _adaptive_extension(
    extensions: Sequence[Extension], looks: tuple[int, ...], seeds: int
) -> Extension | None:
    """The recorded extension to a number of seeds that is not a declared look, once it has taken place."""
    for extension in extensions:
        if extension.at in looks[:-1] and extension.to not in looks and extension.to <= seeds:
            return extension
    return None


def _unfinished(runs: Runs, conditions: Sequence[str], seeds: Sequence[int]) -> list[tuple[str, int]]:
    """Runs that have not ended, and planned runs that have not started."""
    design = runs.design
    planned = set(design.seeds) if design.conditions else set()
    return [
        (condition, seed)
        for condition in conditions
        for seed in seeds
        if (
            run.open
            if (run := runs.get(condition, seed)) is not None
            else seed in planned and condition in design.conditions
        )
    ]


def _withheld_reason(unfinished: Sequence[tuple[str, int]], runs: Runs) -> str:
    """Why nothing is tested yet. A stale run counts as one that the plan still waits for."""
    stale = [pair for pair in unfinished if runs.is_stale(*pair)]
    open_ = [pair for pair in unfinished if not runs.is_stale(*pair)]
    parts = [f"{_count_runs(len(stale))} {_verb(stale)} stale"] if stale else []
    if open_:
        names = listed([f"{condition}_s{seed}" for condition, seed in open_])
        parts.append(f"{_count_runs(len(open_))} {_verb(open_)} unfinished ({names})")
    if not parts:
        return ""
    return f"{' and '.join(parts)}; testing now and again later would inflate the error rate"


def _verb(counted: Sequence[object]) -> str:
    return "is" if len(counted) == 1 else "are"


def _count_runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
