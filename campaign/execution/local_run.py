"""Executes one run without a campaign: the same folder, supervisor and record, but no Ray and no store."""

from __future__ import annotations

import shutil
from pathlib import Path

from campaign.errors import UsageError
from campaign.execution import checkpoints
from campaign.execution.fence import raise_fence
from campaign.execution.launching import assignment, origin
from campaign.execution.lock import CampaignLock
from campaign.execution.orphans import end_orphans
from campaign.execution.run_summary import record_format
from campaign.execution.settled_run import SettledRun, settle_run
from campaign.execution.supervisor import supervise
from campaign.folder.outcome import Outcome
from campaign.folder.paths import CampaignPaths, RunPaths
from campaign.folder.run_record import show_live
from campaign.spec.config import RunConfig
from campaign.spec.headline import Headline
from campaign.spec.identity import identity
from campaign.spec.run_config import read_run_config


def prepare(config: RunConfig, config_file: Path, folder: Path) -> RunPaths:
    """Prepare `folder` for the run. Raises `UsageError` when it holds another run, or a run of a campaign."""
    run = RunPaths(folder)
    if config_file.absolute() == run.config.absolute() and run.campaign.database.exists():
        raise UsageError(f"{folder} belongs to a campaign: give another folder with --out")
    if folder.exists() and not run.config.is_file() and any(folder.iterdir()):
        raise UsageError(f"{folder} holds something else: give another folder with --out")
    if run.config.is_file() and identity(read_run_config(run.config)) != identity(config):
        raise UsageError(f"{folder} holds a run with other settings: give another folder with --out")
    folder.mkdir(parents=True, exist_ok=True)
    if not run.config.is_file():
        shutil.copyfile(config_file, run.config)
    return run


def execute(config: RunConfig, config_file: Path, run: RunPaths) -> tuple[Outcome, SettledRun]:
    """Execute the run's next attempt, from its last checkpoint. Returns how it ended and what its record holds."""
    # The lock of a campaign in the run's folder: two `campaign run` of one folder would fence each other out.
    lock = CampaignLock.acquire(CampaignPaths(run.root))
    try:
        run.cancel.unlink(missing_ok=True)  # of an earlier call
        end_orphans(run.root)
        claimed = run.attempts()
        number = claimed[-1].number + 1 if claimed else 1
        workdir = origin(config_file) or Path.cwd()
        start = checkpoints.resumption(run, record_format(config))
        raise_fence(run, number)
        show_live(run, run.attempt(number), config.core.metrics_file)
        order = assignment(
            config, run, number, epoch=1, workdir=workdir, start=start,
            import_path=(str(workdir), str(Path.cwd())),
        )  # fmt: skip
        outcome = supervise(order, devices=None if config.resources.num_gpus else "")
        return outcome, settle_run(run, config, outcome, Headline())
    finally:
        lock.release()
