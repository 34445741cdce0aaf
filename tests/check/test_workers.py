"""Many variants are spread over the cores; the answer is the one that a single process gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from campaign.check import Declaration, prove
from campaign.check.output.json import to_json
from campaign.check.workers import MIN_TARGETS_PER_PROCESS

from .conftest import REPOSITORY, Run

COUNT = 3 * MIN_TARGETS_PER_PROCESS
needs_cores = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
FLAGS = ("--reference", "a.py", "--entry", "names:config", "--under-test", "lr", "--json")


@pytest.fixture
def family(tmp_path: Path) -> Path:
    """One confound far behind, one file that does not parse, one label that a single variant has."""
    (tmp_path / "a.py").write_text("config = dict(lr=0.1, decay=0.0)\n")
    for index in range(COUNT):
        extra = ", note='x'" if index == 7 else ""
        decay = "0.5" if index == COUNT - 2 else "0.0"
        (tmp_path / f"v{index:03d}.py").write_text(f"config = dict(lr=0.{index + 2}, decay={decay}{extra})\n")
    return tmp_path


def alone(root: Path, variants: tuple[str, ...], **declared: object) -> object:
    """The answer of this process, which a second thread keeps from making others."""
    done = threading.Event()
    companion = threading.Thread(target=done.wait)
    companion.start()
    try:
        declaration = Declaration("a.py", variants, "names:config", ("lr",), **declared)  # type: ignore[arg-type]
        return json.loads(json.dumps(to_json(prove(declaration, root))))
    finally:
        done.set()
        companion.join()


@needs_cores
def test_many_variants_have_the_answer_and_the_order_of_a_single_process(run: Run, family: Path) -> None:
    (family / "v100.py").write_text("config = dict(\n")
    names = tuple(f"v{index:03d}.py" for index in range(COUNT))
    done = run(*names, *FLAGS, "--label", "note", cwd=family)
    assert done.returncode == 1
    assert json.loads(done.stdout) == alone(family, names, labels=("note",))
    assert done.stderr == ""


SCRIPT = """
import os, threading
from campaign.check.workers import map_ranges

def work(part):
    return os.getpid(), list(part)

def show(count):
    answers = map_ranges(work, count)
    print(len({pid for pid, _ in answers} - {os.getpid()}), sum((part for _, part in answers), []) == list(range(count)))

show(1000)
show(20)
threading.Thread(target=threading.Event().wait, daemon=True).start()
show(1000)
"""


@needs_cores
def test_ranges_go_to_processes_only_when_many_and_without_other_threads(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    )
    first, *others = done.stdout.splitlines()
    processes, complete = first.split()
    assert int(processes) >= 2
    assert complete == "True"
    assert others == ["0 True", "0 True"]


def test_pattern_that_one_of_many_variants_has_is_not_refused(run: Run, family: Path) -> None:
    done = run("v*.py", *FLAGS, "--label", "note", cwd=family)
    assert done.returncode == 1, done.stderr


def test_pattern_that_none_of_many_variants_has_is_refused(run: Run, family: Path) -> None:
    done = run("v*.py", *FLAGS, "--label", "note,absent", cwd=family)
    assert done.returncode == 2
    assert "no field matches 'absent'" in done.stderr
    assert "Traceback" not in done.stderr


def test_mistake_in_one_of_many_variants_is_reported_once(run: Run, family: Path) -> None:
    (family / "v250.py").write_text("other = 1\n")
    done = run("v*.py", *FLAGS, cwd=family)
    assert done.returncode == 2
    assert done.stderr.count("has no 'config'") == 1
