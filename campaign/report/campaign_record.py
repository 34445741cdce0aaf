"""Reads everything a report needs from a campaign's folder, tolerating missing parts.

A folder without `plan.json`, runs that have not begun, failed runs, and records that are still being written are
displayed as what they are. Only a folder without any run is an error.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from campaign.analysis.campaign_design import read_design
from campaign.analysis.layout import CAMPAIGN_LAYOUT, run_name
from campaign.analysis.loading import load_runs
from campaign.analysis.runs import Run, Runs
from campaign.errors import UsageError
from campaign.folder.atomic_files import read_json
from campaign.folder.completeness import read_shortfall
from campaign.folder.outcome import Outcome, read_outcome
from campaign.folder.paths import CampaignPaths, RunPaths
from campaign.folder.plan_document import PlanDocument, PlanEntry, read_plan
from campaign.folder.regular_files import reason_of
from campaign.folder.run_record import finished_steps, is_live, read_config, section
from campaign.folder.states import RunState
from campaign.redact import secret_values

LEASE_S = 20.0
"""Default of `retry.lease_s`."""
_AFTER: Mapping[str, RunState] = {"finished": "done", "failed": "failed"}
"""Outcome of the last attempt -> state; after any other outcome, the run is started again."""


@dataclass(frozen=True, slots=True)
class RunEntry:
    """One run of the campaign, begun or not."""

    id: str
    condition: str
    seed: int
    state: RunState
    attempts: int = 0
    error: str = ""
    planned_steps: int | None = None
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The content of the run's `config.toml`."""
    data: Run | None = field(default=None, repr=False)
    """The run's record; None before the first row, and for a stale run, which no table or figure may use."""
    paths: RunPaths = field(default_factory=lambda: RunPaths(Path()))
    stale: tuple[str, ...] = ()
    """The settings in which the run differs from the plan, each with both values; empty when it does not."""
    left_out: bool = False
    """Whether the run is stale and was not included by request."""
    steps: int = 0
    """Finished steps, whether the core counts from 0 or from 1."""

    @property
    def shown_state(self) -> str:
        return "stale" if self.stale and self.state == "done" else self.state

    @property
    def remark(self) -> str:
        """What happened to the run, where there is something to say."""
        return "; ".join(part for part in (self.error, *self.stale) if part)


@dataclass(frozen=True, slots=True)
class CampaignRecord:
    """The content of a campaign's folder."""

    name: str
    folder: Path
    runs: tuple[RunEntry, ...]
    record: Runs
    plan: PlanDocument = field(default_factory=PlanDocument)
    check: Mapping[str, Any] = field(default_factory=dict)
    squeeze: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def conditions(self) -> tuple[str, ...]:
        """In the order of the plan; the first is the baseline."""
        return tuple(dict.fromkeys((*self.plan.labels, *(run.condition for run in self.runs))))

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(run.seed for run in self.runs))

    @property
    def provenance(self) -> Mapping[str, Any]:
        return self.plan.provenance

    @property
    def complete(self) -> bool:
        return all(run.state == "done" and not run.stale for run in self.runs)

    @property
    def stale(self) -> dict[str, tuple[str, ...]]:
        """Run id -> what makes it stale."""
        return {run.id: run.stale for run in self.runs if run.stale}

    def of(self, condition: str) -> tuple[RunEntry, ...]:
        return tuple(run for run in self.runs if run.condition == condition)

    def count(self, state: RunState) -> int:
        """The runs in a state; stale ones are not counted."""
        return sum(run.state == state and not run.stale for run in self.runs)


def read_campaign(folder: Path, now: float | None = None, *, include_stale: bool = False) -> CampaignRecord:
    """Read a campaign's folder. `now` (seconds since 1970) is the time against which leases are measured.

    Stale runs are listed, and their records are left out unless `include_stale`.

    Raises `UsageError` when there is no such folder, it has no run, or its plan cannot be read.
    """
    folder = folder.absolute()
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder")
    paths = CampaignPaths(folder)
    plan = read_plan(paths.plan)
    found = _run_folders(paths, time.time() if now is None else now)
    record = _load(folder, found, include_stale)
    entries = _entries(paths, plan, record, found)
    if not entries:
        raise UsageError(f"{folder} holds no runs yet\n    `campaign submit` starts them")
    return CampaignRecord(
        name=plan.name or folder.name,
        folder=folder,
        runs=entries,
        record=record,
        plan=plan,
        check=read_json(paths.check) or {},
        squeeze=read_json(paths.squeeze) or {},
        notes=record.notes,
    )


@dataclass(frozen=True, slots=True)
class _RunFolder:
    """The content of a run's folder, except for its metrics."""

    paths: RunPaths
    config: Mapping[str, Any]
    state: RunState
    attempts: int
    error: str


def _run_folders(paths: CampaignPaths, now: float) -> dict[str, _RunFolder]:
    found = {}
    for run in paths.run_folders():
        config = read_config(run)
        try:
            state = _state(run, config, now)
        except OSError as error:
            state = "failed", 0, reason_of(error)
        found[run.root.name] = _RunFolder(run, config, *state)
    return found


