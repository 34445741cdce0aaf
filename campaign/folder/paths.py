"""Every path of a campaign and its runs is a property here; nothing joins run directories elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class AttemptPaths:
    """One attempt's folder: only this attempt writes in it."""

    root: Path

    @property
    def number(self) -> int:
        return int(self.root.name)

    @property
    def log(self) -> Path:
        return self.root / "log.txt"

    @property
    def metrics(self) -> Path:
        return self.root / "metrics.jsonl"

    @property
    def emergence(self) -> Path:
        return self.root / "emergence"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def adapter(self) -> Path:
        """The LoRA adapter after the last step, in peft's format."""
        return self.root / "adapter"

    @property
    def started(self) -> Path:
        return self.root / "start.json"

    @property
    def result(self) -> Path:
        return self.root / "result.json"

    @property
    def mirror(self) -> Path:
        """What the W&B mirror is told; it is there when the run is mirrored."""
        return self.root / "wandb.json"

    @property
    def mirror_log(self) -> Path:
        return self.root / "wandb.log"


@dataclass(frozen=True, slots=True)
class RunPaths:
    root: Path

    @property
    def config(self) -> Path:
        return self.root / "config.toml"

    @property
    def fence(self) -> Path:
        return self.root / "FENCE"

    @property
    def cancel(self) -> Path:
        return self.root / "CANCEL"

    @property
    def metrics(self) -> Path:
        return self.root / "metrics.jsonl"

    @property
    def emergence(self) -> Path:
        return self.root / "emergence"

    @property
    def attempts_root(self) -> Path:
        return self.root / "attempts"

    @property
    def superseded(self) -> Path:
        """Attempts under an identity that the run no longer has."""
        return self.root / "superseded"

    def attempt(self, number: int) -> AttemptPaths:
        return AttemptPaths(self.attempts_root / f"{number:04d}")

    def attempts(self) -> list[AttemptPaths]:
        """All attempts that were claimed, oldest first."""
        if not self.attempts_root.is_dir():
            return []
        return [AttemptPaths(path) for path in sorted(self.attempts_root.iterdir()) if path.name.isdigit()]


@dataclass(frozen=True, slots=True)
class CampaignPaths:
    root: Path

    @property
    def spec(self) -> Path:
        return self.root / "campaign.toml"

    @property
    def plan(self) -> Path:
        return self.root / "plan.json"

    @property
    def frozen(self) -> Path:
        """Hypotheses, looks and seeds as declared at the first submit; written once."""
        return self.root / "frozen.json"

    @property
    def database(self) -> Path:
        return self.root / "campaign.db"

    @property
    def lock(self) -> Path:
        return self.root / "LOCK"

    @property
    def stop(self) -> Path:
        return self.root / "STOP"

    @property
    def controller_log(self) -> Path:
        return self.root / "controller.log"

    @property
    def check(self) -> Path:
        return self.root / "check.json"

    @property
    def squeeze(self) -> Path:
        return self.root / "squeeze.json"

    @property
    def squeeze_log(self) -> Path:
        return self.root / "squeeze.log"

    @property
    def report(self) -> Path:
        return self.root / "report"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    def run(self, run_id: str) -> RunPaths:
        return RunPaths(self.runs / run_id)
