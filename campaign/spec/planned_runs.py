"""A plan: what campaign will do with each run, and what is known of the runs before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from campaign.folder.states import RunState
from campaign.spec.config import RunConfig

Action = Literal["run", "skip", "retry", "resume", "stale"]
"""run: start it for the first time. skip: leave it, it is done or running. retry: it failed or is short; leave it unless
the user decides otherwise. resume: it was interrupted or cancelled; resume it, from its last checkpoint if there is one.
stale: it is done or running under another identity; leave it unless the user decides otherwise."""


def starts(action: Action, *, retry_failed: bool = False, rerun_stale: bool = False) -> bool:
    """Whether a submit starts a run with this action. `plan` and `submit` both ask here, so they give one answer."""
    return (
        action in ("run", "resume")
        or (action == "retry" and retry_failed)
        or (action == "stale" and rerun_stale)
    )


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is recorded of one run."""

    state: RunState
    identity: str
    identity_fields: Mapping[str, Any]
    """The fields that the identity was computed from, so that the plan can name the one that changed."""
    attempts: int = 0
    last_step: int | None = None
    checkpoint: str | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything outside the spec that `resolve(spec, facts)` depends on."""

    runs: Mapping[str, RunFacts] = field(default_factory=dict)
    step_seconds: Mapping[str, float] = field(default_factory=dict)
    """Measured seconds per step, by condition label."""
    cpus: float = 1.0
    gpus: float = 0.0


@dataclass(frozen=True, slots=True)
class Condition:
    """A named variant of the base configuration."""

    label: str
    overrides: Mapping[str, Any]
    """Dotted path -> value of the fields that the condition sets."""
    config: RunConfig
    """The resolved configuration; the seed is set for each run."""


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
        """The configuration of this run. Built on demand, because those of ten thousand runs would not fit in memory."""
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
    """What the user should know before spending compute."""
    caveats: tuple[str, ...] = ()
    """Those of the notes that a reader of the results must know too: what conditions do not do, although they seem to."""
    on_failure: Literal["continue", "stop"] | int = "continue"
    """What happens when runs have failed and no retries are left: continue, stop at the first, or stop at this many."""
    looks: tuple[int, ...] = ()
    """Numbers of seeds at which results are tested; declared before the first run."""
    hypotheses: tuple[Mapping[str, Any], ...] = ()
    """The `[[hypotheses]]` tables as declared."""
    headline_metric: str | None = None
    """The metric that tables show; None to take that of the first hypothesis."""
