"""`python -m campaign.metrics.mirror ATTEMPT_DIR` mirrors an attempt's `metrics.jsonl` into W&B; with
`--squeeze FILE` it adds what LoRA-Squeeze found to the summary of a run that has ended, and nothing else.

A process of its own, so that a W&B that is slow, broken or out of reach can never slow or stop a run, and
so that every kind of core is covered. It follows the file until the attempt has a `result.json` (or its
parent is gone), uploads what is left in bounded time, and ends. What it has to say is in the log.

Exit codes: 0 mirrored as asked; 1 something failed, the log says what; 2 `wandb.json` cannot be used.
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

from campaign.metrics.redact import redact, redact_text, secret_values
from campaign.metrics.tail import JsonlTail, with_our_names
from campaign.metrics.wandb_access import has_api_key, refusal

Mode = Literal["auto", "online", "offline", "disabled"]

POLL_S = 0.5
INIT_TIMEOUT_S = 10.0
MARGIN_S = 8.0
"""Seconds for everything else: a run is mirrored or left alone half a minute after it ended."""
LABELS = frozenset({"condition", "seed"})
"""Fields of every row that are the run's name, group and tags in W&B, not curves."""


@dataclass(frozen=True, slots=True)
class MirrorSettings:
    """What the supervisor writes into ATTEMPT_DIR/wandb.json."""

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
    """Where W&B keeps its files; the attempt's folder when not given."""
    resume_from_step: int | None = None
    """The first step this attempt writes, when an earlier attempt came before it."""
    metrics_file: str = "metrics.jsonl"
    metrics_map: Mapping[str, str] = field(default_factory=dict)
    finish_timeout_s: float = 10.0

    @classmethod
    def read(cls, path: Path) -> MirrorSettings:
        """Raises `ValueError` with the reason; keys this version does not know are passed over."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ValueError(f"cannot read {path.name}: {error}") from error
        if not isinstance(document, dict):
            raise ValueError(f"{path.name} holds no object")
        missing = [name for name in ("project", "id", "name", "group") if not document.get(name)]
        if missing:
            raise ValueError(f"{path.name} lacks {', '.join(missing)}")
        known = {item.name for item in fields(cls)}
        values = {key: value for key, value in document.items() if key in known and value is not None}
        return cls(**values | {"tags": tuple(values.get("tags", ()))})


@dataclass(slots=True)
class Ending:
    """Why the mirror should end: the attempt has a result, its supervisor is gone, or a SIGTERM was not
    followed by either."""

    result: Path
    parent: int
    patience_s: float = 30.0
    """After SIGTERM the core may still checkpoint and write rows; the supervisor's result ends the wait."""
    terminated_at: float | None = None

    def reason(self) -> str | None:
        if self.result.exists():
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
    attempt = arguments.attempt.absolute()
    _redirect_output(attempt / "wandb.log")
    ending = Ending(attempt / "result.json", os.getppid())
    _catch_signals(ending)
    try:
        settings = MirrorSettings.read(attempt / "wandb.json")
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
    except BaseException as error:  # whatever W&B raises, SystemExit included, stays here
        _log(f"failed: {type(error).__name__}: {error}")
        return 1


def _mirror(attempt: Path, settings: MirrorSettings, ending: Ending) -> int:
    run, code = _open(attempt, settings)
    run.define_metric("*", step_metric="step")
    tail = JsonlTail(attempt / settings.metrics_file)
    written = _Steps(first_new=int(getattr(run, "starting_step", 0) or 0))
    while (reason := ending.reason()) is None:
        _log_rows(run, tail.read(), settings, written)
        time.sleep(POLL_S)
    _log_rows(run, tail.read(last=True), settings, written)
    _log(f"{reason}; {written.count} steps mirrored, {written.passed_over} were there before")
    run.finish(exit_code=_core_exit_code(ending.result))
    return code


