"""The checkpoint that the next attempt of a run resumes from."""

from __future__ import annotations

from campaign.execution.checkpoints import newest
from campaign.folder.paths import RunPaths
from tests.folder.attempts import attempt


def test_run_resumes_from_the_newest_checkpoint_of_any_attempt(run: RunPaths) -> None:
    attempt(run, 1, range(12), checkpoints=(5, 10))
    attempt(run, 2, range(10, 13))
    found = newest(run)
    assert found is not None
    assert (found.step, found.path.parent.parent.name) == (10, "0001")


def test_checkpoint_of_a_fenced_attempt_after_its_successor_began_is_ignored(run: RunPaths) -> None:
    attempt(run, 1, range(31), checkpoints=(10, 20, 30))
    attempt(run, 2, range(10, 15), first=10)
    found = newest(run)
    assert found is not None
    assert found.step == 10


def test_folder_that_is_being_written_is_not_a_checkpoint(run: RunPaths) -> None:
    attempt(run, 1, range(3))
    for name in (".step_000003.tmp", "step_", "latest", "step_3x"):
        (run.attempt(1).checkpoints / name).mkdir(parents=True)
    assert newest(run) is None


def test_a_run_that_never_started_has_no_checkpoint(run: RunPaths) -> None:
    assert newest(run) is None
