"""How far an evaluation goes, and how it stops: budgets, raised exceptions, decided tests."""

from __future__ import annotations

from campaign.check.values.class_objects import ErrorObj
from campaign.check.values.value import Origin, Value

STEPS = 400_000
"""Statements and expressions for one target, all its cases together: about a second."""
CALL_DEPTH = 400
"""Nested calls of functions of the checked files."""
CASES = 64
"""Ways in which tests on run-time values may come out, for one target."""
ANCESTORS = 200
"""Classes above one that has several bases."""
KEY_PARTS = 10_000
"""Constants in a tuple that is a key, one that occurs twice counted twice."""
SIZE = 1_000_000
"""Elements or characters of one value."""
FILE_BYTES = 1_000_000
"""A larger file is not read."""
CHARACTERS_A_STEP = 256
"""Characters that an operation on a text may go through for one step."""
ELEMENTS_A_STEP = 8
"""Elements that a copy may take for one step."""
SECONDS = 4.0
"""Processor time for one target, or for one comparison: a backstop that the steps stay far below."""


class TookTooLong(BaseException):
    """Raised within what takes more than `SECONDS`; no handler of the evaluator's may catch it on the way."""


class Halt(Exception):
    """The evaluation cannot go on: what follows is not known."""

    def __init__(self, reason: str, origin: Origin | None = None, suggestion: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.origin = origin
        self.suggestion = suggestion


class Raised(Exception):
    """The checked code raises an exception."""

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
    """How tests on run-time values come out in one case. The same test always comes out the same way."""

    def __init__(self, given: dict[str, bool]) -> None:
        self.taken: dict[str, bool] = dict(given)
        self.fresh: list[str] = []
        """Keys decided in this case for the first time; each has another case where it comes out False."""

    def decide(self, key: str) -> bool:
        if key not in self.taken:
            if len(self.fresh) >= CASES:
                raise Halt(
                    f"more than {CASES} tests on run-time values", None, "test fewer environment variables"
                )
            self.taken[key] = True
            self.fresh.append(key)
        return self.taken[key]

    def assume(self, key: str) -> bool:
        """Like `decide`, where the other outcome leaves no configuration to compare."""
        return self.taken.setdefault(key, True)

    def alternatives(self, given: dict[str, bool]) -> list[dict[str, bool]]:
        """The cases that this one leaves open, each as what has to be given."""
        before = {key: value for key, value in self.taken.items() if key in given or key not in self.fresh}
        cases = []
        for key in self.fresh:
            cases.append({**before, key: False})
            before[key] = True
        return cases
