"""`resolve`: the runs of a campaign and the action for each. A pure function of its arguments."""

from __future__ import annotations

from dataclasses import replace

from campaign.spec.forecast import notes, pooling_notes
from campaign.spec.identity import Memo, counted, identity, identity_defaults, identity_fields
from campaign.spec.planned_runs import Action, Condition, Facts, Plan, PlannedRun, RunFacts
from campaign.spec.section import Section
from campaign.spec.spec import Spec
from campaign.spec.stale import another_version, changes, first_change
from campaign.spec.unread_fields import unread_notes

_NO_FACTS = Facts()


def resolve(spec: Spec, facts: Facts = _NO_FACTS) -> Plan:
    """Every condition with every seed, ordered by condition, each with an action and the reason for it."""
    memo: Memo = {}
    trainings: dict[tuple[int, int], Section] = {}
    runs = []
    for condition in spec.conditions:
        training = condition.config.training
        for seed in spec.seeds:
            # Sections are shared, so that `identity` serialises each once (its `memo` works by object).
            key = (id(training), seed)
            if key not in trainings:
                trainings[key] = training.model_copy(update={"seed": seed})
            config = condition.config.model_copy(update={"training": trainings[key]})
            run_identity = identity(config, memo)
            previous = facts.runs.get(f"{condition.label}_s{seed}")
            action, reason = _action(condition, run_identity, previous)
            runs.append(PlannedRun(condition, seed, run_identity, action, reason))
    plan = Plan(
        name=spec.name,
        conditions=spec.conditions,
        seeds=spec.seeds,
        runs=tuple(runs),
        under_test=spec.under_test,
        on_failure=spec.on_failure,
        looks=spec.looks,
        hypotheses=spec.hypotheses,
        headline_metric=spec.headline_metric,
    )
    unread = tuple(unread_notes(spec.conditions, spec.written))
    caveats = (*pooling_notes(spec.conditions, only_weak=True), *unread)
    return replace(plan, notes=spec.notes + notes(plan, facts) + unread, caveats=caveats)


def _action(condition: Condition, run_identity: str, previous: RunFacts | None) -> tuple[Action, str]:
    """The action for a run and the reason for it; `previous` is what is recorded of the run."""
    if previous is None or (previous.state == "pending" and not previous.attempts):
        return "run", "new"
    if previous.identity != run_identity:
        return _action_after_change(previous, _first_change(condition, previous))
    match previous.state:
        case "done":
            return "skip", "done" if previous.last_step is None else f"done, {previous.last_step + 1} steps"
        case "running":
            return "skip", f"running{_at_step(previous)}"
        case "failed" | "short":
            return "retry", f"{previous.state}{_error(previous)}; {_restart(previous)}"
        case "cancelled":
            return "resume", f"cancelled{_at_step(previous)}; {_restart(previous)}"
        case _:
            return "resume", f"interrupted{_at_step(previous)}{_error(previous)}; {_restart(previous)}"


def _action_after_change(previous: RunFacts, change: str) -> tuple[Action, str]:
    """A result or a live run is left alone until the user decides; anything else starts over."""
    match previous.state:
        case "done":
            return "stale", f"done with {change}"
        case "running":
            return "stale", f"running with {change}"
        case _:
            return "run", f"starts over: {previous.state} with {change}"


def _first_change(condition: Condition, previous: RunFacts) -> str:
    """The first field that changed, with its old and new value, and the number of further changes."""
    # A field that is not recorded was added by a later release: its default is what the run had.
    before = counted({**identity_defaults(), **previous.identity_fields})
    changed = changes(before, identity_fields(condition.config))
    return first_change(changed) if changed else another_version(previous.identity)


def _at_step(previous: RunFacts) -> str:
    return "" if previous.last_step is None else f" at step {previous.last_step}"


def _error(previous: RunFacts) -> str:
    lines = previous.error.strip().splitlines()
    return f": {lines[-1].strip()[:120]}" if lines else ""


def _restart(previous: RunFacts) -> str:
    if not previous.checkpoint:
        return "starts over"
    return f"resumes from {previous.checkpoint.rstrip('/').rpartition('/')[2]}"
