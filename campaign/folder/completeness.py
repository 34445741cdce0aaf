"""Whether the record of a run is complete: the condition under which a run is done.

**The rule.** The record of a complete run reaches the planned last step, and no steps are missing from it. Its last
row may be that of step N - 1 or N of N, because some cores count steps from 0 and others from 1. The built-in core logs every
step. Other cores may log every tenth: their usual interval is taken from their own logs, and steps count as missing
where a gap is longer than that, for example between the last row of one attempt and the step from which the next resumed.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from campaign.folder.atomic_files import read_json, write_json
from campaign.folder.json_lines import damaged_lines, read_jsonl
from campaign.folder.paths import AttemptPaths, RunPaths
from campaign.folder.run_record import RecordFormat, attempt_rows, first_step, step_of

MOST_NAMES = 8
"""Names of files or keys that a reason lists."""
LABELS = frozenset({"condition", "seed", "core_condition", "core_seed"})
NO_METRICS = LABELS | {"step", "time"}
"""Keys of a row that are not metrics."""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Why a record is not that of a complete run."""

    state: Literal["short", "failed"]
    """short: there is a record, but not all of it. failed: there is none that can be read."""
    reason: str


def shortfall(
    run: RunPaths, rows: Sequence[Mapping[str, Any]], record_format: RecordFormat
) -> Shortfall | None:
    """Why `rows`, the merged record of a run whose core exited with 0, is not complete; None when it is."""
    if reason := _unreadable(run, rows, record_format):
        return Shortfall("failed", reason)
    log = StepLog.of(run, record_format)
    if missing := log.missing():
        return Shortfall("short", missing_words(missing))
    last, planned = rows[-1]["step"], record_format.steps
    if record_format.early_stopping:
        return None
    # Where it is unknown from which number the core counts, the step may be the last one of either count.
    before = 1 if log.first_logged == 1 else 0
    if planned is not None and last - before + log.interval < planned:
        return Shortfall("short", f"its record ends after {last - before + 1} of {planned} steps")
    return None


def keep_shortfall(run: RunPaths, found: Shortfall | None) -> None:
    """Write beside the merged record whether it is complete, for readers that have no store."""
    write_json(run.completeness, {"complete": found is None, **(asdict(found) if found else {})})


def read_shortfall(run: RunPaths) -> Shortfall | None:
    """What `keep_shortfall` wrote; None for a complete record, and for one of which nothing was written."""
    document = read_json(run.completeness) or {}
    state, reason = document.get("state"), document.get("reason")
    if document.get("complete") is not False or state not in ("short", "failed"):
        return None
    return Shortfall(state, str(reason))


@dataclass(frozen=True, slots=True)
class AttemptSteps:
    """The steps that one attempt logged."""

    first: int | None
    """The step it was started from; None when its core never started."""
    steps: tuple[int, ...]
    """Ascending, without repeats."""
    damaged: bool
    """Whether its log has lines that cannot be read, so that a gap in it need not be the core's own."""


@dataclass(frozen=True, slots=True)
class StepLog:
    """The steps in the logs of a run's attempts, oldest first."""

    attempts: tuple[AttemptSteps, ...]
    every_step: bool = False

    @classmethod
    def of(cls, run: RunPaths, record_format: RecordFormat) -> StepLog:
        return cls(
            tuple(_steps(attempt, record_format) for attempt in run.attempts()), record_format.every_step
        )

    @property
    def first_logged(self) -> int:
        """The lowest step of any row; 0 without rows."""
        return min((attempt.steps[0] for attempt in self.attempts if attempt.steps), default=0)

    @property
    def base(self) -> int:
        """The number of the first step: 0, or 1 when the core counts from 1."""
        if self.every_step or self.first_logged <= 1:
            return 0 if self.every_step else self.first_logged
        # Neither row 0 nor row 1: after `n` finished steps, the next row is `n` when counted from 0.
        begun = (attempt for attempt in self.attempts if attempt.steps)
        return 0 if any(attempt.steps[0] == attempt.first for attempt in begun) else 1

    @property
    def interval(self) -> int:
        """The usual number of steps from one row to the next."""
        distances = self._distances()
        return 1 if self.every_step or not distances else statistics.median_high(distances)

    @property
    def longest(self) -> int:
        """The longest distance between two rows that is the core's own. Rows of one attempt are lost only together with
        the end of its log, or as lines that cannot be read."""
        if self.every_step:
            return 1
        if not self._distances():
            # Single rows, such as that of one evaluation at the end: they stand for the steps since their attempt began.
            base = self.base
            return max(
                (each.steps[0] - base + 1 - (each.first or 0) for each in self.attempts if each.steps),
                default=1,
            )
        return max(self._distances(undamaged_only=True), default=self.interval)

    def _distances(self, *, undamaged_only: bool = False) -> list[int]:
        return [
            later - earlier
            for attempt in self.attempts
            if not (undamaged_only and attempt.damaged)
            for earlier, later in itertools.pairwise(attempt.steps)
        ]

    def missing(self, before: int | None = None, attempts: int | None = None) -> list[tuple[int, int]]:
        """The ranges of steps (first, last) that are missing from the record of the first `attempts` attempts, up
        to the checkpoint with `before` finished steps; of all attempts and steps when not given."""
        base, longest = self.base, self.longest
        limit = before
        holes: list[tuple[int, int]] = []
        # From the latest attempt back: each descends from the steps of earlier ones before the step it started from.
        for attempt in reversed(self.attempts[:attempts]):
            # `limit` finished steps end with row `limit - 1`, or `limit` when counted from 1.
            steps = [step for step in attempt.steps if limit is None or step < limit + base]
            begin = self._begin(attempt, steps, limit)
            end = limit if limit is not None else (steps[-1] - base + 1 if steps else begin)
            # The steps around the segment frame it, so that its first and last gap are measured like all others.
            framed = [begin + base - 1, *(step for step in steps if step >= begin + base), end + base]
            holes += [
                (earlier + 1, later - 1)
                for earlier, later in itertools.pairwise(framed)
                if later - earlier > longest
            ]
            limit = begin if limit is None else min(limit, begin)
        if limit and limit >= longest:
            holes.append((base, limit - 1 + base))
        return sorted(holes)

    def _begin(self, attempt: AttemptSteps, steps: Sequence[int], limit: int | None) -> int:
        """The number of finished steps from which the attempt supplies the record.

        Other cores than the built-in one may have checkpoints of their own and resume where campaign knows of none
        (`first` is 0), or ignore the checkpoint and log earlier steps again: then the first row tells.
        """
        logged = steps[0] - self.base if steps else limit
        first = attempt.first if self.every_step else attempt.first or None
        return min((known for known in (first, logged) if known is not None), default=0)


