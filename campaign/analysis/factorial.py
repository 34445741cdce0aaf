"""2 x 2 factorial designs: main effects and interaction as contrasts, computed per seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    weights = [(samples[label], weight) for label, weight in design.interaction.items()]
    label = f"({design.both} - {design.second}) - ({design.first} - {design.neither})"
    return contrast(weights, label)


def find_two_by_two(conditions: Sequence[str]) -> TwoByTwo | None:
    """The 2 x 2 design of four labels of the form `a+b`, levels in order of appearance; None if there is none."""
    if len(conditions) != 4 or not all("+" in label for label in conditions):
        return None
    pairs = [label.split("+", 1) for label in conditions]
    firsts, seconds = (list(dict.fromkeys(levels)) for levels in zip(*pairs, strict=True))
    cells = [f"{first}+{second}" for first in firsts for second in seconds]
    if len(firsts) != 2 or len(seconds) != 2 or set(cells) != set(conditions):
        return None
    neither, second, first, both = cells
    return TwoByTwo(neither, first, second, both)
