"""The training loop: sample, score, assign credit, update, log.

The state that is carried between steps consists of the weights, the moments of the optimizer, the state of
SEPA and the running counts. A checkpoint contains all of it, and the randomness of a step derives from (seed,
step), so a resumed run is bit-identical to an uninterrupted one.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from campaign.core.checkpoint import save_atomically
from campaign.core.credit import credit_pipeline
from campaign.core.evaluation import evaluate
from campaign.core.optimizer import FlatAdamW
from campaign.core.planning_tokens import PlanningGrams
from campaign.core.policy import load_policy
from campaign.core.problem_stream import load_problems
from campaign.core.rollout import roll_out, step_generator
from campaign.core.sepa import SepaState
from campaign.core.step_log import step_line
from campaign.core.step_row import Row, Totals, emergence_generations, emergence_step, step_metrics
from campaign.core.stopping import StopRequest
from campaign.core.training_state import read_state, write_state
from campaign.core.update import kl_weight, learning_rate, update
from campaign.errors import UsageError
from campaign.folder.json_lines import JsonlWriter
from campaign.folder.paths import AttemptPaths
from campaign.spec.config import RunConfig


@dataclass(frozen=True, slots=True)
class Progress:
    """The training state besides weights and moments."""

    step: int = 0
    """Number of finished steps, which is also the index of the next step."""
    sepa: SepaState = field(default_factory=SepaState)
    totals: Totals = field(default_factory=Totals)


class Trainer:
    """One run of the built-in core."""

    def __init__(
        self, config: RunConfig, folder: AttemptPaths, data_folder: Path, resume: Path | None
    ) -> None:
        self.config, self.folder = config, folder
        self.problems = load_problems(config, data_folder)
        self.credit = credit_pipeline(config)
        self.policy = load_policy(config, data_folder)
        self.optimizer = FlatAdamW(
            self.policy.trained_parameters(), config.training.betas, config.training.weight_decay
        )
        self.grams = PlanningGrams(config.algorithm.strategic_grams)
        self.progress = self._resume(resume) if resume else Progress()
        self.policy.after_update()

    def run(self, stop: StopRequest) -> bool:
        """Trains until the last step; False when stopped before. Saves a checkpoint in either case."""
        training = self.config.training
        with (
            JsonlWriter(self.folder.metrics) as metrics,
            JsonlWriter(self.folder.emergence_steps) as steps,
            JsonlWriter(self.folder.emergence_generations) as generations,
        ):
            logs = (metrics, steps, generations)
            while self.progress.step < training.max_steps and not stop.requested:
                row, emergence, samples = self._step()
                for generation in samples:
                    generations.write(generation)
                steps.write(emergence)
                metrics.write(row)
                sys.stdout.write(step_line(row, training.max_steps))
                sys.stdout.flush()
                every = training.save_every
                if every and self.progress.step % every == 0 and self.progress.step < training.max_steps:
                    self.save(logs)
            self.save(logs)
        finished = self.progress.step >= training.max_steps
        if finished:
            self.policy.save_trained(self.folder.model, self.folder.adapter)
        return finished

    def _step(self) -> tuple[Row, Row, list[Row]]:
        config, training, step = self.config, self.config.training, self.progress.step
        evaluation, evaluation_time = self._evaluation(before=True)
        started = time.perf_counter()
        problems = self.problems.train.batch(step, training.batch_size)
        generator = step_generator("rollout", training.seed, step)
        rollout = roll_out(self.policy, problems, self.grams, training, training.group_size, generator)
        sampled = time.perf_counter()
        credit = self.credit(rollout, step, self.progress.sepa)
        credited = time.perf_counter()
        report = update(self.policy, self.optimizer, rollout, credit.tokens, config, step)
        updated = time.perf_counter()
        totals = self.progress.totals.plus(rollout)
        self.progress = Progress(step + 1, credit.sepa, totals)
        if step + 1 == training.max_steps:
            evaluation, evaluation_time = self._evaluation(before=False)
        label = {"step": step, "condition": config.condition, "seed": training.seed}
        row = {
            **label,
            **step_metrics(rollout, credit, report, totals),
            "lr": learning_rate(config, step),
            **({"kl_coef": kl_weight(config, step)} if config.algorithm.kl_coef else {}),
            **evaluation,
            "time": time.time(),
            "step_time_s": updated - started,
            "tokens_per_s": int(rollout.samples.lengths.sum()) / (updated - started),
            "rollout_time_s": sampled - started,
            "update_time_s": updated - credited,
            **({"eval_time_s": evaluation_time} if evaluation else {}),
        }
        generations = [label | line for line in emergence_generations(rollout, training.log_generations)]
        return row, label | emergence_step(rollout), generations

    def _evaluation(self, *, before: bool) -> tuple[Row, float]:
        """The held-out metrics and the duration of an evaluation, if one is due before or after this step."""
        training = self.config.training
        due = training.eval_every and (not before or self.progress.step % training.eval_every == 0)
        if not due:
            return {}, 0.0
        started = time.perf_counter()
        row: Row = dict(evaluate(self.policy, self.problems.evaluation, training))
        return row, time.perf_counter() - started

    def save(self, logs: Iterable[JsonlWriter] = ()) -> Path:
        """Saves a checkpoint of the finished steps, whose rows in `logs` are made durable first.

        In the other order, a power cut could leave a checkpoint whose steps are missing from the record.
        """
        for log in logs:
            log.sync()
        progress = self.progress
        state = {
            "step": progress.step,
            "seed": self.config.training.seed,
            "updates": self.optimizer.updates,
            "sepa": progress.sepa.to_json(),
            "totals": asdict(progress.totals),
        }
        return save_atomically(
            self.folder, progress.step, lambda path: write_state(path, self.optimizer.state(), state)
        )

    def _resume(self, checkpoint: Path) -> Progress:
        tensors, state = read_state(checkpoint)
        self._check_compatible(checkpoint, tensors, state)
        self.optimizer.load_state(tensors, state["updates"])
        return Progress(state["step"], SepaState(**state["sepa"]), Totals(**state["totals"]))

    def _check_compatible(
        self, checkpoint: Path, tensors: dict[str, torch.Tensor], state: dict[str, Any]
    ) -> None:
        saved, trained = tensors["weights"].numel(), self.optimizer.weights.numel()
        if saved != trained:
            raise UsageError(
                f"{checkpoint} has {saved} trained parameters, but this run has {trained}; "
                "resume from a checkpoint of this run"
            )
        if state["seed"] != self.config.training.seed:
            raise UsageError(
                f"{checkpoint} has seed {state['seed']}, but this run has seed {self.config.training.seed}; "
                "resume from a checkpoint of this run"
            )
