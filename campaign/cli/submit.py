"""`campaign submit`: execute the missing runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from campaign.execution.lock import CampaignLock
    from campaign.folder.paths import CampaignPaths
    from campaign.submission import Submission, SubmitOptions

VERSION = 1


def submit(
    spec: Annotated[Path, typer.Argument(help="Campaign TOML.", show_default=False)],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what a submit would do, without side effects.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Run in the background; the command returns immediately.")
    ] = False,
    backend: Annotated[
        str | None,
        typer.Option(
            help="Backend that executes the runs; local needs no Ray (default: the spec's execution.backend).",
            show_default=False,
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            "--address", envvar="CAMPAIGN_RAY_ADDRESS", help="HOST:PORT of a Ray cluster.", show_default=False
        ),
    ] = None,
    dir_: Annotated[
        Path | None,
        typer.Option("--dir", help="The campaign's folder (default: campaigns/NAME).", show_default=False),
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Retry failed runs.")] = False,
    rerun_stale: Annotated[
        bool, typer.Option("--rerun-stale", help="Repeat runs that were done with other settings.")
    ] = False,
    allow_confounds: Annotated[
        str | None,
        typer.Option(
            "--allow-confounds", metavar="REASON",
            help="Run although conditions differ outside the fields under test; every report shows REASON.",
            show_default=False,
        ),
    ] = None,
    import_: Annotated[
        bool,
        typer.Option(
            "--import", help="With --dry-run: import the Python modules of conditions, as a submit does."
        ),
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document at the end.")] = False,
) -> None:  # fmt: skip
    """Execute the missing runs. After an interruption, the same command resumes.

    Exit code 0: every run is done, 1: runs failed, are short or stale, 5: stopped before that.
    """
    from campaign.cli.foreground import signals_end_it
    from campaign.submission import SubmitOptions

    options = SubmitOptions(retry_failed, rerun_stale, allow_confounds, backend, address, dir_)
    with signals_end_it():
        _submit(spec, options, import_=import_, dry_run=dry_run, detach=detach, json_=json_)


def _submit(
    spec: Path, options: SubmitOptions, *, import_: bool, dry_run: bool, detach: bool, json_: bool
) -> None:
    from campaign.check.campaign_file import read_campaign
    from campaign.cli.console import reader_may_leave, say_imported, stderr
    from campaign.cli.foreground import run_in_foreground, show_outcome
    from campaign.execution.locate import campaigns_root
    from campaign.folder.paths import CampaignPaths
    from campaign.submission import open_submission, plan_submission

    # A submit executes the modules' code anyway, so that it can also use values that only executing them shows.
    import_modules = import_ or not dry_run
    loaded = read_campaign(spec, import_modules=import_modules)
    if import_modules:
        say_imported(loaded.modules)
    paths = CampaignPaths(options.folder or campaigns_root() / loaded.name)
    width = max(60, stderr().width)
    if dry_run:
        submission = plan_submission(loaded, paths, options, width=width, import_modules=import_)
        _show_dry_run(submission, as_json=json_)
        return
    submission, lock = open_submission(loaded, paths, options, width=width)
    _warn(submission)
    if not submission.runs:
        lock.release()
        show_outcome(paths, "complete", options.command(spec), new_results=False, as_json=json_)
        return
    if detach:
        _detach(submission, lock, as_json=json_)
        return
    with reader_may_leave():
        _announce(submission)
    ending = run_in_foreground(paths, lock, options)
    show_outcome(paths, ending, options.command(spec), new_results=True, as_json=json_)


def _show_dry_run(submission: Submission, *, as_json: bool) -> None:
    from campaign.check.campaign_proof import proof_sentence
    from campaign.check.output.json import to_json
    from campaign.cli.console import print_json, stdout
    from campaign.cli.views import plan_tables

    _warn(submission)
    plan, runs, proof = submission.plan, submission.runs, submission.proof
    if as_json:
        found: dict[str, Any] = {
            "check": proof.verdict,
            "proof": to_json(proof, submission.options.allow_confounds),
        }
        document = plan_tables.as_json(plan, submission.facts)
        found["missing_packages"] = submission.missing_packages
        print_json({**document, **found, "would_start": [run.id for run in runs]})
        return
    plan_tables.show(plan, submission.facts, stdout(), verbose=False)
    stdout().print(plan_tables.hanging("check: ", proof_sentence(proof), stdout().width))
    for problem in submission.missing_packages:
        stdout().print(plan_tables.hanging("not installed: ", problem, stdout().width))
    stdout().print(f"dry run: {len(runs)} of {len(plan.runs)} runs would be started; none was")


def _warn(submission: Submission) -> None:
    from campaign.cli.console import stderr

    for warning in (submission.warning, submission.stale):
        if warning:
            stderr().print(warning, style="yellow", soft_wrap=True)


def _announce(submission: Submission) -> None:
    from campaign.cli.console import stderr

    console, plan = stderr(), submission.plan
    done = sum(run.action == "skip" for run in plan.runs)
    others = f", {done} are done" if done else ""
    console.print(
        f"{plan.name}: {len(submission.runs)} of {len(plan.runs)} runs to do{others}; "
        f"folder {submission.paths.root}",
        soft_wrap=True,
    )
    for note in plan.notes:
        console.print(f"note: {note}", style="dim")
    console.print(f"starting the {submission.backend} backend ...", style="dim")


def _controller_log(paths: CampaignPaths, lock: CampaignLock) -> IO[bytes]:
    from campaign.errors import UsageError
    from campaign.folder.regular_files import reason_of

    try:
        # Opening a FIFO would wait for a reader.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK
        return os.fdopen(os.open(paths.controller_log, flags, 0o666), "ab")
    except OSError as error:
        lock.release()
        raise UsageError(f"the output of a detached submit cannot be written: {reason_of(error)}") from error


def _detach(submission: Submission, lock: CampaignLock, *, as_json: bool) -> None:
    """Start the controller in a separate session. It inherits the lock, which is therefore never free meanwhile."""
    from campaign.cli.console import print_json, stdout
    from campaign.cli.views.outcome_tables import show_next
    from campaign.execution.locate import name_to_type

    paths, options = submission.paths, submission.options
    command = [
        sys.executable,
        "-m",
        "campaign.cli.detached",
        str(paths.root.absolute()),
        str(lock.descriptor),
        *options.flags,
    ]
    with _controller_log(paths, lock) as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            start_new_session=True, pass_fds=(lock.descriptor,),
        )  # fmt: skip
    lock.sign(process.pid)
    if as_json:
        print_json(
            {
                "version": VERSION,
                "kind": "detached",
                "pid": process.pid,
                "folder": str(paths.root),
                "log": str(paths.controller_log),
            }
        )
        return
    console = stdout()
    console.print(
        f"process {process.pid} executes {len(submission.runs)} runs; log: {paths.controller_log}",
        soft_wrap=True,
    )
    name = name_to_type(paths)
    show_next(
        [(f"campaign status {name} --watch", "follow the runs"), (f"campaign cancel {name}", "stop them")],
        console,
    )
