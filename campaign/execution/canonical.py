"""The record of a run that everybody reads: links into the live attempt, then one file merged over
attempts."""

from __future__ import annotations

import os
import shutil
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from campaign.execution.checkpoints import first_step
from campaign.folder.atomic_files import link, sync_folder, write_bytes
from campaign.folder.paths import AttemptPaths, RunPaths
from campaign.metrics.record import merge_by_step, read_jsonl, to_line
from campaign.spec.config import CoreSection, RunConfig

EMERGENCE_FILES = ("steps.jsonl", "generations.jsonl")
LAST_STEPS = 10
"""Steps whose mean stands for a run that was never evaluated."""


def show_live(run: RunPaths, attempt: AttemptPaths, metrics_file: str) -> None:
    """Point `metrics.jsonl` and `emergence` of the run into the attempt that is about to write them."""
    folder = attempt.root.relative_to(run.root)
    if run.emergence.is_dir() and not run.emergence.is_symlink():
        shutil.rmtree(run.emergence)  # merged when the run ended before; its attempts still have it all
    link(run.metrics, str(folder / metrics_file))
    link(run.emergence, str(folder / attempt.emergence.name))


def settle_record(run: RunPaths, config: RunConfig) -> dict[str, Any]:
    """Replace the links by the record merged over all attempts, each file in one step; returns its
    summary."""
    attempts = run.attempts()
    rows = merged_rows(attempts, config)
    write_bytes(run.metrics, _lines(rows), sync=False)
    _settle_emergence(run, attempts)
    sync_folder(run.root)
    return summarise(rows)


def merged_rows(attempts: Sequence[AttemptPaths], config: RunConfig) -> list[dict[str, Any]]:
    """One row a step, `step` first, with `condition` and `seed` in each."""
    return merge_by_step(attempt_rows(attempt, config) for attempt in attempts)


def attempt_rows(attempt: AttemptPaths, config: RunConfig) -> Iterator[dict[str, Any]]:
    """What one attempt has logged, under our names."""
    begin = first_step(attempt) or 0
    for index, row in enumerate(read_jsonl(attempt.root / config.core.metrics_file)):
        named = mapped(row, config.core)
        step = named.pop("step", begin + index)
        yield {"step": step, "condition": config.condition, "seed": config.training.seed, **named}


def mapped(row: Mapping[str, Any], core: CoreSection) -> dict[str, Any]:
    """A row with our names added for those that `core.metrics_map` translates."""
    ours = {name: row[theirs] for name, theirs in core.metrics_map.items() if theirs in row}
    return {**row, **ours}


def summarise(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a table of runs needs, so that nobody has to read the record again: `steps` done, the final
    `correct_rate`, whether it was `evaluated`, and `step_seconds` (median)."""
    if not rows:
        return {"steps": 0}
    summary: dict[str, Any] = {"steps": int(rows[-1]["step"]) + 1}
    evaluations = numbers(rows, "val/correct_rate")
    training = numbers(rows, "correct_rate")
    if evaluations:
        summary.update(correct_rate=evaluations[-1], evaluated=True)
    elif training:
        summary.update(correct_rate=statistics.fmean(training[-LAST_STEPS:]), evaluated=False)
    seconds = numbers(rows, "step_time_s")
    if seconds:
        summary["step_seconds"] = statistics.median(seconds)
    return summary


def numbers(rows: Iterable[Mapping[str, Any]], name: str) -> list[float]:
    """The finite values of one metric, in order."""
    values = (row.get(name) for row in rows)
    return [
        float(value)
        for value in values
        if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < float("inf")
    ]


def _settle_emergence(run: RunPaths, attempts: Sequence[AttemptPaths]) -> None:
    fresh = run.root / f".emergence.{os.getpid()}.tmp"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    for name in EMERGENCE_FILES:
        kept = _descending([(attempt, attempt.emergence / name) for attempt in attempts])
        if kept:
            (fresh / name).write_bytes(_lines(kept))
    empty = not any(fresh.iterdir())
    if run.emergence.is_symlink():
        run.emergence.unlink()
    elif run.emergence.exists():
        shutil.rmtree(run.emergence)
    if empty:
        fresh.rmdir()
    else:
        os.rename(fresh, run.emergence)


def _descending(files: Sequence[tuple[AttemptPaths, Path]]) -> list[dict[str, Any]]:
    """Rows of files that have any number of rows a step: of each attempt those before the step at which a
    later attempt began."""
    kept: list[list[dict[str, Any]]] = []
    limit = float("inf")
    for attempt, path in reversed(files):
        rows = [row for row in read_jsonl(path) if isinstance(row.get("step"), int) and row["step"] < limit]
        if rows:
            kept.append(rows)
            limit = min(limit, first_step(attempt) or 0)
    return [row for rows in reversed(kept) for row in rows]


def _lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(to_line(row) for row in rows).encode()
