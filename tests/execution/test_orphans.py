"""Processes that a core has left behind are ended, and no others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from campaign.execution.orphans import end_orphans
from campaign.execution.process import ProcessStamp, stamp
from campaign.execution.supervisor import supervise
from campaign.folder.paths import CampaignPaths, RunPaths
from tests.execution.small_campaign import CORE, alive, until
from tests.execution.test_submit_on_ray import Place

SLEEPER = "[sys.executable, '-c', 'import time; time.sleep(300)']"
LEAVES_A_CHILD = f"""
import os, subprocess, sys
child = subprocess.Popen({SLEEPER}, start_new_session=True)
open(os.environ["CAMPAIGN_RUN_DIR"] + "/child", "w").write(str(child.pid))
"""

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts processes that do nothing, with the environment of a core, and ends them after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def launch(environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(300)"]
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        started.append(process)
        return process

    yield launch
    for process in started:
        process.kill()
        process.communicate()


def dead() -> ProcessStamp:
    """A process of this machine that has ended."""
    process = subprocess.Popen(["sleep", "300"])
    seen = stamp(process.pid)
    process.kill()
    process.wait()
    return seen


def mark(run: RunPaths, supervisor: ProcessStamp | None, number: int = 1) -> dict[str, str]:
    """The environment of a core of `run`."""
    attempt = {"CAMPAIGN_RUN_DIR": str(run.attempt(number).root)}
    if supervisor is None:
        return attempt
    return {**attempt, "CAMPAIGN_SUPERVISOR": json.dumps(supervisor.to_json())}


def test_a_process_whose_supervisor_has_died_is_ended_and_the_log_says_so(
    run: RunPaths, start: Start
) -> None:
    run.attempt(1).root.mkdir(parents=True)
    run.attempt(1).log.touch()
    orphan = start(mark(run, dead()))
    assert end_orphans(run.campaign.root) == 1
    assert orphan.wait(5) == -signal.SIGKILL
    assert f"ended process {orphan.pid}" in run.attempt(1).log.read_text()
    assert end_orphans(run.campaign.root) == 0


def test_the_folder_is_recognised_by_another_path_to_it(run: RunPaths, start: Start, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").symlink_to(run.campaign.root)
    orphan = start(mark(CampaignPaths(tmp_path / "elsewhere").run("base_s1"), dead()))
    assert end_orphans(run.campaign.root) == 1
    assert not alive(orphan.pid)


def test_every_process_without_exactly_this_mark_is_spared(
    run: RunPaths, start: Start, tmp_path: Path
) -> None:
    other = CampaignPaths(tmp_path / "other").run("base_s1")
    other.root.mkdir(parents=True)
    gone = dead()
    spared = {
        "of another campaign": start(mark(other, gone)),
        "of a folder that is no more": start(mark(CampaignPaths(tmp_path / "none").run("base_s1"), gone)),
        "with a live supervisor": start(mark(run, stamp(os.getpid()))),
        "of another machine": start(mark(run, replace(gone, host="another"))),
        "of another container": start(mark(run, replace(gone, pids=gone.pids + 1))),
        "started by hand, without a supervisor": start(mark(run, None)),
        "with a mark that is none": start({**mark(run, None), "CAMPAIGN_SUPERVISOR": "{"}),
        "unmarked": start({}),
    }
    assert end_orphans(run.campaign.root) == 0
    assert {name for name, process in spared.items() if process.poll() is not None} == set()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a process as another user")
def test_a_process_of_another_user_is_spared(run: RunPaths) -> None:
    environment = {**os.environ, **mark(run, dead())}
    with subprocess.Popen(["sleep", "300"], env=environment, user=65534) as process:
        assert end_orphans(run.campaign.root) == 0
        assert process.poll() is None
        process.kill()


def test_children_that_start_others_while_they_are_ended_are_all_ended(
    run: RunPaths, make_assignment: Callable[..., Any]
) -> None:
    chain = "import os, time\nfor _ in range(40):\n  if os.fork(): os._exit(0)\n  time.sleep(.002)\ntime.sleep(300)"
    code = (
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {chain!r}], start_new_session=True)"
    )
    assert supervise(make_assignment(command=(sys.executable, "-c", code))).kind == "finished"
    assert not [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _is_marked(pid, run)]


def _is_marked(pid: int, run: RunPaths) -> bool:
    try:
        return str(run.attempt(1).root).encode() in Path(f"/proc/{pid}/environ").read_bytes() and alive(pid)
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("killed", ["controller", "supervisor"])
def test_children_of_a_core_are_ended_by_the_next_submit_or_attempt(tmp_path: Path, killed: str) -> None:
    core = tmp_path / "core.py"
    core.write_text(LEAVES_A_CHILD + CORE)
    place = Place(tmp_path, core, steps=10, pause=0.01)
    place.hold()
    submit = place.start("submit", "small.toml", "--backend", "local")
    children = [
        int(until(lambda run_id=run_id: _text(place, run_id), f"the child of {run_id}"))
        for run_id in ("base_s1", "base_s2")
    ]
    core_pid = place.pid("base_s1", "core")
    if killed == "controller":
        submit.kill()
        submit.communicate()
        until(lambda: not alive(core_pid), "the end of the core")
        assert all(alive(child) for child in children), "nothing ends them while no campaign runs"
        place.let_go()
        submit = place.start("submit", "small.toml", "--backend", "local")
    else:
        os.kill(place.pid("base_s1", "supervisor"), signal.SIGKILL)
        place.let_go()
    _, err = submit.communicate(timeout=60)
    assert submit.returncode == 0, err
    assert not any(alive(child) for child in children)
    place.small.audit(steps=10)


def _text(place: Place, run_id: str) -> str:
    path = place.paths.run(run_id).attempt(1).root / "child"
    return path.read_text() if path.exists() else ""
