"""`python -m campaign.metrics.mirror ATTEMPT_DIR --sink NAME` mirrors the metrics of an attempt into a sink. With
`--squeeze FILE` it only adds the result of LoRA-Squeeze to the summary of a run that has ended.

The mirror is a separate process, so that a slow, broken or unreachable sink can never slow or stop a run, and so
that every kind of core is mirrored. It first replays what earlier attempts of the run logged, because their mirrors may have
died with them and because a sink that is a file has only this attempt. Then it reads the metrics file until the attempt has a `result.json` or the parent
process is gone, sends the rest in bounded time, and ends. Its settings are in `NAME.json` of the attempt's folder,
which the supervisor writes, and its messages in `NAME.log`.

Exit codes: 0 mirrored; 1 something failed, see the log; 2 the settings cannot be used.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from campaign.folder.json_lines import JsonlTail, Row
from campaign.folder.outcome import read_outcome
from campaign.folder.paths import METRICS_FILE, AttemptPaths, RunPaths
from campaign.folder.regular_files import read_regular
from campaign.folder.run_record import (
    RecordFormat,
    RowReader,
    attempt_rows,
    merge_attempts,
    merge_rows,
    step_of,
)
from campaign.folder.untrusted_json import parse_json
from campaign.metrics.sinks import LIMIT_S, SINKS, Sink, UnusableSettings, log_message
from campaign.redact import redact, redact_strings, secret_values

POLL_S = 0.5
NO_METRICS = frozenset({"step", "condition", "seed"})
"""Numbers in a row that are not metrics. A sink gets the step beside them, and the labels in its settings."""


@dataclass(slots=True)
class Ending:
    """Decides when the mirror ends: the attempt has a result, its supervisor is gone, or neither came after a
    SIGTERM."""

    attempt: AttemptPaths
    parent: int
    patience_s: float = 30.0
    """After SIGTERM the core may still checkpoint and write rows; the supervisor's result ends the wait."""
    terminated_at: float | None = None

    def reason(self) -> str | None:
        if read_outcome(self.attempt) is not None:
            return "the attempt ended"
        if os.getppid() != self.parent:
            return "the supervisor is gone"
        if self.terminated_at is not None and time.monotonic() - self.terminated_at > self.patience_s:
            return "terminated"
        return None


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m campaign.metrics.mirror")
    parser.add_argument("attempt", type=Path, metavar="ATTEMPT_DIR")
    parser.add_argument("--sink", choices=SINKS, default="wandb")
    parser.add_argument("--squeeze", type=Path, metavar="FILE")
    arguments = parser.parse_args(argv)
    attempt = AttemptPaths(arguments.attempt.absolute())
    _redirect_output(attempt.sink_log(arguments.sink))
    ending = Ending(attempt, os.getppid())
    _catch_signals(ending)
    _watch(ending, arguments.sink)
    try:
        settings = _read(attempt.sink_settings(arguments.sink))
        sink: Sink | None = import_module(SINKS[arguments.sink]).open_sink(settings, attempt.root)
        if sink is None:
            return 0
        if arguments.squeeze is not None:
            return _add_squeeze(sink, arguments.squeeze)
        return _mirror(attempt, settings, sink, ending)
    except UnusableSettings as error:
        log_message(f"{attempt.sink_settings(arguments.sink).name} {error}")
        return 2
    except BaseException as error:  # W&B may even raise SystemExit; all of it belongs in the log
        log_message(f"failed: {type(error).__name__}: {error}")
        return 1


