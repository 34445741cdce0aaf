"""The lattice: what a value can be while a configuration is evaluated without being run.

A `Value` is a payload and the origin it came from. Payloads are plain Python constants, the objects below
(mutable ones compared by identity while evaluating, so that aliasing is exact), and what is only partly
known:  # noqa: E501
`ExternalName` (a name from outside), `ExternalCall` (a call of one), `SymbolicOperation` (an operation on either), `Nondeterministic`, `Unknown`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from campaign.check.values.scope import Scope

CONSTANTS = (type(None), bool, int, float, complex, str, bytes, type(...), range, slice)
PLAIN = frozenset(CONSTANTS)


class Origin:
    """Where a value came from: a place in a file, and the origins of what it was computed from."""

    __slots__ = ("column", "file", "kind", "line", "parents", "value")

    def __init__(
        self,
        file: str,
        line: int,
        column: int,
        parents: tuple[Origin, ...] = (),
        kind: str = "",
        value: object = None,
    ) -> None:
        self.file = file
        self.line = line
        self.column = column
        self.parents = parents
        self.kind = kind
        """`literal`, `file` (derives from `__file__` or `__name__`), or empty for what was computed."""
        self.value = value


NOWHERE = Origin("", 0, 0)


class Value:
    """A payload with its origin. Immutable; the payload may be a mutable object."""

    __slots__ = ("origin", "payload")

    def __init__(self, payload: Any, origin: Origin) -> None:
        self.payload = payload
        self.origin = origin


Key = Any
"""What a payload is in a dict or set: constants stand for themselves, others are tagged tuples."""


class Mutable:
    """Base of what has identity and can change. `version` counts changes; `escaped_to` names the outside
    code that
    may have changed it unseen."""

    __slots__ = ("escaped_to", "version")

    def __init__(self) -> None:
        self.version = 0
        self.escaped_to = ""


class ListObj(Mutable):
    __slots__ = ("items",)

    def __init__(self, items: list[Value]) -> None:
        super().__init__()
        self.items = items


class TupleObj:
    """A tuple; of a named tuple class when `cls` is given."""

    __slots__ = ("cls", "items")

    def __init__(self, items: tuple[Value, ...], cls: ClassObj | None = None) -> None:
        self.items = items
        self.cls = cls


class SetObj(Mutable):
    __slots__ = ("frozen", "items")

    def __init__(self, items: dict[Key, Value], frozen: bool = False) -> None:
        super().__init__()
        self.items = items
        self.frozen = frozen


class MappingDialect:
    """How a type of mapping differs from `dict`. The base class is `dict` itself; each dialect overrides what
    its framework does differently."""

    name = ""
    """In fingerprints and dumps."""
    sorts_keys = False
    """Iteration gives the keys in sorted order."""
    equals_dict = False
    """Compares equal to a dict with the same entries."""
    matches_patterns = False
    """A `match` statement treats it as it treats a dict."""
    converts_items = False
    """Items are converted or checked when they are written, by `set_item`."""
    ordered = False
    """The order of the keys is part of the value."""

    def get_attribute(self, evaluator: Any, holder: Value, name: str, at: Origin) -> Value | None:
        """An attribute that the type adds; None for those of `dict`."""
        return None

    def set_attribute(self, evaluator: Any, payload: DictObj, name: str, value: Value, at: Origin) -> None:
        raise evaluator.error(AttributeError, f"'dict' object has no attribute {name!r}", at)

    def set_item(self, evaluator: Any, payload: DictObj, key: Value, value: Value, at: Origin) -> None:
        raise NotImplementedError

    def convert(self, evaluator: Any, value: Value, at: Origin) -> Value:
        """A value as the type stores it."""
        return value

    def convert_base(self, evaluator: Any, value: Value, at: Origin) -> Value:
        """A value that is imported from a base configuration of this dialect."""
        return self.convert(evaluator, value, at)


PLAIN_DICT = MappingDialect()


class DictObj(Mutable):
    """A dict, or a framework's mapping when it has another dialect than `PLAIN_DICT`."""

    __slots__ = ("dialect", "entries", "factory", "flags")

    def __init__(self, entries: dict[Key, tuple[Value, Value]], dialect: MappingDialect = PLAIN_DICT) -> None:
        super().__init__()
        self.entries = entries
        self.dialect = dialect
        self.factory: Value | None = None
        self.flags: dict[str, Any] = {}

    @property
    def is_plain(self) -> bool:
        return self.dialect is PLAIN_DICT


def pairs_in_order(payload: DictObj) -> list[tuple[Value, Value]]:
    """The entries as iteration gives them."""
    pairs = list(payload.entries.values())
    return sorted(pairs, key=lambda pair: str(pair[0].payload)) if payload.dialect.sorts_keys else pairs


class View:
    """`keys()`, `values()` or `items()` of a dict: sees the dict as it is when looked at."""

    __slots__ = ("holder", "kind")

    def __init__(self, holder: DictObj, kind: str) -> None:
        self.holder = holder
        self.kind = kind


