"""One run's metrics as arrays, and a campaign's runs as one value: what every analysis starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from campaign.analysis.campaign_design import Planned
from campaign.folder.states import ENDED, RunState

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Run:
    """The record of one condition with one seed; steps rise and are unique."""

    condition: str
    seed: int
    steps: NDArray[np.int64]
    metrics: Mapping[str, Floats]
    """Metric -> values, as long as `steps`; NaN where a step has none."""
    path: Path = Path()
    state: RunState = "done"
    """`done` also for runs of which nothing but a record is known."""
    generations: int | None = None
    """Logged completions; None when there is no log of them."""
    completions: tuple[int, int] | None = None
    """Correct completions and all of them, over all steps; None when nothing counted them."""
    notes: tuple[str, ...] = ()
    """What was odd about the files, in words."""

    @property
    def id(self) -> str:
        return f"{self.condition}_s{self.seed}"

    @property
    def open(self) -> bool:
        """Whether more steps may follow."""
        return self.state not in ENDED

    @property
    def length(self) -> int:
        """Steps up to and including the last, counted from 0."""
        return int(self.steps[-1]) + 1 if len(self.steps) else 0


@dataclass(frozen=True, slots=True)
class Runs:
    """All runs of a campaign, or of any folder."""

    runs: tuple[Run, ...]
    planned: Planned = field(default_factory=Planned)
    folder: Path = Path()
    _index: Mapping[tuple[str, int], Run] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", {(run.condition, run.seed): run for run in self.runs})

    @property
    def conditions(self) -> tuple[str, ...]:
        """In the order of the plan, then in that of first appearance."""
        return tuple(dict.fromkeys((*self.planned.conditions, *(run.condition for run in self.runs))))

    @property
    def seeds(self) -> tuple[int, ...]:
        """In the order declared first, then in that of the plan; without one, ascending."""
        declared = self.planned.frozen.seeds if self.planned.frozen else ()
        there = sorted({run.seed for run in self.runs})
        return tuple(dict.fromkeys((*declared, *self.planned.seeds, *there)))

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(sorted({name for run in self.runs for name in run.metrics}))

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(f"{run.id}: {note}" for run in self.runs for note in run.notes)

    def get(self, condition: str, seed: int) -> Run | None:
        return self._index.get((condition, seed))

    def of(self, condition: str) -> tuple[Run, ...]:
        return tuple(run for run in self.runs if run.condition == condition)

    def length(self, condition: str) -> int:
        """Steps that a run of this condition has when it is complete: as planned, else as the longest did."""
        planned = self.planned.steps.get(condition, 0)
        return max([planned, *(run.length for run in self.runs if run.condition == condition)])

    def frame(self) -> pl.DataFrame:
        """A row for each run and step: `condition`, `seed`, `step`, then every metric (null where absent)."""
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
