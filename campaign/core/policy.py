"""The policy: sampling, scoring, and its trained parameters.

`LlamaPolicy` uses this package's Llama with fused sampling and packed scoring. All other architectures use
transformers (`campaign.core.hf_policy`).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from campaign.core.decoder import FusedDecoder
from campaign.core.llama import Llama, supported
from campaign.core.llama_files import load_llama, save_llama
from campaign.core.lora import adapters, adapters_disabled, add_adapters, save_adapter
from campaign.core.packing import make_bins, pack, passes
from campaign.core.randomness import derive_seed
from campaign.core.sampler import Samples, sample
from campaign.core.tokenizer import Tokenizer, load_tokenizer
from campaign.errors import UsageError
from campaign.folder.regular_files import read_regular
from campaign.folder.untrusted_json import parse_json
from campaign.spec.config import ModelSection, RunConfig

EMBEDDED = Path(__file__).parent / "embedded"


@dataclass(frozen=True, slots=True)
class PromptBatch:
    """The prompts of a step, each to be completed `group_size` times."""

    prompts: tuple[tuple[int, ...], ...]
    group_size: int
    temperature: float


@dataclass(frozen=True, slots=True)
class Scores:
    """Differentiable log-probabilities of some sampled tokens, with their positions; all [tokens]."""

    log_probs: Tensor
    rows: Tensor
    steps: Tensor


class Policy(Protocol):
    tokenizer: Tokenizer
    name: str
    """The origin of the untrained model, as configured."""

    def trained_parameters(self) -> list[nn.Parameter]: ...

    def sample(self, batch: PromptBatch, uniforms: Tensor) -> Samples:
        """Samples completions; the result is on the CPU. `uniforms` is [prompts * group, max_tokens]."""
        ...

    def scores(self, batch: PromptBatch, samples: Samples, rows: Sequence[int]) -> Iterator[Scores]:
        """Scores of `rows`, one forward pass at a time. Call `backward` on each before requesting the next
        one, so that only one graph is in memory."""
        ...

    def reference_log_probs(self, batch: PromptBatch, samples: Samples, rows: Sequence[int]) -> Tensor:
        """[rows, tokens] log-probabilities under the untrained policy; zero for rows not in `rows`."""
        ...

    def after_update(self) -> None:
        """Must be called after the trained parameters have changed."""
        ...

    def save_trained(self, model_folder: Path, adapter_folder: Path) -> None:
        """Writes the adapter if there is one, otherwise the model with its tokenizer."""
        ...


class LlamaPolicy:
    """The fast path. With `reference`, a frozen copy of the untrained weights is kept, unless adapters are
    trained: disabling them restores the untrained model."""

    def __init__(self, model: Llama, tokenizer: Tokenizer, name: str, *, reference: bool) -> None:
        self.model, self.tokenizer, self.name = model, tokenizer, name
        self._reference = (
            copy.deepcopy(model).requires_grad_(False) if reference and not adapters(model) else None
        )
        self._decoder = FusedDecoder(model)

    def trained_parameters(self) -> list[nn.Parameter]:
        return [parameter for parameter in self.model.parameters() if parameter.requires_grad]

    def sample(self, batch: PromptBatch, uniforms: Tensor) -> Samples:
        config = self.model.config
        needed = max(map(len, batch.prompts)) + uniforms.shape[1]
        check_context(needed, uniforms.shape[1], config.max_position_embeddings)
        drawn = sample(self._decoder, batch.prompts, uniforms, batch.temperature, config.eos_token_ids)
        return Samples(*(getattr(drawn, name).cpu() for name in Samples.__slots__))

    def scores(self, batch: PromptBatch, samples: Samples, rows: Sequence[int]) -> Iterator[Scores]:
        return self._scores(self.model, batch, samples, rows)

    def _scores(
        self, model: Llama, batch: PromptBatch, samples: Samples, rows: Sequence[int]
    ) -> Iterator[Scores]:
        device = model.cosines.device
        completions = samples.rows()
        lengths = [len(completion) for completion in completions]
        bins = make_bins([len(prompt) for prompt in batch.prompts], lengths, rows, batch.group_size)
        for bins_in_pass in passes(bins):
            packed = pack(batch.prompts, completions, bins_in_pass)
            mask = packed.mask.to(device, model.lm_head.weight.dtype)
            hidden = model.hidden(packed.ids.to(device), packed.positions.to(device), mask)
            logits = model.lm_head(hidden.flatten(0, 1)[packed.sources.to(device)]).float()
            yield Scores(
                chosen_log_probs(logits, packed.targets.to(device), batch.temperature),
                packed.rows,
                packed.steps,
            )

    def reference_log_probs(self, batch: PromptBatch, samples: Samples, rows: Sequence[int]) -> Tensor:
        with torch.no_grad(), adapters_disabled(self.model):
            return scatter(self._scores(self._reference or self.model, batch, samples, rows), samples)

    def after_update(self) -> None:
        self._decoder.refresh(self.model)

    def save_trained(self, model_folder: Path, adapter_folder: Path) -> None:
        if adapters(self.model):
            save_adapter(self.model, adapter_folder, self.name)
        else:
            save_llama(self.model, model_folder)
            self.tokenizer.save(model_folder)


def chosen_log_probs(logits: Tensor, targets: Tensor, temperature: float) -> Tensor:
    """Log-probabilities [n] of `targets` [n] under `logits` [n, vocabulary] at `temperature`."""
    if temperature != 1.0:
        logits = logits / temperature
    return torch.log_softmax(logits, dim=-1).gather(1, targets[:, None])[:, 0]


def scatter(scores: Iterator[Scores], samples: Samples) -> Tensor:
    """The log-probabilities of `scores` as a tensor of the shape of the samples; zero elsewhere."""
    log_probs = torch.zeros_like(samples.log_probs)
    for score in scores:
        log_probs[score.rows, score.steps] = score.log_probs.detach().cpu()
    return log_probs


def check_context(needed: int, max_tokens: int, limit: int) -> None:
    """Raises `UsageError` when prompt plus completion exceed the model's context length."""
    if needed > limit:
        raise UsageError(
            f"training.max_tokens: a prompt of {needed - max_tokens} tokens + {max_tokens} for its "
            f"completion = {needed} exceed the model's context of {limit}; reduce training.max_tokens"
        )


