"""The backend `ray`: attempts as Ray tasks, on an embedded Ray on this machine or on a cluster.

One task is one supervisor. The function is made remote once and gets each run's resources by `.options`: making it
remote for each launch costs 27 ms and a scheduling class. `max_calls=0`, because a task with GPUs would otherwise get a
new worker each time.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from campaign.errors import Infeasible
from campaign.execution.assignment import Assignment
from campaign.execution.backend import GIB, AttemptKey, Capacity, Ended
from campaign.execution.process import ProcessStamp, descendants, is_gone, process_name, stamp
from campaign.execution.supervisor import supervise
from campaign.folder.atomic_files import read_json, write_json
from campaign.folder.outcome import Outcome
from campaign.spec.config import RaySection, ResourcesSection, RunConfig

OBJECT_STORE_BYTES = 96 * 2**20
"""Outcomes are small; by default Ray reserves a third of the memory."""
TEMPORARY_PREFIX = "campaign-ray-"
OWNER = "owner.json"
CONNECT_S = 5.0
HEAD_PATIENCE_S = 10.0
"""Half of `RAY_gcs_rpc_server_reconnect_timeout_s` below, after which Ray ends this process."""
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
EMBEDDED_ENVIRONMENT = {
    # Without a cluster (the name is historical), Ray takes 127.0.0.1 for the address of this machine, and all its
    # processes listen there only. `_node_ip_address` cannot do it: Ray replaces a loopback address by an outer one.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}
CLUSTER_ENVIRONMENT = {
    # With these, Ray notices a network partition after 17 s instead of 418 s.
    "RAY_grpc_client_keepalive_time_ms": "10000",
    "RAY_grpc_client_keepalive_timeout_ms": "10000",
    "RAY_health_check_period_ms": "3000",
    "RAY_health_check_timeout_ms": "5000",
    "RAY_health_check_failure_threshold": "3",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "20",
}


def create(config: RunConfig) -> RayBackend:
    return RayBackend(config.ray)


class RayBackend:
    """`settings.address` names a cluster. Without one, an embedded Ray starts and ends with this process."""

    name = "ray"

    def __init__(self, settings: RaySection) -> None:
        self._settings = settings
        self._refs: dict[Any, AttemptKey] = {}
        self._temporary: Path | None = None
        self._supervise: Any = None
        self._servers: dict[str, ProcessStamp] = {}
        """The processes of an embedded Ray."""
        self._files: list[Path] = []
        """The files through which workers of an embedded Ray reach it."""
        self._capacity: Capacity | None = None
        self._problem = ""
        """What Ray itself has said about its end."""
        self._silent_since: float | None = None
        """When the head of the cluster stopped answering."""
        self._environment: list[str] = []
        """Names of the variables that this backend has set and must unset."""

    def start(self) -> None:
        """Raises `Infeasible` when Ray cannot be started or the cluster cannot be reached."""
        if (
            "ray" in sys.modules and _ray().is_initialized()
        ):  # it is not ours, and must not be shut down with ours
            raise Infeasible(
                "this process already uses another Ray: call ray.shutdown() first, or submit elsewhere"
            )
        own = CLUSTER_ENVIRONMENT if self._settings.address else EMBEDDED_ENVIRONMENT
        self._set_environment(ENVIRONMENT | own)
        if not self._settings.address:
            self._make_temporary()
        try:
            ray = _ray()
        except ImportError as error:
            self._clean_up()
            raise Infeasible(f"Ray cannot be imported ({error}): pip install 'campaign[run]'") from error
        quiet = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}
        try:
            _read_environment(ray)
            if self._settings.address:
                _require_listener(self._settings.address)
                ray.init(address=self._settings.address, **quiet)
            else:
                self._start_embedded(ray, quiet)
        except Exception as error:  # Ray raises a bare Exception when its processes take too long to start
            self._clean_up()
            raise Infeasible(_explained(self._settings.address, error)) from error
        self._supervise = ray.remote(max_retries=0, max_calls=0)(_task)

    def capacity(self) -> Capacity:
        """As it was last, where it cannot change (embedded) and while the head of a cluster does not answer: Ray would
        wait for a dead server, and then end this process."""
        if self._capacity is None or (self._settings.address and self._silent_since is None):
            offered = _ray().cluster_resources()
            self._capacity = Capacity(
                offered.get("CPU", 0.0), offered.get("GPU", 0.0), offered.get("memory", 0.0) / GIB
            )
        return self._capacity

    def launch(self, assignment: Assignment, resources: ResourcesSection) -> None:
        key = AttemptKey(assignment.run_id, assignment.number)
        options: dict[str, Any] = {"num_cpus": resources.num_cpus, "num_gpus": resources.num_gpus}
        if resources.memory_gb:
            options["memory"] = int(resources.memory_gb * GIB)
        task = self._supervise.options(name=f"{key.run_id}/{key.number}", **options)
        self._refs[task.remote(assignment)] = key

    def wait(self, seconds: float) -> list[Ended]:
        ray = _ray()
        if not self._refs:
            return []
        ready, _ = ray.wait(list(self._refs), num_returns=1, timeout=seconds)
        if ready:
            ready, _ = ray.wait(list(self._refs), num_returns=len(self._refs), timeout=0)
        return [self._collect(ref) for ref in ready]

    def problem(self) -> str:
        """Called often: some time after its own processes have died, Ray ends this process without an exception."""
        gone = [name for name, process in self._servers.items() if is_gone(process)]
        if gone:
            return f"Ray's {' and '.join(gone)} on this machine died"
        # Ray goes on without its files, but no worker can start any more.
        missing = [path for path in self._files if not path.exists()]
        if missing:
            return f"Ray's temporary files were deleted ({missing[0]} is missing)"
        return self._problem or self._silence()

    def _silence(self) -> str:
        """Whether the head of a cluster has not answered for so long that it must be dead. It may restart quickly."""
        try:
            _require_listener(self._settings.address or "", patience_s=1.0)
        except OSError as error:
            self._silent_since = self._silent_since or time.monotonic()
            if time.monotonic() - self._silent_since >= HEAD_PATIENCE_S:
                return f"the head of the Ray cluster at {self._settings.address} does not answer ({error})"
        else:
            self._silent_since = None
        return ""

    def abandon(self, key: AttemptKey) -> None:
        ray = _ray()
        for ref in [ref for ref, owner in self._refs.items() if owner == key]:
            del self._refs[ref]
            try:
                ray.cancel(ref, force=True)
            except (ray.exceptions.RayError, ValueError):
                # It has ended meanwhile, or its node cannot be reached: then its fence keeps it from writing.
                continue

    def close(self) -> None:
        ray = _ray()
        self._refs.clear()
        ray.shutdown()
        self._clean_up()

    def _start_embedded(self, ray: Any, quiet: dict[str, Any]) -> None:
        cpus = self._settings.num_cpus or len(os.sched_getaffinity(0))
        gpus = {} if self._settings.num_gpus is None else {"num_gpus": self._settings.num_gpus}
        with _without_hangups():
            self._init(ray, cpus, gpus | quiet)
        below = {process_name(pid): pid for pid in descendants(os.getpid())}
        self._servers = {name: stamp(below[name]) for name in ("gcs_server", "raylet") if name in below}
        assert self._temporary is not None
        self._files = [*self._temporary.glob("token"), *self._temporary.glob("r/session_*/sockets/*")]

    def _init(self, ray: Any, cpus: float, others: Mapping[str, Any]) -> None:
        ray.init(
            address="local",  # never attach to another Ray that runs on this machine
            num_cpus=cpus,
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            _temp_dir=str(self._ray_folder),
            **others,
        )

    def _make_temporary(self) -> None:
        """A folder for this Ray alone, with the token that authenticates its processes to each other. Without a token
        every user of this machine could run code as this one.

        `mkdtemp` makes it for this user only. Ray opens its own folder and everything in it to all users (0777), so
        that one is below. Setting a umask instead would not prevent Ray's chmod, and the cores would inherit it.
        """
        _sweep()
        self._temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=_short_folder()))
        write_json(self._temporary / OWNER, stamp(os.getpid()).to_json(), sync=False)
        if not any(name in os.environ for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")):
            token = self._temporary / "token"
            token.touch(0o600)
            token.write_text(uuid.uuid4().hex)
            self._set_environment({"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)})

    @property
    def _ray_folder(self) -> Path | None:
        """The folder that Ray writes to. One letter, because paths of sockets are short (see `_short_folder`)."""
        return self._temporary and self._temporary / "r"

    def _collect(self, ref: Any) -> Ended:
        ray = _ray()
        key = self._refs.pop(ref)
        try:
            outcome: Outcome = ray.get(ref)
        except ray.exceptions.RayError as error:
            if isinstance(error, ray.exceptions.LocalRayletDiedError):
                self._problem = "Ray's raylet on this machine died"
            detail = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
            return Ended(key, None, detail, isinstance(error, ray.exceptions.OutOfMemoryError))
        return Ended(key, outcome)

    def _set_environment(self, values: Mapping[str, str]) -> None:
        """Set variables that the user has not set."""
        for name, value in values.items():
            if name not in os.environ:
                os.environ[name] = value
                self._environment.append(name)

    def _clean_up(self) -> None:
        while self._environment:
            os.environ.pop(self._environment.pop(), None)
        if self._temporary:
            # A start that was interrupted has left processes that `ray.shutdown` does not know.
            for pid in [pid for pid in descendants(os.getpid()) if _names(pid, self._temporary)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            shutil.rmtree(self._temporary, ignore_errors=True)


def _task(assignment: Assignment) -> Outcome:
    """Runs in a Ray worker."""
    devices = _ray().get_runtime_context().get_accelerator_ids().get("GPU", [])
    return supervise(assignment, ",".join(devices), tied_to_parent=True)


def _ray() -> Any:
    """Ray, imported on use: the import takes half a second and reads the environment that `start` sets."""
    return importlib.import_module("ray")


@contextmanager
def _without_hangups() -> Iterator[None]:
    """Hold SIGHUP back during the block. Processes that it starts inherit this for good: the end of the terminal would
    end Ray before the runs have saved. The signal that came meanwhile is delivered after the block."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _names(pid: int, folder: Path) -> bool:
    """Whether `folder` is in the command line of a process."""
    try:
        return os.fsencode(folder) in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _read_environment(ray: Any) -> None:
    """Make Ray read the variables that `start` has set. It reads them when it is imported, and a notebook may have
    imported it before. The token is kept from the first Ray of a process, which is not that of the next one."""
    ray._raylet.Config.initialize("")
    ray._raylet.AuthenticationTokenLoader.instance().reset_cache()
    ray._private.ray_constants.ENABLE_RAY_CLUSTER = os.environ.get("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER") != "0"


