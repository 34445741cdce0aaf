"""Sequence packing for scoring: the completions of one prompt share a row with it, instead of being padded.

A row is `prompt | completion | completion | ...`. A block mask restricts attention to the prompt and the
completion itself, and positions restart after the prompt, so the results equal those of separate sequences.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from campaign.core.sampler import MASKED

ROW_TOKENS = 128
"""Maximum length of a packed row; a single longer completion forms a separate row."""
ROWS_PER_PASS = 8
"""Number of packed rows in one forward pass."""


@dataclass(frozen=True, slots=True)
class Bin:
    """One packed row: a prompt, and the sample rows of the completions that follow it."""

    prompt: int
    members: tuple[int, ...]
    length: int


@dataclass(frozen=True, slots=True)
class Packed:
    """The input of one forward pass over packed rows, and where the output predicts each completion token."""

    ids: Tensor
    """[bins, length]"""
    positions: Tensor
    """[bins, length]"""
    mask: Tensor
    """[bins, 1, length, length] added to the attention scores."""
    sources: Tensor
    """[tokens] flat index (bins * length) of the position whose output predicts the token."""
    targets: Tensor
    """[tokens] token ids."""
    rows: Tensor
    """[tokens] sample row of each token."""
    steps: Tensor
    """[tokens] position of each token in its completion."""


def make_bins(
    prompt_lengths: Sequence[int], lengths: Sequence[int], rows: Sequence[int], group_size: int
) -> list[Bin]:
    """Packs `rows` into bins, longest completions first; bins are sorted by length, to minimise padding."""
    by_prompt: dict[int, list[int]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (-lengths[row], row)):
        by_prompt[row // group_size].append(row)
    bins: list[Bin] = []
    for prompt, members in sorted(by_prompt.items()):
        filled: list[int] = []
        length = prompt_lengths[prompt]
        for row in members:
            if filled and length + lengths[row] > ROW_TOKENS:
                bins.append(Bin(prompt, tuple(filled), length))
                filled, length = [], prompt_lengths[prompt]
            filled.append(row)
            length += lengths[row]
        bins.append(Bin(prompt, tuple(filled), length))
    return sorted(bins, key=lambda b: -b.length)


def passes(bins: Sequence[Bin]) -> Iterator[Sequence[Bin]]:
    for start in range(0, len(bins), ROWS_PER_PASS):
        yield bins[start : start + ROWS_PER_PASS]


def pack(
    prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]], bins: Sequence[Bin]
) -> Packed:
    """The forward pass over `bins`; `prompts` and `completions` are token ids."""
    length = max(b.length for b in bins)
    ids, positions, segments = [], [], []
    sources, targets, rows, steps = list[int](), list[int](), list[int](), list[int]()
    for number, b in enumerate(bins):
        prompt = prompts[b.prompt]
        row_ids, row_positions = list(prompt), list(range(len(prompt)))
        row_segments = [0] * len(prompt)
        for segment, member in enumerate(b.members, start=1):
            completion = completions[member]
            start = number * length + len(row_ids)
            # The first token is predicted at the last position of the prompt, wherever the completion starts.
            sources.append(number * length + len(prompt) - 1)
            sources.extend(range(start, start + len(completion) - 1))
            targets.extend(completion)
            rows.extend([member] * len(completion))
            steps.extend(range(len(completion)))
            row_ids.extend(completion)
            row_positions.extend(range(len(prompt), len(prompt) + len(completion)))
            row_segments.extend([segment] * len(completion))
        padding = length - len(row_ids)
        ids.append(row_ids + [0] * padding)
        positions.append(row_positions + [0] * padding)
        segments.append(row_segments + [-1] * padding)
    mask = _block_mask(torch.tensor(segments))
    return Packed(
        torch.tensor(ids), torch.tensor(positions), mask,
        torch.tensor(sources), torch.tensor(targets), torch.tensor(rows), torch.tensor(steps),
    )  # fmt: skip


def _block_mask(segments: Tensor) -> Tensor:
    """Causal attention within a segment and to segment 0, the prompt.

    Padding is segment -1: no token attends to it, and it attends to itself only.
    """
    length = segments.shape[1]
    queries, keys = segments[:, :, None], segments[:, None, :]
    visible = (queries == keys) | ((keys == 0) & (queries > 0))
    visible &= torch.ones(length, length, dtype=torch.bool).tril()
    return torch.zeros(visible.shape).masked_fill_(~visible, MASKED)[:, None]
