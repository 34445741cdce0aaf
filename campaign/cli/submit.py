"""`campaign submit`: run what is missing."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaign.errors import CampaignError

if TYPE_CHECKING:
    from campaign.execution.controller import Ending
    from campaign.execution.lock import CampaignLock
    from campaign.folder.paths import CampaignPaths
    from campaign.spec.planned_runs import Facts, Plan, PlannedRun
    from campaign.spec.spec import Spec

VERSION = 1


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the flags of one submit ask for."""

    spec: Path
    retry_failed: bool = False
    rerun_stale: bool = False
    address: str | None = None
    allow_confounds: str | None = None
    json: bool = False


def submit(
    spec: Annotated[Path, typer.Argument(help="Campaign TOML.", show_default=False)],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Go on in the background; the prompt comes back at once.")
    ] = False,
    address: Annotated[
        str | None,
        typer.Option(
            "--address", envvar="CAMPAIGN_RAY_ADDRESS", help="HOST:PORT of a Ray cluster.", show_default=False
        ),
    ] = None,
    dir_: Annotated[
        Path | None,
        typer.Option("--dir", help="The campaign's folder.  [default: campaigns/NAME]", show_default=False),
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try failed runs again.")] = False,
    rerun_stale: Annotated[
        bool, typer.Option("--rerun-stale", help="Repeat runs that were done with other settings.")
    ] = False,
    allow_confounds: Annotated[
        str | None,
        typer.Option(
            "--allow-confounds", metavar="REASON", help="Run although conditions differ elsewhere; why.",
            show_default=False,
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="One JSON document at the end.")] = False,
) -> None:  # fmt: skip
    """Run what is missing."""
    from campaign.cli.conclusion import conclude
    from campaign.execution.locate import campaigns_root
    from campaign.execution.lock import CampaignLock
    from campaign.folder.paths import CampaignPaths
    from campaign.spec.load import load

    loaded = load(spec)
    paths = CampaignPaths(dir_ or campaigns_root() / loaded.name)
    wishes = Wishes(spec, retry_failed, rerun_stale, address, allow_confounds, json_)
    if dry_run:
        _dry_run(loaded, paths, wishes)
        return
    lock = CampaignLock.acquire(paths)
    plan, chosen = _prepare(loaded, paths, wishes)
    if not chosen:
        lock.release()
    elif detach:
        _detach(paths, lock, wishes, len(chosen))
        return
    else:
        _greet(plan, chosen, paths)
    ending = foreground(paths, lock, address) if chosen else "complete"
    conclude(paths, ending, spec, fresh=bool(chosen), as_json=json_)


def foreground(paths: CampaignPaths, lock: CampaignLock, address: str | None) -> Ending:
    """Run the campaign in this process, with a display on stderr."""
    from campaign.cli.console import stderr
    from campaign.cli.live import Throttle, display
    from campaign.execution.session import run_session
    from campaign.execution.view import CampaignReader

    shown = display(stderr(), hint="Ctrl-C stops: runs save their state, submit goes on")
    reader = CampaignReader(paths)

    def stopping(why: Ending) -> None:
        again = "; again to stop at once" if why == "interrupted" else ""
        shown.say(f"stopping: the runs save their state{again}")

    try:
        return run_session(
            paths, lock, make_backend(paths, address), on_turn=Throttle(reader.read, shown), on_stop=stopping
        )
    finally:
        with contextlib.suppress(CampaignError, OSError):
            shown.update(reader.read())
        shown.close()
        reader.close()


def make_backend(paths: CampaignPaths, address: str | None) -> Any:
    """Ray as the campaign's spec and the flags want it."""
    from campaign.execution.ray_backend import RayBackend
    from campaign.execution.store_reader import StoreReader
    from campaign.spec.config import RaySection

    with StoreReader.open(paths) as store:
        rows = store.one_of_each_config()
        settings = store.config(rows[0]).ray if rows else RaySection()
    return RayBackend(settings.model_copy(update={"address": address}) if address else settings)


