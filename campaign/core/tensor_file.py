"""Writing of safetensors files, with errors of the operating system raised as `OSError`."""

from __future__ import annotations

import os
import re
from pathlib import Path

from torch import Tensor


def save_tensors(tensors: dict[str, Tensor], path: Path) -> None:
    """Writes `tensors` to `path` in safetensors format. Raises `OSError` when it cannot be written."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    ready = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        save_file(ready, path, metadata={"format": "pt"})
    except SafetensorError as error:
        # The library reports the operating system's error only in its message: `code: 28` or `(os error 28)`.
        found = re.search(r"(?:code: |os error )(\d+)", str(error))
        if not found:
            raise
        number = int(found.group(1))
        raise OSError(number, os.strerror(number), str(path)) from error
