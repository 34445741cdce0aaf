"""The commit that a hub model was resolved to, as the local cache of huggingface_hub records it.

`model.revision` may be a branch, or absent, and then names another commit tomorrow. The cache is read without the
network and without importing huggingface_hub: https://huggingface.co/docs/huggingface_hub/guides/manage-cache.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from campaign.folder.atomic_files import write_json
from campaign.folder.paths import AttemptPaths
from campaign.spec.config import ModelSection

COMMIT = re.compile(r"[0-9a-f]{40}")
DEFAULT_REVISION = "main"


def note_model_revision(section: ModelSection, attempt: AttemptPaths) -> None:
    """Record the resolved commit of a hub model in the attempt's folder; nothing for any other model."""
    if section.model == "embedded" or os.path.isdir(os.path.expanduser(section.model)):
        return
    commit = cached_commit(section.model, section.revision)
    if commit is not None:
        source = {"model": section.model, "requested": section.revision, "revision": commit}
        write_json(attempt.model_source, source, sync=False)


def cached_commit(model: str, revision: str | None) -> str | None:
    """The commit of the cached snapshot that `revision` of a model denotes; None when there is none."""
    repository = _cache() / f"models--{model.replace('/', '--')}"
    wanted = revision or DEFAULT_REVISION
    commit = wanted if COMMIT.fullmatch(wanted) else _referenced(repository / "refs" / wanted)
    return commit if commit and (repository / "snapshots" / commit).is_dir() else None


def _referenced(reference: Path) -> str | None:
    try:
        text = reference.read_text(encoding="ascii").strip() if reference.is_file() else ""
    except (OSError, ValueError):
        return None
    return text if COMMIT.fullmatch(text) else None


def _cache() -> Path:
    """Where huggingface_hub keeps models, by the same environment variables in the same order."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if value := os.environ.get(name):
            return Path(value).expanduser()
    user_cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    home = os.environ.get("HF_HOME") or os.path.join(user_cache, "huggingface")
    return Path(home).expanduser() / "hub"
