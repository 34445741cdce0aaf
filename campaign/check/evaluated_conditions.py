"""The `config` of conditions that are Python files, evaluated from their sources: nothing is imported or executed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from campaign.check.difference.dump_tree import Writer
from campaign.check.proof import dump
from campaign.check.values import InstObj
from campaign.errors import UsageError
from campaign.spec.modules import ModuleReader

ENTRY = "names:config"
HOW_TO_KNOW = "write the value out, or add --import: it imports the file in a separate process"
_NUMBERS = {"$int": int, "$float": float}


class ConfigWriter(Writer):
    """Writes an instance of a dataclass with its fields alone, without other attributes of its class."""

    def object_form(self, payload: Any) -> Any:
        if not isinstance(payload, InstObj) or payload.cls.kind == "enum":
            return super().object_form(payload)
        if payload.cls.kind != "dataclass":
            return {"$unknown": f"an instance of {payload.cls.qualname}, which is not a dataclass"}
        names = [field.name for field in payload.cls.fields if not field.init_only]
        values = {name: payload.attrs.get(name) or payload.cls.find(name) for name in names}
        fields = {name: value for name, value in values.items() if value is not None}
        return {"$object": payload.cls.qualname, "fields": self.forms_by_name(fields)}


class NotKnown(Exception):
    """A value that the source alone does not determine. Arguments: its path, and the reason."""


def evaluated_modules(root: Path) -> ModuleReader:
    """Reads modules without executing them; `root` is the folder that their imports may reach."""
    return partial(_read, root.resolve())


def _read(root: Path, files: Sequence[Path]) -> list[dict[str, Any]]:
    return [_answer(root, file) for file in files]


def _answer(root: Path, file: Path) -> dict[str, Any]:
    # A module outside the folder of the campaign file is evaluated below the folder that contains both.
    root = Path(os.path.commonpath([root, file.parent]))
    try:
        return {
            "config": plain_data(
                dump(file.relative_to(root).as_posix(), root, ENTRY, writer=ConfigWriter), "config"
            )
        }
    except NotKnown as unknown:
        path, reason = unknown.args
        what = f"{path} is not known without executing the file ({reason})"
        return {"error": what, "line": None, "hint": HOW_TO_KNOW}
    except UsageError as error:  # the file has no `config`
        return {"error": str(error), "line": None}


def plain_data(tree: Any, path: str) -> Any:
    """A tree of `dump` as the data that executing its file would give: dictionaries, lists, numbers and strings.

    Entries that are None are left out, as in a file that is executed. Raises `NotKnown`.
    """
    if isinstance(tree, list):
        return [plain_data(item, f"{path}[{index}]") for index, item in enumerate(tree)]
    if not isinstance(tree, dict):
        return tree
    for form, number in _NUMBERS.items():
        if form in tree:
            return number(tree[form])
    if tree.get("$tuple") is not None:
        return plain_data(tree["$tuple"], path)
    if "$dict" in tree:
        return _table([(_key(key, path), item) for key, item in tree["$dict"]], path)
    if "$object" in tree:
        return _table(list(tree["fields"].items()), path)
    raise NotKnown(path, _reason(tree))


def _table(entries: list[tuple[str, Any]], path: str) -> dict[str, Any]:
    return {key: plain_data(item, f"{path}.{key}") for key, item in entries if item is not None}


def _key(key: Any, path: str) -> str:
    if isinstance(key, str):
        return key
    raise NotKnown(path, "a key that is not a string")


def _reason(tree: dict[str, Any]) -> str:
    """Why a tree is not plain data, in words."""
    match tree:
        case {"$unknown": str(reason)}:
            return reason
        case {"$cases": [{"when": when}, *_]}:
            return f"it depends on {', '.join(when)}"
        case {"$call": str(callee)}:
            return f"it calls {callee}"
        case {"$ref": str(name)}:
            return f"it is {name}, which the sources do not define"
        case {"$nondeterministic": str(source)}:
            return f"it differs from run to run: {source}"
        case {"$term": operation}:
            return f"it is the result of an operation on such a value: {operation}"
        case _:
            return f"a {next(iter(tree), '$value').removeprefix('$')}, which a campaign file cannot have"
