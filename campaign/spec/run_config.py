"""`config.toml` of a run: written by campaign, and read by the core or by `campaign run`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from campaign.errors import SpecError
from campaign.spec.config import RunConfig
from campaign.spec.explain import explain
from campaign.spec.reading import read
from campaign.spec.section import Section

Memo = dict[int, tuple[Section, dict[str, Any]]]
"""Section id -> the section and its JSON. The section is held because CPython reuses the id of an object that was
freed."""


def read_run_config(path: Path) -> RunConfig:
    """The configuration in `path`. Raises `SpecError` with all problems of the file."""
    document = read(path)
    try:
        return RunConfig.model_validate_json(json.dumps(document.data, default=str))
    except ValidationError as error:
        raise SpecError(
            [explain(entry, document, RunConfig) for entry in error.errors(include_url=False)]
        ) from None


def write_run_config(config: RunConfig, path: Path) -> None:
    """Writes `config` to `path` atomically: a reader sees the old file or the new one."""
    import tomli_w

    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(tomli_w.dumps(config_to_json(config)), encoding="utf-8")
    draft.replace(path)


def config_to_json(config: RunConfig, memo: Memo | None = None) -> dict[str, Any]:
    """The configuration as dictionaries, lists, numbers and strings, without fields that are None.

    Pass the same dictionary as `memo` to a series of calls to let the results share the JSON of shared sections.
    """
    memo = {} if memo is None else memo
    found: dict[str, Any] = {}
    for name in RunConfig.model_fields:
        value = getattr(config, name)
        if isinstance(value, Section):
            if id(value) not in memo:
                memo[id(value)] = (value, value.model_dump(mode="json", exclude_none=True))
            found[name] = memo[id(value)][1]
        elif value is not None:
            found[name] = value
    return found


def config_from_json(data: dict[str, Any]) -> RunConfig:
    return RunConfig.model_validate(data, strict=False)
