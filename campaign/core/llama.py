"""The Llama architecture with the parameter names of Hugging Face checkpoints.

It replaces `transformers.LlamaForCausalLM`, whose import takes seconds and 150 MB in every run; this module
needs torch and safetensors only. Weights can be exchanged without conversion.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from campaign.core.lora import MERGE_BELOW, effective_weight


@dataclass(frozen=True, slots=True)
class LlamaConfig:
    """Hyperparameters of a Llama, named as in `config.json`."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    max_position_embeddings: int = 512
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10000.0
    tie_word_embeddings: bool = True
    pad_token_id: int = 0
    bos_token_id: int | None = 1
    eos_token_ids: tuple[int, ...] = (2,)

    @classmethod
    def from_hf(cls, document: dict[str, Any]) -> LlamaConfig:
        """From the contents of a `config.json` for which `supported` is true."""
        heads = document["num_attention_heads"]
        rope = document.get("rope_parameters") or {}
        eos = document.get("eos_token_id")
        eos_ids = tuple(eos) if isinstance(eos, list) else () if eos is None else (eos,)
        pad = document.get("pad_token_id")
        return cls(
            vocab_size=document["vocab_size"],
            hidden_size=document["hidden_size"],
            intermediate_size=document["intermediate_size"],
            num_hidden_layers=document["num_hidden_layers"],
            num_attention_heads=heads,
            num_key_value_heads=document.get("num_key_value_heads") or heads,
            head_dim=document.get("head_dim") or document["hidden_size"] // heads,
            max_position_embeddings=document.get("max_position_embeddings", 2048),
            rms_norm_eps=document.get("rms_norm_eps", 1e-6),
            rope_theta=rope.get("rope_theta") or document.get("rope_theta") or 10000.0,
            tie_word_embeddings=document.get("tie_word_embeddings", False),
            pad_token_id=pad if pad is not None else (eos_ids[0] if eos_ids else 0),
            bos_token_id=document.get("bos_token_id"),
            eos_token_ids=eos_ids,
        )

    def to_hf(self) -> dict[str, Any]:
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": self.vocab_size,
            "hidden_size": self.hidden_size,
            "intermediate_size": self.intermediate_size,
            "num_hidden_layers": self.num_hidden_layers,
            "num_attention_heads": self.num_attention_heads,
            "num_key_value_heads": self.num_key_value_heads,
            "head_dim": self.head_dim,
            "hidden_act": "silu",
            "attention_bias": False,
            "mlp_bias": False,
            "max_position_embeddings": self.max_position_embeddings,
            "rms_norm_eps": self.rms_norm_eps,
            "rope_theta": self.rope_theta,
            "rope_scaling": None,
            "tie_word_embeddings": self.tie_word_embeddings,
            "pad_token_id": self.pad_token_id,
            "bos_token_id": self.bos_token_id,
            "eos_token_id": self.eos_token_ids[0]
            if len(self.eos_token_ids) == 1
            else list(self.eos_token_ids),
        }


def supported(document: dict[str, Any]) -> bool:
    """Whether this module implements the model of a `config.json`: a Llama without biases, RoPE scaling,
    tensor parallelism or quantization."""
    rope = document.get("rope_parameters") or document.get("rope_scaling") or {}
    return (
        document.get("model_type") == "llama"
        and document.get("hidden_act", "silu") == "silu"
        and not document.get("attention_bias")
        and not document.get("mlp_bias")
        and document.get("pretraining_tp", 1) == 1
        and document.get("quantization_config") is None
        and (rope.get("rope_type") or rope.get("type") or "default") == "default"
    )


class Linear(nn.Linear):
    """A linear layer without random initialisation, which loading would overwrite."""

    def reset_parameters(self) -> None:
        pass


class Embedding(nn.Embedding):
    """An embedding without random initialisation."""

    def reset_parameters(self) -> None:
        pass


class _RmsNorm(torch.autograd.Function):
    """x w / sqrt(mean x^2 + eps) with a fused backward pass, faster on a CPU than many small kernels."""

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        size = x.shape[-1]
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        # sqrt(n) / hypot(|x|, sqrt(n eps)) = 1 / sqrt(mean x^2 + eps); hypot neither overflows nor
        # underflows.
        scale = math.sqrt(size) / torch.hypot(norm, torch.full_like(norm, math.sqrt(size * eps)))
        unit = x * scale
        context.save_for_backward(unit, scale, weight)
        return unit * weight

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        unit, scale, weight = context.saved_tensors
        gradient = gradients[0]
        unit, flat = unit.flatten(0, -2), gradient.flatten(0, -2)
        product = unit * flat
        weight_gradient = product.sum(0)
        # dL/dx = scale (g w - u mean(g w u)) with u = x scale: the gradient without its component along u.
        along = torch.mv(product, weight)[:, None] / unit.shape[-1]
        x_gradient = torch.addcmul(flat * weight, unit, along, value=-1).mul_(scale.flatten(0, -2))
        return x_gradient.view_as(gradient), weight_gradient, None


class RmsNorm(nn.Module):
    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        normed: Tensor = _RmsNorm.apply(x, self.weight, self.eps)  # type: ignore[no-untyped-call]
        return normed


