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

GIT_PATIENCE_S = 10.0


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
    """`commit`, whether the tree is `dirty`, the hash of its diff, and the number of `untracked` files; None outside
    a repository."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    diff = _git(folder, "diff", "HEAD", "--binary") or b""
    untracked = _git(folder, "ls-files", "--others", "--exclude-standard") or b""
    dirty = bool(diff.strip() or untracked.strip())
    return {
        "commit": commit.decode().strip(),
        "dirty": dirty,
        "diff_sha256": hashlib.sha256(diff).hexdigest() if diff.strip() else None,
        "untracked": len(untracked.splitlines()),
    }


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
