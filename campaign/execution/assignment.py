"""What the supervisor of one attempt has to do: a plain value that crosses process boundaries, as a pickle or as
JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from campaign.folder.paths import METRICS_FILE


@dataclass(frozen=True, slots=True)
class Assignment:
    """One attempt of one run. Every path in it is absolute, because a worker has its own working directory."""

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
    """Holds the latest epoch whose attempts must stop."""
    checkpoint: str = ""
    first_step: int = 0
    """The step that follows the checkpoint."""
    metrics_file: str = METRICS_FILE
    """The core's log, relative to the attempt's folder."""
    note: str = ""
    """What the log and `start.json` of the attempt say about its beginning, such as a checkpoint that is not used."""
    beat_s: float = 0.5
    grace_s: float = 10.0
    lease_s: float = 20.0
    sinks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Content of the settings file of each metrics sink that the run uses, by name."""

    refused: str = ""
    """Why the attempt must fail without starting its core; empty when it may start."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Path -> SHA-256 of source files that must not have changed when the core starts."""
    provenance: str = ""
    """Id of the provenance (see `campaign.folder.run_code`) of the submit that executes the attempt."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Assignment:
        return cls(**{**document, "command": tuple(document["command"])})
