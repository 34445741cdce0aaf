"""`campaign run`: one run on this machine, without Ray."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from campaign.errors import CampaignError
    from campaign.execution.settled_run import SettledRun
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
    from campaign.cli.console import reader_may_leave, stdout
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
    cancels = CtrlCCancels(folder)
    try:
        with cancels:
            outcome, settled = execute(settings, config, folder)
    except KeyboardInterrupt:
        raise cancels.error(config) from None
    finally:
        ended.set()
        watcher.join()
    if outcome.kind == "stopped" or (settled.shortfall and outcome.reason):
        raise cancels.error(config)
    _raise_for(outcome, settled, settings, folder)
    summary = settled.summary
    rate = summary.get("final")
    measured = "" if rate is None else f", correct rate {rate:.3f}"
    with reader_may_leave():
        said = f"{settings.run_id}: {summary['steps']} steps{measured}; {folder.metrics}"
        stdout().print(said, soft_wrap=True)


def _watch(folder: RunPaths, config: RunConfig, ended: threading.Event) -> None:
    """Print a line on stderr for every tenth of the steps."""
    from campaign.cli.console import reader_may_leave
    from campaign.execution.progress import ProgressReader
    from campaign.execution.run_summary import record_format

    reader, printed = ProgressReader(), 0
    while not ended.wait(WATCH_S):
        progress = reader.read(folder.metrics, record_format(config))
        tenth = progress.steps * 10 // config.training.max_steps if progress else 0
        if progress and tenth > printed:
            printed = tenth
            rate = "" if progress.value is None else f", correct rate {progress.value:.2f}"
            with reader_may_leave():
                sys.stderr.write(f"step {progress.steps}/{config.training.max_steps}{rate}\n")


class CtrlCCancels:
    """The first Ctrl-C, SIGTERM or SIGHUP makes the core save and end; a second Ctrl-C or SIGTERM ends it
    immediately."""

    def __init__(self, folder: RunPaths) -> None:
        self._folder = folder
        self._first = 0

    def __enter__(self) -> CtrlCCancels:
        from campaign.execution.fence import request_cancel

        def handle(number: int, _: object) -> None:
            if self._folder.cancel.exists():
                if number == signal.SIGHUP:
                    return  # a closed terminal may send two
                raise KeyboardInterrupt
            self._first = number
            request_cancel(self._folder)

        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        # Under nohup, SIGHUP is ignored, and stays so.
        kept = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
        self._before = {number: signal.signal(number, handle) for number in kept}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def error(self, config_file: Path) -> CampaignError:
        """What a run that was stopped is reported as: 130 after Ctrl-C, 5 after another signal."""
        from campaign.errors import Incomplete, Interrupted

        category = Incomplete if self._first in (signal.SIGTERM, signal.SIGHUP) else Interrupted
        return category(f"stopped; resume: campaign run {config_file} --out {self._folder.root}")


def _raise_for(outcome: Outcome, settled: SettledRun, config: RunConfig, folder: RunPaths) -> None:
    from campaign.errors import RunsFailed

    found = settled.shortfall
    if outcome.kind == "finished" and found is None:
        return
    log = folder.attempt(outcome.number).log
    if found:
        raise RunsFailed(f"{config.run_id} is {found.state}: {found.reason}\n    {log}")
    raise RunsFailed(f"{config.run_id} failed: {outcome.message}\n    {log}")
