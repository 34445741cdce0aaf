"""Small, faithful implementations of the config containers whose behaviour is part of a config's meaning.

Written from the documented behaviour of ml_collections, mmengine and detectron2; none of them has to be
installed. What they do to a value (convert, merge, refuse) is what the checker has to know as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any


class ConfigDict:
    """ml_collections.ConfigDict: nested dictionaries are converted, a field keeps its type, can be locked."""

    def __init__(self, initial: Any = None, type_safe: bool = True, **options: Any) -> None:
        convert = options.pop("convert_dict", True)
        object.__setattr__(self, "_values", {})
        object.__setattr__(self, "_locked", False)
        object.__setattr__(self, "_type_safe", type_safe)
        object.__setattr__(self, "_convert", convert)
        if isinstance(initial, ConfigDict):
            self._values.update(initial._values)
            object.__setattr__(self, "_locked", initial._locked)
            object.__setattr__(self, "_type_safe", initial._type_safe)
        elif initial is not None:
            for key, value in initial.items():
                self[key] = value

    def config_fields(self) -> dict[Any, Any]:
        return {key: _resolved(value) for key, value in self._values.items()}

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, str) and "." in key:
            raise ValueError(f"dots in field name {key}")
        if self._locked and key not in self._values:
            raise KeyError(f"{key!r} cannot be added: the config is locked")
        if key in self._values:
            field = self._values[key]
            if isinstance(field, FieldReference):
                field.set(value, self._type_safe)
                return
            if isinstance(value, dict) and self._convert and isinstance(field, ConfigDict):
                value = ConfigDict(value, type_safe=self._type_safe)
            value = _cast(value, field, self._type_safe)
        if isinstance(value, dict) and self._convert:
            value = ConfigDict(value, type_safe=self._type_safe)
        self._values[key] = value

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str) and "." in key:
            head, rest = key.split(".", 1)
            return self[head][rest]
        return _resolved(self._values[key])

    def __delitem__(self, key: Any) -> None:
        if self._locked:
            raise KeyError("the config is locked")
        if isinstance(key, str) and "." in key:
            head, rest = key.split(".", 1)
            del self[head][rest]
            return
        del self._values[key]

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(name) from error

    def __setattr__(self, name: str, value: Any) -> None:
        if name in dir(ConfigDict):
            raise AttributeError(f"{name} cannot be overridden")
        try:
            self[name] = value
        except KeyError as error:
            raise AttributeError(name) from error

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError as error:
            raise AttributeError(name) from error

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[Any]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ConfigDict) and self.config_fields() == other.config_fields()

    __hash__ = None  # type: ignore[assignment]

    def keys(self) -> list[Any]:
        return sorted(self._values, key=str)

    def values(self) -> list[Any]:
        return [self[key] for key in self.keys()]

    def items(self) -> list[tuple[Any, Any]]:
        return [(key, self[key]) for key in self.keys()]

    def get(self, key: Any, default: Any = None) -> Any:
        return self[key] if key in self._values else default

    def get_ref(self, key: Any) -> FieldReference:
        if not isinstance(self._values[key], FieldReference):
            self._values[key] = FieldReference(self._values[key])
        reference: FieldReference = self._values[key]
        return reference

    def update(self, *others: Any, **kwargs: Any) -> None:
        for other in (*others, kwargs):
            for key, value in other.items():
                if key in self._values and isinstance(self._values[key], ConfigDict):
                    self[key].update(value)
                else:
                    self[key] = value

    def to_dict(self) -> dict[Any, Any]:
        return {
            key: value.to_dict() if isinstance(value, ConfigDict) else value for key, value in self.items()
        }

    def copy_and_resolve_references(self) -> ConfigDict:
        return ConfigDict(
            {
                key: value.copy_and_resolve_references() if isinstance(value, ConfigDict) else value
                for key, value in self.items()
            },
            type_safe=self._type_safe,
        )

    def lock(self) -> ConfigDict:
        return self._set_lock(True)

    def unlock(self) -> ConfigDict:
        return self._set_lock(False)

    def _set_lock(self, state: bool) -> ConfigDict:
        object.__setattr__(self, "_locked", state)
        for value in self._values.values():
            if isinstance(value, ConfigDict):
                value._set_lock(state)
        return self

    @property
    def is_locked(self) -> bool:
        return bool(self._locked)

    @contextmanager
    def unlocked(self) -> Iterator[ConfigDict]:
        before = self._locked
        if before:
            self.unlock()
        try:
            yield self
        finally:
            if before:
                self.lock()

    @contextmanager
    def ignore_type(self) -> Iterator[ConfigDict]:
        before = self._type_safe
        object.__setattr__(self, "_type_safe", False)
        yield self
        object.__setattr__(self, "_type_safe", before)


class FieldReference:
    """ml_collections.FieldReference: an operation on it is evaluated when it is read."""

    def __init__(self, default: Any, field_type: Any = None, op: Callable[[], Any] | None = None) -> None:
        self._value, self._op, self._type = default, op, field_type

    def get(self) -> Any:
        return self._op() if self._op else _resolved(self._value)

    def set(self, value: Any, type_safe: bool = True) -> None:
        if isinstance(value, FieldReference):
            self._value, self._op = value, None
            return
        current = self.get()
        if current is not None:
            value = _cast(value, current, type_safe)
        elif self._type is not None and value is not None:
            value = _cast(value, self._type(), type_safe)
        self._value, self._op = value, None

    def _derive(self, operation: Callable[[Any, Any], Any], other: Any) -> FieldReference:
        return FieldReference(None, op=lambda: operation(self.get(), _resolved(other)))

    def __add__(self, other: Any) -> FieldReference:
        return self._derive(lambda a, b: a + b, other)

    def __mul__(self, other: Any) -> FieldReference:
        return self._derive(lambda a, b: a * b, other)

    __rmul__ = __mul__

    def __sub__(self, other: Any) -> FieldReference:
        return self._derive(lambda a, b: a - b, other)

    def __floordiv__(self, other: Any) -> FieldReference:
        return self._derive(lambda a, b: a // b, other)

    def __truediv__(self, other: Any) -> FieldReference:
        return self._derive(lambda a, b: a / b, other)


def placeholder(field_type: Any) -> FieldReference:
    return FieldReference(None, field_type=field_type)


def _resolved(value: Any) -> Any:
    return value.get() if isinstance(value, FieldReference) else value


def _cast(value: Any, field: Any, type_safe: bool) -> Any:
    """What assigning `value` over a field that holds `field` stores, or TypeError."""
    if value is None or field is None or isinstance(value, FieldReference):
        return value
    kind = type(field)
    if isinstance(value, int) and kind is float:
        return float(value)
    if isinstance(value, (tuple, list)) and kind in (tuple, list):
        return kind(value)
    if isinstance(value, kind) or not type_safe:
        return value
    raise TypeError(f"{value!r} cannot be stored in a field of type {kind.__name__}")


def merged(changes: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    """mmengine's merge of a config into its bases: dictionaries merge unless they say `_delete_`."""
    result = dict(base)
    for key, value in changes.items():
        if not isinstance(value, dict):
            result[key] = value
        elif key in result and not value.pop("_delete_", False):
            if not isinstance(result[key], dict):
                raise TypeError(f"{key} is a dict here and {type(result[key]).__name__} in the base")
            result[key] = merged(value, result[key])
        else:
            value.pop("_delete_", None)
            result[key] = merged(value, {})
    return result


