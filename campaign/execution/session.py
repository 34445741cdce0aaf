"""One controller from start to end. Opens and closes backend, signal handlers, store and lock in a safe order."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from campaign.errors import Incomplete, Interrupted
from campaign.execution.backend import Backend, create_backend, require_backend
from campaign.execution.controller import BackendLost, Controller, Ending
from campaign.execution.enrolment import workdir_of
from campaign.execution.lock import CampaignLock
from campaign.execution.store import Store
from campaign.execution.store_reader import StoreReader
from campaign.folder.disk_space import explained_full_disk
from campaign.folder.paths import CampaignPaths
from campaign.folder.plan_document import plan_or_empty
from campaign.folder.run_code import provenance_id
from campaign.spec.config import RunConfig

MEANINGS: dict[int, Ending] = {
    signal.SIGINT: "interrupted",
    signal.SIGTERM: "stopped",
    signal.SIGHUP: "stopped",
}


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

    The first Ctrl-C, SIGTERM or SIGHUP lets the runs save and end, and calls `on_stop`. A second one ends everything
    immediately; the runs later resume from their last checkpoint. Raises `Infeasible` when the backend cannot be
    started, `Interrupted` or `Incomplete` when the signal comes before that.
    """
    store = Store.open(paths)
    try:
        with _Signals(on_stop) as signals, explained_full_disk(paths.root):
            _start(backend, signals)
            workdir, import_path = workdir_of(paths)
            controller = Controller(
                paths,
                store,
                backend,
                workdir,
                import_path,
                failure_limit=failure_limit(paths),
                on_turn=on_turn,
                keep_lock=lock.keep,
                provenance=provenance_id(plan_or_empty(paths.plan).provenance),
            )
            try:
                signals.reach(controller)
                return controller.run()
            except BackendLost:
                if signals.asked:  # a signal to the whole process group has ended Ray too
                    return signals.asked
                raise
            finally:
                controller.squeeze.close()
                backend.close()
    finally:
        # In this order: the next holder of the lock must find the store closed and no attempt of this backend alive.
        store.close()
        lock.release()


def _start(backend: Backend, signals: _Signals) -> None:
    """Start the backend. A signal meanwhile has nothing to save, because no run has begun."""
    ended: BaseException | None = None
    try:
        with _without_lost_signals():
            backend.start()
    except (KeyboardInterrupt, SystemExit) as error:  # Ray's own handler of SIGTERM raises `SystemExit`
        ended = error
    meaning = signals.arrived()
    if ended is None and meaning is None:
        return
    backend.close()
    why = "before any run was started; run the same command to resume"
    if isinstance(ended, SystemExit) or meaning == "stopped":
        raise Incomplete(f"stopped {why}") from None
    raise Interrupted(f"interrupted {why}") from None


@contextlib.contextmanager
def _without_lost_signals() -> Iterator[None]:
    """Do not print the exception of a handler that is raised where Python cannot raise it, such as while Ray forks:
    the signal is not lost (`_Signals.arrived`)."""
    before = sys.unraisablehook

    def hook(lost: sys.UnraisableHookArgs) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt | SystemExit):
            before(lost)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


def failure_limit(paths: CampaignPaths) -> int | None:
    """Number of failed runs at which the campaign stops, from `on_failure` of the plan; None for no limit."""
    on_failure = plan_or_empty(paths.plan).on_failure
    if on_failure == "stop":
        return 1
    return on_failure if isinstance(on_failure, int) else None


class _Signals:
    """The handlers of Ctrl-C, SIGTERM and SIGHUP, from before the backend starts until it is closed.

    Once runs can exist, a handler raises nothing: it would interrupt a transaction or the end of the backend. It tells
    the controller, which looks several times a second.
    """

    def __init__(self, on_stop: Callable[[Ending], None]) -> None:
        self.asked: Ending | None = None
        """What the first signal means; None before it."""
        self._on_stop = on_stop
        self._controller: Controller | None = None
        self._number = 0
        self._starting = True
        self._before: dict[int, Any] = {}
        self._pipe: tuple[int, int] | None = None
        self._wakeup = -1

    def __enter__(self) -> _Signals:
        # Python lets only the main thread set handlers; a caller in another thread has its own way to stop.
        if threading.current_thread() is threading.main_thread():
            # Under nohup, SIGHUP is ignored, and stays so.
            numbers = [n for n in MEANINGS if n != signal.SIGHUP or signal.getsignal(n) != signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._handle) for number in numbers}
            self._pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            self._wakeup = signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._pipe:
            signal.set_wakeup_fd(self._wakeup)
            for descriptor in self._pipe:
                os.close(descriptor)

    def arrived(self) -> Ending | None:
        """What the first signal since the beginning means, whoever has handled it; None without one.

        The exception of a handler is lost where it is raised in a callback, such as while Ray forks. The interpreter
        writes the number of every signal into the pipe before it calls any handler.
        """
        self._starting = False
        self._take()
        numbers = []
        if self._pipe:
            with contextlib.suppress(BlockingIOError):
                numbers = [number for number in os.read(self._pipe[0], 4096) if number in self._before]
        if numbers and self.asked is None:
            self.asked = MEANINGS[numbers[0]]
        return self.asked

    def _take(self) -> None:
        """Set the handlers anew, because Ray has installed its own."""
        for number in self._before:
            signal.signal(number, self._handle)

    def reach(self, controller: Controller) -> None:
        """From now on, tell `controller`."""
        self._controller = controller
        if self.asked:  # since the backend has started
            controller.stop(self.asked)
            self._on_stop(self.asked)

    def _handle(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP and self.asked:
            return  # the shell and the kernel both send one when a terminal is closed; nobody insists
        self._number += 1
        if self._number > 2:  # must end the process even when closing the backend hangs
            os._exit(Interrupted.exit_code if self.asked == "interrupted" else Incomplete.exit_code)
        if self.asked is None:
            self.asked = MEANINGS[number]
            if self._starting:
                raise KeyboardInterrupt
            if self._controller is not None:
                self._controller.stop(self.asked)
                self._on_stop(self.asked)
        elif self._controller is not None:
            self._controller.halt()
