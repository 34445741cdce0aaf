"""A Python function as the core: `core.entrypoint = "pkg.module:function"` is called with a `RunContext`."""

from __future__ import annotations

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
from campaign.spec.config import RunConfig


@dataclass(slots=True)
class RunContext:
    """All that an entry point needs to train one run."""

    config: RunConfig
    """The resolved configuration; an entry point's own settings are in `config.core.options`."""
    run_dir: Path
    """The folder to write in."""
    seed: int
    resume_from: Path | None
    """A checkpoint folder that `save_checkpoint` made in an earlier attempt; go on from it."""
    _writer: JsonlWriter
    _stop: StopRequest
    _told_to_stop: bool = field(default=False, init=False)

    def log(self, row: Mapping[str, Any]) -> None:
        """Appends a step's metrics; `step`, counted from 0, has to be among them.

        Raises `UsageError` when it is not.
        """
        step = row.get("step")
        if not isinstance(step, int) or isinstance(step, bool) or step < 0:
            raise UsageError(f"a logged row needs a whole number `step` from 0, got {step!r}")
        label = {"step": step, "condition": self.config.condition, "seed": self.seed}
        self._writer.write({**label, **{name: value for name, value in row.items() if name not in label}})

    def should_stop(self) -> bool:
        """Whether the run is asked to stop: then save a checkpoint and return."""
        self._told_to_stop = self._told_to_stop or self._stop.requested
        return self._told_to_stop

    def save_checkpoint(self, finished_steps: int, write: Callable[[Path], None]) -> Path:
        """`write` fills the folder it is given; the checkpoint appears complete or not at all."""
        return save_atomically(AttemptPaths(self.run_dir), finished_steps, write)


def run_entrypoint(
    path: str, config: RunConfig, folder: AttemptPaths, resume: Path | None, stop: StopRequest
) -> bool:
    """Calls the entry point; False when it returned because it was told to stop. Raises `UsageError`."""
    function = load_function(path, "core.entrypoint")
    with JsonlWriter(folder.metrics) as writer:
        context = RunContext(config, folder.root, config.training.seed, resume, writer, stop)
        function(context)
    return not context._told_to_stop
