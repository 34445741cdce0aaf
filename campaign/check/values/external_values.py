"""External values: names, calls and operations that are not evaluated, and values that cannot be known."""

from __future__ import annotations

from typing import Any

from campaign.check.values.reachability import CHILDREN, OPAQUE, input_versions, versions
from campaign.check.values.value import Mutable, Origin, Value


class ExternalName:
    """A name from outside, for example `torch.optim.AdamW`. `epoch` counts the outside effects before
    the read."""

    __slots__ = ("epoch", "module", "name")

    def __init__(self, name: str, module: str, epoch: int) -> None:
        self.name = name
        self.module = module
        self.epoch = epoch


class Effect:
    """Something done to the outside, or to an opaque object, in order."""

    __slots__ = ("args", "escaped", "input_versions", "kwargs", "name", "origin", "target")

    def __init__(
        self,
        name: str,
        target: Value | None,
        args: tuple[Value, ...],
        kwargs: dict[str, Value],
        origin: Origin,
    ) -> None:
        self.escaped: list[Any] = []
        """Own objects that it may have changed."""
        self.name = name
        self.target = target
        self.args = args
        self.kwargs = kwargs
        self.origin = origin
        self.input_versions = input_versions(args, kwargs)


class ExternalCall(Mutable):
    """The result of calling something from outside: its callee, arguments, later fields and effects in
    order."""

    __slots__ = ("args", "callee", "epoch", "fields", "input_versions", "kwargs", "log", "operation_count")

    def __init__(
        self,
        callee: Value,
        args: tuple[Value, ...],
        kwargs: dict[str, Value],
        epoch: int,
        inside: list[Any] | None = None,
    ) -> None:
        """`inside` is `parts` of the arguments, where the caller has it."""
        super().__init__()
        self.callee = callee
        self.args = args
        self.kwargs = kwargs
        self.epoch = epoch
        self.fields: dict[str, Value] = {}
        self.log: list[Effect] = []
        self.operation_count = 0
        """How often something was done to it that a later look at it may see, going through it included."""
        self.input_versions = input_versions(args, kwargs) if inside is None else versions(inside)
        """Mutable objects that went in, with their version then: changed later, the proof stops."""


class SymbolicOperation:
    """An operation on something only known at run time. Equal only to the same operation on equal
    operands."""

    __slots__ = ("epoch", "op", "operands", "roots", "stable")

    def __init__(
        self,
        op: str,
        operands: tuple[Value, ...],
        roots: tuple[tuple[ExternalCall, int], ...],
        epoch: int = 0,
        stable: bool = False,
    ) -> None:
        self.op = op
        self.operands = operands
        self.roots = roots
        """Opaque objects it was read from, with their number of operation_count then."""
        self.epoch = epoch
        """The outside effects before it was computed, where one of them could have changed an operand."""
        self.stable = stable
        """A plain value that nothing changes any more."""


class Unknown:
    """Cannot be known. Never equal to anything."""

    __slots__ = ("reason", "suggestion")

    def __init__(self, reason: str, suggestion: str = "") -> None:
        self.reason = reason
        self.suggestion = suggestion


class Nondeterministic:
    """Differs from run to run. Never equal to anything, itself included."""

    __slots__ = ("source",)

    def __init__(self, source: str) -> None:
        self.source = source


class Placeholder(Nondeterministic):
    """mmengine's `{{_base_.x}}` while the file runs: a random text, replaced afterwards where it is a
    whole value."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        super().__init__("a part of the placeholder {{_base_." + path + "}}")
        self.path = path


def propagate_unknown(payload: Any) -> Any:
    """What an operation makes of something unknown: a placeholder is no placeholder any more."""
    return Nondeterministic(payload.source) if isinstance(payload, Placeholder) else payload


EXTERNAL = (ExternalName, ExternalCall, SymbolicOperation)

NEVER_EQUAL = (Unknown, Nondeterministic)


def _children_of_external_call(payload: ExternalCall) -> list[Value]:
    effects = [value for effect in payload.log for value in (*effect.args, *effect.kwargs.values())]
    return [payload.callee, *payload.args, *payload.kwargs.values(), *payload.fields.values(), *effects]


CHILDREN.update(
    {
        ExternalCall: _children_of_external_call,
        SymbolicOperation: lambda payload: list(payload.operands),
    }
)
OPAQUE.update({ExternalCall, SymbolicOperation})
