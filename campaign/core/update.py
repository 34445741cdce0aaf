"""The policy's update on one batch: policy gradient, clipped when a batch is used several times, and KL.

Rows without any advantage contribute nothing to the gradient; without a KL term they are left out, which
changes no number.
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
    """A loss or gradient is not a finite number any more."""


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """What the last of a batch's updates was like; KL and clipping are means over the tokens it saw."""

    loss: float
    kl: float | None
    clip_fraction: float | None
    grad_norm: float
    update_norm: float
    rows: int
    """Completions that entered."""


@dataclass(slots=True)
class _Sums:
    loss: float = 0.0
    kl: float = 0.0
    clipped: float = 0.0
    tokens: int = 0


def update(
    policy: Policy, optimizer: FlatAdamW, rollout: Rollout, advantages: Tensor, config: RunConfig, step: int
) -> UpdateReport:
    """Changes the policy by `training.updates_per_batch` optimizer steps.

    `advantages`: [rows, tokens]. Raises `TrainingDiverged` when loss or gradient is not finite.
    """
    training = config.training
    kl_coef = kl_weight(config, step)
    rows = _rows_that_count(advantages, kl_coef)
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


def _rows_that_count(advantages: Tensor, kl_coef: float) -> list[int]:
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
    """Accumulates the gradient of the loss, pass by pass."""
    training, samples = config.training, rollout.samples
    kl_coef, reference = kl
    # Constant (not the number of tokens): a token weighs the same whatever the batch's lengths (2503.20783).
    normaliser = samples.tokens.shape[0] * training.max_tokens
    sums = _Sums()
    for scores in policy.scores(rollout.batch, samples, rows):
        log_probs, at = scores.log_probs, (scores.rows, scores.steps)
        device = log_probs.device
        credit = advantages[at].to(device)
        # On-policy the ratio is one by definition; the sampler's numbers differ from these in the last bits.
        old = samples.log_probs[at].to(device) if training.updates_per_batch > 1 else log_probs.detach()
        ratio = torch.exp(log_probs - old)
        clipped = ratio.clamp(1 - training.clip_ratio, 1 + training.clip_ratio)
        loss = -torch.minimum(ratio * credit, clipped * credit).sum()
        if reference is not None:
            gap = reference[at].to(device) - log_probs
            divergence = (gap.exp() - gap - 1).sum()  # k3 estimator, joschu.net/blog/kl-approx.html
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
                f"step {step}: the {name} is {value}; the weights were left as they were before this update. "
                "A lower training.lr, or a look at the rewards and advantages of this step, may help"
            )


def learning_rate(config: RunConfig, step: int) -> float:
    """Linear rise to `training.lr`, constant after it."""
    training = config.training
    return training.lr * min(1.0, (step + 1) / max(1, training.lr_warmup_steps))


def kl_weight(config: RunConfig, step: int) -> float:
    """Linear rise to `algorithm.kl_coef`, constant after it."""
    algorithm = config.algorithm
    return algorithm.kl_coef * min(1.0, (step + 1) / max(1, algorithm.kl_warmup_steps))
