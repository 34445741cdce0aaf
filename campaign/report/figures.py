"""The figures: values in, Altair charts out; who shows them adds size and legend.

Every chart of curves has two parameters that the page sets from its own controls: `each_seed` draws the
single runs, `hidden` is a list of conditions that are left out. Data stays beside a chart until the end
(`Figure`): Altair copies a chart with each step of its making, and copying forty runs each time is slow.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from campaign.metrics.schema import lookup
from campaign.report.curves import Curves
from campaign.report.finals import Finals
from campaign.report.theme import concrete, dashes, hues, vega_config

if TYPE_CHECKING:
    import altair as alt

SIGNIFICANT = 5
"""Digits of a number in a figure's data: more cannot be seen and double the page's size."""

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart that names its data, and the data."""

    chart: alt.LayerChart | alt.FacetChart
    datasets: Mapping[str, Rows]

    def to_spec(self) -> dict[str, Any]:
        """The Vega-Lite specification, colours as CSS variables."""
        spec: dict[str, Any] = self.chart.to_dict(validate=False)
        spec["config"] = vega_config()
        spec["datasets"] = {name: list(rows) for name, rows in self.datasets.items()}
        return spec

    def to_altair(self) -> alt.LayerChart:
        """The chart with its data and the colours of light paper, for a notebook."""
        import altair as alt

        chart = alt.LayerChart.from_dict(json.loads(concrete(json.dumps(self.to_spec()))))
        if not isinstance(chart, alt.LayerChart):
            raise TypeError(f"expected layers, got {type(chart).__name__}")
        return chart


def learning_curve(curves: Curves, conditions: Sequence[str]) -> Figure:
    """Mean over the seeds of each condition, range from lowest to highest seed, single runs on demand.

    `conditions` are all of the campaign's, so that each has the same colour in every figure.
    """
    import altair as alt

    each_seed = alt.param(name="each_seed", value=False)
    hidden = alt.param(name="hidden", value=[])
    colour = alt.Color(
        "condition:N",
        scale=alt.Scale(domain=list(conditions), range=hues(len(conditions))),
        legend=alt.Legend(title=None, orient="top", columns=4),
    )
    dash = alt.StrokeDash(
        "condition:N", scale=alt.Scale(domain=list(conditions), range=dashes(len(conditions))), legend=None
    )
    x = alt.X("step:Q", title="step", scale=alt.Scale(nice=False, zero=False), axis=alt.Axis(tickMinStep=1))
    scale = alt.Scale(zero=False, nice=True)
    shown = "indexof(hidden, datum.condition) < 0"
    means = alt.Chart(alt.NamedData("means")).transform_filter(shown)
    runs = alt.Chart(alt.NamedData("runs")).transform_filter(f"each_seed && {shown}")
    band = means.mark_area(opacity=0.16, aria=False).encode(
        x=x, y=alt.Y("low:Q", title=axis_title(curves.metric), scale=scale), y2="high:Q", color=colour
    )
    lines = runs.mark_line(strokeWidth=1, opacity=0.55, aria=False, strokeCap="round").encode(
        x=x, y="value:Q", color=colour, detail=["seed:N", "condition:N"]
    )
    mean = means.mark_line(strokeWidth=2.25, aria=False, strokeJoin="round").encode(
        x=x, y="mean:Q", color=colour, strokeDash=dash
    )
    points = means.mark_point(size=90, opacity=0, filled=True, aria=False).encode(
        x=x, y="mean:Q", color=colour, tooltip=_tooltip(curves.metric)
    )
    chart = alt.layer(band, lines, mean, points).add_params(each_seed, hidden)
    return Figure(chart, {"means": _mean_rows(curves), "runs": _seed_rows(curves)})


def _tooltip(metric: str) -> list[Any]:
    import altair as alt

    number = ".4~g"
    return [
        alt.Tooltip("condition:N", title="condition"),
        alt.Tooltip("step:Q", title="step", format=".0f"),
        alt.Tooltip("mean:Q", title=metric, format=number),
        alt.Tooltip("low:Q", title="lowest seed", format=number),
        alt.Tooltip("high:Q", title="highest seed", format=number),
        alt.Tooltip("seeds:Q", title="seeds"),
    ]


