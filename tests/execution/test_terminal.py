"""A submit whose terminal, reader or lock file goes away, and signals at any moment of it."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaign.cli.foreground import signals_end_it
from campaign.errors import Incomplete, Interrupted, UsageError
from campaign.execution.lock import CampaignLock, holder
from campaign.folder.json_lines import read_jsonl
from campaign.folder.paths import CampaignPaths, RunPaths
from tests.execution.small_campaign import alive, processes_with, ray_folders, until
from tests.execution.test_submit_on_ray import RUNS, Place

RAY = pytest.param("ray", marks=[pytest.mark.ray, pytest.mark.slow])
LOCAL = ("submit", "small.toml", "--backend", "local")


@pytest.fixture
def place(tmp_path: Path, core_script: Path) -> Iterator[Place]:
    made = Place(tmp_path, core_script, steps=20, pause=0.0)
    yield made
    for pid in processes_with(str(tmp_path)):
        os.kill(pid, signal.SIGKILL)


def on_their_way(place: Place) -> None:
    until(lambda: place.steps("base_s1") == 8 and place.steps("base_s2") == 8, "both runs on their way")


def read_until(stream: int, text: str) -> str:
    """What a process says, up to `text`."""
    said = b""
    while text.encode() not in said:
        piece = os.read(stream, 4096)
        assert piece, f"ended before {text!r}: {said!r}"
        said += piece
    return said.decode()


@pytest.mark.parametrize("backend", ["local", RAY])
def test_a_closed_terminal_lets_the_runs_save_and_ends_the_submit_with_5(place: Place, backend: str) -> None:
    place.hold()
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(place.folder)
        os.environ.update(PYTHONPATH=str(Path(__file__).parents[2]), TERM="xterm", COLUMNS="80")
        os.environ["CAMPAIGN_DIR"] = str(place.folder / "campaigns")
        command = [sys.executable, "-m", "campaign", "submit", "small.toml", "--backend", backend]
        os.execv(sys.executable, command)
    os.set_blocking(terminal, False)

    def read() -> None:
        try:
            os.read(terminal, 65536)
        except OSError:
            return

    until(
        lambda: (read(), place.steps("base_s1") == 8 and place.steps("base_s2") == 8)[1],
        "both runs on their way",
    )
    os.close(terminal)
    os.killpg(
        pid, signal.SIGHUP
    )  # the kernel tells the first process; a shell tells all processes of its job too
    codes: list[int] = []

    def ended() -> bool:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            codes.append(os.waitstatus_to_exitcode(status))
        return bool(done)

    until(ended, "the end of the submit")
    assert codes == [5]
    for run_id in ("base_s1", "base_s2"):
        (attempt,) = place.small.attempts(run_id)
        assert (attempt["outcome"]["kind"], attempt["outcome"]["exit_code"]) == ("stopped", 75)
    assert not processes_with(str(place.paths.runs))
    assert holder(place.paths) is None


def test_a_second_sigterm_ends_the_submit_immediately_with_5(place: Place) -> None:
    place.hold()
    for run_id in RUNS:
        (place.paths.run(run_id).root / "DEAF").touch()  # does not save on the first one
    submit = place.start(*LOCAL)
    on_their_way(place)
    assert submit.stderr is not None
    submit.send_signal(signal.SIGTERM)
    said = read_until(submit.stderr.fileno(), "stopping: the runs save their state")
    submit.send_signal(signal.SIGTERM)
    out, err = submit.communicate(timeout=60)
    assert submit.returncode == 5, err
    assert "stopped, 4 runs left" in err
    assert "Traceback" not in said + err + out
    assert not processes_with(str(place.paths.runs))
    assert holder(place.paths) is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_that_come_twice_at_once_end_it_without_a_traceback(place: Place, number: int) -> None:
    place.hold()
    submit = place.start(*LOCAL)
    on_their_way(place)
    for _ in range(2):
        submit.send_signal(number)
    _, err = submit.communicate(timeout=60)
    assert submit.returncode == (130 if number == signal.SIGINT else 5), err
    assert "Traceback" not in err
    assert "campaign submit small.toml" in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_where_no_run_is_executed_have_the_same_exit_codes(number: int) -> None:
    # A shell lets programs in the background ignore SIGINT, such as a whole test run.
    outside = signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    before = signal.getsignal(number)
    expected = Interrupted if number == signal.SIGINT else Incomplete
    with pytest.raises(expected, match="the same command resumes"), signals_end_it():
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) == before
    signal.signal(number, outside)


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGHUP, 5), (signal.SIGTERM, 5), (signal.SIGINT, 130)])
def test_a_signal_while_ray_starts_leaves_nothing_behind(place: Place, number: int, code: int) -> None:
    submit = place.start("submit", "small.toml")

    def ray_folder() -> list[Path]:
        return [folder for folder in ray_folders(submit.pid) if (folder / "r").exists()]

    (folder,) = until(ray_folder, "the first files of Ray")
    submit.send_signal(number)
    _, err = submit.communicate(timeout=60)
    assert submit.returncode == code, err
    assert "Traceback" not in err
    assert not folder.exists()
    until(lambda: not processes_with(str(folder)), "the end of Ray's processes")
    assert holder(place.paths) is None


def test_a_deleted_lock_file_is_made_anew_and_the_runs_go_on(place: Place) -> None:
    place.hold()
    submit = place.start(*LOCAL)
    on_their_way(place)
    place.paths.lock.unlink()
    until(lambda: holder(place.paths), "the new lock")
    code, _, err = place.call(*LOCAL)
    assert code == 2
    assert f"already being run by process {submit.pid}" in err
    place.let_go()
    _, err = submit.communicate(timeout=60)
    assert submit.returncode == 0, err
    place.small.audit(steps=20)


def test_a_controller_whose_lock_another_one_has_taken_stops(tmp_path: Path) -> None:
    paths = CampaignPaths(tmp_path)
    first = CampaignLock.acquire(paths)
    first.keep()
    paths.lock.unlink()
    second = CampaignLock.acquire(paths)
    with pytest.raises(
        Incomplete, match=rf"LOCK was deleted, and process {os.getpid()} on .* has taken the campaign"
    ):
        first.keep()
    second.release()
    first.keep()
    with pytest.raises(UsageError, match="already being run"):
        CampaignLock.acquire(paths)
    first.release()


def test_a_campaign_whose_folder_is_deleted_ends_with_the_reason(place: Place) -> None:
    place.hold()
    submit = place.start(*LOCAL)
    on_their_way(place)
    place.paths.root.rename(place.folder / "moved")
    _, err = submit.communicate(timeout=60)
    assert submit.returncode == 5, err
    assert "campaign.db was deleted or moved while the runs were executed" in err
    assert "Traceback" not in err


def test_a_reader_that_leaves_changes_neither_the_runs_nor_the_exit_code(place: Place) -> None:
    place.hold()
    submit = place.start(*LOCAL)
    assert submit.stdout is not None
    assert submit.stderr is not None
    on_their_way(place)
    submit.stdout.close()
    submit.stderr.close()
    place.let_go()
    assert submit.wait(60) == 0
    place.small.audit(steps=20)


def test_a_process_that_is_killed_leaves_no_lock(place: Place) -> None:
    place.hold()
    submit: subprocess.Popen[str] = place.start(*LOCAL)
    on_their_way(place)
    cores = [place.pid(run_id, "core") for run_id in ("base_s1", "base_s2")]
    submit.kill()
    submit.communicate()
    assert holder(place.paths) is None
    until(lambda: not any(alive(pid) for pid in cores), "the end of the cores with their controller", 10)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 5), (signal.SIGHUP, 5)])
def test_a_single_run_that_is_stopped_saves_and_exits_with_5(place: Place, number: int, code: int) -> None:
    place.hold()
    submit = place.start(*LOCAL)
    on_their_way(place)
    submit.send_signal(signal.SIGTERM)
    submit.communicate(timeout=60)
    alone = RunPaths(place.folder / "alone")
    alone.root.mkdir()
    config = place.paths.run("base_s1").config
    (alone.root / "config.toml").write_bytes(config.read_bytes())
    (alone.root / "HOLD").touch()
    process = place.start("run", str(config), "--out", "alone")
    until(lambda: len(list(read_jsonl(alone.attempt(1).metrics))) == 8, "the run on its way")
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert "resume: campaign run" in err
    assert alone.attempt(1).checkpoint(9).is_dir()
    assert not processes_with(str(alone.root))
