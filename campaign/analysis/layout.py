"""Finds the metrics files of a folder by patterns such as ``runs/{run}/metrics.jsonl``.

``{condition}``, ``{seed}`` and ``{run}`` match one part of the path and are read from it; ``*`` matches any part.
Campaigns, folders of emergence logs and folders of plain runs are found without a pattern.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from campaign.errors import UsageError

CAMPAIGN_LAYOUT = "runs/{run}/metrics.jsonl"
KNOWN = (
    CAMPAIGN_LAYOUT,
    "{run}/metrics.jsonl",
    "runs/{run}/emergence/steps.jsonl",
    "{run}/emergence/steps.jsonl",
    "emergence/steps.jsonl",
    "{run}/steps.jsonl",
    "metrics.jsonl",
    "steps.jsonl",
)
"""Tried in this order when no layout is given; the first pattern that matches a file is used."""

_PART = {"condition": r"(?P<condition>[^/]+)", "seed": r"(?P<seed>\d+)", "run": r"(?P<run>[^/]+)"}
_RUN_NAME = re.compile(r"(?P<condition>.+)_s(?P<seed>\d+)")


@dataclass(frozen=True, slots=True)
class Found:
    """A metrics file, with the condition and the seed that its path names."""

    path: Path
    condition: str | None
    seed: int | None


def find_runs(folder: Path, layout: str | None = None) -> list[Found]:
    """The metrics files of a folder, sorted by path.

    Raises `UsageError` when there is no such folder, the layout is invalid, or no file matches it.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder")
    for pattern in (layout,) if layout is not None else KNOWN:
        if found := _matches(folder, pattern):
            return found
    tried = layout if layout is not None else ", ".join(KNOWN)
    raise UsageError(
        f"no runs in {folder}: no file matches {tried}\n"
        "    give their location with --layout, for example --layout '{condition}_s{seed}/metrics.jsonl'"
    )


def run_name(name: str) -> tuple[str | None, int | None]:
    """Condition and seed of a folder called ``<condition>_s<seed>``; (None, None) for any other name."""
    match = _RUN_NAME.fullmatch(name)
    return (match["condition"], int(match["seed"])) if match else (None, None)


def _matches(folder: Path, pattern: str) -> list[Found]:
    expression = _expression(pattern)
    found = []
    for path in sorted(_candidates(folder, re.sub(r"\{\w+\}", "*", pattern))):
        match = expression.fullmatch(path.relative_to(folder).as_posix())
        # Whatever has exactly the name of a metrics file is found: the link of a run whose attempt has not written
        # anything yet, and also a folder, so that its run is reported as damaged instead of missing.
        named = "*" not in pattern.rpartition("/")[2] and "{" not in pattern.rpartition("/")[2]
        if (
            match is None
            or not path.name.isprintable()
            or not (named or os.path.isfile(path) or path.is_symlink())
        ):
            continue
        parts = match.groupdict()
        condition, seed = run_name(parts.get("run") or "")
        if parts.get("seed") is not None:
            seed = int(parts["seed"])
        found.append(Found(path, parts.get("condition") or condition, seed))
    return found


def _candidates(folder: Path, wildcard: str) -> Iterator[Path]:
    """Paths that may match, including links whose target does not exist yet, which `glob` leaves out."""
    parent, _, name = wildcard.rpartition("/")
    for above in folder.glob(parent) if parent else (folder,):
        if "*" in name:
            yield from above.glob(name)
        elif os.path.lexists(above / name):
            yield above / name


def _expression(pattern: str) -> re.Pattern[str]:
    if not pattern or Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise UsageError(f"layout {pattern!r} must be a path inside the folder of runs")
    pieces = []
    seen: set[str] = set()
    for piece in re.split(r"(\{[^}]*\}|\*\*/|\*)", pattern):
        name = piece[1:-1]
        if piece.startswith("{") and piece.endswith("}"):
            if name not in _PART or name in seen:
                raise UsageError(
                    f"layout {pattern!r}: {piece} is unknown or used twice\n"
                    "    legal, once each: {condition}, {seed}, {run}; * matches anything"
                )
            seen.add(name)
            pieces.append(_PART[name])
        else:
            pieces.append({"**/": "(?:.*/)?", "*": "[^/]*"}.get(piece, re.escape(piece)))
    return re.compile("".join(pieces))
