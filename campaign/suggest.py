"""Suggestions for misspelt names: the only "did you mean" of the project, with one cut-off and one wording."""

from __future__ import annotations

from collections.abc import Iterable

CUTOFF = 0.6
"""Least similarity (`difflib`'s ratio, 0 to 1) of a name that is suggested. Typing errors reach it in names of
three letters and more (`bas`, `base`), and so does a word left out (`steps`, `max_steps`)."""

MOST_LISTED = 20
"""Legal names that a message lists when none is similar."""


def closest(name: str, candidates: Iterable[str], cutoff: float = CUTOFF) -> str | None:
    """The candidate most similar to `name`; None when none is similar enough.

    Case is ignored, and `-` and `_` count as the same character.
    """
    from difflib import get_close_matches  # needed only once something is wrong

    by_folded = {_folded(candidate): candidate for candidate in sorted(candidates)}
    matches = get_close_matches(_folded(name), list(by_folded), n=1, cutoff=cutoff)
    return by_folded[matches[0]] if matches else None


def did_you_mean(name: str, candidates: Iterable[str], *, before: str = "") -> str:
    """The question "did you mean `x`?" with `before` in front of it; empty when no candidate is similar."""
    match = closest(name, candidates)
    return f"{before}did you mean `{match}`?" if match is not None else ""


def suggest(name: str, candidates: Iterable[str], heading: str) -> str:
    """The question of `did_you_mean`; when no candidate is similar, `heading` and the list of them."""
    candidates = list(candidates)
    return did_you_mean(name, candidates) or listed(candidates, heading)


def listed(names: Iterable[str], heading: str, most: int = MOST_LISTED) -> str:
    """`heading: a, b, c and 5 more`."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{heading}: {', '.join(names[:most]) or 'none'}{more}"


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")
