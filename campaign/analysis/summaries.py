"""Summaries: the reduction of a run's curve to one value, resolved for all runs together so that it is the
same.

The default is the last held-out evaluation if the campaign has one, and otherwise the mean of the last
max(5, 10 %) steps. Choosing among five summaries after seeing the data gives 19-23 % false positives, so the
choice is declared and frozen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from campaign.analysis.runs import Run, Runs
from campaign.analysis.samples import SeedSample
from campaign.analysis.tail import tail_mean, tail_start, tail_window
from campaign.errors import UsageError
from campaign.suggest import suggest

Floats = NDArray[np.float64]

PREFERRED = ("correct_rate", "accuracy", "mean_reward", "reward")
"""The default outcome metric: the first of these that the runs have, held out or not."""
MAX_VALUE = 1e305
"""Larger values are rejected, because sums over seeds would leave the range of a double (1.8e308)."""
KINDS = ("auto", "eval", "tail", "final", "mean", "max", "min", "auc")


@dataclass(frozen=True, slots=True)
class Summary:
    """A reduction of a run's curve to one value."""

    metric: str
    """The metric that is read, for example `val/correct_rate` when `correct_rate` was requested."""
    kind: str
    window: int | None = None
    """Number of steps of `tail`; max(5, 10 % of the run) when None."""

    @property
    def description(self) -> str:
        """The summary as a phrase, for example `mean over all steps of loss`."""
        phrases = {
            "eval": "last held-out evaluation",
            "tail": f"mean of the last {self.window} steps"
            if self.window
            else "mean of the last 10 % of steps (at least 5)",
            "final": "last step",
            "mean": "mean over all steps",
            "max": "highest value of any step",
            "min": "lowest value of any step",
            "auc": "area under the curve per step",
        }
        return f"{phrases[self.kind]} of {self.metric}"


def default_metric(runs: Runs) -> str:
    """The first of `PREFERRED` that the runs have. Raises `UsageError` when they have none."""
    logged = set(runs.metrics) or {name for run in runs.stale for name in run.metrics}
    for name in PREFERRED:
        if name in logged or f"val/{name}" in logged:
            return name
    if not logged:
        said = [(run.shortfall,) if run.shortfall else run.notes for run in runs.runs]
        why = "; ".join(dict.fromkeys(note for notes in said for note in notes)) or "their files are empty"
        raise UsageError(f"the runs have no metrics: {why}")
    raise UsageError(
        f"no default metric ({', '.join(PREFERRED)}) is logged; "
        f"name one with --metric: {', '.join(sorted(logged))}"
    )


def resolve_summary(runs: Runs, metric: str, summary: str = "auto") -> Summary:
    """The reduction that `summary` of `metric` denotes for these runs.

    Raises `UsageError` for an unknown summary, or a metric that no run has.
    """
    kind, window = _parse(summary)
    held_out = metric if metric.startswith("val/") else f"val/{metric}"
    if kind in ("auto", "eval") and held_out in runs.metrics:
        return Summary(held_out, "eval")
    if kind == "eval" or metric not in runs.metrics:
        missing = held_out if kind == "eval" else metric
        notes = [note for run in runs.runs for note in run.notes if missing in note]
        why = f": {notes[0]}" if notes else f"; {suggest(missing, runs.metrics, 'the logged metrics are')}"
        raise UsageError(f"no run has {missing}{why}")
    return Summary(metric, "tail" if kind == "auto" else kind, window)


def _parse(summary: str) -> tuple[str, int | None]:
    """Kind and window of a summary such as `tail:20`. Raises `UsageError`."""
    kind, _, window = summary.partition(":")
    if kind not in KINDS:
        raise UsageError(
            f"unknown summary {summary!r}: use auto, eval, tail, tail:N, final, mean, max, min or auc"
        )
    if window and (kind != "tail" or not window.isdigit() or int(window) < 1):
        raise UsageError(
            f"unknown summary {summary!r}: only `tail` takes a number of steps, "
            "1 or more, for example `tail:20`"
        )
    return kind, int(window) if window else None


def summarise(runs: Runs, metric: str, summary: str = "auto") -> dict[str, SeedSample]:
    """Condition -> one value per run, with the reason for each seed that has none.

    A run has no value when it is unfinished, failed, ends before the final window of its condition's length or beyond it,
    or has less than half as many finite values in that window as the most complete run.
    """
    try:
        resolved = resolve_summary(runs, metric, summary)
    except UsageError:
        if not runs.stale and all(run.state == "done" for run in runs.runs):
            raise
        # Unfinished runs may still log the metric, for example at their first evaluation, and stale ones when they
        # are repeated.
        return {label: _not_logged(runs, label, metric) for label in runs.conditions}
    return {condition: _sample(runs, condition, resolved) for condition in runs.conditions}


