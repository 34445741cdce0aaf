"""The comparison of functions, methods, partial objects, descriptors, builtins and modules."""

from __future__ import annotations

import ast

from campaign.check.claim.patterns import Path, step_of
from campaign.check.difference.class_difference import same_annotation_names
from campaign.check.difference.comparison import Comparison, compares
from campaign.check.values.code_objects import annotation_code, function_code
from campaign.check.values.lattice import BoundMethod, Builtin, FuncObj, ModuleObj, Partial, Value, Wrapped
from campaign.check.values.scope import Scope


@compares(FuncObj)
def compare_functions(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    """Functions are equal if they have the same code, equal defaults and attributes, and free names that are bound to
    equal values: a call then does the same on both sides, whatever it does."""
    x, y = a.payload, b.payload
    if x is y:
        return
    if not _same_code(x, y):
        comparison.add(path, "code", a, b)
        return
    if x.shown or y.shown:
        _compare_signatures(comparison, path, a, b)
    if len(x.defaults) != len(y.defaults) or set(x.kw_defaults) != set(y.kw_defaults):
        comparison.add(path, "code", a, b)
        return
    # Python evaluates a default once, when the `def` runs: it is a value, and no part of the code.
    for index, (mine, other) in enumerate(zip(x.defaults, y.defaults, strict=True)):
        comparison.compare((*path, step_of("__defaults__", x.name), step_of(f"[{index}]", "")), mine, other)
    keyword_path = (*path, step_of("__kwdefaults__", x.name))
    comparison.compare_named(keyword_path, x.name, x.kw_defaults, y.kw_defaults, a, b)
    comparison.compare_named(path, x.name, x.attrs, y.attrs, a, b)
    names = zip(function_code(x.node)[1], function_code(y.node)[1], strict=True)
    for left, right in names:
        _compare_free_name(comparison, path, left, right, a, b)
    if (x.owner is None) != (y.owner is None):
        comparison.add(path, "code", a, b)


def _same_code(x: FuncObj, y: FuncObj) -> bool:
    (left, left_names), (right, right_names) = function_code(x.node), function_code(y.node)
    same_names = x.name == y.name and x.qualname == y.qualname
    return left == right and len(left_names) == len(right_names) and same_names


def _compare_signatures(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    """Compare the annotations of functions that were passed to external code, which may read them."""
    x, y = a.payload, b.payload
    left, right = _annotations(x), _annotations(y)
    same_code = [node and annotation_code(node) for node in left] == [
        node and annotation_code(node) for node in right
    ]
    if not same_code or not all(
        same_annotation_names(comparison, x, mine, y, other)
        for mine, other in zip(left, right, strict=True)
        if mine is not None and other is not None
    ):
        message = (
            f"the annotations of {x.name}() differ, and external code to which it is passed may read them"
        )
        comparison.add_unproven(path, a, b, message, "write the same annotations on both sides")


def _annotations(function: FuncObj) -> list[ast.expr | None]:
    args = function.node.args
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))]
    return [*(arg.annotation for arg in every), getattr(function.node, "returns", None)]


def _compare_free_name(comparison: Comparison, path: Path, mine: str, other: str, a: Value, b: Value) -> None:
    """Compare what a free name is bound to at the end: Python looks it up when the function is called."""
    left = _enclosing_scope(a.payload.scope).lookup(mine)
    right = _enclosing_scope(b.payload.scope).lookup(other)
    if isinstance(left, str) or isinstance(right, str):
        if left != right or mine != other:
            comparison.add(path, "code", a, b, f"the function reads {mine}")
    elif not comparison.are_equal(left, right):
        comparison.add(path, "code", a, b, f"the function reads {mine}, which differs")


def _enclosing_scope(scope: Scope) -> Scope:
    """The scope in which a function's free names are looked up: Python skips the bodies of classes."""
    while scope.kind == "class" and scope.parent is not None:
        scope = scope.parent
    return scope


@compares(BoundMethod)
def compare_bound_methods(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    if not comparison.are_equal(x.function, y.function):
        comparison.add(path, "code", a, b)
        return
    comparison.compare((*path, step_of("__self__", "")), x.receiver, y.receiver)


@compares(Partial)
def compare_partials(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    if not comparison.are_equal(x.function, y.function):
        comparison.add((*path, step_of("func", "partial")), "code", x.function, y.function)
        return
    comparison.compare_items((*path, step_of("args", "partial")), a, b, list(x.args), list(y.args))
    comparison.compare_named(path, "partial", x.kwargs, y.kwargs, a, b)


@compares(Wrapped)
def compare_descriptors(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    same = x.kind == y.kind and comparison.are_equal(x.function, y.function)
    if x.setter is None or y.setter is None:
        same = same and x.setter is y.setter
    else:
        same = same and comparison.are_equal(x.setter, y.setter)
    if not same:
        comparison.add(path, "code", a, b)


@compares(Builtin)
def compare_builtins(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    if x.name != y.name:
        comparison.add(path, "value", a, b)
    elif x.call is not y.call and x.holder is None:
        # A model that closes over values of its own (`operator.itemgetter(3)`): its name does not tell which.
        message = f"the checker cannot compare two results of {x.name}"
        comparison.add_unproven(path, a, b, message, "write the value out, or a function instead of it")
    elif x.holder is not None and y.holder is not None:
        comparison.compare((*path, step_of("__self__", "")), x.holder, y.holder)


@compares(ModuleObj)
def compare_modules(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    if a.payload.shown != b.payload.shown:
        comparison.add(path, "value", a, b)
        return
    left, right = (
        {name: value for name, value in side.payload.scope.vars.items() if not name.startswith("__")}
        for side in (a, b)
    )
    comparison.compare_named(path, a.payload.name, left, right, a, b)
