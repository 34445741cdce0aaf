"""What stands in a report, as values: the page, the Markdown and the JSON show the same."""

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
from campaign.report.figures import Figure, difference_plot, learning_curve, seed_heat_map
from campaign.report.finals import Finals, finals
from campaign.report.parallel import parallel_coordinates
from campaign.report.sample_completions import SampleRow, sample_rows
from campaign.report.verdict_cards import Judgement, judge

MOST_LARGE_POINTS, MOST_SMALL_POINTS = 200, 100
"""Points of one curve; fewer where there are many runs, so that a page stays small."""
MOST_SMALL = 12
MOST_SOURCES = 8

ENTROPY = ("exec_entropy_mean", "exec_entropy_var", "plan_entropy_mean", "plan_entropy_var")
FURTHER = (
    "mean_reward", "loss", "kl", "completion_length_mean", "reward_uniform_group_rate", "max_token_hit_rate",
    "grad_norm", "update_norm", "sepa_lambda", "tokens_per_s", "step_time_s", "plan_token_rate",
)  # fmt: skip
"""Shown small, in this order; what else a core logs follows by name while there is room."""
HIDDEN = frozenset({"running_correct_rate", "num_datums", "loss_is_placeholder", "backend_reports_sync_loss"})

TITLES: Mapping[str, str] = {
    "correct_rate": "Correct rate while training",
    "val/correct_rate": "Correct rate on held-out prompts",
    "mean_reward": "Mean reward",
    "loss": "Loss",
    "kl": "KL to the reference policy",
    "completion_length_mean": "Length of a completion",
    "reward_uniform_group_rate": "Groups without signal",
    "max_token_hit_rate": "Cut-off completions",
    "grad_norm": "Gradient norm",
    "update_norm": "Update norm",
    "sepa_lambda": "SEPA's lambda",
    "tokens_per_s": "Throughput",
    "step_time_s": "Time a step",
    "plan_token_rate": "Planning tokens",
    "exec_entropy_mean": "Entropy of execution tokens: mean",
    "exec_entropy_var": "Entropy of execution tokens: variance",
    "plan_entropy_mean": "Entropy of planning tokens: mean",
    "plan_entropy_var": "Entropy of planning tokens: variance",
}


@dataclass(frozen=True, slots=True)
class Panel:
    """A figure with the words around it."""

    id: str
    title: str
    figure: Figure
    note: str = ""
    size: str = "small"
    """`large` or `small`."""
    name: str = ""
    """The metric, for a figure of one."""
    metric: Metric | None = None
    """Its schema."""
    description: str = ""
    """The figure in words, for who cannot see it."""

    @property
    def is_curve(self) -> bool:
        return bool(self.name)


@dataclass(frozen=True, slots=True)
class Standing:
    """One condition in numbers."""

    condition: str
    done: int
    runs: int
    values: Mapping[int, float]
    """Seed -> final value."""
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    difference: float | None
    """Mean over shared seeds of the difference to the baseline; None for the baseline itself."""
    pairs: int


@dataclass(frozen=True, slots=True)
class Contents:
    record: CampaignRecord
    finals: Finals
    standings: tuple[Standing, ...]
    main: tuple[Panel, ...]
    sources: tuple[Panel, ...]
    entropy: tuple[Panel, ...]
    further: tuple[Panel, ...]
    comparison: tuple[Panel, ...]
    fields: tuple[Panel, ...]
    differences: tuple[Difference, ...]
    samples: tuple[SampleRow, ...]
    judgement: Judgement

    @property
    def drawn(self) -> tuple[Panel, ...]:
        """The figures that are written as files too: those a paper would show."""
        return (*self.main, *self.comparison, *self.entropy, *self.fields)

    @property
    def panels(self) -> tuple[Panel, ...]:
        return (*self.main, *self.comparison, *self.sources, *self.entropy, *self.further, *self.fields)


def contents(record: CampaignRecord) -> Contents:
    """Everything a report shows."""
    final = finals(record)
    judgement = judge(record)
    found = differences(record)
    training = final.metric.removeprefix("val/")
    first = tuple(dict.fromkeys((final.metric, training))) if final.metric else ()
    names = _metrics(record)
    by_source = [name for name in names if _is_source(name, training)][:MOST_SOURCES]
    shown = {*first, *ENTROPY, *by_source, *HIDDEN}
    rest = [name for name in FURTHER if name in names and name not in shown]
    if not _uses_sepa(record):
        rest = [name for name in rest if name != "sepa_lambda"]
    others = [name for name in names if name not in {*shown, *FURTHER} and not name.startswith("val/")]
    rest += sorted(others, key=lambda name: ("/" in name, name))
    return Contents(
        record=record,
        finals=final,
        standings=standings(record, final),
        main=_curve_panels(record, first, "large", always=True),
        sources=_curve_panels(record, by_source, "small"),
        entropy=_curve_panels(record, ENTROPY, "small"),
        further=_curve_panels(record, rest, "small")[:MOST_SMALL],
        comparison=_comparison(record, final, judgement),
        fields=_fields(record, final, found),
        differences=found,
        samples=sample_rows(record),
        judgement=judgement,
    )


