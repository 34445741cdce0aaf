"""Folders of runs as trainers leave them, written from plain numbers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from campaign.analysis.campaign_design import CampaignDesign
from campaign.analysis.runs import Run, Runs
from campaign.folder.states import RunState
from campaign.spec.hypotheses import Frozen


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]], *, ending: str = "\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(json.dumps(row) for row in rows) + ending, encoding="utf-8")
    return path


def write_run(
    folder: Path, condition: str, seed: int, values: Sequence[float], metric: str = "correct_rate"
) -> Path:
    """A run of a campaign of ours, accepted: one row a step."""
    rows = [
        {"step": step, "condition": condition, "seed": seed, metric: value}
        for step, value in enumerate(values)
    ]
    return write_rows(folder / "runs" / f"{condition}_s{seed}" / "metrics.jsonl", rows)


def write_levels(folder: Path, levels: Mapping[str, Sequence[float]], steps: int = 20) -> None:
    """Runs whose metric is constant over the steps: condition -> the level of seed 0, 1, ..."""
    for condition, per_seed in levels.items():
        for seed, level in enumerate(per_seed):
            write_run(folder, condition, seed, [level] * steps)


def runs_of(
    levels: Mapping[str, Sequence[float | None]],
    *,
    metric: str = "correct_rate",
    steps: int = 20,
    states: Mapping[str, RunState] | None = None,
    frozen: Frozen | None = None,
    more: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
) -> Runs:
    """`Runs` in memory: condition -> the level of seed 0, 1, ...; None where there is no run.

    `more` adds metrics: metric -> condition -> levels.
    """
    built = []
    for condition, per_seed in levels.items():
        for seed, level in enumerate(per_seed):
            if level is None:
                continue
            metrics = {metric: np.full(steps, float(level))}
            for name, by_condition in (more or {}).items():
                metrics[name] = np.full(steps, float(by_condition[condition][seed]))
            state = (states or {}).get(f"{condition}_s{seed}", "done")
            built.append(Run(condition, seed, np.arange(steps), metrics, state=state))
    design = CampaignDesign()
    if frozen is not None:
        design = CampaignDesign(
            conditions=tuple(levels),
            seeds=frozen.seeds,
            hypotheses=frozen.hypotheses,
            looks=frozen.looks,
            frozen=frozen,
        )
    return Runs(tuple(built), design)
