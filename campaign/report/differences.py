"""The configuration fields in which the conditions differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from campaign.report.campaign_record import CampaignRecord

RUN_FIELDS = frozenset({"campaign", "condition", "training.seed"})
"""Fields that identify the run."""
ABSENT = "not set"


@dataclass(frozen=True, slots=True)
class Difference:
    """One dotted path with its value in each condition."""

    path: str
    values: tuple[str, ...]
    """In the order of the conditions."""
    under_test: bool | None
    """Whether the path is declared as a field under test; None when the campaign declares none."""


def differences(record: CampaignRecord) -> tuple[Difference, ...]:
    """The paths whose values differ between conditions that have a configuration, sorted."""
    configs = {label: dict(leaves(config)) for label, config in _configurations(record).items()}
    recorded = [configs[label] for label in record.conditions if label in configs]
    paths = sorted({path for config in recorded for path in config} - RUN_FIELDS)
    declared = record.plan.under_test
    differing = [path for path in paths if len({config.get(path, ABSENT) for config in recorded}) > 1]
    return tuple(
        Difference(path, _values(path, record, configs), _covered(path, declared) if declared else None)
        for path in differing
    )


def _values(path: str, record: CampaignRecord, configs: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    return tuple(configs[label].get(path, ABSENT) if label in configs else "?" for label in record.conditions)


def _configurations(record: CampaignRecord) -> dict[str, Mapping[str, Any]]:
    """Condition -> configuration: that of its first run that has one and is not stale, else the planned one."""
    found: dict[str, Mapping[str, Any]] = {}
    for entry in record.plan.conditions:
        if entry.config:
            found[entry.label] = entry.config
    for run in reversed(record.runs):
        if run.config and not run.stale:
            found[run.condition] = run.config
    return found


def leaves(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        path = f"{prefix}{key}"
        if isinstance(item, Mapping):
            yield from leaves(item, f"{path}.")
        elif item is not None:
            yield path, item if isinstance(item, str) else json.dumps(item, ensure_ascii=False, default=str)


def _covered(path: str, declared: tuple[str, ...]) -> bool:
    return any(
        path == entry
        or path.startswith(f"{entry}.")
        or (entry.endswith(".*") and path.startswith(entry[:-1]))
        for entry in declared
    )
