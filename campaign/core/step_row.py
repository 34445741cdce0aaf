"""The rows that a step writes to `metrics.jsonl` and `emergence/`.

A metric that is undefined for a step is omitted and never written as 0, for example the entropy of planning
tokens when there are none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from campaign.core.credit import Credit
from campaign.core.rollout import Rollout
from campaign.core.update import UpdateReport

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts since the start of the run, which are part of every checkpoint."""

    correct: int = 0
    completions: int = 0
    tokens: int = 0

    def plus(self, rollout: Rollout) -> Totals:
        return Totals(
            self.correct + int(rollout.correct.sum()),
            self.completions + rollout.rewards.numel(),
            self.tokens + int(rollout.samples.lengths.sum()),
        )


def step_metrics(rollout: Rollout, credit: Credit, report: UpdateReport, totals: Totals) -> Row:
    """The metrics of a step, without label, learning rate, times and evaluation."""
    row: Row = {
        "loss": report.loss,
        "mean_reward": float(rollout.rewards.mean()),
        "correct_rate": float(rollout.correct.float().mean()),
        "running_correct_rate": totals.correct / totals.completions,
        **_entropies(rollout),
        "plan_token_rate": float(rollout.planning.sum() / rollout.samples.mask.sum()),
        **_sepa(credit),
        "max_token_hit_rate": 1 - float(rollout.samples.ended.float().mean()),
        "completion_length_mean": float(rollout.samples.lengths.float().mean()),
        "rollout/extraction_rate": rollout.extraction_rate,
        "loss_is_placeholder": False,
        "backend_reports_sync_loss": True,
        "num_datums": report.rows,
        **_reward_ties(rollout),
        "grad_norm": report.grad_norm,
        "update_norm": report.update_norm,
        "cost/tokens": totals.tokens,
        **_by_source(rollout),
        **_by_type(rollout),
    }
    optional = {"kl": report.kl, "clip_fraction": report.clip_fraction}
    return row | {name: value for name, value in optional.items() if value is not None}


def _sepa(credit: Credit) -> Row:
    """The state of SEPA; nothing where the credit does not use it, although its schedule always advances."""
    if credit.sepa_lambda is None:
        return {}
    return {"sepa_lambda": credit.sepa_lambda, "sepa_gate_open": credit.sepa.gate_open}


def _entropies(rollout: Rollout) -> Row:
    """Mean and variance of the policy's entropy at execution and planning tokens."""
    entropies, mask = rollout.samples.entropies, rollout.samples.mask > 0
    planning = rollout.planning > 0
    return _moments("exec_entropy", entropies[mask & ~planning]) | _moments(
        "plan_entropy", entropies[mask & planning]
    )


def _moments(name: str, values: Tensor) -> Row:
    if not values.numel():
        return {}
    return {f"{name}_mean": float(values.mean()), f"{name}_var": float(values.var(correction=0))}


def _reward_ties(rollout: Rollout) -> Row:
    groups: list[list[float]] = rollout.rewards.tolist()
    size = len(groups[0])
    distinct = [len(set(group)) for group in groups]
    pairs = size * (size - 1) / 2
    tied = [sum(group.count(reward) - 1 for reward in group) / 2 / pairs for group in groups]
    count = len(groups)
    correct = rollout.correct
    uniform = sum(d == 1 for d in distinct) / count
    return {
        "reward_tie_group_rate": sum(d < size for d in distinct) / count,
        "reward_uniform_group_rate": uniform,
        "reward_tie_pair_rate": sum(tied) / count,
        "reward_unique_fraction_mean": sum(distinct) / size / count,
        "frac_reward_zero_std": uniform,
        "frac_all_correct": float(correct.all(dim=1).float().mean()),
        "frac_all_wrong": float((~correct).all(dim=1).float().mean()),
    }


def _by_source(rollout: Rollout) -> Row:
    row: Row = {}
    for source, prompts in _grouped([problem.source for problem in rollout.problems]).items():
        rewards = rollout.rewards[prompts]
        row[f"dataset/{source}/accuracy"] = float(rollout.correct[prompts].float().mean())
        row[f"dataset/{source}/count"] = rewards.numel()
        row[f"dataset/{source}/avg_reward"] = float(rewards.mean())
    return row


def _by_type(rollout: Rollout) -> Row:
    grouped = _grouped([problem.problem_type for problem in rollout.problems])
    return {
        f"train/accuracy_{kind}": float(rollout.correct[prompts].float().mean())
        for kind, prompts in grouped.items()
    }


def _grouped(names: list[str]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        groups.setdefault(name, []).append(index)
    return groups


def emergence_step(rollout: Rollout) -> Row:
    """The row of `emergence/steps.jsonl`, without label."""
    return {
        "mean_reward": float(rollout.rewards.mean()),
        "correct_count": int(rollout.correct.sum()),
        "total_count": rollout.rewards.numel(),
        "planning_token_ratio": float(rollout.planning.sum() / rollout.samples.mask.sum()),
        "mean_tokens": float(rollout.samples.lengths.float().mean()),
        **_entropies(rollout),
    }


def emergence_generations(rollout: Rollout, prompts: int) -> Iterator[Row]:
    """Rows of `emergence/generations.jsonl`, without label, for the completions of the first `prompts`
    prompts."""
    group_size = rollout.rewards.shape[1]
    rewards = rollout.rewards.flatten().tolist()
    lengths = rollout.samples.lengths.tolist()
    planned = rollout.planning.sum(dim=1).tolist()
    for row in range(min(prompts, len(rollout.problems)) * group_size):
        problem = rollout.problems[row // group_size]
        yield {
            "source": problem.source,
            "prompt": problem.prompt,
            "completion": rollout.texts[row],
            "answer": problem.answer,
            "reward": rewards[row],
            "num_tokens": lengths[row],
            "planning_tokens": int(planned[row]),
        }
