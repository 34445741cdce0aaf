"""Room for the work: a deep stack, and all cores where there are many variants."""

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

WORTH_A_PROCESS = 100
"""Targets for which starting a process pays."""
RANGES_A_PROCESS = 4
"""Small ranges end together, and an interrupt need not wait for a large one."""


LOOK_S = 0.1
"""How often the time is looked at."""
_HERE = threading.local()


class Deadline:
    """Ends a part of what one thread does when it has taken too much processor time."""

    def __init__(self) -> None:
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
            self._raise(None)  # one that was sent and has not come yet

    def look(self) -> None:
        """Called by another thread."""
        with self._lock:
            if self._ends is not None and time.process_time() > self._ends:
                self._ends = None
                self._raise(TookTooLong)

    def _raise(self, error: type[BaseException] | None) -> None:
        sent = ctypes.py_object(error) if error is not None else None
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), sent)


@contextmanager
def in_time() -> Iterator[None]:
    """What is done here raises `TookTooLong` after `SECONDS` of processor time, where `with_room` looks."""
    deadline: Deadline | None = getattr(_HERE, "deadline", None)
    if deadline is None:
        yield
        return
    deadline.start()
    try:
        yield
    finally:
        deadline.stop()


def with_deep_stack(work: Callable[[], T]) -> T:
    """Deeply nested files need a deep stack: the work runs in a thread that has one."""
    answers: list[T] = []
    errors: list[BaseException] = []

    deadline = Deadline()

    def run() -> None:
        _HERE.deadline = deadline
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
        threading.stack_size(GENERATOR_STACK_BYTES)
        gc.disable()  # nothing is freed before the answer: collecting would only cost
        while worker.is_alive():
            worker.join(LOOK_S)
            deadline.look()
    finally:
        threading.stack_size(before)
        sys.setrecursionlimit(frames)
        if collecting:
            gc.enable()
    if errors:
        raise errors[0]
    return answers[0]


def over_ranges(work: Callable[[range], T], count: int) -> list[T]:
    """`work` over consecutive ranges that make up `range(count)`, in order; each in a process of its own where
    that pays and is safe, all in this one otherwise."""
    processes = min(_cores(), count // WORTH_A_PROCESS)
    if processes < 2 or not _may_fork():
        return [with_deep_stack(lambda: work(range(count)))]
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    size = -(-count // (processes * RANGES_A_PROCESS))
    ranges = [range(start, min(start + size, count)) for start in range(0, count, size)]
    pool = ProcessPoolExecutor(processes, get_context("fork"), _leave_interrupts_to_the_parent)
    try:
        return list(pool.map(_Roomy(work), ranges))
    except BrokenProcessPool:  # the system ended one, for want of memory as a rule
        return [with_deep_stack(lambda: work(range(count)))]
    finally:
        pool.shutdown(cancel_futures=True)


class _Roomy(Generic[T]):
    """Work that can be sent to a process, which a closure cannot."""

    def __init__(self, work: Callable[[range], T]) -> None:
        self.work = work

    def __call__(self, part: range) -> T:
        return with_deep_stack(lambda: self.work(part))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _may_fork() -> bool:
    """A copy of a process that has threads may hang on a lock that one of them held."""
    return sys.platform == "linux" and threading.active_count() == 1


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
