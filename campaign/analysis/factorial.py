"""2 x 2 factorial designs: main effects and interaction as contrasts, computed per seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from campaign.analysis.samples import Differences, SeedSample, contrast


@dataclass(frozen=True, slots=True)
class TwoByTwo:
    """The four cells of a design; the first level of each factor is its reference level."""

    neither: str
    first: str
    second: str
    both: str

    @property
    def interaction(self) -> dict[str, float]:
        """Contrast weights of the interaction, as `Hypothesis.contrast` expects them."""
        return {self.both: 1.0, self.first: -1.0, self.second: -1.0, self.neither: 1.0}

    @property
    def first_effect(self) -> dict[str, float]:
        """Contrast weights of the main effect of the first factor, averaged over the levels of the second."""
        return {self.both: 0.5, self.first: 0.5, self.second: -0.5, self.neither: -0.5}

    @property
    def second_effect(self) -> dict[str, float]:
        """Contrast weights of the main effect of the second factor, averaged over the levels of the first."""
        return {self.both: 0.5, self.second: 0.5, self.first: -0.5, self.neither: -0.5}


def interaction(samples: Mapping[str, SeedSample], design: TwoByTwo) -> Differences:
    """(both - second) - (first - neither) per seed, for the seeds that have all four runs."""
    label = f"({design.both} - {design.second}) - ({design.first} - {design.neither})"
    return effect(samples, design.interaction, label)


def effect(samples: Mapping[str, SeedSample], weights: Mapping[str, float], label: str) -> Differences:
    """A contrast of the design, per seed, for the seeds that have all four runs."""
    return contrast([(samples[name], weight) for name, weight in weights.items()], label)


def find_two_by_two(levels: Mapping[str, tuple[str, str]]) -> TwoByTwo | None:
    """The 2 x 2 design of four conditions, from the levels of two factors that each has, in order of appearance; None
    when they do not cross."""
    cells = {pair: label for label, pair in levels.items()}
    firsts, seconds = (
        (list(dict.fromkeys(column)) for column in zip(*levels.values(), strict=True)) if levels else ([], [])
    )
    if (len(levels), len(cells), len(firsts), len(seconds)) != (4, 4, 2, 2):
        return None
    neither, second, first, both = (cells[a, b] for a in firsts for b in seconds)
    return TwoByTwo(neither, first, second, both)
