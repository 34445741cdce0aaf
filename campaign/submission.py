"""Submitting a campaign: plan, proof, enrolment, execution.

The command line and `campaign.load(spec).submit()` call the same functions. Nothing here prints: what a caller may
want to show is returned, or handed to a callback.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaign.check.campaign_proof import proof_sentence, prove_spec
from campaign.check.findings import CheckResult
from campaign.check.output.json import to_json
from campaign.check.output.text import to_text
from campaign.errors import (
    CampaignError,
    Confounded,
    Incomplete,
    Interrupted,
    MissingPackage,
    RunsFailed,
    StaleRuns,
    UsageError,
)
from campaign.execution.backend import require_backend
from campaign.execution.controller import Ending
from campaign.execution.enrolment import enrol, runs_to_start, write_folder
from campaign.execution.facts import gather_facts
from campaign.execution.headline_values import refresh_summaries
from campaign.execution.lock import CampaignLock
from campaign.execution.needed_packages import missing_packages
from campaign.execution.provenance import provenance
from campaign.execution.session import campaign_backend, run_session
from campaign.execution.store import Store
from campaign.execution.unlogged_metrics import observed, with_unlogged
from campaign.execution.view import CampaignReader, CampaignView, read_view
from campaign.extras import REPORT_PAGE, problem_with
from campaign.folder.atomic_files import read_json, write_json
from campaign.folder.disk_space import STORAGE_FULL, explained_full_disk
from campaign.folder.paths import CampaignPaths
from campaign.folder.plan_document import PlanDocument, plan_or_empty
from campaign.folder.regular_files import reason_of
from campaign.folder.states import FAILED
from campaign.spec.config_secrets import refuse_secrets
from campaign.spec.headline import headline_of
from campaign.spec.host import with_host_resources
from campaign.spec.hypotheses import Observed, freeze, keep_frozen, read_hypotheses
from campaign.spec.plan_json import plan_to_json
from campaign.spec.planned_runs import Facts, Plan, PlannedRun
from campaign.spec.resolve import resolve
from campaign.spec.spec import Spec
from campaign.spec.stale import stale_sentence

PROGRESS_INTERVAL_S = 0.5
REPORT_TIMEOUT_S = 300.0
HOW_TO_PROCEED = """Make the fields equal, or name them in `under_test` if they belong to the question;
--allow-confounds REASON runs the campaign anyway, and every report shows the reason."""


@dataclass(frozen=True, slots=True)
class SubmitOptions:
    """The options of one submit that are not in the spec."""

    retry_failed: bool = False
    """Whether to retry runs that have failed for good."""
    rerun_stale: bool = False
    """Whether to repeat runs that are done under another identity."""
    allow_confounds: str | None = None
    """Reason for running although the conditions differ outside the fields under test. Every report shows it."""
    backend: str | None = None
    """Name of the backend; the spec's `execution.backend` when not given."""
    address: str | None = None
    """HOST:PORT of a Ray cluster; selects the Ray backend unless `backend` is given."""
    folder: Path | None = None
    """The campaign's folder, when it is not the default one."""

    @property
    def flags(self) -> list[str]:
        """The flags of `campaign submit` that a resuming command must repeat."""
        named = (("--dir", self.folder), ("--backend", self.backend), ("--address", self.address))
        return [part for flag, value in named if value is not None for part in (flag, str(value))]

    def command(self, spec: Path) -> str:
        """The command that resumes the campaign in the same folder and on the same backend."""
        return shlex.join(["campaign", "submit", str(spec), *self.flags])


@dataclass(frozen=True, slots=True)
class Submission:
    """A submit that is planned and proven, and not yet written to disk."""

    spec: Spec
    paths: CampaignPaths
    options: SubmitOptions
    plan: Plan
    facts: Facts
    proof: CheckResult
    runs: tuple[PlannedRun, ...]
    """The runs that the submit starts."""

    @property
    def warning(self) -> str:
        """What the proof leaves open; "" when the conditions are proven or there is nothing to compare."""
        if self.proof.verdict == "confound":
            return f"{proof_sentence(self.proof)}; allowed: {self.options.allow_confounds}"
        if self.proof.verdict == "unproven":
            return f"{proof_sentence(self.proof)}; see: campaign check {self.spec.path}"
        return ""

    @property
    def stale(self) -> str:
        """The runs that keep a result of other settings than the spec's; "" when there are none."""
        started = {run.id for run in self.runs}
        left = {
            run.id: (run.reason.partition(" with ")[2],)
            for run in self.plan.runs
            if run.action == "stale" and run.id not in started
        }
        if not left:
            return ""
        return f"{_count_stale(len(left))} and will not be repeated without --rerun-stale: {stale_sentence(left)}"

    @property
    def backend(self) -> str:
        """Name of the backend that executes the runs."""
        if self.options.backend or not self.options.address:
            return self.options.backend or self.spec.base.execution.backend
        return "ray"

    @property
    def missing_packages(self) -> list[str]:
        """What this installation lacks to execute the runs."""
        configs = (condition.config for condition in self.plan.conditions)
        return missing_packages(configs, self.backend, self.options.address)


