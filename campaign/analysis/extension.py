"""More seeds after a look: what that does to the error rate, decided before the new runs begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from campaign.analysis.attainability import p_text
from campaign.spec.hypotheses import Extension, Frozen

Kept = Literal["open", "declared", "combined", "exploratory"]
"""open: nothing is frozen yet, this is still the design. declared: the new number is a declared look.
combined: an adaptive extension from a declared look; the stages are combined with the declared weights.
exploratory: the error rate is lost, and every output will say so."""


@dataclass(frozen=True, slots=True)
class Extended:
    """The seeds afterwards and what becomes of the error rate."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    kept: Kept
    words: str
    record: Extension | None = None
    """To be written into the frozen record before the new runs begin; None when there is nothing to write."""


def extend(seeds: Sequence[int], frozen: Frozen | None, to: int | None = None) -> Extended:
    """Doubles the seeds, or goes to `to`. Raises ValueError when that adds none."""
    before = tuple(seeds)
    target = 2 * len(before) if to is None else to
    if target <= len(before):
        raise ValueError(f"{target} seeds are not more than the {len(before)} that are there")
    after = (*before, *_fresh(before, target - len(before)))
    kept, words = _kept(len(before), target, frozen)
    record = Extension(at=len(before), to=target) if kept == "combined" else None
    return Extended(before, after, kept, words, record)


def _fresh(seeds: Sequence[int], count: int) -> tuple[int, ...]:
    """New seeds, the same every time: the whole numbers after the largest, from 0 when that overflows."""
    taken = set(seeds)
    fresh: list[int] = []
    candidate = max(seeds, default=-1) + 1
    while len(fresh) < count:
        candidate = 0 if candidate >= 2**31 else candidate
        if candidate not in taken:
            taken.add(candidate)
            fresh.append(candidate)
        candidate += 1
    return tuple(fresh)


def _kept(before: int, after: int, frozen: Frozen | None) -> tuple[Kept, str]:
    if frozen is None:
        return "open", "nothing was submitted yet, so this is still the design: the error rate is untouched"
    looks = frozen.looks
    if after in looks and (before in looks or before < looks[0]):
        return (
            "declared",
            f"{after} seeds are look {looks.index(after) + 1} of {len(looks)}: the error rate holds",
        )
    if before in looks[:-1]:
        if any(extension.at == before for extension in frozen.extensions):
            return (
                "exploratory",
                f"it was extended at {before} seeds before; once is what the combination allows",
            )
        unpaired = [hypothesis.name for hypothesis in frozen.hypotheses if hypothesis.test == "welch"]
        if unpaired and len(unpaired) == len(frozen.hypotheses):
            return (
                "exploratory",
                f"{after} seeds are no declared look, and stages are combined for pairs only",
            )
        but = (
            f". Stages are combined for pairs only, so this will be marked exploratory: {', '.join(unpaired)}"
            if unpaired
            else ""
        )
        return "combined", (
            f"{after} seeds are no declared look, but {before} are: the new seeds are a stage of their own, "
            "combined with the first by the declared weights (inverse normal), so the error rate holds. "
            f"This is recorded before they run{but}"
        )
    why = f"the last look was at {looks[-1]}" if looks else "no looks were declared"
    return "exploratory", (
        f"{why}: testing again at {after} seeds has an error rate above {p_text(0.05)} (8.5 % after one "
        "doubling), so every verdict will be marked exploratory. Declare `looks` before the first submit"
    )
