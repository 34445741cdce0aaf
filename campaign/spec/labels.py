"""Names of campaigns and conditions, which are also names of folders."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

from campaign.spec.config import RunConfig
from campaign.spec.fields import by_leaf
from campaign.spec.overrides import FieldPath

LONGEST = 100
"""Most characters of a name. File systems limit one component of a path to 255 bytes and macOS a whole path to
1,024: this leaves room for the seed, the attempt, and the files below."""

_LEGAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=~,@-]*")
_ILLEGAL = re.compile(r"[^A-Za-z0-9._+=,@-]+")
"""Replaced in a part of a derived label. `~` is legal in a name, and separates these parts."""
_MODES = (("algorithm", "advantage_mode"), ("algorithm", "transform_mode"))


def invalid_name(name: str) -> tuple[str, str] | None:
    """Why `name` cannot be the name of a folder, and the fix; None when it can."""
    if not name:
        return "is empty", "write a name, or remove the key"
    if "/" in name or "\\" in name or ".." in name:
        return f'"{name}" would leave its folder', "write a name, not a path: without `/`, `\\` or `..`"
    if len(name) > LONGEST:
        return f"is too long: {len(name)} characters", f"use at most {LONGEST}"
    if not _LEGAL.fullmatch(name):
        return (
            f'"{name}" cannot name a folder',
            "use letters, digits and . _ + = ~ , @ -, and begin with a letter or digit",
        )
    return None


def name_from_file(path: Path) -> str:
    """A name for a file's campaign or module: the name of the file, with illegal characters replaced."""
    return re.sub(r"\.{2,}", ".", _ILLEGAL.sub("-", path.stem)).strip("-._~+=,@")[:LONGEST] or "campaign"


def derived_label(config: RunConfig, differing: Iterable[tuple[FieldPath, Any]]) -> str:
    """`advantage+transform`, and `~key=value` for each further difference from the base.

    A user's own core may not use advantages: its labels name them only where conditions differ in them.
    """
    differing = list(differing)
    modes = [_legal_text(config.algorithm.advantage_mode), _legal_text(config.algorithm.transform_mode)]
    own_core = config.core.command is not None or config.core.entrypoint is not None
    with_modes = not own_core or any(path in _MODES for path, _ in differing)
    parts = ["+".join(modes)] if with_modes else []
    parts += [f"{_key(path)}={_legal_text(value)}" for path, value in differing if path not in _MODES]
    label = "~".join(parts) or "base"
    if len(label) <= LONGEST:
        return label
    # The hash of the whole label keeps labels apart that differ only after the cut.
    return f"{label[: LONGEST - 9]}~{sha256(label.encode()).hexdigest()[:8]}"


def _key(path: FieldPath) -> str:
    """The bare name of a field where it is unambiguous; of a free table, the key."""
    bare = len(path) == 3 or len(by_leaf().get(path[-1], ())) == 1
    return _ILLEGAL.sub("-", path[-1] if bare else ".".join(path))


def _legal_text(value: Any) -> str:
    """A value as text that can be part of a folder's name. The result may be the same for different values:
    a duplicate label is reported, and the condition then needs a `name`."""
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, (list, tuple)):
        text = ",".join(_legal_text(item) for item in value)
    elif isinstance(value, float):
        text = f"{value:.10g}"
    else:
        text = str(value)
    if _LEGAL.fullmatch(text) and ".." not in text:
        return text
    return re.sub(r"\.{2,}", ".", _ILLEGAL.sub("-", text)).strip("-")
