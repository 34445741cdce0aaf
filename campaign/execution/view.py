"""The current state of a campaign for display: states from the store, progress from the ends of files."""

from __future__ import annotations

import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from campaign.execution.lock import holder
from campaign.execution.progress import ProgressReader
from campaign.execution.run_summary import mean, record_format
from campaign.execution.store_reader import RunRow, StoreReader
from campaign.execution.unlogged_metrics import UnloggedMetrics
from campaign.folder.paths import CampaignPaths
from campaign.folder.plan_document import PlanDocument, plan_or_empty
from campaign.folder.run_record import record_problem
from campaign.folder.states import ENDED, RunState
from campaign.spec.headline import headline_of
from campaign.spec.run_config import config_to_json
from campaign.spec.stale import PlannedSettings, another_version


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
    stale: tuple[str, ...] = ()
    """The settings in which the run differs from the plan, each with both values; empty when it does not."""

    @property
    def shown_state(self) -> str:
        """The state, except that a run that is done with other settings than the plan's is not done but `stale`."""
        return "stale" if self.stale and self.state == "done" else self.state

    @property
    def left(self) -> int:
        """Steps that are not done yet."""
        return self.max_steps - self.steps


@dataclass(frozen=True, slots=True)
class ConditionView:
    label: str
    done: int
    """Runs that are done with the settings of the plan."""
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
    unlogged: tuple[str, ...] = ()
    """Hypotheses about a metric that the rows of the runs do not have, as sentences."""
    notes: tuple[str, ...] = ()
    """What a reader must know about the plan, as sentences; filled in by those who display a campaign once."""

    def count(self, *states: RunState) -> int:
        return sum(run.state in states for run in self.runs)

    @property
    def stale(self) -> dict[str, tuple[str, ...]]:
        """Run id -> what makes it stale. No comparison has these runs."""
        return {run.id: run.stale for run in self.runs if run.stale}

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
        self._planned = _PlannedIdentities(paths)
        self._unlogged = UnloggedMetrics(paths)

    def read(self) -> CampaignView:
        who = holder(self.paths)
        pid = who.get("pid") if who else None
        rows = self._store.runs()
        self._planned.refresh()
        stale = {row.id: self._planned.changes(row, self._store) for row in rows}
        launched = self._store.launched_at()
        runs = tuple(
            self._run(row, launched.get(row.id), stale[row.id], live=who is not None) for row in rows
        )
        return CampaignView(
            name=self.paths.root.name,
            controller=pid if isinstance(pid, int) else None,
            metric=self._metric,
            runs=runs,
            conditions=_conditions(rows, stale),
            eta_s=_eta(runs),
            unlogged=self._unlogged.sentences(
                {run.id: (run.condition, run.state, run.steps) for run in runs}
            ),
        )

    def close(self) -> None:
        self._store.close()

    def _run(self, row: RunRow, launched: float | None, stale: tuple[str, ...], *, live: bool) -> RunView:
        state: RunState = row.state
        steps, value, eta = int(row.summary.get("steps", 0)), row.summary.get("recent"), None
        error = row.error
        if row.state == "done" and (
            problem := record_problem(self.paths.run(row.id), row.summary.get("record_bytes"))
        ):
            state, error = "interrupted", problem  # a submit merges the record again, or repeats the run
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
        # A core that may end early has ended where its record ends.
        own_end = state == "done" and self._store.config(row).core.early_stopping
        max_steps = steps if own_end else row.max_steps
        return RunView(
            row.id, row.condition, row.seed, state, steps, max_steps, value, eta,
            row.attempt, row.failures, row.losses, error, stale,
        )  # fmt: skip

    def _running_state(self, row: RunRow, logged: bool) -> RunState:
        # The store knows only that the attempt was launched. That its supervisor has started shows in the folder,
        # which is the claim, and that its core has started shows in the first row.
        if logged:
            return "running"
        claimed = os.path.exists(self.paths.run(row.id).attempt(row.attempt).root)
        return "starting" if claimed else "queued"


class _PlannedIdentities:
    """The identities that the latest plan gives its runs, against which those of the store are compared."""

    def __init__(self, paths: CampaignPaths) -> None:
        self._path = paths.plan
        self._read: tuple[int, int, int] | None = None
        self._identities: dict[str, str] = {}
        self._settings = PlannedSettings(PlanDocument())
        self._known: dict[tuple[str, str, str], tuple[str, ...]] = {}

    def refresh(self) -> None:
        """Read `plan.json` if it was replaced: a campaign of ten thousand runs has one of several megabytes."""
        try:
            stat = self._path.stat()
        except OSError:
            return
        signature = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        if signature != self._read:
            plan = plan_or_empty(self._path)
            self._identities = {run.id: run.identity for run in plan.runs}
            self._settings, self._known, self._read = PlannedSettings(plan), {}, signature

    def changes(self, row: RunRow, store: StoreReader) -> tuple[str, ...]:
        """What makes a run stale; empty when it has the plan's identity, is not in the plan, or was never begun."""
        planned = self._identities.get(row.id, row.identity)
        if planned == row.identity or not row.attempt:
            return ()
        key = (row.condition, row.config, row.identity.partition(":")[0])
        if key not in self._known:
            found = self._settings.changes(row.condition, config_to_json(store.config(row)))
            self._known[key] = found or (another_version(row.identity),)
        return self._known[key]


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


def _conditions(rows: Sequence[RunRow], stale: Mapping[str, tuple[str, ...]]) -> tuple[ConditionView, ...]:
    by_label: dict[str, list[RunRow]] = {}
    for row in rows:
        by_label.setdefault(row.condition, []).append(row)
    measured = _measured([row for row in rows if row.state == "done" and not stale[row.id]])
    return tuple(_condition(label, members, stale, measured) for label, members in by_label.items())


def _measured(done: Sequence[RunRow]) -> str | None:
    """How the final values were obtained. As in a comparison: once any run has an evaluation, runs without one have no
    value, because numbers of training prompts and of held-out prompts are never averaged."""
    phrases = [row.summary["measured"] for row in done if row.summary.get("measured")]
    return next((phrase for phrase in phrases if " val/" in phrase), phrases[0] if phrases else None)


def _condition(
    label: str, rows: Sequence[RunRow], stale: Mapping[str, tuple[str, ...]], measured: str | None
) -> ConditionView:
    done = [row for row in rows if row.state == "done" and not stale[row.id]]
    values = [
        float(row.summary["final"])
        for row in done
        if row.summary.get("final") is not None and row.summary.get("measured") == measured
    ]
    return ConditionView(
        label,
        done=len(done),
        runs=len(rows),
        mean=mean(values) if values else None,
        spread=_spread(values),
        measured=measured if values else None,
    )


def read_view(paths: CampaignPaths) -> CampaignView:
    """The campaign's current state."""
    reader = CampaignReader(paths)
    try:
        return reader.read()
    finally:
        reader.close()


def _spread(rates: Sequence[float]) -> float | None:
    try:
        return statistics.stdev(rates) if len(rates) > 1 else None
    except OverflowError:  # a core may log anything
        return None
