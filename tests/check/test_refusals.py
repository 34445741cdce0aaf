"""Every refusal of the checker names the edit that makes the file provable."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import campaign.check

PACKAGE = Path(campaign.check.__file__).parent
SUGGESTION = {"Halt": 2, "Unknown": 1}
"""The refusals, each with the position of its suggestion among the arguments."""
VAGUE = ("not followed", "outside code", "from outside", "cannot be known", "goes through", " text of ")
"""Phrases of which a reader cannot tell what they mean."""
FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def refusals(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SUGGESTION:
            yield node


def suggestion_of(call: ast.Call) -> ast.expr | None:
    assert isinstance(call.func, ast.Name)
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    position = SUGGESTION[call.func.id]
    return call.args[position] if len(call.args) > position else keywords.get("suggestion")


@pytest.mark.parametrize("file", FILES)
def test_every_refusal_has_a_suggestion(file: str) -> None:
    tree = ast.parse((PACKAGE / file).read_text())
    suggestions = {call.lineno: suggestion_of(call) for call in refusals(tree)}
    missing = [
        line
        for line, found in suggestions.items()
        if found is None or (isinstance(found, ast.Constant) and not found.value)
    ]
    assert not missing, f"{file}: lines {missing}"


@pytest.mark.parametrize("file", FILES)
def test_no_refusal_is_vague(file: str) -> None:
    tree = ast.parse((PACKAGE / file).read_text())
    texts = [
        part.value
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for part in ast.walk(ast.Module(function.body[bool(ast.get_docstring(function)) :], []))
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]
    vague = [text for text in texts if any(phrase in text for phrase in VAGUE)]
    assert not vague, f"{file}: {vague}"
