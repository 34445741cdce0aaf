"""Predictions about a plan: the smallest attainable p-value, the time it takes, and whether it fits this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor, log2

from campaign.spec.config import RunConfig
from campaign.spec.planned_runs import Condition, Facts, Plan, starts

ALPHA = 0.05
NEARLY_PLAIN = 0.25
"""SEPA's lambda at the end of a run below which most of its steps hardly pool anything."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long the remaining runs take."""

    seconds: float
    concurrent: int
    """Most runs at the same time."""
    measured: bool
    """Whether the step time of every condition was measured; otherwise the mean of the measured ones is used."""


def attainable_p(pairs: int) -> float:
    """Smallest two-sided p-value of the exact sign-flip test with this number of pairs: 2 / 2^pairs."""
    return min(1.0, 2.0 ** (1 - pairs))


def pairs_needed(alpha: float = ALPHA, candidates: int = 1) -> int:
    """Fewest pairs with which the exact test can fall below alpha, with Holm's correction over the candidates."""
    return floor(log2(2.0 * candidates / alpha)) + 1


def exact_test_note(seeds: int, candidates: int) -> str:
    """The smallest p-value that an exact paired test of one metric can reach with this number of seeds."""
    if candidates < 1:
        return "one condition: there is nothing to compare"
    least, needed = attainable_p(seeds), pairs_needed(ALPHA, candidates)
    of = f" over {candidates} candidates (Holm)" if candidates > 1 else ""
    enough = f", enough for p < {_p_value(ALPHA)}{of}" if of else ""
    plural = "s" * (seeds != 1)
    if least < ALPHA / candidates:
        return f"{seeds} seed{plural}: an exact paired test can reach p = {_p_value(least)}{enough}"
    return (
        f"{seeds} seed{plural}: no exact paired test can reach p < {_p_value(ALPHA)}{of} "
        f"(the smallest is {_p_value(least)}); at least {needed} seeds are needed"
    )


