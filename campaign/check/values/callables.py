"""Functions, builtins, bound methods, `functools.partial`, the builtin descriptors, and `super()`."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from campaign.check.values.reachability import CHILDREN
from campaign.check.values.value import Mutable, Value

if TYPE_CHECKING:
    from campaign.check.values.class_objects import ClassObj
    from campaign.check.values.module_objects import ModuleObj
    from campaign.check.values.scope import Scope


class FuncObj(Mutable):
    """A function. Its defaults are evaluated once, at the definition; the variables it closes over are looked up in
    the scope at each call."""

    __slots__ = (
        "attrs", "defaults", "exposed", "kw_defaults", "module", "name", "node", "owner", "qualname", "scope",
    )  # fmt: skip

    def __init__(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        scope: Scope,
        defaults: list[Value],
        kw_defaults: dict[str, Value],
        name: str,
        qualname: str,
        module: ModuleObj,
    ) -> None:
        super().__init__()
        self.node = node
        self.scope = scope
        self.defaults = defaults
        self.kw_defaults = kw_defaults
        self.name = name
        self.qualname = qualname
        self.module = module
        self.owner: ClassObj | None = None
        self.attrs: dict[str, Value] = {}
        self.exposed = False
        """Passed to external code, which may inspect its annotations."""


class Builtin:
    """A function that has a model: `call(evaluator, args, site)`. `holder` is the object that a method is bound to.
    `check(evaluator, args, at)` refuses arguments that Python refuses, see `campaign/check/builtins/signatures.py`."""

    __slots__ = ("call", "check", "holder", "name")

    def __init__(
        self,
        name: str,
        call: Callable[..., Value],
        holder: Value | None = None,
        check: Callable[..., Any] | None = None,
    ) -> None:
        self.name = name
        self.call = call
        self.holder = holder
        self.check = check


class BoundMethod:
    """A function of the checked files bound to its first argument."""

    __slots__ = ("function", "receiver")

    def __init__(self, function: Value, receiver: Value) -> None:
        self.function = function
        self.receiver = receiver


class Partial:
    """`functools.partial(function, *args, **kwargs)`."""

    __slots__ = ("args", "function", "kwargs")

    def __init__(self, function: Value, args: tuple[Value, ...], kwargs: dict[str, Value]) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs


class DescriptorObj:
    """`property`, `staticmethod` or `classmethod` around a function."""

    __slots__ = ("function", "kind", "setter")

    def __init__(self, kind: str, function: Value, setter: Value | None = None) -> None:
        self.kind = kind
        self.function = function
        self.setter = setter


class SuperObj:
    """`super()`: attributes are looked up after `cls` in the method resolution order of the receiver's class."""

    __slots__ = ("cls", "receiver")

    def __init__(self, cls: ClassObj, receiver: Value) -> None:
        self.cls = cls
        self.receiver = receiver


CHILDREN.update(
    {
        Partial: lambda payload: [payload.function, *payload.args, *payload.kwargs.values()],
        BoundMethod: lambda payload: [payload.function, payload.receiver],
    }
)
