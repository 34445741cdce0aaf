"""Parallel coordinates: which values of the fields went with which final values, a line a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from campaign.report.differences import Difference
from campaign.report.figures import Figure, Spec, colour, rounded
from campaign.report.finals import Finals

FEWEST_FIELDS, MOST_FIELDS = 2, 8
"""Two fields are the least that a table does not show as well; more than eight cannot be read."""
FEWEST_CONDITIONS = 3


def parallel_coordinates(
    found: Sequence[Difference], finals: Finals, conditions: Sequence[str]
) -> Figure | None:
    """One axis for each field that differs and one for the final value; None when there is too little.

    Numbers are placed in proportion, other values by rank: evenly, in the order of the conditions.
    """
    fields = found[:MOST_FIELDS]
    if len(fields) < FEWEST_FIELDS or len(conditions) < FEWEST_CONDITIONS or not finals.values:
        return None
    places = {row.path: _places(row.values) for row in fields}
    low, high = min(finals.values.values()), max(finals.values.values())
    axes = [*(row.path for row in fields), finals.metric]
    lines: list[Spec] = []
    known = {pair: value for pair, value in finals.values.items() if pair[0] in conditions}
    for (condition, seed), value in known.items():
        run = {"condition": condition, "seed": seed, "value": rounded(value)}
        at = conditions.index(condition)
        lines += [{**run, "axis": row.path, "place": places[row.path][row.values[at]]} for row in fields]
        lines.append({**run, "axis": finals.metric, "place": rounded((value - low) / ((high - low) or 1.0))})
    marks: list[Spec] = [
        {"axis": row.path, "place": place, "text": text}
        for row in fields
        for text, place in places[row.path].items()
    ]
    ends = ((low, 0.0), (high, 1.0)) if high > low else ((low, 0.0),)
    marks += [{"axis": finals.metric, "place": place, "text": f"{value:.3g}"} for value, place in ends]
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
    """The fields' values at their axes; drawn twice, first as a halo that keeps them apart from the lines."""
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


def _places(values: Sequence[str]) -> dict[str, float]:
    """Value -> place between 0 and 1."""
    distinct = list(dict.fromkeys(values))
    try:
        numbers = {value: float(value) for value in distinct}
        low, high = min(numbers.values()), max(numbers.values())
        return {value: float(f"{(number - low) / (high - low):.4g}") for value, number in numbers.items()}
    except (ValueError, ZeroDivisionError, OverflowError):
        return {value: place / max(1, len(distinct) - 1) for place, value in enumerate(distinct)}
