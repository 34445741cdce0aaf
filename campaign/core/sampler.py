"""Sampling completions: one prefill a prompt, a preallocated cache, finished rows compacted away.

Every (row, position) has its own uniform number, turned into a token by the inverse of the cumulative
distribution, so a row's tokens do not depend on which other rows are still being sampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from campaign.core.decoder import FusedDecoder

MASKED = -1e30
"""Added to scores that must not count; finite, so that a fully masked row stays a number."""

COMPACT_BELOW = 0.75
"""Rows are compacted when this share of them, or fewer, are still being sampled."""

DEFER_BELOW = 2048
"""Up to this vocabulary, logits are kept and normalised all at once at the end."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Completions of prompts x group, row = prompt * group_size + member; zero beyond each row's length."""

    tokens: Tensor
    """[rows, longest] token ids, the end token included."""
    log_probs: Tensor
    """[rows, longest] log-probability of each token at the sampling temperature."""
    entropies: Tensor
    """[rows, longest] entropy, in nats, of the full distribution each token was drawn from."""
    lengths: Tensor
    """[rows] tokens in each completion."""
    ended: Tensor
    """[rows] bool: the completion came to its end token before the limit."""

    @property
    def mask(self) -> Tensor:
        """[rows, longest] 1.0 where there is a token."""
        steps = torch.arange(self.tokens.shape[1], device=self.tokens.device)
        return (steps < self.lengths[:, None]).float()

    def rows(self) -> list[list[int]]:
        """Token ids of each completion."""
        lengths = self.lengths.tolist()
        return [ids[:n] for ids, n in zip(self.tokens.tolist(), lengths, strict=True)]


@dataclass(slots=True)
class _Record:
    """What is drawn, set aside with its logits until they can be normalised together."""

    tokens: Tensor
    log_probs: Tensor
    entropies: Tensor
    defer: bool
    pending: list[tuple[Tensor, Tensor, Tensor, int]] = field(default_factory=list)

    def add(self, logits: Tensor, drawn: Tensor, rows: Tensor, step: int) -> None:
        self.pending.append((logits, drawn, rows, step))
        if not self.defer:
            self.settle()

    def settle(self) -> None:
        logits = torch.cat([entry[0] for entry in self.pending])
        drawn = torch.cat([entry[1] for entry in self.pending])
        rows = torch.cat([entry[2] for entry in self.pending])
        steps = torch.cat([torch.full_like(entry[2], entry[3]) for entry in self.pending])
        log_probs = torch.log_softmax(logits, dim=-1)
        self.tokens[rows, steps] = drawn
        self.log_probs[rows, steps] = log_probs.gather(1, drawn[:, None])[:, 0]
        self.entropies[rows, steps] = -(log_probs.exp() * log_probs).sum(-1)
        self.pending.clear()


@torch.inference_mode()
def _sample(
    decoder: FusedDecoder,
    prompts: Sequence[Sequence[int]],
    uniforms: Tensor,
    temperature: float,
    eos_ids: Tensor,
    compact: bool,
) -> Samples:
    device = decoder.head.device
    rows_total, max_tokens = uniforms.shape
    group_size = rows_total // len(prompts)
    width = max(map(len, prompts))
    capacity = width + max_tokens
    pads = torch.tensor([width - len(prompt) for prompt in prompts], device=device)
    logits, cache = _prefill(decoder, prompts, pads, width)
    logits = logits.repeat_interleave(group_size, 0)
    pads = pads.repeat_interleave(group_size)
    cache = _spread(decoder, cache, group_size, capacity)
    padded = bool((pads > 0).any())
    bias = _decode_bias(decoder, pads, capacity) if padded else None
    positions = (torch.arange(capacity, device=device) - pads[:, None]).clamp_(0)
    rotations = decoder.rotations[positions] if padded else decoder.rotations[:capacity]

    lengths = torch.full((rows_total,), max_tokens, device=device)
    ended = torch.zeros(rows_total, dtype=torch.bool, device=device)
    record = _Record(
        torch.zeros(rows_total, max_tokens, dtype=torch.long, device=device),
        torch.zeros(rows_total, max_tokens, device=device),
        torch.zeros(rows_total, max_tokens, device=device),
        defer=decoder.vocab_size <= DEFER_BELOW,
    )
    rows = torch.arange(rows_total, device=device)
    alive = torch.ones(rows_total, dtype=torch.bool, device=device)
    remaining = rows_total
    for step in range(max_tokens):
        if temperature != 1.0:
            logits = logits / temperature
        drawn = draw_tokens(logits, uniforms[:, step])
        record.add(logits, drawn, rows, step)
        stops = alive & (drawn == eos_ids if len(eos_ids) == 1 else torch.isin(drawn, eos_ids))
        stopped = int(stops.sum())
        if stopped:
            lengths[rows[stops]] = step + 1
            ended[rows[stops]] = True
            alive = alive & ~stops
            remaining -= stopped
        if remaining == 0 or step + 1 == max_tokens:
            break
        now = width + step
        if compact and stopped and remaining <= COMPACT_BELOW * len(rows):
            keep = alive.nonzero()[:, 0]
            cache = [_kept(layer, keep, now) for layer in cache]
            rows, drawn, uniforms, alive = rows[keep], drawn[keep], uniforms[keep], alive[keep]
            if bias is not None:
                bias, rotations = bias[keep], rotations[keep]
        turn = rotations[:, now, None, None] if padded else rotations[now]
        visible = None if bias is None else bias[..., : now + 1].flatten(0, 1)
        logits = decoder.logits(decoder.advance(drawn[:, None], cache, now, turn, visible))
    if record.pending:
        record.settle()
    longest = int(lengths.max())
    mask = (torch.arange(longest, device=device) < lengths[:, None]).float()
    return Samples(
        record.tokens[:, :longest] * mask.long(),
        record.log_probs[:, :longest] * mask,
        record.entropies[:, :longest] * mask,
        lengths,
        ended,
    )


