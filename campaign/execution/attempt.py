"""What a supervisor is told about one attempt, and what it says about its end.

Both are plain values that cross process boundaries: they pickle, and they are JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

OutcomeKind = Literal["finished", "failed", "killed", "stopped", "fenced", "blind", "duplicate"]
"""finished: the core exited with 0. failed: it ended by itself, with another code or by a signal. killed:
from outside, by SIGKILL or after somebody else's SIGTERM. stopped: we asked it to. fenced: a later attempt
owns the run. blind: the campaign's folder could not be read, so the attempt ended itself. duplicate: somebody
else has claimed this attempt."""

CHECKPOINTED = 75
"""Exit code of a core that was asked to stop and saved its state (EX_TEMPFAIL)."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """One attempt of one run, as a supervisor gets it."""

    run_id: str
    run_folder: str
    number: int
    epoch: int
    condition: str
    seed: int
    command: tuple[str, ...]
    """Argument vector of the core, placeholders filled in."""
    workdir: str
    env: Mapping[str, str] = field(default_factory=dict)
    stop_file: str = ""
    """Holds the last epoch whose attempts shall stop."""
    checkpoint: str = ""
    first_step: int = 0
    """The step the checkpoint goes on with."""
    beat_s: float = 0.5
    grace_s: float = 10.0
    lease_s: float = 20.0
    mirror: Mapping[str, Any] | None = None
    """Content of `wandb.json`; no W&B without one."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Assignment:
        return cls(**{**document, "command": tuple(document["command"])})


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt ended. What it means for the run is decided by the controller."""

    kind: OutcomeKind
    number: int
    exit_code: int | None = None
    signal: str = ""
    seconds: float = 0.0
    reason: str = ""
    log_tail: tuple[str, ...] = ()
    traceback: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Outcome:
        known = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        return cls(**{**known, "log_tail": tuple(known.get("log_tail", ()))})

    @property
    def message(self) -> str:
        """The end in one line, for a table or a log."""
        if self.traceback:
            return self.traceback.strip().splitlines()[-1]
        if self.reason:
            return self.reason
        last = next((line for line in reversed(self.log_tail) if line.strip()), "")
        if self.signal:
            return f"ended by {self.signal}" + (f": {last}" if last else "")
        if self.exit_code:
            return f"exit code {self.exit_code}" + (f": {last}" if last else "")
        return self.kind
