"""Factors of a 2 x 2 design: main effects and the interaction, seed by seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from campaign.analysis.samples import Differences, SeedSample, contrast


@dataclass(frozen=True, slots=True)
class TwoByTwo:
    """The four cells; the first of each factor is its reference level."""

    neither: str
    first: str
    second: str
    both: str

    @property
    def interaction(self) -> dict[str, float]:
        """Weights of the interaction, as a hypothesis' `contrast` takes them: what both factors do together
        beyond what each does alone."""
        return {self.both: 1.0, self.first: -1.0, self.second: -1.0, self.neither: 1.0}

    @property
    def first_effect(self) -> dict[str, float]:
        """Weights of the first factor's mean effect over the levels of the second."""
        return {self.both: 0.5, self.first: 0.5, self.second: -0.5, self.neither: -0.5}

    @property
    def second_effect(self) -> dict[str, float]:
        """Weights of the second factor's mean effect over the levels of the first."""
        return {self.both: 0.5, self.second: 0.5, self.first: -0.5, self.neither: -0.5}


def interaction(samples: Mapping[str, SeedSample], design: TwoByTwo) -> Differences:
    """(both - second) - (first - neither) for each seed that has all four runs."""
    weights = [(samples[label], weight) for label, weight in design.interaction.items()]
    label = f"({design.both} - {design.second}) - ({design.first} - {design.neither})"
    return contrast(weights, label)


def find_two_by_two(conditions: Sequence[str]) -> TwoByTwo | None:
    """The design behind four labels of the form `a+b`, in their order; None when there is none."""
    parts = [tuple(label.split("+", 1)) for label in conditions]
    if len(parts) != 4 or any(len(part) != 2 for part in parts):
        return None
    firsts, seconds = (list(dict.fromkeys(part[axis] for part in parts)) for axis in (0, 1))
    cells = [f"{first}+{second}" for first in firsts for second in seconds]
    if len(firsts) != 2 or len(seconds) != 2 or set(cells) != set(conditions):
        return None
    neither, second, first, both = cells
    return TwoByTwo(neither, first, second, both)
