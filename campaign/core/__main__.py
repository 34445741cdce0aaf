"""`python -m campaign.core CONFIG.toml --out DIR [--resume CHECKPOINT]` trains one run in this process.

Exit codes: 0 when the last step is complete; 75 when the run was asked to stop and saved a checkpoint to
resume from; otherwise the exit code of the error (see `campaign.errors`).
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from campaign.core.hub_revision import note_model_revision
from campaign.core.stopping import StopRequest
from campaign.errors import CampaignError, Interrupted, RunsFailed, UsageError
from campaign.extras import BUILT_IN_CORE, require
from campaign.folder.disk_space import STORAGE_FULL
from campaign.folder.states import FINISHED_EXIT_CODE, STOPPED_EXIT_CODE


def main(arguments: list[str] | None = None) -> int:
    stop = StopRequest()
    stop.listen()
    parser = argparse.ArgumentParser(
        prog="python -m campaign.core", description="Train one run in this process."
    )
    parser.add_argument("config", type=Path, help="resolved configuration, for example runs/<id>/config.toml")
    parser.add_argument("--out", type=Path, required=True, help="folder to write metrics and checkpoints to")
    parser.add_argument("--resume", type=Path, help="checkpoint folder to resume from")
    parser.add_argument("--debug", action="store_true", help="print tracebacks of configuration errors")
    parsed = parser.parse_args(arguments)
    try:
        finished = _run(parsed.config, parsed.out, parsed.resume, stop)
    except CampaignError as error:
        if parsed.debug or os.environ.get("CAMPAIGN_DEBUG"):
            raise
        sys.stderr.write(f"campaign.core: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:  # a second Ctrl-C; the first one requests a checkpoint
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

            try:
                return run_entrypoint(config.core.entrypoint, config, folder, resume, stop)
            finally:
                note_model_revision(config.model, folder)
        require("the built-in core", *BUILT_IN_CORE)
        import torch

        from campaign.core.trainer import Trainer

        torch.set_num_threads(config.training.threads)
        trainer = Trainer(config, folder, data_folder, resume)
        note_model_revision(config.model, folder)
        return trainer.run(stop)
    except OSError as error:
        if error.errno in STORAGE_FULL:
            raise RunsFailed(
                f"no space left to write {error.filename or out}; "
                "earlier checkpoints are complete. Free space and resume"
            ) from error
        if error.filename and not config.core.entrypoint:  # authors of entry points need the traceback
            raise UsageError(f"{error.filename}: {error.strerror}") from error
        raise


if __name__ == "__main__":
    raise SystemExit(main())
