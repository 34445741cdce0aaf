"""The record of a run: one row per step under campaign's metric names, merged over the run's attempts.

**The merge rule.** Every reader of a record follows it:

- Within one attempt, rows of the same step are merged by key, and a later value replaces an earlier one. Null is
  no value, and neither are NaN and infinities, which JSON can only write as null.
- Across attempts, the latest attempt that wrote a step supplies the whole row. That attempt resumed from a
  checkpoint before the step, so all later rows descend from its row and from no other.

While an attempt is live, the `metrics.jsonl` of the run is a link to the file that the core writes, in the core's
own names. When the run ends, it is replaced by the merged record, which no reader may rename or merge again.
"""

from __future__ import annotations

import math
import os
import shutil
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from campaign.folder.atomic_files import link, read_json, sync_folder, write_bytes
from campaign.folder.json_lines import Row, read_jsonl, to_line
from campaign.folder.paths import METRICS_FILE, AttemptPaths, RunPaths
from campaign.redact import redact_strings, secret_values


@dataclass(frozen=True, slots=True)
class RecordFormat:
    """What the configuration of a run says about the rows that its core logs."""

    metrics_file: str = METRICS_FILE
    """`core.metrics_file`, relative to the attempt's folder."""
    metrics_map: Mapping[str, str] = field(default_factory=dict)
    """`core.metrics_map`: name in the record -> name in the core's log."""
    labels: Mapping[str, Any] = field(default_factory=dict)
    """`condition` and `seed`, added to every row that lacks them."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> RecordFormat:
        """Reads the content of a `config.toml`; whatever is missing from it keeps its default."""
        core, training = config.get("core") or {}, config.get("training") or {}
        labels = {"condition": config.get("condition"), "seed": training.get("seed")}
        return cls(
            core.get("metrics_file", METRICS_FILE),
            core.get("metrics_map", {}),
            {name: value for name, value in labels.items() if value is not None},
        )

    def renamed(self, logged: Mapping[str, Any]) -> Row:
        """A logged row with campaign's names added beside the core's own."""
        names = {ours: logged[theirs] for ours, theirs in self.metrics_map.items() if theirs in logged}
        return {**logged, **names}


class RowReader:
    """Turns the rows that one attempt logs, given in order, into rows of the record."""

    def __init__(self, record_format: RecordFormat, first_step: int) -> None:
        self._format = record_format
        self._next = first_step

    def row(self, logged: Mapping[str, Any]) -> Row:
        """`step` comes first. A core that logs no step logs one row per step, so its rows are counted."""
        renamed = self._format.renamed(logged)
        step = renamed.pop("step", self._next)
        self._next += 1
        return {"step": step, **self._format.labels, **renamed}


def read_config(run: RunPaths) -> Mapping[str, Any]:
    """The content of a run's `config.toml`; empty when it is missing or cannot be read."""
    try:
        return tomllib.loads(run.config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def is_live(run: RunPaths) -> bool:
    """Whether the run's record still leads into its attempts, or has been replaced by the merged one."""
    return run.metrics.is_symlink() and run.attempts_root.is_dir()


def merged_rows(run: RunPaths, record_format: RecordFormat) -> list[Row]:
    """The record of a run from its attempts, live or not: one row per step, in order."""
    return merge_attempts(attempt_rows(attempt, record_format) for attempt in run.attempts())


def attempt_rows(attempt: AttemptPaths, record_format: RecordFormat) -> Iterator[Row]:
    """The rows that one attempt logged, as rows of the record."""
    reader = RowReader(record_format, first_step(attempt) or 0)
    return map(reader.row, read_jsonl(attempt.root / record_format.metrics_file))


def merge_attempts(attempts: Iterable[Iterable[Row]]) -> list[Row]:
    """The merge rule; `attempts` are given oldest first."""
    merged: dict[int, Row] = {}
    for rows in attempts:
        own: dict[int, Row] = {}
        for row in rows:
            step = row.get("step")
            if isinstance(step, int) and not isinstance(step, bool):
                own[step] = merge_rows(own.get(step, {}), row)
        merged |= own
    return [merged[step] for step in sorted(merged)]


def merge_rows(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> Row:
    """Two rows that one attempt wrote for the same step, as one."""
    values = {name: value for name, value in later.items() if name not in earlier or _is_value(value)}
    return {**earlier, **values}


def _is_value(value: Any) -> bool:
    return math.isfinite(value) if isinstance(value, float) else value is not None


def first_step(attempt: AttemptPaths) -> int | None:
    """The step an attempt began with; None when its core never started."""
    note = read_json(attempt.started)
    step = note.get("first_step") if note else None
    return step if isinstance(step, int) else None


def show_live(run: RunPaths, attempt: AttemptPaths, metrics_file: str) -> None:
    """Link `metrics.jsonl` and `emergence` of the run to those that `attempt` is about to write."""
    folder = attempt.root.relative_to(run.root)
    if run.emergence.is_dir() and not run.emergence.is_symlink():
        # Merged when the run ended before. Nothing is lost: its attempts still hold every row.
        shutil.rmtree(run.emergence)
    link(run.metrics, str(folder / metrics_file))
    link(run.emergence, str(folder / attempt.emergence.name))


def settle_record(run: RunPaths, record_format: RecordFormat) -> list[Row]:
    """Replace the links by the record merged over all attempts, each file atomically. Returns the rows."""
    rows = merged_rows(run, record_format)
    # Content and renames reach the disk before the caller commits that the run has ended. In the other order, a
    # power cut could leave a run that the store calls done without its record.
    write_bytes(run.metrics, _lines(rows))
    _settle_emergence(run)
    sync_folder(run.root)
    return rows


def _settle_emergence(run: RunPaths) -> None:
    fresh = run.root / f".emergence.{os.getpid()}.tmp"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    attempts = run.attempts()
    for name in (run.emergence_steps.name, run.emergence_generations.name):
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


def _descending(files: Sequence[tuple[AttemptPaths, Path]]) -> list[Row]:
    """Rows of logs with any number of rows per step: those of each attempt before the step at which a later
    attempt began. Rows of one step cannot be merged by key here, because each is another completion."""
    kept: list[list[Row]] = []
    limit = float("inf")
    for attempt, path in reversed(files):
        rows = [row for row in read_jsonl(path) if isinstance(row.get("step"), int) and row["step"] < limit]
        if rows:
            kept.append(rows)
            limit = min(limit, first_step(attempt) or 0)
    return [row for rows in reversed(kept) for row in rows]


def _lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """The rows as lines, without the secrets that a core may have logged."""
    secrets = secret_values()
    return "".join(to_line(_redacted(row, secrets)) for row in rows).encode()


def _redacted(row: Mapping[str, Any], secrets: tuple[str, ...]) -> Row:
    """Its condition stays: readers find the run by it, and a password may be an ordinary word."""
    kept = {"condition": row["condition"]} if "condition" in row else {}
    return {**redact_strings(row, secrets), **kept}
