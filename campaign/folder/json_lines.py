"""JSON Lines files: one object per line, appended by one process while others read.

Readers expect what killed processes leave behind: a last line without its end, or no file at all. They expect worse
from the programs that write such files: see `regular_files` and `untrusted_json`.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from campaign.folder.atomic_files import sync_folder
from campaign.folder.regular_files import LONGEST_LINE, DamagedFile, open_regular
from campaign.folder.untrusted_json import parse_json

Row = dict[str, Any]


class JsonlWriter:
    """Appends JSON objects, one per line; each line is flushed whole, so that a reader sees no half of it.

    Non-finite numbers are written as null, because `NaN` is not JSON.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._folder = path.parent
        self._file = path.open("a", encoding="utf-8")

    def write(self, row: Mapping[str, Any]) -> None:
        self._file.write(to_line(row))
        self._file.flush()

    def sync(self) -> None:
        """Make all rows durable: they survive a power cut from here on."""
        os.fsync(self._file.fileno())
        sync_folder(self._folder)  # the name of a new file is a change of its folder

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> JsonlWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class JsonlTail:
    """Reads the objects appended to a file since the last `read`.

    An unfinished line is kept until the rest of it arrives. A file that became shorter was written anew and is
    read from its beginning.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""

    def read(self, *, last: bool = False) -> list[Row]:
        """New objects, in order. With `last`, the writer has ended, so an unfinished line is parsed as it is.

        Raises `DamagedFile` for a file that is not regular, or has an endless line.
        """
        lines: list[bytes] = []
        while data := self._new_bytes():
            *complete, self._rest = (self._rest + data).split(b"\n")
            lines += complete
            if len(self._rest) > LONGEST_LINE:
                raise DamagedFile(_endless(self._path))
        if last:
            lines.append(self._rest)
            self._rest = b""
        return [row for line in lines if (row := parse_object(line)) is not None]

    def _new_bytes(self) -> bytes:
        try:
            with open_regular(self._path) as file:
                size = file.seek(0, 2)
                if size < self._offset:
                    self._offset, self._rest = 0, b""
                file.seek(self._offset)
                data = file.read(min(LONGEST_LINE, size - self._offset))
                self._offset = file.tell()
                return data
        except FileNotFoundError:
            return b""


def read_jsonl(path: Path) -> Iterator[Row]:
    """The objects in a file, without the lines that hold anything else; none when the file is missing.

    Raises `DamagedFile` for a file that is not regular, is not UTF-8, or has an endless line.
    """
    for line in _lines(path):
        if (row := parse_object(line)) is not None:
            yield row


def damaged_lines(path: Path) -> int:
    """Lines that hold no JSON object, without a last line that was cut off; 0 when the file is missing.

    Raises `DamagedFile` as `read_jsonl` does.
    """
    return sum(
        line.endswith(b"\n") and line.strip() != b"" and parse_object(line) is None for line in _lines(path)
    )


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of a file; none when it is missing."""
    try:
        file = open_regular(path)
    except FileNotFoundError:
        return
    with file:
        while line := file.readline(LONGEST_LINE + 1):
            if len(line) > LONGEST_LINE:
                raise DamagedFile(_endless(path))
            if line.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise DamagedFile(f"{path} is UTF-16: write it as UTF-8")
            yield line


def _endless(path: Path) -> str:
    return f"{path} has a line of more than {LONGEST_LINE:,} bytes: write one JSON object per line"


def parse_object(line: bytes) -> Row | None:
    """The JSON object in a line; None when it holds anything else, or only part of one."""
    try:
        row = parse_json(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def to_line(row: Mapping[str, Any]) -> str:
    """One row as a line of a file."""
    try:
        return json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"
    except ValueError:
        return json.dumps(_finite(row), ensure_ascii=False, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
