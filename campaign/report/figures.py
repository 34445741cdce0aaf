"""Figures as Vega-Lite specifications. The caller adds size and legend.

The specifications are built directly instead of with Altair, which needs about 0.1 s per figure, and a page
has twenty of them. `Figure.to_altair` returns the Altair chart for notebooks.

Learning curves have two parameters that the page sets from its controls: `each_seed` draws the single runs,
and `hidden` lists the conditions to leave out.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from campaign.extras import require
from campaign.metrics.definitions import lookup
from campaign.report.curves import Curves
from campaign.report.finals import FinalValues
from campaign.report.paired import PairedDifference
from campaign.report.theme import dashes, hues, resolve_colours, vega_config

if TYPE_CHECKING:
    import altair as alt

MAX_MARKED_POINTS = 12
"""Curves of up to this many points, for example of evaluations, mark each point."""
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
SIGNIFICANT_DIGITS = 5
"""Digits of the numbers in a figure's data. More are not visible and double the size of the page."""
MAX_LABELLED_SEEDS = 16
"""A heat map prints numbers in its cells up to this many seeds."""
NUMBER = ".4~g"
MAX_NAME_LENGTH = 24
"""Characters of a name in an axis title."""

Rows = Sequence[Mapping[str, Any]]
Spec = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """Layers, the datasets they refer to by name, and top-level properties."""

    layers: tuple[Spec, ...]
    datasets: Mapping[str, Rows]
    properties: Mapping[str, Any]
    """Top-level properties such as parameters, encoding and height."""

    def to_spec(self) -> Spec:
        """The Vega-Lite specification, with colours as CSS variables."""
        return {
            "$schema": SCHEMA,
            **self.properties,
            "layer": [dict(layer) for layer in self.layers],
            "datasets": {name: list(rows) for name, rows in self.datasets.items()},
            "config": vega_config(),
        }

    def to_altair(self) -> alt.LayerChart:
        """The Altair chart with its data, in the light colours. Raises `MissingPackage` without Altair."""
        require("a chart", "altair")
        import altair as alt

        chart = alt.LayerChart.from_dict(json.loads(resolve_colours(json.dumps(self.to_spec()))))
        if not isinstance(chart, alt.LayerChart):
            raise TypeError(f"expected a LayerChart, got {type(chart).__name__}")
        return chart


def learning_curve(curves: Curves, conditions: Sequence[str]) -> Figure:
    """Mean and range over the seeds of each condition; single runs are drawn on demand.

    `conditions` are all conditions of the campaign, so that each has the same colour in every figure.
    """
    steps, values = _domains(curves)
    means_rows = _mean_rows(curves)
    points = max(Counter(row["condition"] for row in means_rows).values(), default=0)
    # An area of a single point is invisible.
    band: Spec = (
        {"type": "area", "opacity": 0.16}
        if points > 1
        else {"type": "rule", "strokeWidth": 6, "opacity": 0.3}
    )
    dots: Spec = {"point": {"size": 36}} if points <= MAX_MARKED_POINTS else {}
    not_hidden = {"filter": "indexof(hidden, datum.condition) < 0"}
    means: Spec = {"data": {"name": "means"}, "transform": [not_hidden]}
    runs: Spec = {"data": {"name": "runs"}, "transform": [{"filter": "each_seed"}, not_hidden]}
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
    pairs: Sequence[PairedDifference], metric: str, conditions: Sequence[str]
) -> Figure | None:
    """Candidate minus baseline of each pair of conditions: one point per shared seed, their mean, and the confidence
    interval of the verdict where there is one. None when no seed is complete in both conditions of a pair."""
    shown = [pair for pair in pairs if pair.by_seed]
    if not shown:
        return None
    labels = {pair.label: _two_lines(pair) for pair in shown}
    x = {
        "field": "difference",
        "type": "quantitative",
        "title": f"{_truncate(metric)}, candidate - baseline",
        "scale": {"zero": True, "padding": 12},
    }
    y = _condition_axis(list(labels)) | {"field": "pair"}
    y["axis"] |= {"labelExpr": f"{json.dumps(labels)}[datum.label]", "labelLineHeight": 14, "labelOffset": -7}
    fields = [("pair", "nominal", ""), ("seed", "nominal", ""), ("difference", "quantitative", "+.4~g")]
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
                "y": y,
                "color": colour(conditions, legend=False),
                "tooltip": [_field(name, kind, form) for name, kind, form in fields],
            },
        },
        {
            "data": {"name": "differences"},
            "mark": {"type": "tick", "thickness": 3, "size": 24, "color": "var(--ink)", "aria": False},
            "encoding": {"x": {**x, "aggregate": "mean"}, "y": y},
        },
    )
    rows = [
        {"pair": pair.label, "condition": pair.candidate, "seed": seed, "difference": rounded(value)}
        for pair in shown
        for seed, value in sorted(pair.by_seed.items())
    ]
    datasets: dict[str, Rows] = {"differences": rows, "zero": [{"at": 0}]}
    limits = [
        {"pair": pair.label, "low": rounded(pair.interval[0]), "high": rounded(pair.interval[1])}
        for pair in shown
        if pair.interval is not None
    ]
    if limits:
        datasets["intervals"] = limits
        layers = (layers[0], _interval_layer(x, y), *layers[1:])
    return Figure(layers, datasets, {"height": 44 * len(labels)})


