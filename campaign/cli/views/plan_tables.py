"""A plan in the terminal and as JSON: the run matrix, reasons, resources, time, and what a test can reach."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from campaign.spec.explain import toml_value
from campaign.spec.forecast import attainable_p, concurrency, duration, estimate, pairs_needed
from campaign.spec.plan_json import plan_to_json
from campaign.spec.planned_runs import Action, Condition, Facts, Plan, PlannedRun, starts

if TYPE_CHECKING:
    from rich.console import Console

    from campaign.analysis.hypothesis_power import PlannedPower

MOST_ROWS = 40
"""Conditions shown without --verbose."""
MOST_REASONS = 8
_STYLES: dict[Action, str] = {
    "run": "green",
    "resume": "cyan",
    "retry": "yellow",
    "stale": "magenta",
    "skip": "dim",
}
"""Every action in the order of interest, with its colour."""


def as_json(plan: Plan, facts: Facts) -> dict[str, Any]:
    """The plan's document, and the figures that the text shows beside it."""
    expected = estimate(plan, facts)
    return plan_to_json(plan) | {
        "counts": dict(Counter(run.action for run in plan.runs)),
        "estimate": None
        if expected is None
        else {
            "seconds": expected.seconds,
            "concurrent": expected.concurrent,
            "measured": expected.measured,
        },
        "machine": {"cpus": facts.cpus, "gpus": facts.gpus},
        "exact_test": {
            "pairs": len(plan.seeds),
            "candidates": len(plan.conditions) - 1,
            "least_p": attainable_p(len(plan.seeds)),
            "pairs_needed": pairs_needed(candidates=max(1, len(plan.conditions) - 1)),
        },
    }


def show(plan: Plan, facts: Facts, console: Console, *, verbose: bool) -> None:
    """Print the plan. Nothing is truncated: what does not fit the width is counted or wrapped."""
    console.print(
        f"{plan.name}: {_count(len(plan.conditions), 'condition')} x {_count(len(plan.seeds), 'seed')}"
        f" = {_count(len(plan.runs), 'run')}",
        style="bold",
    )
    if plan.under_test:
        console.print(f"under test: {', '.join(plan.under_test)}")
    console.print()
    _matrix(plan, console, verbose=verbose)
    console.print()
    _reasons(plan.runs, console, verbose=verbose)
    _hints(plan.runs, console)
    if verbose:
        _differences(plan.conditions, console)
    console.print(_resources(plan, facts))
    console.print(_time(plan, facts))
    for note in plan.notes:
        console.print(hanging("note: ", note, console.width))


def show_power(power: Sequence[PlannedPower], console: Console) -> None:
    """A paragraph per hypothesis, without its first sentence: the plan's notes already say what an exact test can
    reach."""
    for planned in power:
        console.print(hanging(f"power, {planned.hypothesis}: ", "; ".join(planned.words[1:]), console.width))


