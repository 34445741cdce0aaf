"""The same bandit as a Python entry point: `core.entrypoint = "entrypoint:train"`.

`campaign` calls `train` in a separate process with a `RunContext`: the resolved configuration, the run folder,
the seed, the checkpoint to resume from, a logging function, and `should_stop()`.
"""

from __future__ import annotations

import json
from pathlib import Path

from train import ARMS, train_step

from campaign.core.context import RunContext


def train(context: RunContext) -> None:
    options, steps = context.config.core.options, context.config.training.max_steps
    scores, start = [0.0] * ARMS, 0
    if context.resume_from:
        saved = json.loads((context.resume_from / "scores.json").read_text())
        scores, start = saved["scores"], saved["finished"]
    for step in range(start, steps):
        scores, metrics = train_step(scores, step, context.seed, options)
        context.log({"step": step, "correct_rate": metrics["score"], "best_arm": metrics["best_arm"]})
        finished = step + 1
        stopping = context.should_stop() and finished < steps
        if stopping or finished % 50 == 0 or finished == steps:
            state = json.dumps({"scores": scores, "finished": finished})

            def write(folder: Path, state: str = state) -> None:
                (folder / "scores.json").write_text(state)

            context.save_checkpoint(finished, write)
        if stopping:
            return
