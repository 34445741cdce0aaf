"""Transforms: the distribution of a completion's advantage over its tokens.

Each transform maps a `TransformContext` to advantages [rows, tokens] that are zero after the end of a
completion. To add one, add it to `TRANSFORMS`. A user's function, named by its dotted path, has the same
signature.
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
    """The input of a transform. Rows are completions, numbered prompt * group_size + member."""

    advantages: Tensor
    """[rows] advantage of each completion."""
    uncertainty: Tensor
    """[rows, tokens] of the configured kind."""
    planning: Tensor
    """[rows, tokens] 1.0 for planning tokens."""
    mask: Tensor
    """[rows, tokens] 1.0 for tokens, 0.0 after the end of a completion."""
    rewards: Tensor
    """[rows]"""
    tokens: Tensor
    """[rows, tokens] ids."""
    log_probs: Tensor
    """[rows, tokens] at the time of sampling."""
    group_size: int
    step: int
    gtpo_beta: float
    hicra_alpha: float
    sepa_lambda: float
    params: Mapping[str, Any] = field(default_factory=dict)
    """`algorithm.transform_params`."""


def none(context: TransformContext) -> Tensor:
    """A for every token."""
    return context.advantages[:, None] * context.mask


def gtpo(context: TransformContext) -> Tensor:
    """A w with w = max(0, 1 + beta (H / mean H - 1)), mean over the completion (arXiv 2508.04349)."""
    return _weighted(context, context.uncertainty)


def gtpo_hicra(context: TransformContext) -> Tensor:
    """`gtpo`, then A + alpha |A| on planning tokens (HICRA, arXiv 2509.03646)."""
    credit = gtpo(context)
    return credit + context.hicra_alpha * credit.abs() * context.planning


def gtpo_sepa(context: TransformContext) -> Tensor:
    """`gtpo` on pooled uncertainty: H of execution tokens becomes lambda mean + (1 - lambda) H, with the mean
    over the execution tokens of the completion. H of planning tokens does not change."""
    execution = context.mask * (1 - context.planning)
    mean = _row_mean(context.uncertainty, execution)
    pooled = context.sepa_lambda * mean + (1 - context.sepa_lambda) * context.uncertainty
    return _weighted(context, torch.where(execution > 0, pooled, context.uncertainty))


def _weighted(context: TransformContext, uncertainty: Tensor) -> Tensor:
    mean = _row_mean(uncertainty, context.mask)
    # Where all uncertainties of a completion are 0, H / mean H is undefined and every token has weight 1.
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
