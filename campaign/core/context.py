"""Python entry points: `core.entrypoint = "pkg.module:function"` is called with a `RunContext`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from campaign.core.checkpoint import save_atomically
from campaign.core.dotted import load_function
from campaign.core.stopping import StopRequest
from campaign.errors import UsageError
from campaign.folder.json_lines import JsonlWriter
from campaign.folder.paths import AttemptPaths
from campaign.folder.run_record import labelled
from campaign.spec.config import RunConfig


@dataclass(slots=True)
class RunContext:
    """The interface through which an entry point trains one run."""

    config: RunConfig
    """The resolved configuration; an entry point's own settings are in `config.core.options`."""
    run_dir: Path
    """The folder to write to."""
    seed: int
    resume_from: Path | None
    """The checkpoint folder of an earlier attempt to resume from, if any."""
    _writer: JsonlWriter
    _stop: StopRequest
    _stop_reported: bool = field(default=False, init=False)

    def log(self, row: Mapping[str, Any]) -> None:
        """Appends the metrics of one step. `row` must contain `step`, counted from 0; `time` is added.

        Raises `UsageError` when it does not.
        """
        step = row.get("step")
        if not isinstance(step, int) or isinstance(step, bool) or step < 0:
            raise UsageError(f"a logged row must have an integer `step`, 0 or greater, not {step!r}")
        values = {"time": time.time(), **{name: value for name, value in row.items() if name != "step"}}
        self._writer.write(labelled(step, {"condition": self.config.condition, "seed": self.seed}, values))

    def should_stop(self) -> bool:
        """Whether the run must stop: the entry point then saves a checkpoint and returns."""
        self._stop_reported = self._stop_reported or self._stop.requested
        return self._stop_reported

    def save_checkpoint(self, finished_steps: int, write: Callable[[Path], None]) -> Path:
        """Creates a checkpoint from what `write` writes to the folder it is given; atomic. The rows logged so far are made
        durable first."""
        self._writer.sync()
        return save_atomically(AttemptPaths(self.run_dir), finished_steps, write)


def run_entrypoint(
    path: str, config: RunConfig, folder: AttemptPaths, resume: Path | None, stop: StopRequest
) -> bool:
    """Calls the entry point. Returns False if it was asked to stop before it returned. Raises `UsageError`."""
    function = load_function(path, "core.entrypoint")
    with JsonlWriter(folder.metrics) as writer:
        context = RunContext(config, folder.root, config.training.seed, resume, writer, stop)
        function(context)
    # Not `stop.requested`: a request that the function never saw did not cut its training short.
    return not context._stop_reported
