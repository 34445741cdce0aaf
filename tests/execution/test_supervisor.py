"""One attempt, without Ray: claimed once, fenced, obedient, and its end told apart."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from campaign.execution.assignment import Assignment
from campaign.execution.checkpoints import resumption, saved
from campaign.execution.fence import raise_fence, request_cancel, stop_epoch
from campaign.execution.log_tail import last_traceback
from campaign.execution.supervisor import core_environment, supervise
from campaign.folder.json_lines import read_jsonl
from campaign.folder.outcome import Outcome
from campaign.folder.paths import RunPaths
from campaign.folder.run_record import RecordFormat
from tests.execution.small_campaign import alive, processes_with, until

Make = Callable[..., Assignment]


def in_background(assignment: Assignment) -> tuple[threading.Thread, list[Outcome]]:
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(supervise(assignment)))
    thread.start()
    return thread, outcomes


def first_row(run: RunPaths, number: int = 1) -> dict[str, object]:
    rows = until(lambda: list(read_jsonl(run.attempt(number).metrics)), "the first step")
    return dict(rows[0])


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def test_an_attempt_that_finishes_leaves_its_record_and_its_result(
    run: RunPaths, make_assignment: Make
) -> None:
    outcome = supervise(make_assignment(steps=5))
    assert (outcome.kind, outcome.exit_code) == ("finished", 0)
    assert Outcome.from_json(json.loads(run.attempt(1).result.read_text())) == outcome
    assert [row["step"] for row in read_jsonl(run.attempt(1).metrics)] == [0, 1, 2, 3, 4]
    assert "core starts at 0" in run.attempt(1).log.read_text()


def test_rows_of_any_core_are_durable_before_the_result_says_that_it_finished(
    run: RunPaths, make_assignment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def recording_fsync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", recording_fsync)
    supervise(make_assignment(steps=1))
    assert synced.index("metrics.jsonl") < next(n for n, name in enumerate(synced) if "result.json" in name)


def test_log_that_is_no_file_does_not_hold_up_the_result(run: RunPaths, make_assignment: Make) -> None:
    code = "import os; os.mkfifo(os.environ['CAMPAIGN_RUN_DIR'] + '/metrics.jsonl')"
    assert supervise(make_assignment(command=python(code))).kind == "finished"


def test_an_attempt_that_is_executed_twice_runs_once(run: RunPaths, make_assignment: Make) -> None:
    assignment = make_assignment(steps=3)
    assert supervise(assignment).kind == "finished"
    before = run.attempt(1).result.read_bytes()
    assert supervise(assignment).kind == "duplicate"
    assert run.attempt(1).result.read_bytes() == before
    assert len(list(read_jsonl(run.attempt(1).metrics))) == 3


def test_concurrent_claims_of_one_attempt_have_one_winner(make_assignment: Make) -> None:
    assignment = make_assignment(steps=2)
    outcomes: list[Outcome] = []
    threads = [threading.Thread(target=lambda: outcomes.append(supervise(assignment))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome.kind for outcome in outcomes) == ["duplicate"] * 7 + ["finished"]


def test_an_attempt_behind_the_fence_never_starts_its_core(run: RunPaths, make_assignment: Make) -> None:
    assignment = make_assignment()
    raise_fence(run, 2)
    assert supervise(assignment).kind == "fenced"
    assert not run.attempt(1).started.exists()
    assert not run.attempt(1).metrics.exists()


def test_attempt_that_is_fenced_while_it_runs_is_killed_immediately(
    run: RunPaths, make_assignment: Make
) -> None:
    thread, outcomes = in_background(make_assignment(steps=10_000, pause=0.02))
    pid = int(str(first_row(run)["pid"]))
    raise_fence(run, 2)
    thread.join(10)
    assert outcomes[0].kind == "fenced"
    assert not alive(pid)
    assert saved(run.attempt(1)) == [] or max(c.step for c in saved(run.attempt(1))) % 5 == 0, (
        "no farewell save"
    )


def test_a_cancelled_core_saves_its_state_and_ends(run: RunPaths, make_assignment: Make) -> None:
    thread, outcomes = in_background(make_assignment(steps=10_000, pause=0.02))
    first_row(run)
    request_cancel(run)
    thread.join(10)
    assert (outcomes[0].kind, outcomes[0].exit_code, outcomes[0].reason) == ("stopped", 75, "cancelled")
    checkpoint = resumption(run, RecordFormat()).checkpoint
    assert checkpoint is not None
    assert checkpoint.step == len(list(read_jsonl(run.attempt(1).metrics)))


def test_core_that_ignores_sigterm_is_killed_after_its_grace_period(
    run: RunPaths, make_assignment: Make
) -> None:
    deaf = python(
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('x', flush=True)\n"
        "while True: time.sleep(1)"
    )
    thread, outcomes = in_background(make_assignment(command=deaf, grace_s=0.3))
    until(lambda: run.attempt(1).log.exists() and run.attempt(1).log.read_text(), "the core's first word")
    request_cancel(run)
    thread.join(10)
    assert (outcomes[0].kind, outcomes[0].signal) == ("stopped", "SIGKILL")


@pytest.mark.parametrize(("stop", "runs_on"), [(1, False), (2, False), (0, True)])
def test_a_stop_holds_for_its_epoch_and_earlier_ones_only(
    run: RunPaths, make_assignment: Make, stop: int, runs_on: bool
) -> None:
    stop_epoch(run.root.parent.parent / "STOP", stop)
    outcome = supervise(make_assignment(steps=2))
    assert outcome.kind == ("finished" if runs_on else "stopped")
    assert run.attempt(1).started.exists() is runs_on


def test_an_attempt_that_cannot_see_the_fence_ends_itself_within_its_lease(
    run: RunPaths, make_assignment: Make
) -> None:
    thread, outcomes = in_background(make_assignment(steps=10_000, pause=0.02, lease_s=1.0))
    pid = int(str(first_row(run)["pid"]))
    run.fence.unlink()
    thread.join(10)
    assert outcomes[0].kind == "blind"
    assert "could not be read" in outcomes[0].reason
    assert not alive(pid)


def test_brief_filesystem_outage_does_not_end_an_attempt(run: RunPaths, make_assignment: Make) -> None:
    thread, outcomes = in_background(make_assignment(steps=60, pause=0.02, lease_s=60.0))
    first_row(run)
    run.fence.unlink()
    until(lambda: len(list(read_jsonl(run.attempt(1).metrics))) > 20, "some steps without a fence")
    raise_fence(run, 1)
    thread.join(20)
    assert outcomes[0].kind == "finished"


def test_a_failure_keeps_its_traceback_and_last_lines(make_assignment: Make) -> None:
    outcome = supervise(
        make_assignment(command=python("print('before')\ndef f():\n  raise ValueError('no such token')\nf()"))
    )
    assert (outcome.kind, outcome.exit_code) == ("failed", 1)
    assert outcome.traceback.startswith("Traceback")
    assert outcome.message == "ValueError: no such token"
    assert "before" in outcome.log_tail


@pytest.mark.parametrize(
    ("code", "kind", "exit_code", "signal_name"),
    [
        ("raise SystemExit(3)", "failed", 3, ""),
        ("import os; os.kill(os.getpid(), 11)", "failed", None, "SIGSEGV"),
        ("import os; os.kill(os.getpid(), 9)", "killed", None, "SIGKILL"),
        ("import os; os.kill(os.getpid(), 15)", "killed", None, "SIGTERM"),
        ("raise SystemExit(75)", "killed", 75, ""),
        ("raise SystemExit(0)", "finished", 0, ""),
    ],
)
def test_kinds_of_ends_are_distinguished(
    make_assignment: Make, code: str, kind: str, exit_code: int | None, signal_name: str
) -> None:
    outcome = supervise(make_assignment(command=python(code)))
    assert (outcome.kind, outcome.exit_code, outcome.signal) == (kind, exit_code, signal_name)


def test_missing_program_is_a_failure_with_the_reason(make_assignment: Make) -> None:
    outcome = supervise(make_assignment(command=("no-such-program",)))
    assert outcome.kind == "failed"
    assert "cannot start 'no-such-program'" in outcome.message


def test_processes_left_by_a_core_are_killed(run: RunPaths, make_assignment: Make) -> None:
    sleeper = "[sys.executable, '-c', 'import time; time.sleep(300)']"
    code = f"import subprocess, sys; subprocess.Popen({sleeper}, start_new_session=True)"
    assert supervise(make_assignment(command=python(code))).kind == "finished"
    assert processes_with(str(run.attempt(1).root)) == []


def test_a_core_dies_with_its_supervisor(run: RunPaths, make_assignment: Make) -> None:
    document = {"assignment": make_assignment(steps=10_000, pause=0.02).to_json(), "devices": ""}
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "campaign.execution.supervisor"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    assert supervisor.stdin is not None
    supervisor.stdin.write(json.dumps(document).encode())
    supervisor.stdin.close()
    pid = int(str(first_row(run)["pid"]))
    supervisor.kill()
    supervisor.wait()
    until(lambda: not alive(pid), "the core's end", 5)
    assert not run.attempt(1).result.exists()


def test_a_ctrl_c_of_the_terminal_does_not_reach_the_core(run: RunPaths, make_assignment: Make) -> None:
    thread, outcomes = in_background(make_assignment(steps=30, pause=0.02))
    os.kill(int(str(first_row(run)["pid"])), signal.SIGINT)
    thread.join(20)
    assert outcomes[0].kind == "finished"


def test_a_core_gets_its_own_environment_and_nothing_of_ray(
    run: RunPaths, make_assignment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "somewhere:6379")
    monkeypatch.setenv("PYTHONBREAKPOINT", "ray.util.rpdb.set_trace")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    assignment = make_assignment(command=python(code), checkpoint="/c/step_000005", env={"MINE": "1"})
    assert supervise(assignment, devices="2").kind == "finished"
    env = json.loads(run.attempt(1).log.read_text())
    expected = {
        "CAMPAIGN_RUN_ID": "base_s1", "CAMPAIGN_ATTEMPT": "1", "CAMPAIGN_RUN_DIR": str(run.attempt(1).root),
        "CAMPAIGN_SEED": "1", "CAMPAIGN_CONDITION": "base", "CAMPAIGN_CHECKPOINT": "/c/step_000005",
        "CUDA_VISIBLE_DEVICES": "2", "MINE": "1",
    }  # fmt: skip
    assert {name: env.get(name) for name in expected} == expected
    assert not [name for name in env if name.startswith("RAY_") or name == "PYTHONBREAKPOINT"]


def test_a_run_without_gpus_sees_none(run: RunPaths, make_assignment: Make) -> None:
    env = core_environment(make_assignment(), run.attempt(1), "", {"CUDA_VISIBLE_DEVICES": "0,1"})
    assert env["CUDA_VISIBLE_DEVICES"] == ""


def test_a_supervisor_beats_while_its_core_runs(run: RunPaths, make_assignment: Make) -> None:
    thread, _ = in_background(make_assignment(steps=40, pause=0.02))
    first_row(run)
    os.utime(run.attempt(1).root, (0, 0))
    until(lambda: run.attempt(1).root.stat().st_mtime > 0, "a beat")
    thread.join(20)


def test_a_broken_mirror_changes_nothing_for_the_run(run: RunPaths, make_assignment: Make) -> None:
    outcome = supervise(
        make_assignment(
            steps=3, sinks={"wandb": {"project": "p"}}, env={"PYTHONPATH": "/nowhere"}, workdir="/"
        )
    )
    assert outcome.kind == "finished"
    assert "wandb mirror ended with" in run.attempt(1).log.read_text()


def test_the_last_traceback_is_the_one_that_counts() -> None:
    lines = (
        "Traceback (most recent call last):", '  File "a", line 1', "KeyError: 'x'", "",
        "During handling of the above exception, another exception occurred:", "",
        "Traceback (most recent call last):", '  File "b", line 2', "RuntimeError: y", "bye",
    )  # fmt: skip
    assert last_traceback(lines).splitlines() == list(lines[6:9])


def test_an_assignment_survives_json(make_assignment: Make) -> None:
    assignment = make_assignment(sinks={"wandb": {"project": "p"}}, env={"A": "b"})
    assert Assignment.from_json(json.loads(json.dumps(assignment.to_json()))) == assignment
