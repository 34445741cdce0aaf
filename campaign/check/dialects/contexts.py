"""Context managers that are known: `read_base()`, `unlocked()`, `suppress`."""

from __future__ import annotations

from collections.abc import Callable

from campaign.check.dialects.mappings import MMENGINE, UNLOCKED
from campaign.check.evaluator.exceptions import catches
from campaign.check.evaluator.state import CONTEXTS, Completion, Evaluator
from campaign.check.values import DictObj, ExternalCall, ExternalName, Origin, Value
from campaign.check.values.limits import Raised

Leave = Callable[[Callable[[], Completion]], Completion]


def known_context(evaluator: Evaluator, context: Value, at: Origin) -> tuple[Value, Leave] | None:
    """What a `with` binds, and how its body is run."""
    payload = context.payload
    if isinstance(payload, DictObj) and payload.dialect is UNLOCKED:
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
    if evaluator.fresh_imports:
        return body()
    before, evaluator.base_dialect = evaluator.base_dialect, MMENGINE
    try:
        return body()
    finally:
        evaluator.base_dialect = before


def _suppressed(
    evaluator: Evaluator, payload: ExternalCall, body: Callable[[], Completion], at: Origin
) -> Completion:
    evaluator.tries += 1
    try:
        return body()
    except Raised as raised:
        if not any(catches(evaluator, raised.error, wanted, at) for wanted in payload.args):
            raise
        return None
    finally:
        evaluator.tries -= 1


CONTEXTS.append(known_context)
