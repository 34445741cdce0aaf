"""Whether the campaign file was changed after it was submitted.

Everything that reads a campaign's folder judges its runs by the plan of the last submit. A file that was changed
afterwards is not a plan yet, so its changes are reported and not applied.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from campaign.folder.paths import CampaignPaths
from campaign.folder.plan_document import PlanDocument
from campaign.folder.regular_files import read_regular
from campaign.spec.explain import toml_value

MOST_BYTES = 8 * 2**20
MOST_CHANGES = 3


def changed_since_submit(paths: CampaignPaths, plan: PlanDocument) -> str:
    """A sentence about how the campaign file differs from the copy that was submitted; empty when it does not.

    Empty also when the file is not where it was, as in a folder that was copied to another machine. Comments and the
    layout of the file do not count.
    """
    workdir, spec = plan.provenance.get("workdir"), plan.provenance.get("spec")
    if not isinstance(workdir, str) or not isinstance(spec, str):
        return ""
    file = Path(workdir) / Path(spec).name
    submitted, now = _document(paths.spec), _document(file)
    if submitted is None or now is None:
        return ""
    before, after = dict(_leaves(submitted)), dict(_leaves(now))
    changed = [path for path in dict.fromkeys((*before, *after)) if before.get(path) != after.get(path)]
    if not changed:
        return ""
    listed = ", ".join(
        f"{path}: {_text(before.get(path))} when submitted, {_text(after.get(path))} now"
        for path in changed[:MOST_CHANGES]
    )
    more = f" and {len(changed) - MOST_CHANGES} more" if len(changed) > MOST_CHANGES else ""
    return (
        f"{file.name} was changed after the last submit ({listed}{more}); these are the results of the plan as it was "
        "submitted"
    )


def _document(file: Path) -> dict[str, Any] | None:
    """The content of a TOML file; None when it is not a regular file of reasonable size, or cannot be read."""
    try:
        return tomllib.loads(read_regular(file, MOST_BYTES).decode("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _text(value: Any) -> str:
    return "not set" if value is None else toml_value(value)