def load_policy(config: RunConfig, folder: Path) -> Policy:
    """Loads the policy that `[model]` configures. Paths are relative to `folder`.

    Raises `UsageError` when the model cannot be found, read or adapted.
    """
    section = config.model
    reference = config.algorithm.kl_coef > 0
    source = EMBEDDED if section.model == "embedded" else model_folder(section, folder)
    device, dtype = device_of(config), getattr(torch, section.dtype)
    tokenizer = load_tokenizer(source)
    if supported(parse_json(read_regular(source / "config.json"))):
        llama = load_llama(source).to(device, dtype)
        adapt(llama, section, config.training.seed)
        return LlamaPolicy(llama, tokenizer, section.model, reference=reference)
    from campaign.core.hf_policy import TransformersPolicy, load_transformers_model

    model = load_transformers_model(source, dtype, device)
    adapt(model, section, config.training.seed)
    return TransformersPolicy(model, tokenizer, section.model, reference=reference)


def model_folder(section: ModelSection, folder: Path) -> Path:
    """The local folder of `model.model`; a model of the Hugging Face hub is downloaded if necessary."""
    local = folder / Path(section.model).expanduser()
    if local.is_dir():
        if not (local / "config.json").is_file():
            raise UsageError(
                f"model.model: {local} has no config.json, so it is not a model in Hugging Face format"
            )
        return local
    try:
        from huggingface_hub import snapshot_download

        patterns = ["*.json", "*.safetensors"]
        return Path(snapshot_download(section.model, revision=section.revision, allow_patterns=patterns))
    except Exception as error:  # its own errors, those of its HTTP library, ValueError
        reason = str(error).strip().splitlines()[0]
        raise UsageError(
            f"model.model: {section.model!r} is neither `embedded`, nor the folder {local}, "
            f"nor a hub model that can be downloaded: {reason}"
        ) from None


def device_of(config: RunConfig) -> torch.device:
    """The GPU if the run requests one and one is available, otherwise the CPU."""
    use_gpu = config.resources.num_gpus > 0
    return torch.device("cuda" if use_gpu and torch.cuda.is_available() else "cpu")


def adapt(model: nn.Module, section: ModelSection, seed: int) -> None:
    """Adds the configured adapters, if any."""
    if section.lora_rank:
        alpha = section.lora_alpha if section.lora_alpha is not None else 2.0 * section.lora_rank
        generator = torch.Generator().manual_seed(derive_seed("adapter", seed))
        add_adapters(model, section.lora_rank, alpha, section.lora_targets, generator)
