"""Speed of the built-in core on this machine: a step, its parts, and the gain of each optimisation.

    python benchmarks/core_speed.py [--steps 30]

Runs on one thread. Compared variants are interleaved step by step in one process, so that a busy machine slows
both. Times are CPU seconds of this process, medians over steps.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch

from campaign.core.evaluation import evaluate
from campaign.core.policy import EMBEDDED, LlamaPolicy
from campaign.core.randomness import derive_seed
from campaign.core.sampler import sample
from campaign.core.stopping import StopRequest
from campaign.core.trainer import Trainer
from campaign.folder.paths import AttemptPaths
from campaign.spec.config import RunConfig

TARGET_STEP_S = 0.10


def cpu_seconds(work: Callable[[], Any]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def config_of(batch_size: int, model: str = "embedded", **training: Any) -> RunConfig:
    settings = {"batch_size": batch_size, "eval_every": 0, "max_steps": 10**6, **training}
    return RunConfig.model_validate_json(json.dumps({"training": settings, "model": {"model": model}}))


def trainer_of(config: RunConfig, scratch: Path) -> Trainer:
    return Trainer(config, AttemptPaths(scratch), scratch, None)


def general_path_model(scratch: Path) -> Path:
    """The embedded model, with a setting that sends it through transformers."""
    folder = scratch / "general"
    shutil.copytree(EMBEDDED, folder)
    document = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(document | {"pretraining_tp": 2}))
    return folder


def compare_steps(batch_size: int, steps: int, scratch: Path) -> None:
    fast = trainer_of(config_of(batch_size), scratch / "fast")
    general = trainer_of(
        config_of(batch_size, str(general_path_model(scratch / str(batch_size)))), scratch / "slow"
    )
    for trainer in (fast, general):
        trainer._step()
    times = [(cpu_seconds(fast._step), cpu_seconds(general._step)) for _ in range(steps)]
    ours, theirs = median(t[0] for t in times), median(t[1] for t in times)
    verdict = f"target {TARGET_STEP_S} s" if batch_size == 8 else ""
    print(
        f"step {batch_size} x 8: {ours:.3f} s; through transformers' model and cache {theirs:.3f} s: "
        f"{theirs / ours:.1f} x  {verdict}"
    )


def compare_compaction(steps: int, scratch: Path) -> None:
    trainer = trainer_of(config_of(8), scratch / "compaction")
    policy = trainer.policy
    assert isinstance(policy, LlamaPolicy)
    times, tokens = [], 0
    for step in range(steps):
        prompts = [policy.tokenizer.encode(p.prompt) for p in trainer.problems.train.batch(step, 8)]
        uniforms = torch.rand(64, 48, generator=torch.Generator().manual_seed(derive_seed("benchmark", step)))
        tokens += int(sample(policy._decoder, prompts, uniforms, 1.0, (2,)).lengths.sum())

        def draw(compact: bool, prompts: Any = prompts, uniforms: Any = uniforms) -> None:
            sample(policy._decoder, prompts, uniforms, 1.0, (2,), compact=compact)

        times.append((cpu_seconds(lambda draw=draw: draw(True)), cpu_seconds(lambda draw=draw: draw(False))))
    ours, plain = median(t[0] for t in times), median(t[1] for t in times)
    rate = tokens / steps / ours
    print(f"sampling 8 x 8: {rate / 1000:.1f} k tokens/s; finished rows kept: {plain / ours:.2f} x as long")


def whole_run(scratch: Path) -> None:
    config = config_of(8, max_steps=100, eval_every=20)
    trainer = trainer_of(config, scratch / "run")
    spent = cpu_seconds(lambda: trainer.run(StopRequest()))
    rows = [json.loads(line) for line in (scratch / "run" / "metrics.jsonl").read_text().splitlines()]
    curve = [row["val/correct_rate"] for row in rows if "val/correct_rate" in row]
    one = cpu_seconds(lambda: evaluate(trainer.policy, trainer.problems.evaluation, config.training))
    print(
        f"100 steps with 6 evaluations: {spent:.1f} s of CPU, an evaluation {one:.2f} s; "
        f"held-out correct rate {curve[0]:.3f} -> {curve[-1]:.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=30)
    steps = parser.parse_args().steps
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, 1 thread, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        whole_run(scratch)
        compare_compaction(steps, scratch)
        for batch_size in (8, 16):
            compare_steps(batch_size, steps, scratch)


if __name__ == "__main__":
    main()
