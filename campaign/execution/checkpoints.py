"""Which checkpoint the next attempt of a run resumes from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from campaign.folder.completeness import StepLog, missing_words
from campaign.folder.paths import CHECKPOINT_NAME, AttemptPaths, RunPaths
from campaign.folder.run_record import RecordFormat, first_step


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A complete checkpoint; `step` is the next step."""

    step: int
    path: Path


@dataclass(frozen=True, slots=True)
class Resumption:
    """Where the next attempt of a run begins."""

    checkpoint: Checkpoint | None = None
    """None when the run has to start over."""
    passed_over: str = ""
    """Why it is not the newest checkpoint, as a sentence; empty when it is, or when there is none."""

    @property
    def step(self) -> int:
        return self.checkpoint.step if self.checkpoint else 0


FROM_THE_BEGINNING = Resumption()


def resumption(run: RunPaths, record_format: RecordFormat) -> Resumption:
    """The newest complete checkpoint over all attempts whose steps are all in the record.

    Steps that are missing from the record, after a power cut for example, cannot be supplied by an attempt that begins after
    them. An older checkpoint, or the beginning, repeats them.
    """
    found = _candidates(run)
    if not found:
        return FROM_THE_BEGINNING
    log, reason = StepLog.of(run, record_format), ""
    for number, checkpoint in found:
        missing = log.missing(checkpoint.step, number)
        if not missing:
            return Resumption(checkpoint, reason)
        reason = reason or f"{missing_words(missing)}, so checkpoint {checkpoint.path.name} is not used"
    return Resumption(None, reason)


def _candidates(run: RunPaths) -> list[tuple[int, Checkpoint]]:
    """The valid checkpoints, newest first, each with the number of attempts up to the one that saved it.

    A supervisor that was frozen may wake up after its run resumed elsewhere, and its core may have saved in the
    meantime. Checkpoints of an attempt beyond the step at which a later attempt began are therefore ignored: the
    record of the run does not contain the steps that led to them.
    """
    found: list[tuple[int, Checkpoint]] = []
    limit: int | None = None
    attempts = run.attempts()
    # From the latest attempt back, so that `limit` is the earliest step at which any later attempt began.
    for number in range(len(attempts), 0, -1):
        attempt = attempts[number - 1]
        # At the limit itself the checkpoint is good: the later attempt may have resumed from it.
        found += [(number, each) for each in saved(attempt) if limit is None or each.step <= limit]
        # An attempt whose core never started has written nothing, so it limits nothing.
        first = first_step(attempt)
        if first is not None:
            limit = first if limit is None else min(limit, first)
    # A stable sort: of two checkpoints of one step, that of the later attempt comes first.
    return sorted(found, key=lambda each: -each[1].step)


def saved(attempt: AttemptPaths) -> list[Checkpoint]:
    """Complete checkpoints of one attempt, in no order.

    A checkpoint is written under another name and then renamed, so a matching name is proof of completeness.
    """
    try:
        entries = list(attempt.checkpoints.iterdir())
    except OSError:
        return []
    matches = ((CHECKPOINT_NAME.fullmatch(path.name), path) for path in entries)
    # A core may leave anything under such a name. Only what a core can load is a checkpoint: opening a FIFO blocks.
    return [
        Checkpoint(int(match[1]), path)
        for match, path in matches
        if match and (os.path.isdir(path) or os.path.isfile(path))
    ]
