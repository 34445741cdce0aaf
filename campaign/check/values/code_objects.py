"""Code as a value: its shape without names, formatting, annotations and docstrings, and the names it
reads."""

from __future__ import annotations

import ast

from campaign.check.values.callables import DescriptorObj, FuncObj
from campaign.check.values.class_objects import ClassObj
from campaign.check.values.scope import COMPREHENSIONS, FunctionNode, bound_names, names_of, parameters


class _Shape:
    """Writes a syntax tree down with own names numbered, free names numbered apart."""

    def __init__(self, local: frozenset[str], keep: frozenset[str]) -> None:
        self.keep = keep
        self.free: dict[str, int] = {}
        self.scopes: list[dict[str, int]] = [dict.fromkeys(local, -1)]
        self.count = 0
        self.parts: list[str] = []

    def name(self, name: str) -> str:
        if name in self.keep:
            return f"={name}"
        for scope in reversed(self.scopes):
            if name in scope:
                if scope[name] < 0:
                    self.count += 1
                    scope[name] = self.count
                return f"L{scope[name]}"
        return f"F{self.free.setdefault(name, len(self.free))}"

    def write(self, item: object) -> None:
        if isinstance(item, ast.Name):
            self.parts.append(self.name(item.id))
        elif isinstance(item, FunctionNode):
            self.function(item)
        elif isinstance(item, COMPREHENSIONS):
            self.comprehension(item)
        elif isinstance(item, ast.AnnAssign):
            self.assignment(item)
        elif isinstance(item, ast.ClassDef):
            self.parts.append(ast.dump(item))  # a class keeps its annotations: they may be fields
            self.node(item)
        elif isinstance(item, ast.AST):
            self.node(item)
        elif isinstance(item, list):
            self.parts.append("[")
            for part in item:
                self.write(part)
            self.parts.append("]")
        else:
            self.parts.append(f"{type(item).__name__}:{item!r}")

    def node(self, item: ast.AST) -> None:
        self.parts.append(f"{type(item).__name__}(")
        names = bound_names(item) if not isinstance(item, ast.Name) else []
        for field, value in ast.iter_fields(item):
            if field in ("ctx", "type_comment", "kind", "type_ignores"):
                continue
            if field == "name" and isinstance(value, str) and value in names:
                value = ast.Name(id=value, ctx=ast.Load())
            if field == "body" and isinstance(item, ast.ClassDef | ast.Module):
                value = without_docstring(value)
            if field in ("names",) and isinstance(item, ast.Global | ast.Nonlocal):
                self.parts.extend(self.name(name) for name in value)
                continue
            self.write(value)
        self.parts.append(")")

    def assignment(self, item: ast.AnnAssign) -> None:
        """`x: int = 3` is `x = 3`."""
        if item.value is not None:
            self.parts.append("Assign(")
            self.write([item.target])
            self.write(item.value)
            self.parts.append(")")

    def function(self, item: FunctionNode) -> None:
        for decorator in getattr(item, "decorator_list", []):
            self.write(decorator)
        self.write(item.args.defaults)
        self.write(item.args.kw_defaults)
        if not isinstance(item, ast.Lambda):
            self.parts.append(self.name(item.name))
        self.body(item)

    def body(self, item: FunctionNode) -> None:
        """Parameters and body; the parameters of a `def` keep their names, callers may use them."""
        names = names_of(item)
        self.scopes.append(dict.fromkeys(names.local, -1))
        before = self.keep
        if isinstance(item, ast.Lambda):
            self.keep = before - frozenset(parameters(item.args))
        else:
            self.keep = (before | frozenset(parameters(item.args))) - (
                names.local - frozenset(parameters(item.args))
            )
        self.parts.append(type(item).__name__)
        args = item.args
        for group in (args.posonlyargs, args.args, [args.vararg], args.kwonlyargs, [args.kwarg]):
            self.parts.append("|")
            self.parts.extend(self.name(arg.arg) for arg in group if arg is not None)
        self.parts.append("{")
        self.write(without_docstring(item.body) if isinstance(item.body, list) else item.body)
        self.parts.append("}")
        self.keep = before
        self.scopes.pop()

    def comprehension(self, item: ast.AST) -> None:
        bound = {
            name for part in getattr(item, "generators", []) for inner in ast.walk(part.target)
            for name in bound_names(inner)
        }  # fmt: skip
        self.parts.append(f"{type(item).__name__}<")
        self.write(getattr(item, "generators")[0].iter)  # noqa: B009
        self.scopes.append(dict.fromkeys(bound, -1))
        before, self.keep = self.keep, self.keep - frozenset(bound)
        for index, generator in enumerate(getattr(item, "generators")):  # noqa: B009
            if index:
                self.write(generator.iter)
            self.write(generator.target)
            self.write(generator.ifs)
        for field in ("key", "value", "elt"):
            if hasattr(item, field):
                self.write(getattr(item, field))
        self.keep = before
        self.scopes.pop()
        self.parts.append(">")


def without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements that do something: no bare constants, no `pass`, no bare annotations."""
    kept = [
        node
        for node in body
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        and not isinstance(node, ast.Pass)
        and not (isinstance(node, ast.AnnAssign) and node.value is None)
    ]
    return kept


def function_code(node: FunctionNode) -> tuple[str, tuple[str, ...]]:
    """The shape of a function (defaults and decorators left out, they are values), and its free names in
    order."""
    known: tuple[str, tuple[str, ...]] | None = getattr(node, "_code", None)
    if known is None:
        shape = _Shape(frozenset(), frozenset())
        shape.body(node)
        kind = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
        known = (kind + " ".join(shape.parts), tuple(shape.free))
        node._code = known  # type: ignore[union-attr]
    return known


def comprehension_code(node: ast.AST) -> tuple[str, tuple[str, ...]]:
    """The shape of a comprehension over its first iterable, and its free names in order."""
    shape = _Shape(frozenset(), frozenset())
    shape.comprehension(node)
    return " ".join(shape.parts), tuple(shape.free)


def annotation_code(node: ast.expr) -> str:
    return ast.dump(node)


def annotation_names(node: ast.expr) -> list[str]:
    """The names that an annotation reads, those in texts included, in order."""
    found: list[str] = []
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            found.append(part.id)
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            try:
                found.extend(annotation_names(ast.parse(part.value.strip(), mode="eval").body))
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
    return found


def uses_super(cls: ClassObj) -> bool:
    functions = [item.payload for item in cls.namespace.values()]
    inner = [part.function.payload for part in functions if isinstance(part, DescriptorObj)]
    nodes = [function.node for function in (*functions, *inner) if isinstance(function, FuncObj)]
    return any("super" in function_code(node)[1] or "__mro__" in function_code(node)[0] for node in nodes)
