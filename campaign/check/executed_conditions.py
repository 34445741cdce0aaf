"""The configuration trees that importing the modules of conditions gives, each in a separate Python process.

Only the modules of a campaign's conditions are imported: by `submit`, which runs them anyway, and by `plan` and
`check` with `--import`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TIMEOUT_S = 60.0

RUNNER = r"""
import dataclasses, enum, importlib, json, os, runpy, sys

def form(value):
    if value is None or isinstance(value, (bool, str)) and not isinstance(value, enum.Enum):
        return value
    if isinstance(value, enum.Enum):
        return {"$enum": f"{type(value).__qualname__}.{value.name}", "value": form(value.value)}
    if type(value) is int:
        return {"$int": str(value)}
    if type(value) in (float, complex):
        return {"$" + type(value).__name__: repr(value)}
    if type(value) is bytes:
        return {"$bytes": value.hex()}
    if type(value) is list:
        return [form(item) for item in value]
    if type(value) is tuple:
        return {"$tuple": [form(item) for item in value]}
    if type(value) in (set, frozenset):
        return {"$" + type(value).__name__: sorted((form(item) for item in value), key=json.dumps)}
    if type(value) is dict:
        pairs = [[form(key), form(item)] for key, item in value.items()]
        return {"$dict": sorted(pairs, key=lambda pair: json.dumps(pair[0]))}
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and hasattr(value, "__dict__"):
        fields = {name: form(item) for name, item in sorted({**data_attributes(type(value)), **vars(value)}.items())}
        return {"$object": type(value).__qualname__, "fields": fields}
    return {"$unknown": type(value).__name__}

def data_attributes(cls):
    found = {}
    for base in reversed(cls.__mro__[:-1]):
        for name, value in vars(base).items():
            found.pop(name, None)  # a method that overrides a data attribute hides it
            if not (name.startswith("__") and name.endswith("__")) and not hasattr(type(value), "__get__"):
                found[name] = value
    return found

def load(path, name):
    folder, stem = os.path.dirname(path), os.path.splitext(os.path.basename(path))[0]
    parts = [stem]
    while os.path.exists(os.path.join(folder, "__init__.py")):
        parts.insert(0, os.path.basename(folder))
        folder = os.path.dirname(folder)
    sys.path.insert(0, folder)
    return vars(importlib.import_module(".".join(parts))) if len(parts) > 1 else runpy.run_path(path, run_name=name)

answers, real = sys.stdout, sys.stdout.fileno()
sys.stdout = sys.stderr
try:
    answer = {"tree": form(load(*sys.argv[1:])["config"])}
except BaseException as error:
    answer = {"error": f"{type(error).__name__}: {error}"}
answers.write(json.dumps(answer))
"""


def executed_trees(targets: Sequence[str], root: Path) -> dict[str, Any]:
    """Target -> the tree of its `config` in the form of `dump`; targets that cannot be imported are left out."""
    trees: dict[str, Any] = {}
    for target in targets:
        name = target.removesuffix(".py").replace(
            "/", "."
        )  # the `__name__` that the evaluator gives the module
        command = [sys.executable, "-c", RUNNER, str((root / target).resolve()), name]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
                stdin=subprocess.DEVNULL,
            )
            answer = json.loads(done.stdout)
        except (subprocess.TimeoutExpired, ValueError):
            continue
        if "tree" in answer:
            trees[target] = answer["tree"]
    return trees
