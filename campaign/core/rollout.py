"""One step's experience: completions sampled, decoded, judged, and marked where they plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from campaign.core.planning_tokens import PlanningGrams
from campaign.core.policy import Policy, PromptBatch
from campaign.core.problems import Problem
from campaign.core.randomness import derive_seed
from campaign.core.sampler import Samples
from campaign.core.verify import final_answer, reward_of
from campaign.spec.config import TrainingSection


@dataclass(frozen=True, slots=True)
class Rollout:
    """Rows are completions, prompt * group_size + member."""

    problems: tuple[Problem, ...]
    batch: PromptBatch
    samples: Samples
    texts: tuple[str, ...]
    rewards: Tensor
    """[prompts, group]"""
    planning: Tensor
    """[rows, tokens] 1.0 on planning tokens."""

    @property
    def correct(self) -> Tensor:
        """[prompts, group] bool: full reward."""
        return self.rewards >= 1.0

    @property
    def extraction_rate(self) -> float:
        """Share of completions that mark an answer."""
        return sum(final_answer(text) is not None for text in self.texts) / len(self.texts)


def roll_out(
    policy: Policy,
    problems: Sequence[Problem],
    grams: PlanningGrams | None,
    training: TrainingSection,
    group_size: int,
    generator: torch.Generator,
) -> Rollout:
    """`group_size` judged completions of every problem; without `grams` no token counts as planning."""
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
    """All randomness of a step; nothing is carried from one step to the next."""
    return torch.Generator().manual_seed(derive_seed(purpose, seed, step))
