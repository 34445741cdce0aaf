"""Gathers what planning needs to know: from the campaign's store and the folders of unfinished runs."""

from __future__ import annotations

import statistics
from typing import Any

from campaign.execution import checkpoints
from campaign.execution.lock import holder
from campaign.execution.progress import ProgressReader
from campaign.execution.run_summary import record_format
from campaign.execution.store_reader import RunRow, StoreEmpty, StoreReader
from campaign.folder.paths import CampaignPaths
from campaign.folder.regular_files import reason_of
from campaign.folder.run_record import record_problem
from campaign.folder.states import RunState
from campaign.spec.identity import identity_fields
from campaign.spec.planned_runs import Facts, RunFacts


def gather_facts(paths: CampaignPaths, *, own_lock: bool = False) -> Facts:
    """The facts about the campaign in `paths`; empty before its first submit. The resources of this machine are
    not among them.

    With `own_lock`, the caller holds the campaign's lock, so nothing is running. Folders are read only for runs
    that have begun and are not done. Raises `StoreUnreadable` when a store exists but cannot be read.
    """
    if not paths.database.exists():
        return Facts()
    live = not own_lock and holder(paths) is not None
    fields: dict[str, dict[str, Any]] = {}
    reader = ProgressReader()
    try:
        opened = StoreReader.open(paths)
    except StoreEmpty:  # a submit completes it
        return Facts()
    with opened as store:
        rows = store.runs(enrolled_only=False)
        runs = {row.id: _run_facts(paths, store, row, live, fields, reader) for row in rows}
    return Facts(runs=runs, step_seconds=_step_seconds(rows))


def _run_facts(
    paths: CampaignPaths, store: StoreReader, row: RunRow, live: bool,
    fields: dict[str, dict[str, Any]], reader: ProgressReader,
) -> RunFacts:  # fmt: skip
    if row.config not in fields:
        fields[row.config] = identity_fields(store.config(row))
    steps, checkpoint = row.summary.get("steps"), None
    run, state, error = paths.run(row.id), _state(row.state, live), row.error
    if state == "done" and (problem := record_problem(run, row.summary.get("record_bytes"))):
        state, error = "interrupted", problem
    # For a finished run the summary has everything; reading ten thousand folders would take seconds.
    if row.attempt and state != "done":
        rows = record_format(store.config(row))
        try:
            found = checkpoints.resumption(run, rows).checkpoint
        except OSError as unreadable:
            found, error = None, reason_of(unreadable)
        checkpoint = str(found.path) if found else None
        progress = reader.read(run.metrics, rows)
        steps = progress.steps if progress else steps
    return RunFacts(
        state=state,
        identity=row.identity,
        identity_fields={**fields[row.config], "training.seed": row.seed},
        attempts=row.attempt,
        last_step=steps - 1 if steps else None,
        checkpoint=checkpoint,
        error=error,
    )


def _state(state: RunState, live: bool) -> RunState:
    """The stored state, except that without a controller it is unknown whether a running attempt is still alive."""
    return "lost" if state == "running" and not live else state


def _step_seconds(rows: list[RunRow]) -> dict[str, float]:
    """Measured seconds per step of each condition: the median over its runs."""
    measured: dict[str, list[float]] = {}
    for row in rows:
        seconds = row.summary.get("step_seconds")
        if seconds:
            measured.setdefault(row.condition, []).append(float(seconds))
    return {condition: statistics.median(values) for condition, values in measured.items()}
