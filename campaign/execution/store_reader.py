"""Reads the state of a campaign. Any process may; `campaign.execution.store` writes it."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from campaign.errors import CampaignError
from campaign.folder.disk_space import is_full, storage_full
from campaign.folder.paths import CampaignPaths
from campaign.folder.states import RunState
from campaign.spec.config import RunConfig

SCHEMA_VERSION = 1
CANNOT_WRITE = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
HOW_TO_REPAIR = (
    "the file is damaged. The folders of the runs are not affected: move the file away and submit again; the runs "
    "then resume from their last checkpoints"
)
Desired = Literal["run", "cancel"]


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in the store. `config` is the digest of the configuration that it shares with other seeds; for `summary`
    see `campaign.execution.run_summary`."""

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


class StoreUnreadable(CampaignError):
    """The store is missing, locked, damaged, or of another version."""

    exit_code = 2


class StoreEmpty(StoreUnreadable):
    """The store was never completed: the disk was full at the first submit."""


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
            raise StoreUnreadable(f"{paths.root} holds no campaign: {path.name} is missing")
        with explained(path):
            reader = cls(_connect_read_only(path), path)
            try:
                reader._check_version()
            except BaseException:
                reader.close()
                raise
        return reader

    def meta(self, key: str, default: str = "") -> str:
        with explained(self._path):
            row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else default

    def runs(self, *states: RunState, enrolled_only: bool = True) -> list[RunRow]:
        """Runs in the given states, or in any, in the order of the plan."""
        where, values = ["enrolled = 1"] if enrolled_only else [], list(states)
        if states:
            where.append(f"state IN ({','.join('?' * len(states))})")
        clause = f"WHERE {' AND '.join(where)}" if where else ""
        with explained(self._path), _undamaged(self._path):
            rows = self._db.execute(f"SELECT * FROM runs {clause} ORDER BY position", values).fetchall()
            return [_run_row(row) for row in rows]

    def run(self, run_id: str) -> RunRow | None:
        with explained(self._path), _undamaged(self._path):
            row = self._db.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()
            return _run_row(row) if row else None

    def is_done(self, run_id: str) -> bool:
        row = self.run(run_id)
        return row is not None and row.state == "done"

    def config(self, row: RunRow) -> RunConfig:
        """The run's configuration, equal to its `config.toml`."""
        if row.config not in self._configs:
            query = "SELECT document FROM configs WHERE digest = ?"
            with explained(self._path), _undamaged(self._path):
                document = self._db.execute(query, (row.config,)).fetchone()
                self._configs[row.config] = RunConfig.model_validate_json(document[0])
        # Built for each call: configurations are shared by the seeds of a condition, and ten thousand copies would
        # not fit in memory.
        config = self._configs[row.config]
        training = config.training.model_copy(update={"seed": row.seed})
        return config.model_copy(update={"training": training})

    def counts(self) -> dict[str, int]:
        """How many enrolled runs are in each state."""
        with explained(self._path):
            return dict(self._db.execute("SELECT state, COUNT(*) FROM runs WHERE enrolled GROUP BY state"))

    def any_in(self, *states: RunState) -> bool:
        """Whether a run is in one of the states. Pending runs count only if they are enrolled."""
        marks = ",".join("?" * len(states))
        query = f"SELECT 1 FROM runs WHERE state IN ({marks}) AND (enrolled OR state <> 'pending') LIMIT 1"
        with explained(self._path):
            return self._db.execute(query, states).fetchone() is not None

    def waiting(self, now: float, limit: int) -> list[RunRow]:
        """The first pending runs, in the order of the plan, whose pause after a failure has passed."""
        query = (
            "SELECT * FROM runs WHERE state = 'pending' AND enrolled AND desired = 'run' AND not_before <= ? "
            "ORDER BY position LIMIT ?"
        )
        with explained(self._path), _undamaged(self._path):
            return [_run_row(row) for row in self._db.execute(query, (now, limit)).fetchall()]

    def one_of_each_config(self) -> list[RunRow]:
        """One pending run per configuration."""
        query = (
            "SELECT * FROM runs WHERE enrolled AND position IN "
            "(SELECT MIN(position) FROM runs WHERE state = 'pending' AND enrolled GROUP BY config)"
        )
        with explained(self._path), _undamaged(self._path):
            return [_run_row(row) for row in self._db.execute(query)]

    def launched_at(self) -> dict[str, float]:
        """When the latest attempt of each run was launched, in seconds since 1970."""
        query = "SELECT run, MAX(launched_at) FROM attempts GROUP BY run"
        with explained(self._path):
            return dict(self._db.execute(query))

    def attempts(self, run_id: str) -> list[dict[str, Any]]:
        """Oldest first: `number`, `identity`, `epoch`, `launched_at`, `ended_at`, `outcome`."""
        columns = "number, identity, epoch, launched_at, ended_at, outcome"
        query = f"SELECT {columns} FROM attempts WHERE run = ? ORDER BY number"
        with explained(self._path), _undamaged(self._path):
            rows = self._db.execute(query, (run_id,)).fetchall()
            return [
                {**dict(row), "outcome": json.loads(row["outcome"]) if row["outcome"] else None}
                for row in rows
            ]

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> StoreReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_version(self) -> None:
        version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if not version and not self._db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            raise StoreEmpty(
                f"{self._path} is empty: the first submit could not write it (was the disk full?). No run has "
                "started; free some space and submit again"
            )
        if version != SCHEMA_VERSION:
            raise StoreUnreadable(
                f"{self._path} has format {version}, this campaign reads format {SCHEMA_VERSION}: "
                "use the version it was written with"
            )


def _run_row(row: sqlite3.Row) -> RunRow:
    values = dict(row)
    return RunRow(
        **{**values, "enrolled": bool(values["enrolled"]), "summary": json.loads(values["summary"])}
    )


def _connect_read_only(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5.0)
    # `connect` does not touch the file. The first statement does, and fails here if it can fail at all.
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        # A log beside the file holds commits that `immutable` would ignore, so the error is raised.
        if path.with_name(path.name + "-wal").exists() or os.access(path.parent, os.W_OK):
            raise
        # A campaign on a read-only disk. Reading in WAL mode creates the shared-memory file `-shm`; SQLite does
        # without it only when `immutable` promises that there is no writer, and on such a disk there is none.
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True)
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    connection.row_factory = sqlite3.Row
    return connection


@contextmanager
def _undamaged(path: Path) -> Iterator[None]:
    """SQLite has no checksums: a damaged page can be a valid row whose content nobody has written."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise StoreUnreadable(f"{path}: a row cannot be read: {HOW_TO_REPAIR}") from error


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn errors of SQLite into `StoreUnreadable` or `StorageFull`, with what the user can do about them."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        text = str(error)
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # absent where Python decodes
        # SQLite reports the shared-memory file that does not fit, or has no inode, as another error.
        if code == sqlite3.SQLITE_FULL or (code in CANNOT_WRITE and is_full(path.parent)):
            raise storage_full(path) from error
        if "locked" in text or "busy" in text:
            advice = (
                "another program has locked it (a backup, a database browser?); try again when it has ended"
            )
        elif "malformed" in text or "not a database" in text or "disk image" in text or "decode" in text:
            advice = HOW_TO_REPAIR
        elif "no such table" in text or "no such column" in text:
            advice = "the file does not hold the state of a campaign"
        else:
            advice = "check that the disk has space and that you may read and write there"
        raise StoreUnreadable(f"{path}: {text}: {advice}") from error
