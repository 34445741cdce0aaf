"""The answer for a terminal."""

from __future__ import annotations

from tests.check.conftest import Run, Write

A = "config = {'lr': 1e-3, 'name': 'a'}\n"
B = "config = {'lr': 2e-3, 'name': 'b'}\n"


def test_confound_exits_1_and_fits_in_60_columns(run: Run, write: Write) -> None:
    done = run("a.py", "b.py", "-u", "name", cwd=write(a=A, b=B))
    assert done.returncode == 1
    assert "confound: lr" in done.stdout
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 60


def test_many_variants_with_one_confound_share_its_block(run: Run, write: Write) -> None:
    root = write(a=A, **{f"v{n}": A.replace("1e-3", f"{n}e-2") for n in range(2, 32)})
    done = run("a.py", *(f"v{n}.py" for n in range(2, 32)), cwd=root)
    assert done.stdout.count("confound: lr") == 1
    assert "in 30 of 30 variants" in done.stdout
    assert "and in 27 more" in done.stdout
    assert "variants; a wider terminal shows more" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 60
