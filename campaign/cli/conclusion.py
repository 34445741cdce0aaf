"""How a submit ends: the report, the tables, the next commands, and what the exit code has to say."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from campaign.execution.controller import Ending
    from campaign.execution.view import CampaignView
    from campaign.folder.paths import CampaignPaths

VERSION = 1
REPORT_PATIENCE_S = 300.0


def conclude(paths: CampaignPaths, ending: Ending, spec: Path, *, fresh: bool, as_json: bool = False) -> None:
    """Tell how the campaign stands. `fresh`: runs have ended since the last report.

    Raises `RunsFailed`, `Incomplete` or `Interrupted` unless every run is done.
    """
    from campaign.cli.console import print_json, stdout
    from campaign.execution.squeeze_job import squeeze_table
    from campaign.execution.view import CampaignReader

    report = _report(paths, wanted=fresh and ending in ("complete", "failures"))
    reader = CampaignReader(paths)
    view = reader.read()
    reader.close()
    squeeze = squeeze_table(paths)
    if squeeze is None and paths.squeeze_log.exists():
        sys.stderr.write(f"campaign: the adapter's rank could not be measured: {paths.squeeze_log}\n")
    if as_json:
        document = {"version": VERSION, "kind": "submit", "ending": ending, "folder": str(paths.root)}
        print_json({**document, "report": report and str(report), "squeeze": squeeze, **view.to_json()})
    else:
        _show(view, paths, spec, report, squeeze, stdout())
    _raise_for(view, ending, spec)


def build_report(paths: CampaignPaths) -> Path | None:
    """The HTML report, made in a process of its own: whatever happens to it, nothing of the campaign is
    lost."""
    code = (
        "import sys; from pathlib import Path; from campaign.report.build import build_report; "
        "sys.stdout.write(f'\\n{build_report(Path(sys.argv[1]))}')"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, str(paths.root)],
            capture_output=True,
            text=True,
            timeout=REPORT_PATIENCE_S,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"campaign: no report: {error}\n")
        return None
    if done.returncode:
        last = done.stderr.strip().splitlines() or ["no message"]
        sys.stderr.write(f"campaign: no report: {last[-1]}\n")
        return None
    return Path(done.stdout.strip().splitlines()[-1])


def _report(paths: CampaignPaths, *, wanted: bool) -> Path | None:
    """A new report where one is wanted, else the one that is there."""
    there = paths.report.page
    if wanted:
        sys.stderr.write("making the report ...\n")
        return build_report(paths)
    return there if there.exists() else None


def _show(
    view: CampaignView,
    paths: CampaignPaths,
    spec: Path,
    report: Path | None,
    squeeze: dict[str, Any] | None,
    console: Console,
) -> None:
    from campaign.cli.results import show_conditions, show_failures, show_next, show_squeeze

    show_conditions(view, console)
    show_failures(view, console)
    if squeeze:
        console.print("\nLoRA-Squeeze, the first run's adapter:", style="bold")
        show_squeeze(squeeze, console)
    if report:
        console.print(f"\nreport: {report}", soft_wrap=True)
    show_next(_next_commands(view, paths, spec), console)


def _next_commands(view: CampaignView, paths: CampaignPaths, spec: Path) -> list[tuple[str, str]]:
    from campaign.execution.locate import name_to_type

    name = name_to_type(paths)
    commands = []
    if not view.complete:
        commands.append((f"campaign submit {shlex.quote(str(spec))}", "go on"))
    failed = next((run for run in view.runs if run.state == "failed"), None)
    if failed:
        commands.append((f"campaign logs {name} {shlex.quote(failed.id)}", "what a failed run wrote"))
    commands.append((f"campaign status {name}", "every run"))
    commands.append((f"campaign report {name}", "curves and tables"))
    if len(view.conditions) > 1 and view.complete:
        pair = " ".join(shlex.quote(condition.label) for condition in view.conditions[:2])
        commands.append((f"campaign compare {name} {pair}", "one pair of conditions"))
    return commands


def _raise_for(view: CampaignView, ending: Ending, spec: Path) -> None:
    from campaign.errors import Incomplete, Interrupted, RunsFailed

    left = len(view.runs) - view.count("done", "failed")
    again = f"go on: campaign submit {spec}"
    if ending == "interrupted":
        raise Interrupted(f"interrupted, {_runs(left)} left; all they did is saved\n    {again}")
    if ending == "stopped":
        raise Incomplete(f"stopped, {_runs(left)} left; all they did is saved\n    {again}")
    failed = view.count("failed")
    if failed:
        retry = f"try again: campaign submit {spec} --retry-failed"
        rest = f", {_runs(left)} not finished" if left else ""
        raise RunsFailed(f"{_runs(failed)} failed{rest}\n    {retry}")
    if left:
        raise Incomplete(f"{_runs(left)} left ({view.count('cancelled')} cancelled)\n    {again}")


def _runs(number: int) -> str:
    return f"{number} run{'s' * (number != 1)}"
