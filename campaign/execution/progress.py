"""How far a run is, at the cost of a stat and one short read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaign.execution.run_summary import mean, numbers
from campaign.folder.json_lines import Row, parse_object
from campaign.folder.regular_files import read_end
from campaign.folder.run_record import RecordFormat, merge_attempts

FIRST_READ = 4_096
LONGEST_READ = 65_536
"""At most two reads: a row with many sources and roles can be longer than the first."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The end of a metrics file."""

    steps: int
    """Finished steps."""
    correct_rate: float | None
    """Mean over the steps of one read, because a single step of a small batch is noisy."""
    step_seconds: float | None
    written_at: float
    """Time of the last write, by the filesystem's clock."""


class ProgressReader:
    """Reads the ends of metrics files; a file that has not changed is not read again."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[tuple[int, int], Progress | None]] = {}

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
        rows: Sequence[Mapping[str, Any]] = tail_rows(path)
        if record_format and path.is_symlink():
            rows = [record_format.renamed(row) for row in rows]
        progress = _progress(rows, status.st_mtime)
        self._seen[path] = (mark, progress)
        return progress


def tail_rows(path: Path) -> list[Row]:
    """The last complete rows of a JSONL file: those in its last 4 KiB, or one out of its last 64 KiB."""
    try:
        for length in (FIRST_READ, LONGEST_READ):
            content, whole = read_end(path, length)
            rows = _rows(content, whole=whole)
            if rows or whole:
                return rows
    except OSError:
        return []
    return []


def _rows(content: bytes, *, whole: bool) -> list[Row]:
    lines = content.split(b"\n")
    # Unless the read began at the file's start, the first piece is the end of a row. The last piece is a row
    # that is still being written, or empty.
    complete = lines[:-1] if whole else lines[1:-1]
    return [row for line in complete if (row := parse_object(line)) is not None]


def _progress(rows: Sequence[Mapping[str, Any]], written_at: float) -> Progress | None:
    rows = merge_attempts([map(dict, rows)])  # a step with several rows counts once, as it will in the record
    if not rows:
        return None
    rates, seconds = numbers(rows, "correct_rate"), numbers(rows, "step_time_s")
    return Progress(
        steps=rows[-1]["step"] + 1,
        correct_rate=mean(rates) if rates else None,
        step_seconds=mean(seconds) if seconds else None,
        written_at=written_at,
    )