def _two_lines(pair: PairedDifference) -> list[str]:
    return [_truncate(pair.candidate), f"- {_truncate(pair.baseline)}"]


def _interval_layer(x: Spec, y: Spec) -> Spec:
    return {
        "data": {"name": "intervals"},
        "mark": {"type": "rule", "strokeWidth": 2, "color": "var(--ink)", "opacity": 0.55, "aria": False},
        "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": y},
    }


def seed_heat_map(
    final_values: FinalValues, conditions: Sequence[str], seeds: Sequence[int]
) -> Figure | None:
    """Final value of each run: columns are seeds, rows are conditions. None when no run has one."""
    values = final_values.values
    if not values:
        return None
    low, high = min(values.values()), max(values.values())
    span = high - low or 1.0
    has_value = [{"filter": "isValid(datum.value)"}]
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
        "transform": has_value,
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
        "transform": has_value,
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
        {"condition": label, "seed": seed, "value": rounded(values.get((label, seed)))}
        for label in conditions
        for seed in seeds
    ]
    layers = (missing, cells, numbers) if len(seeds) <= MAX_LABELLED_SEEDS else (missing, cells)
    return Figure(
        layers,
        {"runs": rows},
        {
            "data": {"name": "runs"},
            "encoding": {"x": x, "y": _condition_axis(conditions)},
            "height": 40 * len(conditions),
        },
    )


def _truncate(label: str) -> str:
    """A name shortened to fit an axis on a phone; the caption has it in full."""
    return (
        label if len(label) <= MAX_NAME_LENGTH else f"{label[: MAX_NAME_LENGTH - 1]}\N{HORIZONTAL ELLIPSIS}"
    )


def axis_title(metric: str) -> str:
    """The metric with the unit of its definition."""
    definition = lookup(metric)
    unit = definition.unit if definition else ""
    return f"{metric} ({unit})" if unit not in ("", "share", "flag", "text", "count", "reward") else metric


def rounded(value: float | None) -> float | int | None:
    """The value with `SIGNIFICANT_DIGITS`; None when it is not finite."""
    if value is None or not math.isfinite(value):
        return None
    number = float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    return int(number) if number.is_integer() and abs(number) < 1e9 else number


def colour(conditions: Sequence[str], *, legend: bool) -> Spec:
    """The colour encoding of the conditions, identical in every figure."""
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


def _condition_axis(conditions: Sequence[str]) -> Spec:
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
    """A line of a tooltip. Vega compiles its title into an expression, so control characters are removed."""
    label = "".join(letter for letter in " ".join((title or name).split()) if letter.isprintable())
    field = {"field": name, "type": kind, "title": label}
    return field | {"format": form} if form else field


def _domains(curves: Curves) -> tuple[list[float], list[float]]:
    """Domains of steps and values over all seeds, so that the axes do not move when a condition is hidden."""
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
            "mean": rounded(curve.mean[index]),
            "low": rounded(curve.low[index]),
            "high": rounded(curve.high[index]),
            "seeds": int(curve.count[index]),
        }
        for curve in curves.conditions
        for index, step in enumerate(curves.steps)
        if curve.count[index]
    ]


def _seed_rows(curves: Curves) -> Rows:
    return [
        {"condition": curve.condition, "seed": curve.seed, "step": rounded(step), "value": rounded(value)}
        for curve in curves.seeds
        for step, value in zip(curves.steps, curve.values, strict=True)
        if math.isfinite(value)
    ]
