"""A submit in this process, for `campaign submit` and its detached controller: live display, report, outcome."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from campaign.execution.controller import Ending
    from campaign.execution.lock import CampaignLock
    from campaign.folder.paths import CampaignPaths
    from campaign.submission import SubmitOptions

VERSION = 2


def run_in_foreground(paths: CampaignPaths, lock: CampaignLock, options: SubmitOptions) -> Ending:
    """Execute the enrolled runs, with a display on stderr; releases the lock."""
    from campaign.cli.console import reader_may_leave, stderr
    from campaign.cli.views.live_table import display
    from campaign.errors import CampaignError
    from campaign.execution.view import read_view
    from campaign.submission import execute

    live = display(stderr(), hint="Ctrl-C stops: the runs save their state, and submit resumes them")

    def on_stop(ending: Ending) -> None:
        again = "; press again to stop immediately" if ending == "interrupted" else ""
        live.show_message(f"stopping: the runs save their state{again}")

    try:
        return execute(paths, lock, options, live.update, on_stop)
    finally:
        with contextlib.suppress(CampaignError, OSError):
            live.update(read_view(paths))
        with reader_may_leave():
            live.close()


def show_outcome(
    paths: CampaignPaths, ending: Ending, command: str, *, new_results: bool, as_json: bool = False
) -> None:
    """Print the campaign's outcome, with the `command` that resumes it; with `new_results`, build its report first.

    Raises as `require_complete` does.
    """
    from campaign.cli.console import print_json, reader_may_leave, stdout
    from campaign.cli.views.outcome_tables import show_campaign
    from campaign.execution.squeeze_job import squeeze_table
    from campaign.execution.view import read_view
    from campaign.submission import require_complete

    finished = ending in ("complete", "failures")
    report = _report(paths, finished=finished, new_results=new_results)
    view = read_view(paths)
    squeeze = squeeze_table(paths)
    if squeeze is None and paths.squeeze_log.exists():
        _say(f"campaign: the adapter's rank could not be measured; see {paths.squeeze_log}")
    with reader_may_leave():
        if as_json:
            document = {"version": VERSION, "kind": "submit", "ending": ending, "folder": str(paths.root)}
            print_json({**document, "report": report and str(report), "squeeze": squeeze, **view.to_json()})
        else:
            show_campaign(view, paths, command, report, squeeze, stdout())
    require_complete(view, ending, command)


def _report(paths: CampaignPaths, *, finished: bool, new_results: bool) -> Path | None:
    """The page of a new report, or of the last one that was built, if it is about this plan."""
    from campaign.folder.atomic_files import read_json
    from campaign.folder.plan_document import plan_hash, plan_or_empty
    from campaign.redact import shown
    from campaign.submission import build_report_in_subprocess

    page = paths.report.page
    if not new_results or not finished:
        # The page of another plan would show runs that have become stale as results.
        built = read_json(paths.report.document) or {}
        if not page.exists() or built.get("plan_sha256") == plan_hash(plan_or_empty(paths.plan)):
            return page if page.exists() else None
        if not finished:
            return None
    _say("building the report ...")
    page_or_none, problem = build_report_in_subprocess(paths)
    if problem:
        _say(f"campaign: the report could not be built: {shown(problem)}")
    return page_or_none


def _say(message: str) -> None:
    from campaign.cli.console import reader_may_leave

    with reader_may_leave():
        sys.stderr.write(f"{message}\n")


@contextlib.contextmanager
def signals_end_it() -> Iterator[None]:
    """Where no run is executed, a Ctrl-C, SIGTERM or SIGHUP ends the block with the exit code of the documentation.
    While runs are executed, the session has handlers of its own."""
    import signal

    from campaign.errors import Incomplete, Interrupted

    received: list[int] = []

    def handle(number: int, _: object) -> None:
        received.append(number)
        raise KeyboardInterrupt

    # A signal that is ignored stays so, such as SIGHUP under nohup.
    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    except KeyboardInterrupt:
        if received:
            raise Incomplete("stopped; the same command resumes") from None
        raise Interrupted("interrupted; the same command resumes") from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
