"""Adapters: trained alone, sampled merged, saved for peft."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from core_process import run_config

from campaign.core import lora
from campaign.core.llama import Llama
from campaign.core.llama_files import save_llama
from campaign.core.lora import adapters, adapters_disabled, add_adapters, save_adapter
from campaign.core.policy import load_policy
from campaign.errors import UsageError

TARGETS = ("q_proj", "v_proj", "down_proj")


@pytest.fixture
def adapted(tiny_llama: Llama) -> Llama:
    add_adapters(tiny_llama, 4, 6.0, TARGETS, torch.Generator().manual_seed(0))
    with torch.no_grad():
        for layer in adapters(tiny_llama).values():
            layer.lora_B.normal_(0, 0.2, generator=torch.Generator().manual_seed(5))
    return tiny_llama


IDS = torch.tensor([[3, 9, 27, 14, 8]])


def test_fresh_adapter_changes_nothing(tiny_llama: Llama) -> None:
    before = tiny_llama(IDS).detach()
    add_adapters(tiny_llama, 4, 8.0, TARGETS, torch.Generator().manual_seed(0))
    assert torch.equal(tiny_llama(IDS), before)


def test_only_adapters_are_trained(adapted: Llama) -> None:
    trained = {name for name, p in adapted.named_parameters() if p.requires_grad}
    assert len(trained) == 2 * 2 * len(TARGETS)
    assert all(name.endswith(("lora_A", "lora_B")) for name in trained)


def test_merged_and_separate_products_agree(adapted: Llama, monkeypatch: pytest.MonkeyPatch) -> None:
    merged = adapted(IDS)
    monkeypatch.setattr(lora, "MERGE_BELOW", 0)
    torch.testing.assert_close(adapted(IDS), merged, atol=1e-5, rtol=1e-5)


def test_adapters_disabled_is_the_base_model(tiny_llama: Llama) -> None:
    base = copy.deepcopy(tiny_llama)
    add_adapters(tiny_llama, 4, 8.0, TARGETS, torch.Generator().manual_seed(0))
    for layer in adapters(tiny_llama).values():
        torch.nn.init.ones_(layer.lora_B)
    assert not torch.equal(tiny_llama(IDS), base(IDS))
    with adapters_disabled(tiny_llama):
        assert torch.equal(tiny_llama(IDS), base(IDS))


def test_saved_adapter_is_loaded_by_peft(adapted: Llama, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    transformers = pytest.importorskip("transformers")
    base = copy.deepcopy(adapted)
    for name, layer in adapters(base).items():
        parent, _, last = name.rpartition(".")
        plain = torch.nn.Linear(layer.weight.shape[1], layer.weight.shape[0], bias=False)
        plain.weight = layer.weight
        setattr(base.get_submodule(parent), last, plain)
    save_llama(base, tmp_path / "base")
    save_adapter(adapted, tmp_path / "adapter", str(tmp_path / "base"))
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    with torch.no_grad():
        assert not torch.allclose(theirs(IDS).logits, adapted(IDS), atol=1e-3)
    theirs = peft.PeftModel.from_pretrained(theirs, tmp_path / "adapter")
    with torch.no_grad():
        torch.testing.assert_close(theirs(IDS).logits, adapted(IDS), atol=2e-5, rtol=1e-4)


def test_unknown_target_is_reported_with_the_available_layers(tiny_llama: Llama) -> None:
    with pytest.raises(UsageError, match=r"no linear layer is called qproj; available: down_proj, gate_proj"):
        add_adapters(tiny_llama, 4, 8.0, ("q_proj", "qproj"), torch.Generator())


def test_configured_adapter_has_its_rank_and_scale_and_depends_on_the_seed() -> None:
    def first(seed: int) -> lora.LoraLinear:
        config = run_config(model={"lora_rank": 8, "lora_targets": ["q_proj"]}, training={"seed": seed})
        policy = load_policy(config, Path())
        return next(iter(adapters(policy.model).values()))  # type: ignore[attr-defined]

    layer = first(1)
    assert layer.lora_A.shape == (8, 128)
    assert layer.scale == 2.0
    assert torch.equal(layer.lora_A, first(1).lora_A)
    assert not torch.equal(layer.lora_A, first(2).lora_A)
