"""`python -m campaign.metrics.mirror ATTEMPT_DIR` mirrors the metrics of an attempt into W&B. With
`--squeeze FILE` it only adds the result of LoRA-Squeeze to the summary of a run that has ended.

The mirror is a separate process, so that a slow, broken or unreachable W&B can never slow or stop a run, and so
that every kind of core is mirrored. It reads the metrics file until the attempt has a `result.json` or the parent
process is gone, uploads the rest in bounded time, and ends. Its messages are in `wandb.log`.

Exit codes: 0 mirrored; 1 something failed, see the log; 2 `wandb.json` cannot be used.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from campaign.folder.json_lines import JsonlTail, Row
from campaign.folder.outcome import read_outcome
from campaign.folder.paths import METRICS_FILE, AttemptPaths
from campaign.folder.run_record import RecordFormat, RowReader, merge_rows
from campaign.metrics.redact import redact, redact_text, secret_values
from campaign.metrics.wandb_access import has_api_key, refusal

Mode = Literal["auto", "online", "offline", "disabled"]

POLL_S = 0.5
INIT_TIMEOUT_S = 10.0
MARGIN_S = 8.0
"""Seconds for everything else. The mirror has ended at the latest half a minute after the attempt."""
LABELS = frozenset({"condition", "seed"})
"""Fields of every row that W&B has as name, group and tags of the run, and that are no curves."""


@dataclass(frozen=True, slots=True)
class MirrorSettings:
    """The content of ATTEMPT_DIR/wandb.json, which the supervisor writes."""

    project: str
    id: str
    """Stable per run, so that all its attempts continue one W&B run."""
    name: str
    group: str
    mode: Mode = "auto"
    entity: str | None = None
    tags: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    dir: str | None = None
    """The folder for W&B's files; by default the attempt's."""
    resume_from_step: int | None = None
    """The first step this attempt writes, when an earlier attempt came before it."""
    metrics_file: str = METRICS_FILE
    metrics_map: Mapping[str, str] = field(default_factory=dict)
    finish_timeout_s: float = 10.0

    @classmethod
    def read(cls, path: Path) -> MirrorSettings:
        """Ignores keys that this version does not know. Raises `ValueError` when the file cannot be used."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ValueError(f"cannot read {path.name}: {error}") from error
        if not isinstance(document, dict):
            raise ValueError(f"{path.name} does not hold a JSON object")
        missing = [name for name in ("project", "id", "name", "group") if not document.get(name)]
        if missing:
            raise ValueError(f"{path.name} lacks {', '.join(missing)}")
        names = {item.name for item in fields(cls)}
        values = {key: value for key, value in document.items() if key in names and value is not None}
        return cls(**values | {"tags": tuple(values.get("tags", ()))})


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
        if self.attempt.result.exists():
            return "the attempt ended"
        if os.getppid() != self.parent:
            return "the supervisor is gone"
        if self.terminated_at is not None and time.monotonic() - self.terminated_at > self.patience_s:
            return "terminated"
        return None


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m campaign.metrics.mirror")
    parser.add_argument("attempt", type=Path, metavar="ATTEMPT_DIR")
    parser.add_argument("--squeeze", type=Path, metavar="FILE")
    arguments = parser.parse_args(argv)
    attempt = AttemptPaths(arguments.attempt.absolute())
    _redirect_output(attempt.mirror_log)
    ending = Ending(attempt, os.getppid())
    _catch_signals(ending)
    try:
        settings = MirrorSettings.read(attempt.mirror)
    except ValueError as error:
        _log(str(error))
        return 2
    if settings.mode == "disabled":
        return 0
    _watch(ending, INIT_TIMEOUT_S + settings.finish_timeout_s + MARGIN_S)
    try:
        if arguments.squeeze is not None:
            return _add_squeeze(attempt, settings, arguments.squeeze)
        return _mirror(attempt, settings, ending)
    except BaseException as error:  # W&B may even raise SystemExit; all of it belongs in the log
        _log(f"failed: {type(error).__name__}: {error}")
        return 1


def _mirror(attempt: AttemptPaths, settings: MirrorSettings, ending: Ending) -> int:
    run, code = _open(attempt, settings)
    run.define_metric("*", step_metric="step")
    tail = JsonlTail(attempt.root / settings.metrics_file)
    upload = _Upload(run, settings)
    while (reason := ending.reason()) is None:
        upload.add(tail.read())
        time.sleep(POLL_S)
    upload.add(tail.read(last=True))
    _log(f"{reason}; {upload.steps} steps mirrored, {upload.rejected} rows of steps that W&B already had")
    run.finish(exit_code=_core_exit_code(attempt))
    return code


def _add_squeeze(attempt: AttemptPaths, settings: MirrorSettings, squeeze: Path) -> int:
    document = json.loads(squeeze.read_text(encoding="utf-8"))
    run, code = _open(attempt, settings)
    for choice in document["ranks"]:
        run.summary[f"squeeze/variance_kept/rank_{choice['rank']}"] = choice["mean_variance"]
    run.summary["squeeze/recommended_rank"] = document["recommended_rank"]
    run.summary["squeeze/min_variance_retention"] = document["min_variance_retention"]
    run.finish()
    _log(f"added {squeeze.name} to the summary")
    return code


