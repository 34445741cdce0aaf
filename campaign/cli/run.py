"""`campaign run`: one run on this machine, without Ray."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from campaign.folder.outcome import Outcome
    from campaign.folder.paths import RunPaths
    from campaign.spec.config import RunConfig

WATCH_S = 1.0


def run(
    config: Annotated[Path, typer.Argument(help="A run's config.toml.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", help="The run's folder (default: its id).", show_default=False)
    ] = None,
) -> None:
    """Execute one run on this machine, without Ray. In the same folder it resumes from its last checkpoint."""
    from campaign.cli.console import stdout
    from campaign.errors import MissingPackage
    from campaign.execution.local_run import execute, prepare
    from campaign.execution.needed_packages import missing_packages
    from campaign.spec.run_config import read_run_config

    settings = read_run_config(config)
    if missing := missing_packages([settings], backend=None):
        raise MissingPackage("\n    ".join(missing))
    folder = prepare(settings, config, out or Path(settings.run_id.strip("_") or "run"))
    sys.stderr.write(f"{settings.run_id}: {folder.root}; Ctrl-C saves its state and stops it\n")
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(folder, settings, ended), daemon=True)
    watcher.start()
    try:
        with CtrlCCancels(folder):
            outcome, summary = execute(settings, config, folder)
    finally:
        ended.set()
        watcher.join()
    _raise_for(outcome, settings, folder, config)
    rate = summary.get("correct_rate")
    measured = "" if rate is None else f", correct rate {rate:.3f}"
    stdout().print(f"{settings.run_id}: {summary['steps']} steps{measured}; {folder.metrics}", soft_wrap=True)


def _watch(folder: RunPaths, config: RunConfig, ended: threading.Event) -> None:
    """Print a line on stderr for every tenth of the steps."""
    from campaign.execution.progress import ProgressReader
    from campaign.execution.run_summary import record_format

    reader, printed = ProgressReader(), 0
    while not ended.wait(WATCH_S):
        progress = reader.read(folder.metrics, record_format(config))
        tenth = progress.steps * 10 // config.training.max_steps if progress else 0
        if progress and tenth > printed:
            printed = tenth
            rate = "" if progress.correct_rate is None else f", correct rate {progress.correct_rate:.2f}"
            sys.stderr.write(f"step {progress.steps}/{config.training.max_steps}{rate}\n")


class CtrlCCancels:
    """The first Ctrl-C or SIGTERM makes the core save and end; a second one ends it immediately."""

    def __init__(self, folder: RunPaths) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        from campaign.execution.fence import request_cancel

        def handle(*_: object) -> None:
            if self._folder.cancel.exists():
                raise KeyboardInterrupt
            request_cancel(self._folder)

        self._before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _raise_for(outcome: Outcome, config: RunConfig, folder: RunPaths, config_file: Path) -> None:
    from campaign.errors import Interrupted, RunsFailed

    if outcome.kind == "finished":
        return
    if outcome.kind == "stopped":
        raise Interrupted(f"stopped; resume: campaign run {config_file} --out {folder.root}")
    log = folder.attempt(outcome.number).log
    raise RunsFailed(f"{config.run_id} failed: {outcome.message}\n    {log}")
