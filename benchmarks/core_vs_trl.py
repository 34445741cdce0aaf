"""The built-in core against TRL's GRPOTrainer: same model, prompts, group size, tokens, reward and optimizer.

    python benchmarks/core_vs_trl.py [--steps 20] [--batch-size 8]

Both train from the same weights in one process on one thread, alternating step by step. A step is sampling, rewards, advantages, loss, backward pass and AdamW. Prints
medians of CPU seconds, and the ratio of the medians. Needs `pip install trl`.

What is the same: prompts in order, 8 completions each at temperature 1, at most 48 tokens, the verifier,
advantage r - mean without scaling, no KL, constant loss normaliser, AdamW with the same rates, clipping at 1,
float32, SDPA attention, no dropout, no gradient checkpointing. What differs is how it is done: TRL samples
with `generate` (all rows to the end of the longest, the prompt once a completion) and sends every padded
completion through the update; the core compacts finished rows away, packs completions behind their prompt,
and leaves out rows whose advantage is zero, which changes no gradient. Sampled tokens differ (other random
numbers); their mean lengths are printed.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import warnings
from pathlib import Path
from statistics import mean, median
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoTokenizer, LlamaForCausalLM, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from campaign.core.policy import EMBEDDED
from campaign.core.trainer import Trainer
from campaign.core.verify import reward_of
from campaign.folder.paths import AttemptPaths
from campaign.spec.config import RunConfig

WARM_STEPS = 2
GROUP_SIZE = 8
TARGET = 3.0


class TakeTurns(TrainerCallback):
    """Times TRL's step, then does one of the core's and times that."""

    def __init__(self, core: Trainer) -> None:
        self.core = core
        self.trl_times: list[tuple[float, float]] = []
        self.core_times: list[tuple[float, float]] = []
        self.core_lengths: list[float] = []
        self.core_rates: list[float] = []
        self._started = _now()

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self._started = _now()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.trl_times.append(_since(self._started))
        started = _now()
        row, _steps, _generations = self.core._step()
        self.core_times.append(_since(started))
        self.core_lengths.append(row["completion_length_mean"])
        self.core_rates.append(row["correct_rate"])


def _now() -> tuple[float, float]:
    return time.process_time(), time.perf_counter()


def _since(started: tuple[float, float]) -> tuple[float, float]:
    cpu, wall = _now()
    return cpu - started[0], wall - started[1]


def core_of(batch_size: int, scratch: Path) -> Trainer:
    training = {"batch_size": batch_size, "group_size": GROUP_SIZE, "eval_every": 0, "max_steps": 10**6}
    config = RunConfig.model_validate_json(json.dumps({"training": training}))
    return Trainer(config, AttemptPaths(scratch / "core"), scratch, None)


def trl_of(core: Trainer, steps: int, scratch: Path, seen: dict[str, list[float]]) -> GRPOTrainer:
    training = core.config.training
    batches = [core.problems.train.batch(step, training.batch_size) for step in range(steps)]
    problems = [problem for batch in batches for problem in batch]
    columns = {
        "prompt": [p.prompt for p in problems],
        "answer": [p.answer for p in problems],
        "kind": [p.problem_type for p in problems],
    }

    def reward(completions: list[str], answer: list[str], kind: list[str], **more: Any) -> list[float]:
        seen["length"] += [float(len(ids)) for ids in more["completion_ids"]]
        rewards = [reward_of(k, c, a) for k, c, a in zip(kind, completions, answer, strict=True)]
        seen["rate"].append(mean(rewards))
        return rewards

    arguments = GRPOConfig(
        output_dir=str(scratch / "trl"),
        max_steps=steps,
        per_device_train_batch_size=training.batch_size * GROUP_SIZE,
        num_generations=GROUP_SIZE,
        max_completion_length=training.max_tokens,
        temperature=training.temperature,
        top_k=0,
        beta=0.0,
        loss_type="dr_grpo",
        scale_rewards="none",
        learning_rate=training.lr,
        lr_scheduler_type="constant_with_warmup",
        warmup_steps=training.lr_warmup_steps,
        weight_decay=training.weight_decay,
        adam_beta1=training.betas[0],
        adam_beta2=training.betas[1],
        max_grad_norm=training.max_grad_norm,
        optim="adamw_torch_fused",
        gradient_checkpointing=False,
        bf16=False,
        use_cpu=True,
        shuffle_dataset=False,
        save_strategy="no",
        report_to=[],
        logging_steps=10**6,
        disable_tqdm=True,
        dataloader_pin_memory=False,
        seed=0,
    )
    return GRPOTrainer(
        model=LlamaForCausalLM.from_pretrained(EMBEDDED, dtype=torch.float32),
        reward_funcs=reward,
        args=arguments,
        train_dataset=Dataset.from_dict(columns),
        processing_class=AutoTokenizer.from_pretrained(EMBEDDED),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=8)
    parsed = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        core = core_of(parsed.batch_size, scratch)
        seen: dict[str, list[float]] = {"length": [], "rate": []}
        trl = trl_of(core, parsed.steps + WARM_STEPS, scratch, seen)
        turns = TakeTurns(core)
        trl.add_callback(turns)
        torch.set_num_threads(1)
        trl.train()
    report(turns, seen, parsed.batch_size)


def report(turns: TakeTurns, seen: dict[str, list[float]], batch_size: int) -> None:
    import trl

    theirs, ours = turns.trl_times[WARM_STEPS:], turns.core_times[WARM_STEPS:]
    ratios = {}
    for index, clock in enumerate(("CPU", "wall")):
        slow, fast = median(t[index] for t in theirs), median(t[index] for t in ours)
        ratios[clock] = slow / fast
        print(
            f"{clock:>4}: TRL {trl.__version__} {slow:.3f} s, core {fast:.3f} s a step: {slow / fast:.2f} x"
        )
    print(
        f"{len(ours)} steps of {batch_size} x {GROUP_SIZE}; mean tokens TRL {mean(seen['length']):.1f}, "
        f"core {mean(turns.core_lengths):.1f}; last correct rate TRL {seen['rate'][-1]:.2f}, "
        f"core {turns.core_rates[-1]:.2f}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    print(f"target {TARGET:.0f} x: {'met' if ratios['CPU'] >= TARGET else 'MISSED'}")


if __name__ == "__main__":
    main()