def missing_words(ranges: Sequence[tuple[int, int]]) -> str:
    """`steps 12-19 are missing from its record`."""
    parts = [str(first) if first == last else f"{first}-{last}" for first, last in ranges[:MOST_NAMES]]
    more = f" and {len(ranges) - MOST_NAMES} more gaps" if len(ranges) > MOST_NAMES else ""
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return f"step {parts[0]} is missing from its record"
    return f"steps {', '.join(parts)}{more} are missing from its record"


def _steps(attempt: AttemptPaths, record_format: RecordFormat) -> AttemptSteps:
    log = attempt.root / record_format.metrics_file
    try:
        steps = {step for row in attempt_rows(attempt, record_format) if (step := step_of(row)) is not None}
        # Irrelevant for a core that logs every step: no gap is its own.
        damaged = not record_format.every_step and damaged_lines(log) > 0
    except OSError:  # a folder under the name of the log, for example: its steps are lost
        steps, damaged = set(), True
    return AttemptSteps(first_step(attempt), tuple(sorted(steps)), damaged)


def _unreadable(run: RunPaths, rows: Sequence[Mapping[str, Any]], record_format: RecordFormat) -> str:
    """Why a record has no metrics, with what is there instead; empty when it has some."""
    attempts = run.attempts()
    logs = [attempt.root / record_format.metrics_file for attempt in attempts]
    if not any(log.exists() for log in logs):
        found = _listed(_files(attempts[-1])) if attempts else ""
        if not found:
            return f"no {record_format.metrics_file}; found no other file: the program must write it to {{run_dir}}"
        return (
            f"no {record_format.metrics_file}; found {found}; core.metrics_file names the log, "
            "which has one JSON object per line"
        )
    logged = rows or [row for log in logs for row in read_jsonl(log)]
    keys = sorted({key for row in logged for key in row} - LABELS)
    if not logged:
        return f"{record_format.metrics_file} holds no JSON object; it must have one per line, and CSV is not read"
    if unused := sorted({name for name in record_format.metrics_map.values() if name not in keys}):
        hint = f"; {nested}" if (nested := _nested(logged)) else ""
        return f"metrics_map names {_quoted(unused)}, which no row has; rows have {_quoted(keys)}{hint}"
    if not rows:
        return f"no row has a whole number, 0 or more, as its step; rows have {_quoted(keys)}"
    if not any(_is_number(value) for row in rows for key, value in row.items() if key not in NO_METRICS):
        return f"no row has a metric that is a number; {_nested(logged) or f'rows have {_quoted(keys)}'}"
    return ""


def _files(attempt: AttemptPaths) -> list[str]:
    """What the core left in its folder, without campaign's own files."""
    own = {path.name for path in (attempt.log, attempt.started, attempt.result, attempt.checkpoints)}
    entries = sorted(path for path in attempt.root.iterdir() if path.name not in own)
    return [f"{path.name}/" if path.is_dir() else path.name for path in entries]


def _nested(rows: Sequence[Mapping[str, Any]]) -> str:
    for key, value in ((key, value) for row in rows for key, value in row.items()):
        if isinstance(value, Mapping):
            inner = next(iter(value), "value")
            return (
                f"values of `{key}` are objects, which are not read; log them flat, such as `{key}.{inner}`"
            )
    return ""


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


def _quoted(names: Sequence[str]) -> str:
    return _listed([f"`{name}`" for name in names])


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more
