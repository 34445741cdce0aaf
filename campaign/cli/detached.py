"""The controller of a detached submit.

python -m campaign.cli.detached FOLDER LOCK_DESCRIPTOR [--dir FOLDER] [--backend NAME] [--address HOST:PORT]
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from pathlib import Path

from campaign.cli.foreground import run_in_foreground, show_outcome, signals_end_it
from campaign.errors import CampaignError
from campaign.execution.lock import CampaignLock
from campaign.folder.paths import CampaignPaths
from campaign.folder.plan_document import plan_or_empty
from campaign.redact import shown
from campaign.submission import SubmitOptions


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m campaign.cli.detached")
    parser.add_argument("folder", type=Path)
    parser.add_argument("lock", type=int)
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--backend")
    parser.add_argument("--address")
    arguments = parser.parse_args()
    paths = CampaignPaths(arguments.folder)
    sys.stderr.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} controller starts\n")
    spec = plan_or_empty(paths.plan).provenance.get("spec", paths.spec)
    options = SubmitOptions(backend=arguments.backend, address=arguments.address, folder=arguments.dir)
    try:
        lock = CampaignLock.inherited(paths, arguments.lock)
        with signals_end_it():
            ending = run_in_foreground(paths, lock, options)
            show_outcome(paths, ending, options.command(Path(spec)), new_results=True)
    except CampaignError as error:
        sys.stderr.write(f"campaign: {shown(str(error))}\n")
        return error.exit_code
    except Exception:
        sys.stderr.write(shown(traceback.format_exc()))
        return 70
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
