"""Reading and writing a Llama in Hugging Face format: `config.json` and `model.safetensors` or shards."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor

from campaign.core.llama import Llama, LlamaConfig
from campaign.core.tensor_file import save_tensors
from campaign.errors import UsageError
from campaign.folder.regular_files import read_regular
from campaign.folder.untrusted_json import parse_json


def load_llama(folder: Path) -> Llama:
    """Loads the model of a folder in Hugging Face format.

    Raises `UsageError` when a file is missing or the weights do not match the configuration.
    """
    config = LlamaConfig.from_hf(parse_json(read_regular(folder / "config.json")))
    model = Llama(config)
    weights = _read_weights(folder)
    if config.tie_word_embeddings:
        weights.pop("lm_head.weight", None)
    expected = {name for name, _ in model.named_parameters()}
    if expected != set(weights):
        differing = sorted(expected ^ set(weights))
        raise UsageError(
            f"{folder}: the weights do not match config.json: {len(differing)} names differ, "
            f"for example {', '.join(differing[:3])}"
        )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.shape != weights[name].shape:
                shapes = f"{tuple(weights[name].shape)} instead of {tuple(parameter.shape)}"
                raise UsageError(f"{folder}: the weights do not match config.json: {name} is {shapes}")
            parameter.copy_(weights[name])
    return model


def _read_weights(folder: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    index = folder / "model.safetensors.index.json"
    files = [folder / "model.safetensors"]
    if index.is_file():
        files = [
            folder / name for name in sorted(set(parse_json(read_regular(index))["weight_map"].values()))
        ]
    weights: dict[str, Tensor] = {}
    for file in files:
        if not file.is_file():
            raise UsageError(f"{folder}: {file.name} is missing")
        try:
            weights.update(load_file(file))
        except SafetensorError as error:
            raise UsageError(f"{file}: not a readable safetensors file: {error}") from None
    return {name: tensor for name, tensor in weights.items() if not name.endswith("rotary_emb.inv_freq")}


def save_llama(model: Llama, folder: Path) -> None:
    """Writes `config.json` and `model.safetensors` in the format of `transformers`."""
    folder.mkdir(parents=True, exist_ok=True)
    precision = str(model.model.embed_tokens.weight.dtype).removeprefix("torch.")
    document = model.config.to_hf() | {"torch_dtype": precision}
    (folder / "config.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    save_tensors(dict(model.named_parameters()), folder / "model.safetensors")
