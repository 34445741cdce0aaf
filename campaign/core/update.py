"""The policy update on one batch: clipped policy gradient (PPO, arXiv 1707.06347) with an optional KL
penalty.

Rows whose advantages are all zero have no policy gradient. Without a KL term they are skipped, which does not
change the result.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from campaign.core.optimizer import FlatAdamW
from campaign.core.policy import Policy
from campaign.core.rollout import Rollout
from campaign.errors import RunsFailed
from campaign.spec.config import RunConfig


class TrainingDiverged(RunsFailed):
    """The loss or the gradient is not finite."""


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """Statistics of the last update on a batch; KL and clip fraction are means over its tokens."""

    loss: float
    kl: float | None
    clip_fraction: float | None
    grad_norm: float
    update_norm: float
    rows: int
    """Number of completions that entered the update."""


@dataclass(slots=True)
class _Sums:
    loss: float = 0.0
    kl: float = 0.0
    clipped: float = 0.0
    tokens: int = 0


def update(
    policy: Policy, optimizer: FlatAdamW, rollout: Rollout, advantages: Tensor, config: RunConfig, step: int
) -> UpdateReport:
    """Updates the policy by `training.updates_per_batch` optimizer steps.

    `advantages` is [rows, tokens]. Raises `TrainingDiverged` when the loss or the gradient is not finite.
    """
    training = config.training
    kl_coef = kl_weight(config, step)
    rows = _contributing_rows(advantages, kl_coef)
    if not rows:
        return UpdateReport(0.0, None, None, 0.0, 0.0, 0)
    reference = policy.reference_log_probs(rollout.batch, rollout.samples, rows) if kl_coef else None
    repeated = training.updates_per_batch > 1
    for _ in range(training.updates_per_batch):
        optimizer.zero_grad()
        sums = _backward(policy, rollout, advantages, rows, config, (kl_coef, reference))
        gradient_norm = optimizer.gradient_norm()
        _check_finite(step, sums.loss, gradient_norm)
        norms = optimizer.step(learning_rate(config, step), training.max_grad_norm, gradient_norm)
        policy.after_update()
    return UpdateReport(
        loss=sums.loss,
        kl=sums.kl / sums.tokens if kl_coef else None,
        clip_fraction=sums.clipped / sums.tokens if repeated else None,
        grad_norm=norms.gradient,
        update_norm=norms.update,
        rows=len(rows),
    )


def _contributing_rows(advantages: Tensor, kl_coef: float) -> list[int]:
    if kl_coef:
        return list(range(advantages.shape[0]))
    rows: list[int] = advantages.abs().amax(dim=1).nonzero()[:, 0].tolist()
    return rows


def _backward(
    policy: Policy,
    rollout: Rollout,
    advantages: Tensor,
    rows: list[int],
    config: RunConfig,
    kl: tuple[float, Tensor | None],
) -> _Sums:
    """Accumulates the gradient of the loss over the forward passes."""
    training, samples = config.training, rollout.samples
    kl_coef, reference = kl
    # A constant instead of the number of tokens, so that the weight of a token does not depend on the lengths
    # of the completions (Dr. GRPO, arXiv 2503.20783).
    normaliser = samples.tokens.shape[0] * training.max_tokens
    sums = _Sums()
    for scores in policy.scores(rollout.batch, samples, rows):
        log_probs, at = scores.log_probs, (scores.rows, scores.steps)
        device = log_probs.device
        credit = advantages[at].to(device)
        # For a single update the ratio is 1 by definition. The sampler's log-probabilities are not used,
        # because its kernels round differently, and the ratio would deviate from 1 in the last bits.
        old = samples.log_probs[at].to(device) if training.updates_per_batch > 1 else log_probs.detach()
        ratio = torch.exp(log_probs - old)
        clipped = ratio.clamp(1 - training.clip_ratio, 1 + training.clip_ratio)
        loss = -torch.minimum(ratio * credit, clipped * credit).sum()
        if reference is not None:
            gap = reference[at].to(device) - log_probs
            divergence = (gap.exp() - gap - 1).sum()  # k3, joschu.net/blog/kl-approx.html
            loss = loss + kl_coef * divergence
            sums.kl += float(divergence.detach())
        loss = loss / normaliser
        loss.backward()  # type: ignore[no-untyped-call]
        sums.loss += float(loss.detach())
        sums.clipped += float((clipped * credit < ratio * credit).float().sum())
        sums.tokens += log_probs.numel()
    return sums


def _check_finite(step: int, loss: float, gradient_norm: float) -> None:
    for name, value in (("loss", loss), ("gradient norm", gradient_norm)):
        if not abs(value) < float("inf"):
            raise TrainingDiverged(
                f"step {step}: the {name} is {value}. The weights were not updated in this step. "
                "Reduce training.lr, or inspect the rewards and advantages of this step"
            )


def learning_rate(config: RunConfig, step: int) -> float:
    """Linear warm-up to `training.lr`, constant afterwards."""
    training = config.training
    return training.lr * min(1.0, (step + 1) / max(1, training.lr_warmup_steps))


def kl_weight(config: RunConfig, step: int) -> float:
    """Linear warm-up to `algorithm.kl_coef`, constant afterwards."""
    algorithm = config.algorithm
    return algorithm.kl_coef * min(1.0, (step + 1) / max(1, algorithm.kl_warmup_steps))