class LazyConfigDict(dict[str, Any]):
    """mmengine.config.ConfigDict: nested dictionaries are converted, `update` merges recursively."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, _hook(value))

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(name) from error

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        del self[name]

    def update(self, *args: Any, **kwargs: Any) -> None:
        for key, value in dict(*args, **kwargs).items():
            if key in self and isinstance(self[key], dict) and isinstance(value, dict):
                self[key].update(value)
            else:
                self[key] = value

    def pop(self, key: str, default: Any = None) -> Any:
        return super().pop(key, default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def merge(self, other: dict[str, Any]) -> None:
        combined = merged(_plain(other), _plain(self))
        self.clear()
        for key, value in combined.items():
            self[key] = value

    def copy(self) -> LazyConfigDict:
        return LazyConfigDict(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> LazyConfigDict:
        import copy

        return LazyConfigDict({key: copy.deepcopy(value, memo) for key, value in self.items()})


def _hook(value: Any) -> Any:
    if type(value) is dict:
        return LazyConfigDict(value)
    if type(value) in (list, tuple):
        return type(value)(_hook(item) for item in value)
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


class LazyCall:
    """detectron2.config.LazyCall: `LazyCall(target)(**kwargs)` is a dictionary with `_target_`."""

    def __init__(self, target: Any) -> None:
        self._target = target

    def __call__(self, **kwargs: Any) -> DictConfig:
        return DictConfig({"_target_": self._target, **kwargs})


class DictConfig(dict[str, Any]):
    """What LazyCall builds: attribute access over a dictionary; nested plain dictionaries are converted."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__()
        for key, value in values.items():
            self[key] = value

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, _omega(value))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(name) from error

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        del self[name]

    def update(self, *args: Any, **kwargs: Any) -> None:
        for key, value in dict(*args, **kwargs).items():
            self[key] = value


def _omega(value: Any) -> Any:
    """OmegaConf copies what it is given: a config in a config is not the same object."""
    if isinstance(value, dict):
        return DictConfig(value)
    if isinstance(value, (list, tuple)):
        return [_omega(item) for item in value]
    return value