def _short_folder() -> str:
    """A folder with a short path: Ray puts sockets below it, and Linux limits a socket's path to 107 characters."""
    folder = tempfile.gettempdir()
    return folder if len(folder) <= 16 else "/tmp"


def _sweep() -> None:
    """Remove the folders of controllers that were killed."""
    for folder in Path(_short_folder()).glob(f"{TEMPORARY_PREFIX}*"):
        with contextlib.suppress(OSError):  # its owner may remove it at this moment
            # In /tmp anybody may put anything under this name, such as an owner file that blocks its reader.
            if folder.lstat().st_uid != os.geteuid():
                continue
            owner = ProcessStamp.from_json(read_json(folder / OWNER))
            if owner and is_gone(owner):
                shutil.rmtree(folder, ignore_errors=True)


def _require_listener(address: str, patience_s: float = CONNECT_S) -> None:
    """Raises `OSError` when nothing listens at `address`, because Ray itself would end this process after 20 s without
    an exception; `ValueError` for the address of a Ray client."""
    if "://" in address:
        raise ValueError("give HOST:PORT; the Ray client (ray://) cannot keep a campaign's runs apart")
    host, _, port = address.rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), patience_s).close()


def _explained(address: str | None, error: Exception) -> str:
    first: Sequence[str] = str(error).strip().splitlines() or [type(error).__name__]
    if not address:
        return f"Ray could not be started on this machine: {first[0]}"
    return (
        f"no Ray cluster answers at {address}: {first[0]}\n"
        "    is it HOST:PORT of the head (port 6379 by default)? If the cluster requires a token, set "
        "RAY_AUTH_MODE=token and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH."
    )
