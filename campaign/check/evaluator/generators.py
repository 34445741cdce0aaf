"""Generator functions: the body runs in a separate thread and takes turns with its consumer.

A generator suspends in the middle of nested Python frames of the evaluator, which only a thread (or rewriting every
handler as a generator) can keep. Exactly one of the two runs at any time: each waits for the semaphore that the other
releases, so that no state is shared concurrently, and the order of effects is that of Python.
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

UNFINISHED = 50
"""Generators of one target that may be unfinished at the same time: each holds a thread."""


class Abandoned(BaseException):
    """Unwinds the body of a generator that will not be resumed."""


class Generator:
    """A call of a generator function."""

    def __init__(self, evaluator: Evaluator, body: Callable[[], Any], at: Origin, cleans_up: bool) -> None:
        self.evaluator = evaluator
        self.at = at
        self.cleans_up = cleans_up
        self.body = body
        self.resumed = threading.Semaphore(0)
        self.suspended = threading.Semaphore(0)
        self.value: Value | None = None
        self.error: BaseException | None = None
        self.over = False
        self.abandoned = False
        self.thread: threading.Thread | None = None
        self.control: Origin | None = None
        """The control origin at the `yield` where the body is suspended."""

    def items(self) -> Iterator[Value]:
        while not self.over:
            value = self.next()
            if value is None:
                return
            yield value

    def next(self) -> Value | None:
        """Run the body up to its next `yield`; None at its end."""
        evaluator = self.evaluator
        # A test that the body has decided says nothing about its consumer: the consumer's control is restored.
        before, running = (evaluator.control, evaluator.depth, evaluator.tries), evaluator.generator
        evaluator.generator = self
        evaluator.depth += 1
        if self.thread is None:
            self.thread = threading.Thread(target=self.run, daemon=True)
            try:
                self.thread.start()
            except RuntimeError:
                self.over = True
                reason = "the system has no thread left for another unfinished generator"
                raise Halt(reason, None, "return lists") from None
        else:
            evaluator.control = self.control
        self.resumed.release()
        self.suspended.acquire()
        evaluator.control, evaluator.depth, evaluator.tries = before
        evaluator.generator = running
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        return None if self.over else self.value

    def run(self) -> None:
        self.resumed.acquire()
        try:
            if not self.abandoned:
                self.body()
        except Abandoned:
            pass
        except BaseException as error:
            # Raised in the consumer, where Python raises it too: at the call of `next`.
            self.error = error
        self.over = True
        self.suspended.release()

    def suspend(self, value: Value) -> None:
        """`yield`, called in the thread of the body."""
        self.value = value
        self.control = self.evaluator.control
        self.suspended.release()
        self.resumed.acquire()
        if self.abandoned:
            raise Abandoned

    def abandon(self) -> None:
        if self.thread is not None and not self.over:
            self.abandoned = True
            self.resumed.release()
            self.thread.join()


def start(evaluator: Evaluator, node: FunctionNode, body: Callable[[], Any], at: Origin) -> Iterator[Value]:
    """The elements of a new generator. Its body does not run before the first one is read (reference, 6.2.9)."""
    evaluator.generators = [generator for generator in evaluator.generators if not generator.over]
    if len(evaluator.generators) >= UNFINISHED:
        raise Halt(f"more than {UNFINISHED} generators are unfinished at the same time", at, "return lists")
    generator = Generator(evaluator, body, at, cleans_up(node))
    evaluator.generators.append(generator)
    return generator.items()


def cleans_up(node: FunctionNode) -> bool:
    """Whether code runs when the generator is closed before its end."""
    return any(
        isinstance(inner, ast.Yield | ast.YieldFrom)
        for outer in ast.walk(node)
        if isinstance(outer, ast.Try | ast.With)
        for inner in ast.walk(outer)
    )


def refuse_unfinished(evaluator: Evaluator) -> None:
    """Refuse generators whose cleanup would run at a moment that the checker does not know."""
    # Python closes a generator when its last reference goes away: the `finally` and `with` around the `yield` run then.
    for generator in evaluator.generators:
        if generator.cleans_up and generator.thread is not None and not generator.over:
            reason = "a generator with try or with is not read to its end"
            raise Halt(reason, generator.at, "return a list")


def finish(evaluator: Evaluator) -> None:
    """End the threads of all unfinished generators."""
    for generator in evaluator.generators:
        generator.abandon()
    evaluator.generators.clear()
