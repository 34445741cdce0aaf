"""What a shell completes for the arguments CAMPAIGN, RUN and conditions.

A shell shows whatever a completion prints, so these functions return nothing where a command would report an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from campaign.folder.paths import CampaignPaths


def campaign_names(incomplete: str) -> list[str]:
    """The campaigns of this folder. Where none matches, the shell completes files: a spec or a campaign's folder."""
    from campaign.execution.locate import campaigns_root

    root = campaigns_root()
    if not root.is_dir():
        return []
    return _matching(sorted(path.name for path in root.iterdir() if path.is_dir()), incomplete)


def run_names(ctx: Any, incomplete: str) -> list[str]:
    """The runs of the campaign that was typed before, without those that were typed too."""
    paths = _typed_campaign(ctx)
    given = ctx.params.get("runs") or ()
    names = [] if paths is None else [run.root.name for run in paths.run_folders()]
    return [name for name in _matching(names, incomplete) if name not in given]


def condition_names(ctx: Any, incomplete: str) -> list[str]:
    """The conditions of the campaign that was typed before."""
    from campaign.folder.plan_document import plan_or_empty

    paths = _typed_campaign(ctx)
    given = ctx.params.get("baseline")
    labels = () if paths is None else plan_or_empty(paths.plan).labels
    return [label for label in _matching(labels, incomplete) if label != given]


def _typed_campaign(ctx: Any) -> CampaignPaths | None:
    from campaign.errors import CampaignError
    from campaign.execution.locate import folder_of
    from campaign.folder.paths import CampaignPaths

    try:
        return CampaignPaths(Path(folder_of(str(ctx.params.get("campaign") or ""))))
    except (CampaignError, OSError):
        return None


def _matching(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
