"""GitHub workflow commands: escaped, and within the limits of a step."""

from __future__ import annotations

from tests.check.conftest import REPOSITORY, Run, Write

A = "config = {'lr': 1e-3, 'name': 'a'}\n"
B = "config = {'lr': 2e-3, 'name': 'b'}\n"


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


def test_annotations_of_many_variants_stay_within_what_a_step_shows(run: Run, write: Write) -> None:
    root = write(a=A, **{f"v{n}": A.replace("1e-3", f"{n}e-2") for n in range(2, 32)})
    done = run("a.py", *(f"v{n}.py" for n in range(2, 32)), "-f", "github", cwd=root)
    errors = [line for line in done.stdout.splitlines() if line.startswith("::error")]
    assert len(errors) == 10
    assert "title=confound%3A 21 more variants" in errors[-1]


def test_sample_of_the_annotations_is_what_the_command_prints(run: Run) -> None:
    printed = run("examples/cluster_only/planted.toml", "-f", "github", cwd=REPOSITORY).stdout
    assert f"```text\n{printed}```" in (REPOSITORY / "docs/check.md").read_text()
