"""Held-out evaluation: one completion a problem, the same problems and the same luck every time.

The uniform numbers behind the samples depend on nothing but their place, so two policies, or two moments of
one, differ by what they do and not by their draws.
"""

from __future__ import annotations

from collections.abc import Mapping

from campaign.core.policy import Policy
from campaign.core.problems import Problem
from campaign.core.rollout import Rollout, roll_out, step_generator
from campaign.spec.config import TrainingSection

PROBLEMS_PER_PASS = 256


def evaluate(
    policy: Policy, problems: Mapping[str, list[Problem]], training: TrainingSection
) -> dict[str, float | int]:
    """`val/...` metrics over all problems and for each source; nothing when there are no problems."""
    every = [problem for items in problems.values() for problem in items]
    parts = [
        roll_out(
            policy,
            every[start : start + PROBLEMS_PER_PASS],
            None,
            training,
            1,
            step_generator("val", 0, start),
        )
        for start in range(0, len(every), PROBLEMS_PER_PASS)
    ]
    if not parts:
        return {}
    rewards = [reward for part in parts for reward in part.rewards[:, 0].tolist()]
    row: dict[str, float | int] = {
        "val/correct_rate": _share(rewards),
        "val/mean_reward": sum(rewards) / len(rewards),
        "val/count": len(rewards),
        "val/completion_length_mean": _mean_length(parts),
        "val/max_token_hit_rate": 1 - sum(int(part.samples.ended.sum()) for part in parts) / len(rewards),
    }
    start = 0
    for source, items in problems.items():
        mine = rewards[start : start + len(items)]
        start += len(items)
        row[f"val/{source}/correct_rate"] = _share(mine)
        row[f"val/{source}/mean_reward"] = sum(mine) / len(mine)
        row[f"val/{source}/count"] = len(mine)
    return row


def _share(rewards: list[float]) -> float:
    return sum(reward >= 1.0 for reward in rewards) / len(rewards)


def _mean_length(parts: list[Rollout]) -> float:
    tokens = sum(int(part.samples.lengths.sum()) for part in parts)
    return tokens / sum(len(part.texts) for part in parts)
