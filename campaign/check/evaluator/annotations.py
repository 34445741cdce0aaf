"""Annotations, as far as evaluating them can raise."""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterable

from campaign.check.evaluator.state import Evaluator
from campaign.check.values.scope import Scope


def evaluate_annotations(evaluator: Evaluator, annotations: Iterable[ast.expr | None], scope: Scope) -> None:
    """Raise `NameError` for an undefined name, as Python does. The values of annotations are not computed."""
    # Python evaluates annotations where they are written, unless `from __future__ import annotations` postpones them
    # (PEP 563); since 3.14 they are only evaluated when something asks for them (PEP 649).
    if scope.module.postpones_annotations or sys.version_info >= (3, 14):
        return
    for annotation in annotations:
        for name in [] if annotation is None else names_read(annotation):
            if isinstance(scope.lookup(name.id), str) and not hasattr(builtins, name.id):
                message = f"name {name.id!r} is not defined"
                raise evaluator.error(NameError, message, evaluator.place(name, scope))


def names_read(annotation: ast.expr) -> list[ast.Name]:
    names: list[ast.Name] | None = getattr(annotation, "_names_read", None)
    if names is None:
        nodes = list(ast.walk(annotation))
        # Names that the annotation itself binds may be read in it: then none is looked up.
        binds = any(isinstance(part, ast.Lambda | ast.comprehension | ast.NamedExpr) for part in nodes)
        names = [] if binds else [part for part in nodes if isinstance(part, ast.Name)]
        annotation._names_read = names  # type: ignore[attr-defined]
    return names
