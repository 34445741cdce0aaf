"""A run's values of the campaign's headline metric, which the store keeps so that a table of runs reads no record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from campaign.analysis.campaign_design import CampaignDesign
from campaign.analysis.records import record_of
from campaign.analysis.runs import Run, Runs
from campaign.analysis.summaries import resolve_summary, summarise
from campaign.errors import UsageError
from campaign.execution.progress import recent_value
from campaign.execution.store import Store
from campaign.execution.store_reader import RunRow
from campaign.folder.json_lines import read_jsonl
from campaign.folder.paths import CampaignPaths
from campaign.folder.run_record import merge_attempts
from campaign.folder.states import ENDED
from campaign.spec.headline import Headline


def headline_values(rows: Sequence[Mapping[str, Any]], headline: Headline, max_steps: int) -> dict[str, Any]:
    """The values of `headline` in the merged record of a run of `max_steps` steps; 0 for one that decides itself where
    it ends.

    `recent` is its value over the last steps, as shown while the run was live. `final` is the number that `compare`
    and the report use, and `measured` says how it was obtained; None when the record has none.
    """
    final, measured = _final(rows, headline, max_steps)
    return {
        "headline": [headline.metric, headline.summary],
        "recent": recent_value(rows, headline.metric),
        "final": final,
        "measured": measured,
    }


def refresh_summaries(paths: CampaignPaths, store: Store, headline: Headline) -> None:
    """Summarise again the ended runs whose summary is of another headline metric: the spec was edited."""
    for row in store.runs(*ENDED, enrolled_only=False):
        if row.summary and row.summary.get("headline") != [headline.metric, headline.summary]:
            store.keep_summary(row.id, {**row.summary, **_of_record(paths, store, row, headline)})


def _of_record(paths: CampaignPaths, store: Store, row: RunRow, headline: Headline) -> dict[str, Any]:
    try:
        rows = merge_attempts([read_jsonl(paths.run(row.id).metrics)])
    except OSError:  # `view` says what is wrong with it
        rows = []
    length = 0 if store.config(row).core.early_stopping else row.max_steps
    return headline_values(rows, headline, length)


def _final(
    rows: Sequence[Mapping[str, Any]], headline: Headline, max_steps: int
) -> tuple[float | None, str | None]:
    names = ("step", headline.metric, f"val/{headline.metric}")
    records = record_of({name: row[name] for name in names if name in row} for row in rows)
    design = CampaignDesign(steps={"": max_steps} if max_steps else {})
    runs = Runs(
        tuple(Run("", 0, found.steps, found.metrics, own_end=not max_steps) for found in records.values()),
        design,
    )
    try:
        measured = resolve_summary(runs, headline.metric, headline.summary).description
        return summarise(runs, headline.metric, headline.summary)[""].values.get(0), measured
    except UsageError:
        return None, None
