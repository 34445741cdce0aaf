"""The input of every analysis: the metrics of one run as arrays, and all runs of a campaign."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from campaign.analysis.campaign_design import CampaignDesign
from campaign.folder.run_code import Code
from campaign.folder.run_record import finished_steps
from campaign.folder.states import FAILED, RunState
from campaign.spec.stale import first_change

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Run:
    """The record of one condition with one seed; steps are unique and ascending."""

    condition: str
    seed: int
    steps: NDArray[np.int64]
    metrics: Mapping[str, Floats]
    """Metric -> values, of the same length as `steps`; NaN where a step has no value."""
    path: Path = Path()
    state: RunState = "done"
    """`done` also for runs of which nothing but a record is known."""
    generations: int | None = None
    """Number of logged completions; None when there is no log of them."""
    completions: tuple[int, int] | None = None
    """(correct, total) completions over all steps; None when they were not counted."""
    notes: tuple[str, ...] = ()
    """Irregularities of the files, as sentences."""
    code: tuple[Code, ...] = ()
    """What its attempts were executed by: commit and versions, without repetitions. Empty when it is not recorded."""
    repeated: bool = False
    """Whether the run has an earlier record with other settings, which was superseded."""
    executed_again: bool = False
    """Whether the run was done before, with the same settings, and its folder was deleted."""
    stale: tuple[str, ...] = ()
    """The settings in which the run differs from its plan, each with both values; empty when it does not."""
    shortfall: str = ""
    """Why the run is short or failed although its core finished; empty when it is not, or when that is unknown."""
    own_end: bool = False
    """Whether the run is complete wherever it ends (`core.early_stopping`)."""

    @property
    def id(self) -> str:
        return f"{self.condition}_s{self.seed}"

    @property
    def open(self) -> bool:
        """Whether more steps may follow. They may after a cancel: the next submit resumes the run, and to drop it
        would leave the choice of seeds to whoever has seen its curve."""
        return self.state not in ("done", *FAILED)

    @property
    def length(self) -> int:
        """Number of steps up to and including the last one, counted from 0."""
        return int(self.steps[-1]) + 1 if len(self.steps) else 0

    @property
    def finished(self) -> int:
        """Number of finished steps, whether the core counts from 0 or from 1. Windows are counted in `length`."""
        return finished_steps(int(self.steps[0]), int(self.steps[-1])) if len(self.steps) else 0


@dataclass(frozen=True, slots=True)
class Runs:
    """All runs of a campaign, or of any other folder of runs."""

    runs: tuple[Run, ...]
    design: CampaignDesign = field(default_factory=CampaignDesign)
    """The conditions, seeds, looks and hypotheses that the plan declares; empty without a plan."""
    folder: Path = Path()
    stale: tuple[Run, ...] = ()
    """Runs with other settings than the plan's. They are in no comparison: `runs` does not have them."""
    _index: Mapping[tuple[str, int], Run] = field(init=False, repr=False, compare=False)
    _stale_index: Mapping[tuple[str, int], Run] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, runs in (("_index", self.runs), ("_stale_index", self.stale)):
            object.__setattr__(self, name, {(run.condition, run.seed): run for run in runs})

    @property
    def conditions(self) -> tuple[str, ...]:
        """Condition labels, in the order of the plan, then of first appearance."""
        found = (run.condition for run in (*self.runs, *self.stale))
        return tuple(dict.fromkeys((*self.design.conditions, *found)))

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds, in the frozen order, then in the order of the plan, then ascending.

        A look tests the first seeds of this order, so it must not depend on the data.
        """
        frozen = self.design.frozen.seeds if self.design.frozen else ()
        # Without a plan nothing else says that the stale ones exist.
        stale = () if self.design.seeds else self.stale
        found = sorted({run.seed for run in (*self.runs, *stale)})
        return tuple(dict.fromkeys((*frozen, *self.design.seeds, *found)))

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(sorted({name for run in self.runs for name in run.metrics}))

    @property
    def notes(self) -> tuple[str, ...]:
        """Irregularities of the folder and of the files, and the stale runs, as sentences."""
        of_runs = (f"{run.id}: {note}" for run in (*self.runs, *self.stale) for note in run.notes)
        left_out = (f"{run.id} is stale and was left out: {'; '.join(run.stale)}" for run in self.stale)
        included = (
            f"{run.id} is stale and was included: {'; '.join(run.stale)}" for run in self.runs if run.stale
        )
        return (*self.design.notes, *left_out, *included, *of_runs)

    def get(self, condition: str, seed: int) -> Run | None:
        return self._index.get((condition, seed))

    def stale_of(self, conditions: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Run id -> what makes it stale, for the stale runs of `conditions` that are left out."""
        return {run.id: run.stale for run in self.stale if run.condition in conditions}

    def is_stale(self, condition: str, seed: int) -> bool:
        """Whether the run was left out because it is stale."""
        return (condition, seed) in self._stale_index

    def why_missing(self, condition: str, seed: int) -> str:
        """Why there is no run to compare, as the end of a sentence."""
        if (run := self._stale_index.get((condition, seed))) is not None:
            return f"is stale ({first_change(run.stale)})"
        planned = condition in self.design.conditions and seed in self.design.seeds
        return "has not started" if planned else "there is no such run"

    def of(self, condition: str) -> tuple[Run, ...]:
        return tuple(run for run in self.runs if run.condition == condition)

    def length(self, condition: str) -> int:
        """Number of steps of a complete run: as planned or, if that is more, as in the longest run. One that goes on
        beyond the plan does not count while others end where they should: it is the odd one."""
        planned = self.design.steps.get(condition, 0)
        lengths = [run.length for run in self.runs if run.condition == condition]
        # Some cores count steps from 1, so that the last row is that of step N of N.
        as_planned = [length for length in lengths if planned <= length <= planned + 1]
        return max(as_planned) if planned and as_planned else max([planned, *lengths])

    def expected_steps(self, condition: str) -> int:
        """Number of steps that a complete run finishes: as planned or, if that is more, as in the longest run."""
        planned = self.design.steps.get(condition, 0)
        return max([planned, *(run.finished for run in self.runs if run.condition == condition)])

    def frame(self) -> pl.DataFrame:
        """One row per run and step: `condition`, `seed`, `step`, then every metric (null where absent)."""
        import polars as pl

        frames = [
            pl.DataFrame(
                {
                    "condition": pl.Series([run.condition] * len(run.steps), dtype=pl.String),
                    "seed": np.full(len(run.steps), run.seed, dtype=np.int64),
                    "step": run.steps,
                    **{name: run.metrics[name] for name in sorted(run.metrics)},
                }
            )
            for run in self.runs
        ]
        if not frames:
            return pl.DataFrame(schema={"condition": pl.String, "seed": pl.Int64, "step": pl.Int64})
        return pl.concat(frames, how="diagonal").with_columns(pl.col(pl.Float64).fill_nan(None))
