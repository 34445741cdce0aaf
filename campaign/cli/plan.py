"""`campaign plan`: what a submit would do, to which runs, why, and what it can show; no side effect."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from campaign.analysis.hypothesis_power import PlannedPower
    from campaign.spec.planned_runs import Facts, Plan


def plan(
    spec: Annotated[Path, typer.Argument(help="Campaign TOML.", metavar="SPEC", show_default=False)],
    json_: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    dir_: Annotated[
        Path | None,
        typer.Option(
            "--dir", help="The campaign's folder; campaigns/NAME when not given.", show_default=False
        ),
    ] = None,
    pilot: Annotated[
        Path | None,
        typer.Option(
            "--pilot", help="Folder of an earlier campaign: how much its seeds vary.", show_default=False
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Every run, and every difference.")
    ] = False,
) -> None:
    """Show the runs, what will happen to each and why; no side effect."""
    from campaign.check.output.json import to_json
    from campaign.cli.console import print_json, stdout
    from campaign.cli.plan_view import as_json, hanging, show
    from campaign.cli.proving import prove_spec, sentence
    from campaign.execution.locate import campaigns_root
    from campaign.spec import load, resolve

    loaded = load(spec)
    facts = known_facts(dir_ or campaigns_root() / loaded.name)
    made = resolve(loaded, facts)
    power = foresee(made, pilot)
    proof = prove_spec(spec, plan=made)
    if json_:
        document = as_json(made, facts) | {
            "check": to_json(proof), "power": [planned.to_json() for planned in power]
        }  # fmt: skip
        # Indenting ten thousand configurations would take longer than planning them.
        print_json(document, indent=2 if len(made.runs) <= 1000 else None)
    else:
        show(made, facts, stdout(), verbose=verbose)
        stdout().print(hanging("check: ", sentence(proof), stdout().width))
        show_power(power, stdout())


def foresee(plan: Plan, pilot: Path | None) -> tuple[PlannedPower, ...]:
    """What the planned seeds can show, for each declared hypothesis, else for every condition against the
    first."""
    from campaign.analysis.hypothesis_power import planned_power, undeclared
    from campaign.spec.hypotheses import read_hypotheses

    labels = [condition.label for condition in plan.conditions]
    if len(labels) < 2:
        return ()
    pilot_runs = None
    if pilot is not None:
        from campaign.analysis.loading import load_runs

        pilot_runs = load_runs(pilot)
    hypotheses = read_hypotheses(plan.hypotheses) or (undeclared(pilot_runs),)
    return planned_power(hypotheses, labels, len(plan.seeds), plan.looks, pilot_runs)


def show_power(power: tuple[PlannedPower, ...], console: Console) -> None:
    """A paragraph for each hypothesis; what an exact test can reach stands in the plan's notes already."""
    from campaign.cli.plan_view import hanging

    for planned in power:
        console.print(hanging(f"power, {planned.hypothesis}: ", "; ".join(planned.words[1:]), console.width))


def known_facts(folder: Path) -> Facts:
    """What this machine offers, and what the campaign's folder knows of its runs when there is one."""
    from campaign.execution.facts import gather_facts
    from campaign.folder.paths import CampaignPaths
    from campaign.spec.host import on_this_machine
    from campaign.spec.planned_runs import Facts

    return on_this_machine(gather_facts(CampaignPaths(folder)) if os.path.isdir(folder) else Facts())
