"""Credit assignment: the pipeline from rewards to token advantages, in which conditions usually differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from campaign.core.advantages import as_tensor, resolve_advantage
from campaign.core.dotted import load_function
from campaign.core.rollout import Rollout
from campaign.core.sepa import SepaState, observe, pooling
from campaign.core.transforms import TransformContext, resolve_transform
from campaign.core.uncertainty import UncertaintyContext, resolve_uncertainty
from campaign.spec.config import RunConfig


@dataclass(frozen=True, slots=True)
class AlgorithmContext:
    """The input of a function named by `algorithm.algorithm_mode`; it returns advantages [rows, tokens]."""

    rewards: Tensor
    """[prompts, group]"""
    tokens: Tensor
    """[rows, tokens] ids; row = prompt * group + member."""
    log_probs: Tensor
    entropies: Tensor
    planning: Tensor
    mask: Tensor
    step: int
    params: Mapping[str, Any] = field(default_factory=dict)
    """`algorithm.params`."""


@dataclass(frozen=True, slots=True)
class Credit:
    tokens: Tensor
    """[rows, tokens] advantage of each token; zero after the end of a completion."""
    uncertainty: Tensor
    """[rows, tokens] of the configured kind."""
    sepa_lambda: float | None
    """None when the configured credit does not use it."""
    sepa: SepaState
    """The state after this step."""


CreditPipeline = Callable[[Rollout, int, SepaState], Credit]


def credit_pipeline(config: RunConfig) -> CreditPipeline:
    """The pipeline that `[algorithm]` configures. Raises `UsageError` for an unknown name."""
    algorithm = config.algorithm
    uncertainty_of = resolve_uncertainty(algorithm.uncertainty_kind)
    advantages_of = _user_pipeline(config) if algorithm.algorithm_mode else _built_in_pipeline(config)
    pools = algorithm.uses_sepa

    def assign(rollout: Rollout, step: int, state: SepaState) -> Credit:
        samples = rollout.samples
        mask = samples.mask
        uncertainty = uncertainty_of(UncertaintyContext(samples.log_probs, samples.entropies, mask))
        execution = uncertainty[(mask > 0) & (rollout.planning == 0)]
        variance = float(execution.var(correction=0)) if execution.numel() else None
        state = observe(state, config.sepa, float(rollout.correct.float().mean()), variance)
        weight = pooling(state, config.sepa, step)
        tokens = advantages_of(rollout, uncertainty, mask, step, weight)
        return Credit(tokens, uncertainty, weight if pools else None, state)

    return assign


TokenAdvantages = Callable[[Rollout, Tensor, Tensor, int, float], Tensor]
"""(rollout, uncertainty, mask, step, SEPA's lambda) -> advantages [rows, tokens]."""


def _built_in_pipeline(config: RunConfig) -> TokenAdvantages:
    algorithm = config.algorithm
    advantage = resolve_advantage(algorithm.advantage_mode, algorithm.advantage_params)
    transform = resolve_transform(algorithm.transform_mode)

    def credit(rollout: Rollout, uncertainty: Tensor, mask: Tensor, step: int, sepa_lambda: float) -> Tensor:
        return transform(
            TransformContext(
                advantages=advantage(rollout.rewards).flatten(),
                uncertainty=uncertainty,
                planning=rollout.planning,
                mask=mask,
                rewards=rollout.rewards.flatten(),
                tokens=rollout.samples.tokens,
                log_probs=rollout.samples.log_probs,
                group_size=rollout.rewards.shape[1],
                step=step,
                gtpo_beta=config.gtpo.beta,
                hicra_alpha=config.hicra.alpha,
                sepa_lambda=sepa_lambda,
                params=algorithm.transform_params,
            )
        )

    return credit


def _user_pipeline(config: RunConfig) -> TokenAdvantages:
    path = config.algorithm.algorithm_mode or ""
    function = load_function(path, "algorithm.algorithm_mode")

    def credit(rollout: Rollout, _uncertainty: Tensor, mask: Tensor, step: int, _lambda: float) -> Tensor:
        samples = rollout.samples
        context = AlgorithmContext(
            rewards=rollout.rewards,
            tokens=samples.tokens,
            log_probs=samples.log_probs,
            entropies=samples.entropies,
            planning=rollout.planning,
            mask=mask,
            step=step,
            params=config.algorithm.params,
        )
        return as_tensor(function(context), mask, path) * mask

    return credit
