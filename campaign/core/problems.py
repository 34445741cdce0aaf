"""The problems a run trains and is evaluated on, in an order that depends on the seed alone.

Every condition with the same seed meets the same problems in the same order: the position in the stream
decides, not the number of draws before it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaign.core.randomness import Draws
from campaign.core.tasks import EVAL_SPLIT, SOURCES, draw_task, exactly, prompt_of
from campaign.core.verify import PROBLEM_TYPES
from campaign.errors import Place, SpecError, UsageError
from campaign.errors import Problem as Fault
from campaign.spec.config import DataSection, RunConfig


@dataclass(frozen=True, slots=True)
class Problem:
    """A prompt as the policy sees it, and what its completion is judged against."""

    source: str
    prompt: str
    answer: str
    problem_type: str


Source = Callable[[int], Problem]
"""The n-th problem of a source."""


class TrainingStream:
    """An endless sequence of problems mixed from sources: in turn, or drawn by weight when any is given."""

    def __init__(self, sources: Mapping[str, Source], weights: Mapping[str, float], seed: int) -> None:
        self._sources = dict(sources)
        self._names = list(sources)
        self._weights = [weights.get(name, 1.0) for name in self._names]
        self._weighted = len(set(self._weights)) > 1
        self._seed = seed
        self._plan: list[tuple[str, int]] = []
        self._used = dict.fromkeys(self._names, 0)

    def batch(self, step: int, size: int) -> list[Problem]:
        """The problems of a step."""
        while len(self._plan) < (step + 1) * size:
            name = self._name_at(len(self._plan))
            self._plan.append((name, self._used[name]))
            self._used[name] += 1
        return [self._sources[name](index) for name, index in self._plan[step * size : (step + 1) * size]]

    def _name_at(self, position: int) -> str:
        if not self._weighted:
            return self._names[position % len(self._names)]
        level = Draws("mixture", self._seed, position).unit() * sum(self._weights)
        for name, weight in zip(self._names, self._weights, strict=True):
            level -= weight
            if level < 0:
                return name
        return self._names[-1]


@dataclass(frozen=True, slots=True)
class ProblemSet:
    train: TrainingStream
    evaluation: dict[str, list[Problem]]
    """Held-out problems of each source, the same for every run; empty when there are none."""


def load_problems(config: RunConfig, folder: Path) -> ProblemSet:
    """What `[data]` describes; paths are relative to `folder`. Raises `SpecError`, `UsageError`."""
    data, training = config.data, config.training
    if data.path is None:
        return _procedural(data, training.seed, training.eval_size)
    sources = _shuffled_sources(read_problems(folder / data.path), training.seed)
    _check_weights(data, list(sources))
    held_out: dict[str, list[Problem]] = {}
    if data.eval_path is not None:
        for problem in read_problems(folder / data.eval_path):
            held_out.setdefault(problem.source, []).append(problem)
    evaluation = {name: problems[: training.eval_size] for name, problems in held_out.items()}
    return ProblemSet(TrainingStream(sources, data.weights, training.seed), evaluation)


def _procedural(data: DataSection, seed: int, eval_size: int) -> ProblemSet:
    if not data.sources:
        raise UsageError(f"data.sources: empty; there are {', '.join(SOURCES)}")
    if unknown := [name for name in data.sources if name not in SOURCES]:
        raise UsageError(
            f"data.sources: no source is called {', '.join(unknown)}; there are {', '.join(SOURCES)}"
        )
    _check_weights(data, list(data.sources))

    def source(name: str, split: str) -> Source:
        return lambda index: procedural_problem(name, split, data.level, index)

    train = {name: source(name, f"train {seed}") for name in data.sources}
    evaluation = {name: [source(name, EVAL_SPLIT)(i) for i in range(eval_size)] for name in data.sources}
    return ProblemSet(TrainingStream(train, data.weights, seed), evaluation)


def procedural_problem(source: str, split: str, level: int, index: int) -> Problem:
    task = draw_task(source, split, level, index)
    return Problem(source, prompt_of(task), task.solve(exactly).answer, "exact")


def _check_weights(data: DataSection, sources: list[str]) -> None:
    if unknown := [name for name in data.weights if name not in sources]:
        raise UsageError(
            f"data.weights: no source is called {', '.join(unknown)}; there are {', '.join(sources)}"
        )


def _shuffled_sources(problems: list[Problem], seed: int) -> dict[str, Source]:
    """Each source's problems in a new order every epoch."""
    by_source: dict[str, list[Problem]] = {}
    for problem in problems:
        by_source.setdefault(problem.source, []).append(problem)

    def source(name: str, items: list[Problem]) -> Source:
        orders: dict[int, list[int]] = {}

        def problem_at(index: int) -> Problem:
            epoch, place = divmod(index, len(items))
            if epoch not in orders:
                orders.clear()
                orders[epoch] = Draws("epoch", seed, name, epoch).shuffled(range(len(items)))
            return items[orders[epoch][place]]

        return problem_at

    return {name: source(name, items) for name, items in by_source.items()}


def read_problems(path: Path) -> list[Problem]:
    """The problems of a JSONL file. Raises `SpecError` with every bad line, `UsageError` without any."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}") from None
    problems: list[Problem] = []
    faults: list[Fault] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        place = Place(str(path), number)
        read = _read_line(line)
        if isinstance(read, Problem):
            problems.append(read)
        else:
            faults.extend(Fault(message, place) for message in read)
    if faults:
        raise SpecError(faults)
    if not problems:
        raise UsageError(f"{path}: no problem in this file")
    return problems


def _read_line(line: str) -> Problem | list[str]:
    try:
        record = json.loads(line)
    except ValueError as error:
        return [f"not valid JSON: {error}"]
    if not isinstance(record, dict):
        return [f"a JSON object is expected, not {type(record).__name__}"]
    faults = list(_faults(record))
    if faults:
        return faults
    answer = record["answer"]
    return Problem(
        source=record.get("source", "data"),
        prompt=record["prompt"],
        answer=answer if isinstance(answer, str) else json.dumps(answer),
        problem_type=record.get("problem_type", "exact"),
    )


def _faults(record: dict[str, Any]) -> Iterator[str]:
    if not isinstance(record.get("prompt"), str) or not record["prompt"]:
        yield "`prompt` has to be a text that is not empty"
    answer = record.get("answer")
    if not isinstance(answer, str | int | float) or isinstance(answer, bool):
        yield "`answer` has to be a text or a number"
    source = record.get("source", "data")
    if not isinstance(source, str) or not source or "/" in source:
        yield "`source` has to be a text without `/`"
    kind = record.get("problem_type", "exact")
    if kind not in PROBLEM_TYPES:
        yield f"`problem_type` {kind!r} is unknown; there are {', '.join(PROBLEM_TYPES)}"
