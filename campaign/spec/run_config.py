"""`config.toml` of a run: written by the campaign, read by the core, and by whoever runs it again by hand."""

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
"""A section as JSON by the section's id. The section is held, so that its id is not given away again."""


def read_run_config(path: Path) -> RunConfig:
    """The configuration in `path`. Raises `SpecError` with every problem of the file."""
    document = read(path)
    try:
        return RunConfig.model_validate_json(json.dumps(document.data, default=str))
    except ValidationError as error:
        raise SpecError(
            [explain(entry, document, RunConfig) for entry in error.errors(include_url=False)]
        ) from None


def write_run_config(config: RunConfig, path: Path) -> None:
    """Write `config` so that `read_run_config` gives it back; a reader sees the old file or the new one."""
    import tomli_w

    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(tomli_w.dumps(config_to_json(config)), encoding="utf-8")
    draft.replace(path)


def config_to_json(config: RunConfig, memo: Memo | None = None) -> dict[str, Any]:
    """Plain dictionaries, lists, numbers and text; what is None is left out.

    `memo`, one dictionary for a series of calls, lets the results share what the configurations share.
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
