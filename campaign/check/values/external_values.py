"""External values: names, calls and operations that are not evaluated, and values that cannot be known."""

from __future__ import annotations

from typing import Any

from campaign.check.values.reachability import CHILDREN, OPAQUE, input_versions, versions
from campaign.check.values.value import Mutable, Origin, Value


class ExternalName:
    """An external name, for example `torch.optim.AdamW`. `epoch` counts the external effects before it was read."""

    __slots__ = ("epoch", "module", "name")

    def __init__(self, name: str, module: str, epoch: int) -> None:
        self.name = name
        self.module = module
        self.epoch = epoch


class Effect:
    """An effect on the environment or on an external object."""

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
        """Objects of the checked files that it may have changed."""
        self.name = name
        self.target = target
        self.args = args
        self.kwargs = kwargs
        self.origin = origin
        self.input_versions = input_versions(args, kwargs)


class ExternalCall(Mutable):
    """The result of an external call: callee and arguments, then the attributes set and the effects on it, in order."""

    __slots__ = ("args", "callee", "epoch", "fields", "input_versions", "kwargs", "log", "operation_count")

    def __init__(
        self,
        callee: Value,
        args: tuple[Value, ...],
        kwargs: dict[str, Value],
        epoch: int,
        inside: list[Any] | None = None,
    ) -> None:
        """`inside` is `directly_reachable` of the arguments, where the caller has computed it already."""
        super().__init__()
        self.callee = callee
        self.args = args
        self.kwargs = kwargs
        self.epoch = epoch
        self.fields: dict[str, Value] = {}
        self.log: list[Effect] = []
        self.operation_count = 0
        """Operations so far that a later read may depend on: changes, and iterations, which may exhaust it."""
        self.input_versions = input_versions(args, kwargs) if inside is None else versions(inside)
        """The mutable inputs with their versions at the call. The object may keep a reference to an input, so one that
        changes later changes the object unseen, and the proof ends."""


class SymbolicOperation:
    """An operation on a value only known at run time. It equals the same operation on equal operands only."""

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
        """External objects that it was read from, with their `operation_count` at that time."""
        self.epoch = epoch
        """The number of external effects before it, where one of them could have changed an operand."""
        self.stable = stable
        """No later effect can change the result: it is a number, a string or a truth value."""


class Unknown:
    """A value that cannot be known. It is never equal to anything."""

    __slots__ = ("reason", "suggestion")

    def __init__(self, reason: str, suggestion: str) -> None:
        self.reason = reason
        self.suggestion = suggestion


class Nondeterministic:
    """A value that differs between runs. It is never equal to anything, itself included."""

    __slots__ = ("source",)

    def __init__(self, source: str) -> None:
        self.source = source


class Placeholder(Nondeterministic):
    """mmengine's `{{_base_.x}}` while the file is executed: a random string, which is replaced afterwards where
    it is a whole value."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        super().__init__("a part of the placeholder {{_base_." + path + "}}")
        self.path = path


def propagate_unknown(payload: Any) -> Any:
    """The result of an operation on a payload that is never equal. One on a placeholder is no longer the whole
    placeholder, so mmengine does not replace it."""
    return Nondeterministic(payload.source) if isinstance(payload, Placeholder) else payload


EXTERNAL = (ExternalName, ExternalCall, SymbolicOperation)
EXTERNAL_TYPES = frozenset(EXTERNAL)
NEVER_EQUAL_TYPES = frozenset({Unknown, Nondeterministic, Placeholder})


def is_external(payload: Any) -> bool:
    return type(payload) in EXTERNAL_TYPES


def is_never_equal(payload: Any) -> bool:
    """Whether a payload cannot be known, or differs between runs."""
    return type(payload) in NEVER_EQUAL_TYPES


def is_unevaluated(payload: Any) -> bool:
    """Whether a payload has no value before run time: it is external, or it is never equal to anything."""
    return type(payload) in EXTERNAL_TYPES or type(payload) in NEVER_EQUAL_TYPES


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
