"""From a folder to `Runs`: finds the files, reads them side by side, and says how each run stands."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from campaign.analysis.campaign_design import Planned, read_planned
from campaign.analysis.completions import count
from campaign.analysis.layout import Found, find_runs, run_name
from campaign.analysis.records import KnownColumns, Owner, Record, read_record, record_of
from campaign.analysis.runs import Run, Runs, RunStanding
from campaign.errors import UsageError
from campaign.metrics.record import merge_by_step, read_jsonl


@dataclass(frozen=True, slots=True)
class _File:
    found: Found
    records: Mapping[Owner, Record]
    standing: RunStanding


def load_runs(
    folder: Path,
    layout: str | None = None,
    *,
    standings: Mapping[str, RunStanding] | None = None,
    generations: bool = False,
) -> Runs:
    """Every run of a folder.

    `layout` says where the metrics are when the folder is not a campaign's, for example
    ``{condition}_s{seed}/metrics.jsonl``. `standings` (run id -> standing) is what a campaign's state store
    knows; without it the files tell: an accepted run has a record of its own, one that is still going a link
    into its live attempt. `generations` counts each run's logged completions too, and the correct ones.

    Raises `UsageError` when there are no runs, or it cannot be told whose they are.
    """
    found = find_runs(folder, layout)
    planned = read_planned(folder)
    # polars and the file system both work outside the interpreter's lock, so threads do help here.
    with ThreadPoolExecutor(max_workers=4) as pool:
        known = KnownColumns()
        files = list(pool.map(partial(_read, known=known), found))
    runs: dict[tuple[str, int], Run] = {}
    for file in files:
        for run in _runs_of(file, folder):
            if (standing := (standings or {}).get(run.id)) is not None:
                run = replace(run, standing=standing)
            if generations:
                run = replace(run, generations=count_generations(run), completions=count_completions(run))
            key = (run.condition, run.seed)
            if key in runs:
                raise UsageError(f"two files claim to be run {run.id}: {runs[key].path} and {run.path}")
            runs[key] = run
    planned = replace(planned, steps={**_configured_steps(runs.values()), **planned.steps})
    return Runs(_in_order(runs, planned), planned, folder)


def count_generations(run: Run) -> int | None:
    """Completions in the run's emergence log; None when there is no such log."""
    for log in (run.path.parent / "emergence" / "generations.jsonl", run.path.parent / "generations.jsonl"):
        if log.is_file():
            return log.read_bytes().count(b"\n")
    return None


def count_completions(run: Run) -> tuple[int, int] | None:
    """Correct completions and all of them, by the run's own rows or those of its emergence log."""
    if (counted := count(run)) is not None:
        return counted
    log = run.path.parent / "emergence" / "steps.jsonl"
    records = list(read_record(log).values())
    if len(records) != 1:
        return None
    return count(Run(run.condition, run.seed, records[0].steps, records[0].metrics))


def _read(found: Found, known: KnownColumns) -> _File:
    standing = _standing(found.path)
    if standing != "done" and (attempts := _attempt_files(found.path)):
        rows = merge_by_step(read_jsonl(path) for path in attempts)
        return _File(found, record_of(rows), standing)
    return _File(found, read_record(found.path, known), standing)


def _attempt_files(metrics: Path) -> list[Path]:
    root = metrics.parent / "attempts"
    return sorted(root.glob(f"[0-9]*/{metrics.name}")) if root.is_dir() else []


def _standing(metrics: Path) -> RunStanding:
    """What the files tell: a record of its own was accepted, a link still leads into an attempt."""
    if not metrics.is_symlink() or not (metrics.parent / "attempts").is_dir():
        return "done"
    attempts = sorted(path for path in (metrics.parent / "attempts").iterdir() if path.name.isdigit())
    try:
        outcome = json.loads((attempts[-1] / "result.json").read_text(encoding="utf-8"))
    except (IndexError, OSError, ValueError):
        return "going"
    return "failed" if isinstance(outcome, dict) and outcome.get("kind") == "failed" else "going"


def _runs_of(file: _File, folder: Path) -> list[Run]:
    records = dict(file.records) or {(None, None): Record(np.zeros(0, dtype=np.int64), {}, ("it is empty",))}
    runs = []
    for (condition, seed), record in records.items():
        folder_name = run_name(file.found.path.parent.name)
        condition = file.found.condition or condition or folder_name[0]
        seed = next((s for s in (file.found.seed, seed, folder_name[1]) if s is not None), None)
        if condition is None or seed is None:
            lacking = "condition" if condition is None else "seed"
            raise UsageError(
                f"{file.found.path.relative_to(folder)}: no {lacking} in its path nor in its rows\n"
                "    name it in the path, for example --layout '{condition}_s{seed}/metrics.jsonl'"
            )
        runs.append(
            Run(
                condition,
                seed,
                record.steps,
                record.metrics,
                file.found.path,
                file.standing,
                notes=record.notes,
            )
        )
    return runs


def _configured_steps(runs: Iterable[Run]) -> dict[str, int]:
    """`training.max_steps` of each condition, from the configuration of its first run that has one."""
    steps: dict[str, int] = {}
    for run in runs:
        if run.condition in steps:
            continue
        try:
            config = tomllib.loads((run.path.parent / "config.toml").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        value = (config.get("training") or {}).get("max_steps")
        if isinstance(value, int):
            steps[run.condition] = value
    return steps


def _in_order(runs: Mapping[tuple[str, int], Run], planned: Planned) -> tuple[Run, ...]:
    """By condition, then seed, as planned: the order in which files were found must not matter."""
    conditions = {label: number for number, label in enumerate(planned.conditions)}
    seeds = {seed: number for number, seed in enumerate(planned.seeds)}

    def place(run: Run) -> tuple[int, str, int, int]:
        return (
            conditions.get(run.condition, len(conditions)),
            run.condition,
            seeds.get(run.seed, len(seeds)),
            run.seed,
        )

    return tuple(sorted(runs.values(), key=place))
