"""The canonical record of a run: JSON lines, one object a step, `step` first.

Readers expect what killed processes leave behind: a last line without an end, a step that a later attempt
wrote again, a file that is not there yet.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any


class JsonlWriter:
    """Appends JSON objects, one a line, each flushed whole, so that a reader sees lines and not halves.

    Non-finite numbers are written as null: `NaN` is not JSON.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")

    def write(self, row: Mapping[str, Any]) -> None:
        self._file.write(to_line(row))
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> JsonlWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def to_line(row: Mapping[str, Any]) -> str:
    """One row as the line it is in a record."""
    try:
        return json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"
    except ValueError:
        return json.dumps(_finite(row), ensure_ascii=False, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSONL file; a missing file has none, and a line that is no object is passed over."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        for line in file:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict):
                yield row


def merge_by_step(attempts: Iterable[Iterable[dict[str, Any]]]) -> list[dict[str, Any]]:
    """One row a step, in order. `attempts` oldest first; the last attempt that wrote a step wins: it went on
    from a checkpoint before that step, so everything after it descends from its rows."""
    rows: dict[int, dict[str, Any]] = {}
    for attempt in attempts:
        for row in attempt:
            step = row.get("step")
            if isinstance(step, int) and not isinstance(step, bool):
                rows[step] = row
    return [rows[step] for step in sorted(rows)]
