"""Reading a run's `config.toml`."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from pydantic import ValidationError

from campaign.errors import Place, Problem, SpecError, UsageError
from campaign.spec.config import RunConfig


def load_run_config(path: Path) -> RunConfig:
    """The resolved configuration in `path`. Raises `UsageError` or `SpecError` with all its problems."""
    try:
        with path.open("rb") as file:
            document = tomllib.load(file)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from None
    try:
        # Through JSON: strict models take an array for a tuple only there, and TOML has no tuples.
        return RunConfig.model_validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        place = Place(str(path))
        raise SpecError(
            [Problem(fault["msg"], place, ".".join(map(str, fault["loc"]))) for fault in error.errors()]
        ) from None
