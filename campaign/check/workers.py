"""Execution of the proof: a deep stack, a limit of processor time, and all cores for many variants."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from campaign.check.values.limits import SECONDS, TookTooLong

T = TypeVar("T")
STACK_BYTES = 512 * 1024 * 1024
GENERATOR_STACK_BYTES = 32 * 1024 * 1024
FRAMES = 60_000

MIN_TARGETS_PER_PROCESS = 100
"""Targets for which starting a process pays."""
RANGES_PER_PROCESS = 4
"""Several short ranges per process keep all processes busy to the end, and an interrupt waits for a short one only."""
POLL_INTERVAL_S = 0.1

_THREAD = threading.local()
"""`deadline`: the deadline of the current thread, if `run_with_deep_stack` started it."""


class Deadline:
    """Interrupts a thread that takes too much processor time, by raising `TookTooLong` in it."""

    def __init__(self) -> None:
        # Both threads use the deadline. Without the lock, an exception could be sent just after `stop`, and would be
        # raised in whatever the thread does next.
        self._lock = threading.Lock()
        self._ends: float | None = None
        self._thread = 0

    def start(self) -> None:
        with self._lock:
            self._thread = threading.get_ident()
            self._ends = time.process_time() + SECONDS

    def stop(self) -> None:
        with self._lock:
            self._ends = None
            self._raise(None)  # withdraws an exception that was sent and is not raised yet

    def enforce(self) -> None:
        """Interrupt the thread if its time is over. Called by another thread."""
        with self._lock:
            if self._ends is not None and time.process_time() > self._ends:
                self._ends = None
                self._raise(TookTooLong)

    def _raise(self, error: type[BaseException] | None) -> None:
        sent = ctypes.py_object(error) if error is not None else None
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), sent)


@contextmanager
def time_limit() -> Iterator[None]:
    """Raise `TookTooLong` in the body after `SECONDS` of processor time; without `run_with_deep_stack`, no limit."""
    deadline: Deadline | None = getattr(_THREAD, "deadline", None)
    if deadline is None:
        yield
        return
    deadline.start()
    try:
        yield
    finally:
        deadline.stop()


def run_with_deep_stack(work: Callable[[], T]) -> T:
    """Run `work` in a thread whose stack is deep enough for deeply nested files."""
    answers: list[T] = []
    errors: list[BaseException] = []

    deadline = Deadline()

    def run() -> None:
        _THREAD.deadline = deadline
        try:
            answers.append(work())
        except BaseException as error:
            errors.append(error)

    collecting = gc.isenabled()
    before, frames = threading.stack_size(), sys.getrecursionlimit()
    threading.stack_size(STACK_BYTES)
    try:
        sys.setrecursionlimit(FRAMES)
        worker = threading.Thread(target=run)
        worker.start()
        # The stack size applies to threads that start later: each generator of the checked files runs in one.
        threading.stack_size(GENERATOR_STACK_BYTES)
        gc.disable()  # nearly all objects live until the end, so collecting garbage would only cost time
        while worker.is_alive():
            worker.join(POLL_INTERVAL_S)
            deadline.enforce()
    finally:
        threading.stack_size(before)
        sys.setrecursionlimit(frames)
        if collecting:
            gc.enable()
    if errors:
        raise errors[0]
    return answers[0]


def map_ranges(work: Callable[[range], T], count: int) -> list[T]:
    """The results of `work` for consecutive ranges that make up `range(count)`, in order.

    The ranges are distributed over processes if there are many targets and forking is safe.
    """
    processes = min(_cores(), count // MIN_TARGETS_PER_PROCESS)
    if processes < 2 or not _may_fork():
        return [run_with_deep_stack(lambda: work(range(count)))]
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    size = -(-count // (processes * RANGES_PER_PROCESS))
    ranges = [range(start, min(start + size, count)) for start in range(0, count, size)]
    pool = ProcessPoolExecutor(processes, get_context("fork"), _ignore_interrupts)
    try:
        return list(pool.map(_DeepStackTask(work), ranges))
    except BrokenProcessPool:  # a process was killed, usually by the kernel for lack of memory
        return [run_with_deep_stack(lambda: work(range(count)))]
    finally:
        pool.shutdown(cancel_futures=True)


class _DeepStackTask(Generic[T]):
    """`work` with a deep stack, as an object that can be pickled; a closure cannot."""

    def __init__(self, work: Callable[[range], T]) -> None:
        self.work = work

    def __call__(self, indices: range) -> T:
        return run_with_deep_stack(lambda: self.work(indices))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _may_fork() -> bool:
    """Whether forking is safe: a forked copy of a process with several threads may wait forever for a lock that one of
    the other threads held."""
    return sys.platform == "linux" and threading.active_count() == 1


def _ignore_interrupts() -> None:
    """Ctrl-C reaches all processes of the terminal; the parent alone reacts to it and stops the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
