"""The reasons for a recommendation, as sentences that can be quoted in a paper or a review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from campaign.analysis.attainability import MIN_PAIRS, min_pairs_to_reject, p_text

if TYPE_CHECKING:
    from campaign.analysis.condition_comparison import Comparison


def number(value: float | None, *, signed: bool = False) -> str:
    """A number with about three significant digits, without an exponent between 1e-4 and 1e6."""
    if value is None:
        return "unbounded"
    if value == 0:
        return "0"
    sign, magnitude = "+" if signed else "", abs(value)
    if not 1e-4 <= magnitude < 1e6:
        return f"{value:{sign}.2e}"
    decimals = next((n for n, lower in enumerate((100, 10, 1, 0.1)) if magnitude >= lower), 4)
    return f"{value:{sign}.{decimals}f}"


def interval(lower: float | None, upper: float | None) -> str:
    low = "minus infinity" if lower is None else number(lower, signed=True)
    high = "infinity" if upper is None else number(upper, signed=True)
    return f"{low} to {high}"


def percent(level: float) -> str:
    """A confidence level in per cent, for example `95 %` or `99.17 %`."""
    return f"{level * 100:.2f}".rstrip("0").rstrip(".") + " %"


def p_is(p: float) -> str:
    """A p-value as a relation, for example `p = .031` or `p < .0001`."""
    text = p_text(p)
    return f"p < {text[1:]}" if text.startswith("<") else f"p = {text}"


def evidence(comparison: Comparison) -> str:
    """Effect, confidence interval, number of pairs and p-values, as one clause."""
    sample = counted(
        comparison.n, "pairs" if comparison.test == "paired t" else "runs in the smaller condition"
    )
    if comparison.effect is None:
        return f"{comparison.label} in {comparison.metric}: no seed has a value in every condition"
    text = f"{comparison.label} in {comparison.metric}: {number(comparison.effect, signed=True)}"
    if comparison.p is None:
        return f"{text} over {sample}"
    text += (
        f" ({percent(comparison.level)} confidence interval {interval(comparison.lower, comparison.upper)})"
        f" over {sample}; {comparison.test}, {p_is(comparison.p)}"
    )
    if comparison.look is not None and comparison.p_sequential is not None:
        look = comparison.look
        text += (
            f" at look {look.number} of {look.of}, nominal bound {p_text(look.nominal)}"
            f" (sequential {p_is(comparison.p_sequential)})"
        )
    if comparison.family_size > 1 and comparison.p_adjusted is not None:
        text += f"; Holm-adjusted over {comparison.family_size} comparisons, {p_is(comparison.p_adjusted)}"
    if comparison.sign_flip is not None:
        text += f"; sign-flip test, {p_is(comparison.sign_flip.p)}"
    return text


def recommendation_reason(comparison: Comparison) -> str:
    """The evidence and the reason for the recommendation."""
    clause, alpha = evidence(comparison), p_text(comparison.design.alpha)
    if comparison.recommendation == "statistically_significant_improvement":
        return f"{clause}. All p-values are below {alpha}, and {comparison.candidate.condition} is better."
    if comparison.recommendation == "significant_degradation":
        return f"{clause}. All p-values are below {alpha}, and {comparison.candidate.condition} is worse."
    return f"{clause}. {_insufficiency(comparison)}"


def observed(comparison: Comparison) -> str:
    """The observed direction and size of the effect and the seeds that agree with it, without any claim: for example
    `lower by 0.0330 in all 3 seeds`. Positive is a candidate that is higher than the baseline, whichever is better.
    """
    if comparison.withheld:
        return "not tested yet"
    if comparison.effect is None:
        return "nothing to compare"
    of_a_contrast = comparison.baseline.condition == "0"
    above, below = ("above 0", "below 0") if of_a_contrast else ("higher", "lower")
    size = "no difference"
    if comparison.effect:
        size = f"{above if comparison.effect > 0 else below} by {number(abs(comparison.effect))}"
    if not comparison.differences:
        return f"{size} on average; the runs are not paired by seed"
    return f"{size} {_agreement(tuple(comparison.differences.values()), above, below)}"


def _agreement(differences: tuple[float, ...], above: str, below: str) -> str:
    """In how many seeds the difference has which sign."""
    total = len(differences)
    counts = {above: sum(d > 0 for d in differences), below: sum(d < 0 for d in differences)}
    counts["equal"] = total - sum(counts.values())
    if max(counts.values()) == total:
        return "in the only seed" if total == 1 else f"in all {total} seeds"
    parts = [f"{sign} in {count}" for sign, count in counts.items() if count]
    return f"on average, mixed: {', '.join(parts)} of {total} seeds"


def dropped(comparison: Comparison) -> str:
    """The excluded seeds and the reasons; empty when none is excluded."""
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
    """A count with its noun, for example `1 pair`, `2 pairs` or `1 run in the smaller condition`."""
    return f"{count} {nouns.replace('pairs', 'pair').replace('runs', 'run') if count == 1 else nouns}"


def _insufficiency(comparison: Comparison) -> str:
    """The first reason why the evidence is insufficient."""
    if comparison.withheld:
        return f"Not tested yet: {comparison.withheld}."
    if comparison.n == 0:
        return _nothing_to_compare(comparison)
    if comparison.n == 1:
        return "One seed cannot estimate the variance: with a single pair no p-value is below 1."
    if comparison.lower is None:
        check = (
            "the core uses its seed"
            if comparison.effect
            else "the conditions differ in a way that affects the metric"
        )
        return (
            f"The {comparison.n} differences have no variance, so they carry no information about chance and "
            f"p is 1 by definition. Check that {check}."
        )
    alpha = p_text(comparison.design.alpha)
    needed = max(MIN_PAIRS, min_pairs_to_reject(comparison.design.alpha))
    if comparison.n < MIN_PAIRS:
        return (
            f"Too few seeds: the smallest attainable p of an exact test of {comparison.n} is "
            f"{p_text(comparison.attainable_p)}; at least {needed} are needed."
        )
    if comparison.p_adjusted is None or comparison.p_adjusted >= comparison.design.alpha:
        adjusted = "Holm-adjusted p" if comparison.family_size > 1 else "p"
        return f"{adjusted} is not below {alpha}{_power_clause(comparison)}."
    if comparison.sign_flip is None:
        return "The evidence is not sufficient."
    if comparison.attainable_p >= comparison.design.alpha:
        return (
            f"The exact sign-flip test of {comparison.n} pairs cannot fall below {alpha}; "
            f"at least {needed} are needed."
        )
    return (
        f"The t-test is below {alpha}, but the exact sign-flip test, which does not assume normality, "
        f"is not ({p_is(comparison.sign_flip.p)})."
    )


def _nothing_to_compare(comparison: Comparison) -> str:
    why = dropped(comparison)
    if comparison.baseline.values and comparison.candidate.values:
        why = "the conditions share no seed; if the runs are not paired by seed, use Welch's test"
    return f"There is nothing to compare{': ' + why if why else ''}."


def _power_clause(comparison: Comparison) -> str:
    if comparison.power is None:
        return ""
    needed = comparison.power.seeds_needed
    seeds = f"{needed} seeds" if needed is not None else "more than a million seeds"
    return (
        f"; the power for the declared effect of {number(comparison.power.min_effect)} is "
        f"{p_text(comparison.power.reached)}, and {seeds} would give 80 %"
    )
