"""A submit in this process, for `campaign submit` and its detached controller: live display, report, outcome."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from campaign.execution.controller import Ending
    from campaign.execution.lock import CampaignLock
    from campaign.folder.paths import CampaignPaths
    from campaign.submission import SubmitOptions

VERSION = 1


def run_in_foreground(paths: CampaignPaths, lock: CampaignLock, options: SubmitOptions) -> Ending:
    """Execute the enrolled runs, with a display on stderr; releases the lock."""
    from campaign.cli.console import stderr
    from campaign.cli.views.live_table import display
    from campaign.errors import CampaignError
    from campaign.submission import execute, read_view

    live = display(stderr(), hint="Ctrl-C stops: the runs save their state, and submit resumes them")

    def on_stop(ending: Ending) -> None:
        again = "; press again to stop immediately" if ending == "interrupted" else ""
        live.show_message(f"stopping: the runs save their state{again}")

    try:
        return execute(paths, lock, options, live.update, on_stop)
    finally:
        with contextlib.suppress(CampaignError, OSError):
            live.update(read_view(paths))
        live.close()


def show_outcome(
    paths: CampaignPaths, ending: Ending, command: str, *, new_results: bool, as_json: bool = False
) -> None:
    """Print the campaign's outcome, with the `command` that resumes it; with `new_results`, build its report first.

    Raises `RunsFailed`, `Incomplete` or `Interrupted` unless every run is done.
    """
    from campaign.cli.console import print_json, stdout
    from campaign.cli.views.outcome_tables import show_campaign
    from campaign.execution.squeeze_job import squeeze_table
    from campaign.submission import read_view, require_complete

    report = _report(paths, build=new_results and ending in ("complete", "failures"))
    view = read_view(paths)
    squeeze = squeeze_table(paths)
    if squeeze is None and paths.squeeze_log.exists():
        sys.stderr.write(f"campaign: the adapter's rank could not be measured; see {paths.squeeze_log}\n")
    if as_json:
        document = {"version": VERSION, "kind": "submit", "ending": ending, "folder": str(paths.root)}
        print_json({**document, "report": report and str(report), "squeeze": squeeze, **view.to_json()})
    else:
        show_campaign(view, paths, command, report, squeeze, stdout())
    require_complete(view, ending, command)


def _report(paths: CampaignPaths, *, build: bool) -> Path | None:
    """The page of a new report, or of the last one that was built."""
    from campaign.redact import shown
    from campaign.submission import build_report_in_subprocess

    if not build:
        page = paths.report.page
        return page if page.exists() else None
    sys.stderr.write("building the report ...\n")
    page_or_none, problem = build_report_in_subprocess(paths)
    if problem:
        sys.stderr.write(f"campaign: the report could not be built: {shown(problem)}\n")
    return page_or_none
