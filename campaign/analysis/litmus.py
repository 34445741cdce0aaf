"""The litmus: CONFIRMED, FAILED or INCONCLUSIVE, by comparing confidence intervals with declared thresholds.

Point estimates are never compared with thresholds: that would confirm a true effect of zero in 23-39 % of
cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from campaign.analysis.condition_comparison import Comparison
from campaign.analysis.reasons import counted, interval, number

Outcome = Literal["CONFIRMED", "FAILED", "INCONCLUSIVE"]
Side = Literal["above", "below", "open"]
"""Position of an interval relative to its threshold; `open` when it contains the threshold, or there is
none."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """One declared threshold and the interval compared with it; `above` is the claimed direction."""

    label: str
    metric: str
    effect: float | None
    """With the sign that makes the claimed direction positive."""
    lower: float | None
    upper: float | None
    level: float
    threshold: float
    side: Side
    words: str


@dataclass(frozen=True, slots=True)
class Minimum:
    """One declared minimum amount of evidence."""

    label: str
    needed: float
    there: float
    met: bool
    words: str


def against(comparison: Comparison, threshold: float, label: str) -> Threshold:
    """Compares a comparison's simultaneous interval with a threshold."""
    effect, lower, upper = comparison.improvement
    side: Side = "open"
    if lower is not None and lower > threshold:
        side = "above"
    elif upper is not None and upper < threshold:
        side = "below"
    return Threshold(
        label,
        comparison.metric,
        effect,
        lower,
        upper,
        comparison.simultaneous_level,
        threshold,
        side,
        _sentence(comparison, label, side, threshold, lower, upper),
    )


def minimum(label: str, needed: int, available: int, unit: str) -> Minimum:
    words = f"{counted(available, unit)}; the declared minimum is {needed}"
    return Minimum(label, needed, available, available >= needed, words)


def outcome(thresholds: Sequence[Threshold], minima: Sequence[Minimum], guard_holds: bool) -> Outcome:
    """FAILED if any interval lies below its threshold; CONFIRMED if all lie above, the minima are met and the
    exact sign-flip test agrees; INCONCLUSIVE otherwise.

    Requiring several intervals to lie above is an intersection-union test: each at level alpha, all together
    at alpha, without adjustment (Berger, Technometrics 1982).
    """
    if any(row.side == "below" for row in thresholds):
        return "FAILED"
    above = bool(thresholds) and all(row.side == "above" for row in thresholds)
    if above and guard_holds and all(row.met for row in minima):
        return "CONFIRMED"
    return "INCONCLUSIVE"


def _sentence(
    comparison: Comparison, label: str, side: Side, threshold: float, lower: float | None, upper: float | None
) -> str:
    if comparison.withheld:
        return f"{label}: not tested yet"
    if lower is None and upper is None:
        return f"{label}: the interval is unbounded"
    quantity = "improvement" if comparison.design.direction == "higher" else "improvement (decrease)"
    relation = {
        "above": f"lies entirely above {number(threshold)}",
        "below": f"lies entirely below {number(threshold)}",
        "open": f"contains {number(threshold)}",
    }[side]
    limits = interval(lower, upper)
    return f"{label}: the interval of the {quantity} in {comparison.metric}, {limits}, {relation}"
