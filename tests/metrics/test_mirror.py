"""The W&B mirror: every metric at its step, and no way to disturb a run."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import wandb_file

from campaign.folder.json_lines import JsonlWriter
from campaign.folder.run_record import RecordFormat, RowReader
from campaign.metrics.mirror import Steps

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SETTINGS = {
    "project": "first-light",
    "mode": "auto",
    "id": "first-light-grpo-none-s1",
    "name": "grpo+none_s1",
    "group": "grpo+none",
    "tags": ["first_light", "seed-1"],
    "config": {"campaign": "first_light", "seed": 1, "model": {"lora_rank": 8}},
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """No key, no settings of the person who runs the tests."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("WANDB_")}
    return kept | {"HOME": str(tmp_path), "NETRC": str(tmp_path / "netrc"), "OMP_NUM_THREADS": "1"}


def _attempt(tmp_path: Path, number: int = 1, **settings: Any) -> Path:
    attempt = tmp_path / "attempts" / f"{number:04d}"
    attempt.mkdir(parents=True)
    (attempt / "wandb.json").write_text(json.dumps(SETTINGS | settings))
    return attempt


def _start(attempt: Path, environment: dict[str, str], *more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "campaign.metrics.mirror", str(attempt), *more],
        env=environment,
        cwd=Path(__file__).parents[2],
    )


def _finish(attempt: Path, **result: Any) -> None:
    (attempt / "result.json").write_text(
        json.dumps({"kind": "finished", "number": 1, "exit_code": 0} | result)
    )


