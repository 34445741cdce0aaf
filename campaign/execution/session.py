"""One controller from its start to its end: backend, signals, store and lock, in the order that is safe."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from campaign.errors import Incomplete, Interrupted
from campaign.execution.backend import Backend
from campaign.execution.controller import Controller, Ending
from campaign.execution.enrolment import workdir_of
from campaign.execution.lock import CampaignLock
from campaign.execution.store import Store
from campaign.folder.atomic_files import read_json
from campaign.folder.paths import CampaignPaths

STORAGE_FULL = (errno.ENOSPC, errno.EDQUOT)


class StopNow(BaseException):
    """A second Ctrl-C. Not an `Exception`: nothing on the way may take it for an error and go on."""


def run_session(
    paths: CampaignPaths,
    lock: CampaignLock,
    backend: Backend,
    *,
    on_turn: Callable[[], None] = lambda: None,
    on_stop: Callable[[Ending], None] = lambda _: None,
) -> Ending:
    """Run what is pending until it is done or stopped; releases the lock.

    The first Ctrl-C or SIGTERM lets the runs save and end (`on_stop` is told); a second ends everything at
    once: runs then go on from their last checkpoint. Raises `Infeasible` when the backend cannot be started.
    """
    store = Store.open(paths)
    try:
        _start(backend)
        workdir, import_path = workdir_of(paths)
        controller = Controller(
            paths, store, backend, workdir, import_path, failure_limit=failure_limit(paths), on_turn=on_turn
        )
        # Only now: Ray installs handlers of its own when it starts.
        with _signals(controller, on_stop):
            try:
                return controller.run()
            except StopNow:
                return controller.ending or "interrupted"
            except OSError as error:
                if error.errno in STORAGE_FULL:
                    raise Incomplete(
                        f"no space left for {error.filename or paths.root}: make room and submit again"
                    ) from error
                raise
            finally:
                controller.squeeze.close()
                backend.close()
    finally:
        store.close()
        lock.release()


def _start(backend: Backend) -> None:
    """A Ctrl-C while Ray starts finds nothing to save: no run has begun."""
    try:
        backend.start()
    except KeyboardInterrupt:
        backend.close()
        raise Interrupted("interrupted before any run was started; the same command goes on") from None


def failure_limit(paths: CampaignPaths) -> int | None:
    """Failed runs after which the campaign stops, from the plan's `on_failure`."""
    said = (read_json(paths.plan) or {}).get("on_failure", "continue")
    if said == "stop":
        return 1
    return said if isinstance(said, int) else None


@contextmanager
def _signals(controller: Controller, on_stop: Callable[[Ending], None]) -> Iterator[None]:
    meanings: dict[int, Ending] = {signal.SIGINT: "interrupted", signal.SIGTERM: "stopped"}
    if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:  # not under nohup
        meanings[signal.SIGHUP] = "stopped"

    def handle(number: int, _: FrameType | None) -> None:
        if controller.ending in ("interrupted", "stopped"):
            for again in meanings:
                signal.signal(again, lambda *_: os._exit(130))  # a third: whatever hangs, hangs no more
            raise StopNow
        controller.stop(meanings[number])
        on_stop(meanings[number])

    before = {number: signal.signal(number, handle) for number in meanings}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
