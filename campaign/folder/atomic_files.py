"""Files that appear complete or not at all, even if the writer or the machine dies."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from campaign.folder.regular_files import read_regular
from campaign.folder.untrusted_json import parse_json


def write_bytes(path: Path, content: bytes, *, sync: bool = True) -> None:
    """Replace `path` by `content` atomically. With `sync`, it is on the disk when this function returns.

    The temporary name contains the process id, so that two writers never share a file.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            # Content before name. In the other order, a power cut could leave the new name on an empty file.
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:  # on a full disk, half a file would keep the rest of the space
        error.filename = error.filename or str(path)  # that of a failed write is empty
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if sync:
        sync_folder(path.parent)


def write_text(path: Path, content: str, *, sync: bool = True) -> None:
    write_bytes(path, content.encode(), sync=sync)


def write_json(path: Path, document: Mapping[str, Any], *, sync: bool = True) -> None:
    """Raises `ValueError` for NaN and infinities: they are not JSON."""
    write_text(path, json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n", sync=sync)


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in `path`; None when the file is missing, unreadable, or holds anything else."""
    try:
        document = parse_json(read_regular(path))
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def link(path: Path, target: str) -> None:
    """Make `path` a symbolic link to `target` (relative to its folder) atomically, replacing a file or a link."""
    # symlink(2) never replaces a name, rename(2) does.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.link")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    os.replace(temporary, path)


def sync_file(path: Path) -> None:
    """Make what another process wrote to a regular file durable; nothing for anything else, or when it is missing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a FIFO would wait for a writer
    except OSError:
        return
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` durable: they are changes of the folder, which fsync of the file does not include."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
