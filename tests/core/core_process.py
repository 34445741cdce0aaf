"""Starting the core as its users do: a process with a configuration file and a folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tomli_w

from campaign.spec.config import RunConfig

TIMES = ("time", "step_time_s", "tokens_per_s", "rollout_time_s", "update_time_s", "eval_time_s")
"""The only metrics that two equal runs may differ in."""

QUICK = {
    "condition": "grpo",
    "training": {
        "seed": 7,
        "max_steps": 4,
        "batch_size": 4,
        "group_size": 4,
        "eval_every": 3,
        "eval_size": 4,
    },
}


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in changes.items():
        result[key] = merged(result.get(key, {}), value) if isinstance(value, Mapping) else value
    return result


def run_config(**changes: Any) -> RunConfig:
    """The quick configuration with sections changed, as `config.toml` would be read."""
    return RunConfig.model_validate_json(json.dumps(merged(QUICK, changes)))


def write_config(path: Path, **changes: Any) -> Path:
    path.write_text(tomli_w.dumps(merged(QUICK, changes)), encoding="utf-8")
    return path


def command(config: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "campaign.core", str(config), "--out", str(out), *more]


def environment() -> dict[str, str]:
    root = Path(__file__).resolve().parents[2]
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(root), *sys.path])}


def run_core(
    config: Path, out: Path, *more: str, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(config, out, *more),
        capture_output=True, text=True, timeout=300, env=environment(), cwd=cwd, check=False,
    )  # fmt: skip


def rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def timeless(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in TIMES}


def until(condition: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, "condition not met in time"
        time.sleep(0.02)
