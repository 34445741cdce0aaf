"""Writes the state of a campaign: one SQLite file with one writer.

Both the desired state (run or cancel) and the observed state (attempts and outcomes) are rows. An attempt is
committed before it is launched. Whatever ends the controller between the two, the next controller therefore knows
that the attempt may exist. Only the holder of the campaign's lock writes; everybody else opens the file read-only.
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
from pathlib import Path
from typing import Any

from campaign.execution.process import this_host
from campaign.execution.store_reader import SCHEMA_VERSION, StoreEmpty, StoreReader, explained
from campaign.folder.atomic_files import sync_folder
from campaign.folder.disk_space import explained_full_disk
from campaign.folder.outcome import Outcome
from campaign.folder.paths import CampaignPaths
from campaign.folder.states import RunState
from campaign.redact import secret_values, shown

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
    """A run of the plan, as the store keeps it."""

    id: str
    condition: str
    seed: int
    identity: str
    config: str
    max_steps: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """The state and the budgets of a run after the end of one of its attempts."""

    state: RunState
    failures: int
    losses: int
    not_before: float = 0.0
    error: str = ""


class Store(StoreReader):
    """The writer. Create it only while holding the campaign's lock."""

    @classmethod
    def open(cls, paths: CampaignPaths) -> Store:
        """Open the store for writing and create it if it is missing or empty. Raises `StoreUnreadable`, and
        `StorageFull`."""
        with explained(paths.database), explained_full_disk(paths.root):
            if not _is_created(paths):
                _create(paths.database)
            connection = sqlite3.connect(paths.database, isolation_level=None)
            connection.row_factory = sqlite3.Row
            # In WAL mode, readers never block the writer, and `status --watch` reads all the time.
            connection.execute("PRAGMA journal_mode = WAL")
            # FULL syncs the log at each commit. With NORMAL, a power cut may undo the last commits, and with
            # them an attempt that was already launched: its number would be given out twice.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA busy_timeout = 5000")
            store = cls(connection, paths.database)
            store._check_version()
        return store

    def close(self) -> None:
        """Also moves the write-ahead log into the database, so that a copy of `campaign.db` alone is complete."""
        # Best effort: without it, the next one to open the database reads the log.
        with contextlib.suppress(sqlite3.Error):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        super().close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements of the block take effect or none, and they are on the disk when the block ends."""
        with explained(self._path):
            # IMMEDIATE takes the write lock now. A deferred transaction would take it at its first write, and
            # could then fail with SQLITE_BUSY after it has read.
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:  # also a second Ctrl-C, which is no `Exception`
                if self._db.in_transaction:  # SQLite has already rolled back when the disk is full
                    self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def set_meta(self, key: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def begin_epoch(self, backend: str) -> int:
        """Record that a new controller takes over. Returns the number of its epoch.

        Running attempts become lost: this controller did not launch them and does not know whether they live.
        """
        with self.transaction():
            cursor = self._db.execute(
                "INSERT INTO epochs (pid, host, backend, began_at) VALUES (?, ?, ?, ?)",
                (os.getpid(), this_host().name, backend, time.time()),
            )
            self._db.execute("UPDATE runs SET state = 'lost' WHERE state = 'running'")
        return int(cursor.lastrowid or 0)

    def end_epoch(self, epoch: int, ending: str) -> None:
        with self.transaction():
            self._db.execute(
                "UPDATE epochs SET ended_at = ?, ending = ? WHERE epoch = ?", (time.time(), ending, epoch)
            )

    def enrol(self, runs: Sequence[Enrolment]) -> None:
        """Make `runs` the runs of the campaign, in this order. Runs that exist keep their state, identity and
        configuration; runs that are no longer named are kept but not enrolled."""
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
        """Make runs pending again, with fresh budgets."""
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
        """Record how an attempt ended, and the state of its run that follows.

        Returns False and writes nothing when the attempt is not the run's current one, or was settled before. The
        result of an attempt that was given up as lost may still arrive, and must not overwrite its successor's.
        """
        # Once more: the core may have written the result itself.
        secrets = secret_values()
        outcome, error = outcome.redacted(secrets), shown(end.error, secrets)
        with self.transaction():
            row = self._db.execute("SELECT state, attempt FROM runs WHERE id = ?", (run_id,)).fetchone()
            if row is None or row["attempt"] != outcome.number or row["state"] not in ("running", "lost"):
                return False
            self._db.execute(
                "UPDATE runs SET state = ?, failures = ?, losses = ?, not_before = ?, error = ? WHERE id = ?",
                (end.state, end.failures, end.losses, end.not_before, error, run_id),
            )
            if summary is not None:
                self._db.execute("UPDATE runs SET summary = ? WHERE id = ?", (json.dumps(summary), run_id))
            self._db.execute(
                "UPDATE attempts SET ended_at = ?, outcome = ? WHERE run = ? AND number = ?",
                (time.time(), json.dumps(outcome.to_json()), run_id, outcome.number),
            )
        return True

    def keep_summary(self, run_id: str, summary: Mapping[str, Any]) -> None:
        """Replace the summary of an ended run."""
        with self.transaction():
            self._db.execute("UPDATE runs SET summary = ? WHERE id = ?", (json.dumps(summary), run_id))

    def mark_lost(self, run_id: str, number: int) -> None:
        """Record that it is unknown whether attempt `number` is alive."""
        with self.transaction():
            self._db.execute(
                # Not a later attempt of the run, and not one that has been settled in the meantime.
                "UPDATE runs SET state = 'lost' WHERE id = ? AND attempt = ? AND state = 'running'",
                (run_id, number),
            )

    def fail(self, run_id: str, error: str) -> None:
        """Record that a run cannot be executed: its folder cannot be used. No attempt of it may be alive."""
        with self.transaction():
            self._db.execute("UPDATE runs SET state = 'failed', error = ? WHERE id = ?", (error, run_id))

    def cancel(self, run_ids: Iterable[str]) -> None:
        """Record that these runs must stop; those that are pending have stopped."""
        with self.transaction():
            for run_id in run_ids:
                self._db.execute(
                    "UPDATE runs SET desired = 'cancel', "
                    "state = CASE state WHEN 'pending' THEN 'cancelled' ELSE state END "
                    "WHERE id = ? AND state IN ('pending', 'running', 'lost')",
                    (run_id,),
                )


def _is_created(paths: CampaignPaths) -> bool:
    if not paths.database.exists():
        return False
    try:
        StoreReader.open(paths).close()
    except StoreEmpty:
        return False
    return True


def _create(path: Path) -> None:
    """Write a store without runs under another name, then rename it: on a full disk there is a whole store or none."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    draft.unlink(missing_ok=True)
    try:
        connection = sqlite3.connect(draft, isolation_level=None)
        try:
            # Without a journal file beside the draft, which nobody reads before it is complete.
            connection.execute("PRAGMA journal_mode = MEMORY")
            connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        finally:
            connection.close()
        for suffix in ("-wal", "-shm", "-journal"):
            # The log of a database that was moved away would be replayed into this one.
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{path}{suffix}", f"{path}{suffix}.old")
        os.replace(draft, path)
        sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)
