"""Processes: their identity, whether they are alive, and children that die with their parent.

This module reads `/proc` itself. psutil's public `create_time()` adds the boot time as the system clock has it
now, so a clock that was set in between makes a live process look like another one; and importing it would add
25 ms to the start of every supervisor.
"""

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
from typing import IO, Any, NamedTuple

DIE_WITH_PARENT = str(Path(__file__).with_name("die_with_parent.py"))
PR_SET_CHILD_SUBREAPER = 36


class Host(NamedTuple):
    """A machine, between two of its boots."""

    name: str
    boot: str
    """Empty where the kernel does not say."""
    pids: int
    """The namespace that process ids are counted in; 0 where the kernel does not say. A container has its own."""


@dataclass(frozen=True, slots=True)
class ProcessStamp:
    """The identity of a process. The start time distinguishes it from a later process with the same id."""

    pid: int
    started: int
    """Clock ticks from the boot of the machine to the start of the process. Ticks, unlike times of day, never
    change when the clock is set."""
    host: str
    boot: str
    pids: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: Any) -> ProcessStamp | None:
        """None for anything that is not a stamp, because stamps are read from files that may be damaged."""
        try:
            stamp = cls(**document)
        except TypeError:
            return None
        return stamp if isinstance(stamp.pid, int) and isinstance(stamp.started, int) else None


@cache
def this_host() -> Host:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = ""
    try:
        pids = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        pids = 0
    return Host(socket.gethostname(), boot, pids)


def stamp(pid: int) -> ProcessStamp:
    return ProcessStamp(pid, start_tick(pid) or 0, *this_host())


def start_tick(pid: int) -> int | None:
    """When a live process started; None when there is none. A zombie counts as none: it can do nothing more."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The second field is the program's name in parentheses, and the name may contain spaces and parentheses.
    # After the last ")" come the state (field 3 of proc(5)) and, nineteen later, the start time (field 22).
    fields = line[line.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else int(fields[19])


def process_name(pid: int) -> str:
    """Name of the program that a process executes; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def is_gone(process: ProcessStamp) -> bool:
    """Whether the process is known to have ended. False also when it ran on another host or in another container,
    where this one cannot look: a wrong True would start a second attempt beside a live one, a wrong False only waits for the lease."""
    host = this_host()
    if process.host != host.name or not host.boot:
        return False
    if process.boot != host.boot:
        return True
    if process.pids != host.pids:
        return False
    return start_tick(process.pid) != process.started


def dying_with_parent(command: Sequence[str]) -> list[str]:
    """The argument vector that executes `command` so that the kernel kills it when the calling *thread* ends.

    `-I -S` skips the user's environment and `site`: the wrapper needs neither, and every core pays for it.
    """
    return [sys.executable, "-I", "-S", DIE_WITH_PARENT, str(os.getpid()), *command]


def start_child(
    command: Sequence[str], *, env: Mapping[str, str], cwd: str, output: IO[bytes] | int
) -> subprocess.Popen[bytes]:
    """Start `command` so that it dies with the calling thread, with its output in `output`.

    Raises `OSError` when `cwd` does not exist.
    """
    return subprocess.Popen(
        dying_with_parent(command),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=dict(env),
        cwd=cwd,
    )


class Waiter:
    """Waits for the end of a child without polling, so that the end is seen immediately."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self.child = child
        self._poll = select.poll()
        try:
            self._descriptor: int | None = os.pidfd_open(child.pid)
        except OSError:  # a kernel before 5.3, or a sandbox that forbids the call
            self._descriptor = None
        else:
            self._poll.register(self._descriptor, select.POLLIN)

    def wait(self, seconds: float) -> int | None:
        """The exit code (negative: the signal), or None when the child is still alive after `seconds`."""
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
    """Make descendants whose parent has died children of this process, so that `kill_marked` finds them."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1)


def kill_marked(name: str, value: str) -> int:
    """Kill every descendant that has the variable `name` with this value in its environment. Returns how many there
    were.

    A core starts data loaders and sandboxes that cannot be listed in advance, but all of them inherit its
    environment. The mark also spares descendants of this process that belong to other attempts.
    """
    killed: set[int] = set()
    # Until there are none: a process may have started another one between the look and its end.
    while found := {pid for pid in descendants(os.getpid()) if environment(pid).get(name) == value} - killed:
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in found:
            # Orphans are children of this process by adoption and would remain zombies. A process whose parent is
            # still alive is not its child: its parent reaps it.
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        killed |= found
    return len(killed)


def descendants(pid: int) -> list[int]:
    """Children, grandchildren and so on, parents before their children."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in task.read_text().split()]
    return found + [below for child in found for below in descendants(child)]


def environment(pid: int) -> dict[str, str]:
    """The environment that a process was started with; empty when there is no such process, or it may not be read."""
    try:
        content = os.fsdecode(Path(f"/proc/{pid}/environ").read_bytes())
    except OSError:
        return {}
    return {name: value for name, _, value in (line.partition("=") for line in content.split("\0")) if name}