def joint(x: Tensor, layers: Sequence[nn.Module]) -> Tensor:
    """The concatenated outputs of the layers. Small weights are concatenated first, because one matrix
    product is faster than several."""
    weights = [effective_weight(layer) for layer in layers]
    if sum(weight.numel() for weight in weights) < MERGE_BELOW:
        return F.linear(x, torch.cat(weights))
    return torch.cat([layer(x) for layer in layers], dim=-1)


class Attention(nn.Module):
    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = (
            config.num_attention_heads, config.num_key_value_heads, config.head_dim,
        )  # fmt: skip
        width = config.hidden_size
        self.q_proj = Linear(width, self.heads * self.head_dim, bias=False)
        self.k_proj = Linear(width, self.kv_heads * self.head_dim, bias=False)
        self.v_proj = Linear(width, self.kv_heads * self.head_dim, bias=False)
        self.o_proj = Linear(self.heads * self.head_dim, width, bias=False)

    def forward(self, x: Tensor, rotation: tuple[Tensor, Tensor], mask: Tensor | None) -> Tensor:
        rows, length, _ = x.shape
        heads, kv_heads, d = self.heads, self.kv_heads, self.head_dim
        fused = joint(x, (self.q_proj, self.k_proj, self.v_proj)).view(rows, length, heads + 2 * kv_heads, d)
        turned = rotate(fused[:, :, : heads + kv_heads], rotation)
        q, k = turned[:, :, :heads].transpose(1, 2), turned[:, :, heads:]
        repeat = heads // kv_heads
        k, v = _repeated(k, repeat), _repeated(fused[:, :, heads + kv_heads :], repeat)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
        return self.o_proj(mixed.transpose(1, 2).reshape(rows, length, -1))  # type: ignore[no-any-return]


def _repeated(x: Tensor, repeat: int) -> Tensor:
    """[rows, length, kv heads, d] -> [rows, heads, length, d]: each kv head serves `repeat` query heads."""
    rows, length, kv_heads, d = x.shape
    spread = x.transpose(1, 2)[:, :, None].expand(rows, kv_heads, repeat, length, d)
    return spread.reshape(rows, kv_heads * repeat, length, d)


class FeedForward(nn.Module):
    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.gate_proj = Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = joint(x, (self.gate_proj, self.up_proj)).chunk(2, dim=-1)
        return self.down_proj(F.silu(gate) * up)  # type: ignore[no-any-return]


class Block(nn.Module):
    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.input_layernorm = RmsNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RmsNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = FeedForward(config)

    def forward(self, x: Tensor, rotation: tuple[Tensor, Tensor], mask: Tensor | None) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), rotation, mask)
        return x + self.mlp(self.post_attention_layernorm(x))  # type: ignore[no-any-return]


class Decoder(nn.Module):
    """The model without its head (prefix `model.` in checkpoints)."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.embed_tokens = Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.num_hidden_layers))
        self.norm = RmsNorm(config.hidden_size, config.rms_norm_eps)


class Llama(nn.Module):
    """A causal language model. Weights are uninitialised until loaded, or until `initialise` is called."""

    cosines: Tensor
    sines: Tensor

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.config = config
        self.model = Decoder(config)
        self.lm_head = Linear(config.hidden_size, config.vocab_size, bias=False)
        if config.tie_word_embeddings:
            self.lm_head.weight = self.model.embed_tokens.weight
        cosines, sines = rotation_tables(config)
        self.register_buffer("cosines", cosines, persistent=False)
        self.register_buffer("sines", sines, persistent=False)

    def initialise(self, generator: torch.Generator, deviation: float) -> None:
        """Draws weights from N(0, `deviation`**2) and sets norm weights to 1."""
        with torch.no_grad():
            for parameter in self.parameters():
                if parameter.ndim > 1:
                    parameter.normal_(0.0, deviation, generator=generator)
                else:
                    parameter.fill_(1.0)

    def hidden(self, ids: Tensor, positions: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Last hidden states [rows, length, hidden], after the final norm.

        `ids` is [rows, length]. `positions` is [rows, length], by default 0, 1, ... `mask` is [rows, 1,
        length, length] and is added to the attention scores; the default is causal attention.
        """
        if positions is None:
            rotation = (self.cosines[: ids.shape[1], None], self.sines[: ids.shape[1], None])
        else:
            rotation = (self.cosines[positions][:, :, None], self.sines[positions][:, :, None])
        x = self.model.embed_tokens(ids)
        for block in self.model.layers:
            x = block(x, rotation, mask)
        return self.model.norm(x)  # type: ignore[no-any-return]

    def forward(self, ids: Tensor, positions: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Logits [rows, length, vocabulary]."""
        return self.lm_head(self.hidden(ids, positions, mask))  # type: ignore[no-any-return]


def rotation_tables(config: LlamaConfig) -> tuple[Tensor, Tensor]:
    """Cosines and sines [positions, head_dim] of the rotary embedding (arXiv 2104.09864), in Llama's layout:
    the second half repeats the first."""
    exponents = torch.arange(0, config.head_dim, 2).float() / config.head_dim
    angles = torch.outer(torch.arange(config.max_position_embeddings).float(), config.rope_theta**-exponents)
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    cosines, sines = rotation
    half = x.shape[-1] // 2
    return x * cosines + torch.cat([-x[..., half:], x[..., :half]], dim=-1) * sines
