"""Scopes: which name means which variable, by Python's rules."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from campaign.check.values.class_objects import ClassObj
from campaign.check.values.module_objects import ModuleObj
from campaign.check.values.value import Value

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True, slots=True)
class Names:
    """The names a function body binds, and those it declares to be elsewhere."""

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

    def lookup(self, name: str) -> Value | str:
        """The variable's value; otherwise `unbound` (a local before its assignment) or `missing`."""
        scope: Scope | None = self
        first = True
        while scope is not None:
            if scope.kind == "function":
                if name in scope.names.outer:
                    break
                if name in scope.vars:
                    return scope.vars[name]
                if name in scope.names.local:
                    return "unbound"
            elif scope.kind == "class":
                if first and name in scope.names.outer:
                    break
                if first and name in scope.vars:
                    return scope.vars[name]
                if first and name in scope.names.local:
                    break  # a name that the body binds is looked up in the module before it is bound
            elif name in scope.vars:
                return scope.vars[name]
            first = False
            scope = scope.parent
        return self.module.scope.vars.get(name, "missing")

    def holder(self, name: str) -> Scope:
        """The scope that an assignment to `name` binds in."""
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
        """`:=` in a comprehension binds in the function around it."""
        scope = self
        while scope.kind == "comprehension" and scope.parent is not None:
            scope = scope.parent
        return scope.holder(name)


def names_of(node: FunctionNode) -> Names:
    """The names of a function, computed once and kept on the node."""
    known = getattr(node, "_names", None)
    if known is None:
        known = _collect(node)
        node._names = known  # type: ignore[union-attr]
    assert isinstance(known, Names)
    return known


def class_names(node: ast.ClassDef) -> Names:
    outer = {name for stmt in node.body if isinstance(stmt, ast.Global) for name in stmt.names}
    enclosing = {name for stmt in node.body if isinstance(stmt, ast.Nonlocal) for name in stmt.names}
    local: set[str] = set()
    stack: list[ast.AST] = list(node.body)
    while stack:
        child = stack.pop()
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            local.add(child.name)
        elif not isinstance(child, (ast.Lambda, *COMPREHENSIONS)):
            local.update(bound_names(child))
            stack.extend(ast.iter_child_nodes(child))
    return Names(frozenset(local - outer - enclosing), frozenset(outer), frozenset(enclosing), False)


def parameters(arguments: ast.arguments) -> Iterable[str]:
    for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        yield arg.arg
    for extra in (arguments.vararg, arguments.kwarg):
        if extra is not None:
            yield extra.arg


def _collect(node: FunctionNode) -> Names:
    local: set[str] = set(parameters(node.args))
    outer: set[str] = set()
    enclosing: set[str] = set()
    yields = False
    stack: list[tuple[ast.AST, bool]] = [
        (child, False) for child in (node.body if isinstance(node.body, list) else [node.body])
    ]
    while stack:
        child, inside = stack.pop()
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            local.add(child.name)
            stack.extend((part, inside) for part in _evaluated_in_enclosing_scope(child))
            continue
        if isinstance(child, ast.Lambda):
            stack.extend((part, inside) for part in _evaluated_in_enclosing_scope(child))
            continue
        if isinstance(child, ast.Yield | ast.YieldFrom | ast.Await) and not inside:
            yields = True
        if isinstance(child, ast.Global):
            outer.update(child.names)
        elif isinstance(child, ast.Nonlocal):
            enclosing.update(child.names)
        elif isinstance(child, ast.NamedExpr):
            local.add(child.target.id)
        elif not inside:
            local.update(bound_names(child))
        deeper = inside or isinstance(child, COMPREHENSIONS)
        stack.extend((part, deeper) for part in ast.iter_child_nodes(child))
    return Names(frozenset(local - outer - enclosing), frozenset(outer), frozenset(enclosing), yields)


def _evaluated_in_enclosing_scope(node: FunctionNode | ast.ClassDef) -> list[ast.expr]:
    """The parts of a definition that run where it stands: decorators, defaults, bases."""
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)]
    defaults = [*node.args.defaults, *(default for default in node.args.kw_defaults if default is not None)]
    return defaults if isinstance(node, ast.Lambda) else [*node.decorator_list, *defaults]


def bound_names(node: ast.AST) -> list[str]:
    """Names that this one node binds (not its children)."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        return [node.id]
    if isinstance(node, ast.Import):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [alias.asname or alias.name for alias in node.names]
    if isinstance(node, ast.ExceptHandler) and node.name:
        return [node.name]
    if isinstance(node, ast.MatchAs | ast.MatchStar) and node.name:
        return [node.name]
    if isinstance(node, ast.MatchMapping) and node.rest:
        return [node.rest]
    return []
