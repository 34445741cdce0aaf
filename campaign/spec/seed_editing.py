"""Edits the seeds in the text of a campaign file and keeps everything else, comments included."""

from __future__ import annotations

import re
import tomllib
from typing import Any

_TABLE = re.compile(r"^[ \t]*\[campaign\][ \t]*(#.*)?$", re.MULTILINE)
_NEXT_TABLE = re.compile(r"^[ \t]*\[", re.MULTILINE)
_SEEDS = re.compile(r"^[ \t]*seeds[ \t]*=[ \t]*\[[^\]]*\]", re.MULTILINE)


def declared_seeds(text: str) -> tuple[int, ...]:
    """The `seeds` of `[campaign]`; () unless they are a list of whole numbers. Nothing else is validated.

    Raises `ValueError` for text that is not TOML.
    """
    campaign = tomllib.loads(text).get("campaign", {})
    seeds = campaign.get("seeds") if isinstance(campaign, dict) else None
    if not isinstance(seeds, list) or not all(type(seed) is int for seed in seeds):
        return ()
    return tuple(seeds)


def with_seeds(text: str, seeds: tuple[int, ...]) -> str | None:
    """`text` with these `seeds` in `[campaign]` and nothing else changed; None when it cannot be edited safely.

    The regular expressions may find the wrong place, for example inside a multi-line string. So the edited text is
    parsed, and it is returned only if the seeds are all that has changed.
    """
    before = tomllib.loads(text)
    expected: dict[str, Any] = {**before, "campaign": {**before.get("campaign", {}), "seeds": list(seeds)}}
    table = _TABLE.search(text)
    if table is None:
        return None
    end = _NEXT_TABLE.search(text, table.end() + 1)
    body = text[table.end() : end.start() if end else len(text)]
    found = _SEEDS.search(body)
    if found is None:
        changed = f"{text[: table.end()]}\n{seeds_line(seeds)}{text[table.end() :]}"
    else:
        start = table.end() + found.start()
        changed = f"{text[:start]}{seeds_line(seeds)}{text[start + len(found.group()) :]}"
    try:
        return changed if tomllib.loads(changed) == expected else None
    except tomllib.TOMLDecodeError:
        return None


def seeds_line(seeds: tuple[int, ...]) -> str:
    """The line of TOML that declares the seeds."""
    return f"seeds = {list(seeds)}"