def _eventually(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def _row(step: int) -> dict[str, Any]:
    row: dict[str, Any] = {"step": step, "condition": "grpo+none", "seed": 1, "loss": 0.5 / (step + 1)}
    row |= {"correct_rate": step / 10, "kl": None, "sepa_gate_open": step > 2}
    return row | ({"val/add/correct_rate": 0.25} if step % 4 == 3 else {})


def _wandb_file(attempt: Path) -> Path:
    (path,) = attempt.glob("wandb/offline-run-*/*.wandb")
    return path


def test_mirror_offline_records_every_metric_at_its_step_once(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    attempt = _attempt(tmp_path)
    mirror = _start(attempt, environment)
    with JsonlWriter(attempt / "metrics.jsonl") as writer:
        for step in range(12):
            writer.write(_row(step))
    _finish(attempt)
    assert mirror.wait(60) == 0, (attempt / "wandb.log").read_text()

    rows = wandb_file.history(_wandb_file(attempt))
    assert [row["_step"] for row in rows] == list(range(12))
    for step, row in enumerate(rows):
        expected = {
            key: value
            for key, value in _row(step).items()
            if key not in ("condition", "seed") and value is not None
        }
        assert {key: row[key] for key in row if not key.startswith("_")} == expected


def test_mirror_merges_rows_of_the_newest_step_and_counts_those_that_come_too_late(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    attempt = _attempt(tmp_path)
    with JsonlWriter(attempt / "metrics.jsonl") as writer:
        writer.write({"step": 0, "loss": 1.0, "acc": 0.1})
        writer.write({"step": 0, "loss": 2.0, "acc": None, "lr": 0.5})
        writer.write({"step": 1, "loss": 3.0})
        writer.write({"step": 0, "loss": 4.0})
    _finish(attempt)
    assert _start(attempt, environment).wait(60) == 0
    rows = [
        {key: value for key, value in row.items() if not key.startswith("_")}
        for row in wandb_file.history(_wandb_file(attempt))
    ]
    assert rows == [{"step": 0, "loss": 2.0, "acc": 0.1, "lr": 0.5}, {"step": 1, "loss": 3.0}]
    assert "2 steps mirrored, 1 rows of steps sent before" in (attempt / "wandb.log").read_text()


def test_mirror_of_a_resumed_attempt_replays_what_the_killed_one_logged(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """Attempt 1 and its mirror were killed at step 64, and attempt 2 resumed from the checkpoint at 60."""
    for number, steps in ((1, range(64)), (2, range(60, 80))):
        attempt = _attempt(tmp_path, number, resume_from_step=steps.start)
        with JsonlWriter(attempt / "metrics.jsonl") as writer:
            for step in steps:
                writer.write({"step": step, "loss": step / 4, "attempt": number})
    _finish(attempt)
    assert _start(attempt, environment).wait(60) == 0
    rows = wandb_file.history(_wandb_file(attempt))
    assert [row["_step"] for row in rows] == list(range(80))
    assert [row["attempt"] for row in rows] == [1] * 60 + [2] * 20
    assert [row["loss"] for row in rows] == [step / 4 for step in range(80)]


class _Server:
    """A sink that has the first steps of the run already, as W&B has when it resumes one online."""

    def __init__(self, first_step: int) -> None:
        self.first_step = first_step
        self.steps: list[int] = []

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self.steps.append(step)

    def summarize(self, values: Mapping[str, float]) -> None:
        pass

    def finish(self, exit_code: int) -> bool:
        return exit_code == 0


@pytest.mark.parametrize(
    ("uploaded", "logged", "sent"),
    [
        (0, range(50, 60), range(60)),
        (40, range(50, 60), range(40, 60)),  # the mirror of attempt 1 died before it had sent all rows
        (55, range(50, 60), range(55, 60)),  # it had sent more than the checkpoint covers
        (40, range(0), range(40, 50)),
        (0, range(10), range(10)),  # the core started over
    ],
)
def test_mirror_sends_a_step_that_the_server_lacks_and_none_twice(
    uploaded: int, logged: range, sent: range
) -> None:
    server = _Server(uploaded)
    earlier = [{"step": step, "loss": 1.0} for step in range(56)]
    steps = Steps(server, RowReader(RecordFormat(), 50), earlier)
    steps.add({"step": step, "loss": 2.0} for step in logged)
    steps.end(50)
    assert server.steps == list(sent)


def test_mirror_sends_no_value_where_the_record_has_none(tmp_path: Path, environment: dict[str, str]) -> None:
    attempt = _attempt(tmp_path)
    huge = "1" + "0" * 400
    (attempt / "metrics.jsonl").write_text(
        '{"step": 0, "loss": Infinity, "kl": NaN, "acc": 0.5, "n": '
        + huge
        + ', "seed": 9}\n{"step": -1, "acc": 1}\n'
    )
    _finish(attempt)
    assert _start(attempt, environment).wait(60) == 0
    (row,) = wandb_file.history(_wandb_file(attempt))
    assert {key: value for key, value in row.items() if not key.startswith("_")} == {"step": 0, "acc": 0.5}


def test_mirror_offline_names_groups_and_tags_the_run(tmp_path: Path, environment: dict[str, str]) -> None:
    attempt = _attempt(tmp_path)
    with JsonlWriter(attempt / "metrics.jsonl") as writer:
        writer.write(_row(0))
    _finish(attempt)
    assert _start(attempt, environment).wait(60) == 0

    run = wandb_file.run_record(_wandb_file(attempt))
    assert (run.project, run.run_id, run.display_name) == ("first-light", SETTINGS["id"], "grpo+none_s1")
    assert (run.run_group, run.job_type) == ("grpo+none", "train")
    assert set(run.tags) == {"first_light", "seed-1"}
    config = {item.key: json.loads(item.value_json) for item in run.config.update}
    assert config["seed"] == 1
    assert config["model"] == {"lora_rank": 8}


def test_mirror_maps_a_commands_own_log_to_our_names(tmp_path: Path, environment: dict[str, str]) -> None:
    names = {"step": "global_step", "correct_rate": "train/acc"}
    attempt = _attempt(tmp_path, metrics_file="log.jsonl", metrics_map=names)
    with JsonlWriter(attempt / "log.jsonl") as writer:
        writer.write({"train/acc": 0.5, "global_step": 7, "other": 1})
    _finish(attempt)
    assert _start(attempt, environment).wait(60) == 0
    (row,) = wandb_file.history(_wandb_file(attempt))
    assert (row["_step"], row["correct_rate"], row["other"]) == (7, 0.5, 1)


def test_mirror_numbers_rows_without_a_step_from_where_the_attempt_began(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    attempt = _attempt(tmp_path, resume_from_step=25)
    (attempt / "metrics.jsonl").write_text('{"loss": 1.0}\n{"loss": 2.0}\n')
    _finish(attempt)
    assert _start(attempt, environment).wait(60) == 0
    rows = wandb_file.history(_wandb_file(attempt))
    assert [(row["_step"], row["loss"]) for row in rows] == [(25, 1.0), (26, 2.0)]


def test_mirror_reads_a_truncated_last_line_and_lines_that_are_not_json(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    attempt = _attempt(tmp_path)
    (attempt / "metrics.jsonl").write_text('{"step": 0, "loss": 1.0}\ngarbage\n[1]\n{"step": 1, "loss": 2.0}')
    _finish(attempt)
    assert _start(attempt, environment).wait(60) == 0
    assert [row["loss"] for row in wandb_file.history(_wandb_file(attempt))] == [1.0, 2.0]


def test_mirror_adds_squeeze_figures_to_the_summary_of_a_run_that_has_ended(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    squeeze = tmp_path / "squeeze.json"
    ranks = [{"rank": 4, "mean_variance": 0.75, "min_variance": 0.5}]
    found = {"ranks": ranks, "recommended_rank": 4, "min_variance_retention": 0.7}
    squeeze.write_text(json.dumps(found))
    attempt = _attempt(tmp_path)
    with JsonlWriter(attempt / "metrics.jsonl") as writer:
        writer.write(_row(0))
    _finish(attempt)
    assert _start(attempt, environment, "--squeeze", str(squeeze)).wait(60) == 0
    summary = {
        (item.key or "/".join(item.nested_key)): json.loads(item.value_json)
        for record in wandb_file.records(_wandb_file(attempt))
        if record.WhichOneof("record_type") == "summary"
        for item in record.summary.update
    }
    assert summary["squeeze/recommended_rank"] == 4
    assert summary["squeeze/variance_kept/rank_4"] == 0.75
    assert wandb_file.history(_wandb_file(attempt)) == []


def test_mirror_never_writes_secrets(tmp_path: Path, environment: dict[str, str]) -> None:
    secret = "correct-horse-battery"
    config = {"judge": {"api_key": secret, "url": f"https://x/?k={secret}"}, "note": "hf_" + "a" * 30}
    attempt = _attempt(tmp_path, config=config, mode="offline")
    with JsonlWriter(attempt / "metrics.jsonl") as writer:
        writer.write(_row(0))
    _finish(attempt)
    assert _start(attempt, environment | {"JUDGE_API_KEY": secret}).wait(60) == 0
    written = [
        path.read_bytes() for path in attempt.rglob("*") if path.is_file() and path.name != "wandb.json"
    ]
    assert written
    assert not any(secret.encode() in data or b"hf_aaaa" in data for data in written)


def test_mirror_with_an_unwritable_folder_ends_with_a_log_and_leaves_the_record_alone(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    blocked = tmp_path / "a_file"
    blocked.write_text("")
    attempt = _attempt(tmp_path, dir=str(blocked / "wandb"))
    with JsonlWriter(attempt / "metrics.jsonl") as writer:
        writer.write(_row(0))
    before = (attempt / "metrics.jsonl").read_bytes()
    _finish(attempt)
    assert _start(attempt, environment).wait(60) == 1
    assert "failed" in (attempt / "wandb.log").read_text()
    assert (attempt / "metrics.jsonl").read_bytes() == before


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_mirror_with_a_server_that_refuses_records_offline_and_says_so(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    _records_offline(tmp_path, environment, "http://127.0.0.1:9")


@pytest.mark.slow
def test_mirror_with_a_server_that_never_answers_records_offline_and_logs_it(
    tmp_path: Path, environment: dict[str, str], silent_server: str
) -> None:
    _records_offline(tmp_path, environment, silent_server)


def _records_offline(tmp_path: Path, environment: dict[str, str], server: str) -> None:
    attempt = _attempt(tmp_path, mode="online", finish_timeout_s=2)
    mirror = _start(attempt, environment | {"WANDB_BASE_URL": server, "WANDB_API_KEY": "a" * 40})
    with JsonlWriter(attempt / "metrics.jsonl") as writer:
        for step in range(3):
            writer.write(_row(step))
    assert _eventually(lambda: any(attempt.glob("wandb/offline-run-*/*.wandb")))
    _finish(attempt)
    assert mirror.wait(60) == 1
    assert "recording offline instead" in (attempt / "wandb.log").read_text()
    assert len(wandb_file.history(_wandb_file(attempt))) == 3


@pytest.mark.parametrize("text", ["", "[]", '{"project": "p"}', "{"])
def test_mirror_with_unusable_settings_exits_2_with_the_reason(
    tmp_path: Path, environment: dict[str, str], text: str
) -> None:
    attempt = _attempt(tmp_path)
    (attempt / "wandb.json").write_text(text)
    assert _start(attempt, environment).wait(60) == 2
    assert "wandb.json" in (attempt / "wandb.log").read_text()


def test_mirror_disabled_ends_immediately_and_writes_nothing(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    attempt = _attempt(tmp_path, mode="disabled")
    assert _start(attempt, environment).wait(60) == 0
    assert not (attempt / "wandb").exists()


def test_mirror_whose_supervisor_was_killed_sends_the_remaining_rows(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    attempt = _attempt(tmp_path)
    with JsonlWriter(attempt / "metrics.jsonl") as writer:
        writer.write(_row(0))
    code = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-m', 'campaign.metrics.mirror', {str(attempt)!r}])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    root = Path(__file__).parents[2]
    supervisor = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, cwd=root, stdout=subprocess.PIPE
    )
    assert supervisor.stdout is not None
    pid = int(supervisor.stdout.readline())
    assert _eventually(lambda: any(attempt.glob("wandb/offline-run-*/*.wandb")))
    supervisor.kill()
    supervisor.wait()
    assert _eventually(lambda: not _alive(pid))
    assert "the supervisor is gone" in (attempt / "wandb.log").read_text()
    assert len(wandb_file.history(_wandb_file(attempt))) == 1


def test_mirror_terminated_first_still_waits_for_the_last_rows(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    attempt = _attempt(tmp_path)
    mirror = _start(attempt, environment)
    assert _eventually(lambda: any(attempt.glob("wandb/offline-run-*/*.wandb")))
    mirror.send_signal(signal.SIGTERM)
    with JsonlWriter(attempt / "metrics.jsonl") as writer:
        writer.write(_row(0))
    _finish(attempt, exit_code=75)
    assert mirror.wait(60) == 0
    assert len(wandb_file.history(_wandb_file(attempt))) == 1


def _alive(pid: int) -> bool:
    """A zombie waits for whoever adopted it: it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
