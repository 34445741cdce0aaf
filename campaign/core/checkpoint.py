"""Checkpoints that are complete or not there: written beside, then renamed.

A checkpoint holds what the next step depends on: trained weights, optimizer moments, and a small JSON state.
Randomness is not in it: a step's draws derive from (seed, step).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from campaign.core.folder import RunFolder
from campaign.core.tensor_file import save_tensors
from campaign.errors import UsageError

KEPT = 2
"""Checkpoints that stay; the one before the last is there in case the last is the problem."""

FORMAT = 1


def save_atomically(folder: RunFolder, finished_steps: int, write: Callable[[Path], None]) -> Path:
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


def complete_checkpoints(folder: RunFolder) -> list[Path]:
    """Oldest first."""
    if not folder.checkpoints.is_dir():
        return []
    return sorted(path for path in folder.checkpoints.iterdir() if path.name.startswith("step_"))


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_state(folder: Path, tensors: dict[str, Tensor], state: Mapping[str, Any]) -> None:
    save_tensors(tensors, folder / "optimizer.safetensors")
    document = {"format": FORMAT, **state}
    (folder / "state.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def read_state(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and state of a checkpoint. Raises `UsageError` when it is not one, or of another format."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        tensors = load_file(folder / "optimizer.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise UsageError(f"{folder}: not a readable checkpoint: {error}") from None
    if state.get("format") != FORMAT:
        raise UsageError(f"{folder}: checkpoint of format {state.get('format')}; this version reads {FORMAT}")
    return tensors, state
