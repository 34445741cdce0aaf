"""One number per run: the only thing that a test accepts.

The run is the unit of evidence, not the step and not the completion. Pooling either over seeds gives 34-77 %
false positives at a nominal 5 %, and more seeds do not help. So a `SeedSample` maps a seed to one number, a
`Differences` holds one number for each seed, and the tests take nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from numbers import Real
from typing import final

import numpy as np

from campaign.analysis.kernels import PerSeed, spread


@final
@dataclass(frozen=True, slots=True)
class SeedSample:
    """One number for each run of one condition. Raises TypeError for anything that is not, such as an array
    of steps, and ValueError for a number that is not finite (that is a `missing` seed)."""

    condition: str
    values: Mapping[int, float]
    """Seed -> the run's one number."""
    metric: str = ""
    summary: str = ""
    """How the run became a number, in words."""
    missing: Mapping[int, str] = field(default_factory=dict)
    """Seed -> why it has no number."""

    def __post_init__(self) -> None:
        if not isinstance(self.values, Mapping):
            raise TypeError(
                f"a SeedSample maps each seed to one number; {type(self.values).__name__} does not. "
                "Steps and completions of a run are not independent: summarise each run first"
            )
        for seed, value in self.values.items():
            _one_number(seed, value, self.condition)
        both = self.values.keys() & self.missing.keys()
        if both:
            raise ValueError(f"{self.condition}: seeds {sorted(both)} both have a number and miss one")

    def __len__(self) -> int:
        return len(self.values)

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(self.values)

    @property
    def array(self) -> PerSeed:
        return PerSeed(np.array(list(self.values.values()), dtype=np.float64))

    @property
    def mean(self) -> float:
        return float(np.mean(self.array)) if self.values else float("nan")

    @property
    def sd(self) -> float:
        return float(spread(self.array)) if len(self.values) > 1 else float("nan")

    def only(self, seeds: Sequence[int]) -> SeedSample:
        """The same for some seeds, in that order."""
        return SeedSample(
            self.condition,
            {seed: self.values[seed] for seed in seeds if seed in self.values},
            self.metric,
            self.summary,
            {seed: self.missing[seed] for seed in seeds if seed in self.missing},
        )


@final
@dataclass(frozen=True, slots=True)
class Differences:
    """One difference (or contrast) for each seed that is complete: made by `pair` and `contrast`."""

    label: str
    """What is subtracted from what, for example ``maxrl - grpo``."""
    values: Mapping[int, float]
    """Seed -> difference."""
    dropped: Mapping[int, str] = field(default_factory=dict)
    """Seed -> why it could not be used."""
    scale: float = 0.0
    """Size of the numbers that were subtracted: differences far below it are rounding."""
    correlation: float = float("nan")
    """Correlation of the two conditions over seeds; NaN when it has no meaning."""

    def __post_init__(self) -> None:
        if not isinstance(self.values, Mapping):
            raise TypeError(
                f"Differences map each seed to one number; {type(self.values).__name__} does not. "
                "Make them with `pair` from two SeedSamples"
            )
        for seed, value in self.values.items():
            _one_number(seed, value, self.label)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(self.values)

    @property
    def array(self) -> PerSeed:
        return PerSeed(np.array(list(self.values.values()), dtype=np.float64))

    def only(self, seeds: Sequence[int]) -> Differences:
        """The same for some seeds, in that order."""
        return Differences(
            self.label,
            {seed: self.values[seed] for seed in seeds if seed in self.values},
            {seed: self.dropped[seed] for seed in seeds if seed in self.dropped},
            self.scale,
            self.correlation,
        )


def pair(baseline: SeedSample, candidate: SeedSample) -> Differences:
    """candidate - baseline for each seed that both have; the others are named with what they lack."""
    _same_metric((baseline, candidate))
    label = f"{candidate.condition} - {baseline.condition}"
    differences = contrast(((candidate, 1.0), (baseline, -1.0)), label)
    a = baseline.only(differences.seeds).array
    b = candidate.only(differences.seeds).array
    return Differences(label, differences.values, differences.dropped, differences.scale, _correlation(a, b))


def contrast(weights: Sequence[tuple[SeedSample, float]], label: str) -> Differences:
    """The weighted sum over conditions, for each seed that all of them have.

    With weights +1, -1, -1, +1 on the cells of a 2 x 2 design this is the interaction, seed by seed.
    """
    samples = [sample for sample, _ in weights]
    _same_metric(samples)
    seeds = list(dict.fromkeys(seed for sample in samples for seed in (*sample.seeds, *sample.missing)))
    values, dropped = {}, {}
    for seed in seeds:
        lacking = [
            f"{sample.condition}: {sample.missing.get(seed, 'has no such run')}"
            for sample in samples
            if seed not in sample.values
        ]
        if lacking:
            dropped[seed] = "; ".join(lacking)
        else:
            values[seed] = float(sum(weight * sample.values[seed] for sample, weight in weights))
    scale = max((abs(sample.values[seed]) for sample in samples for seed in values), default=0.0)
    return Differences(label, values, dropped, scale)


def _same_metric(samples: Sequence[SeedSample]) -> None:
    for sample in samples:
        if not isinstance(sample, SeedSample):
            raise TypeError(
                f"a test takes SeedSample, one number for each run, and not {type(sample).__name__}"
            )
    kinds = {(sample.metric, sample.summary) for sample in samples}
    if len(kinds) > 1:
        raise ValueError(f"samples of different things cannot be compared: {sorted(kinds)}")


def _one_number(seed: object, value: object, label: str) -> None:
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise TypeError(f"{label}: a seed is a whole number, not {seed!r}")
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{label}, seed {seed}: one number for each run, not {type(value).__name__}")
    if not isfinite(value):
        raise ValueError(f"{label}, seed {seed}: {value} is not finite; a run without a number is `missing`")


def _correlation(a: PerSeed, b: PerSeed) -> float:
    if len(a) < 3:
        return float("nan")
    if not np.any(a) or not np.any(b):
        return float("nan")
    a, b = PerSeed(a / np.max(np.abs(a))), PerSeed(b / np.max(np.abs(b)))
    a_deviation, b_deviation = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a_deviation @ a_deviation) * (b_deviation @ b_deviation)))
    return float(a_deviation @ b_deviation) / size if size > 1e-12 * len(a) else float("nan")
