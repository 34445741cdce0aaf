"""Builds the assignment of a run's next attempt from the run's configuration."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from campaign.execution.assignment import Assignment
from campaign.execution.checkpoints import Checkpoint
from campaign.folder.paths import RunPaths
from campaign.folder.plan_document import plan_or_empty
from campaign.spec.config import LoggingSection, RunConfig
from campaign.spec.identity import identity
from campaign.spec.run_config import config_to_json


def assignment(
    config: RunConfig,
    run: RunPaths,
    number: int,
    epoch: int,
    *,
    workdir: Path,
    stop_file: Path | None = None,
    checkpoint: Checkpoint | None = None,
    import_path: tuple[str, ...] = (),
) -> Assignment:
    """The assignment of attempt `number`, which resumes from `checkpoint` if there is one."""
    attempt = run.attempt(number).root.absolute()
    resume = str(checkpoint.path.absolute()) if checkpoint else ""
    return Assignment(
        run_id=run.root.name,
        run_folder=str(run.root.absolute()),
        number=number,
        epoch=epoch,
        condition=config.condition,
        seed=config.training.seed,
        command=core_command(config, run.config.absolute(), attempt, resume),
        workdir=str(workdir.absolute()),
        env={**_shared_env(config, import_path), **config.core.env},
        stop_file=str(stop_file.absolute()) if stop_file else "",
        checkpoint=resume,
        first_step=checkpoint.step if checkpoint else 0,
        grace_s=config.retry.grace_s,
        lease_s=config.retry.lease_s,
        mirror=mirror_settings(config, run, number, checkpoint.step if checkpoint else None),
    )


def core_command(config: RunConfig, config_file: Path, attempt: Path, checkpoint: str) -> tuple[str, ...]:
    """The argument vector of the core: the user's command, or `campaign.core` for the built-in core and for entry
    points."""
    if config.core.command is None:
        resume = ("--resume", checkpoint) if checkpoint else ()
        return (sys.executable, "-m", "campaign.core", str(config_file), "--out", str(attempt), *resume)
    values = {
        "{config}": str(config_file),
        "{run_dir}": str(attempt),
        "{seed}": str(config.training.seed),
        "{checkpoint}": checkpoint,
    }
    return tuple(_filled(argument, values) for argument in config.core.command)


def mirror_settings(
    config: RunConfig, run: RunPaths, number: int, resume_step: int | None = None
) -> Mapping[str, Any] | None:
    """The settings of the W&B mirror; None when the run is not mirrored."""
    logging = config.logging
    if not logging.wandb_project or logging.wandb_mode == "disabled":
        return None
    version, _, digest = identity(config).partition(":")
    return {
        "project": logging.wandb_project,
        "entity": logging.wandb_entity,
        "mode": wandb_mode(logging, os.environ),
        "group": config.condition,
        "name": config.run_id,
        # The same for all attempts, so that a resumed run continues its curve; another identity is another run.
        "id": f"{config.campaign or 'run'}-{config.run_id}-{version}{digest[:8]}",
        "tags": [*(name for name in (config.campaign,) if name), f"seed:{config.training.seed}",
                 *logging.wandb_tags],
        "config": config_to_json(config),
        "dir": str(run.attempt(number).root.absolute()),
        "job_type": "train",
        "metrics_file": config.core.metrics_file,
        "metrics_map": dict(config.core.metrics_map),
        "resume_from_step": resume_step,
    }  # fmt: skip


def wandb_mode(logging: LoggingSection, environment: Mapping[str, str]) -> str:
    """The mode in the spec; for `auto`, that of W&B's own variable. The mirror resolves a remaining `auto` by
    looking for an API key."""
    if logging.wandb_mode == "auto" and environment.get("WANDB_MODE") in ("offline", "online", "disabled"):
        return environment["WANDB_MODE"]
    return logging.wandb_mode


def origin(config_file: Path) -> Path | None:
    """For the `config.toml` of a campaign's run, the folder in which the campaign executes its runs."""
    workdir = plan_or_empty(RunPaths(config_file.parent).campaign.plan).provenance.get("workdir")
    return Path(workdir) if isinstance(workdir, str) and Path(workdir).is_dir() else None


def _shared_env(config: RunConfig, import_path: tuple[str, ...]) -> dict[str, str]:
    inherited = os.environ.get("PYTHONPATH", "")
    path = [*import_path, *(part for part in inherited.split(os.pathsep) if part)]
    # Several runs share a machine. By default each would start as many threads as there are cores.
    threads = str(config.training.threads)
    env = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    return {**env, "PYTHONPATH": os.pathsep.join(dict.fromkeys(path))} if path else env


def _filled(argument: str, values: Mapping[str, str]) -> str:
    for placeholder, value in values.items():
        argument = argument.replace(placeholder, value)
    return argument
