"""From a file to a TOML document with places, or to problems that say what is wrong with the file."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaign.errors import Place, Problem, SpecError
from campaign.spec import secrets
from campaign.spec.positions import LostPlace, Position, Positions, TomlPath, index

LARGEST = 8 * 2**20
"""Bytes of a campaign file; ten thousand written-out conditions take about one million."""

_AT = re.compile(
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
        found = self.positions.value(path) if value else self.positions.key(path)
        return self.at(found)

    def at(self, position: Position | None) -> Place:
        return Place(self.file, position.line, position.column) if position else Place(self.file)


def read(path: Path) -> Document:
    """The document in `path`. Raises `SpecError` for a file that cannot be read, decoded or parsed."""
    return parse(_decode(_bytes(path), str(path)), str(path))


def parse(text: str, file: str) -> Document:
    """The document that `text` is; `file` names it in messages."""
    notes: tuple[str, ...] = ()
    if text.startswith("\ufeff"):
        text = text[1:]
        notes = (f"{file} starts with a byte-order mark, which is passed over",)
    try:
        data = tomllib.loads(text)
        positions = _positions(text)
    except RecursionError:
        raise _refused(file, "nested too deeply", hint="a campaign file needs a handful of levels") from None
    except tomllib.TOMLDecodeError as error:
        raise SpecError([_syntax(error, text, file)]) from None
    except ValueError as error:  # tomllib lets int() and datetime() complain in their own words
        raise _refused(file, f"not valid TOML: {error}") from None
    if not data:
        raise _refused(file, "is empty", hint="`campaign init` writes one to start from")
    return Document(file, text, data, positions, notes)


def _positions(text: str) -> Positions:
    """Places are a courtesy: without them a problem still names file and field."""
    try:
        return index(text)
    except LostPlace:
        return Positions()


def _refused(
    file: str, message: str, *, hint: str = "", line: int | None = None, column: int | None = None
) -> SpecError:
    return SpecError([Problem(message, Place(file, line, column), hint=hint)])


def _bytes(path: Path) -> bytes:
    file = str(path)
    try:
        if path.is_dir():
            raise _refused(file, "is a folder, not a campaign file", hint=_specs_in(path))
        size = path.stat().st_size
        if size > LARGEST:
            raise _refused(
                file, f"is too large: {size:,} bytes", hint=f"at most {LARGEST:,}; is it a TOML file?"
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise _refused(file, "no such file", hint=_specs_in(path.parent)) from None
    except PermissionError:
        raise _refused(file, "may not be read: permission denied") from None
    except (OSError, ValueError) as error:
        raise _refused(file, f"cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _specs_in(folder: Path) -> str:
    try:
        found = sorted(path.name for path in folder.glob("*.toml"))[:6]
    except OSError:
        found = []
    return f"TOML files there: {', '.join(found)}" if found else "`campaign init` writes one to start from"


def _decode(raw: bytes, file: str) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _refused(file, "is UTF-16", hint="TOML is UTF-8: save the file as UTF-8")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        byte = f"byte 0x{raw[error.start]:02x}"
        raise _refused(
            file, f"is not UTF-8: {byte}", hint="save the file as UTF-8", line=line, column=column
        ) from None


def _syntax(error: tomllib.TOMLDecodeError, text: str, file: str) -> Problem:
    found = _AT.match(str(error))
    if not found:
        return Problem(f"not valid TOML: {error}", Place(file))
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    line = int(found["line"] or len(lines))
    column = int(found["column"] or len(lines[-1]) + 1)
    source = lines[line - 1].strip() if line <= len(lines) else ""
    if any(secrets.in_text(source)):
        source = ""
    what = found["what"][:1].lower() + found["what"][1:]
    return Problem(f"not valid TOML: {what}", Place(file, line, column), hint=source[:100])
