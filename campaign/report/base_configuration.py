"""The resolved configuration that all conditions share, without secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from campaign.redact import redact, secret_values
from campaign.report.campaign_record import CampaignRecord
from campaign.report.differences import RUN_FIELDS


def base_configuration(record: CampaignRecord) -> dict[str, Any]:
    """Dotted path -> value, for every field that is set and has the same value in all conditions. The fields that differ
    are those of `differences`, so both together are the whole configuration."""
    secrets = secret_values()
    configs = [dict(_fields(redact(config, secrets))) for config in configurations(record)]
    if not configs:
        return {}
    shared = set.intersection(*(set(config) for config in configs)) - RUN_FIELDS
    # `--backend` overrides it; the backend that was used is in the provenance.
    shared -= {"execution.backend"}
    first = configs[0]
    return {
        path: first[path] for path in sorted(shared) if all(config[path] == first[path] for config in configs)
    }


def value_text(value: Any) -> str:
    """A value of the configuration as the tables show it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def configurations(record: CampaignRecord) -> list[Mapping[str, Any]]:
    """One per condition: as planned, else that of its first run."""
    planned = {entry.label: entry.config for entry in record.plan.conditions if entry.config}
    ran = {run.condition: run.config for run in reversed(record.runs) if run.config}
    return list({**ran, **planned}.values())


def _fields(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _fields(value, f"{prefix}{key}.")
        elif value is not None:
            yield f"{prefix}{key}", value
