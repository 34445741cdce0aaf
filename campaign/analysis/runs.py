"""The input of every analysis: the metrics of one run as arrays, and all runs of a campaign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from campaign.analysis.campaign_design import CampaignDesign
from campaign.folder.states import ENDED, RunState

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

    @property
    def id(self) -> str:
        return f"{self.condition}_s{self.seed}"

    @property
    def open(self) -> bool:
        """Whether more steps may follow."""
        return self.state not in ENDED

    @property
    def length(self) -> int:
        """Number of steps up to and including the last one, counted from 0."""
        return int(self.steps[-1]) + 1 if len(self.steps) else 0


@dataclass(frozen=True, slots=True)
class Runs:
    """All runs of a campaign, or of any other folder of runs."""

    runs: tuple[Run, ...]
    design: CampaignDesign = field(default_factory=CampaignDesign)
    """The conditions, seeds, looks and hypotheses that the plan declares; empty without a plan."""
    folder: Path = Path()
    _index: Mapping[tuple[str, int], Run] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", {(run.condition, run.seed): run for run in self.runs})

    @property
    def conditions(self) -> tuple[str, ...]:
        """Condition labels, in the order of the plan, then of first appearance."""
        return tuple(dict.fromkeys((*self.design.conditions, *(run.condition for run in self.runs))))

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds, in the frozen order, then in the order of the plan, then ascending.

        A look tests the first seeds of this order, so it must not depend on the data.
        """
        frozen = self.design.frozen.seeds if self.design.frozen else ()
        found = sorted({run.seed for run in self.runs})
        return tuple(dict.fromkeys((*frozen, *self.design.seeds, *found)))

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(sorted({name for run in self.runs for name in run.metrics}))

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known about the plan, and irregularities of the files, as sentences."""
        of_runs = (f"{run.id}: {note}" for run in self.runs for note in run.notes)
        return (*self.design.notes, *of_runs)

    def get(self, condition: str, seed: int) -> Run | None:
        return self._index.get((condition, seed))

    def of(self, condition: str) -> tuple[Run, ...]:
        return tuple(run for run in self.runs if run.condition == condition)

    def length(self, condition: str) -> int:
        """Number of steps of a complete run: as planned or, if that is more, as in the longest run."""
        planned = self.design.steps.get(condition, 0)
        return max([planned, *(run.length for run in self.runs if run.condition == condition)])

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
