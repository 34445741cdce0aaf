"""The contents of a checkpoint of the built-in core: everything that the next step depends on.

Trained weights and optimizer moments are tensors; the rest is JSON. There is no random state, because the
draws of a step derive from (seed, step).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from campaign.core.tensor_file import save_tensors
from campaign.errors import UsageError
from campaign.folder.regular_files import read_regular
from campaign.folder.untrusted_json import parse_json

FORMAT = 1


def write_state(folder: Path, tensors: dict[str, Tensor], state: Mapping[str, Any]) -> None:
    save_tensors(tensors, folder / "optimizer.safetensors")
    document = {"format": FORMAT, **state}
    (folder / "state.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def read_state(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and state of a checkpoint. Raises `UsageError` when it cannot be read."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state: dict[str, Any] = parse_json(read_regular(folder / "state.json"))
        tensors = load_file(folder / "optimizer.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise UsageError(f"{folder}: not a readable checkpoint: {error}") from None
    if state.get("format") != FORMAT:
        raise UsageError(
            f"{folder}: the checkpoint has format {state.get('format')}, "
            f"but this version reads format {FORMAT}"
        )
    return tensors, state
