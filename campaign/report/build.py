"""`build_report`: a campaign's folder becomes a page, a text, a document and figures in `report/`."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from campaign.folder.paths import CampaignPaths, ReportPaths
from campaign.report.bundle import Bundling
from campaign.report.campaign_record import read_campaign
from campaign.report.contents import Contents, Panel, contents
from campaign.report.document import to_document
from campaign.report.markdown import to_markdown
from campaign.report.page import render_page
from campaign.report.theme import LIGHT, concrete

FILE_WIDTH, FILE_HEIGHT = 640, 320
"""Pixels of a figure as a file."""


def build_report(
    campaign_dir: Path,
    out: Path | None = None,
) -> Path:
    """Write the report of a campaign and return the path of its page.

    Into `out`, else `report/` of the campaign: index.html, report.md, report.json, figures/*.svg and *.pdf.
    Every file is replaced in one step, and building again from the same folder changes none. Raises
    `UsageError` when there is no campaign.
    """
    with Bundling() as library:
        found = contents(read_campaign(campaign_dir))
        target = ReportPaths(out) if out else CampaignPaths(campaign_dir).report
        target.figures.mkdir(parents=True, exist_ok=True)
        drawings = draw(found.drawn)
        for name, svg in drawings.items():
            _write_figure(target.figures / name, svg)
        _write(target.markdown, to_markdown(found))
        _write(target.document, json.dumps(to_document(found), indent=1, allow_nan=False) + "\n")
        page = render_page(found, library.script())
    return _write(target.page, page)


def draw(panels: Sequence[Panel]) -> dict[str, str]:
    """File name -> SVG on white, with title and legend, for a paper or a slide."""
    import vl_convert

    def one(panel: Panel) -> str:
        return concrete(vl_convert.vegalite_to_svg(json.dumps(_standalone(panel))))

    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(zip((f"{panel.id}.svg" for panel in panels), pool.map(one, panels), strict=True))


def _write_figure(path: Path, svg: str) -> None:
    """A figure as SVG, and as PDF with its fonts for a paper. The PDF of a drawing that is there already
    stays: its writer orders fonts by chance."""
    import vl_convert

    pdf = path.with_suffix(".pdf")
    if pdf.exists() and path.exists() and path.read_text(encoding="utf-8") == svg:
        return
    _write(pdf, vl_convert.svg_to_pdf(svg))
    _write(path, svg)  # last: what it says stands in the PDF


def _standalone(panel: Panel) -> dict[str, Any]:
    spec = panel.figure.to_spec()
    spec["title"] = panel.title
    spec["description"] = panel.description
    spec["background"] = LIGHT["--page"]
    spec["padding"] = 16
    spec["width"] = FILE_WIDTH
    if panel.is_curve:
        spec["height"] = FILE_HEIGHT
        spec["layer"] = [layer for layer in spec["layer"] if not _for_the_screen(layer)]
        del spec["datasets"]["runs"]
    return spec


def _for_the_screen(layer: Mapping[str, Any]) -> bool:
    """Layers that show nothing on paper: single runs that nobody can switch on, and what a pointer finds."""
    return layer["data"]["name"] == "runs" or "tooltip" in layer["encoding"]


def _write(path: Path, content: str | bytes) -> Path:
    """Replace a file in one step: a reader sees the old one or the new one."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


__all__ = ["Contents", "build_report", "draw"]