def _dry_run(loaded: Spec, paths: CampaignPaths, wishes: Wishes) -> None:
    from campaign.cli.console import print_json, stdout
    from campaign.cli.plan_view import as_json, show
    from campaign.cli.preflight import preflight
    from campaign.execution.enrolment import runs_to_start

    plan, facts = _plan(loaded, paths, own_lock=False)
    proof = preflight(plan, wishes.spec, wishes.allow_confounds)
    chosen = runs_to_start(plan, facts, retry_failed=wishes.retry_failed, rerun_stale=wishes.rerun_stale)
    if wishes.json:
        started = [run.id for run in chosen]
        print_json({**as_json(plan, facts), "check": proof.verdict, "would_start": started})
        return
    show(plan, facts, stdout(), verbose=False)
    stdout().print(f"dry run: {len(chosen)} of {len(plan.runs)} runs would be started; nothing was")


def _plan(loaded: Spec, paths: CampaignPaths, *, own_lock: bool) -> tuple[Plan, Facts]:
    from campaign.execution.facts import gather_facts
    from campaign.spec.host import on_this_machine
    from campaign.spec.resolve import resolve

    facts = on_this_machine(gather_facts(paths, own_lock=own_lock))
    return resolve(loaded, facts), facts


def _prepare(loaded: Spec, paths: CampaignPaths, wishes: Wishes) -> tuple[Plan, list[PlannedRun]]:
    """Plan under the lock, so that nothing changes between the look and the deed; then write it all down."""
    from campaign.check.output.json import to_json
    from campaign.cli.preflight import preflight
    from campaign.execution.enrolment import enrol, runs_to_start, write_folder
    from campaign.execution.store import Store
    from campaign.folder.atomic_files import write_json
    from campaign.spec.hypotheses import freeze, keep_frozen, read_hypotheses
    from campaign.spec.plan_json import plan_to_json

    plan, facts = _plan(loaded, paths, own_lock=True)
    proof = preflight(plan, wishes.spec, wishes.allow_confounds)
    chosen = runs_to_start(plan, facts, retry_failed=wishes.retry_failed, rerun_stale=wishes.rerun_stale)
    write_folder(
        paths, loaded.text, {**plan_to_json(plan), "provenance": _origin(paths, wishes.spec, chosen)}
    )
    write_json(paths.check, to_json(proof, wishes.allow_confounds))
    claims, labels = read_hypotheses(plan.hypotheses), [condition.label for condition in plan.conditions]
    keep_frozen(paths.frozen, freeze(claims, plan.seeds, plan.looks, labels))
    store = Store.open(paths)
    try:
        enrol(paths, store, plan, chosen)
    finally:
        store.close()
    return plan, chosen


def _origin(paths: CampaignPaths, spec: Path, chosen: list[PlannedRun]) -> dict[str, Any]:
    """Where the runs come from. A submit that starts none keeps what the last one that did has written."""
    from campaign.execution.provenance import provenance
    from campaign.folder.atomic_files import read_json

    kept = (read_json(paths.plan) or {}).get("provenance") if not chosen else None
    if isinstance(kept, dict):
        return kept
    workdir = spec.absolute().parent
    return {**provenance(workdir), "import_path": [str(workdir), os.getcwd()], "spec": str(spec)}


def _greet(plan: Plan, chosen: list[PlannedRun], paths: CampaignPaths) -> None:
    from campaign.cli.console import stderr

    console = stderr()
    done = sum(run.action == "skip" for run in plan.runs)
    kept = f", {done} are done" if done else ""
    console.print(
        f"{plan.name}: {len(chosen)} of {len(plan.runs)} runs to do{kept}; folder {paths.root}",
        soft_wrap=True,
    )
    for note in plan.notes:
        console.print(f"note: {note}", style="dim")
    console.print("starting Ray ...", style="dim")


def _detach(paths: CampaignPaths, lock: CampaignLock, wishes: Wishes, runs: int) -> None:
    """A controller in a session of its own, which inherits the lock: there is no moment without a holder."""
    from campaign.cli.console import print_json, stdout
    from campaign.cli.results import show_next
    from campaign.execution.locate import name_to_type

    command = [
        sys.executable,
        "-m",
        "campaign.cli.detached",
        str(paths.root.absolute()),
        str(lock.descriptor),
    ]
    if wishes.address:
        command += ["--address", wishes.address]
    with paths.controller_log.open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            start_new_session=True, pass_fds=(lock.descriptor,),
        )  # fmt: skip
    lock.sign(process.pid)
    if wishes.json:
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
    console.print(f"{runs} runs go on in process {process.pid}; log: {paths.controller_log}", soft_wrap=True)
    name = name_to_type(paths)
    show_next(
        [(f"campaign status {name} --watch", "follow the runs"), (f"campaign cancel {name}", "stop them")],
        console,
    )
