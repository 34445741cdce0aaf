"""`campaign report`: a campaign's results as an HTML page, Markdown and JSON."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from campaign.cli.console import print_json, stderr
from campaign.cli.shell_completion import campaign_names
from campaign.errors import UsageError


class Format(StrEnum):
    html = "html"
    md = "md"
    json = "json"


def report(
    campaign: Annotated[
        str, typer.Argument(help="Folder, name or spec of the campaign.", autocompletion=campaign_names)
    ],
    format_: Annotated[
        Format, typer.Option("--format", help="html writes all files; md and json print one document.")
    ] = Format.html,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Folder for the files (default: the campaign's report/).",
            show_default=False,
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export",
            metavar="DIR",
            help="Write CSV, LaTeX tables, BibTeX, and figures without titles to DIR, instead of the page.",
            show_default=False,
        ),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Report learning curves, verdicts, runs, differences and completions, in self-contained files."""
    from campaign.execution.locate import folder_of

    folder = folder_of(campaign)
    output_format = Format.json if json_ else format_
    if export is not None:
        if output_format is not Format.html or out is not None or open_:
            raise UsageError("--export writes its own files: leave out --format, --json, --output and --open")
        _export(folder, export)
        return
    if output_format is not Format.html:
        if out is not None or open_:
            raise UsageError("--output and --open are for --format html; the others print the report")
        _print(folder, output_format)
        return
    from campaign.report.build import build_report

    page = build_report(folder, out)
    typer.echo(page)
    if open_ and not _opened(page):
        stderr().print(f"no browser could be started; open {page} yourself")


def _export(folder: Path, out: Path) -> None:
    from campaign.extras import REPORT_PAGE, require
    from campaign.report.export import export_campaign

    require("--export", *REPORT_PAGE)
    for path in export_campaign(folder, out):
        typer.echo(path)


def _print(folder: Path, output_format: Format) -> None:
    from campaign.report.campaign_record import read_campaign
    from campaign.report.contents import collect_contents

    contents = collect_contents(read_campaign(folder))
    if output_format is Format.json:
        from campaign.report.document import to_document

        print_json(to_document(contents))
        return
    from campaign.report.markdown import to_markdown

    typer.echo(to_markdown(contents), nl=False)


def _opened(page: Path) -> bool:
    import webbrowser

    try:
        return webbrowser.open(page.absolute().as_uri())
    except webbrowser.Error:
        return False
