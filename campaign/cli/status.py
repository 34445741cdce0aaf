"""`campaign status`: state and progress of the runs."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaign.cli.shell_completion import campaign_names

if TYPE_CHECKING:
    from campaign.execution.view import CampaignView
    from campaign.folder.paths import CampaignPaths

VERSION = 2
WATCH_EVERY_S = 1.0


def status(
    campaign: Annotated[
        str | None, typer.Argument(help="Folder, name or spec; without it, all campaigns are listed.",
                                   show_default=False, autocompletion=campaign_names)
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Follow the campaign until it ends.")] = False,
    json_: Annotated[
        bool, typer.Option("--json", help="Print one JSON document; with --watch, one line per change.")
    ] = False,
) -> None:  # fmt: skip
    """Show the state and progress of the runs."""
    from campaign.execution.locate import locate, submitted_campaigns

    if campaign is None:
        _list(submitted_campaigns(), as_json=json_)
        return
    paths = locate(campaign)
    if watch:
        _watch(paths, as_json=json_)
    else:
        _show(_read(paths), as_json=json_)


def document(view: CampaignView) -> dict[str, Any]:
    """The campaign as one JSON document."""
    return {"version": VERSION, "kind": "status", **view.to_json()}


def _read(paths: CampaignPaths) -> CampaignView:
    from campaign.execution.view import read_view
    from campaign.folder.plan_document import plan_or_empty
    from campaign.spec.submitted_spec import changed_since_submit

    changed = changed_since_submit(paths, plan_or_empty(paths.plan))
    return replace(read_view(paths), notes=(changed,) if changed else ())


def _show(view: CampaignView, *, as_json: bool) -> None:
    from campaign.cli.console import print_json, stdout
    from campaign.cli.views.live_table import table
    from campaign.cli.views.outcome_tables import show_unlogged
    from campaign.spec.stale import stale_sentence

    if as_json:
        print_json(document(view))
        return
    console = stdout()
    console.print(table(view, console.width, lines=len(view.runs) + 10, hint=_hint(view)), soft_wrap=True)
    if view.stale:
        console.print(f"stale, so no comparison has them: {stale_sentence(view.stale)}", soft_wrap=True)
    for note in view.notes:
        console.print(f"note: {note}", soft_wrap=True)
    show_unlogged(view, console)


def _hint(view: CampaignView) -> str:
    if view.controller is not None:
        return f"executed by process {view.controller}"
    if view.complete and not view.count("cancelled"):
        return ""
    return "not running; submit it again to resume"


def _watch(paths: CampaignPaths, *, as_json: bool) -> None:
    """Show the campaign until no controller executes it. Ctrl-C stops only the display."""
    from campaign.cli.console import print_json, stdout
    from campaign.cli.views.live_table import display
    from campaign.execution.view import CampaignReader

    reader = CampaignReader(paths)
    live = None if as_json else display(stdout(), hint="Ctrl-C stops this display, not the runs")
    before: dict[str, Any] = {}
    try:
        while True:
            view = reader.read()
            if live:
                live.update(view)
            elif document(view) != before:
                before = document(view)
                print_json(before, indent=None)
            if view.controller is None:
                break
            time.sleep(WATCH_EVERY_S)
    except KeyboardInterrupt:
        return
    finally:
        reader.close()
        if live:
            live.close()
    if live:
        _show(_read(paths), as_json=False)


def _list(found: list[CampaignPaths], *, as_json: bool) -> None:
    from campaign.cli.console import print_json, stdout
    from campaign.errors import CampaignError
    from campaign.execution.locate import campaigns_root

    entries: list[dict[str, Any]] = []
    for paths in found:
        try:
            entries.append(_entry(_read(paths)))
        except CampaignError as error:
            entries.append({"name": paths.root.name, "problem": str(error)})
    if as_json:
        print_json({"version": VERSION, "kind": "campaigns", "campaigns": entries})
        return
    console = stdout()
    if not entries:
        console.print(f"no campaigns in {campaigns_root()}; start one: campaign init")
        return
    width = max(len(entry["name"]) for entry in entries)
    for entry in entries:
        console.print(f"{entry['name']:<{width}}  {_line(entry)}", soft_wrap=True)


def _entry(view: CampaignView) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for run in view.runs:
        counts[run.shown_state] = counts.get(run.shown_state, 0) + 1
    return {"name": view.name, "runs": len(view.runs), "controller": view.controller, "states": counts}


def _line(entry: dict[str, Any]) -> str:
    if "problem" in entry:
        return str(entry["problem"])
    states = ", ".join(f"{number} {state}" for state, number in entry["states"].items())
    return f"{entry['runs']} runs: {states}" + (
        f"; executed by process {entry['controller']}" if entry["controller"] is not None else ""
    )
