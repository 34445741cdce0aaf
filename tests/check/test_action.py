"""The steps of `action.yml`, run in bash as a workflow's runner does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

from .conftest import REPOSITORY, Write

ACTION = yaml.safe_load((REPOSITORY / "action.yml").read_text())
Step = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def step(tmp_path: Path) -> Step:
    """Runs a named step with the action's inputs; the `campaign` command is this checkout's."""
    commands = tmp_path / "bin"
    commands.mkdir()
    (commands / "campaign").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m campaign "$@"\n')
    (commands / "campaign").chmod(0o755)

    def run(name: str, **inputs: str) -> subprocess.CompletedProcess[str]:
        found = next(step for step in ACTION["runs"]["steps"] if step.get("name") == name)
        given = {key: about.get("default", "") for key, about in ACTION["inputs"].items()} | inputs
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", found["run"]],
            cwd=tmp_path,
            env={
                **os.environ,
                **_filled(found["env"], given),
                "PATH": f"{commands}:{os.environ['PATH']}",
                "PYTHONPATH": str(REPOSITORY),
                "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
            },
            capture_output=True,
            text=True,
        )

    return run


def _filled(env: Mapping[str, str], inputs: Mapping[str, str]) -> dict[str, str]:
    return {
        name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: inputs[found[1]], text)
        for name, text in env.items()
    }


A = "config = {'lr': 0.1, 'decay': 0.0}\n"


def test_action_passes_what_differs_in_the_field_under_test(step: Step, write: Write) -> None:
    write(a=A, b=A.replace("0.1", "0.2"))
    done = step("Check", spec="a.py b.py", arguments="--under-test lr")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("spec", ["a.py b.py c.py", "a.py\nb.py\nc.py\n"], ids=["in a line", "in lines"])
def test_action_annotates_a_confound_and_writes_the_summary(
    step: Step, write: Write, tmp_path: Path, spec: str
) -> None:
    write(a=A, b=A.replace("0.1", "0.2"), c=A.replace("0.0", "0.5"))
    done = step("Check", spec=spec, arguments="--under-test\nlr")
    assert done.returncode == 1
    assert "::error file=c.py,line=1" in done.stdout
    assert "decay" in (tmp_path / "summary.md").read_text()


def test_action_warns_of_what_is_unproven_when_it_is_to(step: Step, write: Write) -> None:
    write(a="import time\nconfig = time.time()\n", b="import time\nconfig = time.time()\n")
    assert step("Check", spec="a.py b.py").returncode == 3
    assert step("Check", spec="a.py b.py", unproven="warn").returncode == 0


def test_action_writes_sarif_of_a_confound_without_failing_there(
    step: Step, write: Write, tmp_path: Path
) -> None:
    write(a=A, b=A.replace("0.0", "0.5"))
    done = step("SARIF", spec="a.py b.py", sarif="out.sarif")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out.sarif").read_text())["runs"][0]["results"]


def test_action_executes_nothing_of_its_inputs(step: Step, write: Write, tmp_path: Path) -> None:
    write(a=A, b=A)
    for evil in ("$(touch gone) a.py b.py", "a.py b.py; touch gone", "`touch gone`", "a.py && touch gone"):
        step("Check", spec=evil, arguments=evil)
        step("SARIF", spec=evil, sarif="out.sarif", arguments=evil)
    assert not (tmp_path / "gone").exists()


def test_no_script_of_the_action_has_an_expression_in_it() -> None:
    """An expression inside a script would be executed as text before bash sees it."""
    assert not any("${{" in step.get("run", "") for step in ACTION["runs"]["steps"])