def difference_plot(finals: Finals, conditions: Sequence[str]) -> Figure | None:
    """For each condition against the first: one point a seed, the difference of the two runs that share it,
    and their mean. None when no seed is complete in two conditions."""
    import altair as alt

    rows = paired_differences(finals, conditions)
    if not rows:
        return None
    labels = [label for label in conditions if any(row["condition"] == label for row in rows)]
    scale = alt.Scale(domain=list(conditions), range=hues(len(conditions)))
    base = alt.Chart(alt.NamedData("differences"))
    y = alt.Y(
        "condition:N", title=None, sort=labels, axis=alt.Axis(labelLimit=200, ticks=False, domain=False)
    )
    x = alt.X(
        "difference:Q",
        title=f"{finals.metric}: difference to {conditions[0]} with the same seed",
        scale=alt.Scale(zero=True, nice=True, padding=8),
        axis=alt.Axis(grid=True),
    )
    colour = alt.Color("condition:N", scale=scale, legend=None)
    zero = alt.Chart(alt.NamedData("zero")).mark_rule(color="var(--muted)", aria=False).encode(x="at:Q")
    seeds = base.mark_circle(size=70, opacity=0.75).encode(
        x=x,
        y=y,
        color=colour,
        tooltip=[
            alt.Tooltip("condition:N"),
            alt.Tooltip("seed:N"),
            alt.Tooltip("difference:Q", format="+.4~g"),
        ],
    )
    mean = base.mark_tick(thickness=3, size=26, color="var(--ink)", aria=False).encode(
        x=alt.X("mean(difference):Q"), y=y
    )
    chart = alt.layer(zero, seeds, mean).properties(height=alt.Step(44))
    return Figure(chart, {"differences": rows, "zero": [{"at": 0}]})


def paired_differences(finals: Finals, conditions: Sequence[str]) -> list[dict[str, Any]]:
    """Condition minus the first condition, for each seed that both have."""
    if len(conditions) < 2:
        return []
    baseline = finals.of(conditions[0])
    return [
        {"condition": label, "seed": seed, "difference": rounded(value - baseline[seed])}
        for label in conditions[1:]
        for seed, value in sorted(finals.of(label).items())
        if seed in baseline
    ]


def seed_heat_map(finals: Finals, conditions: Sequence[str], seeds: Sequence[int]) -> Figure | None:
    """Final value of each run, seeds across, conditions down. None when no run has one."""
    import altair as alt

    if not finals.values:
        return None
    rows = [
        {"condition": label, "seed": seed, "value": rounded(finals.values.get((label, seed)))}
        for label in conditions
        for seed in seeds
    ]
    low, high = min(finals.values.values()), max(finals.values.values())
    base = alt.Chart(alt.NamedData("runs")).encode(
        x=alt.X(
            "seed:O", title="seed", sort=list(seeds), axis=alt.Axis(labelAngle=0, domain=False, ticks=False)
        ),
        y=alt.Y(
            "condition:N",
            title=None,
            sort=list(conditions),
            axis=alt.Axis(labelLimit=200, domain=False, ticks=False),
        ),
    )
    scale = alt.Scale(scheme="blues", domain=[low - 0.15 * (high - low or 1.0), high])
    missing = base.transform_filter("!isValid(datum.value)").mark_rect(color="var(--grid)", aria=False)
    cells = (
        base.transform_filter("isValid(datum.value)")
        .mark_rect(stroke="var(--card)", strokeWidth=2, cornerRadius=3)
        .encode(
            color=alt.Color("value:Q", scale=scale, legend=None),
            tooltip=[
                alt.Tooltip("condition:N"),
                alt.Tooltip("seed:N"),
                alt.Tooltip("value:Q", title=finals.metric, format=".4~g"),
            ],
        )
    )
    dark = f"datum.value > {low + 0.55 * (high - low)} && {high} > {low}"
    text = (
        base.transform_filter("isValid(datum.value)")
        .mark_text(fontSize=11, aria=False)
        .encode(
            text=alt.Text("value:Q", format=".3~g"),
            color=alt.condition(dark, alt.value("#ffffff"), alt.value("#10243a")),
        )
    )
    layers = [missing, cells, text] if len(seeds) <= 16 else [missing, cells]
    return Figure(alt.layer(*layers).properties(height=alt.Step(36)), {"runs": rows})


def axis_title(metric: str) -> str:
    """The metric with its unit, as the schema has it."""
    known = lookup(metric)
    unit = known.unit if known else ""
    return f"{metric} ({unit})" if unit not in ("", "share", "flag", "text", "count", "reward") else metric


def _mean_rows(curves: Curves) -> Rows:
    return [
        {
            "condition": curve.condition,
            "step": rounded(step),
            "mean": rounded(curve.mean[place]),
            "low": rounded(curve.low[place]),
            "high": rounded(curve.high[place]),
            "seeds": int(curve.count[place]),
        }
        for curve in curves.conditions
        for place, step in enumerate(curves.steps)
        if curve.count[place]
    ]


def _seed_rows(curves: Curves) -> Rows:
    return [
        {"condition": curve.condition, "seed": curve.seed, "step": rounded(step), "value": rounded(value)}
        for curve in curves.seeds
        for step, value in zip(curves.steps, curve.values, strict=True)
        if math.isfinite(value)
    ]


def rounded(value: float | None) -> float | int | None:
    """To the digits a figure shows; None for what is no number."""
    if value is None or not math.isfinite(value):
        return None
    number = float(f"{value:.{SIGNIFICANT}g}")
    return int(number) if number.is_integer() and abs(number) < 1e9 else number
