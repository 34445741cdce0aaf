"""LoRA-Squeeze (arXiv 2602.10993): the effective rank of an adapter, and its compression to a lower rank.

    python -m campaign.core.lora_squeeze ADAPTER --out squeeze.json --min-variance-retention 0.95

The update of a layer is B A with B [out, r] and A [r, in]. With the QR decompositions B = Q_b R_b and A^T =
Q_a R_a its singular values are those of the core R_b R_a^T [r, r], so no matrix of size [out, in] is formed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from campaign.core.lora import write_adapter
from campaign.errors import CampaignError, UsageError
from campaign.folder.regular_files import read_regular
from campaign.folder.untrusted_json import parse_json

JSON_VERSION = 1


@dataclass(frozen=True, slots=True)
class LoraFactors:
    """The adapter of one layer, without the scale alpha / rank."""

    a: Tensor
    """[rank, in]"""
    b: Tensor
    """[out, rank]"""


@dataclass(frozen=True, slots=True)
class Adapter:
    config: dict[str, Any]
    layers: dict[str, LoraFactors]
    """Module name, as in the file -> factors."""

    @property
    def rank(self) -> int:
        return max(layer.a.shape[0] for layer in self.layers.values())


@dataclass(frozen=True, slots=True)
class RankChoice:
    rank: int
    mean_variance: float
    """Share of the squared Frobenius norm of B A that the best approximation of this rank retains (Eckart and
    Young 1936), mean over layers."""
    min_variance: float
    """Minimum of that share over layers."""


@dataclass(frozen=True, slots=True)
class SqueezeReport:
    """Retained variance per rank, and the smallest rank whose mean over layers is sufficient."""

    rank: int
    """Rank of the adapter."""
    min_variance_retention: float
    choices: tuple[RankChoice, ...]
    recommended_rank: int
    layers: dict[str, int]
    """Layer -> smallest sufficient rank of this layer."""

    def to_json(self) -> dict[str, Any]:
        return {
            "version": JSON_VERSION,
            "rank": self.rank,
            "min_variance_retention": self.min_variance_retention,
            "recommended_rank": self.recommended_rank,
            "ranks": [
                {"rank": c.rank, "mean_variance": c.mean_variance, "min_variance": c.min_variance}
                for c in self.choices
            ],
            "layers": self.layers,
        }


def read_adapter(folder: Path) -> Adapter:
    """Reads a LoRA adapter in peft's format. Raises `UsageError` when it cannot be read or compressed."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        config: dict[str, Any] = parse_json(read_regular(folder / "adapter_config.json"))
        weights = load_file(folder / "adapter_model.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise UsageError(f"{folder}: not a readable adapter in peft's format: {error}") from None
    if config.get("peft_type") != "LORA" or config.get("use_dora"):
        raise UsageError(
            f"{folder}: only plain LoRA adapters can be compressed; this one has peft_type "
            f"{config.get('peft_type')} and use_dora {bool(config.get('use_dora'))}"
        )
    return Adapter(config, _layers(weights, folder))


def _layers(weights: dict[str, Tensor], folder: Path) -> dict[str, LoraFactors]:
    """Module name -> factors. Raises `UsageError` unless all tensors are matching pairs of factors."""
    layers: dict[str, LoraFactors] = {}
    for name, a in weights.items():
        module, marker, _ = name.partition(".lora_A.")
        if marker:
            b = weights.get(name.replace(".lora_A.", ".lora_B."))
            if b is None or a.ndim != 2 or b.shape[1] != a.shape[0]:
                raise UsageError(f"{folder}: lora_A and lora_B of {module} are missing or do not match")
            layers[module] = LoraFactors(a, b)
    if not layers or len(weights) != 2 * len(layers):
        raise UsageError(f"{folder}: contains tensors other than lora_A and lora_B of linear layers")
    return layers


def core_svd(layer: LoraFactors) -> tuple[Tensor, Tensor, Tensor]:
    """U [out, r], singular values [r], V^T [r, in] of B A, in float64."""
    q_b, r_b = torch.linalg.qr(layer.b.double())
    q_a, r_a = torch.linalg.qr(layer.a.double().T)
    u, values, v_t = torch.linalg.svd(r_b @ r_a.T)
    return q_b @ u, values, v_t @ q_a.T


def retained_variance(values: Tensor) -> Tensor:
    """[r] share of the squared norm in the first 1 .. r singular values; 1 if all are zero."""
    energy = values.square()
    total = energy.sum()
    return energy.cumsum(0) / total if total > 0 else torch.ones_like(energy)


def analyse(
    adapter: Adapter, min_variance_retention: float, target_ranks: Sequence[int] = ()
) -> SqueezeReport:
    """Retained variance at `target_ranks` (default: powers of two), and the recommended rank."""
    retained = {name: retained_variance(core_svd(layer)[1]) for name, layer in adapter.layers.items()}
    table = {rank: _choice(rank, list(retained.values())) for rank in range(1, adapter.rank + 1)}
    # 1e-12: a threshold of 1 must accept a share that rounding puts just below 1.
    sufficient = (
        rank for rank, choice in table.items() if choice.mean_variance >= min_variance_retention - 1e-12
    )
    recommended = next(sufficient, adapter.rank)
    listed = sorted({min(rank, adapter.rank) for rank in target_ranks} or _powers_of_two(adapter.rank))
    return SqueezeReport(
        rank=adapter.rank,
        min_variance_retention=min_variance_retention,
        choices=tuple(table[rank] for rank in sorted({*listed, recommended})),
        recommended_rank=recommended,
        layers={
            name: int((shares < min_variance_retention - 1e-12).sum()) + 1
            for name, shares in retained.items()
        },
    )


def _choice(rank: int, retained: list[Tensor]) -> RankChoice:
    shares = [float(layer[min(rank, len(layer)) - 1]) for layer in retained]
    return RankChoice(rank, min(1.0, sum(shares) / len(shares)), min(1.0, *shares))


def _powers_of_two(rank: int) -> set[int]:
    return {2**power for power in range(rank.bit_length())} | {rank}


def compress(adapter: Adapter, rank: int) -> Adapter:
    """The best approximation of the adapter with rank `rank` (truncated singular value decomposition).

    alpha is reduced with the rank, so that the scale alpha / rank does not change. Raises `UsageError` when
    the rank is out of range, or ranks differ between layers.
    """
    if not 1 <= rank <= adapter.rank:
        raise UsageError(
            f"rank {rank}: an adapter of rank {adapter.rank} can be compressed to ranks 1 to {adapter.rank}"
        )
    if adapter.config.get("rank_pattern") or adapter.config.get("alpha_pattern"):
        raise UsageError(
            "the adapter has rank_pattern or alpha_pattern; "
            "only adapters with one rank for all layers can be compressed"
        )
    layers: dict[str, LoraFactors] = {}
    for name, layer in adapter.layers.items():
        u, values, v_t = core_svd(layer)
        root = values[:rank].sqrt()  # split evenly over A and B, so that both keep the same magnitude
        dtype = layer.a.dtype
        layers[name] = LoraFactors((root[:, None] * v_t[:rank]).to(dtype), (u[:, :rank] * root).to(dtype))
    old_rank, alpha = adapter.config["r"], adapter.config["lora_alpha"]
    # rsLoRA (arXiv 2312.03732) scales by alpha / sqrt(rank) instead.
    power = 0.5 if adapter.config.get("use_rslora") else 1.0
    config = adapter.config | {"r": rank, "lora_alpha": alpha * (rank / old_rank) ** power}
    return Adapter(config, layers)


def save(adapter: Adapter, folder: Path) -> None:
    """Writes `adapter` in peft's format. Raises `UsageError` when the folder already contains one."""
    if (folder / "adapter_config.json").exists():
        raise UsageError(f"{folder} already contains an adapter; choose another folder")
    factors: dict[str, Tensor] = {}
    for name, layer in adapter.layers.items():
        factors[f"{name}.lora_A.weight"] = layer.a.contiguous()
        factors[f"{name}.lora_B.weight"] = layer.b.contiguous()
    write_adapter(folder, factors, adapter.config)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m campaign.core.lora_squeeze", description="Report the effective rank of an adapter."
    )
    parser.add_argument("adapter", type=Path, help="folder of an adapter in peft's format")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write the table to")
    parser.add_argument("--min-variance-retention", type=float, default=0.95)
    parser.add_argument(
        "--target-rank", type=int, action="append", default=[], help="rank to list; may be repeated"
    )
    parsed = parser.parse_args(arguments)
    try:
        report = analyse(read_adapter(parsed.adapter), parsed.min_variance_retention, parsed.target_rank)
    except CampaignError as error:
        sys.stderr.write(f"campaign.core.lora_squeeze: {error}\n")
        return error.exit_code
    # Renamed into place, so that a process that waits for the file never reads a partial one.
    draft = parsed.out.with_name(f".{parsed.out.name}.{os.getpid()}")
    draft.write_text(json.dumps(report.to_json(), indent=1) + "\n", encoding="utf-8")
    draft.replace(parsed.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
