"""Where attempts are executed. One contract, held by a test suite that runs against every backend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from campaign.errors import Infeasible
from campaign.execution.assignment import Assignment
from campaign.folder.outcome import Outcome
from campaign.spec.config import ResourcesSection

GIB = 2**30


@dataclass(frozen=True, slots=True)
class AttemptKey:
    run_id: str
    number: int


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt that the backend no longer executes. Without an outcome its fate is unknown: its files, or
    its lease, will say."""

    key: AttemptKey
    outcome: Outcome | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What all of the backend's machines offer together."""

    cpus: float
    gpus: float
    memory_gb: float

    def __sub__(self, used: ResourcesSection) -> Capacity:
        return Capacity(self.cpus - used.num_cpus, self.gpus - used.num_gpus, self.memory_gb - used.memory_gb)

    @property
    def overdrawn(self) -> bool:
        """Whether more is asked for than there is."""
        return min(self.cpus, self.gpus, self.memory_gb) < -1e-6

    def holds(self, wanted: ResourcesSection) -> bool:
        room = (
            (self.cpus, wanted.num_cpus),
            (self.gpus, wanted.num_gpus),
            (self.memory_gb, wanted.memory_gb),
        )
        return all(need <= 0 or have + 1e-6 >= need for have, need in room)


class Backend(Protocol):
    """Executes attempts. Started once, used from one thread, closed once."""

    name: str

    def start(self) -> None:
        """Raises `Infeasible` when there is nothing to execute on."""

    def capacity(self) -> Capacity: ...

    def launch(self, assignment: Assignment, resources: ResourcesSection) -> None:
        """Execute `supervise(assignment)` as soon as there is room; returns at once."""

    def wait(self, seconds: float) -> Sequence[Ended]:
        """The attempts that ended since the last call, waiting at most so long for the first."""

    def problem(self) -> str:
        """Why nothing more can be expected of this backend; "" while all is well."""

    def abandon(self, key: AttemptKey) -> None:
        """End an attempt that nobody waits for any more; it is never reported as ended."""

    def close(self) -> None:
        """End everything that is still executed, at once."""


def require_feasible(capacity: Capacity, wanted: ResourcesSection, whose: str) -> None:
    """Raises `Infeasible` with the arithmetic: what cannot be placed would wait for ever without an error."""
    if capacity.holds(wanted):
        return
    needs = [
        (wanted.num_cpus, capacity.cpus, "CPU cores", "num_cpus"),
        (wanted.num_gpus, capacity.gpus, "GPUs", "num_gpus"),
        (wanted.memory_gb, capacity.memory_gb, "GiB of memory", "memory_gb"),
    ]
    short = [
        f"{need:g} {unit} (resources.{key}) of {have:g}" for need, have, unit, key in needs if need > have
    ]
    raise Infeasible(
        f"{whose} can never start: it wants {', '.join(short)} that this machine or cluster offers"
    )
