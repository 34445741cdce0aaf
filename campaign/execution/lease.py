"""The age of an attempt's last heartbeat, by the clock of the filesystem.

Clocks of machines differ. Both times that are subtracted here are given by the one server of the filesystem.
"""

from __future__ import annotations

import os
from pathlib import Path

from campaign.execution.process import ProcessStamp, is_gone
from campaign.folder.atomic_files import read_json
from campaign.folder.paths import AttemptPaths, CampaignPaths


class FilesystemClock:
    """The time that the campaign's filesystem assigns to a write."""

    def __init__(self, paths: CampaignPaths) -> None:
        self._file: Path = paths.lock  # exists while the controller lives, and nothing else touches it

    def now(self) -> float:
        try:
            os.utime(self._file)
        except FileNotFoundError:  # deleted; the controller locks the new one (`CampaignLock.keep`)
            self._file.touch()
        return self._file.stat().st_mtime


def beat_age(attempt: AttemptPaths, now: float) -> float | None:
    """Seconds since the attempt's last beat; None when it was never claimed."""
    try:
        return now - attempt.root.stat().st_mtime
    except OSError:
        return None


def known_dead(attempt: AttemptPaths) -> bool:
    """Whether supervisor and core ran on this host and both have ended, so that waiting for the lease is needless.

    The supervisor alone is not enough: its core is killed by the kernel, but not in the same instant.
    """
    note = read_json(attempt.started) or {}
    stamps = [ProcessStamp.from_json(note.get(name)) for name in ("supervisor", "core")]
    return all(process is not None and is_gone(process) for process in stamps)
