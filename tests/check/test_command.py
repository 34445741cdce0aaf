"""`campaign check` as a person and as a CI meet it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from .conftest import REPOSITORY, Run, Write

A = "config = {'lr': 1e-3, 'name': 'a'}\n"
B = "config = {'lr': 2e-3, 'name': 'b'}\n"


def test_files_that_agree_outside_of_the_fields_under_test_exit_0(run: Run, write: Write) -> None:
    done = run("a.py", "b.py", "-u", "lr,name", cwd=write(a=A, b=B))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("PASS")
    assert "same environment variables" in done.stdout


def test_confound_exits_1_and_fits_in_60_columns(run: Run, write: Write) -> None:
    done = run("a.py", "b.py", "-u", "name", cwd=write(a=A, b=B))
    assert done.returncode == 1
    assert "confound: lr" in done.stdout
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 60


def test_unproven_exits_3_and_names_the_edit_unless_it_is_to_warn(run: Run, write: Write) -> None:
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


def test_json_is_versioned_and_names_the_assumptions(run: Run, write: Write) -> None:
    document = json.loads(run("a.py", "b.py", "--json", cwd=write(a=A, b=B)).stdout)
    assert document["version"] == 1
    assert document["verdict"] == "confound"
    assert document["assumptions"]
    assert {found["path"] for found in document["variants"][0]["findings"]} == {"lr", "name"}


def test_github_gathers_a_variant_in_one_escaped_annotation(run: Run, write: Write) -> None:
    root = write(a="config = {'x%y': 'p', 'z': 1}\n", b="config = {'x%y': 'a\\n::error::b', 'z': 2}\n")
    summary = root / "summary.md"
    done = run("a.py", "b.py", "--format", "github", cwd=root, env={"GITHUB_STEP_SUMMARY": str(summary)})
    errors = [line for line in done.stdout.splitlines() if line.startswith("::error")]
    assert len(errors) == 1
    assert errors[0].startswith("::error file=b.py,line=1,col=18,title=confound%3A b.py::")
    assert "%0A" in errors[0]
    assert "x%25y" in errors[0]
    assert "CONFOUND" in summary.read_text()


def sarif(run: Run, root: Path) -> Any:
    return json.loads(run("a.py", "b.py", "--format", "sarif", cwd=root).stdout)


def sarif_schemas() -> list[Any]:
    """What we use of SARIF 2.1.0, with nothing else allowed; and all of it, which `nox -s sarif` fetches."""
    files = [Path(__file__).parent / "sarif-2.1.0-subset.json"]
    if whole := os.environ.get("CAMPAIGN_SARIF_SCHEMA"):
        files.append(Path(whole))
    return [json.loads(file.read_text(encoding="utf-8-sig")) for file in files]


def test_sarif_follows_the_schema_and_points_at_both_files(run: Run, write: Write) -> None:
    document = sarif(run, write(a=A, b=B + "import unused_framework\n"))
    for schema in sarif_schemas():
        jsonschema.validators.validator_for(schema)(schema).validate(document)
    results = document["runs"][0]["results"]
    assert {result["ruleId"] for result in results} == {"CC001", "CC003"}
    confound = next(result for result in results if result["ruleId"] == "CC001")
    assert confound["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "b.py"
    assert confound["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a.py"


def test_sarif_fingerprints_survive_moved_lines(run: Run, write: Write) -> None:
    def prints(root: Path) -> set[str]:
        return {
            result["partialFingerprints"]["campaignCheck/v1"]
            for result in sarif(run, root)["runs"][0]["results"]
        }

    assert prints(write(a=A, b=B)) == prints(write(a=A, b="\n\n# moved\n" + B))


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


def test_many_variants_with_one_confound_share_its_block(run: Run, write: Write) -> None:
    root = write(a=A, **{f"v{n}": A.replace("1e-3", f"{n}e-2") for n in range(2, 32)})
    done = run("a.py", *(f"v{n}.py" for n in range(2, 32)), cwd=root)
    assert done.stdout.count("confound: lr") == 1
    assert "in 30 of 30 variants" in done.stdout
    assert "and in 27 more" in done.stdout
    assert "variants; a wider terminal shows more" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 60


def test_against_outside_of_a_repository_says_so(run: Run, write: Write) -> None:
    done = run("a.py", "--against", "HEAD", cwd=write(a=A), env={"GIT_CEILING_DIRECTORIES": "/"})
    assert done.returncode == 2
    assert "not a git repository" in done.stderr


def test_file_that_is_not_there_names_the_one_that_is_spelled_alike(run: Run, write: Write) -> None:
    done = run("reference.py", "varient.py", cwd=write(reference=A, variant=B))
    assert done.returncode == 2
    assert "there is no such file; did you mean `variant.py`?" in done.stderr


def test_table_with_nothing_to_compare_is_no_pass(run: Run, tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text("[check]\n")
    done = run("study.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert "nothing to compare" in done.stderr
