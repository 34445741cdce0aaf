"""`campaign cancel`: stop runs or the whole campaign."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from campaign.cli.shell_completion import campaign_names, run_names

if TYPE_CHECKING:
    from campaign.folder.paths import CampaignPaths

VERSION = 1


def cancel(
    campaign: Annotated[
        str, typer.Argument(help="Folder, name or spec.", show_default=False, autocompletion=campaign_names)
    ],
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            help="Runs to stop (default: all unfinished runs).", show_default=False, autocompletion=run_names
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Stop runs or the whole campaign. They save their state, and a submit resumes them."""
    from campaign.cli.console import print_json, stdout
    from campaign.execution.locate import locate

    paths = locate(campaign)
    ids, live = cancel_runs(paths, runs or [])
    if json_:
        print_json({"version": VERSION, "kind": "cancel", "runs": ids, "controller": live})
        return
    if not ids:
        stdout().print("nothing to cancel: every run is done, failed or cancelled")
        return
    what = "it as soon as it has saved its" if len(ids) == 1 else "them as soon as they have saved their"
    how = f"process {live} stops {what} state" if live else "no process executes them"
    stdout().print(
        f"cancelled: {', '.join(ids[:5])}{f' and {len(ids) - 5} more' * (len(ids) > 5)}; {how}",
        soft_wrap=True,
    )


def cancel_runs(paths: CampaignPaths, requested: list[str]) -> tuple[list[str], object]:
    """Request the end of runs; returns their ids, and the process id of the controller if there is one.

    A live controller is the store's only writer: it and its supervisors read the runs' CANCEL files. Without one,
    this process takes the lock and writes the store.
    """
    from campaign.execution.fence import request_cancel
    from campaign.execution.locate import match_run
    from campaign.execution.lock import CampaignLock, holder
    from campaign.execution.store import Store
    from campaign.execution.store_reader import StoreReader

    with StoreReader.open(paths) as store:
        every = [row.id for row in store.runs()]
        unfinished = {row.id for row in store.runs("pending", "running", "lost")}
    selected = [match_run(text, every) for text in requested] or every
    ids = [run_id for run_id in selected if run_id in unfinished]
    for run_id in ids:
        with suppress(FileExistsError, NotADirectoryError):  # a run without a folder is not running
            request_cancel(paths.run(run_id))
    who = holder(paths)
    if who is None and ids:
        lock = CampaignLock.acquire(paths)
        writer = Store.open(paths)
        writer.cancel(ids)
        writer.close()
        lock.release()
    return ids, who.get("pid") if who else None
