"""Randomness by name: every draw is a function of a key, never of what was drawn before.

Keys are hashed, so neighbouring seeds and steps share nothing, and a step can be repeated without the steps
before it. Only `random.Random.random` is used below: it is the one method whose sequence Python guarantees.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def derive_seed(*key: str | int) -> int:
    """A 63-bit seed for `key`; the same on every machine and Python version."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


class Draws:
    """A stream of draws that belongs to one key."""

    def __init__(self, *key: str | int) -> None:
        self._random = random.Random(derive_seed(*key))

    def unit(self) -> float:
        """Uniform in [0, 1)."""
        return self._random.random()

    def below(self, stop: int) -> int:
        """Uniform in 0 .. stop-1."""
        return int(self._random.random() * stop)

    def between(self, start: int, stop: int) -> int:
        """Uniform in start .. stop-1."""
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
