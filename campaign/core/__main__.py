"""`python -m campaign.core CONFIG.toml --out DIR [--resume CHECKPOINT]`: one run, in this process.

Exit codes: 0 the last step is done; 75 asked to stop, and there is a checkpoint to go on from; otherwise that
of the error (see `campaign.errors`).
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from pathlib import Path

from campaign.core.stopping import StopRequest
from campaign.errors import CampaignError, Interrupted, RunsFailed, UsageError
from campaign.folder.states import FINISHED_EXIT_CODE, STOPPED_EXIT_CODE

STORAGE_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Disk, quota, or file size exhausted."""


def main(arguments: list[str] | None = None) -> int:
    stop = StopRequest()
    stop.listen()
    parser = argparse.ArgumentParser(prog="python -m campaign.core", description="One run, in this process.")
    parser.add_argument("config", type=Path, help="a resolved configuration, such as runs/<id>/config.toml")
    parser.add_argument("--out", type=Path, required=True, help="folder that gets metrics and checkpoints")
    parser.add_argument("--resume", type=Path, help="checkpoint folder to go on from")
    parser.add_argument("--debug", action="store_true", help="show tracebacks of errors in the configuration")
    parsed = parser.parse_args(arguments)
    try:
        finished = _run(parsed.config, parsed.out, parsed.resume, stop)
    except CampaignError as error:
        if parsed.debug or os.environ.get("CAMPAIGN_DEBUG"):
            raise
        sys.stderr.write(f"campaign.core: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:  # the second Ctrl-C: the first asks for a checkpoint
        return Interrupted.exit_code
    return FINISHED_EXIT_CODE if finished else STOPPED_EXIT_CODE


def _run(config_path: Path, out: Path, resume: Path | None, stop: StopRequest) -> bool:
    from campaign.folder.paths import AttemptPaths
    from campaign.spec.run_config import read_run_config

    config = read_run_config(config_path)
    folder = AttemptPaths(out)
    data_folder = config_path.resolve().parent
    try:
        if config.core.entrypoint:
            from campaign.core.context import run_entrypoint

            return run_entrypoint(config.core.entrypoint, config, folder, resume, stop)
        import torch

        from campaign.core.trainer import Trainer

        torch.set_num_threads(config.training.threads)
        return Trainer(config, folder, data_folder, resume).run(stop)
    except OSError as error:
        if error.errno in STORAGE_FULL:
            raise RunsFailed(
                f"no space left for {error.filename or out}; checkpoints before it are complete"
            ) from error
        if error.filename and not config.core.entrypoint:  # of an entry point, its author needs the traceback
            raise UsageError(f"{error.filename}: {error.strerror}") from error
        raise


if __name__ == "__main__":
    raise SystemExit(main())
