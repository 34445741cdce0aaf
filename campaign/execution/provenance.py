"""Records which code on which machine produced the results, so that they can be reproduced."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from campaign.folder.regular_files import read_regular

GIT_PATIENCE_S = 10.0
MOST_MODULES = 1000
"""Most untracked modules whose content is read: a folder of dependencies that is not ignored may have many more."""


def provenance(workdir: Path) -> dict[str, Any]:
    """Git state of `workdir`, installed packages, Python, and the machine, as a JSON document."""
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "workdir": str(workdir.absolute()),
        "git": git_state(workdir),
        "python": sys.version.split()[0],
        "packages": packages(),
        "machine": host_description(),
    }


def git_state(folder: Path) -> dict[str, Any] | None:
    """`commit`, whether the tree is `dirty`, the hash of its diff, the number of `untracked` files, and the hash of the
    Python modules among them, which the diff does not have; None outside a repository."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    diff = _git(folder, "diff", "HEAD", "--binary") or b""
    listed = _git(folder, "ls-files", "--others", "--exclude-standard", "-z") or b""
    untracked = sorted(os.fsdecode(name) for name in listed.split(b"\0") if name)
    dirty = bool(diff.strip() or untracked)
    return {
        "commit": commit.decode().strip(),
        "dirty": dirty,
        "diff_sha256": hashlib.sha256(diff).hexdigest() if diff.strip() else None,
        "untracked": len(untracked),
        "untracked_sha256": _modules_sha256(folder, [name for name in untracked if name.endswith(".py")]),
    }


def _modules_sha256(folder: Path, names: list[str]) -> str | None:
    """The hash of the names and contents of the modules `names`; None without any."""
    digest = hashlib.sha256()
    for name in names[:MOST_MODULES]:
        try:
            content = hashlib.sha256(read_regular(folder / name)).digest()
        except OSError:
            content = b""
        digest.update(os.fsencode(name) + b"\0" + content)
    return digest.hexdigest() if names else None


def packages() -> dict[str, str]:
    """Name -> version of every installed distribution."""
    found = {
        str(distribution.metadata["Name"]): distribution.version
        for distribution in metadata.distributions()
        if distribution.metadata["Name"]
    }
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def host_description() -> dict[str, Any]:
    """Name, system, processor, usable cores, memory and GPUs of this machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "host": platform.node(),
        "system": platform.platform(),
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory, 1),
        "gpus": _gpus(),
    }


def _git(folder: Path, *arguments: str) -> bytes | None:
    if not shutil.which("git"):
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True, timeout=GIT_PATIENCE_S, check=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")


def _gpus() -> list[str]:
    if not shutil.which("nvidia-smi"):
        return []
    try:
        done = subprocess.run(
            ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"],
            capture_output=True, timeout=GIT_PATIENCE_S, check=True, stdin=subprocess.DEVNULL, text=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.strip().splitlines()
