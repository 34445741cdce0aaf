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
from campaign.folder.states import ENDED, RunState


@dataclass(frozen=True, slots=True)
class RunView:
    id: str
    condition: str
    seed: int
    state: RunState
    steps: int
    max_steps: int
    correct_rate: float | None
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
    correct_rate: float | None
    """Mean over the finished seeds: of the last evaluation, or of the last steps where there was no evaluation."""
    spread: float | None
    """Standard deviation over these seeds; None for fewer than two."""
    evaluated: bool


@dataclass(frozen=True, slots=True)
class CampaignView:
    name: str
    controller: int | None
    """Process id of the controller; None when no controller is alive."""
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
        self._progress = ProgressReader()

    def read(self) -> CampaignView:
        who = holder(self.paths)
        pid = who.get("pid") if who else None
        rows = self._store.runs()
        launched = self._store.launched_at()
        runs = tuple(self._run(row, launched.get(row.id), live=who is not None) for row in rows)
        return CampaignView(
            name=self.paths.root.name,
            controller=pid if isinstance(pid, int) else None,
            runs=runs,
            conditions=_conditions(rows),
            eta_s=_eta(runs),
        )

    def close(self) -> None:
        self._store.close()

    def _run(self, row: RunRow, launched: float | None, *, live: bool) -> RunView:
        state: RunState = row.state
        steps, rate, eta = int(row.summary.get("steps", 0)), row.summary.get("correct_rate"), None
        if row.attempt and row.state in ("running", "lost", "pending"):
            run = self.paths.run(row.id)
            progress = self._progress.read(run.metrics, record_format(self._store.config(row)))
            if progress:
                steps, rate = progress.steps, progress.correct_rate
            if row.state == "running":
                state = self._running_state(row, progress is not None)
            if progress and state == "running":
                eta = _remaining(
                    row.max_steps - steps, progress.step_seconds, progress.written_at, launched, steps
                )
        # The backend ends with its controller, and its attempts with it. Nothing starts until the next submit.
        if not live and state in ("queued", "starting", "running", "lost"):
            state, eta = "interrupted", None
        # A core that may end early has ended where its record ends.
        own_end = state == "done" and self._store.config(row).core.early_stopping
        max_steps = steps if own_end else row.max_steps
        return RunView(
            row.id, row.condition, row.seed, state, steps, max_steps, rate, eta,
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
    # As in a comparison: once any run has an evaluation, runs without one have no value. Numbers of training prompts
    # and of held-out prompts are never averaged.
    evaluated = any(row.state == "done" and row.summary.get("evaluated") for row in rows)
    return tuple(_condition(label, members, evaluated) for label, members in by_label.items())


def _condition(label: str, rows: Sequence[RunRow], evaluated: bool) -> ConditionView:
    done = [row for row in rows if row.state == "done"]
    rated = [row.summary for row in done if row.summary.get("evaluated") is evaluated]
    rates = [float(summary["correct_rate"]) for summary in rated]
    return ConditionView(
        label,
        done=len(done),
        runs=len(rows),
        correct_rate=statistics.fmean(rates) if rates else None,
        spread=statistics.stdev(rates) if len(rates) > 1 else None,
        evaluated=evaluated and bool(rated),
    )
