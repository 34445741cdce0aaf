"""Sampling of completions with one prefill per prompt, a preallocated cache, and compaction of finished rows.

Each (row, position) has its own uniform number, which is converted to a token by inverse transform sampling.
The tokens of a row therefore do not depend on which other rows are still being sampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from campaign.core.decoder import FusedDecoder

MASKED = -1e30
"""Added to masked attention scores. Finite, because a softmax over scores that are all -inf is NaN."""

COMPACT_BELOW = 0.75
"""Finished rows are removed once at most this share of the rows is still being sampled."""

DEFER_BELOW = 2048
"""Up to this vocabulary size, logits are stored and normalised together at the end, in one operation."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Completions, in rows prompt * group_size + member; zero after the end of each completion."""

    tokens: Tensor
    """[rows, longest] token ids, including the end token."""
    log_probs: Tensor
    """[rows, longest] log-probability of each token at the sampling temperature."""
    entropies: Tensor
    """[rows, longest] entropy, in nats, of the full distribution each token was drawn from."""
    lengths: Tensor
    """[rows] number of tokens of each completion."""
    ended: Tensor
    """[rows] bool: whether the completion ended with an end token."""

    @property
    def mask(self) -> Tensor:
        """[rows, longest] 1.0 for tokens, 0.0 after the end of a completion."""
        steps = torch.arange(self.tokens.shape[1], device=self.tokens.device)
        return (steps < self.lengths[:, None]).float()

    def rows(self) -> list[list[int]]:
        """The token ids of each completion."""
        lengths = self.lengths.tolist()
        return [ids[:n] for ids, n in zip(self.tokens.tolist(), lengths, strict=True)]


@dataclass(slots=True)
class _Recorder:
    """Collects the drawn tokens with their logits, and normalises the logits of several steps together."""

    tokens: Tensor
    log_probs: Tensor
    entropies: Tensor
    defer: bool
    pending: list[tuple[Tensor, Tensor, Tensor, int]] = field(default_factory=list)

    def add(self, logits: Tensor, drawn: Tensor, rows: Tensor, step: int) -> None:
        self.pending.append((logits, drawn, rows, step))
        if not self.defer:
            self.flush()

    def flush(self) -> None:
        if not self.pending:
            return
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
    cache = _expand_cache(decoder, cache, group_size, capacity)
    padded = bool((pads > 0).any())
    bias = _decode_bias(decoder, pads, capacity) if padded else None
    positions = (torch.arange(capacity, device=device) - pads[:, None]).clamp_(0)
    rotations = decoder.rotations[positions] if padded else decoder.rotations[:capacity]

    lengths = torch.full((rows_total,), max_tokens, device=device)
    ended = torch.zeros(rows_total, dtype=torch.bool, device=device)
    recorder = _Recorder(
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
        recorder.add(logits, drawn, rows, step)
        stops = alive & (drawn == eos_ids if len(eos_ids) == 1 else torch.isin(drawn, eos_ids))
        stopped = int(stops.sum())
        if stopped:
            lengths[rows[stops]] = step + 1
            ended[rows[stops]] = True
            alive = alive & ~stops
            remaining -= stopped
        if remaining == 0 or step + 1 == max_tokens:
            break
        position = width + step
        if compact and stopped and remaining <= COMPACT_BELOW * len(rows):
            keep = alive.nonzero()[:, 0]
            cache = [_select_rows(layer, keep, position) for layer in cache]
            rows, drawn, uniforms, alive = rows[keep], drawn[keep], uniforms[keep], alive[keep]
            if bias is not None:
                bias, rotations = bias[keep], rotations[keep]
        rotation = rotations[:, position, None, None] if padded else rotations[position]
        mask = None if bias is None else bias[..., : position + 1].flatten(0, 1)
        logits = decoder.logits(decoder.advance(drawn[:, None], cache, position, rotation, mask))
    recorder.flush()
    return _samples(recorder, lengths, ended)


def _samples(recorder: _Recorder, lengths: Tensor, ended: Tensor) -> Samples:
    """The recorded samples, cut to the longest completion and zeroed after the end of each one.

    Without compaction, rows that have ended are still recorded.
    """
    longest = int(lengths.max())
    mask = (torch.arange(longest, device=lengths.device) < lengths[:, None]).float()
    return Samples(
        recorder.tokens[:, :longest] * mask.long(),
        recorder.log_probs[:, :longest] * mask,
        recorder.entropies[:, :longest] * mask,
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
    """Samples completions of `prompts` (token ids each).

    `uniforms` is [prompts * group, max_tokens] in [0, 1) and determines the group size. `compact=False` keeps
    finished rows in every step, which gives the same tokens more slowly.
    """
    stops = torch.tensor(list(eos_ids), dtype=torch.long, device=decoder.head.device)
    samples = _sample(decoder, prompts, uniforms.to(decoder.head.device), temperature, stops, compact)
    # Tensors created in inference mode cannot be saved for a backward pass; clones can.
    return Samples(*(getattr(samples, name).clone() for name in Samples.__slots__))


def draw_tokens(logits: Tensor, uniforms: Tensor) -> Tensor:
    """Inverse transform sampling of tokens [rows] from logits [rows, vocabulary] at `uniforms` [rows]."""
    cumulative = torch.softmax(logits, dim=-1).cumsum(-1)
    # The rounded sum differs from 1; scaling the uniform number by it keeps the draw within the vocabulary.
    drawn = torch.searchsorted(cumulative, uniforms[:, None] * cumulative[:, -1:], right=True)
    return drawn[:, 0].clamp_(max=logits.shape[1] - 1)


def _prefill(
    decoder: FusedDecoder, prompts: Sequence[Sequence[int]], pads: Tensor, width: int
) -> tuple[Tensor, list[Tensor]]:
    """Logits [prompts, vocabulary] after each prompt, and the cache of the prompts, padded on the left."""
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


def _expand_cache(decoder: FusedDecoder, cache: list[Tensor], group_size: int, capacity: int) -> list[Tensor]:
    """The cache of the prompts, repeated for each member of a group, with `capacity` positions."""
    width = cache[0].shape[3]
    expanded = decoder.new_cache(cache[0].shape[1] * group_size, capacity)
    for target, layer in zip(expanded, cache, strict=True):
        target[:, :, :, :width] = layer.repeat_interleave(group_size, 1)
    return expanded


def _decode_bias(decoder: FusedDecoder, pads: Tensor, capacity: int) -> Tensor:
    """[rows, kv heads, shared heads, capacity] attention bias that masks the padding of each row."""
    bias = (torch.arange(capacity, device=pads.device) < pads[:, None]).to(decoder.head.dtype) * MASKED
    shared = decoder.heads // decoder.kv_heads
    return bias[:, None, None].expand(len(pads), decoder.kv_heads, shared, capacity).contiguous()


def _select_rows(layer: Tensor, keep: Tensor, filled: int) -> Tensor:
    """The cache of the rows `keep`; positions from `filled` on are left uninitialised."""
    selected = torch.empty(2, len(keep), *layer.shape[2:], dtype=layer.dtype, device=layer.device)
    selected[:, :, :, :filled] = layer[:, keep, :, :filled]
    return selected
