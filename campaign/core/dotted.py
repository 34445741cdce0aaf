"""User functions named in a configuration by their dotted path."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from campaign.errors import UsageError
from campaign.suggest import did_you_mean


def load_function(path: str, field: str, builtin: Iterable[str] = ()) -> Callable[..., Any]:
    """Imports the function at `pkg.mod.fn` (or `pkg.mod:fn`).

    Raises `UsageError` when that fails. The message names `field` and, for a path without a dot, the
    `builtin` names.
    """
    module_name, _, name = path.replace(":", ".").rpartition(".")
    if not module_name:
        raise UsageError(f"{field}: {path!r} is unknown; {_suggestion(path, list(builtin))}")
    try:
        module = import_module(module_name)
    except ImportError as error:
        raise UsageError(f"{field}: {path!r} cannot be imported: {error}") from None
    function = getattr(module, name, None)
    if not callable(function):
        raise UsageError(f"{field}: module {module_name} has no function {name!r}")
    return function  # type: ignore[no-any-return]


def _suggestion(name: str, builtin: list[str]) -> str:
    names = f"{', '.join(builtin)}, or " if builtin else ""
    meant = did_you_mean(name, builtin, before="; ")
    return f"expected {names}a dotted path `pkg.mod.fn`{meant}"
