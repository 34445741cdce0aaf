"""What a campaign will do: one entry for each run, with an action and a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from campaign.folder.states import RunState
from campaign.spec.config import RunConfig

Action = Literal["run", "skip", "retry", "resume", "stale"]
"""run: first attempt. skip: done, nothing to do. retry: failed or cancelled before, starts over or goes on.
resume: interrupted, goes on from its last checkpoint. stale: done, but under another identity; left alone
unless the user says otherwise."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is already known of one run."""

    state: RunState
    identity: str
    identity_fields: Mapping[str, Any]
    """The classified fields the identity was computed from, so that a change can be named."""
    attempts: int = 0
    last_step: int | None = None
    checkpoint: str | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """The world as far as planning needs it; `resolve(spec, facts)` reads nothing else."""

    runs: Mapping[str, RunFacts] = field(default_factory=dict)
    step_seconds: Mapping[str, float] = field(default_factory=dict)
    """Measured seconds a step, by condition label."""
    run_ends: float | None = None
    cpus: float = 1.0
    gpus: float = 0.0
    missing_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """A named variant of the base configuration."""

    label: str
    overrides: Mapping[str, Any]
    """Dotted path -> value: what differs from the base."""
    config: RunConfig
    """Resolved, without a seed."""


@dataclass(frozen=True, slots=True)
class PlannedRun:
    condition: Condition
    seed: int
    identity: str
    action: Action
    reason: str

    @property
    def id(self) -> str:
        return f"{self.condition.label}_s{self.seed}"

    @property
    def config(self) -> RunConfig:
        """The run's own configuration. Built on demand: ten thousand of them would not fit in memory."""
        condition = self.condition.config
        training = condition.training.model_copy(update={"seed": self.seed})
        return condition.model_copy(update={"training": training})


@dataclass(frozen=True, slots=True)
class Plan:
    name: str
    conditions: tuple[Condition, ...]
    seeds: tuple[int, ...]
    runs: tuple[PlannedRun, ...]
    under_test: tuple[str, ...]
    """Dotted paths in which conditions may differ."""
    notes: tuple[str, ...] = ()
    """What the user should know before spending anything."""
    on_failure: Literal["continue", "stop"] | int = "continue"
    """What a run that fails for good does to the others: nothing, stop, or stop at this many."""
    looks: tuple[int, ...] = ()
    """Numbers of seeds at which results are tested, declared before the first run."""
    hypotheses: tuple[Mapping[str, Any], ...] = ()
    """The `[[hypotheses]]` tables as declared."""
