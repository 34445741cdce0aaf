"""The error model.

Every error that a user can fix is a `CampaignError`. Its class is the category, and its `exit_code` is the exit code
of the process. The command line prints it without a traceback (``--debug`` shows one). Any other exception is a bug.

| class              | exit | when                                                              |
|--------------------|------|-------------------------------------------------------------------|
| `RunsFailed`       | 1    | runs failed or are short, a verdict is FAILED                     |
| `StaleRuns`        | 1    | done runs have other settings than the spec; the user must decide |
| `Confounded`       | 1    | conditions differ outside the fields under test                   |
| `UsageError`       | 2    | an invalid flag, path or name                                     |
| `SpecError`        | 2    | the campaign file is invalid; has all problems of the file        |
| `Unproven`         | 3    | neither proven nor refuted; a verdict INCONCLUSIVE or exploratory |
| `InternalDisagreement` | 3 | evaluating a module and importing it give different configurations |
| `Infeasible`       | 4    | no backend, or resources that no node can offer                   |
| `MissingPackage`   | 4    | the command needs a package that this installation lacks          |
| `Incomplete`       | 5    | stopped before everything was done; the same command resumes      |
| `StorageFull`      | 5    | no space left on a disk; the same command resumes                 |
| `Interrupted`      | 130  | Ctrl-C                                                            |

To add one, subclass, set `exit_code`, and add a row here. Exceptions are pickled between processes (Ray), and unpickled
as `cls(*args)`: `__init__` must take only positional arguments and pass all of them on as `args`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a user's file; line and column are counted from 1."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of the input, written for the user."""

    message: str
    place: Place | None = None
    path: str = ""
    """Dotted path of the field, for example ``training.lr``."""
    hint: str = ""
    """The fix: what is legal, the arithmetic, or a similar name."""

    def __str__(self) -> str:
        head = f"{self.place}: " if self.place else ""
        path = f"{self.path}: " if self.path else ""
        tail = f"\n    {self.hint}" if self.hint else ""
        return f"{head}{path}{self.message}{tail}"


class CampaignError(Exception):
    """Base of all errors that are printed as a message, without a traceback."""

    exit_code = 2


class RunsFailed(CampaignError):
    exit_code = 1


class StaleRuns(CampaignError):
    exit_code = 1


class Confounded(CampaignError):
    exit_code = 1


class UsageError(CampaignError):
    exit_code = 2


class SpecError(CampaignError):
    """The campaign file is invalid. Has *all* its problems, in the order of the file."""

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


class InternalDisagreement(Unproven):
    """Evaluating a module and importing it give different trees: a bug in campaign, never a mistake of the user."""


class Infeasible(CampaignError):
    exit_code = 4


class MissingPackage(Infeasible):
    """The command needs a package that is not installed; the message has the command that installs it."""


class Incomplete(CampaignError):
    exit_code = 5


class StorageFull(Incomplete):
    exit_code = 5


class Interrupted(CampaignError):
    exit_code = 130