def sample(
    decoder: FusedDecoder,
    prompts: Sequence[Sequence[int]],
    uniforms: Tensor,
    temperature: float,
    eos_ids: Sequence[int],
    *,
    compact: bool = True,
) -> Samples:
    """Completions of `prompts` (token ids each), as many a prompt as `uniforms` has rows for.

    `uniforms`: [prompts * group, max_tokens] in [0, 1). `compact=False` keeps finished rows in every step:
    the same tokens, slower.
    """
    stops = torch.tensor(list(eos_ids), dtype=torch.long, device=decoder.head.device)
    samples = _sample(decoder, prompts, uniforms.to(decoder.head.device), temperature, stops, compact)
    # Tensors made in inference mode cannot take part in a backward pass; copies can.
    return Samples(*(getattr(samples, name).clone() for name in Samples.__slots__))


def draw_tokens(logits: Tensor, uniforms: Tensor) -> Tensor:
    """Tokens [rows] by the inverse CDF of softmax(logits) [rows, vocabulary] at `uniforms` [rows]."""
    cumulative = torch.softmax(logits, dim=-1).cumsum(-1)
    # The sum is not exactly one; scaling the uniform by it keeps the draw inside the vocabulary.
    drawn = torch.searchsorted(cumulative, uniforms[:, None] * cumulative[:, -1:], right=True)
    return drawn[:, 0].clamp_(max=logits.shape[1] - 1)


def _prefill(
    decoder: FusedDecoder, prompts: Sequence[Sequence[int]], pads: Tensor, width: int
) -> tuple[Tensor, list[Tensor]]:
    """Logits [prompts, vocabulary] after each prompt, padded on the left, and the prompts' cache."""
    device = decoder.head.device
    ids = torch.tensor([[0] * (width - len(prompt)) + list(prompt) for prompt in prompts], device=device)
    steps = torch.arange(width, device=device)
    cache = decoder.new_cache(len(prompts), width)
    rotations = decoder.rotations[(steps - pads[:, None]).clamp_(0)][:, :, None]
    bias = torch.full((width, width), MASKED, device=device).triu_(1)
    bias = bias + ((steps < pads[:, None]).float() * MASKED)[:, None, :]
    shared = decoder.heads // decoder.kv_heads
    bias = bias[:, None, None].expand(len(prompts), decoder.kv_heads, shared, width, width)
    bias = bias.reshape(len(prompts) * decoder.kv_heads, shared * width, width).to(decoder.head.dtype)
    hidden = decoder.advance(ids, cache, 0, rotations, bias)
    return decoder.logits(hidden.view(len(prompts), width, -1)[:, -1]), cache


def _spread(decoder: FusedDecoder, cache: list[Tensor], group_size: int, capacity: int) -> list[Tensor]:
    """The prompts' cache, once for each member of a group, with room for the completions."""
    width = cache[0].shape[3]
    spread = decoder.new_cache(cache[0].shape[1] * group_size, capacity)
    for target, layer in zip(spread, cache, strict=True):
        target[:, :, :, :width] = layer.repeat_interleave(group_size, 1)
    return spread


def _decode_bias(decoder: FusedDecoder, pads: Tensor, capacity: int) -> Tensor:
    """[rows, kv heads, shared heads, capacity]: hides each row's padding."""
    hidden = (torch.arange(capacity, device=pads.device) < pads[:, None]).to(decoder.head.dtype) * MASKED
    shared = decoder.heads // decoder.kv_heads
    return hidden[:, None, None].expand(len(pads), decoder.kv_heads, shared, capacity).contiguous()


def _kept(layer: Tensor, keep: Tensor, filled: int) -> Tensor:
    kept = torch.empty(2, len(keep), *layer.shape[2:], dtype=layer.dtype, device=layer.device)
    kept[:, :, :, :filled] = layer[:, keep, :, :filled]
    return kept
