"""The headline metric of a campaign: the one that tables and reports show when there is room for one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from campaign.folder.plan_document import PlanDocument

DEFAULT = "correct_rate"


@dataclass(frozen=True, slots=True)
class Headline:
    """A metric, and how a run is reduced to one value of it."""

    metric: str = DEFAULT
    summary: str = "auto"


def headline_of(plan: PlanDocument) -> Headline:
    """`campaign.headline_metric` if it is declared, else the metric of the first hypothesis, else `correct_rate`.

    The first hypothesis about the metric also determines the summary, so that tables and verdicts show one number.
    """
    declared = plan.headline_metric
    for table in plan.hypotheses:
        if isinstance(table, Mapping) and declared in (None, table.get("metric")):
            return Headline(str(table.get("metric", DEFAULT)), str(table.get("summary", "auto")))
    return Headline(declared or DEFAULT)
