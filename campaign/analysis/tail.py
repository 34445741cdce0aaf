"""The end of a run, whose mean is its value where it was never evaluated."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import fmean


def tail_window(length: int, window: int | None = None) -> int:
    """Number of final steps that form the end of a run of `length` steps."""
    return window if window is not None else max(5, length // 10)


def tail_start(length: int, window: int | None = None) -> int:
    """The first step of the end of a run of `length` steps: steps are counted, not rows."""
    return length - tail_window(length, window)


def tail_mean(values: Iterable[float]) -> float:
    """The mean of the finite values at the end, summed exactly, so that everyone who computes it gets the same bits.
    Infinite when the sum leaves the range of a double."""
    try:
        return fmean(values)
    except OverflowError:
        return math.inf
