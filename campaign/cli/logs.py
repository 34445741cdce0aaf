"""`campaign logs`: the output of one run or of all, or the list of log files."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from campaign.cli.shell_completion import campaign_names, run_names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from campaign.cli.safe_log import RawOutput, SafeOutput
    from campaign.folder.paths import AttemptPaths, CampaignPaths, RunPaths

FOLLOW_S = 0.25
PIECE = 65_536
Read = dict["AttemptPaths", int]
"""How many bytes of the log of each attempt were printed or are to be left out."""


def logs(
    campaign: Annotated[str, typer.Argument(help="Folder, name or spec.", show_default=False, autocompletion=campaign_names)],
    run: Annotated[
        str | None,
        typer.Argument(
            help="The run, or the beginning of its id; without it, the log files of all runs are listed.",
            show_default=False,
            autocompletion=run_names,
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow until the run has ended.")] = False,
    tail: Annotated[
        int | None,
        typer.Option("--tail", "-n", min=0, help="Print only the last N lines of a run.", metavar="N",
                     show_default=False),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Print the output of every run.")] = False,
    attempt: Annotated[
        int | None, typer.Option("--attempt", min=1, help="Print only this attempt.", show_default=False)
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Print the bytes as they are: with secrets and control characters.")
    ] = False,
) -> None:  # fmt: skip
    """Print the output of one run, or of --all; -f follows it. Without a run, list the log files.

    Secrets are hidden, and control characters are made visible.
    """
    from campaign.cli.safe_log import RawOutput, SafeOutput
    from campaign.errors import UsageError
    from campaign.execution.locate import locate, match_run
    from campaign.execution.store_reader import StoreReader

    if all_ and run is not None:
        raise UsageError("give a run or --all, not both")
    paths = locate(campaign)
    if run is None and not all_:
        if follow or attempt is not None or tail is not None:
            raise UsageError("--follow, --tail and --attempt need a run, or --all for every run")
        _list(paths)
        return
    with StoreReader.open(paths) as store:
        ids = [row.id for row in store.runs(enrolled_only=all_)]
    runs = [paths.run(run_id) for run_id in (ids if run is None else [match_run(run, ids)])]
    if attempt is not None and run is not None:
        _require_attempt(runs[0], attempt)
    read: Read = {} if tail is None else {log: at for each in runs for log, at in _tail(each, attempt, tail)}
    try:
        _print(paths, runs, attempt, read, RawOutput if raw else SafeOutput, follow=follow)
    except KeyboardInterrupt:
        return


def _list(paths: CampaignPaths) -> None:
    """One line per run: its state, and the log of its latest attempt."""
    from campaign.cli.console import stdout
    from campaign.execution.locate import name_to_type
    from campaign.execution.view import CampaignReader
    from campaign.folder.regular_files import DamagedFile

    reader = CampaignReader(paths)
    views = reader.read().runs
    reader.close()
    width = max((len(view.id) for view in views), default=0)
    for view in views:
        try:
            attempts = paths.run(view.id).attempts()
        except DamagedFile as error:
            stdout().print(f"{view.id:<{width}}  {view.state:<11}  {error}", soft_wrap=True)
            continue
        log = str(attempts[-1].log) if attempts else "not started"
        earlier = f"  ({len(attempts) - 1} earlier: --attempt N)" if len(attempts) > 1 else ""
        stdout().print(f"{view.id:<{width}}  {view.state:<11}  {log}{earlier}", soft_wrap=True)
    sys.stderr.write(
        f"campaign: one run's output: campaign logs {name_to_type(paths)} RUN; every run's: --all\n"
    )


def _require_attempt(run: RunPaths, number: int) -> None:
    from campaign.errors import UsageError

    if not os.path.lexists(run.attempt(number).log):
        numbers = ", ".join(str(attempt.number) for attempt in run.attempts()) or "none"
        raise UsageError(f"{run.root.name} has no attempt {number}; there are: {numbers}")


def _print(
    paths: CampaignPaths,
    runs: list[RunPaths],
    attempt: int | None,
    read: Read,
    output: type[RawOutput] | type[SafeOutput],
    *,
    follow: bool,
) -> None:
    """Attempts oldest first. A line on stderr, which is not the runs' output, names the attempt that follows."""
    outputs: dict[AttemptPaths, RawOutput | SafeOutput] = {}
    shown: AttemptPaths | None = None
    while True:
        ended = not follow or all(_ended(paths, run.root.name) for run in runs)
        for log in (log for run in runs for log in _attempts(run, attempt)):
            for piece in _new_bytes(log.log, log, read):
                if log != shown:
                    shown = log
                    _name(log)
                outputs.setdefault(log, output()).write(piece)
            if not follow and log in outputs:
                outputs.pop(log).end()
        sys.stdout.flush()
        if ended:
            break
        sys.stdout.flush()
        time.sleep(FOLLOW_S)
    for log, left in outputs.items():
        if left.held and log != shown:
            shown = log
            _name(log)
        left.end()
    for run in runs:
        if not run.attempts():
            sys.stderr.write(f"campaign: {run.root.name} has not started yet\n")
        elif not any(read.get(log) for log in _attempts(run, attempt)):
            sys.stderr.write(f"campaign: {run.root.name} has printed nothing\n")


def _attempts(run: RunPaths, number: int | None) -> list[AttemptPaths]:
    return [attempt for attempt in run.attempts() if number in (None, attempt.number)]


def _name(attempt: AttemptPaths) -> None:
    sys.stdout.flush()
    sys.stderr.write(f"--- {attempt.root.parent.parent.name}, attempt {attempt.number}\n")
    sys.stderr.flush()


def _new_bytes(path: Path, key: AttemptPaths, read: Read) -> Iterator[bytes]:
    """What was not printed yet. The first piece of an attempt may be empty: its name is printed all the same."""
    from campaign.folder.regular_files import open_regular

    first = key not in read
    try:
        with open_regular(path) as file:
            file.seek(read.setdefault(key, 0))
            while (piece := file.read(PIECE)) or first:
                first = False
                read[key] += len(piece)
                yield piece
    except FileNotFoundError:
        return


def _tail(run: RunPaths, number: int | None, lines: int) -> Iterator[tuple[AttemptPaths, int]]:
    """Where the last `lines` lines of a run begin in the log of each attempt."""
    for attempt in reversed(_attempts(run, number)):
        try:
            offset, found = _last_lines(attempt.log, lines)
        except FileNotFoundError:
            continue
        lines -= found
        yield attempt, offset


def _last_lines(path: Path, lines: int) -> tuple[int, int]:
    """The offset at which the last `lines` lines of a file begin, and how many there are, read from its end."""
    from campaign.folder.regular_files import open_regular

    with open_regular(path) as file:
        size = at = file.seek(0, os.SEEK_END)
        if not lines or not size:
            return size, 0
        ends = 0
        while at:
            length = min(PIECE, at)
            at -= length
            file.seek(at)
            piece = file.read(length)
            place = len(piece)
            while (place := piece.rfind(b"\n", 0, place)) >= 0:
                # The end of the last line begins no further line.
                ends += at + place + 1 < size
                if ends == lines:
                    return at + place + 1, lines
        return 0, ends + 1


def _ended(paths: CampaignPaths, run_id: str) -> bool:
    """Whether nothing more will be written: the run is settled, or no controller executes the campaign."""
    from campaign.execution.lock import holder
    from campaign.execution.store_reader import StoreReader
    from campaign.folder.states import ENDED

    with StoreReader.open(paths) as store:
        row = store.run(run_id)
    settled = row is None or row.state in ENDED
    return settled or holder(paths) is None
