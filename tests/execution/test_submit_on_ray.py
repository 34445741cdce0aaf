"""`campaign submit` on a real embedded Ray, as a person and a crash would use it."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaign.execution.lock import holder
from campaign.folder.json_lines import read_jsonl
from campaign.folder.paths import CampaignPaths
from tests.execution.small_campaign import SmallCampaign, alive, processes_with, until

pytestmark = [pytest.mark.ray, pytest.mark.slow]

SPEC = """
[campaign]
name = "small"
seeds = [1, 2]
max_steps = {steps}

[[campaign.conditions]]
name = "base"

[[campaign.conditions]]
name = "kl"
kl_coef = 0.1

[core]
command = ["python", "{core}", "{{run_dir}}", "{{seed}}", "{{checkpoint}}", "{steps}", "{pause}"]

[ray]
num_cpus = 2
num_gpus = 0

[retry]
backoff_s = 0
"""

RUNS = ("base_s1", "base_s2", "kl_s1", "kl_s2")


class Place:
    """A folder with a spec, and the `campaign` command in it."""

    def __init__(self, folder: Path, core: Path, *, steps: int, pause: float) -> None:
        self.folder = folder
        self.spec = folder / "small.toml"
        self.spec.write_text(SPEC.format(core=core, steps=steps, pause=pause))
        self.small = SmallCampaign(CampaignPaths(folder / "campaigns" / "small"), core)
        self.paths = self.small.paths

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "campaign", *arguments]
        env = {**os.environ, "PYTHONPATH": os.getcwd(), "CAMPAIGN_DIR": str(self.folder / "campaigns")}
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )

    def call(self, *arguments: str) -> tuple[int, str, str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def hold(self) -> None:
        """Let every run wait at step 8."""
        for run_id in RUNS:
            self.paths.run(run_id).root.mkdir(parents=True)
            (self.paths.run(run_id).root / "HOLD").touch()

    def let_go(self, *run_ids: str) -> None:
        for run_id in run_ids or RUNS:
            (self.paths.run(run_id).root / "HOLD").unlink(missing_ok=True)

    def steps(self, run_id: str, number: int = 1) -> int:
        return len(list(read_jsonl(self.paths.run(run_id).attempt(number).metrics)))

    def pid(self, run_id: str, who: str, number: int = 1) -> int:
        return int(self.small.note(run_id, number)[who]["pid"])


@pytest.fixture
def place(tmp_path: Path, core_script: Path) -> Iterator[Place]:
    made = Place(tmp_path, core_script, steps=20, pause=0.02)
    yield made
    for pid in processes_with(str(tmp_path)):
        os.kill(pid, signal.SIGKILL)


def test_a_campaign_survives_the_death_of_a_worker_and_of_its_controller(place: Place) -> None:
    """One story, because each Ray takes seconds to start: second submit refused, worker killed, status, logs
    -f, controller killed, submit again, audit, submit once more."""
    place.hold()
    first = place.start("submit", "small.toml")
    until(lambda: place.steps("base_s1") == 8 and place.steps("base_s2") == 8, "both runs on their way")

    code, _, err = place.call("submit", "small.toml")
    assert code == 2
    assert f"already being run by process {first.pid}" in err

    code, out, _ = place.call("status", "small", "--json")
    seen = json.loads(out)
    assert (code, seen["version"], seen["controller"]) == (0, 2, first.pid)
    assert seen["runs"][0]["state"] == "running"
    assert seen["runs"][0]["steps"] == 8

    core = place.pid("base_s1", "core")
    # Ray sends SIGTERM to the processes of a dead worker, and a core that saved for it would resume later than from
    # step 5. This core ignores SIGTERM, so only the kernel's signal for a dead parent can end it.
    deaf = place.paths.run("base_s1").root / "DEAF"
    deaf.touch()
    os.kill(place.pid("base_s1", "supervisor"), signal.SIGKILL)
    until(lambda: not alive(core), "the core's end with its worker")
    deaf.unlink()
    place.let_go("base_s2", "kl_s1")
    until(lambda: place.steps("base_s1", 2) > 0, "the next attempt")
    assert place.small.note("base_s1", 2)["first_step"] == 5

    follower = place.start("logs", "small", "base_s1", "-f")
    cores = [place.pid("base_s1", "core", 2), place.pid("base_s2", "core")]
    until(lambda: place.steps("base_s1", 2) == 3, "the next attempt on its way")
    first.kill()
    first.communicate(timeout=60)
    out, err = follower.communicate(timeout=60)
    assert out.count("core starts at") == 2
    assert "attempt 2" in err
    until(lambda: not any(alive(pid) for pid in cores), "the end of all cores with their controller")
    assert holder(place.paths) is None
    _, out, _ = place.call("status", "small", "--json")
    assert {run["state"] for run in json.loads(out)["runs"]} <= {"interrupted", "pending", "done"}

    place.let_go()
    code, out, err = place.call("submit", "small.toml")
    assert code == 0, err
    assert "kl " in out
    assert "2/2" in out
    assert "campaign status small" in out
    place.small.audit(steps=20)

    attempts = {run_id: len(place.small.attempts(run_id)) for run_id in place.small.states()}
    code, out, err = place.call("submit", "small.toml", "--json")
    assert code == 0, err
    document = json.loads(out)
    assert (document["kind"], document["ending"]) == ("submit", "complete")
    assert attempts == {run_id: len(place.small.attempts(run_id)) for run_id in place.small.states()}


def test_ctrl_c_in_a_terminal_saves_all_runs_and_prints_how_to_resume(place: Place) -> None:
    """A real terminal: its Ctrl-C reaches every process of the foreground group, cores included."""
    place.hold()
    pid, terminal = pty.fork()
    if pid == 0:  # the child: its controlling terminal is `terminal`
        os.chdir(place.folder)
        os.environ.update(PYTHONPATH=str(Path(__file__).parents[2]), COLUMNS="60", LINES="20", TERM="xterm")
        os.environ["CAMPAIGN_DIR"] = str(place.folder / "campaigns")
        os.execv(sys.executable, [sys.executable, "-m", "campaign", "submit", "small.toml"])
    shown = bytearray()

    def read() -> bool:
        try:
            shown.extend(os.read(terminal, 65536))
        except OSError:
            return False
        return True

    os.set_blocking(terminal, False)
    until(
        lambda: (read(), place.steps("base_s1") == 8 and place.steps("base_s2") == 8)[1],
        "both runs on their way",
    )
    os.write(terminal, b"\x03")
    codes: list[int] = []

    def ended() -> bool:
        read()
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            codes.append(os.waitstatus_to_exitcode(status))
        return bool(done)

    until(ended, "the end of the submit")
    read()
    text = shown.decode("utf-8", "replace")
    assert codes == [130], text
    assert "interrupted, 4 runs left" in text
    assert "campaign submit small.toml" in text
    assert "Traceback" not in text
    assert set(place.small.states().values()) == {"pending"}
    for run_id in ("base_s1", "base_s2"):
        (attempt,) = place.small.attempts(run_id)
        assert (attempt["outcome"]["kind"], attempt["outcome"]["exit_code"]) == ("stopped", 75)
    assert not processes_with(str(place.paths.runs))


def test_detached_submit_returns_immediately_and_can_be_cancelled_and_resumed(place: Place) -> None:
    place.hold()
    code, out, err = place.call("submit", "small.toml", "--detach", "--json")
    assert code == 0, err
    pid = json.loads(out)["pid"]
    who = holder(place.paths)
    assert who is not None
    assert who["pid"] == pid, "there is no moment without a holder of the lock"
    assert os.getsid(pid) == pid
    until(lambda: place.steps("base_s1") == 8 and place.steps("base_s2") == 8, "both runs on their way")

    code, out, _ = place.call("cancel", "small", "base_s1")
    assert code == 0
    assert f"process {pid}" in out
    until(lambda: place.small.states()["base_s1"] == "cancelled", "the cancelled run")
    until(lambda: place.steps("kl_s1") == 8, "the next run in its place")

    os.kill(pid, signal.SIGTERM)
    until(lambda: not alive(pid), "the controller's end")
    assert holder(place.paths) is None
    assert set(place.small.states().values()) == {"pending", "cancelled"}
    assert "stopped, " in place.paths.controller_log.read_text()

    place.let_go()
    code, out, err = place.call("submit", "small.toml")
    assert code == 0, err
    place.small.audit(steps=20)
    assert place.small.attempts("base_s1")[0]["outcome"]["reason"] == "cancelled"


def test_unreachable_cluster_is_an_error_with_a_hint(place: Place) -> None:
    code, _, err = place.call("submit", "small.toml", "--address", "127.0.0.1:1")
    assert code == 4, err
    assert "no Ray cluster answers at 127.0.0.1:1" in err
    assert "Traceback" not in err
    assert holder(place.paths) is None
