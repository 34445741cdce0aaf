"""The contents of a report as values, from which page, Markdown and JSON are rendered."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from campaign.metrics.definitions import Metric, lookup
from campaign.report.campaign_record import CampaignRecord
from campaign.report.curves import Curves, curves, varies
from campaign.report.differences import Difference, differences
from campaign.report.executed_proof import ExecutedProof, executed_proof
from campaign.report.figures import Figure, difference_plot, learning_curve, seed_heat_map
from campaign.report.finals import FinalValues, final_values
from campaign.report.paired import PairedDifference, paired_differences
from campaign.report.parallel import parallel_coordinates
from campaign.report.sample_completions import SampleRow, sample_rows
from campaign.report.verdict_cards import Judgement, judge

MAX_POINTS = {"large": 200, "small": 100}
"""Points per curve, by panel size; fewer when there are many runs, to limit the size of the page."""
MAX_FURTHER_PANELS = 12
MAX_SOURCES = 8

ENTROPY = ("exec_entropy_mean", "exec_entropy_var", "plan_entropy_mean", "plan_entropy_var")
FURTHER = (
    "mean_reward", "loss", "kl", "completion_length_mean", "reward_uniform_group_rate", "max_token_hit_rate",
    "grad_norm", "update_norm", "sepa_lambda", "tokens_per_s", "step_time_s", "plan_token_rate",
)  # fmt: skip
"""Small panels, in this order; other logged metrics follow alphabetically up to `MAX_FURTHER_PANELS`."""
HIDDEN = frozenset(
    {"time", "running_correct_rate", "num_datums", "loss_is_placeholder", "backend_reports_sync_loss"}
)

TITLES: Mapping[str, str] = {
    "correct_rate": "Correct rate during training",
    "val/correct_rate": "Correct rate on held-out prompts",
    "mean_reward": "Mean reward",
    "loss": "Loss",
    "kl": "KL to the reference policy",
    "completion_length_mean": "Completion length",
    "reward_uniform_group_rate": "Groups without learning signal",
    "max_token_hit_rate": "Truncated completions",
    "grad_norm": "Gradient norm",
    "update_norm": "Update norm",
    "sepa_lambda": "SEPA lambda",
    "tokens_per_s": "Throughput",
    "step_time_s": "Time per step",
    "plan_token_rate": "Planning tokens",
    "exec_entropy_mean": "Entropy of execution tokens: mean",
    "exec_entropy_var": "Entropy of execution tokens: variance",
    "plan_entropy_mean": "Entropy of planning tokens: mean",
    "plan_entropy_var": "Entropy of planning tokens: variance",
}


@dataclass(frozen=True, slots=True)
class Panel:
    """A figure with its title and note."""

    id: str
    title: str
    figure: Figure
    note: str = ""
    size: str = "small"
    """`large` or `small`."""
    name: str = ""
    """The metric of a learning curve; empty for other figures."""
    metric: Metric | None = None
    """The definition of the metric, where it has one."""
    description: str = ""
    """Alternative text."""

    @property
    def is_curve(self) -> bool:
        return bool(self.name)


@dataclass(frozen=True, slots=True)
class ConditionSummary:
    """Summary statistics of one condition."""

    condition: str
    done: int
    runs: int
    values: Mapping[int, float]
    """Seed -> final value."""
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    differences: tuple[PairedDifference, ...]
    """Those of which the condition is the candidate; empty for a condition that is only a baseline."""


@dataclass(frozen=True, slots=True)
class Contents:
    record: CampaignRecord
    final_values: FinalValues
    summaries: tuple[ConditionSummary, ...]
    main: tuple[Panel, ...]
    sources: tuple[Panel, ...]
    entropy: tuple[Panel, ...]
    further: tuple[Panel, ...]
    comparison: tuple[Panel, ...]
    fields: tuple[Panel, ...]
    differences: tuple[Difference, ...]
    samples: tuple[SampleRow, ...]
    judgement: Judgement
    pairs: tuple[PairedDifference, ...]
    """The differences between conditions that the report shows."""
    executed: ExecutedProof
    """What the configurations of the runs shown say about the conditions."""

    @property
    def file_panels(self) -> tuple[Panel, ...]:
        """The panels whose figures are also written to files."""
        return (*self.main, *self.comparison, *self.entropy, *self.fields)

    @property
    def panels(self) -> tuple[Panel, ...]:
        return (*self.main, *self.comparison, *self.sources, *self.entropy, *self.further, *self.fields)


def collect_contents(record: CampaignRecord) -> Contents:
    """Collects everything that a report shows."""
    values = final_values(record)
    judgement = judge(record)
    found = differences(record)
    pairs = paired_differences(record, values, judgement)
    training = values.metric.removeprefix("val/")
    main = tuple(dict.fromkeys((values.metric, training))) if values.metric else ()
    logged = _logged_metrics(record)
    by_source = [name for name in logged if _is_source(name, training)][:MAX_SOURCES]
    further = _further_metrics(logged, {*main, *ENTROPY, *by_source, *HIDDEN})
    return Contents(
        record=record,
        final_values=values,
        summaries=summarise_conditions(record, values, pairs),
        main=_curve_panels(record, main, "large", always=True),
        sources=_curve_panels(record, by_source, "small"),
        entropy=_curve_panels(record, ENTROPY, "small"),
        further=_curve_panels(record, further, "small")[:MAX_FURTHER_PANELS],
        comparison=_comparison_panels(record, values, pairs),
        fields=_field_panels(record, values, found),
        differences=found,
        samples=sample_rows(record),
        judgement=judgement,
        pairs=pairs,
        executed=executed_proof(record),
    )


def summarise_conditions(
    record: CampaignRecord, values: FinalValues, pairs: Sequence[PairedDifference]
) -> tuple[ConditionSummary, ...]:
    """One summary per condition; all numbers are descriptive."""
    return tuple(_summarise(record, values, label, pairs) for label in record.conditions)


def _summarise(
    record: CampaignRecord, values: FinalValues, label: str, pairs: Sequence[PairedDifference]
) -> ConditionSummary:
    by_seed = values.of(label)
    numbers = list(by_seed.values())
    return ConditionSummary(
        condition=label,
        done=sum(run.state == "done" and not run.left_out for run in record.of(label)),
        runs=len(record.of(label)),
        values=by_seed,
        mean=fmean(numbers) if numbers else None,
        sd=stdev(numbers) if len(numbers) > 1 else None,
        low=min(numbers, default=None),
        high=max(numbers, default=None),
        differences=tuple(pair for pair in pairs if pair.candidate == label),
    )


def _further_metrics(logged: Sequence[str], excluded: set[str]) -> list[str]:
    """`FURTHER`, then the remaining training metrics, those without a namespace first."""
    preferred = [name for name in FURTHER if name in logged and name not in excluded]
    others = [name for name in logged if name not in {*excluded, *FURTHER} and not name.startswith("val/")]
    return preferred + sorted(others, key=lambda name: ("/" in name, name))


def _logged_metrics(record: CampaignRecord) -> list[str]:
    return sorted({name for run in record.runs if run.data is not None for name in run.data.metrics})


def _is_source(name: str, training: str) -> bool:
    parts = name.split("/")
    return len(parts) == 3 and parts[0] == "val" and parts[2] == training


def _curve_panels(
    record: CampaignRecord, metrics: Sequence[str], size: str, *, always: bool = False
) -> tuple[Panel, ...]:
    """A panel for each metric that varies; with `always`, for constant metrics too."""
    panels = []
    for metric in metrics:
        found = curves(record, metric, _max_points(record, size))
        if found is not None and (always or varies(found)):
            panels.append(_curve_panel(record, found, size))
    return tuple(panels)


def _max_points(record: CampaignRecord, size: str) -> int:
    runs = max(1, len(record.runs))
    if size == "large":
        return max(60, min(MAX_POINTS[size], 6000 // runs))
    return max(40, min(MAX_POINTS[size], 2400 // runs))


def _curve_panel(record: CampaignRecord, found: Curves, size: str) -> Panel:
    definition = lookup(found.metric)
    notes = [definition.description] if definition else []
    if found.width > 1:
        notes.append(f"Each point is the mean of {found.width} steps.")
    if found.uneven:
        notes.append("Later points are based on fewer seeds.")
    heading = TITLES.get(found.metric, found.metric)
    if (parts := found.metric.split("/"))[0] == "val" and len(parts) == 3:
        heading = parts[1]
    return Panel(
        id=_identifier(found.metric),
        title=heading,
        figure=learning_curve(found, record.conditions),
        note=" ".join(notes),
        size=size,
        name=found.metric,
        metric=definition,
        description=_describe_curves(found),
    )


def _describe_curves(found: Curves) -> str:
    parts = []
    for curve in found.conditions:
        means = curve.mean[curve.count > 0]
        parts.append(f"{curve.condition} from {means[0]:.3g} to {means[-1]:.3g}")
    return f"{found.metric} over {found.steps[-1]:.0f} steps, mean over the seeds: {'; '.join(parts)}."


def _comparison_panels(
    record: CampaignRecord, values: FinalValues, pairs: Sequence[PairedDifference]
) -> tuple[Panel, ...]:
    panels = []
    figure = difference_plot(pairs, values.metric, record.conditions)
    line = ", the line its confidence interval" if any(pair.interval for pair in pairs) else ""
    if figure is not None:
        shown = "; ".join(pair.label for pair in pairs if pair.by_seed)
        panels.append(
            Panel(
                "paired-differences", "Paired differences: candidate - baseline", figure,
                f"One point per seed: {values.metric} of the candidate minus that of the baseline, with the same "
                f"seed ({shown}). The bar is the mean{line}.",
                "large", description=_describe_differences(pairs),
            )
        )  # fmt: skip
    heat_map = seed_heat_map(values, record.conditions, record.seeds)
    if heat_map is not None:
        panels.append(
            Panel(
                "seeds-by-condition", "Final value of every run", heat_map,
                f"{values.description.capitalize()}. Grey: not complete.", "large",
                description="The same numbers are in the table of runs.",
            )
        )  # fmt: skip
    return tuple(panels)


def _field_panels(
    record: CampaignRecord, values: FinalValues, found: tuple[Difference, ...]
) -> tuple[Panel, ...]:
    figure = parallel_coordinates(found, values, record.conditions)
    if figure is None:
        return ()
    return (
        Panel(
            "fields", "Fields and final value", figure,
            f"One line per run, from the values of the fields that differ to {values.metric}.",
            "large",
            description="The fields are in the table of differences, the final values in the table of runs.",
        ),
    )  # fmt: skip


def _describe_differences(pairs: Sequence[PairedDifference]) -> str:
    lines = [
        f"{pair.label}: mean difference {pair.mean:+.3g} over {pair.seeds}"
        for pair in pairs
        if pair.by_seed and pair.mean is not None
    ]
    return "; ".join(lines) + "."


def _identifier(metric: str) -> str:
    """A file name and element id: letters, digits and dashes, unique per metric."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", metric).strip("-")[:60]
    usual = re.fullmatch(r"[a-z0-9]+([_/][a-z0-9]+)*", metric)
    return plain if usual else f"{plain or 'metric'}-{zlib.crc32(metric.encode()):08x}"
