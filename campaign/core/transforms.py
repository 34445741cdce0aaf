"""Advantage of a token: how an episode's advantage is spread over its tokens.

Each transform maps a `TransformContext` to advantages [rows, tokens], zero beyond a completion's end; a
dotted path of the user does the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from campaign.core.advantages import as_tensor
from campaign.core.dotted import load_function


@dataclass(frozen=True, slots=True)
class TransformContext:
    """Everything a transform may use. Rows are completions, prompt * group + member."""

    advantages: Tensor
    """[rows] of the episodes."""
    uncertainty: Tensor
    """[rows, tokens] of the kind the run asks for."""
    planning: Tensor
    """[rows, tokens] 1.0 on tokens of a strategic gram."""
    mask: Tensor
    """[rows, tokens] 1.0 where there is a token."""
    rewards: Tensor
    """[rows]"""
    tokens: Tensor
    """[rows, tokens] ids."""
    log_probs: Tensor
    """[rows, tokens] when they were sampled."""
    group_size: int
    step: int
    gtpo_beta: float
    hicra_alpha: float
    sepa_lambda: float
    params: Mapping[str, Any] = field(default_factory=dict)
    """`algorithm.transform_params`."""


def none(context: TransformContext) -> Tensor:
    """Every token gets its episode's advantage."""
    return context.advantages[:, None] * context.mask


def gtpo(context: TransformContext) -> Tensor:
    """A w, w = max(0, 1 + beta (H / mean H - 1)), the mean over the completion (arXiv 2508.04349)."""
    return _weighted(context, context.uncertainty)


def gtpo_hicra(context: TransformContext) -> Tensor:
    """`gtpo`, then A + alpha |A| on planning tokens (HICRA, arXiv 2509.03646)."""
    credit = gtpo(context)
    return credit + context.hicra_alpha * credit.abs() * context.planning


def gtpo_sepa(context: TransformContext) -> Tensor:
    """`gtpo` on pooled uncertainty: H of execution tokens becomes lambda mean + (1 - lambda) H, the mean over
    the completion's execution tokens. Planning tokens keep theirs."""
    execution = context.mask * (1 - context.planning)
    mean = _row_mean(context.uncertainty, execution)
    pooled = context.sepa_lambda * mean + (1 - context.sepa_lambda) * context.uncertainty
    return _weighted(context, torch.where(execution > 0, pooled, context.uncertainty))


def _weighted(context: TransformContext, uncertainty: Tensor) -> Tensor:
    mean = _row_mean(uncertainty, context.mask)
    # A completion without any uncertainty has nothing to weigh by: weight 1.
    relative = torch.where(mean > 0, uncertainty / mean.clamp(min=1e-12), torch.ones_like(uncertainty))
    weights = (1 + context.gtpo_beta * (relative - 1)).clamp(min=0)
    return context.advantages[:, None] * weights * context.mask


def _row_mean(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum(dim=1, keepdim=True) / mask.sum(dim=1, keepdim=True).clamp(min=1)


Transform = Callable[[TransformContext], Tensor]

TRANSFORMS: dict[str, Transform] = {
    "none": none,
    "gtpo": gtpo,
    "gtpo_hicra": gtpo_hicra,
    "gtpo_sepa": gtpo_sepa,
}


def resolve_transform(mode: str) -> Transform:
    """The function that `algorithm.transform_mode` names. Raises `UsageError`."""
    if mode in TRANSFORMS:
        return TRANSFORMS[mode]
    function = load_function(mode, "algorithm.transform_mode", TRANSFORMS)
    return lambda context: as_tensor(function(context), context.mask, mode) * context.mask
