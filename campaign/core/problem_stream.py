"""Training and evaluation problems, in an order that depends on the seed only.

A problem is a function of its position in the stream and not of earlier random draws, so all conditions with
the same seed see the same problems in the same order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from campaign.core.dotted import load_function
from campaign.core.randomness import Draws
from campaign.core.tasks import EVAL_SPLIT, SOURCES, draw_task, prompt_of, write_exactly
from campaign.core.verify import PROBLEM_TYPES
from campaign.errors import Place, SpecError, UsageError
from campaign.errors import Problem as Fault
from campaign.folder.regular_files import read_regular
from campaign.spec.config import DataSection, RunConfig
from campaign.spec.files import LARGEST_DATA


@dataclass(frozen=True, slots=True)
class Problem:
    """A prompt, and the answer against which completions are scored."""

    source: str
    prompt: str
    answer: str
    problem_type: str


Source = Callable[[int], Problem]
"""Index -> problem of a source."""


class TrainingStream:
    """An infinite stream of problems from several sources: round-robin, or sampled when weights differ."""

    def __init__(self, sources: Mapping[str, Source], weights: Mapping[str, float], seed: int) -> None:
        self._sources = dict(sources)
        self._names = list(sources)
        self._weights = [weights.get(name, 1.0) for name in self._names]
        self._weighted = len(set(self._weights)) > 1
        self._seed = seed
        self._plan: list[tuple[str, int]] = []
        self._used = dict.fromkeys(self._names, 0)

    def batch(self, step: int, size: int) -> list[Problem]:
        """The problems of one step."""
        while len(self._plan) < (step + 1) * size:
            name = self._source_at(len(self._plan))
            self._plan.append((name, self._used[name]))
            self._used[name] += 1
        return [self._sources[name](index) for name, index in self._plan[step * size : (step + 1) * size]]

    def _source_at(self, position: int) -> str:
        if not self._weighted:
            return self._names[position % len(self._names)]
        remaining = Draws("mixture", self._seed, position).unit() * sum(self._weights)
        for name, weight in zip(self._names, self._weights, strict=True):
            remaining -= weight
            if remaining < 0:
                return name
        return self._names[-1]  # rounding can leave a remainder of 0


@dataclass(frozen=True, slots=True)
class ProblemSet:
    train: TrainingStream
    evaluation: dict[str, list[Problem]]
    """Source -> held-out problems, the same for every run; empty when there are none."""


def load_problems(config: RunConfig, folder: Path) -> ProblemSet:
    """Loads the problems that `[data]` configures. Paths are relative to `folder`. Raises `SpecError` for an
    invalid problem file and `UsageError` for an invalid configuration."""
    data, training = config.data, config.training
    if data.path is None:
        return _procedural(data, training.seed, training.eval_size)
    _check_content(folder / data.path, data, "path_sha256")
    sources = _shuffled_sources(read_problems(folder / data.path), training.seed)
    _check_weights(data, list(sources))
    held_out: dict[str, list[Problem]] = {}
    if data.eval_path is not None:
        _check_content(folder / data.eval_path, data, "eval_path_sha256")
        for problem in read_problems(folder / data.eval_path):
            held_out.setdefault(problem.source, []).append(problem)
    evaluation = {name: problems[: training.eval_size] for name, problems in held_out.items()}
    return ProblemSet(TrainingStream(sources, data.weights, training.seed), evaluation)


def _procedural(data: DataSection, seed: int, eval_size: int) -> ProblemSet:
    if not data.sources:
        raise UsageError(f"data.sources is empty; expected some of {', '.join(SOURCES)}")
    _check_weights(data, list(data.sources))

    def source(name: str, split: str) -> Source:
        problem_of = task_source(name)
        return lambda index: problem_of(split, data.level, index)

    train = {name: source(name, f"train {seed}") for name in data.sources}
    held_out = {name: source(name, EVAL_SPLIT) for name in data.sources}
    evaluation = {name: [problem_at(i) for i in range(eval_size)] for name, problem_at in held_out.items()}
    return ProblemSet(TrainingStream(train, data.weights, seed), evaluation)


def _check_content(path: Path, data: DataSection, field: str) -> None:
    """Raises `UsageError` when a file has changed since the run was planned, if its hash was recorded."""
    planned = data.model_dump().get(field)
    if planned and path.is_file():
        found = hashlib.sha256(read_regular(path, LARGEST_DATA)).hexdigest()
        if found != planned:
            raise UsageError(
                f"{path} has changed since the run was planned (data.{field}); submit the campaign again"
            )


TaskSource = Callable[[str, int, int], Problem]
"""(split, level, index) -> problem."""


def task_source(name: str) -> TaskSource:
    """A built-in procedural source, or a user's function named by its dotted path.

    The function is called as `fn(split, level, index)` and returns a mapping with `prompt`, `answer` and
    optionally `problem_type`. It must be a pure function, and the problems of the split `eval` must not occur
    in other splits.
    """
    if name in SOURCES:
        return partial(procedural_problem, name)
    function = load_function(name, "data.sources", SOURCES)

    def problem(split: str, level: int, index: int) -> Problem:
        record = function(split, level, index)
        if not isinstance(record, Mapping):
            raise UsageError(f"data.sources: {name} returned {type(record).__name__} instead of a mapping")
        if faults := list(_faults({**record, "source": name})):
            raise UsageError(f"data.sources: {name}: {'; '.join(faults)}")
        return _problem_of({**record, "source": name})

    return problem


def procedural_problem(source: str, split: str, level: int, index: int) -> Problem:
    task = draw_task(source, split, level, index)
    return Problem(source, prompt_of(task), task.solve(write_exactly).answer, "exact")


def _check_weights(data: DataSection, sources: list[str]) -> None:
    if unknown := [name for name in data.weights if name not in sources]:
        raise UsageError(
            f"data.weights: no source is called {', '.join(unknown)}; the sources are {', '.join(sources)}"
        )


def _shuffled_sources(problems: list[Problem], seed: int) -> dict[str, Source]:
    """The problems of each source, in a new permutation in every epoch."""
    by_source: dict[str, list[Problem]] = {}
    for problem in problems:
        by_source.setdefault(problem.source, []).append(problem)

    def source(name: str, items: list[Problem]) -> Source:
        orders: dict[int, list[int]] = {}

        def problem_at(index: int) -> Problem:
            epoch, position = divmod(index, len(items))
            if epoch not in orders:
                orders.clear()  # indices ascend, so one epoch at a time suffices
                orders[epoch] = Draws("epoch", seed, name, epoch).shuffled(range(len(items)))
            return items[orders[epoch][position]]

        return problem_at

    return {name: source(name, items) for name, items in by_source.items()}


def read_problems(path: Path) -> list[Problem]:
    """Reads the problems of a JSONL file. Raises `SpecError` with all invalid lines, and `UsageError` when
    the file is unreadable or has no problem."""
    try:
        text = read_regular(path, LARGEST_DATA).decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from None
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
        raise UsageError(f"{path}: this file contains no problems")
    return problems


def _read_line(line: str) -> Problem | list[str]:
    try:
        record = json.loads(line)
    except ValueError as error:
        return [f"not valid JSON: {error}"]
    if not isinstance(record, dict):
        return [f"expected a JSON object, not {type(record).__name__}"]
    faults = list(_faults(record))
    if faults:
        return faults
    return _problem_of(record)


def _problem_of(record: Mapping[str, Any]) -> Problem:
    answer = record["answer"]
    return Problem(
        source=record.get("source", "data"),
        prompt=record["prompt"],
        answer=answer if isinstance(answer, str) else json.dumps(answer),
        problem_type=record.get("problem_type", "exact"),
    )


def _faults(record: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(record.get("prompt"), str) or not record["prompt"]:
        yield "`prompt` must be a nonempty string"
    answer = record.get("answer")
    if not isinstance(answer, str | int | float) or isinstance(answer, bool):
        yield "`answer` must be a string or a number"
    source = record.get("source", "data")
    if not isinstance(source, str) or not source or "/" in source:
        yield "`source` must be a nonempty string without `/`"
    kind = record.get("problem_type", "exact")
    if kind not in PROBLEM_TYPES:
        yield f"`problem_type` {kind!r} is unknown; expected {', '.join(PROBLEM_TYPES)}"
