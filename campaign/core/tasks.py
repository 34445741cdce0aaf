"""Procedural task sources for the embedded model: `add`, `modmul`, `sort` and `chain`, each at two levels.

A task is a pure function of (source, split, level, index), so no data files are needed. Questions are
assigned to splits by their own hash: a question of `eval` never occurs in another split, so the evaluation is
held out even for sources with few distinct questions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from campaign.core.randomness import Draws, derive_seed

Write = Callable[[int], int]
"""Computed number -> the number that is written: the same one, or an erroneous one."""

EVAL_SPLIT = "eval"
EVAL_SHARE = 8
"""One in this many questions is held out for evaluation."""


@dataclass(frozen=True, slots=True)
class Solution:
    """The steps of a solution, each (expression, value), and the resulting answer."""

    steps: tuple[tuple[str, int], ...]
    answer: str


class Task(Protocol):
    """One question. `solve` continues with the numbers that `write` returns, so errors propagate."""

    @property
    def question(self) -> str: ...

    def solve(self, write: Write) -> Solution: ...


def write_exactly(value: int) -> int:
    """Writes every number without error."""
    return value


@dataclass(frozen=True, slots=True)
class Addition:
    """`add 78 86`: addition digit by digit from the right, with carries."""

    left: int
    right: int
    digits: int

    @classmethod
    def draw(cls, draws: Draws, level: int) -> Addition:
        digits = 2 + level
        low, high = 10 ** (digits - 1), 10**digits
        return cls(draws.between(low, high), draws.between(low, high), digits)

    @property
    def question(self) -> str:
        return f"add {self.left} {self.right}"

    def solve(self, write: Write) -> Solution:
        steps: list[tuple[str, int]] = []
        total, carry = 0, 0
        for place in range(self.digits):
            one, other = self.left // 10**place % 10, self.right // 10**place % 10
            written = write(one + other + carry)
            steps.append((f"{one} + {other}" + (" + 1" if carry else ""), written))
            total += written % 10 * 10**place
            carry = int(written >= 10)
        return Solution(tuple(steps), str(total + carry * 10**self.digits))


@dataclass(frozen=True, slots=True)
class ModularProduct:
    """`7 times 8 mod 5`: the product, the largest multiple of the modulus below it, and the difference."""

    left: int
    right: int
    modulus: int

    @classmethod
    def draw(cls, draws: Draws, level: int) -> ModularProduct:
        left = draws.between(10, 20) if level else draws.between(2, 10)
        return cls(left, draws.between(2, 10), draws.between(3, 10))

    @property
    def question(self) -> str:
        return f"{self.left} times {self.right} mod {self.modulus}"

    def solve(self, write: Write) -> Solution:
        product = write(self.left * self.right)
        multiple = write(self.modulus * (product // self.modulus))
        rest = write(max(0, product - multiple))
        steps = (
            (f"{self.left} * {self.right}", product),
            (f"{self.modulus} * {product // self.modulus}", multiple),
            (f"{product} - {multiple}", rest),
        )
        return Solution(steps, str(rest))


@dataclass(frozen=True, slots=True)
class Sorting:
    """`sort 7 2 9 4`: selection sort, by repeated minimum."""

    items: tuple[int, ...]

    @classmethod
    def draw(cls, draws: Draws, level: int) -> Sorting:
        return cls(tuple(draws.shuffled(range(10))[: 4 + level]))

    @property
    def question(self) -> str:
        return "sort " + " ".join(map(str, self.items))

    def solve(self, write: Write) -> Solution:
        rest, placed = list(self.items), list[int]()
        steps: list[tuple[str, int]] = []
        while len(rest) > 1:
            smallest = write(min(rest))
            if smallest not in rest:
                smallest = rest[0]
            steps.append(("min " + " ".join(map(str, rest)), smallest))
            rest.remove(smallest)
            placed.append(smallest)
        return Solution(tuple(steps), " ".join(map(str, placed + rest)))


@dataclass(frozen=True, slots=True)
class Ledger:
    """`ann has 4 gets 3 doubles`: a balance after a sequence of changes; never negative."""

    owner: str
    start: int
    changes: tuple[tuple[str, int], ...]

    @classmethod
    def draw(cls, draws: Draws, level: int) -> Ledger:
        start = draws.between(2, 10)
        changes: list[tuple[str, int]] = []
        value = start
        for _ in range(2 + level):
            verb, amount = draws.choice(("gets", "loses", "doubles")), draws.between(2, 10)
            if verb == "doubles" and value > 40:
                verb = "loses"
            if verb == "loses" and value < amount:
                verb = "gets"
            changes.append((verb, amount))
            value = _change(value, verb, amount)
        return cls(draws.choice(("tom", "ann", "sam")), start, tuple(changes))

    @property
    def question(self) -> str:
        changes = (verb if verb == "doubles" else f"{verb} {amount}" for verb, amount in self.changes)
        return f"{self.owner} has {self.start} " + " ".join(changes)

    def solve(self, write: Write) -> Solution:
        value = self.start
        steps: list[tuple[str, int]] = []
        for verb, amount in self.changes:
            after = write(max(0, _change(value, verb, amount)))
            sign, operand = {"gets": ("+", amount), "loses": ("-", amount), "doubles": ("*", 2)}[verb]
            steps.append((f"{value} {sign} {operand}", after))
            value = after
        return Solution(tuple(steps), str(value))


def _change(value: int, verb: str, amount: int) -> int:
    return {"gets": value + amount, "loses": value - amount, "doubles": 2 * value}[verb]


SOURCES: dict[str, Callable[[Draws, int], Task]] = {
    "add": Addition.draw,
    "modmul": ModularProduct.draw,
    "sort": Sorting.draw,
    "chain": Ledger.draw,
}


def draw_task(source: str, split: str, level: int, index: int) -> Task:
    """The task of this key. It is redrawn, with a counter in the key, until its question belongs to the
    split.

    Raises `KeyError` for an unknown source.
    """
    draw = SOURCES[source]
    attempt = 0
    while True:
        task = draw(Draws("task", source, split, level, index, attempt), level)
        if held_out(task.question) == (split == EVAL_SPLIT):
            return task
        attempt += 1


def held_out(question: str) -> bool:
    """Whether the question belongs to the evaluation split."""
    return derive_seed("held out", question) % EVAL_SHARE == 0


def prompt_of(task: Task) -> str:
    return f"Q: {task.question}\nA:"
