"""`campaign cancel`: stop runs, or the whole campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from campaign.folder.paths import CampaignPaths

VERSION = 1


def cancel(
    campaign: Annotated[str, typer.Argument(help="Folder, name or spec.", show_default=False)],
    runs: Annotated[
        list[str] | None,
        typer.Argument(help="Runs; all that are not done when left out.", show_default=False),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Stop runs, or the whole campaign: they save their state, and submit goes on with them."""
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
    how = f"process {live} stops them as soon as they have saved their state" if live else "nobody runs them"
    stdout().print(
        f"cancelled: {', '.join(ids[:5])}{f' and {len(ids) - 5} more' * (len(ids) > 5)}; {how}",
        soft_wrap=True,
    )


def cancel_runs(paths: CampaignPaths, asked: list[str]) -> tuple[list[str], object]:
    """Ask for the end of runs; returns their ids and the process id of the controller, if one lives.

    A controller that lives is the store's only writer: it and its supervisors see the runs' CANCEL files.
    Without one, the change is written here.
    """
    from campaign.execution.fence import request_cancel
    from campaign.execution.locate import match_run
    from campaign.execution.lock import CampaignLock, holder
    from campaign.execution.store import Store
    from campaign.execution.store_reader import StoreReader

    with StoreReader.open(paths) as store:
        known = [row.id for row in store.runs()]
        moving = {row.id for row in store.runs("pending", "running", "lost")}
    wanted = [match_run(text, known) for text in asked] or known
    ids = [run_id for run_id in wanted if run_id in moving]
    for run_id in ids:
        request_cancel(paths.run(run_id))
    who = holder(paths)
    if who is None and ids:
        lock = CampaignLock.acquire(paths)
        writer = Store.open(paths)
        writer.cancel(ids)
        writer.close()
        lock.release()
    return ids, who.get("pid") if who else None