class FuncObj(Mutable):
    """A function with its defaults (evaluated once) and the scope it closes over (read late)."""

    __slots__ = (
        "attrs",
        "defaults",
        "kw_defaults",
        "module",
        "name",
        "node",
        "owner",
        "qualname",
        "scope",
        "shown",
    )

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
        self.shown = False
        """Handed to code from outside, which may look at its annotations."""


class FieldObj:
    """`dataclasses.field(...)`."""

    __slots__ = ("compared", "default", "factory", "init", "kw_only", "metadata", "shown")

    def __init__(
        self, default: Value | None, factory: Value | None, init: bool, kw_only: bool | None
    ) -> None:
        self.default = default
        self.factory = factory
        self.shown = True
        self.compared = True
        self.metadata: Value | None = None
        self.init = init
        self.kw_only = kw_only


class DataField:
    """A field of a dataclass or named tuple, in the order of the constructor."""

    __slots__ = ("field", "kw_only", "name", "pseudo")

    def __init__(self, name: str, field: FieldObj, kw_only: bool, pseudo: bool) -> None:
        self.name = name
        self.field = field
        self.kw_only = kw_only
        self.pseudo = pseudo
        """An `InitVar`: goes to `__post_init__`, is no attribute."""


WRITTEN = {
    "__eq__": "eq", "__repr__": "repr", "__lt__": "order", "__le__": "order", "__gt__": "order", "__ge__": "order",
}  # fmt: skip
"""Methods that `dataclass` writes, and the option that asks for them; only `order` is off unless asked for."""


