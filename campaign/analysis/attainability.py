"""The smallest p-value that an exact test of a given number of seeds can attain.

Standard library only: `campaign plan` calls this module before anything heavy is imported.
"""

from __future__ import annotations

from math import comb

MIN_PAIRS = 6
"""The smallest number of pairs for which a recommendation is made: with 6, an exact test can attain .031."""


def attainable(n_pairs: int) -> float:
    """The smallest two-sided p-value of an exact sign-flip test of `n_pairs` pairs: 2 / 2**n."""
    return min(1.0, 2.0 * 0.5**n_pairs) if n_pairs > 0 else 1.0


def attainable_unpaired(n_first: int, n_second: int | None = None) -> float:
    """The smallest two-sided p-value of an exact permutation test of two groups: 2 / C(n1 + n2, n1)."""
    n_second = n_first if n_second is None else n_second
    if min(n_first, n_second) < 1:
        return 1.0
    return min(1.0, 2.0 / comb(n_first + n_second, n_first))


def min_pairs_to_reject(alpha: float = 0.05) -> int:
    """The smallest number of pairs with which an exact two-sided test can fall below `alpha`.

    Raises ValueError for alpha <= 0.
    """
    if not alpha > 0.0:
        raise ValueError(f"alpha must be greater than 0, not {alpha}")
    n = 1
    while attainable(n) >= alpha:
        n += 1
    return n


def describe_attainable(n_pairs: int, alpha: float = 0.05) -> str:
    """A sentence that says which p-value `n_pairs` seeds can attain."""
    needed = max(MIN_PAIRS, min_pairs_to_reject(alpha))
    smallest = attainable(n_pairs)
    seeds = f"{n_pairs} seed" + ("" if n_pairs == 1 else "s")
    if smallest >= alpha:
        return (
            f"{seeds}: no exact test can fall below {p_text(alpha)} (the smallest attainable p is "
            f"{p_text(smallest)}); at least {needed} seeds are needed"
        )
    if n_pairs < needed:
        return (
            f"{seeds}: the smallest attainable p of an exact test is {p_text(smallest)}, "
            f"but a recommendation needs at least {needed} seeds"
        )
    return f"{seeds}: the smallest attainable p of an exact test is {p_text(smallest)}"


def p_text(p: float) -> str:
    """A p-value in APA style: no zero before the decimal point, three decimals (four below .01)."""
    if p >= 0.9995:
        return "1"
    if p < 0.0001:
        return "<.0001" if p > 0 else "0"
    digits = 4 if p < 0.01 else 3
    text = f"{p:.{digits}f}".rstrip("0")
    return text.removeprefix("0") if text not in ("0.", "") else "0"
