"""The dumped tree of a config against the value that running it gives.

The dump may leave open what it cannot know: an environment read, an operation on a framework's object. Where
it says a value, that value has to be the executed one.
"""

from __future__ import annotations

import enum
import functools
import types
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from .recording import Opaque, StubModule

OPEN = ("$term", "$unknown", "$nondeterministic")


@dataclass
class Comparison:
    """How much of a dump was compared, how much it left open, and where it is wrong."""

    compared: int = 0
    left_open: int = 0
    wrong: list[str] = field(default_factory=list)

    def note(self, path: str, dumped: Any, value: Any) -> None:
        self.wrong.append(f"{path or '(root)'}: dump says {dumped!r}, running gives {value!r}")


def compare(dumped: Any, value: Any) -> Comparison:
    result = Comparison()
    _compare(dumped, value, "", result)
    return result


def _compare(dumped: Any, value: Any, path: str, result: Comparison) -> None:
    if isinstance(dumped, dict) and any(key in dumped for key in OPEN):
        result.left_open += 1
        return
    if isinstance(dumped, dict) and "$cases" in dumped:
        _compare_cases(dumped["$cases"], value, path, result)
        return
    if isinstance(dumped, dict) and "$call" in dumped and not isinstance(value, Opaque):
        # A function of the standard library that is not followed, or a class over a framework's.
        result.left_open += 1
        return
    result.compared += 1
    for accepts, comparison in _RULES:
        if accepts(value):
            comparison(dumped, value, path, result)
            return
    raise AssertionError(f"{path}: no rule for {type(value)}")


def _compare_cases(cases: list[dict[str, Any]], value: Any, path: str, result: Comparison) -> None:
    """One of the cases has to be what was executed; which one is decided by the environment."""
    attempts = []
    for case in cases:
        attempt = Comparison()
        _compare(case["tree"], value, path, attempt)
        attempts.append(attempt)
    best = min(attempts, key=lambda attempt: len(attempt.wrong))
    result.compared += best.compared
    result.left_open += best.left_open
    result.wrong += best.wrong


def _scalar(dumped: Any, value: Any, path: str, result: Comparison) -> None:
    expected: Any = value
    if type(value) is int:
        expected = {"$int": str(value)}
    elif type(value) in (float, complex):
        expected = {f"${type(value).__name__}": repr(value)}
    elif type(value) is bytes:
        expected = {"$bytes": value.hex()}
    elif value is Ellipsis:
        expected = {"$ellipsis": True}
    elif type(value) in (range, slice):
        expected = {f"${type(value).__name__}": [value.start, value.stop, value.step]}
    if dumped != expected or type(dumped) is not type(expected):
        result.note(path, dumped, value)


def _sequence(dumped: Any, value: Any, path: str, result: Comparison) -> None:
    if hasattr(value, "_fields"):
        if not isinstance(dumped, dict) or dumped.get("$type") != type(value).__name__:
            result.note(path, dumped, value)
            return
        _fields(dumped.get("fields", {}), value._asdict(), path, result)
        return
    items = dumped.get("$tuple") if isinstance(dumped, dict) and isinstance(value, tuple) else dumped
    if not isinstance(items, list) or len(items) != len(value):
        result.note(path, dumped, value)
        return
    for number, (left, right) in enumerate(zip(items, value, strict=True)):
        _compare(left, right, f"{path}[{number}]", result)


def _set(dumped: Any, value: Any, path: str, result: Comparison) -> None:
    items = dumped.get(f"${type(value).__name__}") if isinstance(dumped, dict) else None
    if not isinstance(items, list) or len(items) != len(value):
        result.note(path, dumped, value)
        return
    left = list(items)
    for member in value:
        fitting = [item for item in left if not compare(item, member).wrong]
        if not fitting:
            result.note(path, dumped, value)
            return
        left.remove(fitting[0])


def _dict(dumped: Any, value: Any, path: str, result: Comparison) -> None:
    fields = value.config_fields() if hasattr(value, "config_fields") else dict(value)
    pairs = dumped.get("$dict") if isinstance(dumped, dict) else None
    if pairs is None and isinstance(dumped, dict) and "$names" in dumped:
        pairs = list(dumped["$names"].items())
    if pairs is None or len(pairs) != len(fields):
        result.note(path, dumped, value)
        return
    left = list(pairs)
    for key, item in fields.items():
        fitting = [pair for pair in left if not compare(pair[0], key).wrong]
        if not fitting:
            result.note(f"{path}.{key}", dumped, value)
            continue
        left.remove(fitting[0])
        _compare(fitting[0][1], item, f"{path}.{key}", result)


def _fields(dumped: dict[str, Any], fields: dict[str, Any], path: str, result: Comparison) -> None:
    for name in dumped.keys() | fields.keys():
        if name not in dumped or name not in fields:
            result.note(f"{path}.{name}", dumped.get(name, "(absent)"), fields.get(name, "(absent)"))
        else:
            _compare(dumped[name], fields[name], f"{path}.{name}", result)


