"""Other architectures through transformers, on a tiny GPT-2 made here, and our own Llama both ways."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from core_process import run_config

from campaign.core.lora import adapters
from campaign.core.policy import EMBEDDED, LlamaPolicy, PromptBatch, load_policy
from campaign.core.stopping import StopRequest
from campaign.core.tokenizer import WordTokenizer
from campaign.core.trainer import Trainer
from campaign.errors import UsageError
from campaign.folder.paths import AttemptPaths

transformers = pytest.importorskip("transformers")

from campaign.core.hf_policy import TransformersPolicy, load_transformers_model  # noqa: E402


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gpt2")
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=186,
        n_positions=96,
        n_embd=16,
        n_layer=2,
        n_head=2,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    from campaign.core.tokenizer import load_tokenizer

    load_tokenizer(EMBEDDED).save(folder)
    return folder


def uniforms(rows: int, steps: int) -> torch.Tensor:
    return torch.rand(rows, steps, generator=torch.Generator().manual_seed(0))


def test_general_path_draws_the_tokens_of_the_fast_path(tokenizer: WordTokenizer) -> None:
    fast = load_policy(run_config(), Path())
    assert isinstance(fast, LlamaPolicy)
    general = TransformersPolicy(
        load_transformers_model(EMBEDDED, torch.float32, torch.device("cpu")),
        tokenizer,
        "embedded",
        reference=False,
    )
    prompts = tuple(
        tuple(tokenizer.encode(f"Q: {q}\nA:")) for q in ("add 12 34", "sort 4 2 8 1", "tom has 3 gets 4")
    )
    batch = PromptBatch(prompts, 6, 1.0)
    one, two = fast.sample(batch, uniforms(18, 40)), general.sample(batch, uniforms(18, 40))
    assert torch.equal(one.tokens, two.tokens)
    torch.testing.assert_close(one.log_probs, two.log_probs, atol=2e-5, rtol=0)
    torch.testing.assert_close(one.entropies, two.entropies, atol=2e-5, rtol=0)
    assert torch.equal(one.ended, two.ended)


def test_scores_of_another_architecture_are_those_it_sampled_with(gpt2: Path) -> None:
    policy = load_policy(run_config(model={"model": str(gpt2)}), Path())
    assert isinstance(policy, TransformersPolicy)
    batch = PromptBatch(((5, 6, 7), (8, 9, 10, 11, 12)), 5, 0.9)
    samples = policy.sample(batch, uniforms(10, 12))
    seen = torch.zeros_like(samples.log_probs)
    for scores in policy.scores(batch, samples, range(10)):
        seen[scores.rows, scores.steps] = scores.log_probs.detach()
    torch.testing.assert_close(seen, samples.log_probs, atol=1e-5, rtol=0)


@pytest.mark.parametrize("lora_rank", [0, 4])
def test_another_architecture_is_trained_saved_and_loaded(gpt2: Path, tmp_path: Path, lora_rank: int) -> None:
    config = run_config(
        model={"model": str(gpt2), "lora_rank": lora_rank, "lora_targets": ["lm_head"]},
        training={"max_steps": 2, "max_tokens": 8, "eval_every": 0},
        algorithm={"kl_coef": 0.05, "algorithm_mode": f"{__name__}.shorter_is_better"},
    )
    folder = AttemptPaths(tmp_path)
    trainer = Trainer(config, folder, tmp_path, None)
    assert trainer.run(StopRequest())
    if lora_rank:
        assert adapters(trainer.policy.model)  # type: ignore[attr-defined]
        assert (folder.adapter / "adapter_model.safetensors").is_file()
    else:
        again = transformers.AutoModelForCausalLM.from_pretrained(folder.model)
        ids = torch.tensor([[4, 5, 6]])
        with torch.no_grad():
            trained = trainer.policy.model(ids).logits  # type: ignore[attr-defined]
            assert torch.equal(again(ids).logits, trained)
            start = transformers.AutoModelForCausalLM.from_pretrained(gpt2)
            assert not torch.equal(start(ids).logits, trained)


def shorter_is_better(context: object) -> torch.Tensor:
    mask: torch.Tensor = context.mask  # type: ignore[attr-defined]
    lengths = mask.sum(1)
    return (lengths.mean() - lengths)[:, None] * mask + 0.1 * mask


def test_unavailable_model_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UsageError, match="neither `embedded`, nor the folder"):
        load_policy(run_config(model={"model": "nobody/nothing"}), tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"has no config\.json"):
        load_policy(run_config(model={"model": "empty"}), tmp_path)


def test_context_that_is_too_short_is_reported_with_the_arithmetic(gpt2: Path) -> None:
    policy = load_policy(run_config(model={"model": str(gpt2)}), Path())
    with pytest.raises(UsageError, match=r"3 tokens \+ 94 .* = 97 exceed the model's context of 96"):
        policy.sample(PromptBatch(((5, 6, 7),), 2, 1.0), uniforms(2, 94))
