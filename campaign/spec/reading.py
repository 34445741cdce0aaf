"""Reads a file into a TOML document with positions, or reports why it cannot be read."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaign.errors import Place, Problem, SpecError
from campaign.folder.regular_files import DamagedFile, read_regular
from campaign.spec import secrets
from campaign.spec.positions import Position, Positions, ScanError, TomlPath, index

LARGEST = 8 * 2**20
"""Most bytes of a campaign file; ten thousand conditions written out take about one million."""

_POSITION_IN_MESSAGE = re.compile(
    r"^(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$", re.S
)


@dataclass(frozen=True, slots=True)
class Document:
    """A TOML file that parses."""

    file: str
    text: str
    data: dict[str, Any]
    positions: Positions
    notes: tuple[str, ...] = ()

    def place(self, path: TomlPath, *, value: bool = False) -> Place:
        """The position of the key at `path`, or of its value."""
        position = self.positions.value(path) if value else self.positions.key(path)
        return self.at(position)

    def at(self, position: Position | None) -> Place:
        return Place(self.file, position.line, position.column) if position else Place(self.file)


def read(path: Path) -> Document:
    """The document in `path`. Raises `SpecError` for a file that cannot be read, decoded or parsed."""
    return parse(_decode(_bytes(path), str(path)), str(path))


def parse(text: str, file: str) -> Document:
    """The document in `text`; messages call it `file`. Raises `SpecError` when it cannot be parsed."""
    notes: tuple[str, ...] = ()
    if text.startswith("\ufeff"):
        text = text[1:]
        notes = (f"{file} starts with a byte-order mark, which is ignored",)
    try:
        data = tomllib.loads(text)
        positions = _positions(text)
    except RecursionError:
        hint = "a campaign file needs only a few levels of tables and lists"
        raise _file_error(file, "is nested too deeply", hint=hint) from None
    except tomllib.TOMLDecodeError as error:
        raise SpecError([_syntax_problem(error, text, file)]) from None
    except ValueError as error:  # from int() or datetime(), which tomllib calls: without a position
        raise _file_error(file, f"is not valid TOML: {error}") from None
    if not data:
        raise _file_error(file, "is empty", hint="`campaign init` writes a file to start from")
    return Document(file, text, data, positions, notes)


def _positions(text: str) -> Positions:
    """No positions when the scanner fails: a problem then still names file and field."""
    try:
        return index(text)
    except ScanError:
        return Positions()


def _file_error(
    file: str, message: str, *, hint: str = "", line: int | None = None, column: int | None = None
) -> SpecError:
    return SpecError([Problem(message, Place(file, line, column), hint=hint)])


def _bytes(path: Path) -> bytes:
    file = str(path)
    try:
        if path.is_dir():
            raise _file_error(file, "is a folder, not a campaign file", hint=_toml_files_in(path))
        size = path.stat().st_size
        if size > LARGEST:
            hint = f"a campaign file has at most {LARGEST:,} bytes; is this a TOML file?"
            raise _file_error(file, f"is too large: {size:,} bytes", hint=hint)
        return read_regular(path)
    except DamagedFile as error:
        raise _file_error(file, str(error).removeprefix(f"{path} ").lower()) from None
    except FileNotFoundError:
        raise _file_error(file, "no such file", hint=_toml_files_in(path.parent)) from None
    except PermissionError:
        raise _file_error(file, "cannot be read: permission denied") from None
    except (OSError, ValueError) as error:
        raise _file_error(file, f"cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _toml_files_in(folder: Path) -> str:
    try:
        names = sorted(path.name for path in folder.glob("*.toml"))[:6]
    except OSError:
        names = []
    return f"TOML files there: {', '.join(names)}" if names else "`campaign init` writes a file to start from"


def _decode(raw: bytes, file: str) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _file_error(file, "is UTF-16", hint="TOML is UTF-8: save the file as UTF-8")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        message = f"is not UTF-8: byte 0x{raw[error.start]:02x}"
        raise _file_error(file, message, hint="save the file as UTF-8", line=line, column=column) from None


def _syntax_problem(error: tomllib.TOMLDecodeError, text: str, file: str) -> Problem:
    match = _POSITION_IN_MESSAGE.match(str(error))
    if not match:
        return Problem(f"is not valid TOML: {error}", Place(file))
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    line = int(match["line"] or len(lines))
    column = int(match["column"] or len(lines[-1]) + 1)
    source = lines[line - 1].strip() if line <= len(lines) else ""
    if any(secrets.in_text(source)):  # a message must not repeat a secret
        source = ""
    what = match["what"][:1].lower() + match["what"][1:]
    return Problem(f"is not valid TOML: {what}", Place(file, line, column), hint=source[:100])
