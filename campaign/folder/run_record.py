"""The record of a run: one row per step under campaign's metric names, merged over the run's attempts.

**The merge rule.** Every reader of a record follows it:

- Within one attempt, rows of the same step are merged by key, and a later value replaces an earlier one. Null is
  no value, and neither are NaN and infinities, which JSON can only write as null.
- Across attempts, the latest attempt that wrote a step supplies the whole row. That attempt resumed from a
  checkpoint before the step, so all later rows descend from its row and from no other.
- A step is a whole number, 0 or more; rows with any other step remain in the log of their attempt only.
- `condition` and `seed` are those of the campaign. Values that the core logs under these names are kept as
  `core_condition` and `core_seed` where they differ.

While an attempt is live, the `metrics.jsonl` of the run is a link to the file that the core writes, in the core's
own names. When the run ends, it is replaced by the merged record, which no reader may rename or merge again.
"""

from __future__ import annotations

import math
import os
import shutil
import stat
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from campaign.folder.atomic_files import link, read_json, sync_folder, write_bytes
from campaign.folder.json_lines import Row, read_jsonl, to_line
from campaign.folder.paths import METRICS_FILE, AttemptPaths, RunPaths
from campaign.folder.regular_files import DamagedFile, read_regular
from campaign.redact import redact_strings, secret_values

MAX_STEP = 2**53
"""Larger numbers are no steps: as floats, in which they are analysed, neighbours could not be told apart."""


@dataclass(frozen=True, slots=True)
class RecordFormat:
    """What the configuration of a run says about the rows that its core logs."""

    metrics_file: str = METRICS_FILE
    """`core.metrics_file`, relative to the attempt's folder."""
    metrics_map: Mapping[str, str] = field(default_factory=dict)
    """`core.metrics_map`: name in the record -> name in the core's log."""
    labels: Mapping[str, Any] = field(default_factory=dict)
    """`condition` and `seed` of every row."""
    steps: int | None = None
    """`training.max_steps`; None when unknown."""
    early_stopping: bool = False
    """Whether the core decides itself where it ends."""
    every_step: bool = False
    """Whether the core logs every step, as the built-in one does; others may log every tenth."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> RecordFormat:
        """Reads the content of a `config.toml`; whatever is missing from it keeps its default."""
        core, training = section(config, "core"), section(config, "training")
        labels = {"condition": config.get("condition"), "seed": training.get("seed")}
        file, names = core.get("metrics_file"), section(core, "metrics_map")
        return cls(
            file if isinstance(file, str) and is_inside(file) else METRICS_FILE,
            {ours: theirs for ours, theirs in names.items() if isinstance(theirs, str)},
            {name: value for name, value in labels.items() if isinstance(value, str | int)},
            steps if isinstance(steps := training.get("max_steps"), int) else None,
            bool(core.get("early_stopping")),
            bool(config) and not (core.get("command") or core.get("entrypoint")),
        )

    def renamed(self, logged: Mapping[str, Any]) -> Row:
        """A logged row with campaign's names added beside the core's own."""
        names = {ours: logged[theirs] for ours, theirs in self.metrics_map.items() if theirs in logged}
        return {**logged, **names}


class RowReader:
    """Turns the rows that one attempt logs, given in order, into rows of the record."""

    def __init__(self, record_format: RecordFormat, first_step: int) -> None:
        self._format = record_format
        self._next = first_step

    def row(self, logged: Mapping[str, Any]) -> Row:
        """`step` comes first. A core that logs no step logs one row per step, so its rows are counted."""
        renamed = self._format.renamed(logged)
        step = renamed.pop("step", self._next)
        self._next += 1
        return labelled(step, self._format.labels, renamed)


def labelled(step: Any, labels: Mapping[str, Any], values: Mapping[str, Any]) -> Row:
    """A row of the record: `step` and the campaign's labels first. A label is what the plan says the run is, so the
    core cannot replace it: a file whose rows name another seed would be taken for another run."""
    kept = {
        f"core_{name}" if name in labels else name: value
        for name, value in values.items()
        if name not in labels or value != labels[name]
    }
    return {"step": step, **labels, **kept}


def read_config(run: RunPaths) -> Mapping[str, Any]:
    """The content of a run's `config.toml`; empty when it is missing or cannot be read."""
    try:
        return tomllib.loads(read_regular(run.config).decode())
    except (OSError, ValueError, RecursionError):
        return {}


