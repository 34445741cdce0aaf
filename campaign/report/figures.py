"""The figures: values in, Vega-Lite out; who shows them adds size and legend.

They are written as Vega-Lite itself, because a page has twenty of them and Altair needs a tenth of a second
to make one; `Figure.to_altair` gives the Altair chart for a notebook.

Every figure of curves has two parameters that the page sets from its own controls: `each_seed` draws the
single runs, `hidden` is a list of conditions that are left out.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from campaign.metrics.definitions import lookup
from campaign.report.curves import Curves
from campaign.report.finals import Finals
from campaign.report.theme import concrete, dashes, hues, vega_config

if TYPE_CHECKING:
    import altair as alt

FEW_POINTS = 12
"""A curve of so few points, of evaluations for example, shows each."""
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
SIGNIFICANT = 5
"""Digits of a number in a figure's data: more cannot be seen and double the page's size."""
MOST_LABELLED = 16
"""Seeds across a heat map up to which its cells have room for numbers."""
NUMBER = ".4~g"
LONGEST_NAME = 24
"""Characters of a name in the title of an axis."""

Rows = Sequence[Mapping[str, Any]]
Spec = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """Layers that name their data, and the data."""

    layers: tuple[Spec, ...]
    datasets: Mapping[str, Rows]
    properties: Mapping[str, Any]
    """Further top-level properties: parameters, encoding, height."""

    def to_spec(self) -> Spec:
        """The Vega-Lite specification, colours as CSS variables."""
        return {
            "$schema": SCHEMA,
            **self.properties,
            "layer": [dict(layer) for layer in self.layers],
            "datasets": {name: list(rows) for name, rows in self.datasets.items()},
            "config": vega_config(),
        }

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
    steps, values = _domains(curves)
    means_rows = _mean_rows(curves)
    points = max(Counter(row["condition"] for row in means_rows).values(), default=0)
    # An area or a line of a single point shows nothing.
    band: Spec = (
        {"type": "area", "opacity": 0.16}
        if points > 1
        else {"type": "rule", "strokeWidth": 6, "opacity": 0.3}
    )
    dots: Spec = {"point": {"size": 36}} if points <= FEW_POINTS else {}
    shown = {"filter": "indexof(hidden, datum.condition) < 0"}
    means: Spec = {"data": {"name": "means"}, "transform": [shown]}
    runs: Spec = {"data": {"name": "runs"}, "transform": [{"filter": "each_seed"}, shown]}
    title = axis_title(curves.metric)
    y_scale = {"domain": values, "nice": True, "zero": False}
    number = {"type": "quantitative"}
    layers = (
        {
            **means,
            "mark": {**band, "aria": False},
            "encoding": {
                "y": {"field": "low", **number, "title": title, "scale": y_scale},
                "y2": {"field": "high"},
            },
        },
        {
            **runs,
            "mark": {"type": "line", "strokeWidth": 1, "opacity": 0.6, "aria": False},
            "encoding": {"y": {"field": "value", **number}, "detail": [{"field": "seed", "type": "nominal"}]},
        },
        {
            **means,
            "mark": {"type": "line", "strokeWidth": 2.25, "strokeJoin": "round", "aria": False, **dots},
            "encoding": {"y": {"field": "mean", **number}, "strokeDash": _dash(conditions)},
        },
        {
            **means,
            "mark": {"type": "point", "size": 90, "opacity": 0, "filled": True, "aria": False},
            "encoding": {"y": {"field": "mean", **number}, "tooltip": _tooltip(curves.metric)},
        },
    )
    x = {
        "field": "step", **number, "title": "step", "axis": {"tickMinStep": 1, "tickCount": 6},
        "scale": {"domain": steps, "nice": False, "zero": False},
    }  # fmt: skip
    return Figure(
        layers,
        {"means": means_rows, "runs": _seed_rows(curves)},
        {
            "params": [{"name": "each_seed", "value": False}, {"name": "hidden", "value": []}],
            "encoding": {"x": x, "color": colour(conditions, legend=len(conditions) > 1)},
        },
    )


def difference_plot(
    finals: Finals, conditions: Sequence[str], intervals: Mapping[str, tuple[float, float]] | None = None
) -> Figure | None:
    """For each condition against the first: one point a seed, the difference of the two runs that share it,
    their mean, and the interval of the verdict where there is one. None when no seed is complete in two
    conditions."""
    rows = paired_differences(finals, conditions)
    if not rows:
        return None
    labels = [label for label in conditions if any(row["condition"] == label for row in rows)]
    title = [f"{_shortened(finals.metric)},", f"difference to {_shortened(conditions[0])}"]
    x = {
        "field": "difference",
        "type": "quantitative",
        "title": title,
        "scale": {"zero": True, "padding": 12},
    }
    fields = [("condition", "nominal", ""), ("seed", "nominal", ""), ("difference", "quantitative", "+.4~g")]
    layers: tuple[Spec, ...] = (
        {
            "data": {"name": "zero"},
            "mark": {"type": "rule", "color": "var(--muted)", "aria": False},
            "encoding": {"x": {"field": "at", "type": "quantitative"}},
        },
        {
            "data": {"name": "differences"},
            "mark": {"type": "circle", "size": 90, "opacity": 0.75},
            "encoding": {
                "x": {**x, "axis": {"grid": True}},
                "y": _labels(labels),
                "color": colour(conditions, legend=False),
                "tooltip": [_field(name, kind, form) for name, kind, form in fields],
            },
        },
        {
            "data": {"name": "differences"},
            "mark": {"type": "tick", "thickness": 3, "size": 24, "color": "var(--ink)", "aria": False},
            "encoding": {"x": {**x, "aggregate": "mean"}, "y": _labels(labels)},
        },
    )
    limits = [
        {"condition": label, "low": rounded(low), "high": rounded(high)}
        for label, (low, high) in (intervals or {}).items()
        if label in labels
    ]
    span: Spec = {
        "data": {"name": "intervals"},
        "mark": {"type": "rule", "strokeWidth": 2, "color": "var(--ink)", "opacity": 0.55, "aria": False},
        "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": _labels(labels)},
    }
    layers = (layers[0], span, *layers[1:]) if limits else layers
    datasets: dict[str, Rows] = {"differences": rows, "zero": [{"at": 0}]}
    return Figure(layers, datasets | ({"intervals": limits} if limits else {}), {"height": 44 * len(labels)})


def paired_differences(finals: Finals, conditions: Sequence[str]) -> list[Spec]:
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
    if not finals.values:
        return None
    low, high = min(finals.values.values()), max(finals.values.values())
    span = high - low or 1.0
    there = [{"filter": "isValid(datum.value)"}]
    dark = f"datum.value > {low + 0.55 * span}" if high > low else "false"
    fields = [("condition", "nominal", ""), ("seed", "nominal", ""), ("value", "quantitative", NUMBER)]
    missing: Spec = {
        "transform": [{"filter": "!isValid(datum.value)"}],
        "mark": {
            "type": "rect",
            "color": "var(--grid)",
            "stroke": "var(--card)",
            "strokeWidth": 2,
            "aria": False,
        },
    }
    cells: Spec = {
        "transform": there,
        "mark": {"type": "rect", "stroke": "var(--card)", "strokeWidth": 2, "cornerRadius": 4},
        "encoding": {
            "color": {
                "field": "value", "type": "quantitative", "legend": None,
                "scale": {"scheme": "blues", "domain": [low - 0.25 * span, high]},
            },
            "tooltip": [_field(name, kind, form) for name, kind, form in fields],
        },
    }  # fmt: skip
    numbers: Spec = {
        "transform": there,
        "mark": {"type": "text", "fontSize": 12, "aria": False},
        "encoding": {
            "text": {"field": "value", "type": "quantitative", "format": ".3~g"},
            "color": {"condition": {"test": dark, "value": "#ffffff"}, "value": "#10243a"},
        },
    }
    x = {
        "field": "seed", "type": "ordinal", "title": "seed", "sort": list(seeds),
        "axis": {"labelAngle": 0, "domain": False, "ticks": False, "labelOverlap": True},
    }  # fmt: skip
    rows = [
        {"condition": label, "seed": seed, "value": rounded(finals.values.get((label, seed)))}
        for label in conditions
        for seed in seeds
    ]
    layers = (missing, cells, numbers) if len(seeds) <= MOST_LABELLED else (missing, cells)
    return Figure(
        layers,
        {"runs": rows},
        {
            "data": {"name": "runs"},
            "encoding": {"x": x, "y": _labels(conditions)},
            "height": 40 * len(conditions),
        },
    )


def _shortened(label: str) -> str:
    """A name that fits an axis of a phone's width; the caption has all of it."""
    return label if len(label) <= LONGEST_NAME else f"{label[: LONGEST_NAME - 1]}\N{HORIZONTAL ELLIPSIS}"


