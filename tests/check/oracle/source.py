"""A Python file that is being edited: its text, its syntax tree, and the places an edit may touch."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .families import REFERENCE_VALUE, VARIANT_VALUE

_SENTINELS = {float(REFERENCE_VALUE), float(VARIANT_VALUE)}


@dataclass
class Source:
    """One state of a file. Edits return the next text; positions are those of this state."""

    text: str
    rng: random.Random
    globals_are_config: bool = False
    protected: frozenset[str] = frozenset()
    used: set[str] = field(default_factory=set)

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    @cached_property
    def offsets(self) -> list[int]:
        """Where each line starts. The files are ASCII, so columns in bytes are columns in characters."""
        starts, total = [], 0
        for line in self.lines:
            starts.append(total)
            total += len(line) + 1
        return starts

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        while node in self.parents:
            node = self.parents[node]
            yield node

    def span(self, node: Any) -> tuple[int, int]:
        start = self.offsets[node.lineno - 1] + node.col_offset
        return start, self.offsets[node.end_lineno - 1] + node.end_col_offset

    def segment(self, node: Any) -> str:
        start, end = self.span(node)
        return self.text[start:end]

    def replaced(self, node: Any, text: str) -> str:
        start, end = self.span(node)
        return self.text[:start] + text + self.text[end:]

    def statement(self, node: ast.AST) -> ast.stmt:
        while not isinstance(node, ast.stmt):
            node = self.parents[node]
        return node

    def top_statement(self, node: ast.AST) -> ast.stmt:
        last = node
        for above in self.ancestors(node):
            if isinstance(above, ast.Module):
                break
            last = above
        assert isinstance(last, ast.stmt)
        return last

    def inserted(self, before: ast.stmt, lines: list[str], text: str | None = None) -> str:
        """The text (of an edit that keeps the lines above `before`) with `lines` before that statement."""
        number = min([before.lineno, *(item.lineno for item in getattr(before, "decorator_list", []))])
        rows = (self.text if text is None else text).split("\n")
        rows[number - 1 : number - 1] = [" " * before.col_offset + line if line else "" for line in lines]
        return "\n".join(rows)

    def appended(self, lines: list[str]) -> str:
        return self.text.rstrip("\n") + "\n" + "\n".join(lines) + "\n"

    def fresh(self, stem: str = "value") -> str:
        """A name that occurs nowhere in the file; private where module names are configuration."""
        taken = {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)} | self.used
        number = 0
        while f"{stem}_{number}" in taken or f"{stem}_{number}" in self.text:
            number += 1
        self.used.add(f"{stem}_{number}")
        return f"{stem}_{number}"

    def constants(self, *types: type) -> list[ast.Constant]:
        """Literals whose value reaches the configuration and that may be written in another way."""
        return [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Constant) and type(node.value) in types and self._editable(node)
        ]

    def _editable(self, node: ast.Constant) -> bool:
        if type(node.value) is float and node.value in _SENTINELS:
            return False
        parent = self.parents[node]
        if isinstance(parent, (ast.Expr, ast.JoinedStr, ast.FormattedValue, ast.MatchValue, ast.ImportFrom)):
            return False
        if isinstance(parent, ast.Dict) and node in parent.keys:
            return False
        if isinstance(parent, ast.AnnAssign) and parent.annotation is node:
            return False
        for above in self.ancestors(node):
            if isinstance(above, ast.JoinedStr):
                return False
            if isinstance(above, ast.Assign) and self.segment(above.targets[0]) == "_base_":
                return False
            if isinstance(above, ast.keyword) and above.arg == "_delete_":
                return False
            if isinstance(above, (ast.While, ast.match_case)) and not isinstance(node.value, str):
                return isinstance(above, ast.match_case) and self._in_body(above, node)
            if isinstance(above, ast.Call) and self.segment(above.func).startswith("os.environ"):
                return node is not above.args[0]
            if isinstance(above, ast.Set):
                return False
        return True

    def _in_body(self, owner: Any, node: ast.AST) -> bool:
        return any(node in ast.walk(statement) for statement in owner.body)

    def in_class_body(self, node: ast.AST) -> bool:
        return any(isinstance(above, ast.ClassDef) for above in self.ancestors(node))

    def calls(self) -> list[ast.Call]:
        return [node for node in ast.walk(self.tree) if isinstance(node, ast.Call)]

    def holds_sentinel(self, node: ast.AST) -> bool:
        return any(
            isinstance(part, ast.Constant) and type(part.value) is float and part.value in _SENTINELS
            for part in ast.walk(node)
        )

    def pick(self, items: list[Any]) -> Any:
        return self.rng.choice(items) if items else None
