"""Metrics sinks: services and files outside a run's record that show its metrics, such as W&B.

**A sink can never stop a run.** The JSONL record is the truth, and a sink only mirrors it. For each attempt, each
enabled sink has its own process, `campaign.metrics.mirror`. An exception there ends only that process, with a
message in `<name>.log` of the attempt's folder; a call that hangs is cut off `LIMIT_S` after the attempt.

To add one: a module with the functions of `SinkModule`, a row in `SINKS`, and its keys in `LoggingSection` of
`campaign.spec.config`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from campaign.redact import shown

if TYPE_CHECKING:  # the mirrors, one process per attempt, start without pydantic
    from campaign.spec.config import RunConfig

SINKS: dict[str, str] = {
    "wandb": "campaign.metrics.wandb_sink",
}
"""Name -> module. The name is also that of the sink's files in an attempt's folder, `<name>.json` and `<name>.log`."""

LIMIT_S = 28.0
"""Seconds that a sink has after the end of the attempt. Its process has ended within half a minute."""


class SinkModule(Protocol):
    """The module of a sink. It imports its library inside functions: a controller imports every sink's module."""

    def settings(self, config: RunConfig) -> Mapping[str, Any] | None:
        """The sink's own settings, which must be JSON; None when the run does not use this sink.

        The controller calls this before each attempt, so it must not wait for anything. Settings common to all
        sinks are added to the result: `id` (of run and identity, the same for all attempts), `name` (of the run),
        `config` (the run's configuration), `dir` (the attempt's folder), and how to read the record. An exception
        disables the sink for the attempt, and its log has the message.
        """

    def open_sink(self, settings: Mapping[str, Any], folder: Path) -> Sink | None:
        """Open the sink in the mirror's process; None when the settings disable it after all.

        `settings` holds no null, and its `config` no secret. `folder` is the attempt's. A later call for the same
        run must add to what is there: further attempts continue the run, and figures that are known only after
        the attempt are added by opening the sink again. Raises `UnusableSettings`.
        """


class Sink(Protocol):
    """One run in an opened sink. It is used from one thread, and any method may raise."""

    first_step: int
    """Rows of earlier steps are not sent, because the sink has them already; 0 for a sink that cannot tell."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Add the metrics of one step. Each step arrives once, complete, and in ascending order; first those of earlier
        attempts, from `first_step`."""

    def summarize(self, values: Mapping[str, float]) -> None:
        """Add figures of the whole run. A sink that cannot show any ignores them."""

    def finish(self, exit_code: int) -> bool:
        """Send what is left and close. `exit_code` is the core's, 0 for success.

        False when something did not reach the destination that the user chose; the log says what.
        """


class UnusableSettings(ValueError):
    """Raised with the end of a sentence whose subject is the settings file, such as "lacks project"."""


def log_message(message: str) -> None:
    """Write a line without secrets and control characters to the sink's log, which is the stderr of the mirror's process."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    sys.stderr.write(f"{stamp} {shown(message)}\n")
    sys.stderr.flush()
