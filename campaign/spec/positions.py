"""The position of every key and value of a TOML document.

`tomllib` returns values without positions. `index` scans the same text a second time for the positions. It relies
on `tomllib` having accepted the text, so it does not validate anything and only follows the structure.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

TomlPath = tuple[str | int, ...]
"""A path in the document's tree: keys of tables and indices of arrays."""

_BARE_END = frozenset(" \t=.]\n")
_SCALAR_END = frozenset(",]}#\n")
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b", '"': '"', "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Position:
    """Line and column, counted from 1; a column is one character."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Positions:
    """Positions by path. A key that is repeated, as in two headers with one prefix, has its first position."""

    keys: dict[TomlPath, Position] = field(default_factory=dict)
    values: dict[TomlPath, Position] = field(default_factory=dict)

    def key(self, path: TomlPath) -> Position | None:
        """The position of the key, or of the innermost table or array around it that has one."""
        return self._innermost(self.keys, path)

    def value(self, path: TomlPath) -> Position | None:
        """The position of the value, or of the innermost table or array around it that has one."""
        return self._innermost(self.values, path)

    def _innermost(self, first: dict[TomlPath, Position], path: TomlPath) -> Position | None:
        for length in range(len(path), 0, -1):
            found = first.get(path[:length]) or self.keys.get(path[:length]) or self.values.get(path[:length])
            if found:
                return found
        return None


def index(text: str) -> Positions:
    """The positions of all keys and values of `text`, which `tomllib.loads` must accept.

    Raises `ScanError` where the scanner cannot follow the text.
    """
    # tomllib replaces these too, so line numbers agree; a lone carriage return is not valid TOML.
    scanner = _Scanner(text.replace("\r\n", "\n"))
    try:
        scanner.document()
    except (IndexError, ValueError) as error:  # its loops do not check for the end of the text
        raise ScanError(scanner.at) from error
    return scanner.found


class ScanError(Exception):
    """The scanner failed on text that tomllib accepts. A bug of ours, which must cost only the positions."""


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text + "\n"  # so that comments and bare values always have an end
        self.at = 0
        self.found = Positions()
        self.lines = [0, *(i + 1 for i, c in enumerate(text) if c == "\n")]
        self.array_lengths: dict[TomlPath, int] = {}

    def document(self) -> None:
        table: TomlPath = ()
        while self._skip_blank():
            start = self.at
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._require_progress(start)

    def _require_progress(self, start: int) -> None:
        """Turns what would be an endless loop into a `ScanError`."""
        if self.at <= start:
            raise ValueError(f"no progress at offset {start}")

    def _header(self) -> TomlPath:
        opening = self._here()
        is_array = self.text.startswith("[[", self.at)
        self.at += 2 if is_array else 1
        path: TomlPath = ()
        parts = list(self._key_parts())
        for number, (name, position) in enumerate(parts, 1):
            path += (name,)
            self.found.keys.setdefault(path, position)
            if is_array and number == len(parts):
                self.array_lengths[path] = self.array_lengths.get(path, 0) + 1
            # A header such as [a.b] below [[a]] means the last element of the array.
            if path in self.array_lengths:
                path += (self.array_lengths[path] - 1,)
                self.found.keys.setdefault(path, position)
        self.found.values.setdefault(path, opening)
        self.at += 2 if is_array else 1
        return path

    def _pair(self, table: TomlPath) -> None:
        path = table
        for name, position in self._key_parts():
            path += (name,)
            self.found.keys.setdefault(path, position)
        self.at += 1  # the "="
        self._skip_space()
        self._value(path)

    def _key_parts(self) -> Iterator[tuple[str, Position]]:
        """The parts of a dotted key; stops before the character that ends the key."""
        while True:
            self._skip_space()
            position = self._here()
            if self.text[self.at] in "\"'":
                yield self._short_string(), position
            else:
                start = self.at
                while self.text[self.at] not in _BARE_END:
                    self.at += 1
                yield self.text[start : self.at], position
            self._skip_space()
            if self.text[self.at] != ".":
                return
            self.at += 1

    def _value(self, path: TomlPath) -> None:
        self.found.values[path] = self._here()
        first = self.text[self.at]
        if first in "\"'":
            if self.text.startswith(first * 3, self.at):
                self._long_string(first)
            else:
                self._short_string()
        elif first == "[":
            self._array(path)
        elif first == "{":
            self._inline_table(path)
        else:
            while self.text[self.at] not in _SCALAR_END:
                self.at += 1

    def _array(self, path: TomlPath) -> None:
        self.at += 1
        number = 0
        while self._skip_blank() and self.text[self.at] != "]":
            start = self.at
            self._value((*path, number))
            self._require_progress(start)
            number += 1
            self._skip_blank()
            if self.text[self.at] == ",":
                self.at += 1
        self.at += 1

    def _inline_table(self, path: TomlPath) -> None:
        self.at += 1
        while self._skip_blank() and self.text[self.at] != "}":
            start = self.at
            self._pair(path)
            self._require_progress(start)
            self._skip_blank()
            if self.text[self.at] == ",":
                self.at += 1
        self.at += 1

    def _short_string(self) -> str:
        quote = self.text[self.at]
        self.at += 1
        start = self.at
        escaped = False
        while self.text[self.at] != quote:
            if quote == '"' and self.text[self.at] == "\\":
                escaped = True
                self.at += 1
            self.at += 1
        raw = self.text[start : self.at]
        self.at += 1
        return _unescape(raw) if escaped else raw

    def _long_string(self, quote: str) -> None:
        self.at += 3
        while not self.text.startswith(quote * 3, self.at):
            self.at += 2 if quote == '"' and self.text[self.at] == "\\" else 1
        self.at += 3
        # The string may end in one or two quotes, directly before the closing three.
        while self.text[self.at] == quote:
            self.at += 1

    def _skip_space(self) -> None:
        while self.text[self.at] in " \t":
            self.at += 1

    def _skip_blank(self) -> bool:
        """Skips white space, line ends and comments; whether any text is left."""
        while self.at < len(self.text):
            here = self.text[self.at]
            if here == "#":
                self.at = self.text.index("\n", self.at)
            elif here not in " \t\n":
                return True
            else:
                self.at += 1
        return False

    def _here(self) -> Position:
        line = bisect_right(self.lines, self.at)
        return Position(line, self.at - self.lines[line - 1] + 1)


def _unescape(raw: str) -> str:
    """A quoted key with its escape sequences replaced, as tomllib returns it."""
    out: list[str] = []
    at = 0
    while at < len(raw):
        if raw[at] != "\\":
            out.append(raw[at])
            at += 1
            continue
        letter = raw[at + 1]
        digits = {"x": 2, "u": 4, "U": 8}.get(letter, 0)
        out.append(chr(int(raw[at + 2 : at + 2 + digits], 16)) if digits else _ESCAPES[letter])
        at += 2 + digits
    return "".join(out)
