"""Low-rank adapters (LoRA, arXiv 2106.09685) for the linear layers of any model, saved in peft's format.

The peft package is not used, because it imports transformers, which takes seconds in every run.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from campaign.core.tensor_file import save_tensors
from campaign.errors import UsageError

MERGE_BELOW = 2**20
"""Weights with fewer elements are merged with their adapter before each product, which is faster than the two
additional products of the adapter."""


class LoraLinear(nn.Module):
    """A linear layer with weight W + alpha/rank B A, of which only A and B are trained.

    B starts at zero, so that the adapted model initially equals the base model; A is uniform with the bound
    of `nn.Linear`.
    """

    def __init__(self, base: nn.Linear, rank: int, alpha: float, generator: torch.Generator) -> None:
        super().__init__()
        self.weight, self.bias = base.weight, base.bias
        device = base.weight.device
        bound = 1 / math.sqrt(base.in_features)
        a = torch.empty(rank, base.in_features).uniform_(-bound, bound, generator=generator)
        self.lora_A = nn.Parameter(a.to(device))
        self.lora_B = nn.Parameter(torch.zeros(base.out_features, rank, device=device))
        self.scale = alpha / rank
        self.enabled = True

    def merged(self) -> Tensor:
        """The effective weight [out, in]."""
        if not self.enabled:
            return self.weight
        return self.weight + (self.scale * self.lora_B @ self.lora_A).to(self.weight.dtype)

    def forward(self, x: Tensor) -> Tensor:
        if not self.enabled or self.weight.numel() < MERGE_BELOW:
            return F.linear(x, self.merged(), self.bias)
        low = F.linear(F.linear(x, self.lora_A.to(x.dtype)), self.lora_B.to(x.dtype))
        return F.linear(x, self.weight, self.bias) + self.scale * low


def effective_weight(layer: nn.Module) -> Tensor:
    """The effective weight of a linear layer, including its adapter."""
    weight = layer.merged() if isinstance(layer, LoraLinear) else layer.weight
    assert isinstance(weight, Tensor)
    return weight


def add_adapters(
    model: nn.Module, rank: int, alpha: float, targets: Sequence[str], generator: torch.Generator
) -> None:
    """Freezes `model` and adds an adapter to every linear layer whose name ends in one of `targets`.

    Raises `UsageError` when a target matches no layer.
    """
    linear = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    last_names = {name.rpartition(".")[2] for name in linear}
    if missing := [target for target in targets if target not in last_names]:
        available = ", ".join(sorted(last_names))
        raise UsageError(
            f"model.lora_targets: no linear layer is called {', '.join(missing)}; available: {available}"
        )
    model.requires_grad_(False)
    for name, module in linear.items():
        parent_name, _, last = name.rpartition(".")
        if last in targets:
            setattr(model.get_submodule(parent_name), last, LoraLinear(module, rank, alpha, generator))


def adapters(model: nn.Module) -> dict[str, LoraLinear]:
    """Module name -> adapter, in the order of the model."""
    return {name: module for name, module in model.named_modules() if isinstance(module, LoraLinear)}


@contextmanager
def adapters_disabled(model: nn.Module) -> Iterator[None]:
    """Disables the adapters, which restores the untrained model."""
    layers = adapters(model).values()
    for layer in layers:
        layer.enabled = False
    try:
        yield
    finally:
        for layer in layers:
            layer.enabled = True


def save_adapter(model: nn.Module, folder: Path, base_model: str) -> None:
    """Writes `adapter_config.json` and `adapter_model.safetensors` in the format of peft."""
    layers = adapters(model)
    factors: dict[str, Tensor] = {}
    for name, layer in layers.items():
        factors[f"base_model.model.{name}.lora_A.weight"] = layer.lora_A
        factors[f"base_model.model.{name}.lora_B.weight"] = layer.lora_B
    first = next(iter(layers.values()))
    rank = first.lora_A.shape[0]
    targets = sorted({name.rpartition(".")[2] for name in layers})
    write_adapter(folder, factors, adapter_config(rank, first.scale * rank, targets, base_model))


def adapter_config(rank: int, alpha: float, targets: Sequence[str], base_model: str) -> dict[str, object]:
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base_model,
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "target_modules": list(targets),
    }


def write_adapter(folder: Path, factors: dict[str, Tensor], config: dict[str, object]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    save_tensors(factors, folder / "adapter_model.safetensors")
