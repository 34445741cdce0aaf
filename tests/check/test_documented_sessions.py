"""What the pages show of `campaign check` is what it prints, word for word."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from .conftest import REPOSITORY, Run

SESSION = re.compile(r"```console\n(.*?)```", re.DOTALL)
PAGES = ("docs/check.md", "examples/cluster_only/README.md")


def sessions() -> list[tuple[str, str, str]]:
    """(page, command, output) of every `campaign check` in a console block."""
    found = []
    for page in PAGES:
        for block in SESSION.findall((REPOSITORY / page).read_text()):
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                if command.startswith("campaign check"):
                    found.append((page, command, output))
    return found


@pytest.mark.parametrize(("page", "command", "output"), sessions(), ids=lambda text: text[:60])
def test_session_in_a_page_is_what_the_command_prints(run: Run, page: str, command: str, output: str) -> None:
    arguments = shlex.split(command)[2:]
    done = run(*arguments, cwd=REPOSITORY, env={"COLUMNS": "120"})
    assert (done.stdout + done.stderr).strip() == output.strip()


def test_every_page_shows_a_session() -> None:
    assert {page for page, _, _ in sessions()} == {str(Path(page)) for page in PAGES}
