"""Code as a value: its shape without local names, formatting, annotations and docstrings, and its free names.

Two functions with the same shape do the same whenever their free names, compared pairwise in the order of their
first use, have equal values: the shape holds everything else that decides what a function does. Annotations and
docstrings decide nothing unless code reads them, and code that could is exposed to external code or refused.
"""

from __future__ import annotations

import ast

from campaign.check.values.callables import DescriptorObj, FuncObj
from campaign.check.values.class_objects import ClassObj
from campaign.check.values.scope import (
    COMPREHENSIONS,
    Comprehension,
    FunctionNode,
    bound_names,
    names_of,
    parameters,
)


class _Shape:
    """Writes a syntax tree as text: local names as `L1, L2, ...`, free names as `F0, F1, ...`."""

    def __init__(self) -> None:
        self.keep: frozenset[str] = frozenset()
        """Names that stand for themselves: the parameters of the functions around the current node."""
        self.free: dict[str, int] = {}
        self.scopes: list[dict[str, int]] = []
        self.count = 0
        self.parts: list[str] = []

    def name(self, name: str) -> str:
        # Numbers follow the first use, so that two functions that differ in the names of variables alone have one shape.
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
            # Annotations of a class may be its fields (`dataclass`, pydantic), so they are part of the shape.
            self.parts.append(ast.dump(item))
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
        for field, value in ast.iter_fields(item):
            if field in ("ctx", "type_comment", "kind", "type_ignores"):
                continue
            if isinstance(item, ast.Global | ast.Nonlocal):
                self.parts.extend(self.name(name) for name in value)
            elif (
                field == "name"
                and value
                and isinstance(item, ast.ExceptHandler | ast.MatchAs | ast.MatchStar)
            ):
                self.parts.append(self.name(value))
            elif field == "body" and isinstance(item, ast.ClassDef | ast.Module):
                self.write(without_docstring(value))
            else:
                self.write(value)
        self.parts.append(")")

    def assignment(self, item: ast.AnnAssign) -> None:
        """`x: int = 3` is `x = 3`."""
        # The annotation of a local variable is not evaluated; without a value there is nothing to do.
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
        """Parameters and body."""
        # The parameters of a `def` keep their names, because callers may pass them by keyword. A local variable of
        # the same name in a nested function is another variable, and gets a number.
        names = names_of(item)
        self.scopes.append(dict.fromkeys(names.local, -1))
        before = self.keep
        own = frozenset(parameters(item.args))
        if isinstance(item, ast.Lambda):
            self.keep = before - own
        else:
            self.keep = (before | own) - (names.local - own)
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

    def comprehension(self, item: Comprehension) -> None:
        bound = frozenset(
            name for part in item.generators for inner in ast.walk(part.target) for name in bound_names(inner)
        )
        self.parts.append(f"{type(item).__name__}<")
        # The first iterable runs outside the scope of the comprehension, the others inside it (reference, 6.2.4).
        self.write(item.generators[0].iter)
        self.scopes.append(dict.fromkeys(bound, -1))
        before, self.keep = self.keep, self.keep - bound
        for index, generator in enumerate(item.generators):
            if index:
                self.write(generator.iter)
            self.write(generator.target)
            self.write(generator.ifs)
        for result in ("key", "value", "elt"):
            if hasattr(item, result):
                self.write(getattr(item, result))
        self.keep = before
        self.scopes.pop()
        self.parts.append(">")


def without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements that have an effect: no bare constants, no `pass`, no bare annotations."""
    return [
        node
        for node in body
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        and not isinstance(node, ast.Pass)
        and not (isinstance(node, ast.AnnAssign) and node.value is None)
    ]


def function_code(node: FunctionNode) -> tuple[str, tuple[str, ...]]:
    """The shape of a function, and its free names in order of their first use."""
    # Defaults and decorators are left out: they run once, where the function is defined, and are compared as values.
    code: tuple[str, tuple[str, ...]] | None = getattr(node, "_code", None)
    if code is None:
        shape = _Shape()
        shape.body(node)
        kind = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
        code = (kind + " ".join(shape.parts), tuple(shape.free))
        node._code = code  # type: ignore[union-attr]
    return code


def comprehension_code(node: Comprehension) -> tuple[str, tuple[str, ...]]:
    """The shape of a comprehension, and its free names in order of their first use."""
    shape = _Shape()
    shape.comprehension(node)
    return " ".join(shape.parts), tuple(shape.free)


def annotation_code(node: ast.expr) -> str:
    return ast.dump(node)


def annotation_names(node: ast.expr) -> list[str]:
    """The names that an annotation reads, in order, those in string annotations included."""
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