def _matrix(plan: Plan, console: Console, *, verbose: bool) -> None:
    """One row per condition; one column per seed if they fit, otherwise the number of runs per action."""
    by_label: dict[str, list[PlannedRun]] = {}
    for run in plan.runs:
        by_label.setdefault(run.condition.label, []).append(run)
    cell = max(len(run.action) for run in plan.runs)
    columns = [max(cell, len(str(seed))) for seed in plan.seeds]
    longest = max(9, *(len(label) for label in by_label))
    name = min(longest, max(20, console.width // 2))
    wide = name + sum(2 + width for width in columns) <= console.width
    if wide:
        heads = "".join(f"  {seed!s:<{width}}" for seed, width in zip(plan.seeds, columns, strict=True))
        console.print(f"{'condition':<{name}}{heads}".rstrip(), style="bold")
    rows = list(by_label.items())
    shown_rows = rows if verbose else rows[:MOST_ROWS]
    for label, runs in shown_rows:
        _row(label, runs, name, columns if wide else None).print(console)
    if len(rows) > len(shown_rows):
        rest = [run for _, runs in rows[len(shown_rows) :] for run in runs]
        hidden = _count(len(rows) - len(shown_rows), "condition")
        console.print(f"... and {hidden} more: {_tally(rest)} (-v shows all)")


def _row(label: str, runs: Sequence[PlannedRun], name: int, columns: Sequence[int] | None) -> _Line:
    line = _Line(label, name)
    if columns is None:
        line.add("  " + _tally(runs))
    else:
        for run, width in zip(runs, columns, strict=True):
            line.add(f"  {run.action:<{width}}", _STYLES[run.action])
    return line


class _Line:
    """A row that puts a label longer than its column on a separate line."""

    def __init__(self, label: str, width: int) -> None:
        from rich.text import Text

        self.text = Text(no_wrap=False, overflow="fold")
        self.text.append(f"{label:<{width}}" if len(label) <= width else f"{label}\n{'':<{width}}")

    def add(self, text: str, style: str = "") -> None:
        self.text.append(text, style or None)

    def print(self, console: Console) -> None:
        self.text.rstrip()
        console.print(self.text)


def _reasons(runs: Sequence[PlannedRun], console: Console, *, verbose: bool) -> None:
    """One line per action and reason, with the runs that have it."""
    groups: dict[tuple[Action, str], list[str]] = {}
    for run in runs:
        groups.setdefault((run.action, run.reason), []).append(run.id)
    order = list(_STYLES)
    listed = sorted(groups.items(), key=lambda group: order.index(group[0][0]))
    for (action, reason), ids in listed if verbose else listed[:MOST_REASONS]:
        listed_ids = ", ".join(ids) if verbose or len(ids) <= 3 else f"{', '.join(ids[:2])}, ... {ids[-1]}"
        head = f"{action} {len(ids):,}: "
        console.print(
            hanging(
                head,
                reason if len(ids) == len(runs) and not verbose else f"{reason}: {listed_ids}",
                console.width,
            )
        )
    if not verbose and len(listed) > MOST_REASONS:
        console.print(f"... and {_count(len(listed) - MOST_REASONS, 'reason')} more (-v shows all)")


def _hints(runs: Iterable[PlannedRun], console: Console) -> None:
    """The flags for runs that a plain submit leaves alone."""
    actions = {run.action for run in runs}
    if "retry" in actions:
        console.print("retry: `campaign submit --retry-failed` tries these again")
    if "stale" in actions:
        console.print("stale: no comparison has these; `campaign submit --rerun-stale` repeats them")


def _differences(conditions: Iterable[Condition], console: Console) -> None:
    console.print()
    for condition in conditions:
        fields = (
            ", ".join(f"{path} = {toml_value(value)}" for path, value in condition.overrides.items())
            or "the base"
        )
        console.print(hanging(f"{condition.label}: ", fields, console.width))
    console.print()


def _resources(plan: Plan, facts: Facts) -> str:
    config = plan.conditions[0].config
    resources = config.resources
    parts = [f"{resources.num_cpus:g} CPU", f"{resources.num_gpus:g} GPU"]
    if resources.memory_gb:
        parts.append(f"{resources.memory_gb:g} GiB")
    alike = all(condition.config.resources == resources for condition in plan.conditions)
    scope = "per run" if alike else f"per run of {plan.conditions[0].label}, others differ"
    each = f"resources: {', '.join(parts)} {scope}"
    if config.cluster is not None:
        return f"{each}; on the cluster {config.cluster}"
    here = f"{facts.cpus:g} CPU, {facts.gpus:g} GPU"
    return f"{each}; {concurrency(config, facts)} at a time on this machine ({here})"


def _time(plan: Plan, facts: Facts) -> str:
    todo = sum(starts(run.action) for run in plan.runs)
    if not todo:
        return "time: nothing is left to run"
    expected = estimate(plan, facts)
    if expected is None:
        return f"time: unknown, no run has logged step_time_s yet ({_count(_steps(plan), 'step')} in all)"
    how = "measured step times" if expected.measured else "the step times measured so far"
    runs = f"{_count(todo, 'run')}, {expected.concurrent} at a time"
    return f"time: about {duration(expected.seconds)} for {runs}, by {how}"


def _steps(plan: Plan) -> int:
    return sum(run.condition.config.training.max_steps for run in plan.runs if starts(run.action))


def _tally(runs: Iterable[PlannedRun]) -> str:
    return ", ".join(f"{action} {count:,}" for action, count in Counter(run.action for run in runs).items())


def hanging(head: str, text: str, width: int) -> str:
    """`text` after `head`, with the continuation lines indented."""
    from textwrap import fill

    if len(head) + len(text) <= width:
        return head + text
    return fill(
        text,
        width=width,
        initial_indent=head,
        subsequent_indent=" " * min(len(head), 8),
        break_on_hyphens=False,
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
