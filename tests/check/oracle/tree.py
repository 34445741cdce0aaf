"""The tree of a value that an execution produced, and where two trees differ.

A node is `(kind, head, children)`: `head` is the type or the qualified name, `children` maps a field, key or
index to a node. Types are strict (1, 1.0 and True differ), the order of keywords and keys is not part of a
tree, the order of a list is. Two shared lists and two equal lists give the same tree.
"""

from __future__ import annotations

import dis
import enum
import functools
import itertools
import pathlib
import types
from collections.abc import Container, Iterable, Iterator
from typing import Any

from .recording import Opaque, StubModule

Node = tuple[str, str, dict[Any, Any]]
Path = tuple[Any, ...]

_unique = itertools.count()
_SCALARS = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), range, slice)


def snapshot(value: Any, root: str = "/oracle", modules: Container[str] = ()) -> Node:
    """The tree of `value`; a class counts as written in a config when its module is one of `modules`, and a
    function when its file lies under `root`. Everything else is a reference by name."""
    return _Snapshot(root, modules).node(value)


class _Snapshot:
    def __init__(self, root: str, modules: Container[str]) -> None:
        self.root = root
        self.modules = modules
        self.open: dict[int, int] = {}

    def node(self, value: Any) -> Node:
        if isinstance(value, enum.Enum):
            return ("enum", f"{type(value).__qualname__}.{value.name}", {"value": self.node(value.value)})
        if type(value) in _SCALARS:
            return ("constant", f"{type(value).__name__} {value!r}", {})
        if isinstance(value, pathlib.PurePath):
            return ("constant", f"{type(value).__name__} {value!s}", {})
        if isinstance(value, StubModule):
            return ("reference", value.__name__, {})
        if id(value) in self.open:
            return ("cycle", str(len(self.open) - self.open[id(value)]), {})
        self.open[id(value)] = len(self.open)
        try:
            return self._compound(value)
        finally:
            del self.open[id(value)]

    def _compound(self, value: Any) -> Node:
        if isinstance(value, Opaque):
            return self._opaque(value)
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, types.MethodType):
            return ("method", value.__name__, {"self": self.node(value.__self__)})
        if isinstance(value, functools.partial):
            parts = {"function": value.func, "arguments": value.args, "keywords": value.keywords}
            return ("partial", "", self._fields(parts))
        if isinstance(value, (types.BuiltinFunctionType, types.ModuleType)):
            return ("reference", f"{getattr(value, '__module__', '')}.{value.__name__}", {})
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return ("object", type(value).__qualname__, self._fields(value._asdict()))
        if isinstance(value, (list, tuple)):
            kind = type(value).__name__ if type(value) in (list, tuple) else type(value).__qualname__
            return (kind, "", dict(enumerate(map(self.node, value))))
        if isinstance(value, (set, frozenset)):
            members = sorted((self.node(item) for item in value), key=repr)
            return (type(value).__name__, "", dict(enumerate(members)))
        if hasattr(type(value), "config_fields"):
            return ("dict", "", self._fields(value.config_fields()))
        if isinstance(value, dict):
            return ("dict", "", {self._key(key): self.node(item) for key, item in value.items()})
        return self._object(value)

    def _key(self, key: Any) -> Any:
        return key if isinstance(key, str) else repr(self.node(key))

    def _fields(self, fields: dict[Any, Any]) -> dict[Any, Any]:
        return {self._key(name): self.node(value) for name, value in fields.items()}

    def _opaque(self, value: Opaque) -> Node:
        kind, *operands = value._structure
        children = self._fields(value._fields)
        head = ""
        if kind in ("ref", "new", "call"):
            head = operands.pop(0)
        for position, operand in enumerate(operands):
            children[("@", position)] = self.node(operand)
        if value._done:
            children[("@", "done")] = self.node(list(value._done))
        return (f"opaque {kind}", head, children)

    def _object(self, value: Any) -> Node:
        cls = type(value)
        if not self._ours(cls):
            # An iterator, a lock, a pattern: nothing that can be compared, so equal to nothing.
            return ("runtime", f"{cls.__qualname__} {next(_unique)}", {})
        fields = self._class_data(cls)
        fields.update(getattr(value, "__dict__", {}))
        for owner in cls.__mro__:
            for name in getattr(owner, "__slots__", ()):
                if hasattr(value, name):
                    fields[name] = getattr(value, name)
        children = self._fields(fields)
        children[("@", "class")] = ("class", cls.__qualname__, self._behaviour(cls))
        return ("object", cls.__qualname__, children)

    def _ours(self, cls: type) -> bool:
        return cls.__module__ in self.modules or hasattr(cls, "opaque_base")

    def _class_data(self, cls: type) -> dict[str, Any]:
        """Plain attributes that an instance sees on its class, resolved along the inheritance."""
        data: dict[str, Any] = {}
        for owner in reversed(cls.__mro__):
            for name, item in vars(owner).items():
                if name.startswith("__") or name in ("_abc_impl",):
                    continue
                if isinstance(item, (types.FunctionType, staticmethod, classmethod, property)) or (
                    hasattr(type(item), "__get__") and not isinstance(item, type)
                ):
                    data.pop(name, None)
                else:
                    data[name] = item
        return data

    def _class(self, cls: type) -> Node:
        if not self._ours(cls) or issubclass(cls, enum.Enum):
            members = {item.name: item.value for item in cls} if issubclass(cls, enum.Enum) else {}
            return (
                "reference",
                f"{cls.__module__}.{cls.__qualname__}" if not members else cls.__qualname__,
                self._fields(members),
            )
        if id(cls) in self.open and self.open[id(cls)] != len(self.open) - 1:
            return ("cycle", cls.__qualname__, {})
        return ("class", cls.__qualname__, {**self._fields(self._class_data(cls)), **self._behaviour(cls)})

    def _behaviour(self, cls: type) -> dict[Any, Any]:
        """The methods and bases of a class; its data are among the fields of what sees them."""
        children: dict[Any, Any] = {}
        for owner in reversed(cls.__mro__):
            for name, item in vars(owner).items():
                code = self._code_of(item)
                # Special methods have done their work by now: what they did is in the fields.
                if code is not None and self._written_here(code) and not name.startswith("__"):
                    children[("@code", name)] = self._function(code)
        if hasattr(cls, "opaque_base"):
            children[("@", "base")] = self.node(cls.opaque_base)
        children[("@", "bases")] = self.node(tuple(base.__qualname__ for base in cls.__mro__[1:-1]))
        return children

    @staticmethod
    def _code_of(item: Any) -> types.FunctionType | None:
        if isinstance(item, (staticmethod, classmethod)):
            item = item.__func__
        if isinstance(item, property):
            item = item.fget
        return item if isinstance(item, types.FunctionType) else None

    def _written_here(self, function: types.FunctionType) -> bool:
        return function.__code__.co_filename.startswith(self.root)

    def _function(self, function: types.FunctionType) -> Node:
        if not self._written_here(function):
            return ("reference", f"{function.__module__}.{function.__qualname__}", {})
        children: dict[Any, Any] = {}
        children["defaults"] = self.node(function.__defaults__ or ())
        children["keyword defaults"] = self.node(function.__kwdefaults__ or {})
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                children[("@free", name)] = self.node(cell.cell_contents)
            except ValueError:
                children[("@free", name)] = ("empty cell", "", {})
        order: dict[str, int] = {}
        body = _instructions(function.__code__, function.__globals__, order)
        for name, position in order.items():
            children[("@global", position)] = self.node(function.__globals__[name])
        return ("function", repr(body), children)


