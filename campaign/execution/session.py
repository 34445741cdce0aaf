"""One controller from start to end. Opens and closes backend, signal handlers, store and lock in a safe order."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from campaign.errors import Interrupted
from campaign.execution.backend import Backend, create_backend, require_backend
from campaign.execution.controller import Controller, Ending
from campaign.execution.enrolment import workdir_of
from campaign.execution.lock import CampaignLock
from campaign.execution.store import Store
from campaign.execution.store_reader import StoreReader
from campaign.folder.disk_space import explained_full_disk
from campaign.folder.paths import CampaignPaths
from campaign.folder.plan_document import plan_or_empty
from campaign.spec.config import RunConfig


class StopNow(BaseException):
    """A second Ctrl-C. Not an `Exception`, so that no handler of errors catches it and continues."""


def campaign_backend(paths: CampaignPaths, name: str | None = None, address: str | None = None) -> Backend:
    """The backend that the enrolled campaign's spec names, unless `name` or the `address` of a Ray cluster is given.

    Raises `UsageError` for an unknown name.
    """
    with StoreReader.open(paths) as store:
        rows = store.one_of_each_config()
        config = store.config(rows[0]) if rows else RunConfig()
    if address:
        config = config.model_copy(update={"ray": config.ray.model_copy(update={"address": address})})
    chosen = name or ("ray" if address else config.execution.backend)
    return create_backend(require_backend(chosen), config)


def run_session(
    paths: CampaignPaths,
    lock: CampaignLock,
    backend: Backend,
    *,
    on_turn: Callable[[], None] = lambda: None,
    on_stop: Callable[[Ending], None] = lambda _: None,
) -> Ending:
    """Run the pending runs until they are done or stopped, then release the lock.

    The first Ctrl-C or SIGTERM lets the runs save and end, and calls `on_stop`. A second one ends everything
    immediately; the runs later resume from their last checkpoint. Raises `Infeasible` when the backend cannot be
    started.
    """
    store = Store.open(paths)
    try:
        _start(backend)
        workdir, import_path = workdir_of(paths)
        controller = Controller(
            paths, store, backend, workdir, import_path, failure_limit=failure_limit(paths), on_turn=on_turn
        )
        # After the backend has started, because Ray installs its own signal handlers.
        with _signals(controller, on_stop), explained_full_disk(paths.root):
            try:
                return controller.run()
            except StopNow:
                return controller.ending or "interrupted"
            finally:
                controller.squeeze.close()
                backend.close()
    finally:
        # In this order: the next holder of the lock must find the store closed and no attempt of this backend alive.
        store.close()
        lock.release()


def _start(backend: Backend) -> None:
    """Start the backend. A Ctrl-C meanwhile has nothing to save, because no run has begun."""
    try:
        backend.start()
    except KeyboardInterrupt:
        backend.close()
        raise Interrupted("interrupted before any run was started; run the same command to resume") from None


def failure_limit(paths: CampaignPaths) -> int | None:
    """Number of failed runs at which the campaign stops, from `on_failure` of the plan; None for no limit."""
    on_failure = plan_or_empty(paths.plan).on_failure
    if on_failure == "stop":
        return 1
    return on_failure if isinstance(on_failure, int) else None


@contextmanager
def _signals(controller: Controller, on_stop: Callable[[Ending], None]) -> Iterator[None]:
    """Stop `controller` on the first signal, raise `StopNow` on the second, end the process on the third."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets only the main thread set handlers; a caller in another thread has its own way to stop
        return
    meanings: dict[int, Ending] = {signal.SIGINT: "interrupted", signal.SIGTERM: "stopped"}
    if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:  # under nohup it is ignored, and stays so
        meanings[signal.SIGHUP] = "stopped"

    def handle(number: int, _: FrameType | None) -> None:
        # `failures` is not a request of the user: a first Ctrl-C after it still lets the runs save.
        if controller.ending in ("interrupted", "stopped"):
            for again in meanings:
                # A third one must end the process even when closing the backend hangs.
                signal.signal(again, lambda *_: os._exit(130))
            raise StopNow
        controller.stop(meanings[number])
        on_stop(meanings[number])

    before = {number: signal.signal(number, handle) for number in meanings}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
