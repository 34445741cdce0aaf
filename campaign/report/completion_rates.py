"""Shares of correct completions, and Fisher's exact test on them. They describe the runs and decide nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from campaign.analysis.reasons import p_is
from campaign.analysis.verdict import Verdict

ABOUT = (
    "Correct completions over all steps and seeds. Intervals and Fisher's exact test take completions as independent, which "
    "they are not: completions of a run share its weights. They are descriptive and enter no verdict."
)


@dataclass(frozen=True, slots=True)
class CompletionRates:
    """The rates of two conditions over all their completions, as text."""

    comparison: str
    candidate: str
    baseline: str
    fisher: str


def completion_rates(verdicts: Sequence[Verdict]) -> tuple[CompletionRates, ...]:
    """One entry per pair of conditions that a verdict compares and that logged its completions."""
    found: dict[str, CompletionRates] = {}
    for verdict in verdicts:
        rates, comparison = verdict.descriptive, verdict.comparison
        if rates is not None:
            entry = CompletionRates(
                comparison.label,
                _rate(rates.candidate, rates.candidate_completions, rates.candidate_interval),
                _rate(rates.baseline, rates.baseline_completions, rates.baseline_interval),
                p_is(rates.fisher_p),
            )
            found.setdefault(comparison.label, entry)
    return tuple(found.values())


def _rate(rate: float, total: int, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{rate:.2%} of {total:,} ({low:.2%} to {high:.2%})"
