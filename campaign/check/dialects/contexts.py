"""Context managers that are known: `read_base()`, `unlocked()`, `suppress`."""

from __future__ import annotations

from collections.abc import Callable

from campaign.check.limits import Raised
from campaign.check.machine import Completion, Machine
from campaign.check.values import DictObj, Opaque, Origin, Sym, Value

Leave = Callable[[Callable[[], Completion]], Completion]


def known_context(machine: Machine, context: Value, at: Origin) -> tuple[Value, Leave] | None:
    """What a `with` binds, and how its body is run."""
    payload = context.payload
    if isinstance(payload, DictObj) and payload.flavour == "unlocked":
        return Value(None, at), lambda body: body()
    if not isinstance(payload, Opaque) or not isinstance(payload.callee.payload, Sym):
        return None
    name = payload.callee.payload.name
    if name.endswith(".read_base"):
        return Value(None, at), lambda body: _reading_base(machine, body)
    if name == "contextlib.suppress":
        return Value(None, at), lambda body: _suppressed(machine, payload, body, at)
    return None


def _reading_base(machine: Machine, body: Callable[[], Completion]) -> Completion:
    before, machine.reading_base = machine.reading_base, True
    try:
        return body()
    finally:
        machine.reading_base = before


def _suppressed(machine: Machine, payload: Opaque, body: Callable[[], Completion], at: Origin) -> Completion:
    from campaign.check.exceptions import catches

    machine.tries += 1
    try:
        return body()
    except Raised as raised:
        if not any(catches(machine, raised.error, wanted, at) for wanted in payload.args):
            raise
        return None
    finally:
        machine.tries -= 1
