"""Generator functions: the body runs in a thread of its own, in turns with whoever asks for the next value.

Only one of the two ever runs, so the order of everything is Python's own.
"""

from __future__ import annotations

import ast
import threading
from collections.abc import Callable, Iterator
from typing import Any

from campaign.check.evaluator.state import Evaluator
from campaign.check.values import Origin, Value
from campaign.check.values.limits import Halt
from campaign.check.values.scope import FunctionNode

LIVE = 50
"""Generators of one target that may be unfinished at a time."""


class Abandoned(BaseException):
    """Unwinds the body of a generator that nobody asks any more."""


class Generator:
    """One running generator function."""

    def __init__(self, evaluator: Evaluator, body: Callable[[], Any], at: Origin, cleans_up: bool) -> None:
        self.evaluator = evaluator
        self.at = at
        self.cleans_up = cleans_up
        self.body = body
        self.asked = threading.Semaphore(0)
        self.answered = threading.Semaphore(0)
        self.value: Value | None = None
        self.error: BaseException | None = None
        self.over = False
        self.abandoned = False
        self.thread: threading.Thread | None = None
        self.state: tuple[Any, ...] = (None, 0, 0)

    def items(self) -> Iterator[Value]:
        while not self.over:
            value = self.next()
            if value is None:
                return
            yield value

    def next(self) -> Value | None:
        """Run the body up to its next `yield`; None when it is over."""
        evaluator = self.evaluator
        before, running = (evaluator.control, evaluator.depth, evaluator.tries), evaluator.generator
        evaluator.generator = self
        evaluator.depth += 1
        if self.thread is None:
            self.thread = threading.Thread(target=self.run, daemon=True)
            try:
                self.thread.start()
            except RuntimeError:
                self.over = True
                raise Halt("too many unfinished generators", None, "return lists") from None
        else:
            evaluator.control = self.state[0]
        self.asked.release()
        self.answered.acquire()
        evaluator.control, evaluator.depth, evaluator.tries = before
        evaluator.generator = running
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        return None if self.over else self.value

    def run(self) -> None:
        self.asked.acquire()
        try:
            if not self.abandoned:
                self.body()
        except Abandoned:
            pass
        except BaseException as error:
            self.error = error
        self.over = True
        self.answered.release()

    def mark_escaped(self, value: Value) -> None:
        """`yield`, called in the body's thread."""
        self.value = value
        self.state = (self.evaluator.control,)
        self.answered.release()
        self.asked.acquire()
        if self.abandoned:
            raise Abandoned

    def abandon(self) -> None:
        if self.thread is not None and not self.over:
            self.abandoned = True
            self.asked.release()
            self.thread.join()


def start(evaluator: Evaluator, node: FunctionNode, body: Callable[[], Any], at: Origin) -> Iterator[Value]:
    evaluator.generators = [generator for generator in evaluator.generators if not generator.over]
    if len(evaluator.generators) >= LIVE:
        raise Halt(f"more than {LIVE} unfinished generators", at, "return lists")
    generator = Generator(evaluator, body, at, cleans_up(node))
    evaluator.generators.append(generator)
    return generator.items()


def cleans_up(node: FunctionNode) -> bool:
    """Whether something is done when a generator is thrown away before its end."""
    return any(
        isinstance(inner, ast.Yield | ast.YieldFrom)
        for outer in ast.walk(node)
        if isinstance(outer, ast.Try | ast.With)
        for inner in ast.walk(outer)
    )


def refuse_unfinished(evaluator: Evaluator) -> None:
    """Python ends a generator that nobody holds any more: what its `finally` does then is not followed."""
    for generator in evaluator.generators:
        if generator.cleans_up and generator.thread is not None and not generator.over:
            raise Halt("a generator with try or with is not read to its end", generator.at, "return a list")


def finish(evaluator: Evaluator) -> None:
    """End the threads of what was never read to its end."""
    for generator in evaluator.generators:
        generator.abandon()
    evaluator.generators.clear()
