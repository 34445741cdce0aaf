"""The reconcile loop: brings what runs to what shall run, and forgets nothing on the way.

Each turn observes (attempts that ended, folders that went silent, files by which people ask for something),
records it, and launches what there is room for. Every decision is in the store before it has an effect, so a
controller that is killed at any point is replaced by the next one.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from campaign.errors import Incomplete
from campaign.execution import canonical, checkpoints
from campaign.execution.attempt import Outcome
from campaign.execution.backend import AttemptKey, Backend, Capacity, Ended, require_feasible
from campaign.execution.fence import raise_fence, stop_epoch
from campaign.execution.launching import assignment
from campaign.execution.lease import FilesystemClock, beat_age, known_dead
from campaign.execution.squeeze_job import SqueezeJob
from campaign.execution.state import RunRow
from campaign.execution.store import Store
from campaign.execution.transitions import settle
from campaign.folder.atomic_files import read_json
from campaign.folder.paths import CampaignPaths
from campaign.spec.config import ResourcesSection

TURN_S = 0.25
EXAMINE_S = 1.0
SILENCE_LEASES = 2.0
"""A running attempt whose beat is this many leases old counts as lost, whatever Ray believes: Ray takes
minutes to notice a partition and never notices a frozen machine."""
SQUEEZE_PATIENCE_S = 120.0
MOST_AT_ONCE = 256
"""Runs launched in one turn: a turn stays short, whatever the size of the cluster."""


class BackendLost(Incomplete):
    """What executes the runs has died. Nothing is lost but the steps since the last checkpoints."""


Ending = Literal["complete", "stopped", "interrupted", "failures"]
"""complete: nothing is left to do. stopped, interrupted: asked to by SIGTERM, by Ctrl-C. failures: as many
runs have failed as the spec allows."""


@dataclass(slots=True)
class Controller:
    """Runs what is pending in `store`. Create it only while holding the campaign's lock."""

    paths: CampaignPaths
    store: Store
    backend: Backend
    workdir: Path
    import_path: tuple[str, ...] = ()
    failure_limit: int | None = None
    """Failed runs after which no more are started and the others are stopped."""
    on_turn: Callable[[], None] = lambda: None
    """Called at least four times a second, for a display."""
    clock: Callable[[], float] = time.monotonic
    squeeze: SqueezeJob = field(init=False)
    ending: Ending | None = field(default=None, init=False)
    """Why no more runs are started; None while they are."""
    _epoch: int = field(default=0, init=False)
    _flying: dict[AttemptKey, ResourcesSection] = field(default_factory=dict, init=False)
    _examined_at: float = field(default=float("-inf"), init=False)
    _fs_clock: FilesystemClock = field(init=False)
    _capacity: Capacity = field(init=False)

    def __post_init__(self) -> None:
        self._fs_clock = FilesystemClock(self.paths)
        self.squeeze = SqueezeJob(self.paths)

    def run(self) -> Ending:
        """Until nothing is left to do, or a stop was asked for and every run has stopped."""
        self.paths.stop.unlink(missing_ok=True)
        self._epoch = self.store.begin_epoch(self.backend.name)
        self._capacity = self.backend.capacity()
        self._require_feasible()
        while not self._settled():
            self._observe()
            if self.clock() - self._examined_at >= EXAMINE_S:
                self._examined_at = self.clock()
                self._examine()
            if self.ending is None:
                self._admit()
            self.on_turn()
        if self.ending is None:
            self._finish_squeeze()
        ending = self.ending or "complete"
        self.store.end_epoch(self._epoch, ending)
        return ending

    def stop(self, why: Ending) -> None:
        """Start no more runs and ask the running ones to save and end. Safe in a signal handler."""
        if self.ending is None:
            self.ending = why
            with contextlib.suppress(OSError):
                stop_epoch(self.paths.stop, self._epoch)

    def _settled(self) -> bool:
        if self.store.any_in("running", "lost"):
            return False
        return self.ending is not None or not self.store.any_in("pending")

    def _finish_squeeze(self) -> None:
        deadline = self.clock() + SQUEEZE_PATIENCE_S
        while self.squeeze.running and self.clock() < deadline:
            self.squeeze.poll()
            self.on_turn()
            time.sleep(TURN_S / 5)
        self.squeeze.close()

    # -- observe -------------------------------------------------------------------------------------------

    def _observe(self) -> None:
        if not self._flying:
            time.sleep(TURN_S / 5)
            return
        for ended in self.backend.wait(TURN_S):
            self._flying.pop(ended.key, None)
            self._note_end(ended)

    def _note_end(self, ended: Ended) -> None:
        key = ended.key
        outcome = ended.outcome
        if outcome and outcome.kind == "duplicate":
            # Ray executed a task twice: the claim's owner will say how it ends.
            outcome = None
        if outcome is None:
            self.store.mark_lost(key.run_id, key.number)
            return
        row = self.store.run(key.run_id)
        if row:
            self._settle(row, outcome)

    def _examine(self) -> None:
        problem = self.backend.problem()
        if problem:
            raise BackendLost(f"{problem}; all runs are saved up to their last checkpoints: submit again")
        self._obey_cancellations()
        now = self._fs_clock.now()
        for row in self.store.runs("lost", enrolled_only=False):
            self._examine_lost(row, now)
        for row in self.store.runs("running", enrolled_only=False):
            self._examine_running(row, now)
        self.squeeze.poll()
        self._capacity = self.backend.capacity()

    def _obey_cancellations(self) -> None:
        waiting = self.store.runs("pending", "running", "lost")
        asked = [row.id for row in waiting if row.desired == "run" and self.paths.run(row.id).cancel.exists()]
        if asked:
            self.store.cancel(asked)

    def _examine_lost(self, row: RunRow, now: float) -> None:
        """An attempt of unknown fate: what it wrote decides, or that it can no longer write."""
        attempt = self.paths.run(row.id).attempt(row.attempt)
        written = read_json(attempt.result)
        if written:
            self._settle(row, Outcome.from_json(written))
            return
        age = beat_age(attempt, now)
        lease = self.store.config(row).retry.lease_s
        if age is None:
            # Never claimed. Should it still come to life, it finds the fence of its successor.
            self._settle(row, Outcome("killed", row.attempt, reason="lost before it started"))
        elif age > lease or known_dead(attempt):
            self._settle(row, Outcome("killed", row.attempt, reason="its worker or machine died"))

    def _examine_running(self, row: RunRow, now: float) -> None:
        """A live attempt whose folder has gone silent. One that waits for a place has no folder and no
        lease."""
        age = beat_age(self.paths.run(row.id).attempt(row.attempt), now)
        if age is None or age <= SILENCE_LEASES * self.store.config(row).retry.lease_s:
            return
        key = AttemptKey(row.id, row.attempt)
        self._flying.pop(key, None)
        self.backend.abandon(key)
        self.store.mark_lost(key.run_id, key.number)

    # -- record --------------------------------------------------------------------------------------------

    def _settle(self, row: RunRow, outcome: Outcome) -> None:
        if row.desired == "run" and self.paths.run(row.id).cancel.exists():
            self.store.cancel([row.id])
            row = self.store.run(row.id) or row
        config = self.store.config(row)
        end = settle(row, outcome, config.retry, time.time())
        summary = None
        if end.state != "pending" or self.ending is not None:
            summary = canonical.settle_record(self.paths.run(row.id), config)
        if not self.store.settle(row.id, outcome, end, summary):
            return
        if end.state == "done":
            self.squeeze.consider(self.paths.run(row.id).attempt(outcome.number), config)
        if end.state == "failed":
            self._count_failures()

    def _count_failures(self) -> None:
        failed = self.store.counts().get("failed", 0)
        if self.failure_limit is not None and failed >= self.failure_limit:
            self.stop("failures")

    # -- admit ---------------------------------------------------------------------------------------------

    def _admit(self) -> None:
        chosen = self._choose()
        if not chosen:
            return
        numbered = [(row, self._next_number(row)) for row in chosen]
        self.store.launch([(row.id, number) for row, number in numbered], self._epoch)
        for row, number in numbered:
            self._launch(row, number)

    def _choose(self) -> list[RunRow]:
        """Pending runs, in order, until the first that does not fit beside those in flight; that one is
        launched too and waits inside the backend, so that a place that becomes free is taken at once. No
        more than one: behind a long queue, runs that need many GPUs at once would never start."""
        room = self._room()
        chosen: list[RunRow] = []
        for row in self.store.waiting(time.time(), MOST_AT_ONCE):
            if room.overdrawn:
                break
            chosen.append(row)
            room -= self.store.config(row).resources
        return chosen

    def _room(self) -> Capacity:
        room = self._capacity
        for used in self._flying.values():
            room -= used
        return room

    def _next_number(self, row: RunRow) -> int:
        """Above every attempt that ever was, also when the store was lost and the folders were not."""
        claimed = self.paths.run(row.id).attempts()
        return max(row.attempt, claimed[-1].number if claimed else 0) + 1

    def _launch(self, row: RunRow, number: int) -> None:
        run = self.paths.run(row.id)
        config = self.store.config(row)
        checkpoint = checkpoints.newest(run)
        raise_fence(run, number)
        canonical.show_live(run, run.attempt(number), config.core.metrics_file)
        self.backend.launch(
            assignment(
                config, run, number, self._epoch, workdir=self.workdir, stop_file=self.paths.stop,
                checkpoint=checkpoint, import_path=self.import_path,
            ),
            config.resources,
        )  # fmt: skip
        self._flying[AttemptKey(row.id, number)] = config.resources

    def _require_feasible(self) -> None:
        for row in self.store.one_of_each_config():
            require_feasible(self._capacity, self.store.config(row).resources, f"run {row.id}")
