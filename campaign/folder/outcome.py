"""How one attempt ended: the content of its `result.json`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from campaign.folder.atomic_files import read_json
from campaign.folder.paths import AttemptPaths
from campaign.redact import shown

OutcomeKind = Literal["finished", "failed", "killed", "stopped", "fenced", "blind", "duplicate"]
"""finished: the core exited with 0.
failed: the core exited with another code, died of a signal that its own code causes, such as SIGSEGV, or ran out of
memory.
killed: a signal that campaign did not send ended the core, or the worker died.
stopped: campaign asked the core to stop.
fenced: a later attempt owns the run.
blind: the supervisor could not read the campaign's folder and ended the attempt.
duplicate: another supervisor has claimed this attempt.
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt ended. The controller decides what that means for the run."""

    kind: OutcomeKind
    number: int
    exit_code: int | None = None
    signal: str = ""
    seconds: float = 0.0
    reason: str = ""
    """For `finished`: the order to stop that the core had before it ended, if any."""
    log_tail: tuple[str, ...] = ()
    traceback: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def redacted(self, secrets: tuple[str, ...]) -> Outcome:
        """The outcome as it is kept and shown: the core's words without secrets and control characters."""
        return replace(
            self,
            reason=shown(self.reason, secrets),
            log_tail=tuple(shown(line, secrets) for line in self.log_tail),
            traceback=shown(self.traceback, secrets),
        )

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Outcome:
        """Ignores unknown keys. Raises `TypeError` when `kind` or `number` is missing, or a value has another type
        than `to_json` writes."""
        values = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        if wrong := [name for name, value in values.items() if not _FITS[name](value)]:
            raise TypeError(f"not an outcome: {', '.join(wrong)}")
        return cls(**{**values, "log_tail": tuple(values.get("log_tail", ()))})

    @property
    def message(self) -> str:
        """One line for a table or a log."""
        if self.traceback.strip():
            return self.traceback.strip().splitlines()[-1]
        if self.reason:
            return self.reason
        last = next((line for line in reversed(self.log_tail) if line.strip()), "")
        if self.signal:
            return f"killed by {self.signal}" + (f": {last}" if last else "")
        if self.exit_code:
            return f"exit code {self.exit_code}" + (f": {last}" if last else "")
        return self.kind


def read_outcome(attempt: AttemptPaths) -> Outcome | None:
    """None while the attempt has no result, or one that does not say how the attempt ended: a core may write a file
    of that name too."""
    document = read_json(attempt.result)
    if document is None:
        return None
    try:
        return Outcome.from_json({**document, "number": attempt.number})
    except TypeError:
        return None


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_FITS: Mapping[str, Callable[[Any], bool]] = {
    "kind": lambda value: value in get_args(OutcomeKind),
    "number": _is_whole,
    "exit_code": lambda value: value is None or _is_whole(value),
    "signal": _is_text,
    "seconds": lambda value: isinstance(value, float) or _is_whole(value),
    "reason": _is_text,
    "log_tail": lambda value: isinstance(value, list | tuple) and all(map(_is_text, value)),
    "traceback": _is_text,
}
"""Field -> whether a value of `result.json` can be its value."""
