"""The state of a campaign: one SQLite file, one writer.

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
from pathlib import Path
from typing import Any, Literal

from campaign.errors import CampaignError
from campaign.execution.attempt import Outcome
from campaign.execution.paths import CampaignPaths
from campaign.execution.process import machine
from campaign.spec.config import RunConfig
from campaign.spec.plan import RunState

SCHEMA_VERSION = 1
Desired = Literal["run", "cancel"]

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
class RunRow:
    """One run as the store has it. `config` names the configuration it shares with other seeds; `summary`:
    see `campaign.execution.canonical.summarise`."""

    id: str
    position: int
    condition: str
    seed: int
    identity: str
    config: str
    max_steps: int
    enrolled: bool
    desired: Desired
    state: RunState
    attempt: int
    failures: int
    losses: int
    not_before: float
    error: str
    summary: Mapping[str, Any]


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


class StoreUnreadable(CampaignError):
    """The state is missing, locked, damaged, or of another version."""

    exit_code = 2


class StoreReader:
    """Read-only view of a campaign's state. Every method may raise `StoreUnreadable`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._db = connection
        self._path = path
        self._configs: dict[str, RunConfig] = {}

    @classmethod
    def open(cls, paths: CampaignPaths) -> StoreReader:
        """Raises `StoreUnreadable`: no file, no database, or one of another version."""
        path = paths.database
        if not path.is_file():
            raise StoreUnreadable(f"{paths.root} holds no campaign: {path.name} is not there")
        with _explained(path):
            reader = cls(_connect_read_only(path), path)
            reader._check_version()
        return reader

    def meta(self, key: str, default: str = "") -> str:
        with _explained(self._path):
            row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else default

    def runs(self, *states: RunState, enrolled_only: bool = True) -> list[RunRow]:
        """In the order of the plan; of the given states, or of all."""
        where, values = ["enrolled = 1"] if enrolled_only else [], list(states)
        if states:
            where.append(f"state IN ({','.join('?' * len(states))})")
        clause = f"WHERE {' AND '.join(where)}" if where else ""
        with _explained(self._path):
            rows = self._db.execute(f"SELECT * FROM runs {clause} ORDER BY position", values).fetchall()
        return [_run_row(row) for row in rows]

    def run(self, run_id: str) -> RunRow | None:
        with _explained(self._path):
            row = self._db.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()
        return _run_row(row) if row else None

    def config(self, row: RunRow) -> RunConfig:
        """The run's configuration, equal to its `config.toml`."""
        if row.config not in self._configs:
            query = "SELECT document FROM configs WHERE digest = ?"
            with _explained(self._path):
                document = self._db.execute(query, (row.config,)).fetchone()
            self._configs[row.config] = RunConfig.model_validate_json(document[0])
        config = self._configs[row.config]
        training = config.training.model_copy(update={"seed": row.seed})
        return config.model_copy(update={"training": training})

    def counts(self) -> dict[str, int]:
        """How many enrolled runs are in each state."""
        with _explained(self._path):
            return dict(self._db.execute("SELECT state, COUNT(*) FROM runs WHERE enrolled GROUP BY state"))

    def any_in(self, *states: RunState) -> bool:
        """Whether a run is in one of the states; of pending ones only those that are enrolled count."""
        marks = ",".join("?" * len(states))
        query = f"SELECT 1 FROM runs WHERE state IN ({marks}) AND (enrolled OR state <> 'pending') LIMIT 1"
        with _explained(self._path):
            return self._db.execute(query, states).fetchone() is not None

    def waiting(self, now: float, limit: int) -> list[RunRow]:
        """The first pending runs, in the order of the plan, whose pause after a failure is over."""
        query = (
            "SELECT * FROM runs WHERE state = 'pending' AND enrolled AND desired = 'run' AND not_before <= ? "
            "ORDER BY position LIMIT ?"
        )
        with _explained(self._path):
            return [_run_row(row) for row in self._db.execute(query, (now, limit)).fetchall()]

    def one_of_each_config(self) -> list[RunRow]:
        """Pending runs, one for each configuration."""
        query = (
            "SELECT * FROM runs WHERE enrolled AND position IN "
            "(SELECT MIN(position) FROM runs WHERE state = 'pending' AND enrolled GROUP BY config)"
        )
        with _explained(self._path):
            return [_run_row(row) for row in self._db.execute(query)]

    def launched_at(self) -> dict[str, float]:
        """When the latest attempt of each run was launched, in seconds since 1970."""
        query = "SELECT run, MAX(launched_at) FROM attempts GROUP BY run"
        with _explained(self._path):
            return dict(self._db.execute(query))

    def attempts(self, run_id: str) -> list[dict[str, Any]]:
        """Oldest first: `number`, `identity`, `epoch`, `launched_at`, `ended_at`, `outcome`."""
        columns = "number, identity, epoch, launched_at, ended_at, outcome"
        query = f"SELECT {columns} FROM attempts WHERE run = ? ORDER BY number"
        with _explained(self._path):
            rows = self._db.execute(query, (run_id,)).fetchall()
        return [
            {**dict(row), "outcome": json.loads(row["outcome"]) if row["outcome"] else None} for row in rows
        ]

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> StoreReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_version(self) -> None:
        version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if version != SCHEMA_VERSION:
            raise StoreUnreadable(
                f"{self._path} has format {version}, this campaign reads format {SCHEMA_VERSION}: "
                "use the version it was written with"
            )


class Store(StoreReader):
    """The writer. Create it only while holding the campaign's lock."""

    @classmethod
    def open(cls, paths: CampaignPaths) -> Store:
        """Open for writing, made new where there is none. Raises `StoreUnreadable`."""
        with _explained(paths.database):
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
        with _explained(self._path):
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


def _run_row(row: sqlite3.Row) -> RunRow:
    values = dict(row)
    return RunRow(
        **{**values, "enrolled": bool(values["enrolled"]), "summary": json.loads(values["summary"])}
    )


def _connect_read_only(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5.0)
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        if path.with_name(path.name + "-wal").exists() or os.access(path.parent, os.W_OK):
            raise
        # A campaign on a read-only disk: WAL needs to create a file, which only `immutable` does without.
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True)
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    connection.row_factory = sqlite3.Row
    return connection


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """SQLite's errors as ours, with what a person can do about them."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        text = str(error)
        if "locked" in text or "busy" in text:
            advice = "another program holds it (a backup, a database browser?); try again when it is done"
        elif "malformed" in text or "not a database" in text or "disk image" in text:
            advice = (
                "the file is damaged. The runs' folders are whole: move the file away and submit again; "
                "runs then go on from their last checkpoints"
            )
        elif "no such table" in text or "no such column" in text:
            advice = "the file is no campaign's state"
        else:
            advice = "check that the disk has space and that you may read and write there"
        raise StoreUnreadable(f"{path}: {text}: {advice}") from error
