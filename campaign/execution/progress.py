"""How far a run is, at the cost of a stat and one or two short reads."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaign.execution.run_summary import mean, numbers
from campaign.folder.json_lines import Row, parse_object
from campaign.folder.paths import AttemptPaths
from campaign.folder.regular_files import open_regular, read_end
from campaign.folder.run_record import RecordFormat, finished_steps, first_step, merge_attempts
from campaign.spec.headline import DEFAULT

RECENT_STEPS = 10
"""Steps that a recent value averages, because a single step of a small batch is noisy."""
END_BYTES = 65_536
"""Enough for the last ten rows of a log with many sources and roles."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The end of a metrics file."""

    steps: int
    """Finished steps."""
    value: float | None
    """Recent value of the headline metric."""
    step_seconds: float | None
    written_at: float
    """Time of the last write, by the filesystem's clock."""


class ProgressReader:
    """Reads the ends of metrics files; a file that has not changed is not read again.

    `metric` is the one whose recent value is read.
    """

    def __init__(self, metric: str = DEFAULT) -> None:
        self._metric = metric
        self._seen: dict[Path, tuple[tuple[int, int], Progress | None]] = {}
        self._first: dict[Path, int] = {}

    def read(self, path: Path, record_format: RecordFormat | None = None) -> Progress | None:
        """None when nothing has been logged yet. A link leads to a log with the core's own names, which
        `record_format` translates; a file that is not a link is a merged record and has campaign's names."""
        try:
            status = path.stat()
        except OSError:
            self._seen.pop(path, None)
            return None
        mark = (status.st_mtime_ns, status.st_size)
        seen = self._seen.get(path)
        if seen and seen[0] == mark:
            return seen[1]
        own_names = record_format if path.is_symlink() else None
        rows = _record_rows(tail_rows(path), own_names)
        progress = self._progress(path, rows, own_names, status.st_mtime) if rows else None
        self._seen[path] = (mark, progress)
        return progress

    def _progress(
        self, path: Path, rows: Sequence[Row], own_names: RecordFormat | None, written_at: float
    ) -> Progress:
        seconds = numbers(rows, "step_time_s")
        before = self._seen.get(path, (None, None))[1]
        value = recent_value(rows, self._metric)
        return Progress(
            steps=finished_steps(self._first_step(path, own_names), rows[-1]["step"], steps_before(path)),
            # An evaluation may lie further back than one read.
            value=before.value if value is None and before else value,
            step_seconds=mean(seconds) if seconds else None,
            written_at=written_at,
        )

    def _first_step(self, path: Path, own_names: RecordFormat | None) -> int:
        """The first step in a log, which does not change: read once."""
        log = path.resolve()
        if log not in self._first:
            rows = _record_rows(head_rows(log), own_names)
            self._first[log] = rows[0]["step"] if rows else 0
        return self._first[log]


def recent_value(rows: Sequence[Mapping[str, Any]], metric: str) -> float | None:
    """The mean of `metric` over the last steps, or its last value when it is evaluated held out; None without one.

    Live and finished runs are shown by this one rule, so that a run that ends does not change the meaning of its row.
    """
    values = numbers(rows, metric) if metric.startswith("val/") else numbers(rows[-RECENT_STEPS:], metric)
    if not values:
        return None
    return values[-1] if metric.startswith("val/") else mean(values)


def steps_before(metrics: Path) -> int:
    """The steps before the attempt that the link `metrics` of a live run leads to; 0 for a merged record."""
    if not metrics.is_symlink():
        return 0
    attempts, number, *_ = (*Path(os.readlink(metrics)).parts, "", "")
    return first_step(AttemptPaths(metrics.parent / attempts / number)) or 0


def tail_rows(path: Path) -> list[Row]:
    """The last complete rows of a JSONL file: those in its last 64 KiB."""
    try:
        content, whole = read_end(path, END_BYTES)
        return _rows(content, whole=whole)
    except OSError:
        return []


def head_rows(path: Path) -> list[Row]:
    """The first complete rows of a JSONL file: those in its first 64 KiB."""
    try:
        with open_regular(path) as file:
            return _rows(file.read(END_BYTES), whole=True)
    except OSError:
        return []


def _rows(content: bytes, *, whole: bool) -> list[Row]:
    lines = content.split(b"\n")
    # Unless the read began at the file's start, the first piece is the end of a row. The last piece is a row
    # that is still being written, or empty.
    complete = lines[:-1] if whole else lines[1:-1]
    return [row for line in complete if (row := parse_object(line)) is not None]


def _record_rows(rows: Sequence[Row], own_names: RecordFormat | None) -> list[Row]:
    """Rows under campaign's names, one per step: a step with several rows counts once, as it will in the record."""
    return merge_attempts([rows if own_names is None else map(own_names.renamed, rows)])
