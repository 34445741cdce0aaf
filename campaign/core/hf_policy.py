"""The general policy: any causal language model that transformers can load.

Sampling uses the model's own forward pass and key-value cache, with one uniform number per (row, position),
as the fast path does; scoring pads on the right. It is slower than `LlamaPolicy` and equally exact.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from campaign.core.lora import adapters, adapters_disabled, save_adapter
from campaign.core.policy import PromptBatch, Scores, check_context, chosen_log_probs, scatter
from campaign.core.sampler import COMPACT_BELOW, Samples, draw_tokens
from campaign.core.tokenizer import Tokenizer
from campaign.errors import UsageError
from campaign.extras import require

ROWS_PER_PASS = 8
"""Number of completions scored in one forward pass."""


class TransformersPolicy:
    """A policy on a `transformers.PreTrainedModel` with a language-model head and, if any, its adapters."""

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
        """Logits after each prompt, the cache, and the attention mask [prompts, width], with padding on the
        left.

        Left padding puts the last prompt token of all rows in the same column, where decoding continues.
        """
        device = self.model.device
        ids = torch.tensor([[0] * (width - len(p)) + list(p) for p in prompts], device=device)
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=device)
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        output = self.model(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=True)
        cache = output.past_key_values
        if not hasattr(cache, "batch_repeat_interleave"):
            raise UsageError(
                f"model.model: the key-value cache of {self.name} does not support batch_repeat_interleave, "
                "which sampling a group needs; use another model"
            )
        return output.logits[:, -1], cache, mask

    def scores(self, batch: PromptBatch, samples: Samples, rows: Sequence[int]) -> Iterator[Scores]:
        return self._scores(self.model, batch, samples, rows)

    def _scores(
        self, model: Any, batch: PromptBatch, samples: Samples, rows: Sequence[int]
    ) -> Iterator[Scores]:
        completions = samples.rows()
        # Rows of similar length together: a pass is padded to its longest row.
        ordered = sorted(rows, key=lambda row: (-len(completions[row]), row))
        for start in range(0, len(ordered), ROWS_PER_PASS):
            in_pass = ordered[start : start + ROWS_PER_PASS]
            pairs = [(batch.prompts[row // batch.group_size], completions[row]) for row in in_pass]
            yield self._score_pass(model, pairs, in_pass, batch.temperature)

    def _score_pass(
        self,
        model: Any,
        pairs: Sequence[tuple[Sequence[int], Sequence[int]]],
        rows: Sequence[int],
        temperature: float,
    ) -> Scores:
        """Scores of (prompt, completion) pairs, whose sample rows are `rows`."""
        device = model.device
        lengths = [len(prompt) + len(completion) for prompt, completion in pairs]
        width = max(lengths)
        ids = [[*p, *c] + [0] * (width - n) for (p, c), n in zip(pairs, lengths, strict=True)]
        mask = [[1] * n + [0] * (width - n) for n in lengths]
        logits = model(
            input_ids=torch.tensor(ids, device=device),
            attention_mask=torch.tensor(mask, device=device),
            use_cache=False,
        ).logits
        # (row of the pass, sample row, position in the completion, token) of every completion token
        tokens = [
            (number, row, step, token)
            for number, (row, (_, completion)) in enumerate(zip(rows, pairs, strict=True))
            for step, token in enumerate(completion)
        ]
        # The logits at one position predict the token at the next.
        predicting = [len(pairs[number][0]) - 1 + step for number, _, step, _ in tokens]
        picked = logits[[number for number, *_ in tokens], predicting].float()
        targets = torch.tensor([token for *_, token in tokens], device=device)
        return Scores(
            chosen_log_probs(picked, targets, temperature),
            torch.tensor([row for _, row, _, _ in tokens]),
            torch.tensor([step for _, _, step, _ in tokens]),
        )

    def reference_log_probs(self, batch: PromptBatch, samples: Samples, rows: Sequence[int]) -> Tensor:
        with torch.no_grad(), adapters_disabled(self.model):
            return scatter(self._scores(self._reference or self.model, batch, samples, rows), samples)

    def after_update(self) -> None:
        pass

    def save_trained(self, model_folder: Path, adapter_folder: Path) -> None:
        if adapters(self.model):
            save_adapter(self.model, adapter_folder, self.name)
        else:
            self.model.save_pretrained(model_folder)
            self.tokenizer.save(model_folder)


def _eos_ids(model: Any) -> list[int]:
    """The end-of-sequence tokens. Raises `UsageError` when the model defines none."""
    generation = getattr(model, "generation_config", None)
    found = getattr(generation, "eos_token_id", None)
    if found is None:
        found = model.config.eos_token_id
    if found is None:
        raise UsageError(
            "model.model: the model's configuration has no eos_token_id, "
            "so completions would never end; set it"
        )
    return list(found) if isinstance(found, list | tuple) else [found]


def load_transformers_model(folder: Path, dtype: torch.dtype, device: torch.device) -> nn.Module:
    """Loads the model in `folder`, without adapters. Raises `UsageError` when transformers
    cannot load it, `MissingPackage` without transformers."""
    require("model.model: a model of this kind", "transformers")
    from transformers import AutoModelForCausalLM

    try:
        model: nn.Module = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UsageError(f"model.model: {folder} cannot be loaded: {reason}") from None
    return model.to(device)
