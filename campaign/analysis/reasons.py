"""The reasons, in sentences that a reviewer can quote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from campaign.analysis.attainability import MIN_PAIRS, least_pairs, p_text

if TYPE_CHECKING:
    from campaign.analysis.comparison import Comparison


def number(value: float | None, *, signed: bool = False) -> str:
    """Three significant digits or so, without an exponent where one can do without."""
    if value is None:
        return "unbounded"
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e6 or size < 1e-4:
        return f"{value:{'+' if signed else ''}.2e}"
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3 if size >= 0.1 else 4
    return f"{value:{'+' if signed else ''}.{digits}f}"


def interval(lower: float | None, upper: float | None) -> str:
    low = "minus infinity" if lower is None else number(lower, signed=True)
    high = "infinity" if upper is None else number(upper, signed=True)
    return f"{low} to {high}"


def percent(level: float) -> str:
    """A confidence level: `95 %`, `99.17 %`."""
    return f"{level * 100:.2f}".rstrip("0").rstrip(".") + " %"


def p_is(p: float) -> str:
    """`p = .031` or `p < .0001`."""
    text = p_text(p)
    return f"p < {text[1:]}" if text.startswith("<") else f"p = {text}"


def evidence(comparison: Comparison) -> str:
    """The numbers in one clause: effect, interval, pairs, p-values."""
    over = counted(
        comparison.n, "pairs" if comparison.test == "paired t" else "runs in the smaller condition"
    )
    if comparison.effect is None:
        return f"{comparison.label} in {comparison.metric}: no seed has both numbers"
    text = f"{comparison.label} in {comparison.metric}: {number(comparison.effect, signed=True)}"
    if comparison.p is None:
        return f"{text} over {over}"
    text += f" ({percent(comparison.level)} interval {interval(comparison.lower, comparison.upper)})"
    text += f" over {over}; {comparison.test}, {p_is(comparison.p)}"
    if comparison.look is not None and comparison.p_sequential is not None:
        look = comparison.look
        text += (
            f" at look {look.number} of {look.of}, whose bound is {p_text(look.nominal)}"
            f" ({p_is(comparison.p_sequential)} over the looks)"
        )
    if comparison.family_size > 1 and comparison.p_adjusted is not None:
        text += f"; Holm over {comparison.family_size} comparisons, {p_is(comparison.p_adjusted)}"
    if comparison.sign_flip is not None:
        text += f"; sign-flip, {p_is(comparison.sign_flip.p)}"
    return text


def recommendation_reason(comparison: Comparison) -> str:
    """Why the recommendation is what it is."""
    said, alpha = evidence(comparison), p_text(comparison.design.alpha)
    if comparison.recommendation == "statistically_significant_improvement":
        return f"{said}. All are below {alpha}, and {comparison.candidate.condition} is better."
    if comparison.recommendation == "significant_degradation":
        return f"{said}. All are below {alpha}, and {comparison.candidate.condition} is worse."
    return f"{said}. {_lacking(comparison)}"


def dropped(comparison: Comparison) -> str:
    """Which seeds do not count and why; empty when all do."""
    if not comparison.dropped:
        return ""
    seeds_by_reason: dict[str, list[str]] = {}
    for seed, reason in comparison.dropped.items():
        seeds_by_reason.setdefault(reason, []).append(str(seed))
    listed = "; ".join(
        f"seed{'' if len(seeds) == 1 else 's'} {', '.join(seeds)}: {reason}"
        for reason, seeds in seeds_by_reason.items()
    )
    count = len(comparison.dropped)
    return f"{count} seed{'' if count == 1 else 's'} dropped ({listed})"


def counted(count: int, nouns: str) -> str:
    """`1 pair`, `2 pairs`, `1 run in each condition`."""
    return f"{count} {nouns.replace('pairs', 'pair').replace('runs', 'run') if count == 1 else nouns}"


def _lacking(comparison: Comparison) -> str:
    """The first thing that keeps the evidence from being sufficient."""
    alpha = comparison.design.alpha
    if comparison.withheld:
        return f"No test yet: {comparison.withheld}."
    if comparison.n == 0:
        why = dropped(comparison)
        if comparison.baseline.values and comparison.candidate.values:
            why = "the conditions share no seed; if seeds are no pairs, compare them with Welch's test"
        return f"There is nothing to compare{': ' + why if why else ''}."
    if comparison.n == 1:
        return "One seed cannot show how much chance does: with a single pair there is no p-value below 1."
    if comparison.lower is None:
        return (
            f"The {comparison.n} differences do not vary at all, so they carry no information on chance: "
            "p is 1 by definition. Check that the conditions differ in what the metric sees."
        )
    least = max(MIN_PAIRS, least_pairs(alpha))
    if comparison.n < MIN_PAIRS:
        reach = f"an exact test of {comparison.n} cannot fall below {p_text(comparison.attainable_p)}"
        return f"Too few seeds: {reach}, and {least} are the least."
    p = comparison.p_adjusted if comparison.p_adjusted is not None else 1.0
    if p >= alpha:
        adjusted = "Holm's p" if comparison.family_size > 1 else "p"
        return f"{adjusted} is not below {p_text(alpha)}{_power_words(comparison)}."
    guard = comparison.sign_flip
    if guard is not None and comparison.attainable_p >= alpha:
        return (
            f"The exact guard cannot reach {p_text(alpha)} with {comparison.n} pairs; {least} are the least."
        )
    if guard is not None:
        return (
            f"The t-test is below {p_text(alpha)}, but the exact sign-flip guard, which needs no normal "
            f"distribution, is not ({p_is(guard.p)})."
        )
    return "The evidence does not suffice."


def _power_words(comparison: Comparison) -> str:
    if comparison.power is None:
        return ""
    need = comparison.power.seeds_needed
    seeds = f"{need} seeds" if need is not None else "more than a million seeds"
    return (
        f"; the power for the declared effect of {number(comparison.power.min_effect)} is "
        f"{p_text(comparison.power.reached)}, and {seeds} would give 80 %"
    )
