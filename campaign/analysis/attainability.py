"""What so many seeds can show at all. Plain arithmetic: a plan asks before anything heavy is imported."""

from __future__ import annotations

from math import comb

MIN_PAIRS = 6
"""The fewest pairs for which a recommendation is given: with 6, a two-sided exact test reaches .031."""


def attainable(n_pairs: int) -> float:
    """The smallest two-sided p that an exact sign-flip test of `n_pairs` pairs can give: 2 / 2**n."""
    return min(1.0, 2.0 * 0.5**n_pairs) if n_pairs > 0 else 1.0


def attainable_unpaired(n_first: int, n_second: int | None = None) -> float:
    """The smallest two-sided p of an exact permutation test of two groups: 2 / C(n1 + n2, n1)."""
    n_second = n_first if n_second is None else n_second
    if min(n_first, n_second) < 1:
        return 1.0
    return min(1.0, 2.0 / comb(n_first + n_second, n_first))


def least_pairs(alpha: float = 0.05) -> int:
    """The fewest pairs with which an exact two-sided test can fall below `alpha`.

    Raises ValueError for alpha <= 0.
    """
    if not alpha > 0.0:
        raise ValueError(f"alpha must be above 0: {alpha}")
    n = 1
    while attainable(n) >= alpha:
        n += 1
    return n


def attainable_words(n_pairs: int, alpha: float = 0.05) -> str:
    """What so many seeds can reach, as a sentence for a plan."""
    least = max(MIN_PAIRS, least_pairs(alpha))
    smallest = attainable(n_pairs)
    seeds = f"{n_pairs} seed" + ("" if n_pairs == 1 else "s")
    if smallest >= alpha:
        return (
            f"{seeds}: no exact test can reach {p_text(alpha)} (the smallest p is {p_text(smallest)}); "
            f"{least} are the least"
        )
    if n_pairs < least:
        return f"{seeds}: an exact test can reach {p_text(smallest)}, but a recommendation needs {least}"
    return f"{seeds}: an exact test can reach {p_text(smallest)}"


def p_text(p: float) -> str:
    """A probability as papers print it: no zero before the point, two significant digits or more."""
    if p >= 0.9995:
        return "1"
    if p < 0.0001:
        return "<.0001" if p > 0 else "0"
    digits = 4 if p < 0.01 else 3
    text = f"{p:.{digits}f}".rstrip("0")
    return text.removeprefix("0") if text not in ("0.", "") else "0"
