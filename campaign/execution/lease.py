"""How old a sign of life is, by the filesystem's own clock: clocks of machines differ, one server's does
not."""

from __future__ import annotations

import os
from pathlib import Path

from campaign.execution.process import ProcessStamp, is_gone
from campaign.folder.atomic_files import read_json
from campaign.folder.paths import AttemptPaths, CampaignPaths


class FilesystemClock:
    """The time that the campaign's filesystem gives to what is written now."""

    def __init__(self, paths: CampaignPaths) -> None:
        self._file: Path = paths.lock  # ours alone, and there for as long as we live

    def now(self) -> float:
        os.utime(self._file)
        return self._file.stat().st_mtime


def beat_age(attempt: AttemptPaths, now: float) -> float | None:
    """Seconds since the attempt's last beat; None when it was never claimed."""
    try:
        return now - attempt.root.stat().st_mtime
    except OSError:
        return None


def known_dead(attempt: AttemptPaths) -> bool:
    """Whether supervisor and core ran on this machine and both have ended: then no lease has to run out."""
    note = read_json(attempt.started) or {}
    stamps = [ProcessStamp.from_json(note.get(name)) for name in ("supervisor", "core")]
    return all(process is not None and is_gone(process) for process in stamps)
