"""Patterns of fields: `a.b[1].c`, `lr_*`, `xs[*]`, `**.leaf`, and `Type.field` anchored at a constructor."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple

from campaign.errors import UsageError

TOKEN = re.compile(r"""\[("[^"]*"|'[^']*'|\*|-?\d+)\]|([^.\[\]]+)""")


class Step(NamedTuple):
    """One step of a path, and the type of the object to which it belongs."""

    text: str
    holder: str


# A thousand variants have the same fields: their steps are created once.
step_of = lru_cache(maxsize=65_536)(Step)
Path = tuple[Step, ...]


def path_text(path: Path) -> str:
    text = ""
    for step in path:
        text += step.text if step.text.startswith("[") or not text else f".{step.text}"
    return text or "(the whole configuration)"


def key_step(key: object) -> str:
    """How a dict's key is written in a path."""
    if isinstance(key, str) and key and not any(sign in key for sign in ".[]\"'* \n"):
        return key
    return f"[{key!r}]" if not isinstance(key, str) else f'["{key}"]'


@dataclass(slots=True)
class Pattern:
    """A compiled pattern, and what it matched."""

    text: str
    tokens: tuple[str, ...]
    anchored: bool
    """`Type.field`: the first token may name the type of an enclosing object."""
    match_count: int = 0
    anchored_places: dict[str, set[tuple[int, str]]] = field(default_factory=dict)
    """Target -> where anchored matches are: (identity of the holder, path below it)."""

    def match(self, path: Path) -> tuple[int, int] | None:
        """Where the pattern starts and ends in a path, if it names the field at the path or one that contains it."""
        texts = tuple(step.text for step in path)
        end = _match(self.tokens, texts, 0)
        if end is not None:
            return 0, end
        if self.anchored:
            for start, step in enumerate(path):
                if step.holder == self.tokens[0]:
                    end = _match(self.tokens[1:], texts, start)
                    if end is not None:
                        return start, end
        return None


def compile_pattern(text: str, root_name: str = "") -> Pattern:
    """Raises `UsageError` for a pattern that is not a path, or that matches every field."""
    tokens = _tokenize(text)
    if all(token in ("*", "**", "[*]") for token in tokens):
        raise UsageError(f"pattern {text!r} matches every field; name the fields under test")
    if root_name and tokens[0] == root_name and len(tokens) > 1:
        tokens = tokens[1:]
    return Pattern(text, tuple(tokens), tokens[0][:1].isupper() and len(tokens) > 1)


def _tokenize(text: str) -> list[str]:
    tokens: list[str] = []
    position = 0
    stripped = text.strip()
    while position < len(stripped):
        if stripped[position] == "." and tokens:
            position += 1
        found = TOKEN.match(stripped, position)
        if found is None:
            raise UsageError(
                f"pattern {text!r}: not a path like a.b[1].c, lr_*, xs[*], **.leaf or Type.field"
            )
        index, name = found.groups()
        if index is not None and index[0] in "\"'":
            index = f'"{index[1:-1]}"'
        tokens.append(name if index is None else f"[{index}]")
        position = found.end()
    return tokens


def _match(tokens: tuple[str, ...], texts: tuple[str, ...], start: int) -> int | None:
    """The end of the shortest part of `texts`, beginning at `start`, that all tokens match."""
    if not tokens:
        return start
    if tokens[0] == "**":
        for skip in range(start, len(texts)):
            end = _match(tokens[1:], texts, skip)
            if end is not None:
                return end
        return None
    if start >= len(texts) or not _fits(tokens[0], texts[start]):
        return None
    return _match(tokens[1:], texts, start + 1)


def _fits(token: str, text: str) -> bool:
    if token == "[*]":
        return text.startswith("[")
    if token.startswith("[") or text.startswith("["):
        return token == text
    return fnmatchcase(text, token)
