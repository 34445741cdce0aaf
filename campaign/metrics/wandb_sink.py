"""Weights & Biases as a metrics sink. A run that cannot be uploaded is recorded offline, for `campaign sync`."""

from __future__ import annotations

import netrc
import os
import socket
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from campaign.metrics.sinks import UnusableSettings, log_message

if TYPE_CHECKING:
    from campaign.spec.config import LoggingSection, RunConfig

Mode = Literal["online", "offline"]

DEFAULT_SERVER = "https://api.wandb.ai"
INIT_TIMEOUT_S = 10.0
FINISH_TIMEOUT_S = 10.0
"""Both timeouts together leave time for the rest within `campaign.metrics.sinks.LIMIT_S`."""


def settings(config: RunConfig) -> Mapping[str, Any] | None:
    logging = config.logging
    if not logging.wandb_project or logging.wandb_mode == "disabled":
        return None
    return {
        "project": logging.wandb_project,
        "entity": logging.wandb_entity,
        "mode": wandb_mode(logging, os.environ),
        "group": config.condition,
        "tags": [*(name for name in (config.campaign,) if name), f"seed:{config.training.seed}",
                 *logging.wandb_tags],
        "job_type": "train",
    }  # fmt: skip


def wandb_mode(logging: LoggingSection, environment: Mapping[str, str]) -> str:
    """The mode in the spec; for `auto`, that of W&B's own variable. `open_sink` resolves a remaining `auto` by
    looking for an API key, because the worker's machine decides."""
    if logging.wandb_mode == "auto" and environment.get("WANDB_MODE") in ("offline", "online", "disabled"):
        return environment["WANDB_MODE"]
    return logging.wandb_mode


def open_sink(settings: Mapping[str, Any], folder: Path) -> WandbSink | None:
    """The W&B run. When the server is unreachable, the run is recorded offline."""
    if missing := [name for name in ("project", "id", "name", "group") if not settings.get(name)]:
        raise UnusableSettings(f"lacks {', '.join(missing)}")
    mode = settings.get("mode", "auto")
    if mode == "disabled":
        return None
    folder = Path(settings.get("dir", folder))
    if mode == "online" or (mode == "auto" and has_api_key()):
        try:
            if why := refusal():
                raise ConnectionError(why)
            return WandbSink(_init(settings, "online", folder))
        except Exception as error:
            log_message(f"online failed: {error}")
            log_message("recording offline instead; `campaign sync` uploads it")
            _teardown()
            return WandbSink(_init(settings, "offline", folder), complete=False)
    return WandbSink(_init(settings, "offline", folder))


class WandbSink:
    def __init__(self, run: Any, complete: bool = True) -> None:
        self._run = run
        self._complete = complete
        self.first_step = int(getattr(run, "starting_step", 0) or 0)
        run.define_metric("*", step_metric="step")

    def log(self, step: int, values: Mapping[str, float]) -> None:
        # Without `commit`, W&B would show a step only when the next one arrives.
        self._run.log({**values, "step": step}, step=step, commit=True)

    def summarize(self, values: Mapping[str, float]) -> None:
        self._run.summary.update(dict(values))

    def finish(self, exit_code: int) -> bool:
        self._run.finish(exit_code=exit_code)
        return self._complete


def _init(settings: Mapping[str, Any], mode: Mode, folder: Path) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):  # W&B would silently use a temporary folder instead
        raise PermissionError(f"{folder} is not writable")
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    import wandb

    return wandb.init(
        project=settings["project"],
        entity=settings.get("entity"),
        id=settings["id"],
        name=settings["name"],
        group=settings["group"],
        job_type="train",
        tags=[tag[:64] for tag in settings.get("tags", ())],  # W&B refuses longer ones
        config=settings.get("config", {}),
        dir=str(folder),
        resume="allow",
        settings=_wandb_settings(settings, mode),
    )


def _wandb_settings(settings: Mapping[str, Any], mode: Mode) -> Any:
    """Makes W&B print nothing, take bounded time, and send only the metrics: no code, git state, packages or
    console output, which the campaign records itself. System metrics are sent only for runs with a GPU."""
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
        "finish_timeout": settings.get("finish_timeout_s", FINISH_TIMEOUT_S),
        "x_disable_meta": True,
        "x_disable_stats": not settings.get("config", {}).get("resources", {}).get("num_gpus"),
        "x_save_requirements": False,
    }
    # Names come and go between versions of W&B, and it refuses settings that it does not know.
    accepted = getattr(wandb.Settings, "model_fields", settings_by_name)
    return wandb.Settings(**{key: value for key, value in settings_by_name.items() if key in accepted})


def _teardown() -> None:
    """End W&B's service process, which still holds the run that could not be opened."""
    if "wandb" not in sys.modules:
        return
    import wandb

    try:
        wandb.teardown(exit_code=1)
    except Exception as error:
        log_message(f"teardown: {error}")


def server() -> str:
    """The address of the W&B server: `WANDB_BASE_URL`, or the public one."""
    return os.environ.get("WANDB_BASE_URL") or DEFAULT_SERVER


def has_api_key() -> bool:
    """True with `WANDB_API_KEY` in the environment, or an entry for the server in a netrc file."""
    return bool(os.environ.get("WANDB_API_KEY")) or _in_netrc(urlsplit(server()).hostname or "")


def refusal(timeout_s: float = 3.0) -> str:
    """Why the server does not accept connections; empty when it does, or when there is a proxy that cannot be
    tested this way.

    Testing first saves time: W&B itself retries until its timeout.
    """
    address = urlsplit(server())
    if urllib.request.getproxies().get(address.scheme):
        return ""
    port = address.port or (80 if address.scheme == "http" else 443)
    try:
        with socket.create_connection((address.hostname or "", port), timeout_s):
            return ""
    except OSError as error:
        return f"{server()} does not answer: {error}"


def _in_netrc(host: str) -> bool:
    named = os.environ.get("NETRC")
    candidates = [Path(named)] if named else [Path.home() / ".netrc", Path.home() / "_netrc"]
    for path in candidates:
        try:
            entry = netrc.netrc(str(path)).authenticators(host)
        except (OSError, netrc.NetrcParseError):
            continue
        if entry and entry[2]:
            return True
    return False
