"""Statistical analysis of campaigns: from run directories to verdicts, as pure functions on per-run values.

Submodules are imported on first access, so that `campaign plan` can compute the smallest attainable p-value
without importing numpy or scipy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from campaign.analysis.attainability import (
        attainable,
        attainable_unpaired,
        describe_attainable,
        min_pairs_to_reject,
    )
    from campaign.analysis.condition_comparison import Comparison, Design, compare
    from campaign.analysis.factorial import interaction
    from campaign.analysis.hypothesis_power import PlannedPower, planned_power
    from campaign.analysis.litmus import Minimum, Threshold
    from campaign.analysis.loading import load_runs
    from campaign.analysis.power import PowerTable, episodes_two_proportions, pilot, power_of_differences
    from campaign.analysis.runs import Run, Runs
    from campaign.analysis.samples import Differences, SeedSample, contrast, pair
    from campaign.analysis.significance import holm, paired_t, sign_flip, welch
    from campaign.analysis.summaries import default_metric, summarise
    from campaign.analysis.verdict import Verdict, document, exit_code, verdicts

_MODULES = {
    "attainability": ("attainable", "attainable_unpaired", "describe_attainable", "min_pairs_to_reject"),
    "condition_comparison": ("Comparison", "Design", "compare"),
    "factorial": ("interaction",),
    "litmus": ("Minimum", "Threshold"),
    "loading": ("load_runs",),
    "hypothesis_power": ("PlannedPower", "planned_power"),
    "power": ("PowerTable", "episodes_two_proportions", "pilot", "power_of_differences"),
    "runs": ("Run", "Runs"),
    "samples": ("Differences", "SeedSample", "contrast", "pair"),
    "significance": ("holm", "paired_t", "sign_flip", "welch"),
    "summaries": ("default_metric", "summarise"),
    "verdict": ("Verdict", "document", "exit_code", "verdicts"),
}

__all__ = [
    "Comparison",
    "Design",
    "Differences",
    "Minimum",
    "PlannedPower",
    "PowerTable",
    "Run",
    "Runs",
    "SeedSample",
    "Threshold",
    "Verdict",
    "attainable",
    "attainable_unpaired",
    "compare",
    "contrast",
    "default_metric",
    "describe_attainable",
    "document",
    "episodes_two_proportions",
    "exit_code",
    "holm",
    "interaction",
    "load_runs",
    "min_pairs_to_reject",
    "pair",
    "paired_t",
    "pilot",
    "planned_power",
    "power_of_differences",
    "sign_flip",
    "summarise",
    "verdicts",
    "welch",
]


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            value = getattr(import_module(f"campaign.analysis.{module}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
