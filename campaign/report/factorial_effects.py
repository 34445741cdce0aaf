"""Main effects and interaction of a 2 x 2 design, described. Only a declared `contrast` is tested."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from campaign.analysis.factorial import effect, find_two_by_two
from campaign.analysis.kernels import t_interval
from campaign.analysis.reasons import interval
from campaign.analysis.samples import SeedSample
from campaign.report.contents import Contents

LEVEL = 0.95
ABOUT = (
    "The conditions cross two fields. Effects are computed within each seed, with 95 % intervals for each alone. They are "
    "descriptive; a hypothesis with the weights of the interaction as its contrast, declared before the runs, is tested."
)


@dataclass(frozen=True, slots=True)
class FactorialEffect:
    """One effect of a 2 x 2 design, in the report's metric."""

    name: str
    formula: str
    """The effect as a formula over conditions."""
    mean: float | None
    low: float | None
    """Limits of its 95 % confidence interval; None while runs are unfinished, or without variance."""
    high: float | None
    seeds: int


def factorial_effects(contents: Contents) -> tuple[FactorialEffect, ...]:
    """Both main effects and the interaction; none unless four conditions cross two fields of two values each."""
    record, fields = contents.record, contents.differences
    if len(fields) != 2:
        return ()
    first, second = fields
    levels = dict(zip(record.conditions, zip(first.values, second.values, strict=True), strict=True))
    design = find_two_by_two(levels)
    if design is None:
        return ()
    samples = {label: SeedSample(label, contents.final_values.of(label)) for label in record.conditions}
    both, neither = levels[design.both], levels[design.neither]
    named = (
        (f"{first.path}: {both[0]} instead of {neither[0]}", design.first_effect),
        (f"{second.path}: {both[1]} instead of {neither[1]}", design.second_effect),
        ("interaction", design.interaction),
    )
    return tuple(_described(name, weights, samples, final=record.complete) for name, weights in named)


def effect_interval(shown: FactorialEffect) -> str:
    """The interval as text; empty when there is none."""
    return "" if shown.low is None or shown.high is None else interval(shown.low, shown.high)


def _described(
    name: str, weights: dict[str, float], samples: dict[str, SeedSample], *, final: bool
) -> FactorialEffect:
    formula = " ".join(f"{weight:+g} ({label})" for label, weight in weights.items())
    found = effect(samples, weights, name)
    low = high = None
    if final and len(found) > 1:
        limits = [float(limit) for limit in t_interval(found.array, LEVEL, found.scale)]
        low, high = limits if all(map(isfinite, limits)) else (None, None)
    mean = float(found.array.mean()) if len(found) else None
    return FactorialEffect(name, formula, mean, low, high, len(found))
