"""Keyed randomness: every draw is a function of a key and not of earlier draws.

Keys are hashed, so the streams of neighbouring seeds and steps are unrelated, and any step can be repeated
without the steps before it. Only `random.Random.random` is used, because it is the only method whose sequence
Python guarantees across versions (documentation of `random`, "Notes on Reproducibility").
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def derive_seed(*key: str | int) -> int:
    """A 63-bit seed for `key`, identical on every machine and Python version."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


class Draws:
    """The stream of random draws of one key."""

    def __init__(self, *key: str | int) -> None:
        self._random = random.Random(derive_seed(*key))

    def unit(self) -> float:
        """Uniform in [0, 1)."""
        return self._random.random()

    def below(self, stop: int) -> int:
        """Uniform integer in [0, stop)."""
        return int(self._random.random() * stop)

    def between(self, start: int, stop: int) -> int:
        """Uniform integer in [start, stop)."""
        return start + self.below(stop - start)

    def choice(self, items: Sequence[Item]) -> Item:
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """A uniform permutation of `items` (Fisher-Yates)."""
        pool = list(items)
        for last in range(len(pool) - 1, 0, -1):
            other = self.below(last + 1)
            pool[last], pool[other] = pool[other], pool[last]
        return pool
