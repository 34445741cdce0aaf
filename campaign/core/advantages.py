"""Advantage estimators: the advantage of a completion relative to the others.

Each function maps rewards [prompts, group] to advantages of the same shape. To add one, add it to
`ADVANTAGES`. A user's function, named by its dotted path, is called as `fn(rewards, params)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from campaign.core.dotted import load_function
from campaign.errors import UsageError

EPS = 1e-6


def grpo(rewards: Tensor) -> Tensor:
    """r - mean, without division by the standard deviation (arXiv 2402.03300; 2503.20783)."""
    return rewards - rewards.mean(dim=1, keepdim=True)


def maxrl(rewards: Tensor) -> Tensor:
    """(r - mean) / (mean + eps), weights rare successes; 0 if all are wrong (arXiv 2602.02710)."""
    mean = rewards.mean(dim=1, keepdim=True)
    return torch.where(mean > EPS, (rewards - mean) / (mean + EPS), torch.zeros_like(rewards))


def rloo(rewards: Tensor) -> Tensor:
    """r - mean of the *other* completions of the group, a leave-one-out baseline (arXiv 2402.14740)."""
    size = rewards.shape[1]
    others = (rewards.sum(dim=1, keepdim=True) - rewards) / (size - 1)
    return rewards - others


def reinforce_pp(rewards: Tensor) -> Tensor:
    """(r - mean) / (sd + eps) over the batch; 0 if all are equal (REINFORCE++, arXiv 2501.03262)."""
    return (rewards - rewards.mean()) / (rewards.std(correction=0) + EPS)


ADVANTAGES: dict[str, Callable[[Tensor], Tensor]] = {
    "grpo": grpo,
    "maxrl": maxrl,
    "rloo": rloo,
    "reinforce_pp": reinforce_pp,
}

EpisodeAdvantage = Callable[[Tensor], Tensor]


def resolve_advantage(mode: str, params: Mapping[str, Any]) -> EpisodeAdvantage:
    """The function that `algorithm.advantage_mode` names. Raises `UsageError`."""
    if mode in ADVANTAGES:
        return ADVANTAGES[mode]
    function = load_function(mode, "algorithm.advantage_mode", ADVANTAGES)
    return lambda rewards: as_tensor(function(rewards, dict(params)), rewards, mode)


def as_tensor(value: Any, like: Tensor, origin: str) -> Tensor:
    """The result of a user's function as a tensor. Raises `UsageError` if it is not finite or misshapen."""
    tensor = torch.as_tensor(value, dtype=torch.float32)
    if tensor.shape != like.shape:
        raise UsageError(f"{origin} returned shape {tuple(tensor.shape)} instead of {tuple(like.shape)}")
    if not torch.isfinite(tensor).all():
        raise UsageError(f"{origin} returned a value that is not finite")
    return tensor
