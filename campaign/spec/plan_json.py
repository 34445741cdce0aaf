"""Converts a plan to a JSON document and back: `plan.json` of a campaign, and `campaign plan --json`."""

from __future__ import annotations

from typing import Any

from campaign.errors import UsageError
from campaign.spec.planned_runs import Condition, Plan, PlannedRun
from campaign.spec.run_config import Memo, config_from_json, config_to_json

VERSION = 1


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """One JSON document. It has the configuration of each condition once; runs refer to their condition."""
    memo: Memo = {}
    return {
        "version": VERSION,
        "name": plan.name,
        "seeds": list(plan.seeds),
        "under_test": list(plan.under_test),
        "on_failure": plan.on_failure,
        "looks": list(plan.looks),
        "headline_metric": plan.headline_metric,
        "notes": list(plan.notes),
        "caveats": list(plan.caveats),
        "hypotheses": [dict(entry) for entry in plan.hypotheses],
        "conditions": [
            {
                "label": condition.label,
                "overrides": dict(condition.overrides),
                "config": config_to_json(condition.config, memo),
            }
            for condition in plan.conditions
        ],
        "runs": [
            {
                "id": run.id,
                "condition": run.condition.label,
                "seed": run.seed,
                "identity": run.identity,
                "action": run.action,
                "reason": run.reason,
            }
            for run in plan.runs
        ],
    }


def plan_from_json(document: dict[str, Any]) -> Plan:
    """The plan that `plan_to_json` wrote. Raises `UsageError` for a document of another version."""
    if document.get("version") != VERSION:
        raise UsageError(
            f"this plan has version {document.get('version')!r}, and this release reads version {VERSION}: "
            "use the release that wrote it, or plan again"
        )
    conditions = {
        entry["label"]: Condition(entry["label"], entry["overrides"], config_from_json(entry["config"]))
        for entry in document["conditions"]
    }
    runs = (
        PlannedRun(conditions[run["condition"]], run["seed"], run["identity"], run["action"], run["reason"])
        for run in document["runs"]
    )
    return Plan(
        name=document["name"],
        conditions=tuple(conditions.values()),
        seeds=tuple(document["seeds"]),
        runs=tuple(runs),
        under_test=tuple(document["under_test"]),
        notes=tuple(document["notes"]),
        caveats=tuple(document.get("caveats", ())),
        on_failure=document["on_failure"],
        looks=tuple(document["looks"]),
        hypotheses=tuple(document["hypotheses"]),
        headline_metric=document.get("headline_metric"),
    )
