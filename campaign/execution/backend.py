"""Backends execute attempts. Every backend keeps one contract, which `tests/execution/test_backends.py` checks.

To add one: a module with a function `create(config) -> Backend`, a row in `BACKENDS`, and its name in `BackendName` of
`campaign.spec.config`. The contract's tests take the backends from `BACKENDS`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from campaign.errors import Infeasible, UsageError
from campaign.execution.assignment import Assignment
from campaign.folder.outcome import Outcome
from campaign.spec.config import BackendName, ResourcesSection, RunConfig

GIB = 2**30
BACKENDS: Mapping[BackendName, str] = {
    "ray": "campaign.execution.ray_backend",
    "local": "campaign.execution.local_backend",
}
"""Name -> the module whose `create` makes the backend. It is imported when the backend is chosen, so that a campaign
on the local backend needs no Ray."""


@dataclass(frozen=True, slots=True)
class AttemptKey:
    run_id: str
    number: int


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt that the backend no longer executes. Without an outcome its fate is unknown: the controller decides
    by the attempt's files, or by the end of its lease."""

    key: AttemptKey
    outcome: Outcome | None
    detail: str = ""
    """What the backend knows about the end of an attempt without an outcome."""
    out_of_memory: bool = False
    """Whether the backend ended it because the machine ran out of memory."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """The total that the backend's machines offer."""

    cpus: float
    gpus: float
    memory_gb: float

    def __sub__(self, used: ResourcesSection) -> Capacity:
        return Capacity(self.cpus - used.num_cpus, self.gpus - used.num_gpus, self.memory_gb - used.memory_gb)

    @property
    def overdrawn(self) -> bool:
        """Whether more is used than offered."""
        return min(self.cpus, self.gpus, self.memory_gb) < -1e-6

    def holds(self, required: ResourcesSection) -> bool:
        """Whether one run with these resources fits."""
        pairs = (
            (self.cpus, required.num_cpus),
            (self.gpus, required.num_gpus),
            (self.memory_gb, required.memory_gb),
        )
        # A sum of fractions such as 0.3 + 0.3 + 0.4 is not exactly 1: a tolerance keeps the last one from waiting.
        return all(need <= 0 or have + 1e-6 >= need for have, need in pairs)


class Backend(Protocol):
    """Executes attempts. Started once, used from one thread, closed once."""

    name: str

    def start(self) -> None:
        """Raises `Infeasible` when there is nothing to execute on."""

    def capacity(self) -> Capacity: ...

    def launch(self, assignment: Assignment, resources: ResourcesSection) -> None:
        """Execute `supervise(assignment)` as soon as its resources are free; returns immediately."""

    def wait(self, seconds: float) -> Sequence[Ended]:
        """The attempts that ended since the last call; waits at most `seconds` for the first."""

    def problem(self) -> str:
        """Why this backend can execute nothing more; "" while it can."""

    def abandon(self, key: AttemptKey) -> None:
        """Kill an attempt that was given up; `wait` never reports it."""

    def close(self) -> None:
        """Kill everything that is still executed."""


def require_backend(name: str) -> BackendName:
    """`name`, when there is such a backend. Raises `UsageError`, with the legal names, otherwise."""
    for legal in BACKENDS:
        if name == legal:
            return legal
    raise UsageError(f"there is no backend {name!r}; legal: {', '.join(BACKENDS)}")


def create_backend(name: BackendName, config: RunConfig) -> Backend:
    """The backend of this name, not yet started. `config` is the configuration of any run of the campaign."""
    backend: Backend = import_module(BACKENDS[name]).create(config)
    return backend


def require_feasible(capacity: Capacity, required: ResourcesSection, run: str) -> None:
    """Raises `Infeasible` with the arithmetic: a run that can never be placed would wait forever without an error."""
    if capacity.holds(required):
        return
    needs = [
        (required.num_cpus, capacity.cpus, "CPU cores", "num_cpus"),
        (required.num_gpus, capacity.gpus, "GPUs", "num_gpus"),
        (required.memory_gb, capacity.memory_gb, "GiB of memory", "memory_gb"),
    ]
    short = [
        f"{need:g} {unit} (resources.{key}; available: {have:g})"
        for need, have, unit, key in needs
        if need > have
    ]
    raise Infeasible(f"{run} can never start on this machine or cluster: it needs {', '.join(short)}")
