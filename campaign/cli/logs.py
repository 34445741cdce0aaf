"""`campaign logs`: one run's output."""

from __future__ import annotations

import os
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
) -> None:
    """Print one run's output; -f follows it."""
    from campaign.execution.locate import locate, match_run
    from campaign.execution.store_reader import StoreReader

    paths = locate(campaign)
    with StoreReader.open(paths) as store:
        run_id = match_run(run, (row.id for row in store.runs(enrolled_only=False)))
    try:
        if attempt is not None:
            _print_attempt(paths.run(run_id), attempt)
        else:
            _print_all(paths, run_id, follow=follow)
    except KeyboardInterrupt:
        return


def _print_attempt(run: RunPaths, number: int) -> None:
    from campaign.errors import UsageError
    from campaign.folder.regular_files import open_regular

    log = run.attempt(number).log
    if not os.path.lexists(log):
        numbers = ", ".join(str(attempt.number) for attempt in run.attempts()) or "none"
        raise UsageError(f"{run.root.name} has no attempt {number}; there are: {numbers}")
    with open_regular(log) as file:
        while piece := file.read(PIECE):
            sys.stdout.write(piece.decode("utf-8", "replace"))


def _print_all(paths: CampaignPaths, run_id: str, *, follow: bool) -> None:
    """All attempts, oldest first. A line on stderr, which is not the run's output, names each attempt."""
    run = paths.run(run_id)
    read: dict[int, int] = {}
    while True:
        ended = not follow or _ended(paths, run_id)
        for attempt in run.attempts():
            for piece in _new_bytes(attempt.number, run, read):
                sys.stdout.write(piece)
        sys.stdout.flush()
        if ended:
            break
        time.sleep(FOLLOW_S)
    if not read:
        sys.stderr.write(f"campaign: {run_id} has not started yet\n")


def _new_bytes(number: int, run: RunPaths, read: dict[int, int]) -> Iterator[str]:
    from campaign.folder.regular_files import open_regular

    log = run.attempt(number).log
    if number not in read:
        read[number] = 0
        sys.stdout.flush()
        sys.stderr.write(f"--- {run.root.name}, attempt {number}\n")
        sys.stderr.flush()
    try:
        with open_regular(log) as file:
            file.seek(read[number])
            while piece := file.read(PIECE):
                read[number] += len(piece)
                yield piece.decode("utf-8", "replace")
    except FileNotFoundError:
        return


def _ended(paths: CampaignPaths, run_id: str) -> bool:
    """Whether nothing more will be written: the run is settled, or no controller executes the campaign."""
    from campaign.execution.lock import holder
    from campaign.execution.store_reader import StoreReader
    from campaign.folder.states import ENDED

    with StoreReader.open(paths) as store:
        row = store.run(run_id)
    settled = row is None or row.state in ENDED
    return settled or holder(paths) is None
