"""The checkpoint that the next attempt of a run resumes from."""

from __future__ import annotations

from campaign.execution.checkpoints import Checkpoint, resumption
from campaign.folder.paths import RunPaths
from campaign.folder.run_record import RecordFormat
from tests.folder.attempts import attempt

EVERY_STEP = RecordFormat(every_step=True)


def newest(run: RunPaths) -> Checkpoint | None:
    found = resumption(run, EVERY_STEP)
    assert not found.passed_over
    return found.checkpoint


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


def test_checkpoint_whose_steps_are_missing_from_the_record_is_passed_over_for_an_older_one(
    run: RunPaths,
) -> None:
    attempt(run, 1, range(12), checkpoints=(10, 20))
    found = resumption(run, EVERY_STEP)
    assert found.step == 10
    assert found.passed_over == (
        "steps 12-19 are missing from its record, so checkpoint step_000020 is not used"
    )


def test_run_starts_over_when_no_checkpoint_is_covered_by_the_record(run: RunPaths) -> None:
    attempt(run, 1, range(33, 33), first=0, checkpoints=(33,))
    assert resumption(run, EVERY_STEP).checkpoint is None
    assert "steps 0-32 are missing" in resumption(run, EVERY_STEP).passed_over


def test_steps_of_an_earlier_attempt_do_not_cover_those_that_a_later_one_repeated_and_lost(
    run: RunPaths,
) -> None:
    """The checkpoint at 30 descends from the second attempt's steps 10 to 29, not from those of the first."""
    attempt(run, 1, range(30), checkpoints=(10,))
    attempt(run, 2, range(10, 10), checkpoints=(30,))
    found = resumption(run, EVERY_STEP)
    assert (found.step, "steps 10-29 are missing" in found.passed_over) == (10, True)


def test_log_that_cannot_be_read_covers_no_checkpoint(run: RunPaths) -> None:
    attempt(run, 1, range(30), checkpoints=(10,))
    attempt(run, 2, range(10, 10), checkpoints=(20,))
    run.attempt(2).metrics.unlink()
    run.attempt(2).metrics.mkdir()
    assert resumption(run, EVERY_STEP).step == 10


def test_core_that_logs_every_tenth_step_resumes_from_a_checkpoint_between_two_rows(run: RunPaths) -> None:
    attempt(run, 1, range(10, 31, 10), first=0, checkpoints=(25, 35))
    assert resumption(run, RecordFormat()).step == 35
