"""Ends the processes that attempts have left behind on this machine.

A supervisor ends what its core leaves behind. When the supervisor itself is killed, the kernel ends the core, and with
it nothing that the core has started in a session of its own. All of these processes have inherited the core's
environment, which names the attempt and the supervisor.

A process is ended only if it belongs to this user, if its environment names an attempt in the given folder (the folder
itself, not one of the same name in another container), and if the supervisor that it names has ended. No result of
such a process can be accepted any more.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from campaign.execution.process import ProcessStamp, environment, is_gone, process_name, stamp
from campaign.folder.paths import AttemptPaths, RunPaths

SUPERVISOR_MARK = "CAMPAIGN_SUPERVISOR"
ATTEMPT_MARK = "CAMPAIGN_RUN_DIR"
ROUNDS = 3
"""A process may have started another one between the look and its end."""
PATIENCE_S = 5.0
"""For the ends of the processes, which have got SIGKILL."""


def supervisor_mark() -> str:
    """The value of `CAMPAIGN_SUPERVISOR` for a core that this process supervises."""
    return json.dumps(stamp(os.getpid()).to_json())


def end_orphans(folder: Path) -> int:
    """Kill what dead supervisors have left of the attempts in `folder`, a campaign's or a run's. Returns how many
    processes these were; the log of each attempt names them."""
    ended = 0
    for _ in range(ROUNDS):
        found = [(pid, attempt) for pid in _own_processes() if (attempt := _orphan_of(pid, folder))]
        ended += sum(_end(pid, folder, attempt) for pid, attempt in found)
        if not found:
            break
    return ended


def _own_processes() -> Iterator[int]:
    for path in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if path.name.isdigit() and int(path.name) != os.getpid() and path.stat().st_uid == os.geteuid():
                yield int(path.name)


def _orphan_of(pid: int, folder: Path) -> AttemptPaths | None:
    """The attempt in `folder` that has left this process behind."""
    variables = environment(pid)
    if ATTEMPT_MARK not in variables or SUPERVISOR_MARK not in variables:
        return None
    try:
        supervisor = ProcessStamp.from_json(json.loads(variables[SUPERVISOR_MARK]))
    except ValueError:
        return None
    run = RunPaths(Path(variables[ATTEMPT_MARK]).parent.parent)
    if supervisor is None or not is_gone(supervisor):
        return None
    inside = any(_is_same_folder(pid, path, folder) for path in (run.root, run.campaign.root))
    return AttemptPaths(Path(variables[ATTEMPT_MARK])) if inside else None


def _is_same_folder(pid: int, path: Path, folder: Path) -> bool:
    """Whether `path`, as that process sees it, is `folder`. A container may have another folder of the same name."""
    try:
        return os.path.samefile(f"/proc/{pid}/root{path}", folder)
    except OSError:
        return False


def _end(pid: int, folder: Path, attempt: AttemptPaths) -> bool:
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:  # it has ended meanwhile; or a kernel before 5.3, where nothing is safe from a reused id
        return False
    try:
        # Looked at again: from here on, the descriptor stands for the process that is looked at, or for none.
        if not _orphan_of(pid, folder):
            return False
        name = process_name(pid)
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        _wait_for(descriptor)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    _note(attempt, f"ended process {pid} ({name}), which this attempt had left behind")
    return True


def _wait_for(descriptor: int) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    deadline = time.monotonic() + PATIENCE_S
    while not poll.poll(100) and time.monotonic() < deadline:
        pass


def _note(attempt: AttemptPaths, message: str) -> None:
    with contextlib.suppress(OSError):
        # A core may have put anything in the place of its log; opening a FIFO would block.
        if attempt.log.is_file():
            with attempt.log.open("a", encoding="utf-8") as log:
                log.write(f"[campaign] {message}\n")
