"""Fixtures of all tests of the spec: load a campaign from a string, and run the command line in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from campaign.spec.load import load
from campaign.spec.spec import Spec

Loader = Callable[[str], Spec]


class Result(NamedTuple):
    code: int
    out: str
    err: str


Cli = Callable[..., Result]


@pytest.fixture
def spec_of(tmp_path: Path) -> Loader:
    """Load a campaign from the content of its file."""

    def loaded(text: str) -> Spec:
        path = tmp_path / "campaign.toml"
        path.write_text(text, encoding="utf-8")
        return load(path)

    return loaded


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """Run the `campaign` command in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> Result:
        from campaign.cli.app import main

        monkeypatch.setattr(sys, "argv", ["campaign", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return run
