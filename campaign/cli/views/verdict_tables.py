"""Verdicts in a terminal of at least 60 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from campaign.analysis.attainability import p_text
from campaign.analysis.reasons import counted, interval, number, p_is, percent

if TYPE_CHECKING:
    from campaign.analysis.condition_comparison import Comparison
    from campaign.analysis.descriptive import Rates
    from campaign.analysis.litmus import Threshold
    from campaign.analysis.verdict import Verdict

_STYLE = {
    "CONFIRMED": "bold green",
    "FAILED": "bold red",
    "INCONCLUSIVE": "bold yellow",
    "EXPLORATORY": "bold",
}
_SIDE = {"above": "green", "below": "red", "open": "yellow"}


def show(results: Sequence[Verdict], console: Console) -> None:
    """One block per verdict: the outcome, its numbers, its thresholds, the reason in words."""
    for index, verdict in enumerate(results):
        if index:
            console.print()
        console.print(Text.assemble((verdict.label, _STYLE[verdict.outcome]), "  ", verdict.hypothesis))
        if verdict.confound:
            console.print(Text(f"confounded: {verdict.confound}", style="bold red"))
        console.print(_numbers(verdict))
        console.print(_thresholds(verdict))
        for row in verdict.minima:
            console.print(
                Text(f"{'met' if row.met else 'not met'}: {row.words}", style="" if row.met else "yellow")
            )
        console.print(Text(verdict.reason))
        for note in verdict.notes:
            console.print(Text(f"note: {note}", style="dim"))
        if verdict.descriptive is not None:
            console.print(Text(_completions(verdict.comparison, verdict.descriptive), style="dim"))


def _completions(comparison: Comparison, rates: Rates) -> str:
    """The rates over completions. They come last and are marked as descriptive: no verdict depends on them."""
    arms = (
        (comparison.baseline.condition, rates.baseline, rates.baseline_completions),
        (comparison.candidate.condition, rates.candidate, rates.candidate_completions),
    )
    shares = "; ".join(f"{name} {rate:.2%} of {total:,}" for name, rate, total in arms)
    return (
        f"{rates.words}. Completions that were correct, over all steps: {shares}. Taken as independent, which "
        f"they are not, Fisher's exact test would say {p_is(rates.fisher_p)}"
    )


def _numbers(verdict: Verdict) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for label, value in _rows(verdict.comparison):
        table.add_row(label, value)
    if verdict.comparison.p is not None:
        table.add_row("so", verdict.recommendation)
    return table


def _rows(comparison: Comparison) -> Iterator[tuple[str, str]]:
    yield "what", f"{comparison.label}; {comparison.summary}"
    yield from _arms(comparison)
    if comparison.effect is not None:
        yield "effect", number(comparison.effect, signed=True)
    if comparison.p is None:
        yield "p", "withheld"
        return
    yield f"{percent(comparison.level)}", interval(comparison.lower, comparison.upper)
    yield from _tests(comparison, comparison.p)
    if comparison.cohens_d is not None:
        yield "Cohen's d", number(comparison.cohens_d, signed=True)
    if comparison.pair_correlation is not None:
        yield "pair corr.", number(comparison.pair_correlation, signed=True)
    yield "least p", f"{p_text(comparison.attainable_p)} with so many seeds"
    if comparison.power is not None:
        power = comparison.power
        need = str(power.seeds_needed) if power.seeds_needed is not None else "over a million"
        yield "power", f"{p_text(power.reached)} for {number(power.min_effect)}; 80 % needs {need} seeds"


def _arms(comparison: Comparison) -> Iterator[tuple[str, str]]:
    for arm in (comparison.baseline, comparison.candidate):
        if not len(arm.values) or arm.condition == "0":
            continue
        sd = "unknown" if arm.sd is None else number(arm.sd)
        yield arm.condition, "no usable seed" if arm.mean is None else f"{number(arm.mean)} (sd {sd})"
    unit = "pairs" if comparison.test == "paired t" else "in the smaller condition"
    yield "seeds", counted(comparison.n, unit)


def _tests(comparison: Comparison, p: float) -> Iterator[tuple[str, str]]:
    family = comparison.family_size
    if family > 1:
        limits = interval(comparison.simultaneous_lower, comparison.simultaneous_upper)
        yield f"all {family} jointly", limits
    yield comparison.test, f"p {p_text(p)}"
    look, sequential = comparison.look, comparison.p_sequential
    if look is not None and sequential is not None:
        bound, p_look = p_text(look.nominal), p_text(sequential)
        yield "look", f"{look.number} of {look.of}: bound {bound}; p {p_look}"
    if family > 1 and comparison.p_adjusted is not None:
        yield "Holm", f"p {p_text(comparison.p_adjusted)} over {family} comparisons"
    if comparison.sign_flip is not None:
        guard = comparison.sign_flip
        bounds = interval(
            *(value if abs(value) != float("inf") else None for value in (guard.lower, guard.upper))
        )
        yield "sign-flip", f"p {p_text(guard.p)}; {bounds}"


def _thresholds(verdict: Verdict) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("litmus" if verdict.confirmatory else "threshold", overflow="fold")
    # Signed so that the claimed direction is positive, unlike the effect above.
    table.add_column("improvement", overflow="fold")
    table.add_column("against", justify="right")
    table.add_column("", justify="left")
    for row in verdict.thresholds:
        bounds = interval(row.lower, row.upper) if row.lower is not None or row.upper is not None else "none"
        table.add_row(row.label, bounds, number(row.threshold), _side(row, verdict.confirmatory))
    return table


def _side(row: Threshold, confirmatory: bool) -> Text:
    """The position of the interval; in the colour of a verdict only where it may decide one."""
    if row.side != "open" and not row.agrees:
        return Text(f"{row.side}, sign-flip not", style="yellow")
    return Text(row.side, style=_SIDE[row.side] if confirmatory else "")
