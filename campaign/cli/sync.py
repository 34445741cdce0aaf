"""`campaign sync`: upload W&B runs that were recorded offline, with W&B's own command."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from campaign.cli.console import print_json, stderr
from campaign.cli.shell_completion import campaign_names
from campaign.errors import Incomplete, Infeasible
from campaign.extras import require
from campaign.folder.atomic_files import read_json
from campaign.folder.paths import AttemptPaths, CampaignPaths, RunPaths

FORMAT_VERSION = 1
MOST_AT_ONCE = 100
"""Folders in one call of `wandb sync`: the length of an argument vector is limited."""


def sync(
    campaign: Annotated[
        str, typer.Argument(help="Folder, name or spec of the campaign.", autocompletion=campaign_names)
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be uploaded.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Upload W&B runs that were recorded offline. Exit code 4: no API key. 5: uploads failed; run it again."""
    from campaign.execution.locate import folder_of
    from campaign.metrics.wandb_sink import has_api_key, refusal, server

    waiting = offline_runs(folder_of(campaign))
    if not waiting:
        _print(
            json_,
            [],
            [],
            "nothing to upload: this campaign has no W&B run that was recorded offline and not uploaded yet",
        )
        return
    if dry_run:
        _print(json_, waiting, [], f"{_runs(waiting)} would be uploaded to {server()}")
        return
    require("the upload", "wandb")
    if not has_api_key():
        raise Infeasible(
            f"{_runs(waiting)} wait for upload, but there is no API key for {server()}\n"
            "    set WANDB_API_KEY, or run `wandb login`"
        )
    if why := refusal():
        raise Infeasible(f"{_runs(waiting)} wait for upload, but {why}")
    for begin in range(0, len(waiting), MOST_AT_ONCE):
        _upload(waiting[begin : begin + MOST_AT_ONCE])
    left = [folder for folder in waiting if not is_synced(folder)]
    done = [folder for folder in waiting if is_synced(folder)]
    _print(json_, left, done, f"{_runs(done)} uploaded to {server()}")
    if left:
        raise Incomplete(f"{_runs(left)} could not be uploaded; run the same command to retry")


def offline_runs(campaign: Path) -> list[Path]:
    """Folders of W&B runs that were recorded offline and not uploaded yet, in the order of their attempts.

    The recording of a later attempt replays those of earlier ones, which are therefore not uploaded: the steps would
    be sent twice.
    """
    folders = [
        folder
        for run in CampaignPaths(campaign).run_folders()
        for attempt in _to_upload(run)
        for folder in sorted(attempt.root.glob("wandb/offline-run-*"))
    ]
    return [folder for folder in folders if any(folder.glob("*.wandb")) and not is_synced(folder)]


def _to_upload(run: RunPaths) -> list[AttemptPaths]:
    """The attempts from the latest one that replayed all earlier ones."""
    recorded = [attempt for attempt in run.attempts() if any(attempt.root.glob("wandb/*run-*"))]
    for number in range(len(recorded) - 1, 0, -1):
        if (read_json(recorded[number].sink_settings("wandb")) or {}).get("replays"):
            return recorded[number:]
    return recorded


def is_synced(folder: Path) -> bool:
    """Whether W&B has uploaded the run: it then writes a marker beside the run's file."""
    return any(folder.glob("*.wandb.synced"))


def _upload(folders: Sequence[Path]) -> None:
    """Run `wandb sync`, with its output on stderr. The markers show what failed, so its exit code is ignored."""
    command = [sys.executable, "-m", "wandb", "sync", *(str(folder.absolute()) for folder in folders)]
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)


def _runs(folders: Sequence[Path]) -> str:
    return f"{len(folders)} W&B run{'' if len(folders) == 1 else 's'}"


def _print(json_: bool, waiting: Sequence[Path], uploaded: Sequence[Path], summary: str) -> None:
    if json_:
        waiting_, uploaded_ = ([str(folder) for folder in folders] for folders in (waiting, uploaded))
        print_json(
            {"version": FORMAT_VERSION, "kind": "campaign.sync", "waiting": waiting_, "uploaded": uploaded_}
        )
        return
    stderr().print(summary)
    for folder in waiting:
        typer.echo(folder)
