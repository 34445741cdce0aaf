"""Which checkpoint the next attempt of a run goes on from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from campaign.folder.atomic_files import read_json
from campaign.folder.paths import AttemptPaths, RunPaths

NAME = re.compile(r"step_(\d+)(\.\w+)?")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A complete checkpoint: `step` is the next step to do."""

    step: int
    path: Path


def newest(run: RunPaths) -> Checkpoint | None:
    """The newest complete checkpoint over all attempts; None when the run has to start over.

    A supervisor that was frozen may wake up after its run went on elsewhere, and its core may have saved
    meanwhile: what an attempt saved beyond the step at which the next one began is passed over, because the
    record of the run does not contain the steps that led there.
    """
    best: Checkpoint | None = None
    limit: int | None = None
    for attempt in reversed(run.attempts()):
        for checkpoint in saved(attempt):
            if (limit is None or checkpoint.step <= limit) and (best is None or checkpoint.step > best.step):
                best = checkpoint
        first = first_step(attempt)
        if first is not None:
            limit = first if limit is None else min(limit, first)
    return best


def saved(attempt: AttemptPaths) -> list[Checkpoint]:
    """Complete checkpoints of one attempt, in no order: a name that exists is complete."""
    try:
        entries = list(attempt.checkpoints.iterdir())
    except OSError:
        return []
    matches = ((NAME.fullmatch(path.name), path) for path in entries)
    return [Checkpoint(int(match[1]), path) for match, path in matches if match]


def first_step(attempt: AttemptPaths) -> int | None:
    """The step an attempt began with; None when its core never started."""
    note = read_json(attempt.started)
    step = note.get("first_step") if note else None
    return step if isinstance(step, int) else None
