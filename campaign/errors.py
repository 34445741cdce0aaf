"""The whole error model.

Every mistake of a user, and every state of the world that stops us, is a `CampaignError` whose class
says which boundary it was met at and whose `exit_code` is the process's. The command line prints it
without a traceback (``--debug`` shows one). A bug of ours is any other exception.

| class              | exit | when                                                              |
|--------------------|------|-------------------------------------------------------------------|
| `RunsFailed`       | 1    | runs failed, a verdict is FAILED                                  |
| `Confounded`       | 1    | conditions differ outside the fields under test                   |
| `UsageError`       | 2    | a flag, a path or a name that does not fit                        |
| `SpecError`        | 2    | the campaign file is invalid: carries every problem of the file   |
| `Unproven`         | 3    | neither proven nor refuted; a verdict is INCONCLUSIVE             |
| `Infeasible`       | 4    | no backend, or resources that no node can ever offer              |
| `Incomplete`       | 5    | stopped before everything was done; the same command goes on      |
| `Interrupted`      | 130  | Ctrl-C                                                            |

To add one: subclass, set `exit_code`, add a row here. Exceptions cross process boundaries (Ray), so
`__init__` takes only its positional arguments and `args` holds them all: then they pickle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a file a user wrote; line and column count from 1."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the input, said for the person who wrote it."""

    message: str
    place: Place | None = None
    path: str = ""
    """Dotted path of the field, for example ``training.lr``."""
    hint: str = ""
    """What is legal, the arithmetic, or the nearest name."""

    def __str__(self) -> str:
        head = f"{self.place}: " if self.place else ""
        path = f"{self.path}: " if self.path else ""
        tail = f"\n    {self.hint}" if self.hint else ""
        return f"{head}{path}{self.message}{tail}"


class CampaignError(Exception):
    """Base of everything that is told to the user instead of shown as a traceback."""

    exit_code = 2


class RunsFailed(CampaignError):
    exit_code = 1


class Confounded(CampaignError):
    exit_code = 1


class UsageError(CampaignError):
    exit_code = 2


class SpecError(CampaignError):
    """The campaign file is invalid. Carries *all* its problems, in the order of the file."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(tuple(problems))

    @property
    def problems(self) -> tuple[Problem, ...]:
        problems: tuple[Problem, ...] = self.args[0]
        return problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class Unproven(CampaignError):
    exit_code = 3


class Infeasible(CampaignError):
    exit_code = 4


class Incomplete(CampaignError):
    exit_code = 5


class Interrupted(CampaignError):
    exit_code = 130
