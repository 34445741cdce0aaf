"""Processes: who they are, whether they still live, and starting ones that die with us."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

BOUND = str(Path(__file__).with_name("die_with_parent.py"))
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class ProcessStamp:
    """A process, told apart from a later one with the same number."""

    pid: int
    started: int
    """Clock ticks between the machine's start and the process's."""
    host: str
    boot: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: Any) -> ProcessStamp | None:
        """None for anything that is not a stamp: it comes from files that may be torn."""
        try:
            stamp = cls(**document)
        except TypeError:
            return None
        return stamp if isinstance(stamp.pid, int) and isinstance(stamp.started, int) else None


@cache
def machine() -> tuple[str, str]:
    """Name and boot id of this machine; processes of another boot are gone for good."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = ""
    return socket.gethostname(), boot


def stamp(pid: int) -> ProcessStamp:
    host, boot = machine()
    return ProcessStamp(pid, start_tick(pid) or 0, host, boot)


def start_tick(pid: int) -> int | None:
    """When a living process started; None when there is none (a zombie is none: it does nothing any more)."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = line[line.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else int(fields[19])


def process_name(pid: int) -> str:
    """The name of the program that a process executes; "" when there is none."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def is_gone(process: ProcessStamp) -> bool:
    """Whether the process is known to have ended. False also means: it ran elsewhere, nobody here can
    know."""
    host, boot = machine()
    if process.host != host or not boot:
        return False
    if process.boot != boot:
        return True
    return start_tick(process.pid) != process.started


def start_bound(
    command: Sequence[str], *, env: Mapping[str, str], cwd: str, output: IO[bytes] | int
) -> subprocess.Popen[bytes]:
    """Start `command` in our process group, with its output in `output`, killed by the kernel when the
    calling *thread* ends. Raises `OSError` when `cwd` is not there."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", BOUND, str(os.getpid()), *command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=dict(env),
        cwd=cwd,
    )


class Waiter:
    """Waits for a child's end without a busy loop, so that the end is seen at once."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self.child = child
        self._poll = select.poll()
        try:
            self._descriptor: int | None = os.pidfd_open(child.pid)
        except OSError:  # an old kernel, or a sandbox that forbids it
            self._descriptor = None
        else:
            self._poll.register(self._descriptor, select.POLLIN)

    def wait(self, seconds: float) -> int | None:
        """The exit code (negative: the signal), or None when the time is over."""
        if self._descriptor is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.child.wait(seconds)
            return None
        self._poll.poll(max(0.0, seconds) * 1000)
        return self.child.poll()

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def adopt_orphans() -> None:
    """Make processes whose parent died below us our children, so that `kill_marked` finds them."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1)


def kill_marked(mark: bytes) -> int:
    """Kill every process below us whose environment holds `mark` (`NAME=value`); how many there were.

    A core's own children (data loaders, sandboxes) are in no list that we could keep, but they inherit its
    environment.
    """
    found = [pid for pid in descendants(os.getpid()) if mark in _environment(pid)]
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for pid in found:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)  # ours by adoption, or its parent's
    return len(found)


def descendants(pid: int) -> list[int]:
    """Children, grandchildren and so on, parents before their children."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in task.read_text().split()]
    return found + [below for child in found for below in descendants(child)]


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