def standings(record: CampaignRecord, final: Finals) -> tuple[Standing, ...]:
    """One line a condition; spread and difference are descriptive."""
    baseline = final.of(record.conditions[0])
    lines = []
    for place, label in enumerate(record.conditions):
        values = final.of(label)
        numbers = list(values.values())
        shared = [values[seed] - baseline[seed] for seed in values if seed in baseline] if place else []
        lines.append(
            Standing(
                condition=label,
                done=sum(run.state == "done" for run in record.of(label)),
                runs=len(record.of(label)),
                values=values,
                mean=fmean(numbers) if numbers else None,
                sd=stdev(numbers) if len(numbers) > 1 else None,
                low=min(numbers, default=None),
                high=max(numbers, default=None),
                difference=fmean(shared) if shared else None,
                pairs=len(shared),
            )
        )
    return tuple(lines)


def title(metric: str) -> str:
    return TITLES.get(metric, metric)


def _uses_sepa(record: CampaignRecord) -> bool:
    """The core logs SEPA's schedule under every transform; it says something where SEPA is in use."""
    return any(
        "sepa" in str((run.config.get("algorithm") or {}).get("transform_mode")) for run in record.runs
    )


def _metrics(record: CampaignRecord) -> list[str]:
    return sorted({name for run in record.runs if run.data is not None for name in run.data.metrics})


def _is_source(name: str, training: str) -> bool:
    parts = name.split("/")
    return len(parts) == 3 and parts[0] == "val" and parts[2] == training


def _curve_panels(
    record: CampaignRecord, metrics: Sequence[str], size: str, *, always: bool = False
) -> tuple[Panel, ...]:
    """A panel for each metric that moves; `always` shows one that does not."""
    panels = []
    for metric in metrics:
        found = curves(record, metric, _points(record, size))
        if found is not None and (always or varies(found)):
            panels.append(_curve_panel(record, found, size))
    return tuple(panels)


def _points(record: CampaignRecord, size: str) -> int:
    runs = max(1, len(record.runs))
    if size == "large":
        return max(60, min(MOST_LARGE_POINTS, 6000 // runs))
    return max(40, min(MOST_SMALL_POINTS, 2400 // runs))


def _curve_panel(record: CampaignRecord, found: Curves, size: str) -> Panel:
    known = lookup(found.metric)
    notes = [known.what] if known else []
    if found.width > 1:
        notes.append(f"Each point is the mean of {found.width} steps.")
    if found.uneven:
        notes.append("Later points rest on fewer seeds.")
    heading = title(found.metric)
    if (parts := found.metric.split("/"))[0] == "val" and len(parts) == 3:
        heading = parts[1]
    return Panel(
        id=_identifier(found.metric),
        title=heading,
        figure=learning_curve(found, record.conditions),
        note=" ".join(notes),
        size=size,
        name=found.metric,
        metric=known,
        description=_curve_words(found),
    )


def _curve_words(found: Curves) -> str:
    parts = []
    for curve in found.conditions:
        there = curve.count > 0
        first, last = curve.mean[there][0], curve.mean[there][-1]
        parts.append(f"{curve.condition} from {first:.3g} to {last:.3g}")
    return f"{found.metric} over {found.steps[-1]:.0f} steps, mean over the seeds: {'; '.join(parts)}."


def _comparison(record: CampaignRecord, final: Finals, judgement: Judgement) -> tuple[Panel, ...]:
    panels = []
    intervals = judgement.intervals(record.conditions[0], final.metric)
    paired = difference_plot(final, record.conditions, intervals)
    line = ", the line its interval" if intervals else ""
    if paired is not None:
        panels.append(
            Panel(
                "paired-differences", "Difference with the same seed", paired,
                f"One point a seed: {final.metric} of a condition minus that of {record.conditions[0]} "
                f"on the same prompts in the same order. The bar is the mean{line}.",
                "large", description=_difference_words(record, final),
            )
        )  # fmt: skip
    heat_map = seed_heat_map(final, record.conditions, record.seeds)
    if heat_map is not None:
        panels.append(
            Panel(
                "seeds-by-condition", "Every run's final value", heat_map,
                f"{final.how.capitalize()}. Grey: not complete.", "large",
                description="The same numbers are in the table of runs.",
            )
        )  # fmt: skip
    return tuple(panels)


def _fields(record: CampaignRecord, final: Finals, found: tuple[Difference, ...]) -> tuple[Panel, ...]:
    figure = parallel_coordinates(found, final, record.conditions)
    if figure is None:
        return ()
    return (
        Panel(
            "fields", "Fields and final value", figure,
            f"A line a run, from the values of the fields that differ to {final.metric}.",
            "large", description="The fields are in the table of differences, final values in that of runs.",
        ),
    )  # fmt: skip


def _difference_words(record: CampaignRecord, final: Finals) -> str:
    lines = [
        f"{line.condition}: mean difference {line.difference:+.3g} over {line.pairs} seeds"
        for line in standings(record, final)
        if line.difference is not None
    ]
    return "; ".join(lines) + "."


def _identifier(metric: str) -> str:
    """A file's name and an element's id: letters, digits and dashes, different for different metrics."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", metric).strip("-")[:60]
    usual = re.fullmatch(r"[a-z0-9]+([_/][a-z0-9]+)*", metric)
    return plain if usual else f"{plain or 'metric'}-{zlib.crc32(metric.encode()):08x}"
