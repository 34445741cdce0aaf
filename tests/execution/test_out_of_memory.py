"""A run that is out of memory fails, with that reason, instead of being lost again and again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from campaign.execution.assignment import Assignment
from campaign.execution.out_of_memory import OomWatch
from campaign.execution.store import Store
from campaign.folder.outcome import Outcome
from campaign.folder.paths import RunPaths
from tests.execution.small_campaign import CORE, SmallCampaign
from tests.execution.test_reconcile import kinds, run

LIMIT = 150 * 2**20


@pytest.fixture
def small_group() -> Iterator[Path]:
    """A control group with little memory; skips the test where none can be made."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, group = line.split(":", 2)
        parent = {"": Path("/sys/fs/cgroup"), "memory": Path("/sys/fs/cgroup/memory")}.get(controllers)
        limit = "memory.max" if controllers == "" else "memory.limit_in_bytes"
        if parent is None:
            continue
        folder = parent / group.lstrip("/") / f"campaign-test-{os.getpid()}"
        try:
            folder.mkdir()
            (folder / limit).write_text(str(LIMIT))
        except OSError:
            with suppress(OSError):
                folder.rmdir()
            continue
        yield folder
        folder.rmdir()
        return
    pytest.skip("no control group can be made here")


def test_a_core_that_the_kernel_kills_for_its_memory_has_failed_and_says_why(
    small_group: Path, run: RunPaths, make_assignment: Callable[..., Assignment]
) -> None:
    code = "print('Traceback (most recent call last):\\n  old\\nValueError: caught', flush=True); x = b'1' * 10**9"
    document = {"assignment": make_assignment(command=(sys.executable, "-c", code)).to_json(), "devices": ""}
    join = f"echo $$ > {small_group}/cgroup.procs; exec {sys.executable} -m campaign.execution.supervisor"
    done = subprocess.run(["sh", "-c", join], input=json.dumps(document), capture_output=True, text=True)
    outcome = Outcome.from_json(json.loads(done.stdout.splitlines()[-1]))
    assert (outcome.kind, outcome.signal) == ("failed", "SIGKILL")
    assert outcome.message.startswith("killed by SIGKILL: out of memory"), outcome
    assert str(small_group) in outcome.message, "which counter says so"


def test_a_kill_counts_for_a_minute(tmp_path: Path) -> None:
    """The kernel counts when it sends the signal, and a process with much memory takes a while to end."""
    counter, now = tmp_path / "memory.events", [0.0]
    counter.write_text("low 0\noom 9\noom_kill 7\noom_group_kill 0\n")
    watch = OomWatch(counter, clock=lambda: now[0])
    assert not watch.look(), "seven others, earlier"
    counter.write_text("low 0\noom 9\noom_kill 8\noom_group_kill 0\n")
    assert watch.look()
    now[0] = 59.0
    assert watch.look()
    now[0] = 61.0
    assert not watch.look()
    counter.unlink()
    assert not watch.look()


def test_this_machine_has_a_counter() -> None:
    counter = OomWatch().counter
    assert counter is not None
    assert "oom_kill " in counter.read_text()


def killing_itself(campaign: SmallCampaign, tmp_path: Path, when: str) -> SmallCampaign:
    """The campaign, with a core that sends itself SIGKILL before the step for which `when` is true."""
    core = tmp_path / "killed.py"
    core.write_text(
        CORE.replace(
            "    time.sleep(pause)\n",
            f"    if {when}: os.kill(os.getpid(), 9)\n    time.sleep(pause)\n",
        )
    )
    return SmallCampaign(campaign.paths, core)


def test_a_sigkill_at_the_same_step_again_is_a_failure_with_that_name(
    campaign: SmallCampaign, tmp_path: Path
) -> None:
    small = killing_itself(campaign, tmp_path, "step == 7")
    small.enrol(small.spec(seeds=(1,), max_failures=1))
    run(small)
    assert kinds(small, "base_s1") == ["killed", "failed", "failed"], "the first may come from anywhere"
    with Store.open(small.paths) as store:
        row = store.run("base_s1")
    assert row is not None
    assert (row.state, row.losses, row.failures) == ("failed", 1, 2)
    assert row.error == "killed by SIGKILL, 3 times at step 7: out of memory?"


def test_sigkills_at_different_steps_are_losses(campaign: SmallCampaign, tmp_path: Path) -> None:
    small = killing_itself(
        campaign, tmp_path, "step == {1: 3, 2: 7}.get(int(os.environ['CAMPAIGN_ATTEMPT']))"
    )
    small.enrol(small.spec(seeds=(1,), max_failures=0))
    run(small)
    assert kinds(small, "base_s1") == ["killed", "killed", "finished"]
    small.audit(steps=10)
