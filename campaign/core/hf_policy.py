"""The general path: any causal language model that transformers can load.

Sampling goes through the model's own forward pass and key-value cache, with the same one uniform number a
(row, position) as the fast path; scoring pads on the right. Slower than `LlamaPolicy`, and as exact.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from campaign.core.lora import adapters, adapters_off, save_adapter
from campaign.core.policy import PromptBatch, Scores, check_context, chosen_log_probs, gathered
from campaign.core.sampler import COMPACT_BELOW, Samples, draw_tokens
from campaign.core.tokenizer import Tokenizer
from campaign.errors import UsageError

ROWS_PER_PASS = 8
"""Completions scored in one forward pass."""


class TransformersPolicy:
    """`model` is a `transformers.PreTrainedModel` with a language-model head, already adapted."""

    def __init__(self, model: Any, tokenizer: Tokenizer, name: str, *, reference: bool) -> None:
        self.model, self.tokenizer, self.name = model.eval(), tokenizer, name
        frozen = reference and not adapters(model)
        self._reference = copy.deepcopy(model).requires_grad_(False) if frozen else None
        self._eos_ids = torch.tensor(_eos_ids(model), device=model.device)

    def trained_parameters(self) -> list[nn.Parameter]:
        return [parameter for parameter in self.model.parameters() if parameter.requires_grad]

    @torch.no_grad()
    def sample(self, batch: PromptBatch, uniforms: Tensor) -> Samples:
        device = self.model.device
        prompts, group_size = batch.prompts, batch.group_size
        rows_total, max_tokens = uniforms.shape
        width = max(map(len, prompts))
        limit = getattr(self.model.config, "max_position_embeddings", None) or width + max_tokens
        check_context(width + max_tokens, max_tokens, limit)
        uniforms = uniforms.to(device)
        logits, cache, mask = self._prefill(prompts, width)
        cache.batch_repeat_interleave(group_size)
        logits, mask = logits.repeat_interleave(group_size, 0), mask.repeat_interleave(group_size, 0)

        tokens = torch.zeros(rows_total, max_tokens, dtype=torch.long, device=device)
        log_probs = torch.zeros(rows_total, max_tokens, device=device)
        entropies = torch.zeros(rows_total, max_tokens, device=device)
        lengths = torch.full((rows_total,), max_tokens, device=device)
        ended = torch.zeros(rows_total, dtype=torch.bool, device=device)
        rows = torch.arange(rows_total, device=device)
        for step in range(max_tokens):
            distribution = torch.log_softmax(logits.float() / batch.temperature, dim=-1)
            drawn = draw_tokens(distribution, uniforms[rows, step])
            tokens[rows, step] = drawn
            log_probs[rows, step] = distribution.gather(1, drawn[:, None])[:, 0]
            entropies[rows, step] = -(distribution.exp() * distribution).sum(-1)
            stops = torch.isin(drawn, self._eos_ids) & ~ended[rows]
            lengths[rows[stops]] = step + 1
            ended[rows[stops]] = True
            alive = ~ended[rows]
            remaining = int(alive.sum())
            if remaining == 0 or step + 1 == max_tokens:
                break
            if remaining <= COMPACT_BELOW * len(rows):
                keep = alive.nonzero()[:, 0]
                cache.batch_select_indices(keep)
                rows, drawn, mask = rows[keep], drawn[keep], mask[keep]
            mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
            output = self.model(
                input_ids=drawn[:, None],
                attention_mask=mask,
                position_ids=mask.sum(dim=1, keepdim=True) - 1,
                past_key_values=cache,
                use_cache=True,
            )
            logits, cache = output.logits[:, -1], output.past_key_values
        longest = int(lengths.max())
        valid = torch.arange(longest, device=device) < lengths[:, None]
        return Samples(
            (tokens[:, :longest] * valid).cpu(),
            (log_probs[:, :longest] * valid).cpu(),
            (entropies[:, :longest] * valid).cpu(),
            lengths.cpu(),
            ended.cpu(),
        )

    def _prefill(self, prompts: Sequence[Sequence[int]], width: int) -> tuple[Tensor, Any, Tensor]:
        """Logits after each prompt, the cache, and the mask [prompts, width]; padded on the left."""
        device = self.model.device
        ids = torch.tensor([[0] * (width - len(p)) + list(p) for p in prompts], device=device)
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=device)
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        output = self.model(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=True)
        cache = output.past_key_values
        if not hasattr(cache, "batch_repeat_interleave"):
            raise UsageError(
                f"model.model: {self.name} has no key-value cache that can be repeated for a group"
            )
        return output.logits[:, -1], cache, mask

    def scores(self, batch: PromptBatch, samples: Samples, rows: Sequence[int]) -> Iterator[Scores]:
        return self._scores(self.model, batch, samples, rows)

    def _scores(
        self, model: Any, batch: PromptBatch, samples: Samples, rows: Sequence[int]
    ) -> Iterator[Scores]:
        completions = samples.rows()
        ordered = sorted(rows, key=lambda row: (-len(completions[row]), row))
        for start in range(0, len(ordered), ROWS_PER_PASS):
            together = ordered[start : start + ROWS_PER_PASS]
            prompts = [batch.prompts[row // batch.group_size] for row in together]
            yield self._score_pass(model, prompts, [completions[row] for row in together], together, batch)

    def _score_pass(
        self,
        model: Any,
        prompts: Sequence[Sequence[int]],
        completions: Sequence[Sequence[int]],
        rows: Sequence[int],
        batch: PromptBatch,
    ) -> Scores:
        device = model.device
        pairs = list(zip(prompts, completions, strict=True))
        length = max(len(p) + len(c) for p, c in pairs)
        ids = torch.tensor([[*p, *c] + [0] * (length - len(p) - len(c)) for p, c in pairs], device=device)
        mask = torch.tensor(
            [[1] * (len(p) + len(c)) + [0] * (length - len(p) - len(c)) for p, c in pairs], device=device
        )
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        # The position before a token predicts it.
        at = [(row, len(p) - 1 + step) for row, (p, c) in enumerate(pairs) for step in range(len(c))]
        picked = logits[[row for row, _ in at], [position for _, position in at]].float()
        targets = torch.tensor([token for c in completions for token in c], device=device)
        steps = [step for c in completions for step in range(len(c))]
        sample_rows = [row for row, c in zip(rows, completions, strict=True) for _ in c]
        log_probs = chosen_log_probs(picked, targets, batch.temperature)
        return Scores(log_probs, torch.tensor(sample_rows), torch.tensor(steps))

    def reference_log_probs(self, batch: PromptBatch, samples: Samples, rows: Sequence[int]) -> Tensor:
        with torch.no_grad(), adapters_off(self.model):
            return gathered(self._scores(self._reference or self.model, batch, samples, rows), samples)

    def after_update(self) -> None:
        pass

    def save_trained(self, model_folder: Path, adapter_folder: Path) -> None:
        if adapters(self.model):
            save_adapter(self.model, adapter_folder, self.name)
        else:
            self.model.save_pretrained(model_folder)
            self.tokenizer.save(model_folder)


def _eos_ids(model: Any) -> list[int]:
    """The end tokens that generation stops at. Raises `UsageError` when there are none."""
    generation = getattr(model, "generation_config", None)
    found = getattr(generation, "eos_token_id", None)
    if found is None:
        found = model.config.eos_token_id
    if found is None:
        raise UsageError("model.model: the model's configuration names no end token (eos_token_id)")
    return list(found) if isinstance(found, list | tuple) else [found]


def load_transformers_model(folder: Path, dtype: torch.dtype, device: torch.device) -> nn.Module:
    """The model in `folder`, unadapted. Raises `UsageError` when transformers cannot load it."""
    from transformers import AutoModelForCausalLM

    try:
        model: nn.Module = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UsageError(f"model.model: {folder} cannot be loaded: {reason}") from None
    return model.to(device)
