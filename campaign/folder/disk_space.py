"""Recognises a full disk, and says so in a sentence that names the disk and how to go on."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from campaign.errors import StorageFull

STORAGE_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""The disk is full, or a quota or the file size limit is exceeded."""
LEAST_BYTES = 256 * 2**10
"""A disk with less space is full: the state of a campaign cannot be written."""


def storage_full(folder: Path) -> StorageFull:
    """The error for a disk without space for `folder`."""
    return StorageFull(
        f"no space left for {folder} (disk full, quota or file size limit): nothing is damaged; "
        "free some space and run the same command again"
    )


@contextmanager
def explained_full_disk(folder: Path) -> Iterator[None]:
    """Turn the errors of a write to a full disk into `StorageFull`."""
    try:
        yield
    except OSError as error:
        if error.errno in STORAGE_FULL:
            raise storage_full(Path(error.filename) if isinstance(error.filename, str) else folder) from error
        raise


def is_full(folder: Path) -> bool:
    """Whether the disk of `folder` has no space or no inode left. A quota does not show."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < LEAST_BYTES or (disk.f_files > 0 and disk.f_favail == 0)