def concurrency(config: RunConfig, facts: Facts) -> int:
    """How many runs of this configuration fit at the same time; 0 when none does."""
    resources = config.resources
    cpus = facts.cpus if config.ray.num_cpus is None else config.ray.num_cpus
    gpus = facts.gpus if config.ray.num_gpus is None else config.ray.num_gpus
    # In floating point 0.3 / 0.1 is slightly less than 3.
    fits = floor(cpus / resources.num_cpus + 1e-9)
    if 0 < resources.num_gpus < 1:
        # Fractions are packed into one GPU; a run never spans parts of two.
        fits = min(fits, int(gpus) * floor(1 / resources.num_gpus + 1e-9))
    elif resources.num_gpus:
        fits = min(fits, int(gpus // resources.num_gpus))
    return fits


def estimate(plan: Plan, facts: Facts) -> Estimate | None:
    """Time for the remaining runs; None when there are none, when none fits, or when no step was measured."""
    todo = [run for run in plan.runs if starts(run.action)]
    if not todo or not facts.step_seconds:
        return None
    mean = sum(facts.step_seconds.values()) / len(facts.step_seconds)
    seconds, longest, fits = 0.0, 0.0, 0
    for run in todo:
        label, config = run.condition.label, run.condition.config
        one = facts.step_seconds.get(label, mean) * _steps_left(run.id, config, facts)
        seconds, longest = seconds + one, max(longest, one)
        fits = max(fits, concurrency(config, facts))
    if fits == 0:
        return None
    fits = min(fits, len(todo))
    measured = all(run.condition.label in facts.step_seconds for run in todo)
    return Estimate(max(longest, seconds / fits), fits, measured)


def _steps_left(run_id: str, config: RunConfig, facts: Facts) -> int:
    """Steps after the last checkpoint, whose name ends in the step: `checkpoints/step_000025`."""
    previous = facts.runs.get(run_id)
    checkpoint = previous.checkpoint or "" if previous else ""
    digits = "".join(c for c in checkpoint.rpartition("/")[2] if c.isdigit())
    return max(0, config.training.max_steps - int(digits or 0))


def notes(plan: Plan, facts: Facts) -> tuple[str, ...]:
    """What the user should know before spending compute."""
    return (
        exact_test_note(len(plan.seeds), len(plan.conditions) - 1),
        *_looks(plan),
        *_undeclared_metrics(plan, facts),
        *_same_result(plan),
        *_infeasible(plan.conditions, facts),
        *_oversubscribed(plan.conditions),
        *pooling_notes(plan.conditions),
    )


def _looks(plan: Plan) -> Iterator[str]:
    if plan.looks and plan.looks[-1] > len(plan.seeds):
        yield f"the last look is at {plan.looks[-1]} seeds, but the campaign has only {len(plan.seeds)}"


def _undeclared_metrics(plan: Plan, facts: Facts) -> Iterator[str]:
    if any(run.last_step is not None for run in facts.runs.values()):
        return  # the rows have shown them
    cores = [condition.config for condition in plan.conditions if not condition.config.uses_built_in_core]
    if plan.hypotheses and any(config.core.metrics is None for config in cores):
        yield (
            "the metrics of the hypotheses cannot be checked before the first rows are logged: "
            "core.metrics = [...] declares what the core logs"
        )


def _same_result(plan: Plan) -> Iterator[str]:
    """Conditions whose runs have the same identity."""
    first: dict[str, str] = {}
    for run in plan.runs[:: len(plan.seeds) or 1]:
        other = first.setdefault(run.identity, run.condition.label)
        if other != run.condition.label:
            yield f"{run.condition.label} and {other} differ only in settings that cannot change a result"


def _infeasible(conditions: tuple[Condition, ...], facts: Facts) -> Iterator[str]:
    reported = set()
    for condition in conditions:
        config = condition.config
        if config.cluster is not None or concurrency(config, facts):
            continue
        needed = (
            f"{_amount(config.resources.num_cpus, 'CPU')} and {_amount(config.resources.num_gpus, 'GPU')}"
        )
        if needed not in reported:
            reported.add(needed)
            cpus = facts.cpus if config.ray.num_cpus is None else config.ray.num_cpus
            gpus = facts.gpus if config.ray.num_gpus is None else config.ray.num_gpus
            yield (
                f"infeasible on this machine: a run of {condition.label} needs {needed}; "
                f"it offers {_amount(cpus, 'CPU')} and {_amount(gpus, 'GPU')}"
            )


def pooling_notes(conditions: tuple[Condition, ...], *, only_weak: bool = False) -> Iterator[str]:
    """How far SEPA's lambda gets within the steps of a run, once for conditions in which it gets equally far; with
    `only_weak`, of those in which it does not reach 1."""
    labels: dict[str, list[str]] = {}
    for condition in conditions:
        config = condition.config
        if config.uses_sepa and not (only_weak and config.sepa.ramp(config.training.max_steps - 1) >= 1):
            labels.setdefault(_reach_of_lambda(condition.config), []).append(condition.label)
    for reach, found in labels.items():
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        yield f"{found[0]}{more}: {reach}"


def _reach_of_lambda(config: RunConfig) -> str:
    sepa, last = config.sepa, config.training.max_steps - 1
    reached, room = sepa.ramp(last), last - sepa.delay_steps
    gate = f" if the correct rate reaches {_share(sepa.correct_rate_gate)}" if sepa.correct_rate_gate else ""
    least = "at least " if sepa.schedule == "auto" and reached < 1 else ""
    how = f"sepa.delay_steps = {sepa.delay_steps}, sepa.steps = {sepa.steps}"
    words = f"SEPA's lambda reaches {least}{_share(reached)} in {last + 1} steps ({how}){gate}"
    if reached >= 1:
        return words
    meaning = "; this is nearly plain gtpo" if reached < NEARLY_PLAIN and not least else ""
    fix = f"sepa.steps = {room}" if room > 0 else f"a sepa.delay_steps below {last}"
    return f"{words}{meaning}; {fix} lets it reach 1"


def _share(value: float) -> str:
    return f"{value:.2g}".removeprefix("0") or "0"


def _oversubscribed(conditions: tuple[Condition, ...]) -> Iterator[str]:
    for condition in conditions:
        threads, cpus = condition.config.training.threads, condition.config.resources.num_cpus
        if threads > cpus:
            uses = f"{_amount(threads, 'thread')} and reserves {_amount(cpus, 'CPU')}"
            yield (
                f"a run of {condition.label} uses {uses}: concurrent runs will slow each other down; "
                f"set resources.num_cpus = {threads}"
            )
            return


def _amount(number: float, unit: str) -> str:
    return f"{number:g} {unit}{'s' * (number != 1)}"


def _p_value(value: float) -> str:
    return f"{value:.2g}".removeprefix("0")


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    if seconds < 90:
        return f"{max(1, ceil(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"
