"""Recognises cores that ran out of memory: by the kernel's own counter, or because the same step kills them again.

The out-of-memory killer sends a SIGKILL, like a batch system or a person. A run that asks for too much memory does so
at each attempt, so its end is a failure of the run, with the small budget of failures, and not a loss.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from campaign.folder.outcome import Outcome
from campaign.folder.paths import RunPaths
from campaign.folder.run_record import RecordFormat, attempt_rows, merge_attempts

COUNTER = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)
RECENT_S = 60.0
"""The kernel counts a kill when it sends the signal. A process with much memory needs a while to end."""


class OomWatch:
    """Watches how many processes the kernel's out-of-memory killer has ended in the control group of this process, to
    which its core belongs, or on the whole machine where the group has no counter."""

    def __init__(self, counter: Path | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.counter = counter or _counter_of_this_process()
        self._clock = clock
        self._count = self._read()
        self._rose_at = float("-inf")

    def look(self) -> bool:
        """Whether the counter has risen within the last minute, as far as calls of this method have seen."""
        count = self._read()
        if count > self._count:
            self._rose_at = self._clock()
        self._count = count
        return self._clock() - self._rose_at <= RECENT_S

    def _read(self) -> int:
        return 0 if self.counter is None else _kills(self.counter) or 0


def _counter_of_this_process() -> Path | None:
    """The file with the line `oom_kill N` that counts for this process, the most specific first."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        lines = []
    found = []
    for line in lines:
        _, controllers, group = line.split(":", 2)
        # In a container without a namespace for control groups, the path is the host's, and only the mounted root is
        # seen.
        for path in (group.lstrip("/"), ""):
            if not controllers:
                found.append(Path("/sys/fs/cgroup", path, "memory.events"))
            elif "memory" in controllers.split(","):
                found.append(Path("/sys/fs/cgroup/memory", path, "memory.oom_control"))
    return next((path for path in (*found, Path("/proc/vmstat")) if _kills(path) is not None), None)


def _kills(counter: Path) -> int | None:
    try:
        match = COUNTER.search(counter.read_text())
    except OSError:
        return None
    return int(match[1]) if match else None


def named_when_repeated(
    outcome: Outcome, run: RunPaths, earlier: Iterable[Mapping[str, Any]], record_format: RecordFormat
) -> Outcome:
    """`outcome`, as a failure when it is not the first SIGKILL at its step that campaign did not send.

    The first may come from anywhere and is a loss. `earlier` are the attempts of the run under the same identity, as
    the store keeps them.
    """
    if (outcome.kind, outcome.signal) != ("killed", "SIGKILL"):
        return outcome
    step = _next_step(run, outcome.number, record_format)
    times = 1 + sum(
        _next_step(run, attempt["number"], record_format) == step
        for attempt in earlier
        if attempt["outcome"] and attempt["number"] != outcome.number
        if attempt["outcome"].get("signal") == "SIGKILL"
        and attempt["outcome"].get("kind") in ("killed", "failed")
    )
    if times == 1:
        return outcome
    return replace(
        outcome, kind="failed", reason=f"killed by SIGKILL, {times} times at step {step}: out of memory?"
    )


def _next_step(run: RunPaths, number: int, record_format: RecordFormat) -> int:
    """The step after the last one that an attempt logged."""
    attempt = run.attempt(number)
    rows = merge_attempts([attempt_rows(attempt, record_format)])
    return rows[-1]["step"] + 1 if rows else 0