class _Upload:
    """Sends the rows of one attempt to W&B, by the merge rule of `campaign.folder.run_record`.

    W&B accepts each step once, in ascending order, and cannot change a step once the next one has begun. Rows of
    the newest step are therefore merged; a row of an earlier step, or of one that an earlier attempt mirrored, is
    not sent. Only the record on disk has those.
    """

    def __init__(self, run: Any, settings: MirrorSettings) -> None:
        self._run = run
        record_format = RecordFormat(settings.metrics_file, settings.metrics_map)
        self._reader = RowReader(record_format, settings.resume_from_step or 0)
        self._first_new = int(getattr(run, "starting_step", 0) or 0)
        self._newest: Row = {}
        self.steps = 0
        """Number of steps sent."""
        self.rejected = 0
        """Number of rows that came too late for W&B."""

    def add(self, logged: Iterable[Row]) -> None:
        for row in map(self._reader.row, logged):
            step = row["step"]
            if isinstance(step, int) and not isinstance(step, bool):
                self._add(step, row)

    def _add(self, step: int, row: Row) -> None:
        if step == self._newest.get("step"):
            self._newest = merge_rows(self._newest, row)
        elif step < self._first_new:
            self.rejected += 1
            return
        else:
            self._newest, self._first_new = row, step + 1
            self.steps += 1
        values = {
            key: value for key, value in self._newest.items() if key not in LABELS and _is_metric(value)
        }
        self._run.log({**values, "step": step}, step=step)


def _is_metric(value: Any) -> bool:
    return isinstance(value, (int, float, bool))


def _open(attempt: AttemptPaths, settings: MirrorSettings) -> tuple[Any, int]:
    """The W&B run and the exit code so far. When the server is unreachable, the run is recorded offline, and
    `campaign sync` uploads it later."""
    mode = settings.mode
    if mode == "auto":
        mode = "online" if has_api_key() else "offline"
    folder = Path(settings.dir) if settings.dir else attempt.root
    if mode == "online":
        try:
            if why := refusal():
                raise ConnectionError(why)
            return _init(settings, "online", folder), 0
        except Exception as error:
            _log(f"online failed: {error}")
            _log("recording offline instead; `campaign sync` uploads it")
            _teardown()
            return _init(settings, "offline", folder), 1
    return _init(settings, "offline", folder), 0


def _init(settings: MirrorSettings, mode: Mode, folder: Path) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):  # W&B would silently use a temporary folder instead
        raise PermissionError(f"{folder} is not writable")
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    import wandb

    return wandb.init(
        project=settings.project,
        entity=settings.entity,
        id=settings.id,
        name=settings.name,
        group=settings.group,
        job_type="train",
        tags=[tag[:64] for tag in settings.tags],  # W&B refuses longer ones
        config=redact(dict(settings.config), secret_values()),
        dir=str(folder),
        resume="allow",
        settings=_wandb_settings(settings, mode),
    )


def _wandb_settings(settings: MirrorSettings, mode: Mode) -> Any:
    """Settings by which W&B prints nothing, takes bounded time, and sends only the metrics: no code, git state,
    packages or console output, which the campaign records itself. System metrics are sent only for runs with a
    GPU."""
    import wandb

    settings_by_name: dict[str, Any] = {
        "mode": mode,
        "console": "off",
        "silent": True,
        "save_code": False,
        "disable_code": True,
        "disable_git": True,
        "disable_job_creation": True,
        "init_timeout": INIT_TIMEOUT_S,
        "login_timeout": INIT_TIMEOUT_S,
        "finish_timeout": settings.finish_timeout_s,
        "x_disable_meta": True,
        "x_disable_stats": not _uses_gpu(settings.config),
        "x_save_requirements": False,
    }
    # Names come and go between versions of W&B, and it refuses settings that it does not know.
    accepted = getattr(wandb.Settings, "model_fields", settings_by_name)
    return wandb.Settings(**{key: value for key, value in settings_by_name.items() if key in accepted})


def _uses_gpu(config: Mapping[str, Any]) -> bool:
    resources = config.get("resources")
    return isinstance(resources, Mapping) and bool(resources.get("num_gpus"))


def _core_exit_code(attempt: AttemptPaths) -> int:
    """The exit code of the core, or 1 when it has none; W&B shows a run as failed unless it is 0."""
    outcome = read_outcome(attempt)
    return 1 if outcome is None or outcome.exit_code is None else outcome.exit_code


def _teardown() -> None:
    """End W&B's service process, which still holds the run that could not be opened."""
    if "wandb" not in sys.modules:
        return
    import wandb

    try:
        wandb.teardown(exit_code=1)
    except Exception as error:
        _log(f"teardown: {error}")


def _redirect_output(path: Path) -> None:
    """Redirect the output of this process, and of W&B's service process, to the log."""
    try:
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as error:
        _log(f"cannot open the log: {error}")
        return
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def _log(message: str) -> None:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    sys.stderr.write(f"{stamp} {redact_text(message, secret_values())}\n")
    sys.stderr.flush()


def _catch_signals(ending: Ending) -> None:
    def terminate(signum: int, frame: object) -> None:  # noqa: ARG001
        if ending.terminated_at is None:
            ending.terminated_at = time.monotonic()

    signal.signal(signal.SIGTERM, terminate)
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # a Ctrl-C reaches the whole group, but the supervisor decides


def _watch(ending: Ending, limit_s: float) -> None:
    """End the process `limit_s` seconds after it should have ended, because calls of W&B can hang."""

    def watch() -> None:
        while ending.reason() is None:
            time.sleep(POLL_S)
        time.sleep(limit_s)
        _log(f"W&B took more than {limit_s:.0f} s to end; giving up")
        os._exit(1)

    threading.Thread(target=watch, name="mirror-watch", daemon=True).start()


if __name__ == "__main__":
    raise SystemExit(main())
