"""The table of all kinds of edit."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from . import documents, structural
from .respellings import RESPELLINGS, Respelling
from .semantics import QUIRKS, Quirk
from .source import Source

Intent = Literal["preserving", "changing", "either"]
"""What the author of an edit expects. Every mutant is classified by running it; a test compares the two."""


@dataclass(frozen=True)
class EditKind:
    name: str
    intent: Intent
    apply: Callable[[Source], str | None]
    documents: bool = False
    """Edits a TOML or YAML document instead of a Python file."""


def _respelled(respelling: Respelling, changed: bool) -> Callable[[Source], str | None]:
    def apply(source: Source) -> str | None:
        nodes = (
            source.constants(int, float, str, bool, type(None))
            if changed
            else source.constants(*respelling.types)
        )
        node = source.pick(nodes)
        if node is None:
            return None
        value = _other_value(source, node.value) if changed else node.value
        if type(value) not in respelling.types:
            return None
        name = source.fresh()
        lines, expression = respelling.write(value, name)
        return _placed(source, node, lines, expression, name, respelling.module_level)

    return apply


def _other_value(source: Source, value: Any) -> Any:
    """A value close to `value` that is not equal to it in type and value."""
    if isinstance(value, bool):
        return source.rng.choice([not value, int(value), None, str(value)])
    if isinstance(value, int):
        return source.rng.choice([value + 1, value * 2, float(value), str(value), value == 1])
    if isinstance(value, float):
        return source.rng.choice([value * 2, value + 1e-9, int(value) + 1, f"{value}"])
    if isinstance(value, str):
        return source.rng.choice(
            [value + "x", value.upper() + "!", value + " ", None, "é" * 0 + value[::-1] + "-"]
        )
    return source.rng.choice([0, False, "None", 1.5])


def _placed(
    source: Source, node: ast.AST, lines: list[str], expression: str, name: str, module_level: bool
) -> str | None:
    """The expression in place of `node`, its statements before it where they do not disturb."""
    parent = source.parents[node]
    if not isinstance(parent, (ast.keyword, ast.List, ast.Dict, ast.Assign, ast.Return)):
        expression = f"({expression})"
    if not lines:
        return source.replaced(node, expression)
    if source.globals_are_config:
        if module_level or any(line.startswith(("from ", "import ")) for line in lines):
            return None
        body = [f"    {line}" if line else "" for line in lines]
        lines = [f"def {name}_f():", *body, f"    return {expression}", "", ""]
        return source.inserted(source.top_statement(node), lines, source.replaced(node, f"{name}_f()"))
    before = source.statement(node)
    if module_level or source.in_class_body(node) or source.rng.random() < 0.3:
        before = source.top_statement(node)
    return source.inserted(before, lines, source.replaced(node, expression))


def _quirk(quirk: Quirk) -> Callable[[Source], str | None]:
    def apply(source: Source) -> str | None:
        node = source.pick(source.constants(int))
        if node is None or source.globals_are_config:
            return None
        name = source.fresh("quirk")
        guess = quirk.result if source.rng.random() < 0.4 else source.rng.choice(quirk.careless)
        expression = f"({node.value} + {name} - {guess})".replace("- -", "+ ")
        lines = quirk.program.replace("NAME", name).split("\n")
        return source.inserted(source.top_statement(node), [*lines, ""], source.replaced(node, expression))

    return apply


def _table() -> tuple[EditKind, ...]:
    kinds = [EditKind(item.name, "preserving", _respelled(item, changed=False)) for item in RESPELLINGS]
    kinds += [
        EditKind(f"changed_as_{item.name}", "changing", _respelled(item, changed=True))
        for item in RESPELLINGS
    ]
    kinds += [EditKind(item.__name__, "preserving", item) for item in structural.PRESERVING]
    kinds += [EditKind(item.__name__, "changing", item) for item in structural.CHANGING]
    kinds += [EditKind(item.__name__, "either", item) for item in structural.EITHER]
    kinds += [EditKind(f"quirk_{item.name}", "either", _quirk(item)) for item in QUIRKS]
    kinds += [EditKind(item.__name__, "preserving", item, documents=True) for item in documents.PRESERVING]
    kinds += [EditKind(item.__name__, "changing", item, documents=True) for item in documents.CHANGING]
    return tuple(kinds)


EDITS: tuple[EditKind, ...] = _table()
