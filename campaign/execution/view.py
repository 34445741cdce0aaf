"""The current state of a campaign for display: states from the store, progress from the ends of files."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from campaign.execution.lock import holder
from campaign.execution.progress import ProgressReader
from campaign.execution.run_summary import record_format
from campaign.execution.store_reader import RunRow, StoreReader
from campaign.folder.paths import CampaignPaths
from campaign.folder.plan_document import plan_or_empty
from campaign.folder.states import ENDED, RunState
from campaign.spec.headline import headline_of


@dataclass(frozen=True, slots=True)
class RunView:
    id: str
    condition: str
    seed: int
    state: RunState
    steps: int
    max_steps: int
    value: float | None
    """Recent value of the campaign's headline metric, by the same rule while the run is live and when it has ended."""
    eta_s: float | None
    """Remaining seconds; None unless the run is running and its pace is known."""
    attempt: int
    failures: int
    losses: int
    error: str

    @property
    def left(self) -> int:
        """Steps that are not done yet."""
        return self.max_steps - self.steps


@dataclass(frozen=True, slots=True)
class ConditionView:
    label: str
    done: int
    runs: int
    mean: float | None
    """Mean over the finished seeds of the final value of the headline metric, as `compare` and the report have it."""
    spread: float | None
    """Standard deviation over these seeds; None for fewer than two."""
    measured: str | None
    """How each final value was obtained, as a phrase."""


@dataclass(frozen=True, slots=True)
class CampaignView:
    name: str
    controller: int | None
    """Process id of the controller; None when no controller is alive."""
    metric: str
    """The headline metric, of which every value is shown."""
    runs: tuple[RunView, ...]
    conditions: tuple[ConditionView, ...]
    eta_s: float | None

    def count(self, *states: RunState) -> int:
        return sum(run.state in states for run in self.runs)

    @property
    def complete(self) -> bool:
        return all(run.state in ENDED for run in self.runs)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class CampaignReader:
    """Reads one campaign repeatedly and cheaply. Raises `StoreUnreadable` when it cannot be read."""

    def __init__(self, paths: CampaignPaths) -> None:
        self.paths = paths
        self._store = StoreReader.open(paths)
        self._metric = headline_of(plan_or_empty(paths.plan)).metric
        self._progress = ProgressReader(self._metric)

    def read(self) -> CampaignView:
        who = holder(self.paths)
        pid = who.get("pid") if who else None
        rows = self._store.runs()
        launched = self._store.launched_at()
        runs = tuple(self._run(row, launched.get(row.id), live=who is not None) for row in rows)
        return CampaignView(
            name=self.paths.root.name,
            controller=pid if isinstance(pid, int) else None,
            metric=self._metric,
            runs=runs,
            conditions=_conditions(rows),
            eta_s=_eta(runs),
        )

    def close(self) -> None:
        self._store.close()

    def _run(self, row: RunRow, launched: float | None, *, live: bool) -> RunView:
        state: RunState = row.state
        steps, value, eta = int(row.summary.get("steps", 0)), row.summary.get("recent"), None
        # A run that was cancelled while nobody executed it has ended without a summary.
        if row.attempt and (row.state in ("running", "lost", "pending") or not row.summary):
            run = self.paths.run(row.id)
            progress = self._progress.read(run.metrics, record_format(self._store.config(row)))
            if progress:
                steps, value = progress.steps, progress.value
            if row.state == "running":
                state = self._running_state(row, progress is not None)
            if progress and state == "running":
                eta = _remaining(
                    row.max_steps - steps, progress.step_seconds, progress.written_at, launched, steps
                )
        # The backend ends with its controller, and its attempts with it. Nothing starts until the next submit.
        if not live and state in ("queued", "starting", "running", "lost"):
            state, eta = "interrupted", None
        return RunView(
            row.id, row.condition, row.seed, state, steps, row.max_steps, value, eta,
            row.attempt, row.failures, row.losses, row.error,
        )  # fmt: skip

    def _running_state(self, row: RunRow, logged: bool) -> RunState:
        # The store knows only that the attempt was launched. That its supervisor has started shows in the folder,
        # which is the claim, and that its core has started shows in the first row.
        if logged:
            return "running"
        claimed = self.paths.run(row.id).attempt(row.attempt).root.exists()
        return "starting" if claimed else "queued"


def _remaining(
    left: int, step_seconds: float | None, written_at: float, launched: float | None, steps: int
) -> float | None:
    # A core that logs no `step_time_s` is timed by its own progress, which includes its start-up.
    if step_seconds is None and launched is not None and steps:
        step_seconds = max(0.0, written_at - launched) / steps
    return None if step_seconds is None else max(0, left) * step_seconds


def _eta(runs: Sequence[RunView]) -> float | None:
    """Remaining time of the whole campaign, from the pace and the number of the runs that run now."""
    running = {run: run.eta_s for run in runs if run.eta_s is not None}
    paces = [eta / run.left for run, eta in running.items() if run.left > 0]
    if not paces:
        return None
    waiting = sum(run.left for run in runs if run.state in ("pending", "queued", "starting"))
    work = sum(running.values()) + statistics.fmean(paces) * waiting
    # Assumes that as many runs execute at once as now. No campaign ends before the slowest of its live runs.
    at_once = sum(run.state in ("running", "starting") for run in runs)
    return max(work / at_once, *running.values())


def _conditions(rows: Sequence[RunRow]) -> tuple[ConditionView, ...]:
    by_label: dict[str, list[RunRow]] = {}
    for row in rows:
        by_label.setdefault(row.condition, []).append(row)
    measured = _measured([row for row in rows if row.state == "done"])
    return tuple(_condition(label, members, measured) for label, members in by_label.items())


def _measured(done: Sequence[RunRow]) -> str | None:
    """How the final values were obtained. As in a comparison: once any run has an evaluation, runs without one have no
    value, because numbers of training prompts and of held-out prompts are never averaged."""
    phrases = [row.summary["measured"] for row in done if row.summary.get("measured")]
    return next((phrase for phrase in phrases if " val/" in phrase), phrases[0] if phrases else None)


def _condition(label: str, rows: Sequence[RunRow], measured: str | None) -> ConditionView:
    done = [row for row in rows if row.state == "done"]
    values = [
        float(row.summary["final"])
        for row in done
        if row.summary.get("final") is not None and row.summary.get("measured") == measured
    ]
    return ConditionView(
        label,
        done=len(done),
        runs=len(rows),
        mean=statistics.fmean(values) if values else None,
        spread=statistics.stdev(values) if len(values) > 1 else None,
        measured=measured if values else None,
    )
