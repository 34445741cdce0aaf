"""SHA-256 of files and folders: of regular files only, and of a large file once until it changes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

from campaign.folder.regular_files import open_regular

LARGE = 2**20
"""Bytes from which the hash of a file is remembered; a smaller one is read faster than it is looked up."""
MOST_REMEMBERED = 4096
SETTLED_S = 2.0
"""A file that was changed more recently is not remembered: it could change again without a new time stamp."""


def file_sha256(path: Path) -> str:
    """The hash of a regular file, as 64 hexadecimal digits. Raises `OSError`, `DamagedFile` for anything else."""
    with open_regular(path) as stream:
        descriptor = stream.fileno()
        status = os.fstat(descriptor)
        if status.st_size < LARGE:
            return hashlib.file_digest(stream, "sha256").hexdigest()
        key = _key(status)
        if (known := _remembered().get(key)) is not None:
            return known
        found = hashlib.file_digest(stream, "sha256").hexdigest()
        if _key(os.fstat(descriptor)) == key and time.time() - status.st_ctime > SETTLED_S:
            _remember(key, found)
        return found


def files_sha256(files: Iterable[tuple[str, Path]]) -> str:
    """The hash of named files: of their names and contents, in the order of the names. Raises `OSError`."""
    lines = sorted(f"{name}\0{file_sha256(path)}\n" for name, path in files)
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def model_sha256(folder: Path) -> str:
    """The hash of the files in a model's folder, by name and content. Raises `OSError`.

    Loading a model reads no subfolder and no hidden file, so neither counts: a folder may hold the checkpoints of
    the training that made the model. Links to files count as the files.
    """
    files = [(entry.name, Path(entry.path)) for entry in os.scandir(folder) if _is_content(entry)]
    return files_sha256(files)


def _is_content(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".") and entry.is_file()


def _key(status: os.stat_result) -> str:
    # The time of the last status change cannot be set, unlike that of the last modification: a file that was replaced
    # by one of the same size and time is noticed.
    parts = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return ":".join(map(str, parts))


def _memory() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(cache) / "campaign" / "content_hashes.json"


def _remembered() -> dict[str, str]:
    """Status of a file -> its hash; empty when nothing valid is remembered."""
    try:
        document = json.loads(_memory().read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(document, dict):
        return {}
    return {key: value for key, value in document.items() if isinstance(value, str) and len(value) == 64}


def _remember(key: str, found: str) -> None:
    """Best effort: without it, the file is read again next time."""
    known = _remembered()
    known.pop(key, None)
    kept = [*known.items()][-(MOST_REMEMBERED - 1) :]
    memory = _memory()
    draft = memory.with_name(f".{memory.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.write_text(json.dumps(dict([*kept, (key, found)])), encoding="utf-8")
        draft.replace(memory)