def _instructions(code: types.CodeType, known: dict[str, Any], read: dict[str, int]) -> tuple[Any, ...]:
    """The instructions without positions, docstring and names: of locals, and of globals that have a value.

    Equal bodies give equal tuples. `read` collects the globals in the order in which they are met.
    """
    listed: list[Any] = [
        code.co_argcount,
        code.co_kwonlyargcount,
        code.co_flags & 0x2F,
        code.co_varnames[: code.co_argcount + code.co_kwonlyargcount],
    ]
    order: dict[str, int] = {}
    for item in dis.get_instructions(code):
        if item.opname in ("RESUME", "CACHE", "NOP", "PRECALL"):
            continue
        argument: Any = item.argval
        if isinstance(argument, types.CodeType):
            argument = _instructions(argument, known, read)
        elif item.opname in ("LOAD_GLOBAL", "LOAD_NAME") and argument in known and argument[:2] != "__":
            argument = read.setdefault(argument, len(read))
        elif item.opname.endswith(("_FAST", "_DEREF", "_CLOSURE")) and isinstance(argument, str):
            argument = order.setdefault(argument, len(order))
        elif item.opname.startswith("MAKE_CELL"):
            continue
        listed.append((item.opname, type(argument).__name__, argument))
    return tuple(listed)


def differences(left: Node, right: Node, path: Path = ()) -> Iterator[Path]:
    """The paths at which two trees differ; a missing or different head is reported at its own path."""
    if left == right:
        return
    if left[0] != right[0] or left[1] != right[1]:
        yield path
        return
    for key in left[2].keys() | right[2].keys():
        if key not in left[2] or key not in right[2]:
            yield (*path, key)
        else:
            yield from differences(left[2][key], right[2][key], (*path, key))


def outside(paths: Iterable[Path], allowed: Iterable[Path]) -> list[Path]:
    """Those of `paths` that lie in no allowed subtree."""
    allowed = list(allowed)
    return [path for path in paths if not any(path[: len(prefix)] == prefix for prefix in allowed)]