def _add_squeeze(attempt: Path, settings: MirrorSettings, squeeze: Path) -> int:
    document = json.loads(squeeze.read_text(encoding="utf-8"))
    run, code = _open(attempt, settings)
    for choice in document["ranks"]:
        run.summary[f"squeeze/variance_kept/rank_{choice['rank']}"] = choice["mean_variance"]
    run.summary["squeeze/recommended_rank"] = document["recommended_rank"]
    run.summary["squeeze/min_variance_retention"] = document["min_variance_retention"]
    run.finish()
    _log(f"added {squeeze.name} to the summary")
    return code


@dataclass(slots=True)
class _Steps:
    """W&B accepts each step once and in order: what it has, it keeps."""

    first_new: int
    seen: int = 0
    """Rows so far: the step of a row that names none."""
    count: int = 0
    passed_over: int = 0

    def accept(self, step: int) -> bool:
        if step < self.first_new:
            self.passed_over += 1
            return False
        self.first_new = step + 1
        self.count += 1
        return True


def _log_rows(run: Any, rows: Iterable[dict[str, Any]], settings: MirrorSettings, written: _Steps) -> None:
    for raw in rows:
        row = with_our_names(raw, settings.metrics_map)
        step = row.get("step", (settings.resume_from_step or 0) + written.seen)
        written.seen += 1
        if not isinstance(step, int) or isinstance(step, bool) or not written.accept(step):
            continue
        values = {key: value for key, value in row.items() if key not in LABELS and _is_metric(value)}
        run.log({**values, "step": step}, step=step)


def _is_metric(value: Any) -> bool:
    return isinstance(value, (int, float, bool))


def _open(attempt: Path, settings: MirrorSettings) -> tuple[Any, int]:
    """The W&B run and the exit code so far. A server out of reach is no reason to lose data: the run is then
    recorded offline, to be uploaded with `campaign sync`."""
    mode = settings.mode
    if mode == "auto":
        mode = "online" if has_api_key() else "offline"
    folder = Path(settings.dir) if settings.dir else attempt
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
    if not os.access(folder, os.W_OK):  # W&B would quietly use a temporary folder that nobody finds again
        raise PermissionError(f"{folder} cannot be written")
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
    """Quiet, bounded, and sending nothing but the metrics: no code, no git, no packages, no console (the
    campaign records those itself). System metrics only where there is a GPU to watch."""
    import wandb

    wanted: dict[str, Any] = {
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
    known = getattr(wandb.Settings, "model_fields", wanted)
    return wandb.Settings(**{key: value for key, value in wanted.items() if key in known})


def _uses_gpu(config: Mapping[str, Any]) -> bool:
    resources = config.get("resources")
    return isinstance(resources, Mapping) and bool(resources.get("num_gpus"))


def _core_exit_code(result: Path) -> int:
    """0 when the core ended well; W&B marks the run as failed otherwise."""
    try:
        document = json.loads(result.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 1
    code = document.get("exit_code", 0) if isinstance(document, dict) else 0
    return code if isinstance(code, int) else 1


def _teardown() -> None:
    """Ends W&B's service process, which still holds the run that could not be opened."""
    if "wandb" not in sys.modules:
        return
    import wandb

    try:
        wandb.teardown(exit_code=1)
    except Exception as error:
        _log(f"teardown: {error}")


def _redirect_output(path: Path) -> None:
    """Everything this process and W&B's own service print goes to the log."""
    try:
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as error:
        _log(f"no log: {error}")
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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor decides


def _watch(ending: Ending, limit_s: float) -> None:
    """Ends the process `limit_s` seconds after it should have ended: W&B's own calls can hang."""

    def watch() -> None:
        while ending.reason() is None:
            time.sleep(POLL_S)
        time.sleep(limit_s)
        _log(f"W&B took more than {limit_s:.0f} s to end; left alone")
        os._exit(1)

    threading.Thread(target=watch, name="mirror-watch", daemon=True).start()


if __name__ == "__main__":
    raise SystemExit(main())
