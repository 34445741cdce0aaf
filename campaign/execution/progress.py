"""How far a run is, for the price of a stat and one short read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaign.execution.canonical import mapped, numbers
from campaign.spec.config import CoreSection

FIRST_READ = 4_096
LONGEST_READ = 65_536
"""Two reads at most: rows with many sources and roles can be longer than the first."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The end of a metrics file."""

    steps: int
    """Finished steps."""
    correct_rate: float | None
    """Mean over the rows that one read holds: a single step of a small batch says little."""
    step_seconds: float | None
    written_at: float
    """Time of the last write, by the filesystem's clock."""


class ProgressReader:
    """Reads the ends of metrics files; a file that has not changed is not read again."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[tuple[int, int], Progress | None]] = {}

    def read(self, path: Path, core: CoreSection | None = None) -> Progress | None:
        """None when nothing has been logged yet."""
        try:
            status = path.stat()
        except OSError:
            self._seen.pop(path, None)
            return None
        mark = (status.st_mtime_ns, status.st_size)
        seen = self._seen.get(path)
        if seen and seen[0] == mark:
            return seen[1]
        progress = _progress(tail_rows(path), status.st_mtime, core)
        self._seen[path] = (mark, progress)
        return progress


def tail_rows(path: Path) -> list[dict[str, Any]]:
    """The last complete rows of a JSONL file: those in its last 4 KiB, or one out of its last 64 KiB."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            for length in (FIRST_READ, LONGEST_READ):
                file.seek(max(0, size - length))
                rows = _rows(file.read(length), whole=size <= length)
                if rows or size <= length:
                    return rows
    except OSError:
        return []
    return []


def _rows(content: bytes, *, whole: bool) -> list[dict[str, Any]]:
    lines = content.split(b"\n")
    # The first piece is the end of a row unless the read began at the file's start; the last is a row that is
    # being written, or empty.
    complete = lines[:-1] if whole else lines[1:-1]
    rows = []
    for line in complete:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            rows.append(row)
    return rows


def _progress(rows: list[dict[str, Any]], written_at: float, core: CoreSection | None) -> Progress | None:
    named: list[Mapping[str, Any]] = [mapped(row, core) for row in rows] if core else list(rows)
    steps = numbers(named, "step")
    if not steps:
        return None
    rates, seconds = numbers(named, "correct_rate"), numbers(named, "step_time_s")
    return Progress(
        steps=int(steps[-1]) + 1,
        correct_rate=sum(rates) / len(rates) if rates else None,
        step_seconds=sum(seconds) / len(seconds) if seconds else None,
        written_at=written_at,
    )
