"""Which names a function or class body binds, by the rules of the language reference, 4.2."""

from __future__ import annotations

import ast

import pytest

from campaign.check.values.scope import class_names, names_of


def function(body: str, header: str = "def f(a, *args, b=0, **kwargs)") -> ast.FunctionDef:
    tree = ast.parse(f"{header}:\n" + "".join(f"    {line}\n" for line in body.splitlines()))
    assert isinstance(tree.body[0], ast.FunctionDef)
    return tree.body[0]


PARAMETERS = {"a", "args", "b", "kwargs"}


@pytest.mark.parametrize(
    ("body", "bound"),
    [
        ("x = 1", {"x"}),
        ("x, *y = z", {"x", "y"}),
        ("for x in y: pass", {"x"}),
        ("import a.b, c.d as e", {"e"}),
        ("from m import x as y", {"y"}),
        ("try: pass\nexcept E as error: pass", {"error"}),
        ("match z:\n    case {'k': x, **rest}: pass\n    case [*some] | C(k=y) as w: pass", {"x", "rest", "some", "y", "w"}),
        ("def g(inner): local = 1", {"g"}),
        ("class C:\n    attribute = 1", {"C"}),
        ("[x for x in y if (z := x)]", {"z"}),
        ("(lambda inner: inner)", set()),
        ("def g(p=(x := 1)): pass", {"g", "x"}),
        ("global x\nx = 1", set()),
        ("x.y = z[0] = 1", set()),
    ],
)  # fmt: skip
def test_local_names_of_a_function(body: str, bound: set[str]) -> None:
    assert names_of(function(body)).local == PARAMETERS | bound


@pytest.mark.parametrize(
    ("body", "yields"),
    [
        ("yield 1", True),
        ("x = yield from y", True),
        ("return [x for x in (yield 1)]", True),
        ("return [(lambda: (yield)) for x in y]", False),
        ("def g(): yield 1", False),
        ("return 1", False),
    ],
)
def test_a_function_that_yields_in_its_own_scope_is_a_generator_function(body: str, yields: bool) -> None:
    assert names_of(function(body)).yields is yields


def test_names_declared_global_or_nonlocal_are_not_local() -> None:
    names = names_of(function("global x\nnonlocal y\nx = y = z = 1"))
    assert names.outer == {"x"}
    assert names.enclosing == {"y"}
    assert names.local == PARAMETERS | {"z"}


def test_names_of_a_class_body_leave_out_those_of_its_functions() -> None:
    tree = ast.parse("class C:\n    x = 1\n    def f(self): y = 1\n    if x: z = [w for w in x]\n")
    assert isinstance(tree.body[0], ast.ClassDef)
    assert class_names(tree.body[0]).local == {"x", "f", "z"}
