"""The outcome of an attempt, as its `result.json` has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaign.folder.atomic_files import write_json
from campaign.folder.outcome import Outcome, read_outcome
from campaign.folder.paths import AttemptPaths


@pytest.fixture
def attempt(tmp_path: Path) -> AttemptPaths:
    (tmp_path / "0002").mkdir()
    return AttemptPaths(tmp_path / "0002")


def test_an_outcome_survives_its_file(attempt: AttemptPaths) -> None:
    outcome = Outcome("failed", 2, exit_code=1, seconds=1.5, reason="", log_tail=("a", "b"), traceback="T")
    write_json(attempt.result, outcome.to_json())
    assert read_outcome(attempt) == outcome


def test_an_outcome_of_another_version_is_read_as_far_as_it_is_known(attempt: AttemptPaths) -> None:
    attempt.result.write_text('{"kind": "finished", "colour": "blue"}')
    assert read_outcome(attempt) == Outcome("finished", 2)


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"number": 2}'])
def test_an_attempt_without_a_readable_result_has_no_outcome(attempt: AttemptPaths, text: str | None) -> None:
    if text is not None:
        attempt.result.write_text(text)
    assert read_outcome(attempt) is None


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        (Outcome("failed", 1, exit_code=1, traceback="Traceback\n  x\nValueError: no\n"), "ValueError: no"),
        (Outcome("stopped", 1, exit_code=75, reason="cancelled"), "cancelled"),
        (Outcome("failed", 1, signal="SIGSEGV", log_tail=("last", " ")), "killed by SIGSEGV: last"),
        (Outcome("failed", 1, exit_code=3), "exit code 3"),
        (Outcome("finished", 1, exit_code=0), "finished"),
    ],
)
def test_the_message_of_an_outcome_is_one_line(outcome: Outcome, message: str) -> None:
    assert outcome.message == message
