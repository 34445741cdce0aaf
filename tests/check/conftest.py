"""Configurations written to a folder, and the command line run on them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from campaign.check import CheckResult, Declaration, prove

REPOSITORY = Path(__file__).resolve().parents[2]
Write = Callable[..., Path]
Check = Callable[..., CheckResult]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def files(**texts: str) -> Path:
        for name, text in texts.items():
            (tmp_path / f"{name}.py").write_text(text)
        return tmp_path

    return files


@pytest.fixture
def check(write: Write) -> Check:
    """Prove `b.py` against `a.py`; further keywords that are not files go into the declaration."""

    def proven(a: str, b: str, files: dict[str, str] | None = None, **declared: object) -> CheckResult:
        root = write(a=a, b=b, **(files or {}))
        return prove(Declaration("a.py", ("b.py",), **declared), root)  # type: ignore[arg-type]

    return proven


@pytest.fixture
def run() -> Run:
    def command(
        *arguments: str, cwd: Path, env: dict[str, str] | None = None, memory: int = 0
    ) -> subprocess.CompletedProcess[str]:
        import os
        import resource

        def limited() -> None:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

        return subprocess.run(
            [sys.executable, "-m", "campaign", "check", *arguments],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "60", **(env or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            preexec_fn=limited if memory else None,
        )

    return command