def section(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A table of a `config.toml`; empty when it is missing or something else."""
    value = config.get(name)
    return value if isinstance(value, Mapping) else {}


def is_inside(metrics_file: str) -> bool:
    """Whether a `core.metrics_file` stays in the attempt's folder: only the attempt that wrote a file may answer for
    its rows."""
    path = PurePath(metrics_file)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in metrics_file


def record_bytes(run: RunPaths) -> int | None:
    """Size of the merged record; None when there is no such file. By this number, a later reader notices damage."""
    try:
        status = os.lstat(run.metrics)
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def record_problem(run: RunPaths, expected: object) -> str:
    """Why the record of a run that is done cannot be used; empty when it can, as far as one stat shows. `expected` is
    the size of the record when it was merged, if that is known."""
    found = record_bytes(run)
    if found is None:
        return (
            f"{run.metrics} is not a regular file"
            if os.path.lexists(run.metrics)
            else f"{run.metrics} is missing"
        )
    if isinstance(expected, int) and found != expected:
        return f"{run.metrics} was changed: it has {found:,} bytes, and had {expected:,} when the run ended"
    return ""


def is_live(run: RunPaths) -> bool:
    """Whether the run's record still leads into its attempts, or has been replaced by the merged one."""
    try:
        target = Path(os.readlink(run.metrics))
    except OSError:  # no link
        return False
    # A link to anything else was not made by `show_live`: it is damage, which reading it reports.
    return target.parts[:1] == (run.attempts_root.name,) and run.attempts_root.is_dir()


def merged_rows(run: RunPaths, record_format: RecordFormat) -> list[Row]:
    """The record of a run from its attempts, live or not: one row per step, in order."""
    return merge_attempts(attempt_rows(attempt, record_format) for attempt in run.attempts())


def attempt_rows(attempt: AttemptPaths, record_format: RecordFormat) -> Iterator[Row]:
    """The rows that one attempt logged, as rows of the record."""
    reader = RowReader(record_format, first_step(attempt) or 0)
    return map(reader.row, read_jsonl(attempt.root / record_format.metrics_file))


def merge_attempts(attempts: Iterable[Iterable[Row]]) -> list[Row]:
    """The merge rule; `attempts` are given oldest first."""
    merged: dict[int, Row] = {}
    for rows in attempts:
        own: dict[int, Row] = {}
        for row in rows:
            if (step := step_of(row)) is not None:
                own[step] = merge_rows(own.get(step, {}), {**row, "step": step})
        merged |= own
    return [merged[step] for step in sorted(merged)]


def step_of(row: Mapping[str, Any]) -> int | None:
    """The step of a row; None unless it is a whole number, 0 or more. Some loggers write whole numbers as 3.0."""
    step = row.get("step")
    if isinstance(step, float) and step.is_integer():
        step = int(step)
    if not isinstance(step, int) or isinstance(step, bool):
        return None
    return step if 0 <= step < MAX_STEP else None


def merge_rows(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> Row:
    """Two rows that one attempt wrote for the same step, as one."""
    values = {name: value for name, value in later.items() if name not in earlier or _is_value(value)}
    return {**earlier, **values}


def _is_value(value: Any) -> bool:
    return math.isfinite(value) if isinstance(value, float) else value is not None


def finished_steps(first: int, last: int, before: int = 0) -> int:
    """How many steps a log has finished that goes from step `first` to step `last`, after `before` earlier ones.

    Cores count from 0, so that the last of 50 steps is 49, or from 1, so that it is 50. A log that counts from 0
    begins with the number of steps before it; one that begins later logs how many steps are finished.
    """
    return last + 1 if first <= before else last


def first_step(attempt: AttemptPaths) -> int | None:
    """The step an attempt began with; None when its core never started."""
    note = read_json(attempt.started)
    step = note.get("first_step") if note else None
    return step if isinstance(step, int) else None


def show_live(run: RunPaths, attempt: AttemptPaths, metrics_file: str) -> None:
    """Link `metrics.jsonl` and `emergence` of the run to those that `attempt` is about to write."""
    folder = attempt.root.relative_to(run.root)
    if run.emergence.is_dir() and not run.emergence.is_symlink():
        # Merged when the run ended before. Nothing is lost: its attempts still hold every row.
        shutil.rmtree(run.emergence)
    link(run.metrics, str(folder / metrics_file))
    link(run.emergence, str(folder / attempt.emergence.name))


def settle_record(run: RunPaths, record_format: RecordFormat) -> list[Row]:
    """Replace the links by the record merged over all attempts, each file atomically. Returns the rows.

    Raises `DamagedFile` for a file of an attempt that cannot be read.
    """
    if not run.root.is_dir():
        raise DamagedFile(f"{run.root} was deleted while the run was live")
    rows = merged_rows(run, record_format)
    # Content and renames reach the disk before the caller commits that the run has ended. In the other order, a
    # power cut could leave a run that the store calls done without its record.
    write_bytes(run.metrics, _lines(rows))
    _settle_emergence(run)
    sync_folder(run.root)
    return rows


def _settle_emergence(run: RunPaths) -> None:
    fresh = run.root / f".emergence.{os.getpid()}.tmp"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    attempts = run.attempts()
    try:
        for name in (run.emergence_steps.name, run.emergence_generations.name):
            kept = _descending([(attempt, attempt.emergence / name) for attempt in attempts])
            if kept:
                (fresh / name).write_bytes(_lines(kept))
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    empty = not any(fresh.iterdir())
    if run.emergence.is_dir() and not run.emergence.is_symlink():
        shutil.rmtree(run.emergence)
    else:  # a link into the last attempt; of a core's own making perhaps a FIFO, which rmtree would wait for
        run.emergence.unlink(missing_ok=True)
    if empty:
        fresh.rmdir()
    else:
        os.rename(fresh, run.emergence)


def _descending(files: Sequence[tuple[AttemptPaths, Path]]) -> list[Row]:
    """Rows of logs with any number of rows per step: those of each attempt before the step at which a later
    attempt began. Rows of one step cannot be merged by key here, because each is another completion."""
    kept: list[list[Row]] = []
    limit = float("inf")
    for attempt, path in reversed(files):
        rows = [row for row in read_jsonl(path) if (step := step_of(row)) is not None and step < limit]
        if rows:
            kept.append(rows)
            limit = min(limit, first_step(attempt) or 0)
    return [row for rows in reversed(kept) for row in rows]


def _lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """The rows as lines, without the secrets that a core may have logged."""
    secrets = secret_values()
    return "".join(to_line(_redacted(row, secrets)) for row in rows).encode()


def _redacted(row: Mapping[str, Any], secrets: tuple[str, ...]) -> Row:
    """Its condition stays: readers find the run by it, and a password may be an ordinary word."""
    kept = {"condition": row["condition"]} if "condition" in row else {}
    return {**redact_strings(row, secrets), **kept}
