"""The litmus: CONFIRMED, FAILED or INCONCLUSIVE, by comparing confidence intervals with declared thresholds.

Point estimates are never compared with thresholds: that would confirm a true effect of zero in 23-39 % of
cases. One rule holds in both directions: CONFIRMED and FAILED need the same evidence, so that swapping the two
conditions of a comparison with zero cannot turn INCONCLUSIVE into a verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from campaign.analysis.condition_comparison import Comparison
from campaign.analysis.reasons import counted, interval, number, p_is
from campaign.analysis.samples import Differences
from campaign.analysis.significance import sign_flip

Litmus = Literal["CONFIRMED", "FAILED", "INCONCLUSIVE"]
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
    sign_flip_p: float | None
    """p-value of the exact sign-flip test of this threshold; None for Welch's test, and while nothing is tested."""
    agrees: bool
    """Whether the interval lies on one side and the sign-flip test, where there is one, rejects the threshold."""
    words: str


@dataclass(frozen=True, slots=True)
class Minimum:
    """One minimum amount of evidence."""

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
    p = _sign_flip_p(comparison, threshold)
    agrees = side != "open" and (p is None or p < comparison.design.alpha)
    words = _sentence(comparison, label, side, threshold, lower, upper)
    if side != "open" and p is not None and not agrees:
        words += f", but the exact sign-flip test does not reject {number(threshold)} ({p_is(p)})"
    return Threshold(
        label,
        comparison.metric,
        effect,
        lower,
        upper,
        comparison.simultaneous_level,
        threshold,
        side,
        p,
        agrees,
        words,
    )


def _sign_flip_p(comparison: Comparison, threshold: float) -> float | None:
    """The p-value of the sign-flip test of the improvements against the threshold.

    The test that guards a threshold is that of the threshold: against 0, it would let an interval pass that only
    normality puts beyond a positive threshold, and would hold back one that lies below it around 0.
    """
    if comparison.sign_flip is None or not threshold:
        return comparison.sign_flip.p if comparison.sign_flip is not None else None
    values = {seed: comparison.sign * d - threshold for seed, d in comparison.differences.items()}
    return sign_flip(Differences(comparison.label, values)).p


def minimum(label: str, needed: int, available: int, unit: str) -> Minimum:
    words = f"{counted(available, unit)}; the minimum is {needed}"
    return Minimum(label, needed, available, available >= needed, words)


def litmus(thresholds: Sequence[Threshold], minima: Sequence[Minimum]) -> Litmus:
    """INCONCLUSIVE below the minima of evidence; else FAILED if any interval lies below its threshold, CONFIRMED if
    all lie above, and INCONCLUSIVE otherwise. An interval counts only where the exact sign-flip test agrees.

    Requiring several intervals to lie above is an intersection-union test: each at level alpha, all together
    at alpha, without adjustment (Berger, Technometrics 1982).
    """
    if not all(row.met for row in minima):
        return "INCONCLUSIVE"
    if any(row.side == "below" and row.agrees for row in thresholds):
        return "FAILED"
    if thresholds and all(row.side == "above" and row.agrees for row in thresholds):
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
