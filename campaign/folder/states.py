"""The states of a run, and the exit codes by which a core reports how it ended."""

from __future__ import annotations

from typing import Literal

RunState = Literal[
    "pending", "queued", "starting", "running", "lost", "interrupted", "done", "short", "failed", "cancelled"
]
"""The state of a run. The store keeps seven of these; the other three (queued, starting, interrupted) are derived
when a campaign is displayed.

pending: no attempt is live, and the next one starts as soon as resources are free.
queued: an attempt is launched but waits for resources inside the backend.
starting: an attempt is live but its core has not logged a step yet.
running: an attempt is live.
lost: it is unknown whether the latest attempt is still alive; its lease is running out.
interrupted: the latest attempt stopped or vanished, and no controller runs that could start the next; `submit` does.
done: the core exited with 0, and its merged record is complete.
short: the core exited with 0, but its record ends before the planned last step, or steps are missing from it;
`submit --retry-failed` resumes it.
failed: the core failed or was lost more often than `[retry]` allows, or it exited with 0 and left no record that can
be read; `submit --retry-failed` tries again.
cancelled: the user stopped the run; the next `submit` resumes it.
"""

ENDED: frozenset[RunState] = frozenset({"done", "short", "failed", "cancelled"})
"""States in which no further attempt starts until the next submit."""
FAILED: tuple[RunState, ...] = ("failed", "short")
"""Ended states of runs that have no result; only `submit --retry-failed` starts them again."""

FINISHED_EXIT_CODE = 0
"""The core has completed its last step."""
STOPPED_EXIT_CODE = 75
"""The core was asked to stop and saved a checkpoint (EX_TEMPFAIL: the same command resumes)."""
