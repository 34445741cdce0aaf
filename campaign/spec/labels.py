"""Names that become folders: campaigns, conditions, runs."""

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
"""Characters of a name: with seed, attempt and file it has to stay a path that every file system takes."""

_LEGAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=~,@-]*")
_OTHER = re.compile(r"[^A-Za-z0-9._+=,@-]+")
_IN_LABEL = (("algorithm", "advantage_mode"), ("algorithm", "transform_mode"))


def refused(name: str) -> tuple[str, str] | None:
    """Why `name` cannot be a folder's name, and what can; None when it can."""
    if not name:
        return "is empty", ""
    if "/" in name or "\\" in name or ".." in name:
        return f'"{name}" would leave its folder', "a name, not a path: no `/`, `\\` or `..`"
    if len(name) > LONGEST:
        return f"is too long: {len(name)} characters", f"at most {LONGEST}"
    if not _LEGAL.fullmatch(name):
        return (
            f'"{name}" cannot name a folder',
            "letters, digits and . _ + = ~ , @ -, beginning with a letter or digit",
        )
    return None


def from_stem(path: Path) -> str:
    """The campaign's name when the file gives none: the file's own, made fit for a folder."""
    return re.sub(r"\.{2,}", ".", _OTHER.sub("-", path.stem)).strip("-._~+=,@")[:LONGEST] or "campaign"


def derived(config: RunConfig, differing: Iterable[tuple[FieldPath, Any]]) -> str:
    """`advantage+transform`, and `~key=value` for each further difference from the base.

    A core of the user's own need not know advantages: there the differences alone make the label.
    """
    differing = list(differing)
    modes = [_short(config.algorithm.advantage_mode), _short(config.algorithm.transform_mode)]
    own_core = config.core.command is not None or config.core.entrypoint is not None
    named = not own_core or any(path in _IN_LABEL for path, _ in differing)
    parts = ["+".join(modes)] if named else []
    parts += [f"{_key(path)}={_short(value)}" for path, value in differing if path not in _IN_LABEL]
    label = "~".join(parts) or "base"
    if len(label) <= LONGEST:
        return label
    return f"{label[: LONGEST - 9]}~{sha256(label.encode()).hexdigest()[:8]}"


def _key(path: FieldPath) -> str:
    bare = len(path) == 3 or len(by_leaf().get(path[-1], ())) == 1
    return _OTHER.sub("-", path[-1] if bare else ".".join(path))


def _short(value: Any) -> str:
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, (list, tuple)):
        text = ",".join(_short(item) for item in value)
    elif isinstance(value, float):
        text = f"{value:.10g}"
    else:
        text = str(value)
    if _LEGAL.fullmatch(text) and ".." not in text:
        return text
    return re.sub(r"\.{2,}", ".", _OTHER.sub("-", text)).strip("-")