def _class_data(cls: type) -> dict[str, Any]:
    data: dict[str, Any] = {}
    hidden = (types.FunctionType, staticmethod, classmethod, property)
    for owner in reversed(cls.__mro__[:-1]):
        for name, item in vars(owner).items():
            if name.startswith("__") or name == "_abc_impl":
                continue
            if isinstance(item, hidden) or (hasattr(type(item), "__get__") and not isinstance(item, type)):
                data.pop(name, None)
            else:
                data[name] = item
    return data


def _object(dumped: Any, value: Any, path: str, result: Comparison) -> None:
    if not isinstance(dumped, dict) or dumped.get("$object") != type(value).__qualname__:
        result.note(path, dumped, value)
        return
    fields = {**_class_data(type(value)), **getattr(value, "__dict__", {})}
    for owner in type(value).__mro__:
        fields.update(
            {name: getattr(value, name) for name in getattr(owner, "__slots__", ()) if hasattr(value, name)}
        )
    _fields(dumped.get("fields", {}), fields, path, result)


def _class(dumped: Any, value: Any, path: str, result: Comparison) -> None:
    if isinstance(dumped, dict) and "$ref" in dumped:
        expected = (
            value.__qualname__
            if value.__module__ == "builtins"
            else f"{value.__module__}.{value.__qualname__}"
        )
        if dumped["$ref"] not in (expected, f"builtins.{expected}"):
            result.note(path, dumped, value)
        return
    if not isinstance(dumped, dict) or dumped.get("$class") != value.__qualname__:
        result.note(path, dumped, value)
        return
    if not issubclass(value, enum.Enum):
        _fields(dumped.get("fields", {}), _class_data(value), path, result)


def _enum(dumped: Any, value: Any, path: str, result: Comparison) -> None:
    name = f"{type(value).__qualname__}.{value.name}"
    if not isinstance(dumped, dict) or dumped.get("$enum") != name:
        result.note(path, dumped, value)
        return
    _compare(dumped["value"], value.value, f"{path}.value", result)


def _function(dumped: Any, value: Any, path: str, result: Comparison) -> None:
    if (
        not isinstance(dumped, dict)
        or not ({"$function", "$ref"} & dumped.keys())
        or ("$function" in dumped and dumped["$function"] != value.__name__)
    ):
        result.note(path, dumped, value)


def _opaque(dumped: Any, value: Opaque, path: str, result: Comparison) -> None:
    kind = value._structure[0]
    if kind == "ref":
        if dumped != {"$ref": value._structure[1]}:
            result.note(path, dumped, value)
        return
    if kind not in ("new", "call"):
        if not isinstance(dumped, dict) or not ({"$call", "$term", "$ref"} & dumped.keys()):
            result.note(path, dumped, value)
        return
    if not isinstance(dumped, dict) or dumped.get("$call") != value._structure[1]:
        result.note(path, dumped, value)
        return
    _sequence(dumped.get("args", []), list(value._structure[2]), f"{path}()", result)
    known = {**dumped.get("kwargs", {}), **dumped.get("fields", {})}
    fields = value._fields if kind == "new" else {**value._structure[3], **value._fields}
    deleted = {rest[0][0] for name, *rest in dumped.get("effects", []) if name == "__delattr__"}
    _fields({name: item for name, item in known.items() if name not in deleted}, fields, path, result)


def _anything(dumped: Any, value: Any, path: str, result: Comparison) -> None:
    """An iterator, a partial, a method: the dump has no form for it that could be wrong."""
    if isinstance(value, functools.partial) and isinstance(dumped, (str, list)):
        result.note(path, dumped, value)


def _nothing(*_: Any) -> None:
    """A module is what it is called, whatever it is called."""


def _path(dumped: Any, value: PurePath, path: str, result: Comparison) -> None:
    if isinstance(dumped, str):
        result.note(path, dumped, value)


def _kind(*types_: type) -> Any:
    return lambda value: isinstance(value, types_)


_RULES: tuple[tuple[Any, Any], ...] = (
    (_kind(enum.Enum), _enum),
    (
        lambda value: (
            type(value) in (type(None), bool, str, int, float, complex, bytes, type(...), range, slice)
        ),
        _scalar,
    ),
    (_kind(Opaque), _opaque),
    (_kind(StubModule, types.ModuleType), _nothing),
    (_kind(type), _class),
    (_kind(types.FunctionType, types.BuiltinFunctionType), _function),
    (_kind(PurePath), _path),
    (lambda value: hasattr(type(value), "config_fields") or isinstance(value, dict), _dict),
    (_kind(list, tuple), _sequence),
    (_kind(set, frozenset), _set),
    (
        lambda value: hasattr(value, "__dict__") and type(value).__module__ not in ("builtins", "functools"),
        _object,
    ),
    (_kind(object), _anything),
)
