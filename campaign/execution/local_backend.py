"""The backend `local`: attempts as processes of this machine, without Ray. For a quick look, and for tests."""

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
from pathlib import Path
from typing import IO

from campaign.execution.assignment import Assignment
from campaign.execution.backend import AttemptKey, Capacity, Ended
from campaign.execution.process import dying_with_parent
from campaign.folder.outcome import Outcome
from campaign.spec.config import ResourcesSection, RunConfig
from campaign.spec.host import visible_gpus

POLL_S = 0.02
SUPERVISOR = (
    sys.executable, "-P", "-c",
    f"import sys; sys.path.append({str(Path(__file__).parents[2])!r}); "
    "from campaign.execution.supervisor import main; main()",
)  # fmt: skip
"""The command of a supervisor. `python -m` would search the current folder first, where a module of the user's may
be called `campaign`, or like one of the standard library. `-P` does not, so this package's folder is named for the
case that it is found only there."""
ROUNDING = 1e-6
"""Shares of a GPU such as 0.3 + 0.3 + 0.4 do not add up to exactly 1."""


def create(config: RunConfig) -> LocalBackend:
    """All of this machine that the process may use, unless `[ray]` limits it."""
    devices = visible_gpus()
    if config.ray.num_gpus is not None:
        devices = (devices + [str(n) for n in range(len(devices), config.ray.num_gpus)])[
            : config.ray.num_gpus
        ]
    return LocalBackend(config.ray.num_cpus, devices)


@dataclass(slots=True)
class _Live:
    process: subprocess.Popen[bytes]
    output: IO[bytes]
    resources: ResourcesSection
    devices: tuple[str, ...]


class LocalBackend:
    """`cpus` cores and the given GPU `devices`. Each attempt's supervisor is a child that is killed when this process
    dies."""

    name = "local"

    def __init__(self, cpus: float | None = None, devices: Sequence[str] = ()) -> None:
        self._cpus = cpus or float(len(os.sched_getaffinity(0)))
        self._free = dict.fromkeys(devices, 1.0)
        """GPU -> the share of it that no run uses."""
        self._live: dict[AttemptKey, _Live] = {}
        self._queue: deque[tuple[Assignment, ResourcesSection]] = deque()

    def start(self) -> None:
        """Nothing to start."""

    def capacity(self) -> Capacity:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        return Capacity(self._cpus, float(len(self._free)), memory)

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
        """Start queued attempts in order. A large run at the head blocks the queue, or small ones would starve it."""
        while self._queue:
            assignment, resources = self._queue[0]
            left = self.capacity()
            for live in self._live.values():
                left -= live.resources
            devices = self._devices_for(resources.num_gpus)
            if devices is None or not left.holds(resources):
                return
            self._queue.popleft()
            self._start(assignment, resources, devices)

    def _devices_for(self, num_gpus: float) -> tuple[str, ...] | None:
        """Free devices for one run; None when there are too few. A share goes to the device with the smallest free
        share, so that whole devices stay free for the runs that need them."""
        if not num_gpus:
            return ()
        share, count = min(1.0, num_gpus), max(1, int(num_gpus))
        fitting = [device for device, free in self._free.items() if free + ROUNDING >= share]
        chosen = tuple(sorted(fitting, key=self._free.__getitem__)[:count])
        return chosen if len(chosen) == count else None

    def _start(self, assignment: Assignment, resources: ResourcesSection, devices: tuple[str, ...]) -> None:
        output = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process has ended
        process = subprocess.Popen(
            dying_with_parent(SUPERVISOR),
            stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert process.stdin is not None
        document = {"assignment": assignment.to_json(), "devices": ",".join(devices)}
        with process.stdin as pipe:
            pipe.write(json.dumps(document).encode())
        key = AttemptKey(assignment.run_id, assignment.number)
        self._live[key] = _Live(process, output, resources, devices)
        for device in devices:
            self._free[device] -= min(1.0, resources.num_gpus)

    def _reap(self, key: AttemptKey) -> Ended:
        live = self._live.pop(key)
        code = live.process.wait()
        for device in live.devices:
            self._free[device] += min(1.0, live.resources.num_gpus)
        live.output.seek(0)
        lines = live.output.read().decode("utf-8", "replace").strip().splitlines()
        live.output.close()
        try:
            return Ended(key, Outcome.from_json(json.loads(lines[-1])))
        except (IndexError, ValueError, TypeError):
            return Ended(key, None, f"supervisor ended with {code}: {lines[-1] if lines else 'no output'}")
