"""Context managers that are known: `read_base()`, `unlocked()`, `suppress`."""

from __future__ import annotations

from collections.abc import Callable

from campaign.check.evaluator.state import Completion, Evaluator
from campaign.check.values.lattice import DictObj, ExternalCall, ExternalName, Origin, Value
from campaign.check.values.limits import Raised

Leave = Callable[[Callable[[], Completion]], Completion]


def known_context(evaluator: Evaluator, context: Value, at: Origin) -> tuple[Value, Leave] | None:
    """What a `with` binds, and how its body is run."""
    payload = context.payload
    if isinstance(payload, DictObj) and payload.flavour == "unlocked":
        return Value(None, at), lambda body: body()
    if not isinstance(payload, ExternalCall) or not isinstance(payload.callee.payload, ExternalName):
        return None
    name = payload.callee.payload.name
    if name.endswith(".read_base"):
        return Value(None, at), lambda body: _reading_base(evaluator, body)
    if name == "contextlib.suppress":
        return Value(None, at), lambda body: _suppressed(evaluator, payload, body, at)
    return None


def _reading_base(evaluator: Evaluator, body: Callable[[], Completion]) -> Completion:
    before, evaluator.reading_base = evaluator.reading_base, True
    try:
        return body()
    finally:
        evaluator.reading_base = before


def _suppressed(
    evaluator: Evaluator, payload: ExternalCall, body: Callable[[], Completion], at: Origin
) -> Completion:
    from campaign.check.evaluator.exceptions import catches

    evaluator.tries += 1
    try:
        return body()
    except Raised as raised:
        if not any(catches(evaluator, raised.error, wanted, at) for wanted in payload.args):
            raise
        return None
    finally:
        evaluator.tries -= 1
