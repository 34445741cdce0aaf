"""Annotations as far as they are evaluated: a name in them that is not there raises."""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterable

from campaign.check.evaluator.state import Evaluator
from campaign.check.values.scope import Scope


def known_names(evaluator: Evaluator, annotations: Iterable[ast.expr | None], scope: Scope) -> None:
    """Raises what Python raises where an annotation that it evaluates names something that is not there."""
    if scope.module.postpones_annotations or sys.version_info >= (3, 14):
        return
    for annotation in annotations:
        if annotation is None:
            continue
        for name in names_read(annotation):
            if isinstance(scope.lookup(name.id), str) and not hasattr(builtins, name.id):
                message = f"name {name.id!r} is not defined"
                raise evaluator.error(NameError, message, evaluator.place(name, scope))


def names_read(annotation: ast.expr) -> list[ast.Name]:
    known: list[ast.Name] | None = getattr(annotation, "_names_read", None)
    if known is None:
        nodes = list(ast.walk(annotation))
        scoped = any(isinstance(part, ast.Lambda | ast.comprehension | ast.NamedExpr) for part in nodes)
        known = [] if scoped else [part for part in nodes if isinstance(part, ast.Name)]
        annotation._names_read = known  # type: ignore[attr-defined]
    return known
