"""Classes of the checked files with their dataclass fields, instances, and exceptions."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from campaign.check.values.reachability import CHILDREN
from campaign.check.values.value import Mutable, Value

if TYPE_CHECKING:
    from campaign.check.values.module_objects import ModuleObj


class FieldObj:
    """`dataclasses.field(...)`."""

    __slots__ = ("compared", "default", "factory", "in_repr", "init", "kw_only", "metadata")

    def __init__(
        self, default: Value | None, factory: Value | None, init: bool, kw_only: bool | None
    ) -> None:
        self.default = default
        self.factory = factory
        self.in_repr = True
        self.compared = True
        self.metadata: Value | None = None
        self.init = init
        self.kw_only = kw_only


class DataField:
    """A field of a dataclass or named tuple, in the order of the constructor."""

    __slots__ = ("field", "init_only", "kw_only", "name")

    def __init__(self, name: str, field: FieldObj, kw_only: bool, init_only: bool) -> None:
        self.name = name
        self.field = field
        self.kw_only = kw_only
        self.init_only = init_only
        """An `InitVar`: it is passed to `__post_init__` and is not an attribute."""


DATACLASS_METHODS = {
    "__eq__": "eq", "__repr__": "repr", "__lt__": "order", "__le__": "order", "__gt__": "order", "__ge__": "order",
}  # fmt: skip
"""Methods that `dataclass` generates, with the option that controls each; only `order` is off by default."""


class ClassObj(Mutable):
    """A class of the checked files. It is `external` when it has an external base: its instances are then the
    results of external calls, because the constructor that the base defines is not evaluated."""

    __slots__ = (
        "annotations", "bases", "builtin", "exposed", "external", "fields", "keywords", "kind", "members",
        "module", "mro", "name", "namespace", "options", "qualname",
    )  # fmt: skip

    def __init__(self, name: str, qualname: str, module: ModuleObj, bases: tuple[Value, ...]) -> None:
        super().__init__()
        self.name = name
        self.qualname = qualname
        self.module = module
        self.bases = bases
        self.namespace: dict[str, Value] = {}
        self.annotations: dict[str, ast.expr] = {}
        self.mro: tuple[ClassObj, ...] = (self,)
        self.builtin: type | None = None
        """The nearest builtin base, for exceptions and enum mix-ins."""
        self.external = False
        self.kind = "plain"
        """`plain`, `dataclass`, `enum` or `namedtuple`."""
        self.fields: list[DataField] = []
        self.options: dict[str, bool] = {}
        self.members: dict[str, InstObj] = {}
        self.keywords: dict[str, Value] = {}
        self.exposed = False
        """Passed to external code, which may inspect its annotations."""

    def find(self, name: str) -> Value | None:
        """The attribute along the method resolution order; None where the first is a method that `dataclass`
        generated."""
        for cls in self.mro:
            if name in cls.namespace:
                return cls.namespace[name]
            if cls.kind == "dataclass" and cls.generates(name):
                return None
        return None

    def generates(self, name: str) -> bool:
        """Whether `dataclass` generated a method of this class itself."""
        option = DATACLASS_METHODS.get(name)
        return option is not None and self.options.get(option, option != "order")

    def generating_class(self, name: str) -> ClassObj | None:
        """The class whose generated method is the first along the method resolution order."""
        for cls in self.mro:
            if name in cls.namespace:
                return None
            if cls.kind == "dataclass" and cls.generates(name):
                return cls
        return None


class InstObj(Mutable):
    """An instance of a class of the checked files."""

    __slots__ = ("attrs", "cls")

    def __init__(self, cls: ClassObj, attrs: dict[str, Value] | None = None) -> None:
        super().__init__()
        self.cls = cls
        self.attrs: dict[str, Value] = {} if attrs is None else attrs


def unwrap_enum(value: Value) -> Value:
    """The value of a member of an enum that mixes in `int` or `str`: the member is an instance of that type, and
    behaves as its value where the enum defines nothing else. Any other value is returned as it is."""
    payload = value.payload
    if (
        not isinstance(payload, InstObj)
        or payload.cls.kind != "enum"
        or payload.cls.builtin in (None, object)
    ):
        return value
    return Value(payload.attrs["value"].payload, value.origin)


class ErrorObj(Mutable):
    """An instance of an exception. `type` is a builtin class or a `ClassObj`; None for one that external code
    raises, of which `cause` names the operation."""

    __slots__ = ("args", "attrs", "cause", "type")

    def __init__(self, error_type: type | ClassObj | None, args: tuple[Value, ...], cause: str = "") -> None:
        super().__init__()
        self.type = error_type
        self.args = args
        self.cause = cause
        self.attrs: dict[str, Value] = {}


CHILDREN.update(
    {
        InstObj: lambda payload: list(payload.attrs.values()),
        ErrorObj: lambda payload: list(payload.attrs.values()),
    }
)
