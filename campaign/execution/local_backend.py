"""Attempts as processes of this machine, without Ray: for tests, and wherever Ray is too much."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from campaign.execution.assignment import Assignment
from campaign.execution.backend import AttemptKey, Capacity, Ended
from campaign.execution.process import dying_with_parent
from campaign.folder.outcome import Outcome
from campaign.spec.config import ResourcesSection

POLL_S = 0.02


@dataclass(slots=True)
class _Live:
    process: subprocess.Popen[bytes]
    output: IO[bytes]
    resources: ResourcesSection
    devices: tuple[str, ...]


class LocalBackend:
    """`cpus` cores and the given GPU `devices`; each attempt's supervisor is a process that dies with us."""

    name = "local"

    def __init__(self, cpus: float | None = None, devices: Sequence[str] = ()) -> None:
        self._cpus = cpus or float(len(os.sched_getaffinity(0)))
        self._free = deque(devices)
        self._gpus = float(len(devices))
        self._live: dict[AttemptKey, _Live] = {}
        self._queue: deque[tuple[Assignment, ResourcesSection]] = deque()

    def start(self) -> None:
        """Nothing to start."""

    def capacity(self) -> Capacity:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        return Capacity(self._cpus, self._gpus, memory)

    def launch(self, assignment: Assignment, resources: ResourcesSection) -> None:
        self._queue.append((assignment, resources))
        self._start_waiting()

    def wait(self, seconds: float) -> list[Ended]:
        deadline = time.monotonic() + seconds
        while True:
            ended = [
                self._reap(key) for key, live in list(self._live.items()) if live.process.poll() is not None
            ]
            self._start_waiting()
            if ended or time.monotonic() >= deadline:
                return ended
            time.sleep(POLL_S)

    def problem(self) -> str:
        return ""

    def abandon(self, key: AttemptKey) -> None:
        self._queue = deque(item for item in self._queue if AttemptKey(item[0].run_id, item[0].number) != key)
        if key in self._live:
            self._live[key].process.kill()
            self._reap(key)

    def close(self) -> None:
        self._queue.clear()
        for live in self._live.values():
            live.process.kill()
        for key in list(self._live):
            self._reap(key)

    def supervisors(self) -> dict[AttemptKey, int]:
        """Process ids of the live supervisors."""
        return {key: live.process.pid for key, live in self._live.items()}

    def _start_waiting(self) -> None:
        """In order: a large run at the head of the queue is never overtaken for ever by small ones."""
        while self._queue:
            assignment, resources = self._queue[0]
            room = self.capacity()
            for live in self._live.values():
                room -= live.resources
            if not room.holds(resources):
                return
            self._queue.popleft()
            self._start(assignment, resources)

    def _start(self, assignment: Assignment, resources: ResourcesSection) -> None:
        devices = tuple(self._free.popleft() for _ in range(int(resources.num_gpus)))
        output = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        process = subprocess.Popen(
            dying_with_parent([sys.executable, "-m", "campaign.execution.supervisor"]),
            stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert process.stdin is not None
        document = {"assignment": assignment.to_json(), "devices": ",".join(devices)}
        with process.stdin as pipe:
            pipe.write(json.dumps(document).encode())
        key = AttemptKey(assignment.run_id, assignment.number)
        self._live[key] = _Live(process, output, resources, devices)

    def _reap(self, key: AttemptKey) -> Ended:
        live = self._live.pop(key)
        code = live.process.wait()
        self._free.extend(live.devices)
        live.output.seek(0)
        lines = live.output.read().decode("utf-8", "replace").strip().splitlines()
        live.output.close()
        try:
            return Ended(key, Outcome.from_json(json.loads(lines[-1])))
        except (IndexError, ValueError, TypeError):
            return Ended(key, None, f"supervisor ended with {code}: {lines[-1] if lines else 'no output'}")
