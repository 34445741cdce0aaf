"""Training completions for the warm-up of the embedded model: a guess, a derivation, or a derivation with a
check.

The noisy style is wrong often enough that reinforcement learning can improve on it: more than half of its
completions guess, and errors in numbers propagate.
"""

from __future__ import annotations

from dataclasses import dataclass

from campaign.core.randomness import Draws
from campaign.core.tasks import Solution, Task, Write, write_exactly

WORDS = (
    "let", "me", "think", "wait", "check", "first", "then", "so", "quick", "guess", "add", "times", "mod",
    "sort", "min", "tom", "ann", "sam", "has", "gets", "loses", "doubles", "notice", "that", "the", "key",
    "is", "double", "on", "second", "thought", "verify", "Q:", "A:", "####",
)  # fmt: skip
"""The words of prompts, completions and planning phrases; each is one token, also with a leading space."""


@dataclass(frozen=True, slots=True)
class TraceStyle:
    """The shares of guesses and derivations (the rest are derivations with a check), and error rates."""

    guess: float
    think: float
    slip_rate: float
    """Probability that a written number is wrong; a quarter of that in a check."""
    hasty_rate: float = 0.75
    """Probability that a guess is wrong."""


def write_trace(task: Task, style: TraceStyle, draws: Draws) -> str:
    """One completion, from its leading space to the answer after `####`."""
    kind = draws.unit()
    if kind < style.guess:
        answer = task.solve(write_exactly).answer
        wrong = draws.unit() < style.hasty_rate
        return f" quick guess #### {_wrong_answer(answer, draws) if wrong else answer}"
    solution = task.solve(_write_with_errors(style.slip_rate, draws))
    thinking = " let me think first" + " then".join(f" {left} = {value}" for left, value in solution.steps)
    if kind < style.guess + style.think:
        return f"{thinking} so #### {solution.answer}"
    check: Solution = task.solve(_write_with_errors(style.slip_rate / 4, draws))
    left, value = check.steps[-1]
    return f"{thinking} wait let me check {left} = {value} so #### {check.answer}"


def _write_with_errors(rate: float, draws: Draws) -> Write:
    return lambda value: _wrong_number(value, draws) if draws.unit() < rate else value


def _wrong_number(value: int, draws: Draws) -> int:
    """The number with one digit off by one or two."""
    digits = list(str(value))
    index = draws.below(len(digits))
    digits[index] = str((int(digits[index]) + draws.choice((1, 2, 8, 9))) % 10)
    return int("".join(digits))


def _wrong_answer(answer: str, draws: Draws) -> str:
    items = answer.split(" ")
    if len(items) == 1:
        return str(_wrong_number(int(answer), draws))
    index = draws.below(len(items) - 1)
    items[index], items[index + 1] = items[index + 1], items[index]
    return " ".join(items)