def plan_submission(
    spec: Spec,
    paths: CampaignPaths,
    options: SubmitOptions,
    *,
    own_lock: bool = False,
    width: int = 100,
    import_modules: bool = False,
) -> Submission:
    """Plan and prove a submit; no side effect. `own_lock`: the caller holds the campaign's lock.

    With `import_modules`, the proof also verifies that importing the conditions' modules gives what evaluating them
    gives. Raises `Confounded`, with the findings in `width` columns, when the conditions differ outside the fields under
    test and `options` allow no confounds; `SpecError` when a condition holds a secret; `UsageError` for an unknown
    backend or a blank reason.
    """
    if options.backend is not None:
        require_backend(options.backend)
    if options.allow_confounds is not None and not options.allow_confounds.strip():
        raise UsageError(
            "--allow-confounds needs a reason, which every report shows; for example "
            '--allow-confounds "the learning rate must follow the batch size"'
        )
    facts = with_host_resources(gather_facts(paths, own_lock=own_lock))
    plan = with_unlogged(resolve(spec, facts), facts, paths)
    refuse_secrets(plan.conditions, spec.path, os.environ)
    proof = prove_spec(spec, plan, import_modules=import_modules)
    if proof.verdict == "confound" and options.allow_confounds is None:
        findings = to_text(proof, width, False, False).rstrip()
        raise Confounded(f"nothing was started: {proof_sentence(proof)}\n\n{findings}\n\n{HOW_TO_PROCEED}")
    runs = runs_to_start(plan, retry_failed=options.retry_failed, rerun_stale=options.rerun_stale)
    return Submission(spec, paths, options, plan, facts, proof, tuple(runs))


def open_submission(
    spec: Spec, paths: CampaignPaths, options: SubmitOptions, *, width: int = 100
) -> tuple[Submission, CampaignLock]:
    """Plan, prove and enrol a submit under the campaign's lock, which the caller must release.

    Planning happens under the lock because another controller could change the runs between the plan and its
    enrolment. Raises as `plan_submission` does, `UsageError` when another controller holds the lock, and
    `MissingPackage` when this installation cannot execute the runs.
    """
    with _usable(paths):
        lock = CampaignLock.acquire(paths)
    try:
        with explained_full_disk(paths.root):
            submission = plan_submission(
                spec, paths, options, own_lock=True, width=width, import_modules=True
            )
            if submission.runs and (missing := submission.missing_packages):
                raise MissingPackage("nothing was started: " + "\n    ".join(missing))
            with _usable(paths):
                record_submission(submission)
    except BaseException:
        lock.release()
        raise
    return submission, lock


@contextlib.contextmanager
def _usable(paths: CampaignPaths) -> Iterator[None]:
    """Turn the errors of a folder that cannot hold a campaign, such as a file in its place, into a sentence."""
    try:
        yield
    except OSError as error:
        if isinstance(error, CampaignError) or error.errno in STORAGE_FULL:
            raise
        raise UsageError(f"{paths.root} cannot hold the campaign: {reason_of(error)}") from error


def record_submission(submission: Submission) -> None:
    """Write the campaign's folder and enrol its runs in the store."""
    paths, plan = submission.paths, submission.plan
    document = {**plan_to_json(plan), "provenance": _provenance(submission)}
    write_folder(paths, submission.spec.text, document)
    found = to_json(submission.proof, submission.options.allow_confounds, read_json(paths.check))
    write_json(paths.check, found)
    claims, labels = read_hypotheses(plan.hypotheses), [condition.label for condition in plan.conditions]
    declared = freeze(claims, plan.seeds, plan.looks, labels)
    # A record that is gone is not written again after rows were seen: it would freeze what they suggest.
    if os.path.lexists(paths.frozen) or observed(paths) == Observed():
        keep_frozen(paths.frozen, declared, lambda: observed(paths))
    store = Store.open(paths)
    try:
        enrol(paths, store, plan, submission.runs)
        refresh_summaries(paths, store, headline_of(PlanDocument.from_json(document)))
    finally:
        store.close()


def submit(
    spec: Spec,
    paths: CampaignPaths,
    options: SubmitOptions,
    on_progress: Callable[[CampaignView], None] | None = None,
) -> CampaignView:
    """Run what is missing, in this process; returns the campaign's final state.

    `on_progress` gets the campaign's state about twice per second. Raises as `open_submission` and `require_complete`
    do.
    """
    submission, lock = open_submission(spec, paths, options)
    ending: Ending = "complete"
    if submission.runs:
        ending = execute(submission.paths, lock, options, on_progress)
    else:
        lock.release()
    view = read_view(paths)
    require_complete(view, ending, options.command(spec.path))
    return view


