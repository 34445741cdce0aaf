"""Folders, assignments and campaigns of the small core."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from campaign.execution.assignment import Assignment
from campaign.execution.fence import raise_fence
from campaign.folder.paths import CampaignPaths, RunPaths
from tests.execution.small_campaign import CORE, SmallCampaign, processes_with
from tests.spec.conftest import cli

__all__ = ["cli"]


@pytest.fixture(scope="session")
def core_script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    script = tmp_path_factory.mktemp("core") / "core.py"
    script.write_text(CORE)
    return script


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    """The folder of one run."""
    paths = RunPaths(tmp_path / "runs" / "base_s1")
    paths.root.mkdir(parents=True)
    return paths


@pytest.fixture
def make_assignment(run: RunPaths, core_script: Path) -> Callable[..., Assignment]:
    """An assignment of `run`'s attempt `number`, fenced in; `command` is the small core unless given."""

    def make(
        number: int = 1, *, steps: int = 5, pause: float = 0.0, command: Sequence[str] = (), **fields: Any
    ) -> Assignment:
        raise_fence(run, number)
        attempt = run.attempt(number).root
        checkpoint = str(fields.get("checkpoint", ""))
        own = (sys.executable, str(core_script), str(attempt), "1", checkpoint, str(steps), str(pause))
        values: dict[str, Any] = {
            "run_id": run.root.name,
            "run_folder": str(run.root),
            "number": number,
            "epoch": 1,
            "condition": "base",
            "seed": 1,
            "command": tuple(command) or own,
            "workdir": str(run.root),
            "stop_file": str(run.root.parent.parent / "STOP"),
            "beat_s": 0.05,
            "grace_s": 5.0,
            **fields,
        }
        return Assignment(**values)

    return make


@pytest.fixture
def campaign(tmp_path: Path, core_script: Path) -> Iterator[SmallCampaign]:
    small = SmallCampaign(CampaignPaths(tmp_path / "small"), core_script)
    small.paths.root.mkdir()
    yield small
    for pid in processes_with(f"{small.paths.runs.absolute()}/"):
        os.kill(pid, 9)
