"""Recording stand-ins for the frameworks that a config imports and this machine does not have.

A reference (`fw.Trainer`) called with a capitalised last name is a constructor: pure, keeps its keywords as
attributes. Any other call used as a statement is an effect, and the order of effects is recorded. What a
framework would answer to a question (`if fw.flag`, `int(fw.x)`) is drawn from a salt, so that several
environments answer differently while two files run in one environment get the same answer.

Frameworks differ in whether they copy what they are handed, and whether a function changes the list it is
given. Both are switches of the environment: an answer that holds for both holds for every such framework.
"""

from __future__ import annotations

import copy
import dis
import hashlib
import itertools
import sys
import types
from collections.abc import Iterator
from typing import Any, ClassVar


class Recorder:
    """What one execution does to the world outside: imports, effects; and how that world behaves."""

    def __init__(self, salt: str = "", copies: bool = False, mutates: bool = False) -> None:
        self.salt = salt
        self.copies = copies
        self.mutates = mutates
        self.imports: set[str] = set()
        self.effects: list[Any] = []

    def draw(self, structure: Any, sides: int) -> int:
        digest = hashlib.sha1(f"{self.salt}|{structure!r}".encode()).digest()
        return digest[0] % sides


_next_op: dict[types.CodeType, dict[int, str]] = {}


def called_as_statement(frame: types.FrameType) -> bool:
    """True when the value of the call that `frame` is executing is thrown away at once."""
    code = frame.f_code
    following = _next_op.get(code)
    if following is None:
        instructions = list(dis.get_instructions(code))
        pairs = itertools.pairwise(instructions)
        following = _next_op[code] = {left.offset: right.opname for left, right in pairs}
    return following.get(frame.f_lasti) == "POP_TOP"


class Opaque:
    """A value of a framework that is not here: its structure, the fields set on it, what was done to it."""

    __slots__ = ("_done", "_fields", "_recorder", "_structure")

    def __init__(self, recorder: Recorder, structure: tuple[Any, ...], fields: dict[Any, Any] | None = None):
        object.__setattr__(self, "_recorder", recorder)
        object.__setattr__(self, "_structure", structure)
        object.__setattr__(self, "_fields", fields if fields is not None else {})
        object.__setattr__(self, "_done", [])

    def _term(self, *structure: Any) -> Opaque:
        return Opaque(self._recorder, structure)

    def __getattr__(self, name: str) -> Any:
        if name in self._fields:
            return self._fields[name]
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        if self._structure[0] == "ref":
            return Opaque(self._recorder, ("ref", f"{self._structure[1]}.{name}"))
        return Opaque(self._recorder, ("attribute", self, name))

    def __setattr__(self, name: str, value: Any) -> None:
        if self._structure[0] == "ref":
            self._recorder.effects.append(("set", self._structure[1], name, self._kept(value)))
        self._fields[name] = self._kept(value)

    def __delattr__(self, name: str) -> None:
        self._done.append(("del", name))
        self._fields.pop(name, None)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        kind = self._structure[0]
        kept_args = tuple(self._kept(value) for value in args)
        kept_kwargs = {name: self._kept(value) for name, value in kwargs.items()}
        if kind == "ref" and self._structure[1].rpartition(".")[2][:1].isupper():
            return Opaque(self._recorder, ("new", self._structure[1], kept_args), kept_kwargs)
        structure: tuple[Any, ...]
        if kind == "ref":
            structure = ("call", self._structure[1], kept_args, kept_kwargs)
            log = self._recorder.effects
        elif kind == "attribute":
            _, owner, name = self._structure
            log = owner._done
            structure = ("method", owner, name, kept_args, kept_kwargs, len(log))
        else:
            structure = ("apply", self, kept_args, kept_kwargs)
            log = self._done
        if kind == "attribute":
            log.append((self._structure[2], kept_args, kept_kwargs))
        elif called_as_statement(sys._getframe(1)):
            log.append(structure)
        if called_as_statement(sys._getframe(1)) and self._recorder.mutates:
            for value in (*args, *kwargs.values()):
                if type(value) is list:
                    value.append("mutated by a framework")
        return Opaque(self._recorder, structure)

    def _kept(self, value: Any) -> Any:
        return copied(value) if self._recorder.copies else value

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return (base_class(self._structure),)

    def __instancecheck__(self, instance: Any) -> bool:
        return bool(self._recorder.draw(("isinstance", self._structure, type(instance).__name__), 2))

    def __bool__(self) -> bool:
        return bool(self._recorder.draw(("bool", self), 2))

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Iterator[Any]:
        return iter([self._term("item", self, 0), self._term("item", self, 1)])

    def __contains__(self, item: Any) -> bool:
        return bool(self._recorder.draw(("in", self, item), 2))

    def __int__(self) -> int:
        return self._recorder.draw(("int", self), 200)

    def __index__(self) -> int:
        return self._recorder.draw(("index", self), 3)

    def __float__(self) -> float:
        return self._recorder.draw(("float", self), 200) / 8

    def __hash__(self) -> int:
        return hash(repr(self))

    def __eq__(self, other: object) -> Any:
        return True if repr(self) == repr(other) else self._term("==", self, other)

    def __getitem__(self, key: Any) -> Any:
        return self._term("item", self, key, len(self._done))

    def __setitem__(self, key: Any, value: Any) -> None:
        self._done.append(("setitem", key, self._kept(value)))

    def __delitem__(self, key: Any) -> None:
        self._done.append(("delitem", key))

    def __enter__(self) -> Opaque:
        self._recorder.effects.append(("enter", self))
        return self._term("entered", self)

    def __exit__(self, *exception: object) -> bool:
        self._recorder.effects.append(("exit", self))
        return False

    def __deepcopy__(self, memo: dict[int, Any]) -> Opaque:
        clone = Opaque(self._recorder, self._structure, copy.deepcopy(self._fields, memo))
        clone._done.extend(self._done)
        return clone

    def __format__(self, spec: str) -> str:
        return f"<{self!r}:{spec}>"

    def __repr__(self) -> str:
        return f"Opaque({self._structure!r}, {self._fields!r})"


