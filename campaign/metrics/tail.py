"""Following a JSONL file that another process appends to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class JsonlTail:
    """The objects that were appended since the last `read`.

    A line without its end is kept until the rest arrives. A file that became shorter was written anew and is
    read from its beginning.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""

    def read(self, *, last: bool = False) -> list[dict[str, Any]]:
        """New objects, in order. `last`: nobody writes any more, so an unfinished line is tried as it is."""
        lines = (self._rest + self._new_bytes()).split(b"\n")
        self._rest = lines.pop()
        if last:
            lines.append(self._rest)
            self._rest = b""
        return [row for line in lines if (row := _object(line)) is not None]

    def _new_bytes(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, 2)
                if size < self._offset:
                    self._offset, self._rest = 0, b""
                file.seek(self._offset)
                data = file.read()
                self._offset = file.tell()
                return data
        except FileNotFoundError:
            return b""


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def with_our_names(row: Mapping[str, Any], metrics_map: Mapping[str, str]) -> dict[str, Any]:
    """A row of somebody else's log with our names added; `metrics_map` is our name -> theirs. The canonical
    record does the same, so that both hold the same fields."""
    return {**row, **{ours: row[theirs] for ours, theirs in metrics_map.items() if theirs in row}}
