"""The part of Hydra and OmegaConf that stores structured configs, for tests where neither is installed.

Written from the documented behaviour: `store` copies its node and converts it by the annotations of its class,
a dataclass stands for its defaults, and a name that is stored again replaces the first.
"""

from __future__ import annotations

import dataclasses
import enum
import sys
import types
import typing
from collections.abc import Callable
from typing import Any

MISSING = "???"


class ConfigStore:
    _instance: ConfigStore | None = None

    def __init__(self) -> None:
        self.repo: dict[str, Any] = {}

    @classmethod
    def instance(cls) -> ConfigStore:
        cls._instance = cls._instance or cls()
        return cls._instance

    def store(
        self, name: str, node: Any, group: str | None = None, package: str | None = None, provider: str = ""
    ) -> None:
        level = self.repo
        for part in group.split("/") if group is not None else []:
            level = level.setdefault(part, {})
        stored = types.SimpleNamespace(node=structured(node), package=package)
        level[name if name.endswith(".yaml") else f"{name}.yaml"] = stored


def structured(node: Any, kind: Any = Any) -> Any:
    """A node as plain containers."""
    if dataclasses.is_dataclass(node):
        hints = typing.get_type_hints(node if isinstance(node, type) else type(node))
        return {
            field.name: structured(_value(node, field), hints[field.name])
            for field in dataclasses.fields(node)
        }
    if isinstance(node, dict):
        return {key: structured(item) for key, item in node.items()}
    if isinstance(node, list | tuple):
        return [structured(item) for item in node]
    if kind is float and type(node) is int:
        return float(node)
    if not isinstance(node, str | int | float | bool | enum.Enum | None):
        raise TypeError(f"{node!r} is no value of a config")
    return node


def _value(node: Any, field: dataclasses.Field[Any]) -> Any:
    if not isinstance(node, type):
        return getattr(node, field.name)
    if field.default is not dataclasses.MISSING:
        return field.default
    return MISSING if field.default_factory is dataclasses.MISSING else field.default_factory()


def main(**options: Any) -> Callable[[Any], Any]:
    return lambda function: function


def modules() -> dict[str, types.ModuleType]:
    """Fresh stand-ins for `sys.modules`."""
    store = types.new_class(
        "ConfigStore", (ConfigStore,), exec_body=lambda names: names.update(_instance=None)
    )
    contents: dict[str, dict[str, Any]] = {
        "hydra": {"main": main, "__path__": []}, "hydra.core": {"__path__": []},
        "hydra.core.config_store": {"ConfigStore": store}, "omegaconf": {"MISSING": MISSING},
    }  # fmt: skip
    made = {}
    for name, names in contents.items():
        made[name] = types.ModuleType(name)
        made[name].__dict__.update(names)
    return made


def plain(stored: Any) -> Any:
    """What is in a repository, real or not, as plain containers."""
    if isinstance(stored, dict):
        return {name.removesuffix(".yaml"): plain(item) for name, item in stored.items()}
    if "omegaconf" in sys.modules and hasattr(sys.modules["omegaconf"], "OmegaConf"):
        return sys.modules["omegaconf"].OmegaConf.to_container(stored.node)
    return stored.node
