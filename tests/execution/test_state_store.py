"""The store keeps what was committed, takes no late results, and explains itself when it cannot be read."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from campaign.errors import UsageError
from campaign.execution.lock import CampaignLock, holder
from campaign.execution.store import Enrolment, Settlement, Store
from campaign.execution.store_reader import StoreReader, StoreUnreadable
from campaign.folder.outcome import Outcome
from campaign.folder.paths import CampaignPaths
from tests.execution.small_campaign import until

WRITER = """
import sys
from pathlib import Path
from campaign.folder.outcome import Outcome
from campaign.folder.paths import CampaignPaths
from campaign.execution.store import Settlement, Store
store = Store.open(CampaignPaths(Path(sys.argv[1])))
epoch = store.begin_epoch("test")
number = store.run("base_s1").attempt
if store.runs("lost"):
    store.settle("base_s1", Outcome("killed", number), Settlement("pending", 0, 0), None)
while True:
    number += 1
    store.launch([("base_s1", number)], epoch)
    sys.stdout.write(f"launched {number}\\n"); sys.stdout.flush()
    store.settle("base_s1", Outcome("failed", number), Settlement("pending", 0, 0), None)
    sys.stdout.write(f"settled {number}\\n"); sys.stdout.flush()
"""


@pytest.fixture
def paths(tmp_path: Path) -> CampaignPaths:
    return CampaignPaths(tmp_path)


@pytest.fixture
def store(paths: CampaignPaths) -> Store:
    """A store with the runs base_s1 and base_s2, waiting."""
    opened = Store.open(paths)
    with opened.transaction():
        opened.keep_config("c", "{}")
        opened.enrol([Enrolment(f"base_s{seed}", "base", seed, "v1:a", "c", 10) for seed in (1, 2)])
    return opened


def finished(number: int) -> Outcome:
    return Outcome("finished", number, exit_code=0)


DONE = Settlement("done", 0, 0)


def test_committed_attempt_survives_a_killed_writer(paths: CampaignPaths, store: Store) -> None:
    """A writer is killed again and again; what it said it had committed is there, and never half of it."""
    store.close()
    for _ in range(5):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(paths.root)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        said = [writer.stdout.readline() for _ in range(15)]
        writer.send_signal(signal.SIGKILL)
        said += writer.stdout.readlines()
        writer.wait()
        word, number = said[-1].split() if said[-1].endswith("\n") else said[-2].split()
        with StoreReader.open(paths) as reader:
            row = reader.run("base_s1")
            attempts = reader.attempts("base_s1")
        assert row is not None
        assert row.attempt >= int(number)
        assert [attempt["number"] for attempt in attempts] == list(range(1, row.attempt + 1))
        assert [attempt["number"] for attempt in attempts if attempt["outcome"] is None] in (
            [],
            [row.attempt],
        )
        if word == "settled":
            assert attempts[int(number) - 1]["outcome"] is not None
        assert row.state == ("running" if attempts[-1]["outcome"] is None else "pending")


def test_new_controller_marks_running_attempts_as_lost(store: Store) -> None:
    first = store.begin_epoch("test")
    store.launch([("base_s1", 1)], first)
    assert store.begin_epoch("test") == first + 1
    assert [row.id for row in store.runs("lost")] == ["base_s1"]


def test_a_result_is_accepted_once(store: Store) -> None:
    store.launch([("base_s1", 1)], store.begin_epoch("test"))
    assert store.settle("base_s1", finished(1), DONE, {"steps": 10})
    assert not store.settle("base_s1", Outcome("failed", 1), Settlement("failed", 1, 0), None)
    row = store.run("base_s1")
    assert row is not None
    assert (row.state, row.summary) == ("done", {"steps": 10})


def test_a_late_result_of_an_earlier_attempt_changes_nothing(store: Store) -> None:
    epoch = store.begin_epoch("test")
    store.launch([("base_s1", 1)], epoch)
    store.launch([("base_s1", 2)], epoch)
    assert not store.settle("base_s1", finished(1), DONE, None)
    row = store.run("base_s1")
    assert row is not None
    assert (row.state, row.attempt) == ("running", 2)


def test_a_failing_transaction_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with store.transaction():
            store.set_meta("a", "b")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert store.meta("a") == ""


def test_cancelling_ends_what_waits_and_marks_what_runs(store: Store) -> None:
    store.launch([("base_s1", 1)], store.begin_epoch("test"))
    store.cancel(["base_s1", "base_s2"])
    assert {row.id: (row.state, row.desired) for row in store.runs()} == {
        "base_s1": ("running", "cancel"),
        "base_s2": ("cancelled", "cancel"),
    }


def test_run_removed_from_the_spec_is_kept_but_never_started(store: Store) -> None:
    with store.transaction():
        store.enrol([Enrolment("base_s2", "base", 2, "v1:a", "c", 10)])
    assert [row.id for row in store.runs()] == ["base_s2"]
    assert [row.id for row in store.waiting(0.0, 10)] == ["base_s2"]
    assert {row.id for row in store.runs(enrolled_only=False)} == {"base_s1", "base_s2"}


def test_a_reader_sees_commits_of_a_live_writer(paths: CampaignPaths, store: Store) -> None:
    with StoreReader.open(paths) as reader:
        assert reader.counts() == {"pending": 2}
        store.launch([("base_s1", 1)], store.begin_epoch("test"))
        assert reader.counts() == {"pending": 1, "running": 1}


def test_a_reader_cannot_write(paths: CampaignPaths, store: Store) -> None:
    with StoreReader.open(paths) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader._db.execute("DELETE FROM runs")
    assert len(store.runs()) == 2


def test_folder_without_a_store_is_not_a_campaign(paths: CampaignPaths) -> None:
    with pytest.raises(StoreUnreadable, match="holds no campaign"):
        StoreReader.open(paths)


@pytest.mark.parametrize("content", [b"", b"x" * 5000, b"SQLite format 3\0" + b"\0" * 4000])
def test_a_damaged_store_is_explained(paths: CampaignPaths, content: bytes) -> None:
    paths.database.write_bytes(content)
    with pytest.raises(StoreUnreadable, match=r"campaign\.db"):
        StoreReader.open(paths)


@pytest.mark.parametrize(
    "damage",
    ["UPDATE runs SET summary = '{'", "UPDATE runs SET summary = CAST(x'ff7b' AS TEXT)", "UPDATE configs SET document = '[]'",
     "DELETE FROM configs"],
)  # fmt: skip
def test_a_row_that_nobody_has_written_is_explained(damage: str, paths: CampaignPaths, store: Store) -> None:
    store._db.execute(damage)
    with pytest.raises(StoreUnreadable, match="the file is damaged"):
        [store.config(row) for row in store.runs()]


def test_a_store_of_another_version_is_refused_with_both_numbers(paths: CampaignPaths, store: Store) -> None:
    store._db.execute("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(StoreUnreadable, match="has format 99, this campaign reads format 1"):
        Store.open(paths)


def test_store_held_by_another_process_is_reported_as_locked(paths: CampaignPaths, store: Store) -> None:
    other = sqlite3.connect(paths.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store._db.execute("PRAGMA busy_timeout = 50")
    with pytest.raises(StoreUnreadable, match="another program has locked it"):
        store.cancel(["base_s1"])
    other.execute("ROLLBACK")
    store.cancel(["base_s1"])


def test_readers_never_block_the_writer(paths: CampaignPaths, store: Store) -> None:
    done = threading.Event()

    def read() -> None:
        with StoreReader.open(paths) as reader:
            while not done.is_set():
                reader.runs()

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    epoch = store.begin_epoch("test")
    for number in range(1, 30):
        store.launch([("base_s1", number)], epoch)
    done.set()
    for reader in readers:
        reader.join()
    row = store.run("base_s1")
    assert row is not None
    assert row.attempt == 29


def test_second_controller_is_refused_with_the_id_of_the_first(paths: CampaignPaths) -> None:
    lock = CampaignLock.acquire(paths)
    with pytest.raises(UsageError, match=f"already being run by process {os.getpid()} on "):
        CampaignLock.acquire(paths)
    who = holder(paths)
    assert who is not None
    assert who["pid"] == os.getpid()
    lock.release()
    assert holder(paths) is None
    CampaignLock.acquire(paths).release()


def test_a_lock_dies_with_its_process(paths: CampaignPaths) -> None:
    code = (
        "import sys, time; from pathlib import Path; from campaign.execution.lock import CampaignLock; "
        "from campaign.folder.paths import CampaignPaths; "
        "lock = CampaignLock.acquire(CampaignPaths(Path(sys.argv[1]))); time.sleep(300)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(paths.root)])
    until(lambda: (holder(paths) or {}).get("pid") == process.pid, "the lock")
    process.kill()
    process.wait()
    assert holder(paths) is None


def test_looking_at_a_lock_never_keeps_a_controller_out(paths: CampaignPaths) -> None:
    CampaignLock.acquire(paths).release()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            holder(paths)

    watchers = [threading.Thread(target=look) for _ in range(4)]
    for watcher in watchers:
        watcher.start()
    try:
        for _ in range(50):
            CampaignLock.acquire(paths).release()
    finally:
        done.set()
        for watcher in watchers:
            watcher.join()
