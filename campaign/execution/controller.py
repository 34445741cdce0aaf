"""Reconciles running attempts with the desired state.

Each turn observes (attempts that ended, folders that went silent, requests to cancel), records what it saw, and
launches pending runs while resources are free. Every decision is committed before it takes effect, so a
controller that is killed at any point can be replaced by another one.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from campaign.errors import Incomplete
from campaign.execution import checkpoints
from campaign.execution.backend import AttemptKey, Backend, Capacity, Ended, require_feasible
from campaign.execution.fence import cancel_requested, raise_fence, stop_epoch
from campaign.execution.launching import assignment
from campaign.execution.lease import FilesystemClock, beat_age, known_dead
from campaign.execution.orphans import end_orphans
from campaign.execution.out_of_memory import named_when_repeated
from campaign.execution.run_summary import record_format
from campaign.execution.settled_run import settle_run
from campaign.execution.squeeze_job import SqueezeJob
from campaign.execution.store import Settlement, Store
from campaign.execution.store_reader import RunRow
from campaign.execution.transitions import after_shortfall, settle
from campaign.folder.disk_space import is_full, storage_full
from campaign.folder.outcome import Outcome, read_outcome
from campaign.folder.paths import CampaignPaths
from campaign.folder.plan_document import plan_or_empty
from campaign.folder.regular_files import is_file_error, reason_of
from campaign.folder.run_record import record_bytes, show_live
from campaign.folder.states import FAILED, RunState
from campaign.spec.config import ResourcesSection, RunConfig
from campaign.spec.headline import Headline, headline_of
from campaign.spec.run_config import write_run_config

TURN_S = 0.25
EXAMINE_S = 1.0
SILENCE_LEASES = 2.0
"""A running attempt whose last beat is this many leases old counts as lost, whatever Ray reports: Ray takes
minutes to notice a network partition and never notices a frozen machine."""
SQUEEZE_PATIENCE_S = 120.0
MOST_AT_ONCE = 256
"""Most runs launched in one turn, so that a turn stays short on a cluster of any size."""


class BackendLost(Incomplete):
    """The backend has died. Only the steps since the last checkpoints are lost."""


Ending = Literal["complete", "stopped", "interrupted", "failures"]
"""complete: no run is left to do. stopped: by SIGTERM. interrupted: by Ctrl-C. failures: as many runs have
failed as the spec allows."""


@dataclass(slots=True)
class Controller:
    """Runs the pending runs of `store`. Create it only while holding the campaign's lock."""

    paths: CampaignPaths
    store: Store
    backend: Backend
    workdir: Path
    import_path: tuple[str, ...] = ()
    failure_limit: int | None = None
    """Number of failed runs at which no more are started and the others are stopped."""
    provenance: str = ""
    """Id of the provenance of the submit, which every attempt records."""
    on_turn: Callable[[], None] = lambda: None
    """Called at least four times a second, for a display."""
    keep_lock: Callable[[], None] = lambda: None
    """Called about once a second. Raises `Incomplete` when another controller has taken the campaign over."""
    clock: Callable[[], float] = time.monotonic
    squeeze: SqueezeJob = field(init=False)
    ending: Ending | None = field(default=None, init=False)
    """Why no more runs are started; None while runs are started."""
    _halted: bool = field(default=False, init=False)
    _epoch: int = field(default=0, init=False)
    _in_flight: dict[AttemptKey, ResourcesSection] = field(default_factory=dict, init=False)
    _unsettled: dict[AttemptKey, Ended] = field(default_factory=dict, init=False)
    """Attempts that ended without an outcome, as the backend reported them."""
    _examined_at: float = field(default=float("-inf"), init=False)
    _fs_clock: FilesystemClock = field(init=False)
    _capacity: Capacity = field(init=False)
    _headline: Headline = field(init=False)

    def __post_init__(self) -> None:
        self._fs_clock = FilesystemClock(self.paths)
        self.squeeze = SqueezeJob(self.paths)
        self._headline = headline_of(plan_or_empty(self.paths.plan))

    def run(self) -> Ending:
        """Return when no run is left to do, or a stop was requested and every run has stopped."""
        self.paths.stop.unlink(missing_ok=True)  # of an earlier epoch
        end_orphans(self.paths.root)  # of a controller or worker that was killed
        # From here on, every attempt that the store calls running was launched by this controller.
        self._epoch = self.store.begin_epoch(self.backend.name)
        self._capacity = self.backend.capacity()
        self._require_feasible()
        try:
            while not (self._halted or self._settled()):
                self._turn()
        except Exception as error:
            # Whatever a dead backend or a deleted folder has caused, that is the reason.
            self._require_backend(error)
            self._require_folder()
            raise
        if self._halted:
            return self.ending or "interrupted"
        if self.ending is None:
            self._finish_squeeze()
        ending = self.ending or "complete"
        self.store.end_epoch(self._epoch, ending)
        return ending

    def _turn(self) -> None:
        self._observe()
        if self.clock() - self._examined_at >= EXAMINE_S:
            self._examined_at = self.clock()
            self._examine()
        if self.ending is None:
            self._admit()
        self.on_turn()

    def _require_backend(self, error: Exception | None = None) -> None:
        problem = self.backend.problem()
        if problem:
            raise BackendLost(
                f"{problem}; all runs are saved up to their last checkpoints: submit again"
            ) from error

    def _require_folder(self) -> None:
        # Looked at first: a supervisor that starts may make the folder anew, and the lock would then be taken in it.
        if not self.paths.database.exists():
            raise Incomplete(
                f"{self.paths.database} was deleted or moved while the runs were executed: this controller stops"
            )
        self.keep_lock()

    def stop(self, why: Ending) -> None:
        """Start no more runs and ask the running ones to save and end.

        Safe in a signal handler: it sets a flag and replaces a file, and takes no lock that the interrupted code
        may hold. A stop file that cannot be written leaves the flag, which keeps the loop from launching more.
        """
        if self.ending is None:
            self.ending = why
            with contextlib.suppress(OSError):
                stop_epoch(self.paths.stop, self._epoch)

    def halt(self) -> None:
        """Return from `run` in the next turn, whatever still runs. Safe in a signal handler."""
        self._halted = True

    def _settled(self) -> bool:
        # A lost attempt may still write. Ending now would leave it without a controller that settles it.
        if self.store.any_in("running", "lost"):
            return False
        return self.ending is not None or not self.store.any_in("pending")

    def _finish_squeeze(self) -> None:
        deadline = self.clock() + SQUEEZE_PATIENCE_S
        while self.squeeze.running and self.clock() < deadline and not self._halted and self.ending is None:
            self.squeeze.poll()
            self.on_turn()
            time.sleep(TURN_S / 5)
        self.squeeze.close()

    # -- observe -------------------------------------------------------------------------------------------

    def _observe(self) -> None:
        if not self._in_flight:
            time.sleep(TURN_S / 5)
            return
        for ended in self.backend.wait(TURN_S):
            self._in_flight.pop(ended.key, None)
            self._note_end(ended)

    def _note_end(self, ended: Ended) -> None:
        key = ended.key
        outcome = ended.outcome
        if outcome and outcome.kind == "duplicate":
            # Ray executed a task twice. The supervisor that claimed the attempt will report how it ends.
            outcome = None
        if outcome is None:
            # The backend knows only that its task has ended. The attempt may have written a result, and its core
            # may even be alive, so its folder and its lease decide (`_examine_lost`).
            self._unsettled[key] = ended
            self.store.mark_lost(key.run_id, key.number)
            return
        row = self.store.run(key.run_id)
        if row:
            with self._confined(row):
                self._settle(row, outcome)

    def _examine(self) -> None:
        self._require_backend()
        self._require_folder()
        self._apply_cancellations()
        # Runs that the plan no longer names are included: their attempts are alive nevertheless.
        now = self._fs_clock.now()
        for row in self.store.runs("lost", enrolled_only=False):
            with self._confined(row):
                self._examine_lost(row, now)
        for row in self.store.runs("running", enrolled_only=False):
            self._examine_running(row, now)
        self.squeeze.poll()
        self._capacity = self.backend.capacity()

    def _apply_cancellations(self) -> None:
        waiting = self.store.runs("pending", "running", "lost")
        cancelled = [
            row.id for row in waiting if row.desired == "run" and cancel_requested(self.paths.run(row.id))
        ]
        if cancelled:
            self.store.cancel(cancelled)

    def _examine_lost(self, row: RunRow, now: float) -> None:
        """Settle an attempt that may be alive, as soon as it has a result or can no longer write one."""
        attempt = self.paths.run(row.id).attempt(row.attempt)
        if outcome := read_outcome(attempt):
            self._settle(row, outcome)
            return
        age = beat_age(attempt, now)
        lease = self.store.config(row).retry.lease_s
        if age is None:
            # Never claimed. If its supervisor starts after all, it reads the fence of its successor and ends.
            self._settle(row, self._loss(row, "lost before it started"))
        elif age > lease or known_dead(attempt):
            # A supervisor that cannot reach the folder ends its core within the lease (BLIND_SHARE), so after it
            # nothing of the attempt runs any more, or it is frozen and will find itself fenced.
            end_orphans(self.paths.root)
            self._settle(row, self._loss(row, "its worker or machine died"))

    def _loss(self, row: RunRow, reason: str) -> Outcome:
        """The outcome of an attempt that has left none, with what the backend said about its end."""
        ended = self._unsettled.pop(AttemptKey(row.id, row.attempt), None)
        if ended and ended.detail:
            reason += f" ({ended.detail})"
        # A failure, because the next attempt will need as much; unless something else had filled the memory before.
        failed = (
            ended and ended.out_of_memory and self.paths.run(row.id).attempt(row.attempt).started.exists()
        )
        return Outcome("failed" if failed else "killed", row.attempt, reason=reason)

    def _examine_running(self, row: RunRow, now: float) -> None:
        """Give up a live attempt whose folder shows no heartbeat. One that waits for resources has neither folder nor
        lease."""
        age = beat_age(self.paths.run(row.id).attempt(row.attempt), now)
        if age is None or age <= SILENCE_LEASES * self.store.config(row).retry.lease_s:
            return
        # Two leases, not one: the supervisor has given up after half of one, and marking the attempt lost early
        # would only make a slow filesystem look like many dead machines.
        key = AttemptKey(row.id, row.attempt)
        self._in_flight.pop(key, None)
        self.backend.abandon(key)
        self.store.mark_lost(key.run_id, key.number)

    # -- record --------------------------------------------------------------------------------------------

    def _settle(self, row: RunRow, outcome: Outcome) -> None:
        self._require_folder()  # without it, every run would seem to have left no record
        # The request may have arrived after the last check for it. Without this, a run that was stopped by its CANCEL
        # would be pending again and would be launched once more.
        if row.desired == "run" and cancel_requested(self.paths.run(row.id)):
            self.store.cancel([row.id])
            row = self.store.run(row.id) or row
        if outcome.kind not in ("finished", "stopped") and is_full(self.paths.root):
            # Whatever ended it, no attempt can succeed now: charging the run for it would use up its budgets.
            raise storage_full(self.paths.root)
        config = self.store.config(row)
        attempts = [a for a in self.store.attempts(row.id) if a["identity"] == row.identity]
        outcome = named_when_repeated(outcome, self.paths.run(row.id), attempts, record_format(config))
        end = settle(row, outcome, config.retry, time.time())
        summary = None
        # A run that is about to be retried keeps its links; merging would be wasted.
        if end.state != "pending" or self.ending is not None:
            # Before the commit: a run whose state is final must have its merged record. If this process dies
            # between the two, the next controller finds the same result and merges again.
            end, summary = self._settle_record(row, config, outcome, end)
        if not self.store.settle(row.id, outcome, end, summary):
            return
        if end.state == "done":
            self.squeeze.consider(self.paths.run(row.id).attempt(outcome.number), config)
        if end.state in FAILED:
            self._count_failures()

    def _settle_record(
        self, row: RunRow, config: RunConfig, outcome: Outcome, end: Settlement
    ) -> tuple[Settlement, dict[str, Any]]:
        """Merge the record. A run whose record is incomplete or cannot be read is not done."""
        run = self.paths.run(row.id)
        try:
            settled = settle_run(run, config, outcome, self._headline)
        except OSError as error:
            if not is_file_error(error):
                raise
            reason = f"its record cannot be merged: {reason_of(error)}"
            state: RunState = "failed" if end.state == "done" else end.state
            return replace(end, state=state, error="; ".join(filter(None, (end.error, reason)))), {"steps": 0}
        if settled.shortfall:
            end = after_shortfall(row, outcome, settled.shortfall)
        return end, {**settled.summary, "record_bytes": record_bytes(run)}

    @contextlib.contextmanager
    def _confined(self, row: RunRow) -> Iterator[None]:
        """Fail the run when its folder cannot be used; the other runs are not affected."""
        try:
            yield
        except OSError as error:
            if not is_file_error(error):
                raise
            self.store.fail(row.id, reason_of(error))
            self._count_failures()

    def _count_failures(self) -> None:
        counts = self.store.counts()
        failed = sum(counts.get(state, 0) for state in FAILED)
        if self.failure_limit is not None and failed >= self.failure_limit:
            self.stop("failures")

    # -- admit ---------------------------------------------------------------------------------------------

    def _admit(self) -> None:
        chosen = self._choose()
        if not chosen:
            return
        numbered: list[tuple[RunRow, int]] = []
        for row in chosen:
            with self._confined(row):
                numbered.append((row, self._next_number(row)))
        # Commit, raise the fence, launch: in this order. Whatever ends this process in between, the next
        # controller knows of every attempt that may exist, and no attempt starts before its fence.
        self.store.launch([(row.id, number) for row, number in numbered], self._epoch)
        for row, number in numbered:
            with self._confined(row):
                self._launch(row, number)

    def _choose(self) -> list[RunRow]:
        """Pending runs, in order, up to and including the first that does not fit beside those in flight.

        The last one waits inside the backend, so that resources that become free are used immediately. More than
        one would be wrong: a backend may let small runs overtake, and a run that needs many GPUs would never
        start.
        """
        free = self._free_capacity()
        chosen: list[RunRow] = []
        for row in self.store.waiting(time.time(), MOST_AT_ONCE):
            if free.overdrawn:
                break
            chosen.append(row)
            free -= self.store.config(row).resources
        return chosen

    def _free_capacity(self) -> Capacity:
        free = self._capacity
        for used in self._in_flight.values():
            free -= used
        return free

    def _next_number(self, row: RunRow) -> int:
        """A number above those of all earlier attempts, including folders that a lost store does not know."""
        claimed = self.paths.run(row.id).attempts()
        return max(row.attempt, claimed[-1].number if claimed else 0) + 1

    def _launch(self, row: RunRow, number: int) -> None:
        run = self.paths.run(row.id)
        config = self.store.config(row)
        if not os.path.isfile(run.config):  # the folder was deleted after the submit
            write_run_config(config, run.config)
        # An older attempt may still save between these two lines. Its checkpoints beyond the chosen one are ignored
        # once the new attempt has begun (`checkpoints.resumption`).
        start = checkpoints.resumption(run, record_format(config))
        raise_fence(run, number)
        show_live(run, run.attempt(number), config.core.metrics_file)
        self.backend.launch(
            assignment(
                config, run, number, self._epoch, workdir=self.workdir, stop_file=self.paths.stop,
                start=start, import_path=self.import_path, provenance=self.provenance, planned_source=True,
            ),
            config.resources,
        )  # fmt: skip
        self._in_flight[AttemptKey(row.id, number)] = config.resources

    def _require_feasible(self) -> None:
        for row in self.store.one_of_each_config():
            require_feasible(self._capacity, self.store.config(row).resources, f"run {row.id}")
