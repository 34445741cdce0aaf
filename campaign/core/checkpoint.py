"""Checkpoints that are complete or not there: written beside, then renamed.

What is in one is its writer's affair: `campaign.core.training_state` for the built-in core.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from campaign.folder.paths import CHECKPOINT_NAME, AttemptPaths

KEPT = 2
"""Checkpoints that stay; the one before the last is there in case the last is the problem."""


def save_atomically(folder: AttemptPaths, finished_steps: int, write: Callable[[Path], None]) -> Path:
    """Calls `write` with an empty folder, which then appears as `checkpoints/step_<finished steps>`.

    The name never stands for something half-written, not even after a power cut; older checkpoints beyond
    `KEPT` are removed. Raises what `write` raises, leaving nothing behind.
    """
    target = folder.checkpoint(finished_steps)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        write(draft)
        for path in draft.rglob("*"):
            _to_disk(path)
        _to_disk(draft)
        if target.is_dir():
            shutil.rmtree(target)
        draft.rename(target)
        _to_disk(folder.checkpoints)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    for old in complete_checkpoints(folder)[:-KEPT]:
        shutil.rmtree(old)
    return target


def complete_checkpoints(folder: AttemptPaths) -> list[Path]:
    """Oldest first."""
    if not folder.checkpoints.is_dir():
        return []
    return sorted(path for path in folder.checkpoints.iterdir() if CHECKPOINT_NAME.fullmatch(path.name))


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
