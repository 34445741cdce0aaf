"""Limits of an evaluation, and the ways in which it ends: refused, raised, or split by an undecided test."""

from __future__ import annotations

from campaign.check.values.class_objects import ErrorObj
from campaign.check.values.value import Origin, Value

STEPS = 400_000
"""Statements and expressions per target, summed over its cases: about one second."""
CALL_DEPTH = 400
"""Nested calls of functions of the checked files."""
IMPORT_DEPTH = 100
"""Nested imports of checked files."""
CASES = 64
"""Combinations of outcomes of run-time tests, per target."""
ANCESTORS = 200
"""Classes that a class with several bases may inherit from."""
KEY_PARTS = 10_000
"""Constants in a tuple that is a key; one that occurs twice counts twice."""
SIZE = 1_000_000
"""Elements or characters of one value."""
FILE_BYTES = 1_000_000
"""A larger file is not read."""
CHARACTERS_A_STEP = 256
"""Characters that a string operation may process per step."""
ELEMENTS_A_STEP = 8
"""Elements that a copy may take per step."""
SECONDS = 4.0
"""Processor time for one target or one comparison: a backstop that the limit on steps stays far below."""


class TookTooLong(BaseException):
    """Raised when an evaluation takes more than `SECONDS`."""

    # Not an `Exception`: no handler between the alarm and its caller may catch it.


class Halt(Exception):
    """The evaluation ends, because the checker cannot evaluate what comes next."""

    def __init__(self, reason: str, origin: Origin | None, suggestion: str) -> None:
        super().__init__(reason)
        self.reason = reason
        """A sentence without a full stop that says what cannot be evaluated, and why."""
        self.origin = origin
        self.suggestion = suggestion
        """The edit of the checked files that makes them provable."""


class Raised(Exception):
    """An exception that the checked code raises."""

    def __init__(self, error: Value) -> None:
        super().__init__()
        self.error = error

    @property
    def name(self) -> str:
        payload = self.error.payload
        if not isinstance(payload, ErrorObj) or payload.type is None:
            return "an exception"
        return payload.type.__name__ if isinstance(payload.type, type) else payload.type.name

    @property
    def message(self) -> str:
        payload = self.error.payload
        args = payload.args if isinstance(payload, ErrorObj) else ()
        return ", ".join(str(arg.payload) for arg in args if isinstance(arg.payload, str | int | float))[:200]


class Decisions:
    """The outcomes of run-time tests in one case. A test that occurs again has the same outcome.

    That is sound because the key of a test identifies its value: two tests share a key only where Python would
    compute the same value for both.
    """

    def __init__(self, fixed: dict[str, bool]) -> None:
        self.taken: dict[str, bool] = dict(fixed)
        self.fresh: list[str] = []
        """Keys decided in this case for the first time; each has another case in which it is False."""

    def decide(self, key: str) -> bool:
        if key not in self.taken:
            if len(self.fresh) >= CASES:
                reason = f"the file has more than {CASES} tests on run-time values"
                raise Halt(reason, None, "test fewer environment variables")
            self.taken[key] = True
            self.fresh.append(key)
        return self.taken[key]

    def assume(self, key: str) -> bool:
        """The outcome of a test whose failure leaves no configuration to compare: True unless decided before."""
        return self.taken.setdefault(key, True)

    def alternatives(self, fixed: dict[str, bool]) -> list[dict[str, bool]]:
        """The cases that this one leaves open, each as the outcomes that it starts from."""
        # A depth-first enumeration: the n-th alternative repeats the first n-1 fresh outcomes and turns the n-th
        # one. Together with this case they cover every combination that can occur, each once.
        before = {key: value for key, value in self.taken.items() if key in fixed or key not in self.fresh}
        cases = []
        for key in self.fresh:
            cases.append({**before, key: False})
            before[key] = True
        return cases
