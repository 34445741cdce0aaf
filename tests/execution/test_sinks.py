"""A sink that is registered like any other, in its real process: what it gets, and that it cannot touch the run."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from campaign.execution import supervisor
from campaign.execution.assignment import Assignment
from campaign.execution.launching import sink_settings
from campaign.execution.supervisor import supervise
from campaign.folder.outcome import Outcome
from campaign.folder.paths import AttemptPaths, RunPaths
from campaign.metrics.sinks import SINKS
from campaign.spec.config import RunConfig, TrainingSection

Make = Callable[..., Assignment]

SINK = """
import json, os, sys, time
import campaign.metrics.sinks

FAULT = os.environ.get("FAULT", "")

def fault(place):
    if FAULT == place:
        raise RuntimeError(f"broken in {place}")
    if FAULT == f"exit in {place}":
        os._exit(9)
    if FAULT == f"hang in {place}":
        time.sleep(600)

def settings(config):
    return {"file": "rows.txt"}

def open_sink(settings, folder):
    fault("open_sink")
    return Rows(folder / settings["file"])

class Rows:
    first_step = 0

    def __init__(self, path):
        self.file = path.open("a")

    def log(self, step, values):
        fault("log")
        self.write([step, values])

    def summarize(self, values):
        self.write(["summary", values])

    def finish(self, exit_code):
        fault("finish")
        self.write(["finished", exit_code])
        return FAULT != "incomplete"

    def write(self, entry):
        print(json.dumps(entry), file=self.file, flush=True)
"""
ATTEMPT_FILES = ("log", "checkpoints", "adapter", "model", "started", "result", "metrics", "emergence")


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment in which `rows` is a sink, in this process and in those of the run."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "rows_sink.py").write_text(SINK)
    # Every Python process imports `sitecustomize` when it starts: here, the one that executes the mirror.
    register = "import campaign.metrics.sinks\ncampaign.metrics.sinks.SINKS['rows'] = 'rows_sink'\n"
    (folder / "sitecustomize.py").write_text(register)
    monkeypatch.setitem(SINKS, "rows", "rows_sink")
    monkeypatch.syspath_prepend(str(folder))
    path = [str(folder), str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(path)}


def _config() -> RunConfig:
    return RunConfig(campaign="small", condition="base", training=TrainingSection(seed=1))


def _execute(run: RunPaths, make: Make, env: dict[str, str], steps: int = 3) -> Outcome:
    return supervise(make(steps=steps, sinks=sink_settings(_config(), run, 1), env=env))


def _entries(attempt: AttemptPaths) -> list[list[object]]:
    return [json.loads(line) for line in (attempt.root / "rows.txt").read_text().splitlines()]


def test_a_registered_sink_gets_the_metrics_of_each_step_once_and_the_exit_code(
    run: RunPaths, make_assignment: Make, environment: dict[str, str]
) -> None:
    assert _execute(run, make_assignment, environment).kind == "finished"
    attempt = run.attempt(1)
    *rows, last = _entries(attempt)
    assert [step for step, _ in rows] == [0, 1, 2]
    for _, values in rows:
        assert isinstance(values, dict)
        assert set(values) == {"correct_rate", "step_time_s", "pid", "t"}
    assert last == ["finished", 0]
    assert json.loads(attempt.sink_settings("rows").read_text())["name"] == "base_s1"
    assert "3 steps mirrored" in attempt.sink_log("rows").read_text()
    assert not attempt.sink_settings("wandb").exists(), "the run does not enable it"


@pytest.mark.parametrize(
    ("fault", "code", "message"),
    [
        ("open_sink", 1, "failed: RuntimeError: broken in open_sink"),
        ("log", 1, "failed: RuntimeError: broken in log"),
        ("finish", 1, "failed: RuntimeError: broken in finish"),
        ("exit in log", 9, ""),
        ("incomplete", 1, "3 steps mirrored"),
    ],
)
def test_a_sink_that_crashes_is_logged_and_leaves_the_run_alone(
    run: RunPaths, make_assignment: Make, environment: dict[str, str], fault: str, code: int, message: str
) -> None:
    outcome = _execute(run, make_assignment, environment | {"FAULT": fault})
    attempt = run.attempt(1)
    assert (outcome.kind, outcome.exit_code) == ("finished", 0)
    assert len(attempt.metrics.read_text().splitlines()) == 3
    assert f"rows mirror ended with {code}; see rows.log" in attempt.log.read_text()
    assert message in attempt.sink_log("rows").read_text()


def test_a_sink_that_hangs_is_killed_and_leaves_the_run_alone(
    run: RunPaths, make_assignment: Make, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "MIRROR_PATIENCE_S", 1.0)
    outcome = _execute(run, make_assignment, environment | {"FAULT": "hang in open_sink"})
    assert outcome.kind == "finished"
    assert "rows mirror did not finish" in run.attempt(1).log.read_text()


@pytest.mark.parametrize(
    ("settings", "problem"),
    [("1 / 0", "ZeroDivisionError"), ("{'a': {1}}", "TypeError: Object of type set"), ("{'a': 1}", "")],
)
def test_failing_sink_settings_are_logged_and_affect_neither_the_run_nor_other_sinks(
    run: RunPaths,
    make_assignment: Make,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    settings: str,
    problem: str,
) -> None:
    other = SINK.replace("{'file': 'rows.txt'}", "").replace('{"file": "rows.txt"}', settings)
    (tmp_path / "modules/other_sink.py").write_text(other)
    with (tmp_path / "modules/sitecustomize.py").open("a") as file:
        file.write("campaign.metrics.sinks.SINKS['other'] = 'other_sink'\n")
    monkeypatch.setitem(SINKS, "other", "other_sink")
    monkeypatch.delitem(sys.modules, "other_sink", raising=False)
    assert _execute(run, make_assignment, environment).kind == "finished"
    attempt = run.attempt(1)
    assert _entries(attempt)[-1] == ["finished", 0]
    code = 2 if problem else 1
    assert f"other mirror ended with {code}; see other.log" in attempt.log.read_text()
    assert (problem or "KeyError: 'file'") in attempt.sink_log("other").read_text()


def test_the_files_of_no_sink_are_files_of_an_attempt(tmp_path: Path) -> None:
    attempt = AttemptPaths(tmp_path)
    taken = {getattr(attempt, name) for name in ATTEMPT_FILES}
    assert not taken & {path(name) for path in (attempt.sink_settings, attempt.sink_log) for name in SINKS}
