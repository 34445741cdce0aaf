"""Per-run samples: one value per run, the only input that the tests accept.

The run is the experimental unit, not the step and not the completion. Pooling steps or completions over seeds
is pseudoreplication (Hurlbert, Ecological Monographs 1984): it gives 11-69 % false positives at a nominal 5 %
(`docs/verdicts.md`), and more seeds do not help. `SeedSample` and `Differences` therefore map each seed to
one value, and the tests take nothing else.
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
    """One value per run of one condition.

    Raises TypeError for anything else, such as an array of steps, and ValueError for a value that is not
    finite; a run without a finite value belongs in `missing`.
    """

    condition: str
    values: Mapping[int, float]
    """Seed -> the value of the run."""
    metric: str = ""
    summary: str = ""
    """How the run was summarised, as a phrase."""
    missing: Mapping[int, str] = field(default_factory=dict)
    """Seed -> why it has no value."""

    def __post_init__(self) -> None:
        if not isinstance(self.values, Mapping):
            raise TypeError(
                f"a SeedSample maps each seed to one value, "
                f"so it cannot be made from {type(self.values).__name__}. "
                "Steps and completions of a run are not independent: summarise each run first"
            )
        for seed, value in self.values.items():
            _check_value(seed, value, self.condition)
        both = self.values.keys() & self.missing.keys()
        if both:
            raise ValueError(f"{self.condition}: seeds {sorted(both)} are both in `values` and in `missing`")

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
        """The sample restricted to `seeds`, in that order."""
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
    """One difference or contrast per complete seed. Created by `pair` and `contrast`."""

    label: str
    """The difference as a formula, for example ``maxrl - grpo``."""
    values: Mapping[int, float]
    """Seed -> difference."""
    dropped: Mapping[int, str] = field(default_factory=dict)
    """Seed -> why it is excluded."""
    scale: float = 0.0
    """Largest absolute value that was subtracted; differences far below it are rounding errors."""
    correlation: float = float("nan")
    """Pearson correlation of the two conditions over seeds; NaN when it is undefined."""

    def __post_init__(self) -> None:
        if not isinstance(self.values, Mapping):
            raise TypeError(
                f"Differences map each seed to one value, "
                f"so they cannot be made from {type(self.values).__name__}. "
                "Create them with `pair` from two SeedSamples"
            )
        for seed, value in self.values.items():
            _check_value(seed, value, self.label)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(self.values)

    @property
    def array(self) -> PerSeed:
        return PerSeed(np.array(list(self.values.values()), dtype=np.float64))

    def only(self, seeds: Sequence[int]) -> Differences:
        """The differences restricted to `seeds`, in that order."""
        return Differences(
            self.label,
            {seed: self.values[seed] for seed in seeds if seed in self.values},
            {seed: self.dropped[seed] for seed in seeds if seed in self.dropped},
            self.scale,
            self.correlation,
        )


def pair(baseline: SeedSample, candidate: SeedSample) -> Differences:
    """candidate - baseline for each seed that both have; the others are dropped, with the reason."""
    _check_same_metric((baseline, candidate))
    label = f"{candidate.condition} - {baseline.condition}"
    differences = contrast(((candidate, 1.0), (baseline, -1.0)), label)
    a = baseline.only(differences.seeds).array
    b = candidate.only(differences.seeds).array
    return Differences(label, differences.values, differences.dropped, differences.scale, _correlation(a, b))


def contrast(weights: Sequence[tuple[SeedSample, float]], label: str) -> Differences:
    """The weighted sum over conditions, for each seed that all of them have.

    With weights +1, -1, -1, +1 on the cells of a 2 x 2 design this is the interaction.
    """
    samples = [sample for sample, _ in weights]
    _check_same_metric(samples)
    seeds = list(dict.fromkeys(seed for sample in samples for seed in (*sample.seeds, *sample.missing)))
    dropped = {seed: reason for seed in seeds if (reason := _missing_in(samples, seed))}
    values = {
        seed: float(sum(weight * sample.values[seed] for sample, weight in weights))
        for seed in seeds
        if seed not in dropped
    }
    scale = max((abs(sample.values[seed]) for sample in samples for seed in values), default=0.0)
    return Differences(label, values, dropped, scale)


def _missing_in(samples: Sequence[SeedSample], seed: int) -> str:
    """Which samples have no value for this seed, and why; empty when all have one."""
    return "; ".join(
        f"{sample.condition}: {sample.missing.get(seed, 'has no such run')}"
        for sample in samples
        if seed not in sample.values
    )


def _check_same_metric(samples: Sequence[SeedSample]) -> None:
    for sample in samples:
        if not isinstance(sample, SeedSample):
            raise TypeError(f"a test takes SeedSample, one value per run, not {type(sample).__name__}")
    kinds = {(sample.metric, sample.summary) for sample in samples}
    if len(kinds) > 1:
        raise ValueError(f"samples of different metrics or summaries cannot be compared: {sorted(kinds)}")


def _check_value(seed: object, value: object, label: str) -> None:
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise TypeError(f"{label}: a seed must be an integer, not {seed!r}")
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(
            f"{label}, seed {seed}: the value must be one number per run, not {type(value).__name__}"
        )
    if not isfinite(value):
        raise ValueError(
            f"{label}, seed {seed}: {value} is not finite; put a run without a finite value in `missing`"
        )


def _correlation(a: PerSeed, b: PerSeed) -> float:
    if len(a) < 3:
        return float("nan")
    if not np.any(a) or not np.any(b):
        return float("nan")
    # Scaled to a maximum of 1, so that the products below neither overflow nor underflow.
    a, b = PerSeed(a / np.max(np.abs(a))), PerSeed(b / np.max(np.abs(b)))
    a_deviation, b_deviation = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a_deviation @ a_deviation) * (b_deviation @ b_deviation)))
    return float(a_deviation @ b_deviation) / size if size > 1e-12 * len(a) else float("nan")
