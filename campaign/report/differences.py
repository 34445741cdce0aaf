"""In which fields the conditions differ, from the configurations of their runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from campaign.report.campaign_record import CampaignRecord

OF_THE_RUN = frozenset({"campaign", "condition", "training.seed"})
"""Fields that name the run instead of configuring it."""
ABSENT = "not set"


@dataclass(frozen=True, slots=True)
class Difference:
    """One dotted path and its value in each condition."""

    path: str
    values: tuple[str, ...]
    """In the order of the conditions."""
    under_test: bool | None
    """Whether the campaign declared it as a field under test; None when it declared none."""


def differences(record: CampaignRecord) -> tuple[Difference, ...]:
    """Every path whose value is not the same in all conditions that have a configuration, sorted by path."""
    configs = {label: dict(_leaves(config)) for label, config in _configurations(record).items()}
    known = [configs[label] for label in record.conditions if label in configs]
    paths = sorted({path for config in known for path in config} - OF_THE_RUN)
    declared = record.plan.under_test
    return tuple(
        Difference(
            path,
            tuple(
                configs[label].get(path, ABSENT) if label in configs else "?" for label in record.conditions
            ),
            _covered(path, declared) if declared else None,
        )
        for path in paths
        if len({config.get(path, ABSENT) for config in known}) > 1
    )


def _configurations(record: CampaignRecord) -> dict[str, Mapping[str, Any]]:
    """The configuration of each condition: of its first run that has one, else as planned."""
    found: dict[str, Mapping[str, Any]] = {}
    for entry in record.plan.conditions:
        if entry.config:
            found[entry.label] = entry.config
    for run in reversed(record.runs):
        if run.config:
            found[run.condition] = run.config
    return found


def _leaves(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        path = f"{prefix}{key}"
        if isinstance(item, Mapping):
            yield from _leaves(item, f"{path}.")
        elif item is not None:
            yield path, item if isinstance(item, str) else json.dumps(item, ensure_ascii=False, default=str)


def _covered(path: str, declared: tuple[str, ...]) -> bool:
    return any(
        path == entry
        or path.startswith(f"{entry}.")
        or (entry.endswith(".*") and path.startswith(entry[:-1]))
        for entry in declared
    )