def _read(path: Path) -> dict[str, Any]:
    """The settings, without secrets in the run's configuration, which a sink may send."""
    try:
        document = parse_json(read_regular(path))
    except (OSError, ValueError) as error:
        raise UnusableSettings(f"cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise UnusableSettings("is not a JSON object")
    if "error" in document:
        raise UnusableSettings(f"could not be created: {document['error']}")
    settings = {key: value for key, value in document.items() if value is not None}
    return settings | {"config": redact(settings.get("config", {}), secret_values())}


def _mirror(attempt: AttemptPaths, settings: Mapping[str, Any], sink: Sink, ending: Ending) -> int:
    labels = RecordFormat.from_config(settings["config"]).labels
    record_format = RecordFormat(
        settings.get("metrics_file", METRICS_FILE), settings.get("metrics_map", {}), labels
    )
    tail = JsonlTail(attempt.root / record_format.metrics_file)
    begin = settings.get("resume_from_step", 0)
    steps = Steps(sink, RowReader(record_format, begin), _earlier_rows(attempt, record_format))
    while (reason := ending.reason()) is None:
        steps.add(tail.read())
        time.sleep(POLL_S)
    steps.add(tail.read(last=True))
    steps.end(begin)
    log_message(f"{reason}; {steps.sent} steps mirrored, {steps.rejected} rows of steps sent before")
    return 0 if sink.finish(_core_exit_code(attempt)) else 1


def _earlier_rows(attempt: AttemptPaths, record_format: RecordFormat) -> list[Row]:
    """The record of the run before this attempt."""
    earlier = [
        other for other in RunPaths(attempt.root.parent.parent).attempts() if other.number < attempt.number
    ]
    return merge_attempts(attempt_rows(other, record_format) for other in earlier)


def _add_squeeze(sink: Sink, squeeze: Path) -> int:
    found = parse_json(read_regular(squeeze))
    figures = {f"squeeze/variance_kept/rank_{row['rank']}": row["mean_variance"] for row in found["ranks"]}
    figures |= {f"squeeze/{name}": found[name] for name in ("recommended_rank", "min_variance_retention")}
    sink.summarize(figures)
    complete = sink.finish(0)
    log_message(f"added {squeeze.name} to the summary")
    return 0 if complete else 1


class Steps:
    """Sends the steps of a run to a sink, by the merge rule of `campaign.folder.run_record`: those of earlier
    attempts up to the first row of this one, then its own.

    Sinks such as W&B accept each step once, in ascending order, and cannot change a step later. Rows of the newest
    step are therefore merged until the next one begins; a row of an earlier step, or of one that the sink already
    has, is not sent. Only the record on disk has those.
    """

    def __init__(self, sink: Sink, reader: RowReader, earlier: Sequence[Row] = ()) -> None:
        self._sink = sink
        self._secrets = secret_values()
        self._reader = reader
        self._earlier = earlier
        self._first_new = sink.first_step
        self._newest: Row = {}
        self.sent = 0
        self.rejected = 0
        """Rows that came too late."""

    def add(self, logged: Iterable[Row]) -> None:
        for row in map(self._reader.row, logged):
            step = step_of(row)
            if step is None:
                continue
            self._replay(step)
            row["step"] = step
            if step == self._newest.get("step"):
                self._newest = merge_rows(self._newest, row)
            elif step < self._first_new:
                self.rejected += 1
            else:
                self.send()
                self._newest, self._first_new = row, step + 1

    def send(self) -> None:
        """Send the newest step, which is complete."""
        if self._newest:
            self._send(self._newest)
            self._newest = {}

    def end(self, begin: int) -> None:
        """Send what is left; `begin`: the finished steps of the checkpoint from which the attempt began."""
        if self._earlier:  # it has logged nothing
            counted_from = min(1, self._earlier[0]["step"])
            self._replay(begin + counted_from)
        self.send()

    def _replay(self, before: int) -> None:
        """Send the steps of earlier attempts before the first one of this attempt, unless the sink has them."""
        for row in self._earlier:
            if self._first_new <= row["step"] < before:
                self._send(row)
                self._first_new = row["step"] + 1
        self._earlier = ()

    def _send(self, row: Row) -> None:
        metrics = {name: value for name, value in row.items() if name not in NO_METRICS and _is_finite(value)}
        self._sink.log(row["step"], redact_strings(metrics, self._secrets))
        self.sent += 1


def _is_finite(value: Any) -> bool:
    """Whether a value is a number that JSON has: NaN and infinities are null in the record, which is no value."""
    return isinstance(value, (int, float)) and abs(value) <= sys.float_info.max


def _core_exit_code(attempt: AttemptPaths) -> int:
    """The exit code of the core, or 1 when it has none; W&B shows a run as failed unless it is 0."""
    outcome = read_outcome(attempt)
    return 1 if outcome is None or outcome.exit_code is None else outcome.exit_code


def _redirect_output(path: Path) -> None:
    """Redirect the output of this process, and of any process that the sink starts, to the log."""
    try:
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK, 0o644)
    except OSError as error:
        log_message(f"cannot open the log: {error}")
        return
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def _catch_signals(ending: Ending) -> None:
    def terminate(signum: int, frame: object) -> None:  # noqa: ARG001
        if ending.terminated_at is None:
            ending.terminated_at = time.monotonic()

    signal.signal(signal.SIGTERM, terminate)
    # A Ctrl-C reaches the whole group, but the supervisor decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _watch(ending: Ending, sink: str) -> None:
    """End the process `LIMIT_S` after it should have ended, because calls of a sink can hang."""

    def watch() -> None:
        while ending.reason() is None:
            time.sleep(POLL_S)
        time.sleep(LIMIT_S)
        log_message(f"{sink} took more than {LIMIT_S:.0f} s to end; giving up")
        os._exit(1)

    threading.Thread(target=watch, name="mirror-watch", daemon=True).start()


if __name__ == "__main__":
    raise SystemExit(main())
