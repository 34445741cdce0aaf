"""Where every key and value of a TOML document stands.

`tomllib` gives values and no positions. `index` reads the same text a second time, only for the places, and
relies on `tomllib` having accepted it: it need not tell valid from invalid, only follow the structure.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

TomlPath = tuple[str | int, ...]
"""A place in the document's tree: keys of tables, indices of arrays."""

_BARE_END = frozenset(" \t=.]\n")
_SCALAR_END = frozenset(",]}#\n")
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b", '"': '"', "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Position:
    """Line and column, both from 1; columns count characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Positions:
    keys: dict[TomlPath, Position] = field(default_factory=dict)
    values: dict[TomlPath, Position] = field(default_factory=dict)

    def key(self, path: TomlPath) -> Position | None:
        """Of the key, or of the nearest thing around it that has a place."""
        return self._nearest(self.keys, path)

    def value(self, path: TomlPath) -> Position | None:
        """Of the value, or of the nearest thing around it that has a place."""
        return self._nearest(self.values, path)

    def _nearest(self, first: dict[TomlPath, Position], path: TomlPath) -> Position | None:
        for length in range(len(path), 0, -1):
            found = first.get(path[:length]) or self.keys.get(path[:length]) or self.values.get(path[:length])
            if found:
                return found
        return None


def index(text: str) -> Positions:
    """The places of all keys and values of `text`, which `tomllib.loads` accepts.

    Raises `LostPlace` where the text cannot be followed, and never runs on for ever.
    """
    scanner = _Scanner(text.replace("\r\n", "\n"))
    try:
        scanner.document()
    except (IndexError, ValueError) as error:
        raise LostPlace(scanner.at) from error
    return scanner.found


class LostPlace(Exception):
    """The scanner does not understand what tomllib does: a bug of ours that must cost places and no more."""


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text + "\n"
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
            self._went_on(start)

    def _went_on(self, start: int) -> None:
        if self.at <= start:
            raise ValueError("no way forward")

    def _header(self) -> TomlPath:
        opening = self._here()
        is_array = self.text.startswith("[[", self.at)
        self.at += 2 if is_array else 1
        path: TomlPath = ()
        parts = list(self._key_parts())
        for number, (name, place) in enumerate(parts, 1):
            path += (name,)
            self.found.keys.setdefault(path, place)
            if is_array and number == len(parts):
                self.array_lengths[path] = self.array_lengths.get(path, 0) + 1
            if path in self.array_lengths:
                path += (self.array_lengths[path] - 1,)
                self.found.keys.setdefault(path, place)
        self.found.values.setdefault(path, opening)
        self.at += 2 if is_array else 1
        return path

    def _pair(self, table: TomlPath) -> None:
        path = table
        for name, place in self._key_parts():
            path += (name,)
            self.found.keys.setdefault(path, place)
        self.at += 1  # the "="
        self._skip_space()
        self._value(path)

    def _key_parts(self) -> Iterator[tuple[str, Position]]:
        """The parts of a dotted key; stops in front of what ends it."""
        while True:
            self._skip_space()
            place = self._here()
            if self.text[self.at] in "\"'":
                yield self._short_string(), place
            else:
                start = self.at
                while self.text[self.at] not in _BARE_END:
                    self.at += 1
                yield self.text[start : self.at], place
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
            self._went_on(start)
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
            self._went_on(start)
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
        # One or two quotes may stand directly before the closing three.
        while self.text[self.at] == quote:
            self.at += 1

    def _skip_space(self) -> None:
        while self.text[self.at] in " \t":
            self.at += 1

    def _skip_blank(self) -> bool:
        """Pass white space, line ends and comments; whether anything is left."""
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
    """A quoted key as tomllib reads it."""
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
