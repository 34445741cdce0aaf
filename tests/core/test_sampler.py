"""The fast sampler against plain forward passes of the model."""

from __future__ import annotations

import math

import pytest
import torch

from campaign.core import sampler as sampler_module
from campaign.core.decoder import FusedDecoder
from campaign.core.llama import Llama
from campaign.core.randomness import Draws
from campaign.core.sampler import Samples, draw_tokens, sample
from campaign.core.tasks import SOURCES, draw_task, prompt_of
from campaign.core.tokenizer import WordTokenizer

GROUP = 5


def prompts_of(tokenizer: WordTokenizer, count: int = 6) -> list[list[int]]:
    names = list(SOURCES)
    return [
        tokenizer.encode(prompt_of(draw_task(names[i % 4], "train 0", i // 4 % 2, i))) for i in range(count)
    ]


def uniforms(rows: int, steps: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(rows, steps, generator=torch.Generator().manual_seed(seed))


def plain_distributions(
    model: Llama, prompt: list[int], completion: list[int], temperature: float
) -> torch.Tensor:
    """[tokens, vocabulary] log-probabilities by one forward pass over one unpadded sequence."""
    with torch.no_grad():
        logits = model(torch.tensor([[*prompt, *completion]]))[0]
    return torch.log_softmax(logits[len(prompt) - 1 : -1] / temperature, dim=-1)


@pytest.fixture
def drawn(embedded: Llama, tokenizer: WordTokenizer) -> tuple[list[list[int]], Samples]:
    prompts = prompts_of(tokenizer)
    return prompts, sample(FusedDecoder(embedded), prompts, uniforms(6 * GROUP, 32), 0.8, (2,))


def test_log_probabilities_and_entropies_are_those_of_the_plain_forward(
    embedded: Llama, drawn: tuple[list[list[int]], Samples]
) -> None:
    prompts, samples = drawn
    for row, completion in enumerate(samples.rows()):
        log_p = plain_distributions(embedded, prompts[row // GROUP], completion, 0.8)
        chosen = log_p[torch.arange(len(completion)), completion]
        entropy = -(log_p.exp() * log_p).sum(-1)
        torch.testing.assert_close(samples.log_probs[row, : len(completion)], chosen, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(samples.entropies[row, : len(completion)], entropy, atol=1e-5, rtol=1e-5)


def test_log_probabilities_hold_on_a_model_of_another_shape(tiny_llama: Llama) -> None:
    prompts = [[5, 6, 7], [8, 9, 10, 11, 12], [13]]
    samples = sample(FusedDecoder(tiny_llama), prompts, uniforms(6, 20), 1.0, (2, 3))
    for row, completion in enumerate(samples.rows()):
        log_p = plain_distributions(tiny_llama, prompts[row // 2], completion, 1.0)
        chosen = log_p[torch.arange(len(completion)), completion]
        torch.testing.assert_close(samples.log_probs[row, : len(completion)], chosen, atol=2e-5, rtol=0)


def test_tokens_are_the_inverse_cdf_of_their_uniforms(
    embedded: Llama, drawn: tuple[list[list[int]], Samples]
) -> None:
    prompts, samples = drawn
    numbers = uniforms(6 * GROUP, 32).double()
    for row, completion in enumerate(samples.rows()):
        cdf = plain_distributions(embedded, prompts[row // GROUP], completion, 0.8).double().exp().cumsum(-1)
        for step, token in enumerate(completion):
            below = cdf[step, token - 1] if token else torch.tensor(0.0)
            assert below - 1e-5 <= numbers[row, step] <= cdf[step, token] + 1e-5


def test_compaction_changes_no_token(embedded: Llama, tokenizer: WordTokenizer) -> None:
    decoder, prompts = FusedDecoder(embedded), prompts_of(tokenizer, 8)
    numbers = uniforms(64, 48, seed=5)
    with_it = sample(decoder, prompts, numbers, 1.0, (2,))
    without = sample(decoder, prompts, numbers, 1.0, (2,), compact=False)
    assert torch.equal(with_it.tokens, without.tokens)
    assert torch.equal(with_it.lengths, without.lengths)
    torch.testing.assert_close(with_it.log_probs, without.log_probs, atol=1e-5, rtol=0)


def test_a_row_does_not_depend_on_its_neighbours(embedded: Llama, tokenizer: WordTokenizer) -> None:
    decoder, prompts = FusedDecoder(embedded), prompts_of(tokenizer, 4)
    numbers = uniforms(4 * GROUP, 32)
    together = sample(decoder, prompts, numbers, 1.0, (2,)).rows()
    alone = sample(decoder, prompts[2:3], numbers[2 * GROUP : 3 * GROUP], 1.0, (2,)).rows()
    assert together[2 * GROUP : 3 * GROUP] == alone


def test_large_vocabularies_are_normalised_immediately_to_the_same_numbers(
    embedded: Llama, tokenizer: WordTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder, prompts, numbers = FusedDecoder(embedded), prompts_of(tokenizer), uniforms(12, 24)
    deferred = sample(decoder, prompts, numbers, 1.0, (2,))
    monkeypatch.setattr(sampler_module, "DEFER_BELOW", 0)
    at_once = sample(decoder, prompts, numbers, 1.0, (2,))
    assert torch.equal(deferred.tokens, at_once.tokens)
    torch.testing.assert_close(deferred.log_probs, at_once.log_probs, atol=1e-6, rtol=0)
    torch.testing.assert_close(deferred.entropies, at_once.entropies, atol=1e-6, rtol=0)


def test_completions_end_with_their_end_token_or_at_the_limit(drawn: tuple[list[list[int]], Samples]) -> None:
    _, samples = drawn
    assert samples.ended.any()
    for completion, ended in zip(samples.rows(), samples.ended.tolist(), strict=True):
        assert 2 not in completion[:-1]
        assert (completion[-1] == 2) is ended
        assert ended or len(completion) == 32
    assert (samples.tokens[samples.mask == 0] == 0).all()
    assert (samples.log_probs[samples.mask == 0] == 0).all()


def test_draws_follow_the_distribution() -> None:
    probabilities = torch.tensor([0.5, 0.0, 0.2, 0.3])
    draws = Draws("chi square")
    numbers = torch.tensor([draws.unit() for _ in range(20_000)])
    tokens = draw_tokens(probabilities.log().expand(20_000, 4), numbers)
    shares = torch.bincount(tokens, minlength=4) / 20_000
    assert shares[1] == 0
    tolerance = 4 * math.sqrt(0.25 / 20_000)
    torch.testing.assert_close(shares, probabilities, atol=tolerance, rtol=0)


def test_extreme_uniforms_stay_inside_the_vocabulary() -> None:
    logits = torch.tensor([[0.0, -1e30, 0.0], [0.0, 0.0, -1e30]])
    assert draw_tokens(logits, torch.tensor([0.0, 1.0])).tolist() == [0, 2]
    assert draw_tokens(logits, torch.tensor([0.5, 1 - 2**-24])).tolist() == [2, 1]
