"""Our Llama against transformers' LlamaForCausalLM, and the files between them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from campaign.core.llama import Llama, supported
from campaign.core.llama_files import load_llama, save_llama
from campaign.core.policy import EMBEDDED
from campaign.core.warmup import Recipe
from campaign.errors import UsageError

transformers = pytest.importorskip("transformers")


def random_ids(model: Llama, rows: int = 3, length: int = 17) -> torch.Tensor:
    return torch.randint(
        0, model.config.vocab_size, (rows, length), generator=torch.Generator().manual_seed(1)
    )


@pytest.mark.parametrize("which", ["tiny", "embedded"])
def test_logits_are_those_of_transformers(
    which: str, tiny_llama: Llama, embedded: Llama, tmp_path: Path
) -> None:
    model = tiny_llama if which == "tiny" else embedded
    save_llama(model, tmp_path)
    theirs = transformers.LlamaForCausalLM.from_pretrained(tmp_path)
    ids = random_ids(model)
    with torch.no_grad():
        torch.testing.assert_close(model(ids), theirs(ids).logits, atol=2e-5, rtol=1e-5)


def test_gradients_are_those_of_transformers(tiny_llama: Llama, tmp_path: Path) -> None:
    save_llama(tiny_llama, tmp_path)
    theirs = transformers.LlamaForCausalLM.from_pretrained(tmp_path)
    ids = random_ids(tiny_llama)
    tiny_llama(ids).square().mean().backward()
    theirs(ids).logits.square().mean().backward()
    reference = dict(theirs.named_parameters())
    for name, parameter in tiny_llama.named_parameters():
        torch.testing.assert_close(parameter.grad, reference[name].grad, atol=1e-5, rtol=1e-4)


def test_model_saved_by_transformers_is_read(tiny_llama: Llama, tmp_path: Path) -> None:
    save_llama(tiny_llama, tmp_path / "ours")
    theirs = transformers.LlamaForCausalLM.from_pretrained(tmp_path / "ours")
    theirs.save_pretrained(tmp_path / "theirs", max_shard_size="10KB")
    again = load_llama(tmp_path / "theirs")
    ids = random_ids(again)
    with torch.no_grad():
        assert torch.equal(again(ids), tiny_llama(ids))
    assert again.config == tiny_llama.config


def test_saved_model_is_loaded_bit_for_bit(embedded: Llama, tmp_path: Path) -> None:
    save_llama(embedded, tmp_path)
    again = dict(load_llama(tmp_path).named_parameters())
    assert all(torch.equal(parameter, again[name]) for name, parameter in embedded.named_parameters())


def test_embedded_model_is_small_and_has_its_recipe(embedded: Llama) -> None:
    record = json.loads((EMBEDDED / "recipe.json").read_text())
    assert sum(p.numel() for p in embedded.parameters()) == record["parameters"] < 310_000
    assert (EMBEDDED / "model.safetensors").stat().st_size < 1.3e6
    assert record["recipe"] == json.loads(json.dumps(asdict(Recipe())))


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "qwen2"},
        {"attention_bias": True},
        {"mlp_bias": True},
        {"hidden_act": "gelu"},
        {"rope_scaling": {"rope_type": "llama3", "factor": 8.0}},
        {"quantization_config": {"bits": 4}},
    ],
)
def test_llama_with_something_special_goes_to_transformers(change: dict[str, object]) -> None:
    document = json.loads((EMBEDDED / "config.json").read_text())
    assert supported(document)
    assert not supported(document | change)


def test_weights_that_do_not_match_are_reported(embedded: Llama, tmp_path: Path) -> None:
    save_llama(embedded, tmp_path)
    document = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(document | {"intermediate_size": 128}))
    with pytest.raises(UsageError, match=r"gate_proj\.weight is \(256, 128\) instead of \(128, 128\)"):
        load_llama(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"not it")
    with pytest.raises(UsageError, match="safetensors"):
        load_llama(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(UsageError, match="is missing"):
        load_llama(tmp_path)
