"""The core as a process: what it writes, that it is reproducible to the bit, how it stops and goes on."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from core_process import command, environment, rows, run_config, run_core, timeless, until, write_config

from campaign.core import __main__ as core_main
from campaign.core.checkpoint import complete_checkpoints
from campaign.core.context import RunContext
from campaign.core.llama_files import load_llama
from campaign.core.stopping import StopRequest
from campaign.core.trainer import Trainer
from campaign.folder.paths import AttemptPaths

VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "sepa with kl and several updates": {
        "algorithm": {"transform_mode": "gtpo_sepa", "advantage_mode": "maxrl", "kl_coef": 0.1},
        "sepa": {
            "schedule": "auto",
            "delay_steps": 0,
            "steps": 5,
            "correct_rate_gate": 0.0,
            "warmup_steps": 1,
        },
        "training": {"updates_per_batch": 2},
    },
    "adapter": {"model": {"lora_rank": 4}},
}


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def train(out: Path, resume: Path | None = None, **changes: Any) -> Trainer:
    trainer = Trainer(run_config(**changes), AttemptPaths(out), out, resume)
    assert trainer.run(StopRequest())
    return trainer


def test_two_processes_write_the_same_bits(tmp_path: Path) -> None:
    config = write_config(tmp_path / "config.toml")
    for name in ("one", "two"):
        result = run_core(config, tmp_path / name)
        assert result.returncode == 0, result.stderr
    one, two = files_of(tmp_path / "one"), files_of(tmp_path / "two")
    assert set(one) == set(two) >= {"metrics.jsonl", "emergence/steps.jsonl", "model/model.safetensors"}
    assert [name for name in one if one[name] != two[name]] == ["metrics.jsonl"]
    assert [timeless(row) for row in rows(tmp_path / "one")] == [
        timeless(row) for row in rows(tmp_path / "two")
    ]


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_resumed_run_is_the_uninterrupted_run_to_the_bit(tmp_path: Path, variant: str) -> None:
    changes = VARIANTS[variant]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    changes = {**changes, "training": {**changes.get("training", {}), "max_steps": 6, "save_every": 2}}
    train(whole, **changes)
    checkpoint = AttemptPaths(whole).checkpoint(4)
    train(parts, resume=checkpoint, **changes)
    assert files_of(AttemptPaths(whole).checkpoint(6)) == files_of(AttemptPaths(parts).checkpoint(6))
    assert [timeless(row) for row in rows(whole)[4:]] == [timeless(row) for row in rows(parts)]
    assert files_of(whole / "adapter") == files_of(parts / "adapter")
    assert files_of(whole / "model") == files_of(parts / "model")


def test_checkpoint_carries_the_state_of_sepa(tmp_path: Path) -> None:
    trainer = train(tmp_path, **VARIANTS["sepa with kl and several updates"])
    state = json.loads((AttemptPaths(tmp_path).checkpoint(4) / "state.json").read_text())
    assert state["sepa"] == trainer.progress.sepa.to_json()
    assert state["sepa"]["gate_open"] is True
    assert state["sepa"]["observed"] == 4


def test_conditions_of_one_seed_meet_the_same_prompts(tmp_path: Path) -> None:
    train(tmp_path / "a", training={"log_generations": 4})
    train(tmp_path / "b", condition="maxrl", algorithm={"advantage_mode": "maxrl", "kl_coef": 0.3},
          training={"log_generations": 4})  # fmt: skip

    def prompts(out: Path) -> list[tuple[int, str]]:
        lines = AttemptPaths(out).emergence_generations.read_text().splitlines()
        return [(row["step"], row["prompt"]) for row in map(json.loads, lines)]

    assert prompts(tmp_path / "a") == prompts(tmp_path / "b")


def test_rows_carry_their_label_and_the_metrics_of_the_schema(tmp_path: Path) -> None:
    before = time.time()
    train(tmp_path, algorithm={"kl_coef": 0.1, "transform_mode": "gtpo_sepa"})
    written = rows(tmp_path)
    assert before < written[0]["time"] < written[-1]["time"] < time.time()
    assert [row["step"] for row in written] == [0, 1, 2, 3]
    assert all(next(iter(row)) == "step" for row in written)
    wanted = {
        "loss", "mean_reward", "correct_rate", "running_correct_rate", "exec_entropy_mean",
        "exec_entropy_var", "sepa_lambda", "sepa_gate_open", "max_token_hit_rate", "loss_is_placeholder",
        "backend_reports_sync_loss", "num_datums", "reward_tie_group_rate", "reward_uniform_group_rate",
        "reward_tie_pair_rate", "reward_unique_fraction_mean", "kl", "grad_norm", "update_norm",
        "step_time_s", "tokens_per_s", "dataset/add/accuracy", "train/accuracy_exact",
    }  # fmt: skip
    assert all(wanted <= set(row) for row in written)
    assert [row["step"] for row in written if "val/correct_rate" in row] == [0, 3]
    assert {"val/add/correct_rate", "val/chain/correct_rate"} <= set(written[0])
    for path in (AttemptPaths(tmp_path).emergence_steps, AttemptPaths(tmp_path).emergence_generations):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert all(list(line)[:3] == ["step", "condition", "seed"] for line in lines)
        assert {line["condition"] for line in lines} == {"grpo"}
    generations = AttemptPaths(tmp_path).emergence_generations.read_text().splitlines()
    assert len(generations) == 4 * 2 * 4


def test_rows_are_durable_before_the_checkpoint_that_covers_them_is_visible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the operating system is asked to do, in order."""
    synced: dict[Path, int] = {}
    covered: dict[str, set[str]] = {}
    fsync, rename = os.fsync, os.rename

    def recording_fsync(descriptor: int) -> None:
        fsync(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced[path] = path.stat().st_size

    def recording_rename(source: Any, target: Any, **folders: Any) -> None:
        logs = [path for path in tmp_path.rglob("*.jsonl") if synced.get(path) == path.stat().st_size]
        covered[Path(target).name] = {path.name for path in logs if synced.get(path.parent)}
        rename(source, target, **folders)

    monkeypatch.setattr(os, "fsync", recording_fsync)
    monkeypatch.setattr(os, "rename", recording_rename)
    train(tmp_path, training={"save_every": 2})
    expected = {"metrics.jsonl", "steps.jsonl", "generations.jsonl"}
    assert covered == {"step_000002": expected, "step_000004": expected}


@pytest.mark.parametrize(
    ("mode", "logged"), [("none", False), ("gtpo", False), ("gtpo_hicra", False), ("gtpo_sepa", True)]
)
def test_lambda_is_logged_only_by_a_transform_that_uses_it(tmp_path: Path, mode: str, logged: bool) -> None:
    train(tmp_path, algorithm={"transform_mode": mode}, training={"max_steps": 1})
    (row,) = rows(tmp_path)
    assert ("sepa_lambda" in row, "sepa_gate_open" in row) == (logged, logged)


def test_each_step_prints_one_line_with_its_metrics(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(tmp_path)
    lines, logged = capsys.readouterr().out.splitlines(), rows(tmp_path)
    assert len(lines) == len(logged) == 4
    for count, (line, row) in enumerate(zip(lines, logged, strict=True), start=1):
        assert line.startswith(f"step {count}/4  correct_rate {row['correct_rate']:.3g}  mean_reward ")
        assert line.endswith(" s")
        assert ("val/correct_rate" in line) == ("val/correct_rate" in row)


def test_every_logged_metric_is_in_the_schema(tmp_path: Path) -> None:
    schema = pytest.importorskip("campaign.metrics.definitions")
    train(tmp_path, algorithm={"kl_coef": 0.1}, training={"updates_per_batch": 2})
    assert schema.unknown({name for row in rows(tmp_path) for name in row}) == []


def test_undefined_metrics_are_omitted(tmp_path: Path) -> None:
    train(tmp_path, algorithm={"strategic_grams": []}, data={"sources": ["add"]})
    names = {name for row in rows(tmp_path) for name in row}
    assert not [
        name for name in names if name.startswith(("plan_entropy", "kl", "dataset/sort", "clip_fraction"))
    ]


def test_last_two_checkpoints_stay_and_the_last_step_has_one(tmp_path: Path) -> None:
    train(tmp_path, training={"max_steps": 5, "save_every": 1})
    names = [path.name for path in complete_checkpoints(AttemptPaths(tmp_path))]
    assert names == ["step_000004", "step_000005"]
    assert sorted(path.name for path in AttemptPaths(tmp_path).checkpoints.iterdir()) == names


def test_finished_run_that_is_resumed_ends_immediately(tmp_path: Path) -> None:
    train(tmp_path / "first")
    train(tmp_path / "second", resume=AttemptPaths(tmp_path / "first").checkpoint(4))
    assert rows(tmp_path / "second") == []
    assert files_of(tmp_path / "first" / "model") == files_of(tmp_path / "second" / "model")


def test_trained_model_is_in_the_hugging_face_format(tmp_path: Path) -> None:
    train(tmp_path)
    assert load_llama(tmp_path / "model").config.hidden_size == 128


def test_sigterm_saves_a_checkpoint_exits_75_and_the_next_attempt_resumes(tmp_path: Path) -> None:
    config = write_config(
        tmp_path / "config.toml", training={"max_steps": 100_000, "save_every": 0, "eval_every": 0}
    )
    metrics = tmp_path / "one" / "metrics.jsonl"
    process = subprocess.Popen(
        command(config, tmp_path / "one"), stderr=subprocess.PIPE, text=True, env=environment()
    )
    until(lambda: metrics.is_file() and metrics.read_text().count("\n") >= 2, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 75
    written = rows(tmp_path / "one")
    [checkpoint] = complete_checkpoints(AttemptPaths(tmp_path / "one"))
    assert checkpoint.name == f"step_{len(written):06d}"
    assert not (tmp_path / "one" / "model").exists()
    last = len(written) + 2
    write_config(config, training={"max_steps": last, "save_every": 0, "eval_every": 0})
    again = run_core(config, tmp_path / "two", "--resume", str(checkpoint))
    assert again.returncode == 0, again.stderr
    assert [row["step"] for row in rows(tmp_path / "two")] == [last - 2, last - 1]


def test_full_disk_is_reported_and_leaves_no_partial_checkpoint(tmp_path: Path) -> None:
    """A limit on file sizes stands in for the disk: metrics fit, a checkpoint does not."""
    config = write_config(tmp_path / "config.toml")
    result = subprocess.run(
        command(config, tmp_path / "out"),
        capture_output=True, text=True, env=environment(), timeout=120, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
    )  # fmt: skip
    assert result.returncode == 1, result.stderr
    assert "no space left" in result.stderr
    assert "Traceback" not in result.stderr
    assert list((tmp_path / "out" / "checkpoints").iterdir()) == []
    assert len(rows(tmp_path / "out")) == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"algorithm": {"advantage_mode": "grop"}}, "did you mean `grpo`"),
        ({"training": {"lr": "fast"}}, "training.lr"),
        ({"trainin": {}}, "trainin"),
        ({"data": {"path": "absent.jsonl"}}, "cannot be read"),
        ({"training": {"max_tokens": 600}}, "exceed the model's context of 512"),
    ],
)
def test_mistake_in_the_configuration_is_reported_without_a_traceback(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    result = run_core(write_config(tmp_path / "config.toml", **changes), tmp_path / "out")
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_unwritable_folder_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    config = write_config(tmp_path / "config.toml")
    assert core_main.main([str(config), "--out", str(tmp_path / "file")]) == 2
    assert "file" in capsys.readouterr().err


def test_checkpoint_of_another_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(tmp_path / "one")
    checkpoint = str(AttemptPaths(tmp_path / "one").checkpoint(4))
    for changes, message in [
        ({"training": {"seed": 8}}, "has seed 7, but this run has seed 8"),
        ({"model": {"lora_rank": 2}}, "trained parameters, but this run has"),
    ]:
        config = write_config(tmp_path / "config.toml", **changes)
        assert core_main.main([str(config), "--out", str(tmp_path / "two"), "--resume", checkpoint]) == 2
        assert message in capsys.readouterr().err
    config = write_config(tmp_path / "config.toml")
    assert core_main.main([str(config), "--out", str(tmp_path / "two"), "--resume", str(tmp_path)]) == 2
    assert "not a readable checkpoint" in capsys.readouterr().err


def test_core_imports_nothing_that_is_slow(tmp_path: Path) -> None:
    config = write_config(tmp_path / "config.toml")
    program = (
        "import sys; from campaign.core.__main__ import main\n"
        f"assert main([{str(config)!r}, '--out', {str(tmp_path / 'out')!r}]) == 0\n"
        "heavy = ('transformers', 'peft', 'torch._dynamo', 'ray', 'wandb', 'tokenizers', 'scipy', 'polars')\n"
        "sys.exit(' '.join(name for name in heavy if name in sys.modules) or None)"
    )
    result = subprocess.run(
        [command(config, tmp_path)[0], "-c", program],
        capture_output=True, text=True, env=environment(), timeout=120, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr


# --- a Python function as the core ---------------------------------------------------------------


ENTRYPOINT = """
import json

def train(context):
    start = 0
    if context.resume_from:
        start = json.loads((context.resume_from / "mine.json").read_text())
    for step in range(start, context.config.training.max_steps):
        context.log({"correct_rate": step * context.config.core.options["rise"], "step": step})
        context.save_checkpoint(step + 1, lambda into: (into / "mine.json").write_text(str(step + 1)))
        if context.should_stop():
            return

def unlabelled(context):
    context.log({"correct_rate": 1.0})

def stops_itself(context):
    import os, signal
    context.log({"step": 0})
    os.kill(os.getpid(), signal.SIGTERM)
    assert context.should_stop()
"""


@pytest.fixture
def entrypoint(tmp_path: Path) -> Path:
    (tmp_path / "my_core.py").write_text(ENTRYPOINT)
    return tmp_path


def test_entrypoint_logs_and_resumes(entrypoint: Path) -> None:
    core = {"entrypoint": "my_core:train", "options": {"rise": 0.25}}
    config = write_config(entrypoint / "config.toml", core=core)
    result = run_core(config, entrypoint / "one", cwd=entrypoint)
    assert result.returncode == 0, result.stderr
    assert timeless(rows(entrypoint / "one")[3]) == {
        "step": 3,
        "condition": "grpo",
        "seed": 7,
        "correct_rate": 0.75,
    }
    checkpoint = AttemptPaths(entrypoint / "one").checkpoint(3)
    result = run_core(config, entrypoint / "two", "--resume", str(checkpoint), cwd=entrypoint)
    assert result.returncode == 0, result.stderr
    assert [row["step"] for row in rows(entrypoint / "two")] == [3]


def test_entrypoint_that_stopped_on_request_exits_75(entrypoint: Path) -> None:
    config = write_config(entrypoint / "config.toml", core={"entrypoint": "my_core:stops_itself"})
    assert run_core(config, entrypoint / "out", cwd=entrypoint).returncode == 75


def test_entrypoint_pays_for_no_torch(entrypoint: Path) -> None:
    config = write_config(
        entrypoint / "config.toml", core={"entrypoint": "my_core:train", "options": {"rise": 1}}
    )
    program = (
        "import sys; from campaign.core.__main__ import main\n"
        f"assert main([{str(config)!r}, '--out', {str(entrypoint / 'out')!r}]) == 0\n"
        "sys.exit('torch' if 'torch' in sys.modules else None)"
    )
    result = subprocess.run(
        [command(config, entrypoint)[0], "-c", program],
        capture_output=True, text=True, env=environment(), timeout=120, check=False, cwd=entrypoint,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr


def test_entrypoint_mistakes_are_reported(entrypoint: Path) -> None:
    config = write_config(entrypoint / "config.toml", core={"entrypoint": "my_core:unlabelled"})
    result = run_core(config, entrypoint / "out", cwd=entrypoint)
    assert (result.returncode, "integer `step`" in result.stderr) == (2, True)
    config = write_config(entrypoint / "config.toml", core={"entrypoint": "my_core:tran"})
    result = run_core(config, entrypoint / "out", cwd=entrypoint)
    assert (result.returncode, "has no function 'tran'" in result.stderr) == (2, True)


def test_run_context_offers_what_the_documentation_says() -> None:
    offered = {name for name in dir(RunContext) if not name.startswith("_")}
    assert offered == {"config", "log", "resume_from", "run_dir", "save_checkpoint", "seed", "should_stop"}


# --- learning ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_hundred_steps_teach_the_embedded_model(tmp_path: Path) -> None:
    training = {"max_steps": 100, "batch_size": 8, "group_size": 8, "eval_every": 20, "eval_size": 64}
    train(tmp_path / "free", training=training)
    train(tmp_path / "held", training=training, algorithm={"kl_coef": 0.1})
    free = [row["val/correct_rate"] for row in rows(tmp_path / "free") if "val/correct_rate" in row]
    held = [row["val/correct_rate"] for row in rows(tmp_path / "held") if "val/correct_rate" in row]
    assert len(free) == 6
    assert free[0] == held[0] < 0.3
    assert free[-1] > 0.6
    assert free[-1] - held[-1] > 0.05
