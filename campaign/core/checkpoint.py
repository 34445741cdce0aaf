"""Atomic checkpoints: written to a temporary folder, flushed to disk, then renamed.

The contents are up to the caller; `campaign.core.training_state` defines those of the built-in core.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from campaign.folder.paths import CHECKPOINT_NAME, AttemptPaths

KEPT = 2
"""Number of checkpoints to keep. The second-to-last is a fallback in case the last one is unusable."""


def save_atomically(folder: AttemptPaths, finished_steps: int, write: Callable[[Path], None]) -> Path:
    """Creates the checkpoint `checkpoints/step_<finished steps>` from what `write` writes to an empty folder.

    A checkpoint under its final name is always complete, even after a power failure; all but the latest
    `KEPT` are removed. An exception of `write` propagates, and no partial checkpoint remains.
    """
    target = folder.checkpoint(finished_steps)
    # The leading dot hides it from `complete_checkpoints`.
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        write(draft)
        for path in draft.rglob("*"):
            _fsync(path)
        _fsync(draft)
        if target.is_dir():
            shutil.rmtree(target)
        # POSIX rename is atomic but not durable: files, then their folder, must be flushed before it, and the
        # parent folder after it, or a power failure can leave the new name with empty files.
        draft.rename(target)
        _fsync(folder.checkpoints)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    for old in complete_checkpoints(folder)[:-KEPT]:
        shutil.rmtree(old)
    return target


def complete_checkpoints(folder: AttemptPaths) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    if not folder.checkpoints.is_dir():
        return []
    return sorted(path for path in folder.checkpoints.iterdir() if CHECKPOINT_NAME.fullmatch(path.name))


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
