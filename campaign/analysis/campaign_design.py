"""The design of a campaign, read from its folder: planned runs, hypotheses, and what was frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from campaign.errors import UsageError
from campaign.folder.paths import CampaignPaths
from campaign.folder.plan_document import PlanDocument, read_plan
from campaign.folder.recorded_check import RecordedCheck, read_recorded_check
from campaign.spec.hypotheses import Frozen, Hypothesis, read_frozen, read_hypotheses
from campaign.spec.submitted_spec import changed_since_submit


@dataclass(frozen=True, slots=True)
class CampaignDesign:
    """The design: conditions in their declared order (the first is the default baseline), seeds in theirs."""

    name: str = ""
    conditions: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    steps: Mapping[str, int] = field(default_factory=dict)
    """Condition -> steps of each of its runs, for the conditions where they are known."""
    hypotheses: tuple[Hypothesis, ...] = ()
    """As in the latest plan; the frozen ones may differ."""
    looks: tuple[int, ...] = ()
    frozen: Frozen | None = None
    notes: tuple[str, ...] = ()
    """What a reader must know about the plan, as sentences."""
    check: RecordedCheck = field(default_factory=RecordedCheck)
    """What the check of the conditions found at the last submit."""


def read_design(folder: Path) -> CampaignDesign:
    """The plan of a campaign's folder; an empty one when the folder has none.

    Raises `UsageError` when the plan cannot be read or the frozen record was edited.
    """
    paths = CampaignPaths(folder)
    frozen = read_frozen(paths.frozen)
    if not paths.plan.exists():
        return CampaignDesign(frozen=frozen)
    document = read_plan(paths.plan)
    try:
        hypotheses = read_hypotheses(document.hypotheses)
    except (ValueError, TypeError) as error:
        raise UsageError(f"{paths.plan} cannot be read: {error}") from None
    return replace(_design(document, hypotheses, paths, frozen), check=read_recorded_check(paths.check))


def _design(
    document: PlanDocument, hypotheses: tuple[Hypothesis, ...], paths: CampaignPaths, frozen: Frozen | None
) -> CampaignDesign:
    changed = changed_since_submit(paths, document)
    return CampaignDesign(
        name=document.name or paths.root.name,
        conditions=document.labels,
        seeds=document.seeds,
        steps={entry.label: entry.max_steps for entry in document.conditions if entry.max_steps},
        hypotheses=hypotheses,
        looks=document.looks,
        frozen=frozen,
        notes=((changed,) if changed else ()) + document.caveats,
    )
