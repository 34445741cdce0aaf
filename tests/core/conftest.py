"""Real parts for the core's tests: the embedded model, and tiny models made on the spot."""

from __future__ import annotations

import pytest
import torch
from hypothesis import settings

from campaign.core.llama import Llama, LlamaConfig
from campaign.core.llama_files import load_llama
from campaign.core.policy import EMBEDDED
from campaign.core.tokenizer import WordTokenizer, load_tokenizer

torch.set_num_threads(1)
# A busy machine is not a bug: no deadline per example.
settings.register_profile("core", deadline=None)
settings.load_profile("core")


@pytest.fixture(scope="session")
def embedded() -> Llama:
    """Not to be changed by a test."""
    return load_llama(EMBEDDED)


@pytest.fixture(scope="session")
def tokenizer() -> WordTokenizer:
    loaded = load_tokenizer(EMBEDDED)
    assert isinstance(loaded, WordTokenizer)
    return loaded


@pytest.fixture
def tiny_llama() -> Llama:
    """Two layers, three query heads for each of two kv heads, an untied head, a random start."""
    config = LlamaConfig(
        vocab_size=40,
        hidden_size=24,
        intermediate_size=20,
        num_hidden_layers=2,
        num_attention_heads=6,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=64,
        rms_norm_eps=1e-5,
        rope_theta=500.0,
        tie_word_embeddings=False,
    )
    model = Llama(config)
    model.initialise(torch.Generator().manual_seed(3), 0.3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.uniform_(0.5, 1.5, generator=torch.Generator().manual_seed(4))
    return model
