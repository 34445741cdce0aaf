"""A Llama with fused weights for fast decoding, one token per row, on a CPU.

Queries, keys and values are computed by one matrix product, gate and up by another. The norm weights and the
attention scale are folded into these matrices, and rotary pairs are adjacent, so that a rotation is one
complex multiplication.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from campaign.core.llama import Attention, Block, FeedForward, Llama
from campaign.core.lora import effective_weight

LayerWeights = tuple[Tensor, Tensor, Tensor, Tensor]
"""Transposed weights: query-key-value, attention output, gate-up, down."""


class FusedDecoder:
    """A snapshot of a model's weights with merged adapters. Call `refresh` after each update."""

    def __init__(self, model: Llama) -> None:
        config = model.config
        device = model.cosines.device
        # x / sqrt(mean(x^2) + eps) = sqrt(n) x / hypot(|x|, sqrt(n eps)): three kernels instead of six.
        # sqrt(n) is folded into the weights that follow the norm.
        self._gain = math.sqrt(config.hidden_size)
        self._floor = torch.tensor(math.sqrt(config.hidden_size * config.rms_norm_eps), device=device)
        self.vocab_size = config.vocab_size
        self.heads, self.kv_heads, self.head_dim = (
            config.num_attention_heads, config.num_key_value_heads, config.head_dim,
        )  # fmt: skip
        half = config.head_dim // 2
        # [positions, head_dim / 2]. Llama pairs dimension i with i + head_dim / 2; a complex view needs the
        # two adjacent. Attention scores do not change, because queries and keys are permuted alike.
        self.rotations = torch.complex(model.cosines[:, :half].float(), model.sines[:, :half].float())
        self._pairs = torch.stack([torch.arange(half), torch.arange(half) + half], dim=1).flatten().to(device)
        self.layers: list[LayerWeights] = []
        self.refresh(model)

    @torch.no_grad()
    def refresh(self, model: Llama) -> None:
        self.embedding = model.model.embed_tokens.weight.detach()
        self.layers = [self._fuse(block) for block in model.model.layers if isinstance(block, Block)]
        self.head = (
            (effective_weight(model.lm_head) * (self._gain * model.model.norm.weight)).t().contiguous()
        )

    def _fuse(self, block: Block) -> LayerWeights:
        attention, feed_forward = block.self_attn, block.mlp
        assert isinstance(attention, Attention)
        assert isinstance(feed_forward, FeedForward)
        q = self._paired(effective_weight(attention.q_proj), self.heads) / math.sqrt(self.head_dim)
        k = self._paired(effective_weight(attention.k_proj), self.kv_heads)
        qkv = torch.cat([q, k, effective_weight(attention.v_proj)]) * (
            self._gain * block.input_layernorm.weight
        )
        gate_up = torch.cat(
            [effective_weight(feed_forward.gate_proj), effective_weight(feed_forward.up_proj)]
        )
        gate_up = gate_up * (self._gain * block.post_attention_layernorm.weight)
        out, down = effective_weight(attention.o_proj), effective_weight(feed_forward.down_proj)
        return qkv.t().contiguous(), out.t().contiguous(), gate_up.t().contiguous(), down.t().contiguous()

    def _paired(self, weight: Tensor, heads: int) -> Tensor:
        return weight.view(heads, self.head_dim, -1)[:, self._pairs].reshape(heads * self.head_dim, -1)

    def new_cache(self, rows: int, length: int) -> list[Tensor]:
        """Uninitialised keys and values of each layer: [2, rows, kv heads, length, head_dim]."""
        shape = (2, rows, self.kv_heads, length, self.head_dim)
        return [torch.empty(shape, dtype=self.head.dtype, device=self.head.device) for _ in self.layers]

    def advance(
        self, ids: Tensor, cache: list[Tensor], start: int, rotations: Tensor, bias: Tensor | None
    ) -> Tensor:
        """Hidden states [rows * new, hidden] of `ids` [rows, new]; their keys and values are cached from
        `start` on.

        `rotations` broadcasts to [rows, new, 1, head_dim / 2]; `bias` [rows * kv heads, heads/kv heads * new,
        start + new] is added to the attention scores.
        """
        rows, new = ids.shape
        x = F.embedding(ids.reshape(-1), self.embedding)
        for weights, layer_cache in zip(self.layers, cache, strict=True):
            x = self._layer(x, weights, layer_cache, (rows, new, start), rotations, bias)
        return x

    def _layer(
        self,
        x: Tensor,
        weights: LayerWeights,
        cache: Tensor,
        extent: tuple[int, int, int],
        rotations: Tensor,
        bias: Tensor | None,
    ) -> Tensor:
        rows, new, start = extent
        end = start + new
        heads, kv_heads, d = self.heads, self.kv_heads, self.head_dim
        shared = heads // kv_heads
        qkv, out, gate_up, down = weights
        fused = torch.mm(self._normed(x), qkv).view(rows, new, heads + 2 * kv_heads, d)
        queries_keys = fused[:, :, : heads + kv_heads]
        if fused.dtype == torch.float32:
            torch.view_as_complex(queries_keys.view(rows, new, heads + kv_heads, d // 2, 2)).mul_(rotations)
        else:
            # There is no complex type of bfloat16 components, so the rotation is computed in float32.
            turned = (
                torch.view_as_complex(queries_keys.float().view(rows, new, heads + kv_heads, d // 2, 2))
                * rotations
            )
            queries_keys.copy_(torch.view_as_real(turned).flatten(-2))
        cache[:, :, :, start:end] = fused[:, :, heads:].view(rows, new, 2, kv_heads, d).permute(2, 0, 3, 1, 4)
        q = fused[:, :, :heads].reshape(rows, new, kv_heads, shared, d).permute(0, 2, 3, 1, 4)
        q = q.reshape(rows * kv_heads, shared * new, d)
        keys = cache[0].view(rows * kv_heads, -1, d)[:, :end].transpose(1, 2)
        values = cache[1].view(rows * kv_heads, -1, d)[:, :end]
        scores = torch.bmm(q, keys) if bias is None else torch.baddbmm(bias, q, keys)
        mixed = torch.bmm(torch.softmax(scores, dim=-1), values)
        mixed = mixed.view(rows, heads, new, d).transpose(1, 2).reshape(rows * new, heads * d)
        x = torch.addmm(x, mixed, out)
        opened = torch.mm(self._normed(x), gate_up)
        gate, up = opened.chunk(2, dim=1)
        return torch.addmm(x, F.silu(gate) * up, down)

    def logits(self, x: Tensor) -> Tensor:
        """float32 logits [n, vocabulary] of hidden states [n, hidden]."""
        return torch.mm(self._normed(x), self.head).float()

    def _normed(self, x: Tensor) -> Tensor:
        return x / torch.hypot(torch.linalg.vector_norm(x, dim=-1, keepdim=True), self._floor)
