"""`campaign check` as a person and as a CI meet it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from .conftest import REPOSITORY, Run, Write

A = "config = {'lr': 1e-3, 'name': 'a'}\n"
B = "config = {'lr': 2e-3, 'name': 'b'}\n"


def test_files_that_agree_outside_of_the_fields_under_test_exit_0(run: Run, write: Write) -> None:
    done = run("a.py", "b.py", "-u", "lr,name", cwd=write(a=A, b=B))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("PASS")
    assert "same environment variables" in done.stdout


def test_unproven_exits_3_with_the_edit_unless_warn_is_set(run: Run, write: Write) -> None:
    root = write(a="config = {'x': [1, 2]}\n", b="config = {'x': list({'u', 'v'})}\n")
    done = run("a.py", "b.py", cwd=root)
    assert done.returncode == 3
    assert "to make it provable: use sorted(...) or a list" in done.stdout
    assert run("a.py", "b.py", "--unproven=warn", cwd=root).returncode == 0


@pytest.mark.parametrize(
    "arguments", [["a.py"], ["a.py", "no.py"], ["a.py", "b.py", "-u", "nothing"], ["no.toml"]]
)
def test_mistakes_exit_2_without_a_traceback(run: Run, write: Write, arguments: list[str]) -> None:
    done = run(*arguments, cwd=write(a=A, b=B))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_dump_prints_the_tree(run: Run, write: Write) -> None:
    done = run("a.py", "--dump", cwd=write(a="config = {'lr': 1, 'xs': (1.5,)}\n"))
    assert json.loads(done.stdout) == {
        "$dict": [["lr", {"$int": "1"}], ["xs", {"$tuple": [{"$float": "1.5"}]}]]
    }


def test_against_compares_with_the_revision(run: Run, write: Write) -> None:
    root = write(a="from _base import LR\nconfig = {'lr': LR}\n", _base="LR = 1\n")
    identity = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run(["git", *command], cwd=root, check=True, env={**os.environ, **identity})
    assert run("a.py", "--against", "HEAD", cwd=root).returncode == 0
    (root / "_base.py").write_text("LR = 2\n")
    assert run("a.py", "--against", "HEAD", cwd=root).returncode == 1
    for revision in ("no-such-revision", "-x", "HEAD:_base.py", ""):
        done = run("a.py", f"--against={revision}", cwd=root)
        assert done.returncode == 2
        assert "no such commit, tag or branch" in done.stderr


def test_shipped_family_for_an_absent_framework_is_proven_and_its_planted_confound_found(run: Run) -> None:
    assert run("examples/cluster_only/check.toml", cwd=REPOSITORY).returncode == 0
    done = run("examples/cluster_only/planted.toml", cwd=REPOSITORY)
    assert done.returncode == 1
    assert "loss.entropy_bonus" in done.stdout


def test_shipped_conditions_differ_only_in_the_fields_under_test(run: Run) -> None:
    files = sorted(path.as_posix() for path in (REPOSITORY / "conditions/credit_assignment").glob("[!_]*.py"))
    assert len(files) == 5
    done = run(*files, "-u", "algorithm.advantage_mode,algorithm.transform_mode", cwd=REPOSITORY)
    assert done.returncode == 0, done.stdout


def test_against_outside_of_a_repository_is_reported(run: Run, write: Write) -> None:
    done = run("a.py", "--against", "HEAD", cwd=write(a=A), env={"GIT_CEILING_DIRECTORIES": "/"})
    assert done.returncode == 2
    assert "not a git repository" in done.stderr


def test_missing_file_suggests_a_similar_name(run: Run, write: Write) -> None:
    done = run("reference.py", "varient.py", cwd=write(reference=A, variant=B))
    assert done.returncode == 2
    assert "there is no such file; did you mean `variant.py`?" in done.stderr


def test_table_with_nothing_to_compare_does_not_pass(run: Run, tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text("[check]\n")
    done = run("study.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert "nothing to compare" in done.stderr
