"""The `campaign` command: a table of commands, each imported only when it is used.

`campaign --help` must be fast, so the table below holds each command's one-line help, and a command's module is
imported when the command runs or its own ``--help`` is printed.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import traceback
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

COMMANDS: dict[str, str] = {
    "init": "Write a campaign TOML from a template.",
    "plan": "Show the runs, what a submit would do with each, and why; no side effect.",
    "check": "Prove that conditions differ only in the fields under test.",
    "submit": "Execute the missing runs.",
    "status": "Show the state and progress of the runs.",
    "logs": "List the runs with their logs, or print their output; -f follows it.",
    "cancel": "Stop runs or the whole campaign.",
    "run": "Execute one run on this machine, without Ray.",
    "report": "Write curves, tests and verdicts as HTML, Markdown or JSON.",
    "compare": "Compare conditions on one number per run.",
    "extend": "Add seeds, and report whether the error rate still holds.",
    "squeeze": "Measure which rank of a LoRA adapter is used.",
    "sync": "Upload offline W&B runs.",
    "schema": "Print the JSON Schema of the campaign file or of a document.",
}
"""Name -> one-line help. `campaign/cli/<name>.py` defines a function `<name>` for each."""


class LazyGroup(TyperGroup):
    """A group whose commands are imported on use. `Any` stands for click's types: typer 0.20 and later bundle their
    own click, so the installed one has other types."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A stub with the name and help for listings; `resolve_command` loads the command itself."""
        return TyperCommand(name=cmd_name, help=COMMANDS[cmd_name]) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, _, rest = super().resolve_command(ctx, args)
        return name, _load(str(name)), rest


def _load(name: str) -> Any:
    module = import_module(f"campaign.cli.{name}")
    single = typer.Typer(add_completion=False)
    single.command(name=name)(getattr(module, name))
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


def _print_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """As Python does, without the secrets and control characters that a message may quote from a file."""
    from campaign.redact import shown

    sys.stderr.write(shown("".join(traceback.format_exception(kind, error, trace))))


def _keep_exit_code(code: int) -> None:
    """Let a further signal end the process with `code`: the default action would replace it while Python shuts down."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # SIGHUP under nohup
            signal.signal(number, lambda *_: os._exit(code))


def main() -> None:
    """Entry point of the console script, and the only place that turns errors into exit codes."""
    sys.excepthook = _print_traceback
    try:
        from campaign.errors import CampaignError
        from campaign.folder.disk_space import explained_full_disk
    except KeyboardInterrupt:  # before any command could handle it
        raise SystemExit(130) from None
    debug = "--debug" in sys.argv[1:]
    try:
        with explained_full_disk(Path("the output")):
            app(prog_name="campaign")
    except CampaignError as error:
        atexit.register(_keep_exit_code, error.exit_code)
        from campaign.cli.console import reader_may_leave
        from campaign.redact import shown

        with reader_may_leave():
            if debug:
                _print_traceback(type(error), error, error.__traceback__)
            else:
                sys.stderr.write(f"campaign: {shown(str(error))}\n")
        raise SystemExit(error.exit_code) from None
