"""One look for the page, the figures on it, and the figures as files.

On the page colours are CSS variables, so that light, dark and print are decided by the style sheet and no
figure is drawn twice. A file has to stand alone: `concrete` puts the light values in their place.
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
"""The hues of Okabe and Ito (2008), told apart with every kind of colour vision; yellow, orange and sky blue
are darkened until a line of them is visible on white."""

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
"""Beyond eight conditions hues come again, with another dash."""

FONT = "ui-sans-serif, system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def hue(place: int) -> str:
    """CSS colour of the condition at this place."""
    return f"var(--c{place % HUES})"


def dash(place: int) -> list[int]:
    return DASHES[(place // HUES) % len(DASHES)]


def hues(count: int) -> list[str]:
    return [hue(place) for place in range(count)]


def dashes(count: int) -> list[list[int]]:
    return [dash(place) for place in range(count)]


def css(colours: dict[str, str]) -> str:
    """The variables as the body of a CSS rule."""
    return "".join(f"{name}:{value};" for name, value in colours.items())


def concrete(svg: str) -> str:
    """An SVG whose CSS variables are replaced by the light colours."""
    return re.sub(r"var\((--\w+)\)", lambda match: LIGHT[match[1]], svg)


def vega_config() -> dict[str, Any]:
    """Vega-Lite's `config`: thin axes, no frame, the page's type."""
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
