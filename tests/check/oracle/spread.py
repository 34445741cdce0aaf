"""A long search, spread over the cores in parts that are the same on every machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

T = TypeVar("T")
PARTS = 4
APART = 1000
"""Seeds between the beginnings of two parts, more than any part uses."""


def spread(search: Callable[[int, int], T], count: int, start: int) -> list[T]:
    """What `search(count, start)` gives for each part; the parts' counts sum up to `count`."""
    # A forked copy of a process that has threads can hang, and other tests leave some.
    with ProcessPoolExecutor(min(PARTS, os.cpu_count() or 1), mp_context=get_context("spawn")) as pool:
        parts = [pool.submit(search, count // PARTS, start + APART * part) for part in range(PARTS)]
        return [part.result() for part in parts]
