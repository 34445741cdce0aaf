"""The comparison of functions, methods, partial objects, descriptors, builtins and modules."""

from __future__ import annotations

import ast

from campaign.check.difference.class_difference import same_annotation_names
from campaign.check.difference.comparison import Pair, compares
from campaign.check.values import BoundMethod, Builtin, DescriptorObj, FuncObj, ModuleObj, Partial
from campaign.check.values.code_objects import annotation_code, function_code
from campaign.check.values.scope import Scope


@compares(FuncObj)
def compare_functions(pair: Pair) -> None:
    """Functions are equal if they have the same code, equal defaults and attributes, and free names that are bound to
    equal values: a call then does the same on both sides, whatever it does."""
    x, y = pair.x, pair.y
    if x is y:
        return
    if not _same_code(x, y):
        pair.add("code")
        return
    if x.exposed or y.exposed:
        _compare_signatures(pair)
    if len(x.defaults) != len(y.defaults) or set(x.kw_defaults) != set(y.kw_defaults):
        pair.add("code")
        return
    # Python evaluates a default once, when the `def` runs: it is a value, not part of the code.
    defaults = pair.below("__defaults__", x.name)
    for index, (mine, other) in enumerate(zip(x.defaults, y.defaults, strict=True)):
        defaults.compare_part(f"[{index}]", "", mine, other)
    pair.below("__kwdefaults__", x.name).compare_named(x.name, x.kw_defaults, y.kw_defaults)
    pair.compare_named(x.name, x.attrs, y.attrs)
    for left, right in zip(function_code(x.node)[1], function_code(y.node)[1], strict=True):
        _compare_free_name(pair, left, right)
    # `super()` without arguments works only in a function that a class body defines.
    if (x.owner is None) != (y.owner is None):
        pair.add("code")


def _same_code(x: FuncObj, y: FuncObj) -> bool:
    # The code has no names of local variables, and a number for each free name: these are compared by what they are
    # bound to.
    (left, left_names), (right, right_names) = function_code(x.node), function_code(y.node)
    same_names = x.name == y.name and x.qualname == y.qualname
    return left == right and len(left_names) == len(right_names) and same_names


def _compare_signatures(pair: Pair) -> None:
    """Compare the annotations of functions that were passed to external code, which may read them."""
    x, y = pair.x, pair.y
    left, right = _annotations(x), _annotations(y)
    codes = [[node and annotation_code(node) for node in nodes] for nodes in (left, right)]
    if codes[0] != codes[1] or not all(
        same_annotation_names(pair, x, mine, y, other)
        for mine, other in zip(left, right, strict=True)
        if mine is not None and other is not None
    ):
        message = (
            f"the annotations of {x.name}() differ, and external code to which it is passed may read them"
        )
        pair.add_unproven(message, "write the same annotations on both sides")


def _annotations(function: FuncObj) -> list[ast.expr | None]:
    args = function.node.args
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))]
    return [*(arg.annotation for arg in every), getattr(function.node, "returns", None)]


def _compare_free_name(pair: Pair, mine: str, other: str) -> None:
    """Compare what a free name is bound to at the end: Python looks it up when the function is called."""
    left, right = _enclosing_scope(pair.x.scope).lookup(mine), _enclosing_scope(pair.y.scope).lookup(other)
    # A string stands for a name that the files do not bind: a builtin, or an error when the function is called.
    if isinstance(left, str) or isinstance(right, str):
        if left != right or mine != other:
            pair.add("code", f"the function reads {mine}")
    elif not pair.are_equal(left, right):
        pair.add("code", f"the function reads {mine}, which differs")


def _enclosing_scope(scope: Scope) -> Scope:
    """The scope in which a function's free names are looked up: Python skips the bodies of classes."""
    while scope.kind == "class" and scope.parent is not None:
        scope = scope.parent
    return scope


@compares(BoundMethod)
def compare_bound_methods(pair: Pair) -> None:
    # A bound method is its function with the receiver as first argument.
    if pair.are_equal(pair.x.function, pair.y.function):
        pair.compare_part("__self__", "", pair.x.receiver, pair.y.receiver)
    else:
        pair.add("code")


@compares(Partial)
def compare_partials(pair: Pair) -> None:
    x, y = pair.x, pair.y
    if not pair.are_equal(x.function, y.function):
        pair.add_part("code", "func", "partial", x.function, y.function)
        return
    pair.below("args", "partial").compare_items(x.args, y.args)
    pair.compare_named("partial", x.kwargs, y.kwargs)


@compares(DescriptorObj)
def compare_descriptors(pair: Pair) -> None:
    x, y = pair.x, pair.y
    same = x.kind == y.kind and pair.are_equal(x.function, y.function)
    if x.setter is None or y.setter is None:
        same = same and x.setter is y.setter
    else:
        same = same and pair.are_equal(x.setter, y.setter)
    if not same:
        pair.add("code")


@compares(Builtin)
def compare_builtins(pair: Pair) -> None:
    x, y = pair.x, pair.y
    if x.name != y.name:
        pair.add("value")
    elif x.call is not y.call and x.holder is None:
        # A model that closes over its own values (`operator.itemgetter(3)`): its name does not tell which.
        message = f"the checker cannot compare two results of {x.name}"
        pair.add_unproven(message, "write the value out, or a function instead of it")
    elif x.holder is not None and y.holder is not None:
        pair.compare_part("__self__", "", x.holder, y.holder)


@compares(ModuleObj)
def compare_modules(pair: Pair) -> None:
    if pair.x.display_path != pair.y.display_path:
        pair.add("value")
        return
    # The same file, but each side may have assigned to its names. Dunder names say where the module was loaded.
    left, right = (
        {name: value for name, value in module.scope.vars.items() if not name.startswith("__")}
        for module in (pair.x, pair.y)
    )
    pair.compare_named(pair.x.name, left, right)
