"""Which checkpoint the next attempt of a run resumes from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from campaign.folder.paths import CHECKPOINT_NAME, AttemptPaths, RunPaths
from campaign.folder.run_record import first_step


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A complete checkpoint; `step` is the next step."""

    step: int
    path: Path


def newest(run: RunPaths) -> Checkpoint | None:
    """The newest complete checkpoint over all attempts; None when the run has to start over.

    A supervisor that was frozen may wake up after its run resumed elsewhere, and its core may have saved in the
    meantime. Checkpoints of an attempt beyond the step at which a later attempt began are therefore ignored: the
    record of the run does not contain the steps that led to them.
    """
    best: Checkpoint | None = None
    limit: int | None = None
    # From the latest attempt back, so that `limit` is the earliest step at which any later attempt began.
    for attempt in reversed(run.attempts()):
        for checkpoint in saved(attempt):
            # At the limit itself the checkpoint is good: the later attempt may have resumed from it.
            if (limit is None or checkpoint.step <= limit) and (best is None or checkpoint.step > best.step):
                best = checkpoint
        # An attempt whose core never started has written nothing, so it limits nothing.
        first = first_step(attempt)
        if first is not None:
            limit = first if limit is None else min(limit, first)
    return best


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
