"""The files by which a controller addresses supervisors: FENCE, CANCEL and STOP.

FENCE holds the number of the only attempt that may write. It never decreases. CANCEL, in a run's folder, stops
that run. STOP, in the campaign's folder, holds an epoch: attempts of this and earlier epochs stop, so a STOP that
was left behind does not stop attempts of the next controller.
"""

from __future__ import annotations

import os
from pathlib import Path

from campaign.folder.atomic_files import write_text
from campaign.folder.paths import RunPaths
from campaign.folder.regular_files import read_regular

LONGEST = 32
"""Most bytes of a fence or stop file."""


def raise_fence(run: RunPaths, number: int) -> None:
    """From now on, only attempt `number` may write.

    No fsync is needed: a power cut ends every reader of the fence too, and the number of the attempt survives in
    the store, where it was committed before.
    """
    write_text(run.fence, f"{number}\n", sync=False)


def read_number(path: Path) -> int | None:
    """The number in a fence or stop file; None when it cannot be read."""
    try:
        return int(read_regular(path, LONGEST))
    except (OSError, ValueError):
        return None


def stop_epoch(path: Path, epoch: int) -> None:
    """Ask the attempts of all epochs up to `epoch` to stop."""
    write_text(path, f"{epoch}\n", sync=False)


def request_cancel(run: RunPaths) -> None:
    run.root.mkdir(parents=True, exist_ok=True)
    write_text(run.cancel, "cancel\n", sync=False)


def cancel_requested(run: RunPaths) -> bool:
    """Whether the run's CANCEL exists; False when its folder cannot be read."""
    return os.path.exists(run.cancel)
