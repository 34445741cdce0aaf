"""A target as the user writes it: a file, and which part of it."""

from __future__ import annotations

import ast
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from campaign.check.sources import Sources
from campaign.errors import UsageError
from campaign.suggest import did_you_mean

DOCUMENTS = (".toml", ".yaml", ".yml", ".json")
NAMING_ENTRIES = ("names", "class", "call", "merge")
"""The entry kinds that are followed by names; the others each select a dialect."""


@dataclass(frozen=True, slots=True)
class Target:
    """`config.py:make_small`, `vit.py?variant=B/32`, `sweep.yaml#runs.B.config`."""

    text: str
    path: str
    """Absolute."""
    name: str = ""
    arguments: tuple[tuple[str, object], ...] = ()
    fragment: str = ""

    @property
    def is_document(self) -> bool:
        return self.path.endswith(DOCUMENTS)


def parse_target(text: str, sources: Sources) -> Target:
    """Raises `UsageError` when there is no such file."""
    rest, _, fragment = text.partition("#")
    rest, _, query = rest.partition("?")
    file, colon, name = rest.rpartition(":")
    if not colon or "/" in name or name.endswith(".py"):
        file, name = rest, ""
    path = str((sources.root / file).absolute()) if not Path(file).is_absolute() else file
    path = _normal(path)
    if not file or not sources.is_file(path):
        what = "is a folder; name its files"
        if not file or not sources.is_folder(path):
            what = f"there is no such file{_similar_file(path)}"
        raise UsageError(f"{text}: {what}")
    if not path.startswith(str(sources.root)):
        raise UsageError(f"{text}: is outside of {sources.root}")
    if not path.endswith((".py", *DOCUMENTS)):
        raise UsageError(f"{text}: neither Python nor one of {', '.join(DOCUMENTS)}")
    pairs = tuple(_argument(part, text) for part in query.split("&") if part)
    if name and not name.isidentifier():
        raise UsageError(f"{text}: {name!r} is not a name")
    return Target(text, path, name, pairs, fragment)


def _similar_file(path: str) -> str:
    file = Path(path)
    try:
        names = [name for name in os.listdir(file.parent) if name.endswith((".py", *DOCUMENTS))]
    except OSError:
        return ""
    return did_you_mean(file.name, names, before="; ")


def _normal(path: str) -> str:
    import os.path

    return os.path.normpath(path)


def _argument(part: str, text: str) -> tuple[str, object]:
    name, equals, value = part.partition("=")
    if not equals or not name.isidentifier():
        raise UsageError(f"{text}: arguments are written ?name=value&name=value")
    try:
        literal = ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return name, {"true": True, "false": False}.get(value, value)
    return name, literal if isinstance(literal, int | float | str | bool | None) else value


@dataclass(frozen=True, slots=True)
class Entry:
    """Which part of a module is its configuration."""

    kind: str
    names: tuple[str, ...] = ()


def parse_entry(text: str | None, dialects: Collection[str]) -> Entry | None:
    """An entry as it is declared; `dialects` are the kinds that select one."""
    if text is None:
        return None
    kind, colon, rest = text.partition(":")
    names = tuple(name.strip() for name in rest.split(",") if name.strip())
    if kind not in (*NAMING_ENTRIES, *dialects) or (kind in NAMING_ENTRIES) != bool(names):
        forms = [
            "names:config",
            "names:a,b",
            "class:Name",
            "call:get_config",
            "merge:defaults,runs.B",
            *dialects,
        ]
        raise UsageError(f"entry {text!r}: one of {', '.join(forms)}")
    if colon and kind in ("class", "call") and len(names) != 1:
        raise UsageError(f"entry {text!r}: exactly one name")
    return Entry(kind, names)
