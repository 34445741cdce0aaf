"""Packed rows give the scores and gradients of separate, unpacked sequences."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from campaign.core import packing
from campaign.core.llama import Llama
from campaign.core.packing import make_bins
from campaign.core.policy import LlamaPolicy, PromptBatch
from campaign.core.sampler import Samples
from campaign.core.tokenizer import WordTokenizer

GROUP = 4


def samples_of(completions: list[list[int]]) -> Samples:
    longest = max(map(len, completions))
    tokens = torch.tensor([c + [0] * (longest - len(c)) for c in completions])
    zeros = torch.zeros(tokens.shape)
    lengths = torch.tensor([len(c) for c in completions])
    return Samples(tokens, zeros, zeros, lengths, torch.ones(len(completions), dtype=torch.bool))


def experience(model: Llama) -> tuple[PromptBatch, Samples]:
    generator = torch.Generator().manual_seed(11)

    def some(count: int) -> list[int]:
        return torch.randint(3, model.config.vocab_size, (count,), generator=generator).tolist()

    prompts = (tuple(some(4)), tuple(some(9)), tuple(some(1)))
    lengths = [3, 12, 1, 7, 5, 5, 2, 9, 1, 1, 20, 4]
    return PromptBatch(prompts, GROUP, 0.7), samples_of([some(n) for n in lengths])


def unpacked_log_probs(model: Llama, batch: PromptBatch, completion: list[int], row: int) -> torch.Tensor:
    prompt = list(batch.prompts[row // GROUP])
    logits = model(torch.tensor([prompt + completion]))[0, len(prompt) - 1 : -1] / batch.temperature
    return torch.log_softmax(logits, -1)[torch.arange(len(completion)), completion]


@pytest.mark.parametrize("row_tokens", [8, 24, 128])
def test_packed_scores_and_gradients_are_those_of_separate_sequences(
    tiny_llama: Llama, tokenizer: WordTokenizer, monkeypatch: pytest.MonkeyPatch, row_tokens: int
) -> None:
    monkeypatch.setattr(packing, "ROW_TOKENS", row_tokens)
    monkeypatch.setattr(packing, "ROWS_PER_PASS", 3)
    batch, samples = experience(tiny_llama)
    plain = copy.deepcopy(tiny_llama)
    rows = [0, 1, 2, 4, 5, 6, 7, 9, 10]
    weights = torch.randn(samples.tokens.shape, generator=torch.Generator().manual_seed(2))
    policy = LlamaPolicy(tiny_llama, tokenizer, "tiny", reference=False)
    seen = torch.zeros(samples.tokens.shape, dtype=torch.long)
    for scores in policy.scores(batch, samples, rows):
        seen[scores.rows, scores.steps] += 1
        for row in set(scores.rows.tolist()):
            mine = scores.rows == row
            expected = unpacked_log_probs(plain, batch, samples.rows()[row], row)
            torch.testing.assert_close(
                scores.log_probs[mine], expected[scores.steps[mine]], atol=1e-5, rtol=1e-5
            )
        (scores.log_probs * weights[scores.rows, scores.steps]).sum().backward()
    for row in rows:
        completion = samples.rows()[row]
        (unpacked_log_probs(plain, batch, completion, row) * weights[row, : len(completion)]).sum().backward()
    expected_seen = samples.mask.long()
    expected_seen[[row for row in range(12) if row not in rows]] = 0
    assert torch.equal(seen, expected_seen)
    reference = dict(plain.named_parameters())
    for name, parameter in tiny_llama.named_parameters():
        torch.testing.assert_close(parameter.grad, reference[name].grad, atol=2e-5, rtol=1e-4)


@given(
    st.integers(1, 5),
    st.data(),
)
def test_bins_hold_every_row_once_and_one_prompt_each(group: int, data: st.DataObject) -> None:
    prompts = data.draw(st.lists(st.integers(1, 40), min_size=1, max_size=6))
    count = len(prompts) * group
    lengths = data.draw(st.lists(st.integers(1, 150), min_size=count, max_size=count))
    rows = data.draw(st.lists(st.integers(0, count - 1), unique=True))
    bins = make_bins(prompts, lengths, rows, group)
    assert sorted(row for b in bins for row in b.members) == sorted(rows)
    for b in bins:
        assert all(row // group == b.prompt for row in b.members)
        assert b.length == prompts[b.prompt] + sum(lengths[row] for row in b.members)
        assert b.length <= packing.ROW_TOKENS or len(b.members) == 1
