"""The writer of a campaign's state: one SQLite file, one writer.

Desired state (run, or cancel) and observed state (attempts, outcomes) are rows. An attempt is committed
before it is launched, so whatever ends the controller between the two, the next one knows that the attempt
may exist. Only the holder of the campaign's lock writes; everybody else opens the file read-only.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from campaign.execution.attempt import Outcome
from campaign.execution.process import machine
from campaign.execution.state import SCHEMA_VERSION, StoreReader, explained
from campaign.folder.paths import CampaignPaths
from campaign.spec.planned_runs import RunState

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE epochs (
    epoch INTEGER PRIMARY KEY, pid INTEGER NOT NULL, host TEXT NOT NULL, backend TEXT NOT NULL,
    began_at REAL NOT NULL, ended_at REAL, ending TEXT NOT NULL DEFAULT ''
);
CREATE TABLE configs (digest TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (
    id TEXT PRIMARY KEY, position INTEGER NOT NULL, condition TEXT NOT NULL, seed INTEGER NOT NULL,
    identity TEXT NOT NULL, config TEXT NOT NULL REFERENCES configs (digest), max_steps INTEGER NOT NULL,
    enrolled INTEGER NOT NULL DEFAULT 1, desired TEXT NOT NULL DEFAULT 'run',
    state TEXT NOT NULL DEFAULT 'pending', attempt INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0, losses INTEGER NOT NULL DEFAULT 0,
    not_before REAL NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '', summary TEXT NOT NULL DEFAULT '{}'
) WITHOUT ROWID;
CREATE INDEX runs_by_state ON runs (state, position);
CREATE TABLE attempts (
    run TEXT NOT NULL, number INTEGER NOT NULL, identity TEXT NOT NULL, epoch INTEGER NOT NULL,
    launched_at REAL NOT NULL,
    ended_at REAL, outcome TEXT, PRIMARY KEY (run, number)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One run as the plan has it."""

    id: str
    condition: str
    seed: int
    identity: str
    config: str
    max_steps: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """What the end of an attempt makes of its run."""

    state: RunState
    failures: int
    losses: int
    not_before: float = 0.0
    error: str = ""


class Store(StoreReader):
    """The writer. Create it only while holding the campaign's lock."""

    @classmethod
    def open(cls, paths: CampaignPaths) -> Store:
        """Open for writing, made new where there is none. Raises `StoreUnreadable`."""
        with explained(paths.database):
            connection = sqlite3.connect(paths.database, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA busy_timeout = 5000")
            store = cls(connection, paths.database)
            store._create()
            store._check_version()
        return store

    def close(self) -> None:
        """Also moves everything into the one file, so that a copy of `campaign.db` alone is whole."""
        with contextlib.suppress(sqlite3.Error):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        super().close()

    def _create(self) -> None:
        with self.transaction():
            if self._db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
                return
            for statement in SCHEMA.split(";"):
                if statement.strip():
                    self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing, on the disk when the block ends."""
        with explained(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def set_meta(self, key: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def begin_epoch(self, backend: str) -> int:
        """A new controller takes over: everything that ran is of unknown fate. Returns the epoch's number."""
        host, _ = machine()
        with self.transaction():
            cursor = self._db.execute(
                "INSERT INTO epochs (pid, host, backend, began_at) VALUES (?, ?, ?, ?)",
                (os.getpid(), host, backend, time.time()),
            )
            self._db.execute("UPDATE runs SET state = 'lost' WHERE state = 'running'")
        return int(cursor.lastrowid or 0)

    def end_epoch(self, epoch: int, ending: str) -> None:
        with self.transaction():
            self._db.execute(
                "UPDATE epochs SET ended_at = ?, ending = ? WHERE epoch = ?", (time.time(), ending, epoch)
            )

    def enrol(self, runs: Sequence[Enrolment]) -> None:
        """Make `runs` the campaign's, in this order. Known ones keep their state, identity and configuration;
        those that are not named any more are kept but no longer enrolled."""
        self._db.execute("UPDATE runs SET enrolled = 0")
        self._db.executemany(
            "INSERT INTO runs (id, position, condition, seed, identity, config, max_steps) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET position = excluded.position, enrolled = 1",
            [
                (run.id, position, run.condition, run.seed, run.identity, run.config, run.max_steps)
                for position, run in enumerate(runs)
            ],
        )

    def renew(self, runs: Sequence[Enrolment]) -> None:
        """Make runs wait for a place again, with fresh budgets."""
        self._db.executemany(
            "UPDATE runs SET state = 'pending', desired = 'run', identity = ?, config = ?, max_steps = ?, "
            "failures = 0, losses = 0, not_before = 0, error = '', summary = '{}' WHERE id = ?",
            [(run.identity, run.config, run.max_steps, run.id) for run in runs],
        )

    def keep_config(self, digest: str, document: str) -> None:
        self._db.execute("INSERT OR IGNORE INTO configs VALUES (?, ?)", (digest, document))

    def launch(self, runs: Iterable[tuple[str, int]], epoch: int) -> None:
        """Commit attempts (run, number) that are about to be launched."""
        now = time.time()
        with self.transaction():
            for run_id, number in runs:
                self._db.execute(
                    "UPDATE runs SET state = 'running', attempt = ? WHERE id = ?", (number, run_id)
                )
                self._db.execute(
                    "INSERT INTO attempts (run, number, identity, epoch, launched_at) "
                    "SELECT id, ?, identity, ?, ? FROM runs WHERE id = ?",
                    (number, epoch, now, run_id),
                )

    def settle(
        self, run_id: str, outcome: Outcome, end: Settlement, summary: Mapping[str, Any] | None
    ) -> bool:
        """Record how an attempt ended and what that makes of its run. False, and nothing is written, when the
        attempt is not the run's current one or has been settled before: a late result changes nothing."""
        with self.transaction():
            row = self._db.execute("SELECT state, attempt FROM runs WHERE id = ?", (run_id,)).fetchone()
            if row is None or row["attempt"] != outcome.number or row["state"] not in ("running", "lost"):
                return False
            self._db.execute(
                "UPDATE runs SET state = ?, failures = ?, losses = ?, not_before = ?, error = ? WHERE id = ?",
                (end.state, end.failures, end.losses, end.not_before, end.error, run_id),
            )
            if summary is not None:
                self._db.execute("UPDATE runs SET summary = ? WHERE id = ?", (json.dumps(summary), run_id))
            self._db.execute(
                "UPDATE attempts SET ended_at = ?, outcome = ? WHERE run = ? AND number = ?",
                (time.time(), json.dumps(outcome.to_json()), run_id, outcome.number),
            )
        return True

    def mark_lost(self, run_id: str, number: int) -> None:
        """Attempt `number` is of unknown fate from now on."""
        with self.transaction():
            self._db.execute(
                "UPDATE runs SET state = 'lost' WHERE id = ? AND attempt = ? AND state = 'running'",
                (run_id, number),
            )

    def cancel(self, run_ids: Iterable[str]) -> None:
        """Record that these runs shall stop; those that wait for a place have stopped."""
        with self.transaction():
            for run_id in run_ids:
                self._db.execute(
                    "UPDATE runs SET desired = 'cancel', "
                    "state = CASE state WHEN 'pending' THEN 'cancelled' ELSE state END "
                    "WHERE id = ? AND state IN ('pending', 'running', 'lost')",
                    (run_id,),
                )