def _operator(symbol: str, reflected: bool = False) -> Any:
    def apply(self: Opaque, *other: Any) -> Opaque:
        operands = (*other, self) if reflected else (self, *other)
        return self._term(symbol, *operands)

    return apply


for _name in [
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "and",
    "or",
    "xor",
    "lshift",
    "rshift",
    "matmul",
    "divmod",
]:
    setattr(Opaque, f"__{_name}__", _operator(_name))
    setattr(Opaque, f"__r{_name}__", _operator(_name, reflected=True))
for _name in ["lt", "le", "gt", "ge", "ne", "neg", "pos", "abs", "invert"]:
    setattr(Opaque, f"__{_name}__", _operator(_name))


def copied(value: Any) -> Any:
    """A deep copy of containers and opaque values; anything a config defined itself is kept as it is."""
    if type(value) in (list, tuple, set, frozenset):
        return type(value)(copied(item) for item in value)
    if type(value) is dict:
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, Opaque) and value._structure[0] in ("new", "call"):
        return copy.deepcopy(value)
    return value


def base_class(structure: tuple[Any, ...]) -> type:
    """An unknown class as a base: construction keeps the keywords, everything else is inherited unknown."""

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        self.__dict__["constructed_with"] = args
        self.__dict__.update(kwargs)

    return type("OpaqueBase", (), {"__init__": __init__, "opaque_base": structure[1]})


class StubModule(types.ModuleType):
    """Any module of a framework: every name in it is a reference."""

    __path__: ClassVar[list[str]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        return Opaque(self.__dict__["__recorder__"], ("ref", f"{self.__name__}.{name}"))

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("__") and not isinstance(value, StubModule):
            self.__dict__["__recorder__"].effects.append(("set", self.__name__, name, value))
        super().__setattr__(name, value)
