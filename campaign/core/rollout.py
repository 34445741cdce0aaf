"""Rollouts: the sampled, decoded and scored completions of one step, with their planning tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from campaign.core.planning_tokens import PlanningGrams
from campaign.core.policy import Policy, PromptBatch
from campaign.core.problem_stream import Problem
from campaign.core.randomness import derive_seed
from campaign.core.sampler import Samples
from campaign.core.verify import final_answer, reward_of
from campaign.spec.config import TrainingSection


@dataclass(frozen=True, slots=True)
class Rollout:
    """The completions of a step. Rows are numbered prompt * group_size + member."""

    problems: tuple[Problem, ...]
    batch: PromptBatch
    samples: Samples
    texts: tuple[str, ...]
    rewards: Tensor
    """[prompts, group]"""
    planning: Tensor
    """[rows, tokens] 1.0 for planning tokens, otherwise 0.0."""

    @property
    def correct(self) -> Tensor:
        """[prompts, group] bool: whether a completion has the full reward."""
        return self.rewards >= 1.0

    @property
    def extraction_rate(self) -> float:
        """Share of completions that mark a final answer."""
        return sum(final_answer(text) is not None for text in self.texts) / len(self.texts)


def roll_out(
    policy: Policy,
    problems: Sequence[Problem],
    grams: PlanningGrams | None,
    training: TrainingSection,
    group_size: int,
    generator: torch.Generator,
) -> Rollout:
    """Samples and scores `group_size` completions per problem; without `grams` no planning tokens are marked."""
    prompts = tuple(tuple(policy.tokenizer.encode(problem.prompt)) for problem in problems)
    batch = PromptBatch(prompts, group_size, training.temperature)
    uniforms = torch.rand(len(prompts) * group_size, training.max_tokens, generator=generator)
    samples = policy.sample(batch, uniforms)
    rows = samples.rows()
    texts = tuple(policy.tokenizer.decode(ids) for ids in rows)
    rewards = [
        reward_of(problems[row // group_size].problem_type, text, problems[row // group_size].answer)
        for row, text in enumerate(texts)
    ]
    planning = torch.zeros_like(samples.log_probs)
    if grams is not None:
        for row, (ids, text) in enumerate(zip(rows, texts, strict=True)):
            marks = grams.mask(ids, text, policy.tokenizer)
            if any(marks):
                planning[row, : len(marks)] = torch.tensor(marks, dtype=planning.dtype)
    return Rollout(
        tuple(problems), batch, samples, texts, torch.tensor(rewards).view(-1, group_size), planning
    )


def step_generator(purpose: str, seed: int, step: int) -> torch.Generator:
    """The generator for all randomness of one step, which makes steps independent of each other."""
    return torch.Generator().manual_seed(derive_seed(purpose, seed, step))
