"""What a report is made of: everything a campaign's folder tells, read once, tolerant of what is missing.

A folder without `plan.json`, runs that have not begun, runs that failed, a record that is being written: each
is a state to be shown, none is an error. Only a folder without any run is refused.
"""

from __future__ import annotations

import json
import os
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from campaign.analysis.campaign_design import read_planned
from campaign.analysis.loading import load_runs
from campaign.analysis.runs import Run, Runs, RunStanding
from campaign.errors import UsageError

RunState = Literal["pending", "running", "lost", "interrupted", "done", "failed", "cancelled"]
"""As the run's folder shows it: `running` and `lost` differ by the age of the attempt's last sign of life."""

LEASE_S = 20.0
"""Default of `retry.lease_s`."""
STANDINGS: Mapping[RunState, RunStanding] = {
    "pending": "going", "running": "going", "lost": "going", "interrupted": "going",
    "done": "done", "failed": "failed", "cancelled": "failed",
}  # fmt: skip
"""What the state means to the analysis: a run that may go on keeps verdicts waiting."""
_ENDED: Mapping[str, RunState] = {"finished": "done", "failed": "failed"}


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
    config: Mapping[str, Any] = field(default_factory=dict)
    """The run's `config.toml`."""
    data: Run | None = None
    """Its record; None before the first row."""
    folder: Path = Path()

    @property
    def steps(self) -> int:
        return self.data.length if self.data is not None else 0


@dataclass(frozen=True, slots=True)
class CampaignRecord:
    """A campaign's folder as values."""

    name: str
    folder: Path
    runs: tuple[RunEntry, ...]
    record: Runs
    plan: Mapping[str, Any] = field(default_factory=dict)
    check: Mapping[str, Any] = field(default_factory=dict)
    squeeze: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def conditions(self) -> tuple[str, ...]:
        """In the order of the plan; the first is the baseline."""
        planned = tuple(_labels(self.plan))
        return tuple(dict.fromkeys((*planned, *(run.condition for run in self.runs))))

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(run.seed for run in self.runs))

    @property
    def provenance(self) -> Mapping[str, Any]:
        found = self.plan.get("provenance")
        return found if isinstance(found, Mapping) else {}

    @property
    def complete(self) -> bool:
        return all(run.state == "done" for run in self.runs)

    def of(self, condition: str) -> tuple[RunEntry, ...]:
        return tuple(run for run in self.runs if run.condition == condition)

    def count(self, state: RunState) -> int:
        return sum(run.state == state for run in self.runs)


def read_campaign(folder: Path, now: float | None = None) -> CampaignRecord:
    """Everything in a campaign's folder. `now` (seconds since 1970) decides what counts as alive.

    Raises `UsageError` when the folder is none, or holds no run.
    """
    folder = folder.absolute()
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder")
    plan = _json(folder / "plan.json")
    moment = time.time() if now is None else now
    found = _run_folders(folder, moment)
    record = _load(folder, found)
    entries = _entries(folder, plan, record, found)
    if not entries:
        raise UsageError(f"{folder} holds no runs yet\n    `campaign submit` starts them")
    return CampaignRecord(
        name=str(plan.get("name") or folder.name),
        folder=folder,
        runs=entries,
        record=record,
        plan=plan,
        check=_json(folder / "check.json"),
        squeeze=_json(folder / "squeeze.json"),
        notes=record.notes,
    )


@dataclass(frozen=True, slots=True)
class _RunFolder:
    """What a run's folder shows besides its metrics."""

    path: Path
    config: Mapping[str, Any]
    state: RunState
    attempts: int
    error: str


def _run_folders(folder: Path, now: float) -> dict[str, _RunFolder]:
    found = {}
    for path in sorted((folder / "runs").glob("*")):
        if path.is_dir():
            config = _toml(path / "config.toml")
            found[path.name] = _RunFolder(path, config, *_standing(path, config, now))
    return found