def axis_title(metric: str) -> str:
    """The metric with its unit, as the schema has it."""
    known = lookup(metric)
    unit = known.unit if known else ""
    return f"{metric} ({unit})" if unit not in ("", "share", "flag", "text", "count", "reward") else metric


def rounded(value: float | None) -> float | int | None:
    """To the digits a figure shows; None for what is no number."""
    if value is None or not math.isfinite(value):
        return None
    number = float(f"{value:.{SIGNIFICANT}g}")
    return int(number) if number.is_integer() and abs(number) < 1e9 else number


def colour(conditions: Sequence[str], *, legend: bool) -> Spec:
    """The colour of a condition, the same in every figure."""
    return {
        "field": "condition",
        "type": "nominal",
        "scale": {"domain": list(conditions), "range": hues(len(conditions))},
        "legend": {"title": None, "orient": "top", "columns": 3, "symbolType": "stroke", "symbolOpacity": 1}
        if legend
        else None,
    }


def _dash(conditions: Sequence[str]) -> Spec:
    scale = {"domain": list(conditions), "range": dashes(len(conditions))}
    return {"field": "condition", "type": "nominal", "scale": scale, "legend": None}


def _labels(conditions: Sequence[str]) -> Spec:
    axis = {"labelLimit": 190, "ticks": False, "domain": False, "labelColor": "var(--ink)"}
    return {"field": "condition", "type": "nominal", "title": None, "sort": list(conditions), "axis": axis}


def _tooltip(metric: str) -> list[Spec]:
    return [
        _field("condition", "nominal"),
        _field("step", "quantitative", ".0f"),
        _field("mean", "quantitative", NUMBER, metric),
        _field("low", "quantitative", NUMBER, "lowest seed"),
        _field("high", "quantitative", NUMBER, "highest seed"),
        _field("seeds", "quantitative"),
    ]


def _field(name: str, kind: str, form: str = "", title: str = "") -> Spec:
    """A line of a tooltip. Its title becomes part of an expression, in which a line must not end."""
    words = "".join(letter for letter in " ".join((title or name).split()) if letter.isprintable())
    field = {"field": name, "type": kind, "title": words}
    return field | {"format": form} if form else field


def _domains(curves: Curves) -> tuple[list[float], list[float]]:
    """Of steps and of values, every seed included: axes stay where they are when something is hidden."""
    values = np.concatenate([curve.values for curve in curves.seeds])
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    margin = 0.0 if high > low else abs(high) * 0.1 or 1.0
    first, last = float(curves.steps[0]), float(curves.steps[-1])
    around = 0.0 if last > first else 0.5
    return [first - around, last + around], [low - margin, high + margin]


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
