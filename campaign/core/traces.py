"""Completions that the embedded model is warmed up on: a quick guess, thinking, or thinking and checking.

The noisy ones are wrong often enough that reinforcement has something to find: half of them guess, and
numbers slip with consequences.
"""

from __future__ import annotations

from dataclasses import dataclass

from campaign.core.randomness import Draws
from campaign.core.tasks import Pen, Solution, Task, exactly

WORDS = (
    "let", "me", "think", "wait", "check", "first", "then", "so", "quick", "guess", "add", "times", "mod",
    "sort", "min", "tom", "ann", "sam", "has", "gets", "loses", "doubles", "notice", "that", "the", "key",
    "is", "double", "on", "second", "thought", "verify", "Q:", "A:", "####",
)  # fmt: skip
"""Words of prompts, traces and planning phrases; each is one token, alone and after a space."""


@dataclass(frozen=True, slots=True)
class TraceStyle:
    """Shares of guessing, thinking, and thinking with a check (the rest); and how often each goes wrong."""

    guess: float
    think: float
    slip_rate: float
    """Probability that a written number is wrong; the check's slips are a quarter as frequent."""
    hasty_rate: float = 0.75
    """Probability that a guess is wrong."""


def write_trace(task: Task, style: TraceStyle, draws: Draws) -> str:
    """One completion, from its leading space to the answer after `####`."""
    manner = draws.unit()
    if manner < style.guess:
        answer = task.solve(exactly).answer
        return (
            f" quick guess #### {_wrong_answer(answer, draws) if draws.unit() < style.hasty_rate else answer}"
        )
    solution = task.solve(_slipping(style.slip_rate, draws))
    thinking = " let me think first" + " then".join(f" {left} = {value}" for left, value in solution.steps)
    if manner < style.guess + style.think:
        return f"{thinking} so #### {solution.answer}"
    again: Solution = task.solve(_slipping(style.slip_rate / 4, draws))
    left, value = again.steps[-1]
    return f"{thinking} wait let me check {left} = {value} so #### {again.answer}"


def _slipping(rate: float, draws: Draws) -> Pen:
    return lambda value: _wrong_number(value, draws) if draws.unit() < rate else value


def _wrong_number(value: int, draws: Draws) -> int:
    """One digit off by one or two, as a hurried hand writes."""
    digits = list(str(value))
    place = draws.below(len(digits))
    digits[place] = str((int(digits[place]) + draws.choice((1, 2, 8, 9))) % 10)
    return int("".join(digits))


def _wrong_answer(answer: str, draws: Draws) -> str:
    items = answer.split(" ")
    if len(items) == 1:
        return str(_wrong_number(int(answer), draws))
    place = draws.below(len(items) - 1)
    items[place], items[place + 1] = items[place + 1], items[place]
    return " ".join(items)