class ClassObj(Mutable):
    """A class of the checked files. `outside` when a base is from outside, so that its instances are
    opaque."""

    __slots__ = (
        "annotations",
        "bases",
        "builtin",
        "external",
        "fields",
        "keywords",
        "kind",
        "members",
        "module",
        "mro",
        "name",
        "namespace",
        "options",
        "qualname",
        "shown",
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
        self.shown = False
        """Handed to code from outside, which may look at its annotations."""

    def find(self, name: str) -> Value | None:
        """The attribute along the inheritance; None where `dataclass` wrote the method that is found first."""
        for cls in self.mro:
            if name in cls.namespace:
                return cls.namespace[name]
            if cls.kind == "dataclass" and cls.writes(name):
                return None
        return None

    def writes(self, name: str) -> bool:
        """Whether `dataclass` wrote a method into this class itself."""
        option = WRITTEN.get(name)
        return option is not None and self.options.get(option, option != "order")

    def writer(self, name: str) -> ClassObj | None:
        """The class whose method, as `dataclass` wrote it, is the one that is found."""
        for cls in self.mro:
            if name in cls.namespace:
                return None
            if cls.kind == "dataclass" and cls.writes(name):
                return cls
        return None


class InstObj(Mutable):
    """An instance of a class of the checked files."""

    __slots__ = ("attrs", "cls")

    def __init__(self, cls: ClassObj, attrs: dict[str, Value] | None = None) -> None:
        super().__init__()
        self.cls = cls
        self.attrs: dict[str, Value] = {} if attrs is None else attrs


class ErrorObj(Mutable):
    """An instance of an exception; `type` is a builtin class, or a `ClassObj`; both None for one from
    outside."""

    __slots__ = ("args", "attrs", "cause", "type")

    def __init__(self, error_type: type | ClassObj | None, args: tuple[Value, ...], cause: str = "") -> None:
        super().__init__()
        self.type = error_type
        self.args = args
        self.cause = cause
        self.attrs: dict[str, Value] = {}


class ModuleObj:
    """A module of the checked files."""

    __slots__ = ("done", "file", "imported", "late", "name", "package", "path", "scope", "shown")

    def __init__(self, name: str, path: str, shown: str, package: str) -> None:
        self.name = name
        self.path = path
        self.shown = shown
        """The path as messages print it."""
        self.package = package
        """Folder that relative imports start from."""
        self.scope: Scope = None  # type: ignore[assignment]
        self.done = False
        self.late = False
        """Annotations are not evaluated (`from __future__ import annotations`)."""
        self.imported: set[str] = set()
        """Names bound by an import of a module, or of a name from outside."""


class Builtin:
    """A function we know. `evaluator.call(args, site)`; `holder` is what a method is bound to.
    `check(evaluator, args, at)` refuses what Python would refuse, see `campaign/check/builtins/signatures.py`."""

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
    __slots__ = ("args", "function", "kwargs")

    def __init__(self, function: Value, args: tuple[Value, ...], kwargs: dict[str, Value]) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs


class Wrapped:
    """`property`, `staticmethod` or `classmethod` around a function."""

    __slots__ = ("function", "kind", "setter")

    def __init__(self, kind: str, function: Value, setter: Value | None = None) -> None:
        self.kind = kind
        self.function = function
        self.setter = setter


class SuperObj:
    __slots__ = ("cls", "receiver")

    def __init__(self, cls: ClassObj, receiver: Value) -> None:
        self.cls = cls
        self.receiver = receiver


class Namespace:
    """`globals()`, `vars()` of a module or instance: a dict that is the scope itself."""

    __slots__ = ("holder", "names")

    def __init__(self, names: dict[str, Value], holder: Any) -> None:
        self.names = names
        self.holder = holder

    def changed(self) -> None:
        if isinstance(self.holder, Mutable):
            self.holder.version += 1


def as_dict(namespace: Namespace) -> DictObj:
    """What `vars(x)` is once the files have run: a dict."""
    return DictObj({name: (Value(name, value.origin), value) for name, value in namespace.names.items()})


class Iter(Mutable):
    """An iterator that is consumed as it is read, exactly as Python would."""

    __slots__ = ("source",)

    def __init__(self, source: Iterator[Value]) -> None:
        super().__init__()
        self.source = source


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

    __slots__ = ("args", "captured", "escaped", "kwargs", "name", "origin", "target")

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
        self.captured = captured(args, kwargs)


class ExternalCall(Mutable):
    """The result of calling something from outside: its callee, arguments, later fields and effects in
    order."""

    __slots__ = ("args", "callee", "captured", "epoch", "fields", "kwargs", "log", "moments")

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
        self.moments = 0
        """How often something was done to it that a later look at it may see, going through it included."""
        self.captured = captured(args, kwargs) if inside is None else versions(inside)
        """Mutable objects that went in, with their version then: changed later, the proof stops."""


class SymbolicOperation:
    """An operation on something only known at run time. Equal only to the same operation on equal
    operands."""

    __slots__ = ("epoch", "op", "operands", "roots", "settled")

    def __init__(
        self,
        op: str,
        operands: tuple[Value, ...],
        roots: tuple[tuple[ExternalCall, int], ...],
        epoch: int = 0,
        settled: bool = False,
    ) -> None:
        self.op = op
        self.operands = operands
        self.roots = roots
        """Opaque objects it was read from, with their number of moments then."""
        self.epoch = epoch
        """The outside effects before it was computed, where one of them could have changed an operand."""
        self.settled = settled
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


def spoiled(payload: Any) -> Any:
    """What an operation makes of something unknown: a placeholder is no placeholder any more."""
    return Nondeterministic(payload.source) if isinstance(payload, Placeholder) else payload


EXTERNAL = (ExternalName, ExternalCall, SymbolicOperation)
NEVER_EQUAL = (Unknown, Nondeterministic)


def is_constant(payload: Any) -> bool:
    return type(payload) in PLAIN


def children(payload: Any) -> list[Value]:
    """The values directly inside a payload."""
    inside = CHILDREN.get(type(payload))
    return [] if inside is None else list(inside(payload))


def _children_of_external_call(payload: ExternalCall) -> list[Value]:
    effects = [value for effect in payload.log for value in (*effect.args, *effect.kwargs.values())]
    return [payload.callee, *payload.args, *payload.kwargs.values(), *payload.fields.values(), *effects]


CHILDREN: dict[type, Callable[[Any], list[Value]]] = {
    ListObj: lambda payload: payload.items,
    TupleObj: lambda payload: list(payload.items),
    SetObj: lambda payload: list(payload.items.values()),
    DictObj: lambda payload: [value for pair in payload.entries.values() for value in pair],
    View: lambda payload: [Value(payload.holder, NOWHERE)],
    InstObj: lambda payload: list(payload.attrs.values()),
    ErrorObj: lambda payload: list(payload.attrs.values()),
    ExternalCall: _children_of_external_call,
    SymbolicOperation: lambda payload: list(payload.operands),
    Partial: lambda payload: [payload.function, *payload.args, *payload.kwargs.values()],
    BoundMethod: lambda payload: [payload.function, payload.receiver],
    Namespace: lambda payload: [Value(payload.holder, NOWHERE), *payload.names.values()],
}


def reachable(values: list[Value]) -> list[Any]:
    """Every payload inside the values, each once, constants left out."""
    return _inside(values, frozenset())


def parts(values: Iterable[Value]) -> list[Any]:
    """Like `reachable`, without going into what is opaque: its own parts were looked at when it was made."""
    return _inside(values, OPAQUE)


OPAQUE = frozenset({ExternalCall, SymbolicOperation})


def _inside(values: Iterable[Value], closed: frozenset[type]) -> list[Any]:
    stack = [value.payload for value in values if type(value.payload) not in PLAIN]
    if not stack:
        return stack
    found: list[Any] = []
    seen: set[int] = set()
    while stack:
        payload = stack.pop()
        if id(payload) in seen:
            continue
        seen.add(id(payload))
        found.append(payload)
        kind = type(payload)
        inside = None if kind in closed else CHILDREN.get(kind)
        if inside is not None:
            stack.extend([value.payload for value in inside(payload) if type(value.payload) not in PLAIN])
    return found


def captured(args: tuple[Value, ...], kwargs: dict[str, Value]) -> list[tuple[Mutable, int]]:
    return versions(parts((*args, *kwargs.values())))


def versions(payloads: list[Any]) -> list[tuple[Mutable, int]]:
    return [(payload, payload.version) for payload in payloads if isinstance(payload, Mutable)]
