"""A full disk: exit code 5 and a sentence, nothing damaged, and the same command resumes when there is space.

The disk is a small tmpfs, where the tests may mount one.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaign.cli.app import main
from campaign.errors import StorageFull
from campaign.execution.store import Store
from campaign.execution.store_reader import StoreEmpty, StoreReader
from campaign.execution.view import read_view
from campaign.folder.paths import CampaignPaths
from campaign.spec.load import load
from campaign.submission import SubmitOptions, open_submission, submit

pytestmark = pytest.mark.timeout(180)
HERE = Path(__file__).parents[1]
SPEC = """
[campaign]
name = "full"
seeds = [1, 2, 3]
conditions = [{ name = "base" }]

[core]
command = ["sh", "-c", "echo '{\\"step\\": 0, \\"loss\\": 1}' > metrics.jsonl"]

[training]
max_steps = 1
"""
SPEC = SPEC.replace("> metrics.jsonl", "> $0/metrics.jsonl").replace('jsonl"]', 'jsonl", "{run_dir}"]')


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """The root of a disk of 2 MiB."""
    root = tmp_path / "disk"
    root.mkdir()
    if (
        os.geteuid()
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m,nr_inodes=500", "tmpfs", str(root)], capture_output=True
        ).returncode
    ):
        pytest.skip("mounting a tmpfs is not permitted here")
    yield root
    subprocess.run(["umount", "-l", str(root)], check=True)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "full.toml"
    path.write_text(SPEC)
    return path


def fill(disk: Path, free: int) -> Path:
    """Leave `free` bytes on the disk."""
    ballast = disk / "ballast"
    available = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    ballast.write_bytes(b"\0" * max(0, available - free))
    return ballast


@pytest.mark.parametrize("free", [0, 4, 12, 20, 28, 36, 44, 52, 64, 80])
def test_a_first_submit_on_a_nearly_full_disk_resumes_when_there_is_space(
    free: int, disk: Path, spec: Path
) -> None:
    paths = CampaignPaths(disk / "folder")
    ballast = fill(disk, free * 1024)
    try:
        _, lock = open_submission(load(spec), paths, SubmitOptions(backend="local"))
        lock.release()
    except StorageFull:
        assert not list(disk.glob("folder/.*.tmp")), "a half-written file takes the last space"
    ballast.unlink()
    if paths.database.exists():  # whole, or it is not there
        StoreReader.open(paths).close()
    _, lock = open_submission(load(spec), paths, SubmitOptions(backend="local"))
    lock.release()
    assert [run.state for run in read_view(paths).runs] == ["pending"] * 3


def test_commands_on_a_full_disk_exit_with_5_and_a_sentence(
    disk: Path, spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(disk / "folder")

    def refused(*arguments: str) -> None:
        monkeypatch.setattr(sys, "argv", ["campaign", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 5
        assert f"campaign: no space left for {folder}" in capsys.readouterr().err

    ballast = fill(disk, 0)
    refused("submit", str(spec), "--dir", folder, "--backend", "local")
    ballast.unlink()
    assert (
        submit(load(spec), CampaignPaths(disk / "folder"), SubmitOptions(backend="local")).count("done") == 3
    )
    fill(disk, 0)
    refused("report", folder)


def test_a_full_disk_under_the_output_of_a_command_exits_with_5(tmp_path: Path) -> None:
    with open("/dev/full", "w") as output:
        done = subprocess.run(
            [sys.executable, "-m", "campaign", "status", "--json"],
            stdout=output, stderr=subprocess.PIPE, text=True, cwd=HERE, env={**os.environ, "CAMPAIGN_DIR": str(tmp_path)},
        )  # fmt: skip
    assert done.returncode == 5
    assert done.stderr.startswith("campaign: no space left for the output")
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("left", [0, 100], ids=["nothing left", "100 KiB left, enough for the store"])
def test_a_disk_that_fills_while_runs_execute_charges_no_run(left: int, disk: Path, spec: Path) -> None:
    (disk / "core.sh").write_text(
        f'[ -e {disk}/again ] && exec echo \'{{"step": 0, "loss": 1}}\' > $1/metrics.jsonl\n'
        f"free=$(df --output=avail -k {disk} | tail -1)\n"
        f"head -c $(( (free - {left}) * 1024 )) /dev/zero > {disk}/ballast; exit 3"
    )
    command = f'command = ["bash", "{disk}/core.sh", "{{run_dir}}"]'
    kept = [line for line in SPEC.splitlines() if not line.startswith("command")]
    text = "\n".join(kept).replace("[core]", f"[core]\n{command}").replace("[1, 2, 3]", "[1]")
    spec.write_text(f"{text}\n[retry]\nlease_s = 2.0\nmax_failures = 0\n")
    paths = CampaignPaths(disk / "folder")
    with pytest.raises(StorageFull, match="no space left"):
        submit(load(spec), paths, SubmitOptions(backend="local"))
    (disk / "ballast").unlink()
    (disk / "again").touch()
    (run,) = submit(load(spec), paths, SubmitOptions(backend="local")).runs
    assert (run.state, run.failures, run.losses) == ("done", 0, 0)


@pytest.mark.parametrize("leftover", ["nothing", "zero bytes", "a header in WAL mode"])
def test_the_empty_store_that_a_full_disk_left_behind_is_completed(
    leftover: str, tmp_path: Path, spec: Path
) -> None:
    paths = CampaignPaths(tmp_path / "folder")
    paths.root.mkdir()
    if leftover != "nothing":
        paths.database.touch()
    if leftover == "a header in WAL mode":
        with sqlite3.connect(paths.database) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        connection.close()
        assert paths.database.stat().st_size == 4096
    if leftover != "nothing":
        with pytest.raises(StoreEmpty, match="submit again"):
            StoreReader.open(paths)
    _, lock = open_submission(load(spec), paths, SubmitOptions(backend="local"))
    lock.release()
    assert len(read_view(paths).runs) == 3


def test_a_store_of_another_format_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    paths = CampaignPaths(tmp_path)
    with sqlite3.connect(paths.database) as connection:
        connection.execute("CREATE TABLE notes (text TEXT)")
    connection.close()
    before = paths.database.read_bytes()
    with pytest.raises(Exception, match="has format 0"):
        Store.open(paths)
    assert paths.database.read_bytes() == before


def test_the_log_of_a_store_that_was_moved_away_is_not_replayed(tmp_path: Path, spec: Path) -> None:
    paths = CampaignPaths(tmp_path / "folder")
    _, lock = open_submission(load(spec), paths, SubmitOptions(backend="local"))
    lock.release()
    log = paths.database.with_name("campaign.db-wal")
    holder = sqlite3.connect(paths.database)
    holder.execute("UPDATE runs SET state = 'failed'")
    holder.commit()
    kept = log.read_bytes()
    holder.close()
    paths.database.unlink()
    log.write_bytes(kept)
    _, lock = open_submission(load(spec), paths, SubmitOptions(backend="local"))
    lock.release()
    assert [run.state for run in read_view(paths).runs] == ["pending"] * 3
