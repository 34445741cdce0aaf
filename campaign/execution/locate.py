"""Finds the folder of a campaign by its name, its path or its spec."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from pathlib import Path

from campaign.errors import UsageError
from campaign.folder.paths import CampaignPaths
from campaign.suggest import did_you_mean


def campaigns_root() -> Path:
    """The folder of all campaigns: CAMPAIGN_DIR, or `campaigns` in the current folder."""
    return Path(os.environ.get("CAMPAIGN_DIR") or "campaigns")


def submitted_campaigns() -> list[CampaignPaths]:
    """All submitted campaigns in `campaigns_root()`, sorted by name."""
    root = campaigns_root()
    if not root.is_dir():
        return []
    folders = (CampaignPaths(path) for path in sorted(root.iterdir()))
    return [paths for paths in folders if paths.database.is_file()]


def folder_of(text: str) -> Path:
    """The folder that `text` names: a path, a campaign's name, or its spec. It may be any folder of runs.

    Raises `UsageError` when there is none, and `SpecError` for a spec that cannot be read.
    """
    given, root = Path(text), campaigns_root()
    for folder in (given, root / text):
        if text and folder.is_dir():
            return folder
    if given.suffix == ".toml" and given.is_file():
        from campaign.spec.load import campaign_name

        folder = root / campaign_name(given)
        if folder.is_dir():
            return folder
        raise UsageError(f"{text} was never submitted: {folder} does not exist\n    campaign submit {text}")
    names = sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    raise UsageError(
        f"no campaign {text!r} in {root}{did_you_mean(text, names, before='; ')}{_listed(names, 'there are')}"
    )


def locate(text: str) -> CampaignPaths:
    """The submitted campaign that `text` names. Raises `UsageError`."""
    paths = CampaignPaths(folder_of(text))
    if not paths.database.is_file():
        raise UsageError(f"{paths.root} is not a submitted campaign: it has no {paths.database.name}")
    return paths


def name_to_type(paths: CampaignPaths) -> str:
    """The shortest argument that `locate` understands, quoted for a shell."""
    same = paths.root.absolute().parent == campaigns_root().absolute()
    return shlex.quote(paths.root.name if same else str(paths.root))


def match_run(text: str, ids: Iterable[str]) -> str:
    """The run whose id is `text`, or the only one whose id starts with it. Raises `UsageError`."""
    names = list(ids)
    if text in names:
        return text
    found = [name for name in names if name.startswith(text)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"{text!r} is ambiguous: {len(found)} runs start with it{_listed(found, 'they are')}"
        )
    raise UsageError(
        f"no run {text!r}{did_you_mean(text, names, before='; ')}{_listed(names, 'runs of this campaign')}"
    )


def _listed(names: list[str], head: str, most: int = 8) -> str:
    if not names:
        return ""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"\n    {head}: {', '.join(names[:most])}{more}"
