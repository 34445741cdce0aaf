"""The lock that allows one controller per campaign. The kernel holds it, so it ends with the process."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from pathlib import Path

from campaign.errors import Incomplete, UsageError
from campaign.execution.process import this_host
from campaign.folder.atomic_files import read_json
from campaign.folder.paths import CampaignPaths
from campaign.folder.regular_files import DamagedFile, reason_of

PROBE_PATIENCE_S = 0.5
"""How long `acquire` retries. A reader that tests the lock holds it for an instant (see `holder`)."""


class CampaignLock:
    """The exclusive lock of a campaign.

    flock(2) binds it to the open file description, which a child inherits: `--detach` hands the lock to the
    controller without a gap in which another one could take it.
    """

    def __init__(self, descriptor: int, path: Path) -> None:
        self.descriptor = descriptor
        self.path = path

    @classmethod
    def acquire(cls, paths: CampaignPaths) -> CampaignLock:
        """Raises `UsageError`, with the process id of the holder, when another controller is alive."""
        paths.root.mkdir(parents=True, exist_ok=True)
        descriptor = _locked(paths.lock)
        if descriptor is None:
            raise UsageError(_refusal(paths))
        lock = cls(descriptor, paths.lock)
        lock.sign(os.getpid())
        return lock

    @classmethod
    def inherited(cls, paths: CampaignPaths, descriptor: int) -> CampaignLock:
        """The lock that the parent process handed over."""
        # It was inheritable for the sake of this process. A child of this process that inherited it too would hold
        # the lock after the controller has died.
        os.set_inheritable(descriptor, False)
        lock = cls(descriptor, paths.lock)
        lock.sign(os.getpid())
        return lock

    def sign(self, pid: int) -> None:
        """Write who holds the lock. The content is only information; the kernel keeps the lock itself."""
        text = f'{{"pid": {pid}, "host": "{this_host().name}", "since": {time.time():.0f}}}\n'.encode()
        with contextlib.suppress(OSError):  # a full disk
            os.pwrite(self.descriptor, text, 0)
            os.ftruncate(self.descriptor, len(text))

    def keep(self) -> None:
        """Lock the file anew when it was deleted or replaced: the kernel's lock belongs to the file and not to its name.

        Raises `Incomplete` when another controller has been faster, or when the campaign's folder is gone.
        """
        if _is_named(self.descriptor, self.path):
            return
        try:
            descriptor = _locked(self.path)
        except OSError as error:
            raise Incomplete(
                f"{self.path} was deleted and cannot be written again ({reason_of(error)}): this controller stops"
            ) from error
        if descriptor is None:
            who = read_json(self.path) or {}
            raise Incomplete(
                f"{self.path} was deleted, and process {who.get('pid', '?')} on {who.get('host', '?')} has taken the "
                "campaign over: this controller stops; its runs resume there"
            )
        os.close(self.descriptor)
        self.descriptor = descriptor
        self.sign(os.getpid())

    def release(self) -> None:
        # The name goes first, so that no reader sees the name of a holder that has released the lock.
        os.ftruncate(self.descriptor, 0)
        os.close(self.descriptor)


def holder(paths: CampaignPaths) -> dict[str, object] | None:
    """The controller that runs the campaign now (`pid`, `host`, `since`), or None."""
    try:
        descriptor = os.open(paths.lock, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO would wait
    except OSError:
        return None
    try:
        # Shared, so that two readers never take each other for a controller. Closing the descriptor releases it.
        if _try(descriptor, fcntl.LOCK_SH):
            return None
    finally:
        os.close(descriptor)
    return read_json(paths.lock) or {"pid": None, "host": None, "since": None}


def _locked(path: Path) -> int | None:
    """A descriptor of `path` with the exclusive lock; None when another process has it."""
    deadline = time.monotonic() + PROBE_PATIENCE_S
    while True:
        # Not through a link, and not a FIFO or a folder: nothing else would be one file for every controller.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise DamagedFile(f"{path} is not a regular file: delete it")
        # Between the two calls the file may have been deleted, and a lock of a deleted file keeps nobody out.
        if _try(descriptor, fcntl.LOCK_EX) and _is_named(descriptor, path):
            return descriptor
        os.close(descriptor)
        if time.monotonic() > deadline:
            return None
        time.sleep(0.02)


def _is_named(descriptor: int, path: Path) -> bool:
    """Whether the open file still has this name."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except OSError:
        return False


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _refusal(paths: CampaignPaths) -> str:
    who = read_json(paths.lock) or {}
    name, pid, host = paths.root.name, who.get("pid", "?"), who.get("host", "?")
    return (
        f"campaign {name!r} is already being run by process {pid} on {host}\n"
        f"    follow it: campaign status {name} --watch    stop it: campaign cancel {name}"
    )
