"""Held-out evaluation: one completion per problem, with the same problems and the same random numbers every
time.

The uniform numbers depend only on the position of the problem and the token (common random numbers), so two
evaluations differ by the policies and not by the draws.
"""

from __future__ import annotations

from collections.abc import Mapping

from campaign.core.policy import Policy
from campaign.core.problem_stream import Problem
from campaign.core.rollout import Rollout, roll_out, step_generator
from campaign.spec.config import TrainingSection

PROBLEMS_PER_PASS = 256


def evaluate(
    policy: Policy, problems: Mapping[str, list[Problem]], training: TrainingSection
) -> dict[str, float | int]:
    """The `val/...` metrics over all problems and per source; empty without problems."""
    all_problems = [problem for items in problems.values() for problem in items]
    rollouts = [
        roll_out(
            policy,
            all_problems[start : start + PROBLEMS_PER_PASS],
            None,
            training,
            1,
            step_generator("val", 0, start),
        )
        for start in range(0, len(all_problems), PROBLEMS_PER_PASS)
    ]
    if not rollouts:
        return {}
    rewards = [reward for rollout in rollouts for reward in rollout.rewards[:, 0].tolist()]
    ended = sum(int(rollout.samples.ended.sum()) for rollout in rollouts)
    row: dict[str, float | int] = {
        "val/correct_rate": _correct_rate(rewards),
        "val/mean_reward": sum(rewards) / len(rewards),
        "val/count": len(rewards),
        "val/completion_length_mean": _mean_length(rollouts),
        "val/max_token_hit_rate": 1 - ended / len(rewards),
    }
    start = 0
    for source, items in problems.items():
        of_source = rewards[start : start + len(items)]
        start += len(items)
        row[f"val/{source}/correct_rate"] = _correct_rate(of_source)
        row[f"val/{source}/mean_reward"] = sum(of_source) / len(of_source)
        row[f"val/{source}/count"] = len(of_source)
    return row


def _correct_rate(rewards: list[float]) -> float:
    return sum(reward >= 1.0 for reward in rewards) / len(rewards)


def _mean_length(rollouts: list[Rollout]) -> float:
    tokens = sum(int(rollout.samples.lengths.sum()) for rollout in rollouts)
    return tokens / sum(len(rollout.texts) for rollout in rollouts)