def _sample(runs: Runs, condition: str, summary: Summary) -> SeedSample:
    complete = [run for run in runs.of(condition) if run.state == "done"]
    length = runs.length(condition)
    # Of every condition of the same length: where all runs of one have diverged, only the others show it.
    alike = [run for run in runs.runs if run.state == "done" and runs.length(run.condition) == length]
    expected = _Expected(
        length,
        values=max((len(_window(run, length, summary)) for run in complete), default=0),
        last_step=max((_last_step(run, summary.metric) for run in alike), default=-1),
        logged=any(summary.metric in run.metrics for run in runs.of(condition)),
    )
    values, missing = {}, {}
    for seed in runs.seeds:
        run = runs.get(condition, seed)
        if run is None:
            missing[seed] = runs.why_missing(condition, seed)
        elif reason := _incomplete(run, length, runs.expected_steps(condition)) or _missing_values(
            run, summary, expected
        ):
            missing[seed] = reason
        elif abs(value := _reduce(run, length, summary)) <= MAX_VALUE:
            values[seed] = value
        else:
            missing[seed] = f"has a {summary.metric} of {value:.3g}, which is too large for double precision"
    return SeedSample(condition, values, summary.metric, summary.description, missing)


@dataclass(frozen=True, slots=True)
class _Expected:
    """What a complete run of one condition has."""

    length: int
    values: int
    """Largest number of finite values in the final window."""
    last_step: int
    """Last step with a finite value, in any condition of this length."""
    logged: bool
    """Whether any run of the condition logs the metric."""


def _not_logged(runs: Runs, condition: str, metric: str) -> SeedSample:
    missing = {
        seed: f"has not logged {metric} yet"
        if runs.get(condition, seed)
        else runs.why_missing(condition, seed)
        for seed in runs.seeds
    }
    why = "logged only by stale runs" if not runs.runs else "not logged yet"
    return SeedSample(condition, {}, metric, f"{metric}, {why}", missing)


def _incomplete(run: Run, length: int, steps: int) -> str:
    """Why the run has not reached its end, after which it has finished `steps`; empty when it has."""
    position = f"step {run.finished} of {steps}"
    if run.open:
        return f"is {'cancelled' if run.state == 'cancelled' else 'unfinished'} ({position})"
    if run.state == "short":
        return f"is short: {run.shortfall}" if run.shortfall else f"is short ({position})"
    if run.state != "done":
        return f"failed at {position}"
    if not run.own_end and run.length > length:
        return f"goes on to step {run.length}, beyond the {length} of the plan"
    if not run.own_end and run.length <= length - tail_window(length):
        return f"ends at {position}"
    return ""


def _missing_values(run: Run, summary: Summary, expected: _Expected) -> str:
    """Why a complete run has no value; empty when it has one."""
    values = run.metrics.get(summary.metric)
    if values is None or not np.any(np.isfinite(values)):
        verb = "has no finite value of" if expected.logged else "does not log"
        return f"{verb} {summary.metric}"
    if summary.kind in ("tail", "final"):
        found = len(_window(run, expected.length, summary))
        if 2 * found < max(expected.values, 1):
            return (
                f"has {found} finite values of {summary.metric} in its last steps "
                f"instead of {expected.values}"
            )
    elif not run.own_end and _last_step(run, summary.metric) <= expected.last_step - tail_window(
        expected.length
    ):
        what = "evaluation" if summary.kind == "eval" else f"finite value of {summary.metric}"
        return f"has no {what} at its end (other runs have one at step {expected.last_step})"
    return ""


def _window(run: Run, length: int, summary: Summary) -> Floats:
    """The finite values in the final window, which is counted in steps of a complete run and not in rows."""
    values = run.metrics.get(summary.metric)
    if values is None:
        return np.zeros(0)
    length = run.length if run.own_end else length
    inside = values[run.steps >= tail_start(length, summary.window)]
    return np.asarray(inside[np.isfinite(inside)])


def _last_step(run: Run, metric: str) -> int:
    """The last step with a finite value; -1 when there is none."""
    values = run.metrics.get(metric)
    steps = run.steps[np.isfinite(values)] if values is not None else run.steps[:0]
    return int(steps[-1]) if len(steps) else -1


def _reduce(run: Run, length: int, summary: Summary) -> float:
    with np.errstate(over="ignore"):  # an overflow gives inf, which the caller reports
        if summary.kind == "tail":
            return tail_mean(_window(run, length, summary).tolist())
        values = run.metrics[summary.metric]
        finite = np.isfinite(values)
        return _REDUCTIONS[summary.kind](run.steps[finite], values[finite])


def _area(steps: NDArray[np.int64], values: Floats) -> float:
    """Area by the trapezoidal rule over the steps, divided by their span, so that gaps count in
    proportion."""
    if len(steps) < 2:
        return float(values[0])
    widths = np.diff(steps).astype(np.float64)
    return float(np.sum(widths * (values[1:] + values[:-1]) / 2.0) / np.sum(widths))


_REDUCTIONS: Mapping[str, Callable[[NDArray[np.int64], Floats], float]] = {
    "eval": lambda _, values: float(values[-1]),
    "final": lambda _, values: float(values[-1]),
    "mean": lambda _, values: float(np.mean(values)),
    "max": lambda _, values: float(np.max(values)),
    "min": lambda _, values: float(np.min(values)),
    "auc": _area,
}
