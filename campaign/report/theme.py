"""The visual theme of the page and the figures.

Figures on the page use CSS variables as colours, so that the style sheet switches between light, dark and
print without redrawing. Figures in files must be self-contained: `resolve_colours` substitutes the light
values.
"""

from __future__ import annotations

import re
from typing import Any

LIGHT: dict[str, str] = {
    "--page": "#ffffff",
    "--card": "#ffffff",
    "--ink": "#1a1d21",
    "--muted": "#5b6470",
    "--line": "#dfe3e8",
    "--grid": "#eceff2",
    "--accent": "#0072b2",
    "--c0": "#0072b2",
    "--c1": "#d55e00",
    "--c2": "#009e73",
    "--c3": "#b8649a",
    "--c4": "#c98a00",
    "--c5": "#4aa3d8",
    "--c6": "#6b7280",
    "--c7": "#8a7f00",
}
"""The palette of Okabe and Ito (2008), which is distinguishable with all types of colour vision. Yellow,
orange and sky blue are darkened for sufficient contrast as lines on white."""

DARK: dict[str, str] = {
    "--page": "#14171b",
    "--card": "#1a1e23",
    "--ink": "#e8eaed",
    "--muted": "#9aa4b0",
    "--line": "#313840",
    "--grid": "#262c33",
    "--accent": "#6cb8ea",
    "--c0": "#4da6e0",
    "--c1": "#f0843c",
    "--c2": "#2fc49a",
    "--c3": "#dd93bf",
    "--c4": "#f0b83c",
    "--c5": "#8fd0f5",
    "--c6": "#a8b0bb",
    "--c7": "#e6d94a",
}

HUES = 8
DASHES: tuple[list[int], ...] = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3])
"""Beyond eight conditions the hues repeat, with another dash pattern."""

FONT = "ui-sans-serif, system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def hue(index: int) -> str:
    """The CSS colour of the condition with this index."""
    return f"var(--c{index % HUES})"


def dash(index: int) -> list[int]:
    return DASHES[(index // HUES) % len(DASHES)]


def hues(count: int) -> list[str]:
    return [hue(index) for index in range(count)]


def dashes(count: int) -> list[list[int]]:
    return [dash(index) for index in range(count)]


def css(colours: dict[str, str]) -> str:
    """The colours as variable declarations of a CSS rule."""
    return "".join(f"{name}:{value};" for name, value in colours.items())


def resolve_colours(svg: str) -> str:
    """The SVG with CSS variables replaced by the light colours."""
    return re.sub(r"var\((--\w+)\)", lambda match: LIGHT[match[1]], svg)


def vega_config() -> dict[str, Any]:
    """The Vega-Lite `config` of all figures."""
    axis: dict[str, Any] = {
        "labelColor": "var(--muted)",
        "titleColor": "var(--muted)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "gridColor": "var(--grid)",
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "labelPadding": 4,
        "titlePadding": 8,
        "tickSize": 4,
    }
    return {
        "background": "transparent",
        "font": FONT,
        "view": {"stroke": None},
        "axis": axis,
        "axisX": {"grid": False},
        "axisY": {"domain": False, "ticks": False, "tickCount": 5},
        "title": {"color": "var(--ink)", "fontSize": 14, "fontWeight": 600, "anchor": "start", "offset": 12},
        "legend": {
            "labelColor": "var(--ink)",
            "titleColor": "var(--muted)",
            "labelFontSize": 11,
            "titleFontSize": 11,
            "titleFontWeight": "normal",
            "labelLimit": 260,
            "symbolStrokeWidth": 2.5,
        },
        "aria": True,
    }
