"""The plan of a campaign as read from its `plan.json`, by those who display or compare it.

`campaign.spec.plan_json` writes the document. Reading it here needs no valid configuration, so that folders
written by other versions remain readable.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from campaign.errors import UsageError
from campaign.folder.regular_files import read_regular
from campaign.folder.untrusted_json import parse_json


@dataclass(frozen=True, slots=True)
class ConditionEntry:
    """A condition of the plan."""

    label: str
    config: Mapping[str, Any]
    """Its configuration, as nested tables; empty when the document has none."""

    @property
    def max_steps(self) -> int | None:
        training = self.config.get("training")
        value = training.get("max_steps") if isinstance(training, dict) else None
        return value if isinstance(value, int) else None


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """A run of the plan."""

    id: str
    condition: str
    seed: int
    identity: str


@dataclass(frozen=True, slots=True)
class PlanDocument:
    """What a `plan.json` says; empty where it says nothing."""

    name: str = ""
    conditions: tuple[ConditionEntry, ...] = ()
    """In their declared order; the first is the default baseline."""
    seeds: tuple[int, ...] = ()
    runs: tuple[PlanEntry, ...] = ()
    under_test: tuple[str, ...] = ()
    looks: tuple[int, ...] = ()
    hypotheses: tuple[Mapping[str, Any], ...] = ()
    headline_metric: str | None = None
    """`campaign.headline_metric`; None when the spec does not declare it."""
    caveats: tuple[str, ...] = ()
    """What a reader of the results must know about the conditions, as sentences."""
    on_failure: str | int = "continue"
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Code, packages and machine of the latest submit."""
    earlier: tuple[Mapping[str, Any], ...] = ()
    """Provenance of earlier submits, where it differs."""

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(entry.label for entry in self.conditions)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> PlanDocument:
        """Skips conditions without a label and runs without an id, condition or seed.

        Raises `ValueError`, `TypeError` or `AttributeError` when a value has another type than expected.
        """
        return cls(
            name=str(document.get("name") or ""),
            conditions=tuple(
                ConditionEntry(str(entry["label"]), dict(entry.get("config") or {}))
                for entry in _tables(document, "conditions")
                if entry.get("label")
            ),
            seeds=tuple(int(seed) for seed in _items(document, "seeds")),
            runs=tuple(
                PlanEntry(
                    str(entry["id"]), str(entry["condition"]), int(entry["seed"]), str(entry.get("identity"))
                )
                for entry in _tables(document, "runs")
                if {"id", "condition", "seed"} <= entry.keys()
            ),
            under_test=tuple(str(path) for path in _items(document, "under_test")),
            looks=tuple(int(look) for look in _items(document, "looks")),
            hypotheses=tuple(_items(document, "hypotheses")),
            headline_metric=document.get("headline_metric") or None,
            caveats=tuple(str(caveat) for caveat in _items(document, "caveats")),
            on_failure=document.get("on_failure", "continue"),
            provenance=dict(_items(document, "provenance")),
            earlier=tuple(_items(document, "earlier")),
        )


def plan_hash(plan: PlanDocument) -> str:
    """SHA-256 of what a plan declares: its runs with their identities, hypotheses, looks and fields under test.

    It is the same after every submit of an unchanged spec, whatever is done by then and wherever.
    """
    declared = {
        "runs": sorted([run.id, run.identity] for run in plan.runs),
        "hypotheses": [dict(table) for table in plan.hypotheses],
        "looks": list(plan.looks),
        "under_test": sorted(plan.under_test),
    }
    return sha256(json.dumps(declared, sort_keys=True, default=str).encode()).hexdigest()


def read_plan(path: Path) -> PlanDocument:
    """The plan in `path`; an empty one when there is no such file. Raises `UsageError` when it cannot be read."""
    try:
        document = parse_json(read_regular(path))
        if not isinstance(document, dict):
            raise ValueError("not a JSON object")
        return PlanDocument.from_json(document)
    except FileNotFoundError:
        return PlanDocument()
    except (OSError, ValueError, TypeError, AttributeError, KeyError, OverflowError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None


def plan_or_empty(path: Path) -> PlanDocument:
    """Like `read_plan`, but a damaged plan counts as missing: for those who write it anew, or need it only for a
    default."""
    try:
        return read_plan(path)
    except UsageError:
        return PlanDocument()


def _items(document: Mapping[str, Any], key: str) -> Any:
    """The list or table under `key`; a missing one and null are empty."""
    return document.get(key) or ()


def _tables(document: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    return [entry for entry in _items(document, key) if isinstance(entry, dict)]
