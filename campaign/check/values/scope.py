"""Scopes: which variable a name refers to."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from campaign.check.values.class_objects import ClassObj
from campaign.check.values.module_objects import ModuleObj
from campaign.check.values.value import Value

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True, slots=True)
class Names:
    """The names that a function or class body binds, and those it declares to belong to another scope."""

    local: frozenset[str]
    outer: frozenset[str]
    """`global` names."""
    enclosing: frozenset[str]
    """`nonlocal` names."""
    yields: bool


NO_NAMES = Names(frozenset(), frozenset(), frozenset(), False)


class Scope:
    """Variables of a module, a class body, a function call or a comprehension."""

    __slots__ = ("cls", "kind", "module", "names", "parent", "receiver", "vars")

    def __init__(self, kind: str, module: ModuleObj, parent: Scope | None, names: Names = NO_NAMES) -> None:
        self.kind = kind
        self.module = module
        self.parent = parent
        self.names = names
        self.vars: dict[str, Value] = {}
        self.cls: ClassObj | None = None
        """The class whose method runs, for `super()`."""
        self.receiver: Value | None = None
        """The first argument of the function, for `super()`."""

    def lookup(self, name: str) -> Value | str:
        """The variable's value; otherwise `unbound` (a local variable before its assignment) or `missing`."""
        scope: Scope | None = self
        if self.kind == "class":
            if name in self.vars:
                return self.vars[name]
            # A name that the class body binds further down is a global until then, even inside a function that
            # has a variable of that name (reference, 4.2.2 "Resolution of names").
            scope = None if name in self.names.local or name in self.names.outer else self.parent
        while scope is not None:
            # Functions nested in a class body do not see the names of the class.
            if scope.kind != "class":
                found = scope.vars.get(name)
                if found is not None:
                    return found
                # `global` in a function also decides for the functions nested in it.
                if name in scope.names.outer:
                    break
                # Names are local to the whole function, also above their first assignment.
                if name in scope.names.local:
                    return "unbound"
            scope = scope.parent
        return self.module.scope.vars.get(name, "missing")

    def visible_inside(self) -> Scope:
        """The nearest scope whose names are visible in functions and classes defined here: no class body."""
        scope = self
        while scope.kind == "class" and scope.parent is not None:
            scope = scope.parent
        return scope

    def qualify(self, name: str) -> str:
        """The qualified name of a function or class that is defined here."""
        return f"{self.cls.qualname}.{name}" if self.kind == "class" and self.cls is not None else name

    def holder(self, name: str) -> Scope:
        """The scope that an assignment to `name` binds in."""
        # Its own, unless the block declares the name `global` or `nonlocal`; the nearest enclosing function that binds
        # a nonlocal name has it (reference, 7.12 and 7.13).
        if name in self.names.outer:
            return self.module.scope
        if name in self.names.enclosing:
            scope = self.parent
            while scope is not None:
                if scope.kind == "function" and name in scope.names.local:
                    return scope
                scope = scope.parent
        return self

    def walrus_holder(self, name: str) -> Scope:
        """The scope that `:=` binds in: never that of a comprehension (PEP 572)."""
        scope = self
        while scope.kind == "comprehension" and scope.parent is not None:
            scope = scope.parent
        return scope.holder(name)


def names_of(node: FunctionNode) -> Names:
    """The names of a function, computed once and kept on the node."""
    names = getattr(node, "_names", None)
    if names is None:
        body = node.body if isinstance(node.body, list) else [node.body]
        names = node._names = _collect(parameters(node.args), body)  # type: ignore[union-attr]
    assert isinstance(names, Names)
    return names


def class_names(node: ast.ClassDef) -> Names:
    return _collect((), node.body)


def parameters(arguments: ast.arguments) -> Iterable[str]:
    for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        yield arg.arg
    for extra in (arguments.vararg, arguments.kwarg):
        if extra is not None:
            yield extra.arg


def _collect(bound: Iterable[str], body: Sequence[ast.AST]) -> Names:
    local = set(bound)
    outer: set[str] = set()
    enclosing: set[str] = set()
    yields = False
    for node, in_comprehension in _own_nodes(body):
        if isinstance(node, ast.Global):
            outer.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            enclosing.update(node.names)
        elif isinstance(node, ast.NamedExpr):
            local.add(node.target.id)
        elif not in_comprehension:
            yields = yields or isinstance(node, ast.Yield | ast.YieldFrom | ast.Await)
            local.update([node.name] if isinstance(node, DEFINITIONS) else bound_names(node))
    return Names(frozenset(local - outer - enclosing), frozenset(outer), frozenset(enclosing), yields)


def _own_nodes(body: Sequence[ast.AST]) -> Iterator[tuple[ast.AST, bool]]:
    """The nodes that run in the scope of a body, and whether they run in a comprehension inside it."""
    stack: list[tuple[ast.AST, bool]] = [(node, False) for node in body]
    while stack:
        node, inside = stack.pop()
        yield node, inside
        if isinstance(node, (*DEFINITIONS, ast.Lambda)):
            stack.extend((child, inside) for child in _evaluated_in_enclosing_scope(node))
            continue
        children = list(ast.iter_child_nodes(node))
        if isinstance(node, COMPREHENSIONS):
            # The first iterable runs in the enclosing scope (reference, 6.2.4): `yield` in it makes a generator.
            first = node.generators[0]
            stack.append((first.iter, inside))
            children = [child for child in children if child is not first] + [first.target, *first.ifs]
            inside = True
        stack.extend((child, inside) for child in children)


def _evaluated_in_enclosing_scope(node: FunctionNode | ast.ClassDef) -> list[ast.expr]:
    """The parts of a definition that run when it is executed: decorators, defaults, bases."""
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)]
    defaults = [*node.args.defaults, *(default for default in node.args.kw_defaults if default is not None)]
    return defaults if isinstance(node, ast.Lambda) else [*node.decorator_list, *defaults]


def _optional(name: str | None) -> list[str]:
    return [name] if name else []


BINDINGS: dict[type[ast.AST], Callable[[Any], list[str]]] = {
    ast.Name: lambda node: [] if isinstance(node.ctx, ast.Load) else [node.id],
    ast.Import: lambda node: [alias.asname or alias.name.partition(".")[0] for alias in node.names],
    ast.ImportFrom: lambda node: [alias.asname or alias.name for alias in node.names],
    ast.ExceptHandler: lambda node: _optional(node.name),
    ast.MatchAs: lambda node: _optional(node.name),
    ast.MatchStar: lambda node: _optional(node.name),
    ast.MatchMapping: lambda node: _optional(node.rest),
}


def bound_names(node: ast.AST) -> list[str]:
    """Names that this one node binds, apart from its children, and from functions and classes."""
    binding = BINDINGS.get(type(node))
    return [] if binding is None else binding(node)