def _load(folder: Path, found: Mapping[str, _RunFolder], include_stale: bool) -> Runs:
    """The metrics of all runs; none before the first row of the first run."""
    if not any(os.path.lexists(run.paths.metrics) for run in found.values()):
        return Runs((), read_design(folder), folder)
    states = {run_id: run.state for run_id, run in found.items()}
    return load_runs(folder, CAMPAIGN_LAYOUT, states=states, generations=True, include_stale=include_stale)


def _entries(
    paths: CampaignPaths, plan: PlanDocument, record: Runs, found: Mapping[str, _RunFolder]
) -> tuple[RunEntry, ...]:
    """Planned runs in the order of the plan, then those that only have a folder."""
    planned = {run.id: run for run in plan.runs}
    by_id = {run.id: run for run in (*record.runs, *record.stale)}
    entries = []
    for run_id in dict.fromkeys((*planned, *by_id, *found)):
        shown = found.get(run_id) or _RunFolder(paths.run(run_id), {}, "pending", 0, "")
        data = by_id.get(run_id)
        if (owner := _owner(run_id, planned.get(run_id), shown.config, data)) is not None:
            left_out = record.is_stale(*owner)
            entries.append(_entry(run_id, *owner, shown, data, record.design.steps, left_out=left_out))
    order = {label: place for place, label in enumerate(plan.labels)}
    return tuple(sorted(entries, key=lambda run: order.get(run.condition, len(order))))


def _finished(data: Run | None) -> int:
    if data is None or not len(data.steps):
        return 0
    return finished_steps(int(data.steps[0]), int(data.steps[-1]))


def _entry(
    run_id: str,
    condition: str,
    seed: int,
    shown: _RunFolder,
    data: Run | None,
    planned_steps: Mapping[str, int],
    *,
    left_out: bool,
) -> RunEntry:
    state, error = shown.state, shown.error
    if data is not None and data.shortfall:
        state, error = data.state, data.shortfall
    steps = section(shown.config, "training").get("max_steps", planned_steps.get(condition))
    if state == "done" and section(shown.config, "core").get("early_stopping"):
        steps = None  # it has ended where its core ended
    return RunEntry(
        run_id, condition, seed, state, shown.attempts, error,
        steps if isinstance(steps, int) else None,
        shown.config, data if data is not None and len(data.steps) and not left_out else None, shown.paths,
        data.stale if data is not None else (), left_out, _finished(data),
    )  # fmt: skip


def _owner(
    run_id: str, planned: PlanEntry | None, config: Mapping[str, Any], data: Run | None
) -> tuple[str, int] | None:
    """Condition and seed of a run: from the plan, its configuration, its record, or the name of its folder."""
    if planned is not None:
        return planned.condition, planned.seed
    seed = section(config, "training").get("seed")
    if isinstance(config.get("condition"), str) and isinstance(seed, int):
        return config["condition"], seed
    if data is not None:
        return data.condition, data.seed
    condition, number = run_name(run_id)
    return None if condition is None or number is None else (condition, number)


def _state(run: RunPaths, config: Mapping[str, Any], now: float) -> tuple[RunState, int, str]:
    """State, number of attempts and last error, from the files of the attempts. Without an outcome, the age of the
    last heartbeat tells `running` from `lost`."""
    attempts = run.attempts()
    found = read_shortfall(run)
    if found is not None and not is_live(run):
        return found.state, len(attempts), found.reason
    if not attempts:
        waiting: RunState = "cancelled" if os.path.exists(run.cancel) else "pending"
        return ("done" if run.metrics.is_file() else waiting), 0, ""
    if (outcome := read_outcome(attempts[-1])) is not None:
        return _state_after(outcome, run), len(attempts), _error(outcome)
    lease_s = section(config, "retry").get("lease_s", LEASE_S)
    try:
        silent_s = now - attempts[-1].root.stat().st_mtime
    except OSError:
        silent_s = float("inf")
    lease_s = lease_s if isinstance(lease_s, int | float) else LEASE_S
    if silent_s <= lease_s:
        return "running", len(attempts), ""
    result = attempts[-1].result
    error = f"{result} does not say how the attempt ended" if os.path.lexists(result) else ""
    return "lost", len(attempts), error


def _state_after(outcome: Outcome, run: RunPaths) -> RunState:
    if outcome.kind != "finished" and os.path.exists(run.cancel):
        return "cancelled"
    return _AFTER.get(outcome.kind, "interrupted")


def _error(outcome: Outcome) -> str:
    if outcome.kind == "finished":
        return ""
    # Once more: the core may have written the result itself.
    outcome = outcome.redacted(secret_values())
    return _first_line(outcome.traceback, last=True) or _first_line(outcome.reason)


def _first_line(text: str, *, last: bool = False) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1 if last else 0].strip() if lines else ""
