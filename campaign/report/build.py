"""`build_report` writes the report of a campaign: HTML page, Markdown, JSON and figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from campaign.extras import REPORT_PAGE, require
from campaign.folder.atomic_files import write_bytes
from campaign.folder.disk_space import explained_full_disk
from campaign.folder.paths import CampaignPaths, ReportPaths
from campaign.redact import redact_strings
from campaign.report.bundle import ScriptBundle
from campaign.report.campaign_record import read_campaign
from campaign.report.contents import Panel, collect_contents
from campaign.report.document import to_document
from campaign.report.markdown import to_markdown
from campaign.report.page import render_page
from campaign.report.theme import LIGHT, resolve_colours

FILE_WIDTH, FILE_HEIGHT = 640, 320
"""Size in pixels of a figure that is written to a file."""


def build_report(
    campaign_dir: Path,
    out: Path | None = None,
) -> Path:
    """Writes the report of a campaign and returns the path of its page.

    Writes index.html, report.md, report.json, figures/*.svg and figures/*.pdf to `out`, by default `report/`
    in the campaign's folder. Each file is replaced atomically; building again from unchanged data changes no
    file. Raises `UsageError` when there is no campaign, `MissingPackage` without the packages of the page.
    """
    require("the page", *REPORT_PAGE, hint="--format md or --format json, which print the report without it")
    with ScriptBundle() as bundle:
        report = collect_contents(read_campaign(campaign_dir))
        target = ReportPaths(out) if out else CampaignPaths(campaign_dir).report
        target.figures.mkdir(parents=True, exist_ok=True)
        for name, svg in render_figures(report.file_panels).items():
            write_figure(target.figures / name, svg)
        write_file(target.markdown, to_markdown(report))
        write_file(target.document, json.dumps(to_document(report), indent=1, allow_nan=False) + "\n")
        page = render_page(report, bundle.script())
    return write_file(target.page, page)


def render_figures(panels: Sequence[Panel], *, titled: bool = True) -> dict[str, str]:
    """File name -> SVG on a white background, with a legend; with a title for slides, or without for papers, whose
    captions have it."""
    import vl_convert

    def render(panel: Panel) -> str:
        document = redact_strings(_standalone(panel, titled))
        return resolve_colours(vl_convert.vegalite_to_svg(json.dumps(document)))

    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(zip((f"{panel.id}.svg" for panel in panels), pool.map(render, panels), strict=True))


def write_figure(path: Path, svg: str) -> None:
    """Writes a figure as SVG, and as PDF with embedded fonts.

    The PDF writer orders fonts nondeterministically, so an existing PDF is kept when the SVG is unchanged.
    """
    import vl_convert

    pdf = path.with_suffix(".pdf")
    if pdf.exists() and path.exists() and path.read_text(encoding="utf-8") == svg:
        return
    write_file(pdf, vl_convert.svg_to_pdf(svg))
    write_file(path, svg)  # last, because an existing SVG means that its PDF is complete


def _standalone(panel: Panel, titled: bool) -> dict[str, Any]:
    spec = panel.figure.to_spec()
    if titled:
        spec["title"] = panel.title
    spec["description"] = panel.description
    spec["background"] = LIGHT["--page"]
    spec["padding"] = 16
    spec["width"] = FILE_WIDTH
    if panel.is_curve:
        spec["height"] = FILE_HEIGHT
        spec["layer"] = [layer for layer in spec["layer"] if not _is_interactive(layer)]
        del spec["datasets"]["runs"]
    return spec


def _is_interactive(layer: Mapping[str, Any]) -> bool:
    """Whether a layer is visible on screen only: the single runs, which are switched on, and the tooltips."""
    return layer["data"]["name"] == "runs" or "tooltip" in layer["encoding"]


def write_file(path: Path, content: str | bytes) -> Path:
    """Replaces a file atomically: a reader sees either the old or the new content. Who may read it is the user's
    umask, as for every file of a campaign."""
    with explained_full_disk(path.parent):
        write_bytes(path, content.encode() if isinstance(content, str) else content, sync=False)
    return path
