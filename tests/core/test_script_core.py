"""The example of a script as the core: plain Python, and the contract it keeps."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from core_process import rows, run_core, until

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "script_core"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "example"))


def config_of(folder: Path, steps: int) -> Path:
    text = (
        'condition = "baseline"\n[training]\nseed = 3\n'
        f"max_steps = {steps}\n[core.options]\nbaseline = true\nbatch = 16\nrate = 1.0\n"
    )
    path = folder / "config.toml"
    path.write_text(text)
    return path


def command(folder: Path, steps: int, out: str, checkpoint: str = "") -> list[str]:
    config = str(config_of(folder, steps))
    return [
        sys.executable, "train.py", "--config", config, "--out", str(folder / out), "--seed", "3",
        "--checkpoint", checkpoint,
    ]  # fmt: skip


def without_package(folder: Path, steps: int, out: str, checkpoint: str = "") -> None:
    """Runs the script where `campaign` cannot be imported."""
    python, *arguments = command(folder, steps, out, checkpoint)
    subprocess.run([python, "-I", "-S", *arguments], cwd=folder, env={}, check=True, timeout=60)


def test_script_learns_and_resumes_to_the_same_numbers(folder: Path) -> None:
    without_package(folder, 200, "whole")
    written = rows(folder / "whole")
    assert [row["step"] for row in written] == list(range(200))
    assert sum(row["score"] for row in written[-20:]) / 20 > 0.65
    without_package(folder, 200, "parts", str(folder / "whole" / "checkpoints" / "step_000100"))
    assert rows(folder / "parts") == written[100:]


def test_script_saves_and_exits_75_on_sigterm(folder: Path) -> None:
    process = subprocess.Popen(command(folder, 10**7, "out"), cwd=folder, stderr=subprocess.PIPE, text=True)
    metrics = folder / "out" / "metrics.jsonl"
    until(lambda: metrics.is_file() and metrics.stat().st_size > 0, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 75
    last = sorted((folder / "out" / "checkpoints").iterdir())[-1]
    assert int(last.name.removeprefix("step_")) == len(rows(folder / "out"))


def test_entrypoint_trains_like_the_script(folder: Path) -> None:
    without_package(folder, 60, "script")
    config = config_of(folder, 60)
    config.write_text(config.read_text() + '[core]\nentrypoint = "entrypoint:train"\n')
    result = run_core(config, folder / "function", cwd=folder)
    assert result.returncode == 0, result.stderr
    assert [row["correct_rate"] for row in rows(folder / "function")] == [
        row["score"] for row in rows(folder / "script")
    ]
    assert json.loads((folder / "function/checkpoints/step_000060/scores.json").read_text())["finished"] == 60
