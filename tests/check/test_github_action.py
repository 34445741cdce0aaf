"""What CI runs: the shell of the GitHub Action, its annotations, and the pre-commit hook's entry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import REPOSITORY, Write

A = "config = {'lr': 1e-3, 'name': 'a'}\n"
B = "config = {'lr': 2e-3, 'name': 'b'}\n"


def step(name: str) -> str:
    """The script of one of the action's steps."""
    action: dict[str, Any] = yaml.safe_load((REPOSITORY / "action.yml").read_text())
    return str(next(step["run"] for step in action["runs"]["steps"] if step.get("name") == name))


def run_step(name: str, root: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """As the runner does: `bash -e -o pipefail FILE`, inputs in the environment, `campaign` on the path."""
    binaries = root / ".bin"
    binaries.mkdir(exist_ok=True)
    command = binaries / "campaign"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m campaign "$@"\n')
    command.chmod(0o755)
    script = root / ".bin" / "step.sh"
    script.write_text(step(name))
    inputs = {
        "SPEC": "",
        "ARGUMENTS": "",
        "UNPROVEN": "fail",
        "GITHUB_STEP_SUMMARY": str(root / "summary.md"),
    }
    path = f"{binaries}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PATH": path, **inputs, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_action_annotates_a_confound_and_writes_the_summary(write: Write) -> None:
    root = write(a=A, b=B)
    done = run_step("Check", root, SPEC="a.py b.py", ARGUMENTS="--under-test name")
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("::error file=b.py,line=1,col=17,title=confound%3A b.py::lr")
    assert "confound: lr" in (root / "summary.md").read_text()


def test_action_passes_when_all_is_proven_and_warns_on_request(write: Write) -> None:
    root = write(a=A, b=B, c="import os, random\nconfig = {'lr': random.random(), 'name': 'a'}\n")
    assert run_step("Check", root, SPEC="a.py b.py", ARGUMENTS="-u lr,name").returncode == 0
    assert run_step("Check", root, SPEC="a.py c.py").returncode == 3
    assert run_step("Check", root, SPEC="a.py c.py", UNPROVEN="warn").returncode == 0


@pytest.mark.parametrize(
    "text", ["$(touch marker)", "`touch marker`", "a.py; touch marker", "a.py && touch marker"]
)
def test_action_executes_nothing_of_its_inputs(write: Write, text: str) -> None:
    root = write(a=A, b=B)
    for inputs in (
        {"SPEC": f"a.py b.py {text}"},
        {"SPEC": f"a.py\n{text}\n"},
        {"SPEC": "a.py b.py", "ARGUMENTS": text},
    ):
        assert run_step("Check", root, **inputs).returncode == 2
    assert not (root / "marker").exists()


def test_action_writes_sarif_of_a_confound_and_fails_on_a_mistake(write: Write) -> None:
    root = write(a=A, b=B)
    assert run_step("SARIF", root, SPEC="a.py b.py", SARIF="out.sarif").returncode == 0
    assert json.loads((root / "out.sarif").read_text())["runs"][0]["results"]
    assert run_step("SARIF", root, SPEC="a.py none.py", SARIF="other.sarif").returncode != 0


@pytest.mark.parametrize("spec", ["a.py b.py c.py", "a.py\nb.py\nc.py\n"], ids=["in a line", "in lines"])
def test_action_takes_every_file_of_its_input(write: Write, spec: str) -> None:
    done = run_step("Check", write(a=A, b=A, c=B), SPEC=spec, ARGUMENTS="-u\nname")
    assert "::error file=c.py" in done.stdout


def test_no_script_of_the_action_has_an_expression_in_it() -> None:
    """An expression inside a script would be executed as text before bash sees it."""
    action = yaml.safe_load((REPOSITORY / "action.yml").read_text())
    assert not any("${{" in step.get("run", "") for step in action["runs"]["steps"])


def test_hook_names_a_command_that_exists() -> None:
    (hook,) = yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text())
    assert hook["id"] == "campaign-check"
    assert hook["entry"] == "campaign check"
    assert hook["language"] == "python"
