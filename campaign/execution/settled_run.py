"""A run whose attempt has ended: its merged record, whether that is complete, and the numbers that tables show of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from campaign.execution.headline_values import headline_values
from campaign.execution.run_summary import record_format, summarise
from campaign.folder.completeness import Shortfall, keep_shortfall, shortfall
from campaign.folder.outcome import Outcome
from campaign.folder.paths import RunPaths
from campaign.folder.run_record import settle_record
from campaign.spec.config import RunConfig
from campaign.spec.headline import Headline


@dataclass(frozen=True, slots=True)
class SettledRun:
    """A run whose record has been merged after the end of an attempt."""

    summary: dict[str, Any]
    shortfall: Shortfall | None = None
    """Why the record is not that of a complete run, although the core has exited with 0."""


def settle_run(run: RunPaths, config: RunConfig, outcome: Outcome, headline: Headline) -> SettledRun:
    """Merge the record of a run after the end of its attempt and, if the core has finished, check that it is complete."""
    rows_format = record_format(config)
    rows = settle_record(run, rows_format)
    length = 0 if config.core.early_stopping else config.training.max_steps
    summary = summarise(rows) | headline_values(rows, headline, length)
    if outcome.kind != "finished":
        run.completeness.unlink(missing_ok=True)
        return SettledRun(summary)
    if outcome.reason:
        # It was asked to stop. Only a record of full length shows that it did not obey, wherever it may end otherwise.
        rows_format = replace(rows_format, early_stopping=False)
    found = shortfall(run, rows, rows_format)
    keep_shortfall(run, found)
    return SettledRun(summary, found)
