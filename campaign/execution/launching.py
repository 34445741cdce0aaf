"""Builds the assignment of a run's next attempt from the run's configuration."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from campaign.execution.assignment import Assignment
from campaign.execution.checkpoints import FROM_THE_BEGINNING, Resumption
from campaign.execution.supervisor import source_changed
from campaign.folder.paths import RunPaths
from campaign.folder.plan_document import plan_or_empty
from campaign.metrics.sinks import SINKS
from campaign.spec.config import RunConfig
from campaign.spec.identity import identity
from campaign.spec.run_config import config_to_json
from campaign.spec.source_code import changed_source, local_files, search_path


def assignment(
    config: RunConfig,
    run: RunPaths,
    number: int,
    epoch: int,
    *,
    workdir: Path,
    stop_file: Path | None = None,
    start: Resumption = FROM_THE_BEGINNING,
    import_path: tuple[str, ...] = (),
    provenance: str = "",
    planned_source: bool = False,
) -> Assignment:
    """The assignment of attempt `number`, which begins at `start`.

    With `planned_source`, the attempt is refused when the source code is no longer the one that the configuration
    records: its result would carry the hash of other code.
    """
    attempt = run.attempt(number).root.absolute()
    checkpoint = start.checkpoint
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
        first_step=start.step,
        metrics_file=config.core.metrics_file,
        note=f"{start.passed_over}: the run resumes at step {start.step}" if start.passed_over else "",
        grace_s=config.retry.grace_s,
        lease_s=config.retry.lease_s,
        sinks=sink_settings(config, run, number, checkpoint.step if checkpoint else None),
        provenance=provenance,
        **(_source_checks(config, workdir.absolute(), import_path) if planned_source else {}),
    )


def _source_checks(config: RunConfig, workdir: Path, import_path: tuple[str, ...]) -> dict[str, Any]:
    path = search_path(workdir, import_path)
    changed = changed_source(config, workdir, path)
    return {
        "refused": source_changed(changed) if changed else "",
        # Checked again by the supervisor, because the attempt may wait for resources.
        "sources": local_files(config, workdir, path),
    }


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


def sink_settings(
    config: RunConfig, run: RunPaths, number: int, resume_step: int | None = None
) -> dict[str, dict[str, Any]]:
    """The settings of each metrics sink that the run uses, by name."""
    version, _, digest = identity(config).partition(":")
    common = {
        # The same for all attempts, so that a resumed run continues its curve; another identity is another run.
        "id": f"{config.campaign or 'run'}-{config.run_id}-{version}{digest[:8]}",
        "name": config.run_id,
        "config": config_to_json(config),
        "dir": str(run.attempt(number).root.absolute()),
        "metrics_file": config.core.metrics_file,
        "metrics_map": dict(config.core.metrics_map),
        "resume_from_step": resume_step,
        "replays": True,
    }
    found: dict[str, dict[str, Any]] = {}
    for name, module in SINKS.items():
        try:
            own = import_module(module).settings(config)
            json.dumps(own)  # an assignment crosses process boundaries as JSON
        except Exception as error:  # a sink can never stop a run: its mirror ends with this message
            own = {"error": f"{type(error).__name__}: {error}"}
        if own is not None:
            found[name] = {**common, **own}
    return found


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
