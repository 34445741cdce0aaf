"""LoRA-Squeeze against a plain SVD of the whole update."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from campaign.cli.app import app
from campaign.core.lora import adapter_config, write_adapter
from campaign.core.lora_squeeze import Adapter, LoraFactors, analyse, compress, main, read_adapter, save
from campaign.errors import UsageError


def adapter_of(rank: int, true_rank: int, seed: int = 0, layers: int = 3) -> Adapter:
    """Layers whose update has `true_rank`, although the rank of the adapter is `rank`."""
    generator = torch.Generator().manual_seed(seed)

    def layer() -> LoraFactors:
        mix = torch.randn(true_rank, rank, generator=generator)
        b = torch.randn(20, true_rank, generator=generator) @ mix
        return LoraFactors(torch.randn(rank, 14, generator=generator), b)

    return Adapter(
        adapter_config(rank, 2.0 * rank, ["q_proj"], "base"),
        {f"base_model.model.layers.{i}.q_proj": layer() for i in range(layers)},
    )


def update_of(adapter: Adapter, name: str) -> torch.Tensor:
    layer = adapter.layers[name]
    scale = adapter.config["lora_alpha"] / adapter.config["r"]
    return (scale * layer.b @ layer.a).double()


@settings(max_examples=25)
@given(st.integers(1, 8), st.integers(0, 10**6), st.floats(0.05, 1.0))
def test_recommended_rank_is_the_smallest_that_keeps_enough(rank: int, seed: int, share: float) -> None:
    adapter = adapter_of(rank, rank, seed)
    shares = []
    for name in adapter.layers:
        energy = torch.linalg.svdvals(update_of(adapter, name))[:rank].square()
        shares.append(energy.cumsum(0) / energy.sum())
    mean = torch.stack(shares).mean(0)
    enough = [r + 1 for r in range(rank) if mean[r] >= share - 1e-9]
    report = analyse(adapter, share, range(1, rank + 1))
    assert report.recommended_rank == (enough[0] if enough else rank)
    for choice in report.choices:
        assert choice.mean_variance == pytest.approx(float(mean[choice.rank - 1]), abs=1e-5)
        assert choice.min_variance == pytest.approx(min(float(s[choice.rank - 1]) for s in shares), abs=1e-5)


def test_rank_that_was_never_used_is_found() -> None:
    assert analyse(adapter_of(8, 3), 0.9999999).recommended_rank == 3


def test_compressed_adapter_is_the_best_approximation_of_its_rank() -> None:
    adapter = adapter_of(8, 8)
    small = compress(adapter, 3)
    for name in adapter.layers:
        whole = update_of(adapter, name)
        u, values, v = torch.linalg.svd(whole)
        best = u[:, :3] * values[:3] @ v[:3]
        torch.testing.assert_close(update_of(small, name), best, atol=1e-3, rtol=1e-3)
        assert small.layers[name].a.shape == (3, 14)


def test_compression_to_the_true_rank_loses_nothing(tmp_path: Path) -> None:
    adapter = adapter_of(8, 2)
    save(compress(adapter, 2), tmp_path / "small")
    small = read_adapter(tmp_path / "small")
    assert small.config["r"] == 2
    for name in adapter.layers:
        torch.testing.assert_close(update_of(small, name), update_of(adapter, name), atol=1e-3, rtol=1e-3)


def test_untrained_adapter_needs_one_rank() -> None:
    zero = LoraFactors(torch.randn(4, 14), torch.zeros(20, 4))
    adapter = Adapter(adapter_config(4, 8.0, ["q_proj"], "base"), {"layer": zero})
    assert analyse(adapter, 0.95).recommended_rank == 1


def written(tmp_path: Path, rank: int = 8, true_rank: int = 3) -> Path:
    save(adapter_of(rank, true_rank), tmp_path / "adapter")
    return tmp_path / "adapter"


def test_compressed_adapter_loads_in_peft(tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig.from_pretrained(written(tmp_path))
    assert (config.r, config.peft_type) == (8, "LORA")
    small = tmp_path / "small"
    save(compress(read_adapter(tmp_path / "adapter"), 2), small)
    weights = peft.utils.load_peft_weights(str(small), device="cpu")
    assert weights["base_model.model.layers.0.q_proj.lora_A.weight"].shape == (2, 14)


def test_module_writes_the_table(tmp_path: Path) -> None:
    out = tmp_path / "squeeze.json"
    assert main([str(written(tmp_path)), "--out", str(out), "--min-variance-retention", "0.999999"]) == 0
    document = json.loads(out.read_text())
    assert document["recommended_rank"] == 3
    assert [row["rank"] for row in document["ranks"]] == [1, 2, 3, 4, 8]


def test_command_prints_one_json_document(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["squeeze", str(written(tmp_path)), "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["rank"] == 8


def test_command_writes_the_squeezed_adapter_and_never_over_one(tmp_path: Path) -> None:
    arguments = ["squeeze", str(written(tmp_path)), "--rank", "2", "--output", str(tmp_path / "small")]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert read_adapter(tmp_path / "small").rank == 2
    again = CliRunner().invoke(app, arguments)
    assert isinstance(again.exception, UsageError)


def test_adapter_that_cannot_be_squeezed_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a readable adapter"):
        read_adapter(tmp_path)
    config = adapter_config(2, 4.0, ["q_proj"], "base")
    a, b = torch.zeros(2, 5), torch.zeros(5, 2)
    write_adapter(
        tmp_path / "dora", {"x.lora_A.weight": a, "x.lora_B.weight": b}, config | {"use_dora": True}
    )
    with pytest.raises(UsageError, match="only plain LoRA"):
        read_adapter(tmp_path / "dora")
    write_adapter(tmp_path / "half", {"x.lora_A.weight": a}, config)
    with pytest.raises(UsageError, match="are missing or do not match"):
        read_adapter(tmp_path / "half")
    with pytest.raises(UsageError, match="rank 9: an adapter of rank 8"):
        compress(adapter_of(8, 3), 9)