def _load(folder: Path, found: Mapping[str, _RunFolder]) -> Runs:
    """The metrics of all runs; none before the first row of the first run."""
    if not any(os.path.lexists(run.path / "metrics.jsonl") for run in found.values()):
        return Runs((), read_planned(folder), folder)
    standings = {run_id: STANDINGS[run.state] for run_id, run in found.items()}
    return load_runs(folder, "runs/{run}/metrics.jsonl", standings=standings, generations=True)


def _entries(
    folder: Path, plan: Mapping[str, Any], record: Runs, found: Mapping[str, _RunFolder]
) -> tuple[RunEntry, ...]:
    """Planned runs in the order of the plan, then those that only have a folder."""
    planned = {
        str(run["id"]): run
        for run in plan.get("runs") or ()
        if isinstance(run, Mapping) and {"id", "condition", "seed"} <= run.keys()
    }
    by_id = {run.id: run for run in record.runs}
    entries = []
    for run_id in dict.fromkeys((*planned, *by_id, *found)):
        shown = found.get(run_id) or _RunFolder(folder / "runs" / run_id, {}, "pending", 0, "")
        data = by_id.get(run_id)
        owner = _owner(run_id, planned.get(run_id), shown.config, data)
        if owner is None:
            continue
        condition, seed = owner
        steps = (shown.config.get("training") or {}).get("max_steps", record.design.steps.get(condition))
        entries.append(
            RunEntry(
                run_id, condition, seed, shown.state, shown.attempts, shown.error,
                steps if isinstance(steps, int) else None,
                shown.config, data if data is not None and len(data.steps) else None, shown.path,
            )
        )  # fmt: skip
    order = {label: place for place, label in enumerate(_labels(plan))}
    return tuple(sorted(entries, key=lambda run: order.get(run.condition, len(order))))


def _owner(
    run_id: str, planned: Mapping[str, Any] | None, config: Mapping[str, Any], data: Run | None
) -> tuple[str, int] | None:
    """Condition and seed of a run: as planned, as configured, as recorded, or as its folder's name says."""
    if planned is not None:
        return str(planned["condition"]), int(planned["seed"])
    seed = (config.get("training") or {}).get("seed")
    if isinstance(config.get("condition"), str) and isinstance(seed, int):
        return config["condition"], seed
    if data is not None:
        return data.condition, data.seed
    condition, mark, number = run_id.rpartition("_s")
    return (condition, int(number)) if mark and condition and number.isdigit() else None


def _standing(run: Path, config: Mapping[str, Any], now: float) -> tuple[RunState, int, str]:
    """State, number of attempts and last error, from what the attempts left behind."""
    root = run / "attempts"
    attempts = sorted(path for path in root.glob("*") if path.name.isdigit()) if root.is_dir() else []
    metrics = run / "metrics.jsonl"
    if not attempts:
        return ("done" if metrics.is_file() else "pending"), 0, ""
    outcome = _json(attempts[-1] / "result.json")
    if outcome:
        kind = str(outcome.get("kind", ""))
        error = _first_line(outcome.get("traceback"), last=True) or _first_line(outcome.get("reason"))
        if kind == "stopped" and (run / "CANCEL").exists():
            return "cancelled", len(attempts), ""
        return _ENDED.get(kind, "interrupted"), len(attempts), "" if kind == "finished" else error
    lease = (config.get("retry") or {}).get("lease_s", LEASE_S)
    try:
        silent_s = now - attempts[-1].stat().st_mtime
    except OSError:
        silent_s = float("inf")
    return ("running" if silent_s <= float(lease) else "lost"), len(attempts), ""


def _first_line(text: object, *, last: bool = False) -> str:
    lines = [line for line in str(text or "").splitlines() if line.strip()]
    return lines[-1 if last else 0].strip() if lines else ""


def _labels(plan: Mapping[str, Any]) -> list[str]:
    entries = plan.get("conditions") or ()
    return [str(entry["label"]) for entry in entries if isinstance(entry, Mapping) and entry.get("label")]


def _json(path: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _toml(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
