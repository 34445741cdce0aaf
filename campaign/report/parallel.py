"""Parallel coordinates: one line per run, from the values of the differing fields to the final value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from campaign.report.differences import Difference
from campaign.report.figures import Figure, Spec, colour, rounded
from campaign.report.finals import FinalValues

MIN_FIELDS, MAX_FIELDS = 2, 8
"""A single field is easier to read in a table, and more than eight axes are illegible."""
MIN_CONDITIONS = 3


def parallel_coordinates(
    found: Sequence[Difference], final_values: FinalValues, conditions: Sequence[str]
) -> Figure | None:
    """One axis per differing field and one for the final value; None when there are too few of either.

    Numeric values are positioned in proportion, other values evenly, in the order of the conditions.
    """
    fields = found[:MAX_FIELDS]
    if len(fields) < MIN_FIELDS or len(conditions) < MIN_CONDITIONS or not final_values.values:
        return None
    positions = {row.path: _positions(row.values) for row in fields}
    low, high = min(final_values.values.values()), max(final_values.values.values())
    lines: list[Spec] = []
    for (condition, seed), value in final_values.values.items():
        if condition not in conditions:
            continue
        run = {"condition": condition, "seed": seed, "value": rounded(value)}
        index = conditions.index(condition)
        lines += [
            {**run, "axis": row.path, "place": positions[row.path][row.values[index]]} for row in fields
        ]
        lines.append(
            {**run, "axis": final_values.metric, "place": rounded((value - low) / ((high - low) or 1.0))}
        )
    marks: list[Spec] = [
        {"axis": path, "place": position, "text": text}
        for path, labels in positions.items()
        for text, position in labels.items()
    ]
    ends = ((low, 0.0), (high, 1.0)) if high > low else ((low, 0.0),)
    marks += [
        {"axis": final_values.metric, "place": position, "text": f"{value:.3g}"} for value, position in ends
    ]
    axes = [*positions, final_values.metric]
    return Figure(_layers(conditions), {"lines": lines, "marks": marks}, _properties(axes))


def _layers(conditions: Sequence[str]) -> tuple[Spec, ...]:
    y = {"field": "place", "type": "quantitative", "axis": None, "scale": {"domain": [-0.05, 1.05]}}
    tooltip: list[dict[str, Any]] = [
        {"field": "condition", "type": "nominal"},
        {"field": "seed", "type": "nominal"},
        {"field": "value", "type": "quantitative", "title": "final value", "format": ".4~g"},
    ]
    return (
        {
            "data": {"name": "marks"},
            "mark": {"type": "rule", "color": "var(--line)", "aria": False},
            "encoding": {},
        },
        {
            "data": {"name": "lines"},
            "mark": {"type": "line", "strokeWidth": 1.6, "opacity": 0.65, "aria": False},
            "encoding": {
                "y": y,
                "color": colour(conditions, legend=True),
                "detail": [{"field": "seed", "type": "nominal"}],
                "tooltip": tooltip,
            },
        },
        _values(
            y, {"stroke": "var(--card)", "strokeWidth": 5, "strokeJoin": "round", "color": "var(--card)"}
        ),
        _values(y, {"color": "var(--ink)"}),
    )


def _values(y: Spec, look: Spec) -> Spec:
    """The values of the fields beside their axes. Drawn twice, first as a halo that hides the lines below."""
    return {
        "data": {"name": "marks"},
        "mark": {"type": "text", "align": "left", "dx": 7, "fontSize": 11, "aria": False, **look},
        "encoding": {"y": y, "text": {"field": "text", "type": "nominal"}},
    }


def _properties(axes: Sequence[str]) -> Spec:
    axis = {"labelAngle": 0, "domain": False, "ticks": False, "labelLimit": 220, "orient": "top"}
    scale = {"type": "point", "padding": 0.3}
    x = {"field": "axis", "type": "nominal", "sort": list(axes), "title": None, "scale": scale, "axis": axis}
    return {"encoding": {"x": x}, "height": 260}


def _positions(values: Sequence[str]) -> dict[str, float]:
    """Value -> position on its axis, in [0, 1]."""
    distinct = list(dict.fromkeys(values))
    try:
        numbers = {value: float(value) for value in distinct}
        low, high = min(numbers.values()), max(numbers.values())
        return {value: float(f"{(number - low) / (high - low):.4g}") for value, number in numbers.items()}
    except (ValueError, ZeroDivisionError, OverflowError):
        return {value: rank / max(1, len(distinct) - 1) for rank, value in enumerate(distinct)}
