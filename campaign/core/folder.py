"""Every path that a core reads or writes in its run folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one attempt at a run."""

    root: Path

    @property
    def metrics(self) -> Path:
        return self.root / "metrics.jsonl"

    @property
    def emergence_steps(self) -> Path:
        return self.root / "emergence" / "steps.jsonl"

    @property
    def emergence_generations(self) -> Path:
        return self.root / "emergence" / "generations.jsonl"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    def checkpoint(self, finished_steps: int) -> Path:
        return self.checkpoints / f"step_{finished_steps:06d}"

    @property
    def adapter(self) -> Path:
        """The trained adapter, in peft's format."""
        return self.root / "adapter"

    @property
    def model(self) -> Path:
        """The trained model, in Hugging Face format, when all of it was trained."""
        return self.root / "model"
