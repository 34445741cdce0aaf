"""`campaign logs`: one run's output."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from campaign.folder.paths import CampaignPaths, RunPaths

FOLLOW_S = 0.25
PIECE = 65_536


def logs(
    campaign: Annotated[str, typer.Argument(help="Folder, name or spec.", show_default=False)],
    run: Annotated[str, typer.Argument(help="The run, or the beginning of its id.", show_default=False)],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow until the run has ended.")] = False,
    attempt: Annotated[
        int | None, typer.Option("--attempt", min=1, help="Print only this attempt.", show_default=False)
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Print the bytes as they are: with secrets and control characters.")
    ] = False,
) -> None:
    """Print one run's output; -f follows it. Secrets are hidden, and control characters are made visible."""
    from campaign.execution.locate import locate, match_run
    from campaign.execution.store_reader import StoreReader

    paths = locate(campaign)
    with StoreReader.open(paths) as store:
        run_id = match_run(run, (row.id for row in store.runs(enrolled_only=False)))
    try:
        if attempt is not None:
            _print_attempt(paths.run(run_id), attempt, raw=raw)
        else:
            _print_all(paths, run_id, follow=follow, raw=raw)
    except KeyboardInterrupt:
        return


def _print_attempt(run: RunPaths, number: int, *, raw: bool) -> None:
    from campaign.cli.safe_log import RawOutput, SafeOutput
    from campaign.errors import UsageError

    log = run.attempt(number).log
    if not log.exists():
        numbers = ", ".join(str(attempt.number) for attempt in run.attempts()) or "none"
        raise UsageError(f"{run.root.name} has no attempt {number}; there are: {numbers}")
    output = RawOutput() if raw else SafeOutput()
    with log.open("rb") as file:
        while piece := file.read(PIECE):
            output.write(piece)
    output.end()


def _print_all(paths: CampaignPaths, run_id: str, *, follow: bool, raw: bool) -> None:
    """All attempts, oldest first. A line on stderr, which is not the run's output, names each attempt."""
    from campaign.cli.safe_log import RawOutput, SafeOutput

    run = paths.run(run_id)
    read: dict[int, int] = {}
    output = RawOutput() if raw else SafeOutput()
    while True:
        ended = not follow or _ended(paths, run_id)
        for attempt in run.attempts():
            if attempt.number not in read:
                output.end()
            for piece in _new_bytes(attempt.number, run, read):
                output.write(piece)
        if ended:
            break
        sys.stdout.flush()
        time.sleep(FOLLOW_S)
    output.end()
    if not read:
        sys.stderr.write(f"campaign: {run_id} has not started yet\n")


def _new_bytes(number: int, run: RunPaths, read: dict[int, int]) -> Iterator[bytes]:
    log = run.attempt(number).log
    if number not in read:
        read[number] = 0
        sys.stdout.flush()
        sys.stderr.write(f"--- {run.root.name}, attempt {number}\n")
        sys.stderr.flush()
    try:
        with log.open("rb") as file:
            file.seek(read[number])
            while piece := file.read(PIECE):
                read[number] += len(piece)
                yield piece
    except FileNotFoundError:
        return


def _ended(paths: CampaignPaths, run_id: str) -> bool:
    """Whether nothing more will be written: the run is settled, or no controller executes the campaign."""
    from campaign.execution.lock import holder
    from campaign.execution.store_reader import StoreReader

    with StoreReader.open(paths) as store:
        row = store.run(run_id)
    settled = row is None or row.state in ("done", "failed", "cancelled")
    return settled or holder(paths) is None
