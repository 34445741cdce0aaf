"""The recipe of the embedded model: supervised training on procedural completions, first clean, then noisy.

    python -m campaign.core.warmup --out DIR

The weights are part of the package, because their last bits depend on the CPU and the number of threads. The
arguments of the recipe are stored beside the weights in `recipe.json`.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from campaign.core.llama import Llama, LlamaConfig
from campaign.core.llama_files import save_llama
from campaign.core.optimizer import FlatAdamW
from campaign.core.randomness import Draws, derive_seed
from campaign.core.tasks import SOURCES, draw_task, prompt_of
from campaign.core.tokenizer import WordTokenizer
from campaign.core.traces import WORDS, TraceStyle, write_trace

Example = tuple[list[int], list[int]]
"""Token ids of a prompt, and of its completion including the end token."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A number of updates on examples of one style."""

    name: str
    steps: int
    examples: int
    style: TraceStyle


@dataclass(frozen=True, slots=True)
class Recipe:
    """All parameters that determine the weights, up to rounding."""

    seed: int = 0
    hidden_size: int = 128
    layers: int = 2
    heads: int = 4
    kv_heads: int = 1
    head_dim: int = 32
    intermediate_size: int = 256
    initial_deviation: float = 0.05
    batch_size: int = 32
    lr: float = 3e-3
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    loss_tokens: int = 18
    """Normaliser of the loss per example: the typical length of a completion."""
    stages: tuple[Stage, ...] = (
        Stage("clean", 1600, 32768, TraceStyle(guess=0.1, think=0.7, slip_rate=0.0)),
        Stage("noisy", 120, 4096, TraceStyle(guess=0.6, think=0.25, slip_rate=0.25)),
    )


def build_tokenizer() -> WordTokenizer:
    return WordTokenizer.of_words(WORDS)


def warm_up(recipe: Recipe) -> Llama:
    """Trains the model, in about two minutes on one core."""
    tokenizer = build_tokenizer()
    model = Llama(_shape(recipe, len(tokenizer.vocabulary)))
    generator = torch.Generator().manual_seed(derive_seed("warm-up weights", recipe.seed))
    model.initialise(generator, recipe.initial_deviation)
    optimizer = FlatAdamW(list(model.parameters()), recipe.betas, recipe.weight_decay)
    total = sum(stage.steps for stage in recipe.stages)
    for step, batch in enumerate(_batches(recipe, tokenizer)):
        optimizer.zero_grad()
        _loss(model, batch, recipe.loss_tokens).backward()  # type: ignore[no-untyped-call]
        optimizer.step(_rate(recipe.lr, step, total), recipe.max_grad_norm, optimizer.gradient_norm())
    return model


def _shape(recipe: Recipe, vocab_size: int) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=recipe.hidden_size,
        intermediate_size=recipe.intermediate_size,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.kv_heads,
        head_dim=recipe.head_dim,
    )


def _rate(peak: float, step: int, total: int) -> float:
    """Learning rate: linear warm-up over 3 % of the steps, then cosine decay to 5 % of the peak."""
    rise = min(1.0, (step + 1) / (0.03 * total))
    return peak * rise * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / total)))


def _batches(recipe: Recipe, tokenizer: WordTokenizer) -> Iterator[list[Example]]:
    for stage in recipe.stages:
        examples = _examples(stage, recipe.seed, tokenizer)
        draws = Draws("warm-up order", recipe.seed, stage.name)
        size = recipe.batch_size
        pool: list[list[Example]] = []
        for _ in range(stage.steps):
            if not pool:
                # Eight batches are drawn together and sorted by length, so that each needs little padding.
                drawn = sorted(
                    (draws.choice(examples) for _ in range(8 * size)), key=lambda e: len(e[0]) + len(e[1])
                )
                pool = draws.shuffled([drawn[i * size : (i + 1) * size] for i in range(8)])
            yield pool.pop()


def _examples(stage: Stage, seed: int, tokenizer: WordTokenizer) -> list[Example]:
    """The examples of a stage, alternating between sources and levels."""
    end = tokenizer.vocabulary["<eos>"]
    sources = list(SOURCES)
    examples: list[Example] = []
    for index in range(stage.examples):
        source, level = sources[index % len(sources)], index // len(sources) % 2
        task = draw_task(source, f"warm-up {stage.name} {seed}", level, index)
        trace = write_trace(task, stage.style, Draws("trace", stage.name, seed, index))
        examples.append((tokenizer.encode(prompt_of(task)), [*tokenizer.encode(trace), end]))
    return examples


def _loss(model: Llama, batch: list[Example], loss_tokens: int) -> torch.Tensor:
    """Cross-entropy of the completions. Padding is on the right, where causal attention never reaches it."""
    length = max(len(prompt) + len(completion) for prompt, completion in batch)
    ids = torch.zeros(len(batch), length, dtype=torch.long)
    targets = torch.full((len(batch), length), -100)
    for row, (prompt, completion) in enumerate(batch):
        end = len(prompt) + len(completion)
        ids[row, :end] = torch.tensor(prompt + completion)
        targets[row, len(prompt) : end] = torch.tensor(completion)
    logits = model(ids)[:, :-1]
    total = F.cross_entropy(
        logits.flatten(0, 1), targets[:, 1:].flatten(), ignore_index=-100, reduction="sum"
    )
    return total / (len(batch) * loss_tokens)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder to write model, tokenizer and recipe.json to"
    )
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    recipe = Recipe(seed=arguments.seed)
    started = time.process_time()
    model = warm_up(recipe)
    save_llama(model, arguments.out)
    build_tokenizer().save(arguments.out)
    record = {
        "recipe": asdict(recipe),
        "torch": torch.__version__,
        "threads": 1,
        "cpu_seconds": round(time.process_time() - started, 1),
        "parameters": sum(p.numel() for p in model.parameters()),
    }
    (arguments.out / "recipe.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
