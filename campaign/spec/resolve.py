"""`resolve`: which runs there are, and what happens to each. A function of its arguments and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from campaign.spec.explain import shown
from campaign.spec.forecast import notes
from campaign.spec.identity import Memo, identity, identity_defaults, identity_fields
from campaign.spec.planned_runs import Action, Condition, Facts, Plan, PlannedRun, RunFacts
from campaign.spec.section import Section
from campaign.spec.spec import Spec

_NOTHING_KNOWN = Facts()


def resolve(spec: Spec, facts: Facts = _NOTHING_KNOWN) -> Plan:
    """Every condition with every seed, conditions first, each with an action and a reason in words."""
    memo: Memo = {}
    trainings: dict[tuple[int, int], Section] = {}
    runs = []
    for condition in spec.conditions:
        training = condition.config.training
        for seed in spec.seeds:
            key = (id(training), seed)
            if key not in trainings:
                trainings[key] = training.model_copy(update={"seed": seed})
            config = condition.config.model_copy(update={"training": trainings[key]})
            name = identity(config, memo)
            action, reason = _action(condition, seed, name, facts.runs.get(f"{condition.label}_s{seed}"))
            runs.append(PlannedRun(condition, seed, name, action, reason))
    plan = Plan(
        name=spec.name,
        conditions=spec.conditions,
        seeds=spec.seeds,
        runs=tuple(runs),
        under_test=spec.under_test,
        on_failure=spec.on_failure,
        looks=spec.looks,
        hypotheses=spec.hypotheses,
    )
    return replace(plan, notes=spec.notes + notes(plan, facts))


def _action(condition: Condition, seed: int, name: str, known: RunFacts | None) -> tuple[Action, str]:
    if known is None or (known.state == "pending" and not known.attempts):
        return "run", "new"
    if known.identity != name:
        return _changed(known, _difference(condition, seed, known))
    match known.state:
        case "done":
            return "skip", "done" if known.last_step is None else f"done, {known.last_step + 1} steps"
        case "running":
            return "skip", f"running{_at(known)}"
        case "failed":
            return "retry", f"failed{_because(known)}; {_onwards(known)}"
        case "cancelled":
            return "retry", f"cancelled{_at(known)}; {_onwards(known)}"
        case _:
            return "resume", f"interrupted{_at(known)}; {_onwards(known)}"


def _changed(known: RunFacts, difference: str) -> tuple[Action, str]:
    match known.state:
        case "done":
            return "stale", f"done with {difference}"
        case "running":
            return "stale", f"running with {difference}"
        case _:
            return "run", f"starts over: {known.state} with {difference}"


def _difference(condition: Condition, seed: int, known: RunFacts) -> str:
    """The first field that changed, old and new, and how many more."""
    defaults = identity_defaults()
    now = identity_fields(condition.config) | {"training.seed": seed}
    before: dict[str, Any] = {**defaults, **known.identity_fields}
    changed = [path for path in {**now, **before} if _plain(now.get(path)) != _plain(before.get(path))]
    if not changed:
        return f"another version of the identity ({known.identity.partition(':')[0]})"
    path = changed[0]
    more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
    return f"{path} = {_said(before.get(path))}, now {_said(now.get(path))}{more}"


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _said(value: Any) -> str:
    return "not set" if value is None else shown(value)


def _at(known: RunFacts) -> str:
    return "" if known.last_step is None else f" at step {known.last_step}"


def _because(known: RunFacts) -> str:
    lines = known.error.strip().splitlines()
    return f": {lines[-1].strip()[:120]}" if lines else ""


def _onwards(known: RunFacts) -> str:
    """From its last checkpoint, or from the start when it has not come to one."""
    return (
        f"goes on from {known.checkpoint.rstrip('/').rpartition('/')[2]}"
        if known.checkpoint
        else "starts over"
    )
