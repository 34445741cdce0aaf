"""Adding seeds after a look, and whether the error rate is still controlled then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from campaign.analysis.attainability import p_text
from campaign.spec.hypotheses import Extension, Frozen

ErrorRate = Literal["open", "declared", "combined", "exploratory"]
"""open: nothing is frozen yet, so the design may change freely. declared: the new number is a declared look.
combined: an adaptive extension from a declared look; the stages are combined with the declared weights.
exploratory: the error rate is no longer controlled, and every verdict is marked exploratory."""


@dataclass(frozen=True, slots=True)
class Extended:
    """The extended seeds and the effect on the error rate."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    kept: ErrorRate
    words: str
    record: Extension | None = None
    """The extension to write into the frozen record before the new runs start; None when there is none."""


def extend(seeds: Sequence[int], frozen: Frozen | None, to: int | None = None) -> Extended:
    """Doubles the seeds, or extends them to `to`. Raises ValueError when that adds no seed."""
    before = tuple(seeds)
    target = 2 * len(before) if to is None else to
    if target <= len(before):
        raise ValueError(f"{target} seeds are not more than the current {len(before)}")
    after = (*before, *_new_seeds(before, target - len(before)))
    kept, words = _error_rate(len(before), target, frozen)
    record = Extension(at=len(before), to=target) if kept == "combined" else None
    return Extended(before, after, kept, words, record)


def _new_seeds(seeds: Sequence[int], count: int) -> tuple[int, ...]:
    """`count` unused seeds, deterministically: the integers after the largest, wrapping to 0 at 2**31."""
    used = set(seeds)
    new: list[int] = []
    candidate = max(seeds, default=-1) + 1
    while len(new) < count:
        candidate = 0 if candidate >= 2**31 else candidate
        if candidate not in used:
            used.add(candidate)
            new.append(candidate)
        candidate += 1
    return tuple(new)


def _error_rate(before: int, after: int, frozen: Frozen | None) -> tuple[ErrorRate, str]:
    if frozen is None:
        return (
            "open",
            "nothing has been submitted yet, so the design may still change; the error rate is not affected",
        )
    looks = frozen.looks
    if after in looks and (before in looks or before < looks[0]):
        return (
            "declared",
            f"{after} seeds are look {looks.index(after) + 1} of {len(looks)}, so the error rate holds",
        )
    if before in looks[:-1]:
        return _adaptive_extension(before, after, frozen)
    why = f"the last look was at {looks[-1]}" if looks else "no looks were declared"
    return "exploratory", (
        f"{why}: testing again at {after} seeds has an error rate above {p_text(0.05)} (8.5 % after one "
        "doubling), so every verdict will be marked exploratory. Declare `looks` before the first submit"
    )


def _adaptive_extension(before: int, after: int, frozen: Frozen) -> tuple[ErrorRate, str]:
    """From a declared look to an undeclared number of seeds: valid once, and for paired tests only.

    The inverse normal combination keeps the error rate for any choice of the second stage's length, because its
    weights were declared (Lehmacher and Wassmer, Biometrics 1999). A second extension from the same look
    would choose between two second stages.
    """
    if any(extension.at == before for extension in frozen.extensions):
        return (
            "exploratory",
            f"the campaign was already extended once at {before} seeds, "
            "and the combination allows one extension",
        )
    unpaired = [hypothesis.name for hypothesis in frozen.hypotheses if hypothesis.test == "welch"]
    if unpaired and len(unpaired) == len(frozen.hypotheses):
        return (
            "exploratory",
            f"{after} seeds are not a declared look, and stages can be combined for paired tests only",
        )
    exception = (
        ". Stages can be combined for paired tests only, so this will be marked exploratory: "
        f"{', '.join(unpaired)}"
        if unpaired
        else ""
    )
    return "combined", (
        f"{after} seeds are not a declared look, but {before} are: the new seeds form a separate stage "
        "that is combined with the first by the declared weights (inverse normal), so the error rate holds. "
        f"This is recorded before the new runs start{exception}"
    )
