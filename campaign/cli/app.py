"""The `campaign` command: a table of commands, each imported only when it is used.

`campaign --help` has to answer at once, so the table below carries each command's one-line help and the
module is loaded when the command runs (or its own ``--help`` is asked for).
"""

from __future__ import annotations

import sys
import traceback
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

COMMANDS: dict[str, str] = {
    "init": "Write a campaign TOML from a template.",
    "plan": "Show the runs, what will happen to each and why; no side effect.",
    "check": "Prove that conditions differ only in the fields under test.",
    "submit": "Run what is missing.",
    "status": "Where the runs stand.",
    "logs": "One run's output; -f follows.",
    "cancel": "Stop runs, or the whole campaign.",
    "run": "One run, here, without Ray.",
    "report": "Curves, tests, verdicts: HTML, Markdown, JSON.",
    "compare": "One pair of conditions.",
    "extend": "Double the seeds and keep the error rate, or say that it is lost.",
    "squeeze": "The LoRA rank that is really used.",
    "sync": "Upload offline W&B runs.",
    "schema": "JSON Schema of the campaign file, for editors, or of a document.",
}
"""Name -> one-line help. `campaign/cli/<name>.py` defines a function `<name>` for each."""


class LazyGroup(TyperGroup):
    """A group whose commands are imported on use. The types of `ctx` and of commands are typer's own: since
    version 0.20 it no longer shares them with an installed click."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Enough of the command to be listed; `resolve_command` loads it."""
        return TyperCommand(name=cmd_name, help=COMMANDS[cmd_name]) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, _, rest = super().resolve_command(ctx, args)
        return name, _load(str(name)), rest


def _load(name: str) -> Any:
    module = import_module(f"campaign.cli.{name}")
    single = typer.Typer(add_completion=False)
    single.command(name=name, help=COMMANDS[name])(getattr(module, name))
    return get_command(single)


app = typer.Typer(
    name="campaign",
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from campaign.version import __version__

        typer.echo(f"campaign {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    ctx: typer.Context,
    debug: bool = typer.Option(False, "--debug", envvar="CAMPAIGN_DEBUG", help="Show tracebacks."),
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Experiment campaigns for RL post-training: conditions x seeds, proven fair, nothing lost, a valid
    verdict."""
    ctx.obj = {"debug": debug}


def main() -> None:
    """Entry point of the console script: the one place where errors become exit codes."""
    from campaign.errors import CampaignError

    debug = "--debug" in sys.argv[1:]
    try:
        app(prog_name="campaign")
    except CampaignError as error:
        if debug:
            traceback.print_exc()
        else:
            sys.stderr.write(f"campaign: {error}\n")
        raise SystemExit(error.exit_code) from None
