"""CONFIRMED, FAILED or INCONCLUSIVE: declared thresholds against intervals, never against point estimates.

Compared with point estimates, a true zero is confirmed 23-39 % of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from campaign.analysis.comparison import Comparison
from campaign.analysis.reasons import counted, interval, number

Outcome = Literal["CONFIRMED", "FAILED", "INCONCLUSIVE"]
Side = Literal["above", "below", "open"]
"""Where an interval lies against its threshold; `open` when it holds the threshold, or there is none yet."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """One declared threshold and the interval that was held against it; above is the claimed direction."""

    label: str
    metric: str
    effect: float | None
    """Turned so that above 0 is what was claimed."""
    lower: float | None
    upper: float | None
    level: float
    threshold: float
    side: Side
    words: str


@dataclass(frozen=True, slots=True)
class Minimum:
    """One declared minimum of evidence."""

    label: str
    needed: float
    there: float
    met: bool
    words: str


def against(comparison: Comparison, threshold: float, label: str) -> Threshold:
    """Holds a comparison's simultaneous interval against a threshold."""
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
        _words(comparison, label, side, threshold, lower, upper),
    )


def minimum(label: str, needed: int, there: int, unit: str) -> Minimum:
    words = f"{counted(there, unit)}, and the declared minimum is {needed}"
    return Minimum(label, needed, there, there >= needed, words)


def outcome(thresholds: Sequence[Threshold], minima: Sequence[Minimum], guard_holds: bool) -> Outcome:
    """FAILED if any interval lies below its threshold; CONFIRMED if all lie above, the minima hold and the
    exact guard agrees; else INCONCLUSIVE."""
    if any(row.side == "below" for row in thresholds):
        return "FAILED"
    above = bool(thresholds) and all(row.side == "above" for row in thresholds)
    if above and guard_holds and all(row.met for row in minima):
        return "CONFIRMED"
    return "INCONCLUSIVE"


def _words(
    comparison: Comparison, label: str, side: Side, threshold: float, lower: float | None, upper: float | None
) -> str:
    if comparison.withheld:
        return f"{label}: not tested yet"
    if lower is None and upper is None:
        return f"{label}: there is no bounded interval"
    said = interval(lower, upper)
    turned = "improvement" if comparison.design.direction == "higher" else "improvement (a fall)"
    relation = {
        "above": f"lies wholly above {number(threshold)}",
        "below": f"lies wholly below {number(threshold)}",
        "open": f"holds {number(threshold)}",
    }[side]
    return f"{label}: the interval of the {turned} in {comparison.metric}, {said}, {relation}"
