"""`campaign plan`: what a submit would do, to which runs, why, and what it can show; no side effect."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from campaign.spec.plan import Facts


def plan(
    spec: Annotated[Path, typer.Argument(help="Campaign TOML.", show_default=False)],
    json_: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    dir_: Annotated[
        Path | None,
        typer.Option(
            "--dir", help="The campaign's folder; campaigns/NAME when not given.", show_default=False
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Every run, and every difference.")
    ] = False,
) -> None:
    """Show the runs, what will happen to each and why; no side effect."""
    from campaign.cli.console import print_json, stdout
    from campaign.cli.plan_view import as_json, show
    from campaign.spec import load, resolve

    loaded = load(spec)
    facts = known_facts(folder_of(loaded.name, dir_))
    made = resolve(loaded, facts)
    if json_:
        # Indenting ten thousand configurations would take longer than planning them.
        print_json(as_json(made, facts), indent=2 if len(made.runs) <= 1000 else None)
    else:
        show(made, facts, stdout(), verbose=verbose)


def folder_of(name: str, given: Path | None) -> Path:
    """The campaign's folder: the one given, or `NAME` under CAMPAIGN_DIR, or under `campaigns`."""
    return given or Path(os.environ.get("CAMPAIGN_DIR") or "campaigns") / name


def known_facts(folder: Path) -> Facts:
    """What this machine offers, and what the campaign's folder knows of its runs when there is one."""
    from campaign.execution.paths import CampaignPaths
    from campaign.spec.machine import on_this_machine
    from campaign.spec.plan import Facts

    facts = Facts()
    if os.path.isdir(folder) and find_spec("campaign.execution.facts"):
        gather: Any = import_module("campaign.execution.facts").gather_facts
        facts = gather(CampaignPaths(folder))
    return on_this_machine(facts)
