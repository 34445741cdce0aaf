"""Attempts as a core leaves them."""

from __future__ import annotations

import json

from campaign.folder.atomic_files import write_json
from campaign.folder.paths import RunPaths


def attempt(
    run: RunPaths, number: int, steps: range, *, first: int | None = None, checkpoints: tuple[int, ...] = ()
) -> None:
    """An attempt that began at `first` and logged `steps`."""
    folder = run.attempt(number)
    folder.emergence.mkdir(parents=True)
    write_json(folder.started, {"first_step": steps.start if first is None else first})
    rows = [{"step": step, "attempt": number, "correct_rate": step / 10} for step in steps]
    folder.metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = [{"step": step, "attempt": number, "sample": k} for step in steps for k in range(2)]
    folder.emergence_generations.write_text("".join(json.dumps(row) + "\n" for row in words))
    for step in checkpoints:
        folder.checkpoint(step).mkdir(parents=True)
