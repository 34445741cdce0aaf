"""Every path inside a campaign's folder: of the campaign, its runs, their attempts and its report.

No other module joins these paths; `tests/folder/test_paths.py` looks for joins elsewhere.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from campaign.folder.regular_files import DamagedFile, is_file_error

METRICS_FILE = "metrics.jsonl"
ATTEMPT_NAME = re.compile(r"[0-9]{4,9}")
CHECKPOINT_NAME = re.compile(r"step_([0-9]{1,12})(\.\w+)?")
"""Name of a complete checkpoint, with the number of finished steps. Built-in cores write folders, others may
write a file with a suffix."""


@dataclass(frozen=True, slots=True)
class RecordPaths:
    """A folder with a record: an attempt's own, or a run's, merged over its attempts."""

    root: Path

    @property
    def metrics(self) -> Path:
        return self.root / METRICS_FILE

    @property
    def emergence(self) -> Path:
        return self.root / "emergence"

    @property
    def emergence_steps(self) -> Path:
        """Counts of each step: one row per step."""
        return self.emergence / "steps.jsonl"

    @property
    def emergence_generations(self) -> Path:
        """Sampled completions: any number of rows per step."""
        return self.emergence / "generations.jsonl"


@dataclass(frozen=True, slots=True)
class AttemptPaths(RecordPaths):
    """The folder of one attempt, which only this attempt writes to."""

    @property
    def number(self) -> int:
        return int(self.root.name)

    @property
    def log(self) -> Path:
        return self.root / "log.txt"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    def checkpoint(self, finished_steps: int) -> Path:
        return self.checkpoints / f"step_{finished_steps:06d}"

    @property
    def adapter(self) -> Path:
        """The trained LoRA adapter, in peft's format."""
        return self.root / "adapter"

    @property
    def model(self) -> Path:
        """The trained model, in Hugging Face format, when all of its parameters were trained."""
        return self.root / "model"

    @property
    def model_source(self) -> Path:
        """The commit that a hub model was resolved to."""
        return self.root / "model_source.json"

    @property
    def started(self) -> Path:
        return self.root / "start.json"

    @property
    def result(self) -> Path:
        return self.root / "result.json"

    def sink_settings(self, sink: str) -> Path:
        """Settings of a metrics sink; present only when the run uses it."""
        return self.root / f"{sink}.json"

    def sink_log(self, sink: str) -> Path:
        return self.root / f"{sink}.log"


@dataclass(frozen=True, slots=True)
class RunPaths(RecordPaths):
    """The folder of one run."""

    @property
    def config(self) -> Path:
        return self.root / "config.toml"

    @property
    def completeness(self) -> Path:
        """Whether the merged record is complete, and if not, why."""
        return self.root / "record.json"

    @property
    def fence(self) -> Path:
        return self.root / "FENCE"

    @property
    def cancel(self) -> Path:
        return self.root / "CANCEL"

    @property
    def attempts_root(self) -> Path:
        return self.root / "attempts"

    @property
    def superseded(self) -> Path:
        """Attempts made under an identity that the run no longer has."""
        return self.root / "superseded"

    @property
    def executed_again(self) -> Path:
        """Exists when the run was done and its folder was deleted, so that it was executed a second time."""
        return self.root / "executed_again.json"

    def superseded_records(self) -> list[Path]:
        """The records of runs that had ended before their settings were changed."""
        return [path for path in self.superseded.glob(f"*/{METRICS_FILE}") if path.is_file()]

    @property
    def campaign(self) -> CampaignPaths:
        """The campaign this run belongs to, if it belongs to one."""
        return CampaignPaths(Path(os.path.abspath(self.root)).parent.parent)

    def attempt(self, number: int) -> AttemptPaths:
        return AttemptPaths(self.attempts_root / f"{number:04d}")

    def attempts(self) -> list[AttemptPaths]:
        """All claimed attempts, oldest first. Raises `DamagedFile` when their folder cannot be read."""
        try:
            names = os.listdir(self.attempts_root)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            if not is_file_error(error):
                raise
            raise DamagedFile(f"{self.attempts_root} cannot be read: {error.strerror}") from None
        return [
            self.attempt(number)
            for number in sorted(int(name) for name in names if ATTEMPT_NAME.fullmatch(name))
        ]


@dataclass(frozen=True, slots=True)
class ReportPaths:
    """The folder of a report."""

    root: Path

    @property
    def page(self) -> Path:
        return self.root / "index.html"

    @property
    def markdown(self) -> Path:
        return self.root / "report.md"

    @property
    def document(self) -> Path:
        return self.root / "report.json"

    @property
    def figures(self) -> Path:
        return self.root / "figures"


@dataclass(frozen=True, slots=True)
class ExportPaths:
    """The folder of an export for a paper."""

    root: Path

    @property
    def runs(self) -> Path:
        """Final values: one row per run."""
        return self.root / "runs.csv"

    @property
    def metrics(self) -> Path:
        """Learning curves: one row per run and step."""
        return self.root / "metrics.csv"

    @property
    def conditions(self) -> Path:
        return self.root / "conditions.tex"

    @property
    def verdicts(self) -> Path:
        return self.root / "verdicts.tex"

    @property
    def citation(self) -> Path:
        return self.root / "citation.bib"

    @property
    def figures(self) -> Path:
        return self.root / "figures"


@dataclass(frozen=True, slots=True)
class CampaignPaths:
    """The folder of one campaign."""

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
    def report(self) -> ReportPaths:
        return ReportPaths(self.root / "report")

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    def run(self, run_id: str) -> RunPaths:
        return RunPaths(self.runs / run_id)

    def run_folders(self) -> list[RunPaths]:
        """Runs that have a folder, sorted by name. A name that is not UTF-8 is no run's, and could not be printed."""
        if not self.runs.is_dir():
            return []
        paths = sorted(path for path in self.runs.iterdir() if path.name.isprintable())
        return [RunPaths(path) for path in paths if os.path.isdir(path)]
