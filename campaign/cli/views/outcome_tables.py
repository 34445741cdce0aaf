"""The outcome of a submit: conditions, failures, the adapter's rank, and the next commands."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from campaign.cli.views.live_table import LONGEST_METRIC, one_line, shortened
from campaign.execution.locate import name_to_type
from campaign.execution.view import CampaignView, ConditionView
from campaign.extras import REPORT_PAGE, problem_with
from campaign.folder.states import FAILED

if TYPE_CHECKING:
    from rich.console import Console

    from campaign.folder.paths import CampaignPaths

MOST_FAILURES = 5


def show_campaign(
    view: CampaignView,
    paths: CampaignPaths,
    submit_command: str,
    report: Path | None,
    squeeze: dict[str, Any] | None,
    console: Console,
) -> None:
    """Everything that a submit prints when it ends."""
    show_conditions(view, console)
    show_failures(view, console)
    show_unlogged(view, console)
    if squeeze:
        console.print("\nLoRA-Squeeze, the first run's adapter:", style="bold")
        show_squeeze(squeeze, console)
    if report:
        console.print(f"\nreport: {report}", soft_wrap=True)
    show_next(_next_commands(view, paths, submit_command), console)


def show_conditions(view: CampaignView, console: Console) -> None:
    """One line per condition: seeds done, mean of the headline metric and its standard deviation over the seeds."""
    metric = shortened(view.metric, min(len(view.metric), LONGEST_METRIC))
    column = max(13, len(metric), *(len(_mean(condition)) for condition in view.conditions), 0)
    longest = max((len(condition.label) for condition in view.conditions), default=9)
    width = max(9, min(longest, console.width - 10 - 2 - column))
    console.print(f"{'condition':<{width}}  {'runs':>8}  {metric:>{column}}", style="bold")
    for condition in view.conditions:
        done = f"{condition.done}/{condition.runs}"
        console.print(
            f"{shortened(condition.label, width):<{width}}  {done:>8}  {_mean(condition):>{column}}"
        )
    if any(run.shown_state == "done" for run in view.runs):
        console.print(_legend(view), style="dim", soft_wrap=True)


def show_failures(view: CampaignView, console: Console) -> None:
    failed = [run for run in view.runs if run.state in FAILED]
    for run in failed[:MOST_FAILURES]:
        console.print(f"{run.state}: {run.id}: {one_line(run.error)}", style="red")
    if len(failed) > MOST_FAILURES:
        console.print(f"... and {len(failed) - MOST_FAILURES} more without a result", style="red")


def show_unlogged(view: CampaignView, console: Console) -> None:
    """Hypotheses that cannot be tested because the rows do not have their metric."""
    for sentence in view.unlogged:
        console.print(sentence, style="yellow", soft_wrap=True)


def show_squeeze(table: dict[str, Any], console: Console) -> None:
    """How much of an adapter's update each rank keeps; `table` is the document of `campaign.core.lora_squeeze`."""
    console.print(f"{'rank':>6}  {'variance kept':>13}  {'worst layer':>11}", style="bold")
    for choice in table["ranks"]:
        mark = "  <- recommended" if choice["rank"] == table["recommended_rank"] else ""
        numbers = f"{choice['mean_variance']:>13.1%}  {choice['min_variance']:>11.1%}"
        console.print(f"{choice['rank']:>6}  {numbers}{mark}")
    console.print(
        f"rank {table['recommended_rank']} of {table['rank']} keeps "
        f"{table['min_variance_retention']:.0%} of the update"
    )


def show_next(commands: list[tuple[str, str]], console: Console) -> None:
    """Commands that may come next, each with what it does."""
    fitting = [len(command) for command, what in commands if len(command) + len(what) + 4 <= console.width]
    width = max(fitting, default=0)
    console.print("\nnext:", style="bold")
    for command, what in commands:
        text = f"  {command:<{width}}  {what}"
        console.print(text if len(text) <= console.width else f"  {command}\n      {what}", soft_wrap=True)


def _next_commands(view: CampaignView, paths: CampaignPaths, submit_command: str) -> list[tuple[str, str]]:
    name = name_to_type(paths)
    commands = []
    if not view.complete or view.count("cancelled"):
        commands.append((submit_command, "resume"))
    failed = next((run for run in view.runs if run.state in FAILED), None)
    if failed:
        commands.append((f"campaign logs {name} {shlex.quote(failed.id)}", f"output of a {failed.state} run"))
    commands.append((f"campaign status {name}", "every run"))
    page = not problem_with("the page", *REPORT_PAGE)
    commands.append((f"campaign report {name}{'' if page else ' --format md'}", "curves and tables"))
    if len(view.conditions) > 1 and view.complete:
        commands.append((f"campaign compare {name}", "every comparison, with its numbers"))
    return commands


def _mean(condition: ConditionView) -> str:
    if condition.mean is None:
        return "-"
    spread = "" if condition.spread is None else f" ± {_number(condition.spread)}"
    return f"{_number(condition.mean)}{spread}"


def _number(value: float) -> str:
    return f"{value:.3f}" if value == 0 or 0.0005 <= abs(value) < 100_000 else f"{value:.3g}"


def _legend(view: CampaignView) -> str:
    phrases = {condition.measured: None for condition in view.conditions if condition.measured}
    if not phrases:
        return f"no run has a value of {view.metric}; [campaign] headline_metric names the metric to show"
    return f"{'; '.join(phrases)}; mean and sd over seeds"
