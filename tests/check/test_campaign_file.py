"""Conditions that are Python modules: evaluated by default, and executed only where a command says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import campaign
from campaign.check.campaign_file import read_campaign
from campaign.errors import SpecError

from .conftest import REPOSITORY

SPEC = """
[campaign]
seeds = [1, 2]

[[campaign.conditions]]
module = "a.py"

[[campaign.conditions]]
module = "b.py"
"""
MODULE = """
from dataclasses import dataclass
from typing import ClassVar
{leaves_a_trace}

@dataclass
class Training:
    kind: ClassVar[str] = "not a field"
    lr: float = {lr}
    betas: tuple = (0.5, 0.5)

    def describe(self):
        return self.kind

config = {{"training": Training(), "model": {{"revision": None}}}}
"""
COMMANDS = (["plan"], ["check"], ["submit", "--dry-run"])


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder, library = tmp_path / "study", tmp_path / "library"
    for path in (folder, library):
        path.mkdir()
    for name, lr in (("a", "1e-3"), ("b", "2e-3")):
        (folder / f"{name}.py").write_text(MODULE.format(lr=lr, leaves_a_trace=""))
    (folder / "study.toml").write_text(SPEC)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(library), str(REPOSITORY)]))
    return folder / "study.toml"


def leave_a_trace(spec: Path) -> Path:
    """Makes module `a` write a file when it is executed, through a library, which the checker does not evaluate."""
    trace = spec.parent.parent / "executed"
    touch = "def touch(path):\n    open(path, 'w').close()\n"
    (spec.parent.parent / "library" / "touching.py").write_text(touch)
    write = f"import touching\ntouching.touch({str(trace)!r})"
    (spec.parent / "a.py").write_text(MODULE.format(lr="1e-3", leaves_a_trace=write))
    return trace


def call(spec: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "campaign", *arguments, spec.name]
    return subprocess.run(command, cwd=spec.parent, capture_output=True, text=True)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_planning_commands_execute_no_module_unless_they_are_asked_to(
    arguments: list[str], spec: Path
) -> None:
    trace = leave_a_trace(spec)
    done = call(spec, *arguments)
    # The proof of `check` is open, because only one module has the import.
    assert done.returncode == (3 if arguments == ["check"] else 0), done.stderr
    assert not trace.exists()
    assert "imported" not in done.stderr
    asked = call(spec, *arguments, "--import")
    assert trace.exists()
    assert "imported, each in a separate process: a.py, b.py" in asked.stderr


def test_evaluated_modules_give_the_configuration_that_importing_them_gives(spec: Path) -> None:
    evaluated, imported = read_campaign(spec), read_campaign(spec, import_modules=True)
    assert evaluated == imported
    assert [condition.config.training.lr for condition in evaluated.conditions] == [1e-3, 2e-3]


def test_the_shipped_family_of_modules_is_the_same_evaluated_and_imported() -> None:
    path = REPOSITORY / "conditions/credit_assignment/campaign.toml"
    assert read_campaign(path) == read_campaign(path, import_modules=True)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            "import os\nconfig = {'lr': float(os.environ['RATE'])}\n",
            "config.lr is not known without executing the file",
        ),
        (
            "import random\nconfig = {'lr': random.random()}\n",
            "it differs from run to run: random.random",
        ),
        ("config = {'betas': (0.1, {1})}\n", "config.betas[1] is not known"),
        ("config = {1: 2}\n", "a key that is not a string"),
        ("class C:\n    lr = 1\nconfig = C()\n", "an instance of C, which is not a dataclass"),
    ],
)
def test_a_value_that_only_executing_the_file_shows_is_an_error_that_names_it_and_the_flag(
    source: str, reason: str, spec: Path
) -> None:
    (spec.parent / "b.py").write_text(source)
    with pytest.raises(SpecError) as caught:
        read_campaign(spec)
    (problem,) = caught.value.problems
    assert reason in problem.message
    assert "--import" in problem.hint
    assert problem.place
    assert problem.place.line == 9


def test_a_module_without_config_is_refused_whether_evaluated_or_imported(spec: Path) -> None:
    (spec.parent / "b.py").write_text("other = 1\n")
    for import_modules in (False, True):
        with pytest.raises(SpecError, match="config"):
            read_campaign(spec, import_modules=import_modules)


def test_from_python_nothing_is_executed_by_loading_and_planning(spec: Path) -> None:
    trace = leave_a_trace(spec)
    assert len(campaign.load(spec).plan().runs) == 4
    assert not trace.exists()
    campaign.load(spec, import_modules=True)
    assert trace.exists()


def test_finding_a_campaign_by_its_file_executes_no_module(spec: Path) -> None:
    trace = leave_a_trace(spec)
    (spec.parent / "campaigns" / "study").mkdir(parents=True)
    call(spec, "status")
    call(spec, "compare")
    assert not trace.exists()


@pytest.mark.parametrize("arguments", [["check", "--import"], ["plan", "--import"], ["submit"]], ids=" ".join)
def test_a_module_that_evaluates_to_something_else_than_it_executes_to_is_an_error_with_a_code(
    arguments: list[str], spec: Path
) -> None:
    """Processes that execute modules and have another `round` stand for an evaluator that is wrong about `round`."""
    (spec.parent / "a.py").write_text(MODULE.format(lr="round(3.6)", leaves_a_trace=""))
    other_round = "import builtins, sys\nif '-c' in sys.orig_argv:\n    builtins.round = lambda number: 7\n"
    (spec.parent.parent / "library" / "sitecustomize.py").write_text(other_round)
    done = call(spec, *arguments)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    problem = "a.py: evaluating the file and importing it give different values of config.training.fields.lr"
    assert problem in done.stderr
    assert not (spec.parent / "campaigns/study/campaign.db").exists()
