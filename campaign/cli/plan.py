"""`campaign plan`: what a submit would do with each run, why, and what the result can show; no side effect."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from campaign.analysis.hypothesis_power import PlannedPower
    from campaign.spec.planned_runs import Facts, Plan


def plan(
    spec: Annotated[Path, typer.Argument(help="Campaign TOML.", metavar="SPEC", show_default=False)],
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    dir_: Annotated[
        Path | None,
        typer.Option("--dir", help="The campaign's folder (default: campaigns/NAME).", show_default=False),
    ] = None,
    pilot: Annotated[
        Path | None,
        typer.Option(
            "--pilot",
            help="Folder of an earlier campaign, for the variance between seeds.",
            show_default=False,
        ),
    ] = None,
    import_: Annotated[
        bool,
        typer.Option(
            "--import",
            help="Import the Python modules of conditions, in separate processes; by default nothing is executed.",
        ),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show every run and every difference.")
    ] = False,
) -> None:
    """Show the runs, what a submit would do with each, and why; no side effect."""
    from campaign.check.campaign_file import read_campaign
    from campaign.check.campaign_proof import proof_sentence, prove_spec
    from campaign.check.output.json import to_json
    from campaign.cli.console import print_json, say_imported, stdout
    from campaign.cli.views.plan_tables import as_json, hanging, show, show_power
    from campaign.execution.locate import campaigns_root
    from campaign.execution.needed_packages import missing_packages
    from campaign.execution.unlogged_metrics import with_unlogged
    from campaign.folder.paths import CampaignPaths
    from campaign.spec.config_secrets import refuse_secrets
    from campaign.spec.resolve import resolve

    loaded = read_campaign(spec, import_modules=import_)
    if import_:
        say_imported(loaded.modules)
    paths = CampaignPaths(dir_ or campaigns_root() / loaded.name)
    facts = facts_for(paths.root)
    made = with_unlogged(resolve(loaded, facts), facts, paths)
    refuse_secrets(made.conditions, loaded.path, os.environ)
    power = power_of_plan(made, pilot)
    proof = prove_spec(loaded, made, import_modules=import_)
    missing = missing_packages(
        (condition.config for condition in made.conditions), loaded.base.execution.backend
    )
    if json_:
        document = as_json(made, facts) | {
            "check": to_json(proof), "power": [planned.to_json() for planned in power], "missing_packages": missing
        }  # fmt: skip
        # Indenting ten thousand configurations takes longer than planning them.
        print_json(document, indent=2 if len(made.runs) <= 1000 else None)
    else:
        show(made, facts, stdout(), verbose=verbose)
        stdout().print(hanging("check: ", proof_sentence(proof), stdout().width))
        show_power(power, stdout())
        for problem in missing:
            stdout().print(hanging("not installed: ", problem, stdout().width))


def power_of_plan(plan: Plan, pilot: Path | None) -> tuple[PlannedPower, ...]:
    """Power of the planned seeds for each declared hypothesis, or for every condition against the first."""
    from campaign.analysis.hypothesis_power import planned_power, undeclared
    from campaign.spec.hypotheses import read_hypotheses

    labels = [condition.label for condition in plan.conditions]
    if len(labels) < 2:
        return ()
    pilot_runs = None
    if pilot is not None:
        from campaign.analysis.loading import load_runs

        pilot_runs = load_runs(pilot)
    declared = read_hypotheses(plan.hypotheses)
    hypotheses = declared or (undeclared(pilot_runs),)
    return planned_power(hypotheses, labels, len(plan.seeds), plan.looks, pilot_runs, declared=bool(declared))


def facts_for(folder: Path) -> Facts:
    """What this machine offers, and the state of the runs if the campaign was submitted before."""
    from campaign.execution.facts import gather_facts
    from campaign.folder.paths import CampaignPaths
    from campaign.spec.host import with_host_resources
    from campaign.spec.planned_runs import Facts

    return with_host_resources(gather_facts(CampaignPaths(folder)) if os.path.isdir(folder) else Facts())