def execute(
    paths: CampaignPaths,
    lock: CampaignLock,
    options: SubmitOptions,
    on_progress: Callable[[CampaignView], None] | None = None,
    on_stop: Callable[[Ending], None] = lambda _: None,
) -> Ending:
    """Run the enrolled runs until they are done or stopped; releases the lock."""
    try:
        backend = campaign_backend(paths, options.backend, options.address)
        reader = CampaignReader(paths)
    except BaseException:
        lock.release()
        raise
    turn = _ThrottledProgress(reader, on_progress) if on_progress else lambda: None
    try:
        return run_session(paths, lock, backend, on_turn=turn, on_stop=on_stop)
    finally:
        reader.close()


class _ThrottledProgress:
    """Reads the campaign and passes it on, at most every half second and for at most a tenth of the time: reading
    thousands of runs must not slow down the controller that executes them."""

    def __init__(self, reader: CampaignReader, on_progress: Callable[[CampaignView], None]) -> None:
        self._reader, self._on_progress = reader, on_progress
        self._next = 0.0

    def __call__(self) -> None:
        start = time.monotonic()
        if start < self._next:
            return
        with contextlib.suppress(CampaignError, OSError):  # an unreadable file must never stop the runs
            self._on_progress(self._reader.read())
        cost = time.monotonic() - start
        self._next = time.monotonic() + max(PROGRESS_INTERVAL_S, 9 * cost)


def require_complete(view: CampaignView, ending: Ending, command: str) -> None:
    """Raises `RunsFailed`, `StaleRuns`, `Incomplete` or `Interrupted`, with the `command` to resume, unless every run is
    done with the settings of the spec."""
    left = len(view.runs) - view.count("done", *FAILED)
    resume = f"resume: {command}"
    stale = _stale_and_how_to_repeat(view, command)
    also = f"\n{stale}" if stale else ""
    if ending == "interrupted":
        raise Interrupted(f"interrupted, {_runs(left)} left; their state is saved\n    {resume}")
    if ending == "stopped":
        raise Incomplete(f"stopped, {_runs(left)} left; their state is saved\n    {resume}")
    failed, short = view.count("failed"), view.count("short")
    if failed or short:
        retry = f"retry: {command} --retry-failed"
        parts = [f"{_runs(failed)} failed"] * bool(failed) + [f"{_runs(short)} short"] * bool(short)
        rest = f", {_runs(left)} not finished" if left else ""
        early = any(run.state == "short" and "record ends" in run.error for run in view.runs)
        by_design = "\n    if runs may end early by design, set core.early_stopping = true first" * early
        raise RunsFailed(f"{', '.join(parts)}{rest}\n    {retry}{by_design}{also}")
    if left:
        raise Incomplete(f"{_runs(left)} left ({view.count('cancelled')} cancelled)\n    {resume}{also}")
    if stale:
        raise StaleRuns(stale)


def _stale_and_how_to_repeat(view: CampaignView, command: str) -> str:
    if not view.stale:
        return ""
    return (
        f"{_count_stale(len(view.stale))}, so no comparison has them: {stale_sentence(view.stale)}\n"
        f"    repeat: {command} --rerun-stale"
    )


def build_report_in_subprocess(paths: CampaignPaths) -> tuple[Path | None, str]:
    """The page of a new report, or None and what went wrong. A crash in it cannot end the submit."""
    if missing := problem_with("the page", *REPORT_PAGE):
        return None, missing
    code = (
        "import sys; from pathlib import Path; from campaign.report.build import build_report; "
        "sys.stdout.write(f'\\n{build_report(Path(sys.argv[1]))}')"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, str(paths.root)],
            capture_output=True,
            text=True,
            timeout=REPORT_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return None, str(error)
    if done.returncode:
        return None, (done.stderr.strip().splitlines() or ["no message"])[-1]
    return Path(done.stdout.strip().splitlines()[-1]), ""


def _provenance(submission: Submission) -> dict[str, Any]:
    """Where the runs come from. A submit that starts none keeps the provenance of the last one that did."""
    if not submission.runs and (kept := plan_or_empty(submission.paths.plan).provenance):
        return dict(kept)
    spec = submission.spec.path
    workdir = spec.absolute().parent
    return {
        **provenance(workdir),
        "import_path": [str(workdir), os.getcwd()],
        "spec": str(spec),
        "backend": submission.backend,
    }


def _count_stale(number: int) -> str:
    verb = "is" if number == 1 else "are"
    return f"{_runs(number)} {verb} stale (done with other settings than the spec's)"


def _runs(number: int) -> str:
    return f"{number} run{'s' * (number != 1)}"
