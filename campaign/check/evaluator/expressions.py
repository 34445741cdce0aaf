"""Expressions, in the order of evaluation that the reference prescribes: from left to right (6.16)."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Iterator
from typing import Any

from campaign.check.evaluator.dispatch import EXPRESSIONS
from campaign.check.evaluator.hashed_containers import store
from campaign.check.evaluator.iteration import run_comprehension, symbolic_comprehension
from campaign.check.evaluator.operators import unary
from campaign.check.evaluator.state import BUILTIN_NAMES, Args, Evaluator
from campaign.check.evaluator.string_conversion import to_string
from campaign.check.evaluator.symbolic import symbolic, symbolic_string
from campaign.check.values import (
    EXTERNAL,
    DictObj,
    FuncObj,
    InstObj,
    IteratorObj,
    ListObj,
    Namespace,
    Nondeterministic,
    Origin,
    TupleObj,
    Unknown,
    Value,
    is_constant,
    pairs_in_order,
)
from campaign.check.values.constants import check_size
from campaign.check.values.limits import CHARACTERS_A_STEP, ELEMENTS_A_STEP, Halt
from campaign.check.values.scope import Comprehension, Scope

CONVERSIONS = {115: "str", 114: "repr", 97: "ascii"}
"""The functions behind `!s`, `!r` and `!a`, by the code that the syntax tree has for them."""


def constant(evaluator: Evaluator, node: ast.Constant, scope: Scope) -> Value:
    # Constants are immutable, so that one value per node serves every evaluation of the file. A file that two
    # paths lead to has one tree but two display paths.
    value: Value | None = getattr(node, "_value", None)
    if value is None or value.origin.file != scope.module.display_path:
        path = scope.module.display_path
        value = Value(node.value, Origin(path, node.lineno, node.col_offset + 1, (), "literal", node.value))
        node._value = value  # type: ignore[attr-defined]
    return value


def name(evaluator: Evaluator, node: ast.Name, scope: Scope) -> Value:
    found = scope.lookup(node.id)
    if isinstance(found, Value):
        return found
    at = evaluator.place(node, scope)
    if found == "unbound":
        raise evaluator.error(UnboundLocalError, f"local variable {node.id!r} is read before assignment", at)
    builtin = BUILTIN_NAMES.get(node.id)
    if builtin is None:
        # Python has the name, but the checker has no model of it: that is no NameError.
        if (node.id.startswith("__") and node.id.endswith("__")) or hasattr(builtins, node.id):
            reason = f"the code reads {node.id}, which the checker does not model"
            raise Halt(reason, at, "write its value out")
        raise evaluator.error(NameError, f"name {node.id!r} is not defined", at)
    return Value(builtin, at)


def attribute(evaluator: Evaluator, node: ast.Attribute, scope: Scope) -> Value:
    holder = evaluator.eval(node.value, scope)
    return evaluator.get_attribute(
        holder, mangled(node.attr, scope), evaluator.place(node, scope, holder.origin)
    )


def mangled(attr: str, scope: Scope) -> str:
    """The name as Python stores it: a private one in a class is prefixed with the class (reference, 6.2.1)."""
    if not attr.startswith("__") or attr.endswith("__"):
        return attr
    holder: Scope | None = scope
    while holder is not None:
        if holder.cls is not None:
            return f"_{holder.cls.name.lstrip('_')}{attr}"
        holder = holder.parent
    return attr


def sequence(evaluator: Evaluator, nodes: list[ast.expr], scope: Scope) -> list[Value]:
    """The values of expressions, evaluated from left to right, with `*iterables` in them unpacked."""
    items: list[Value] = []
    for node in nodes:
        if isinstance(node, ast.Starred):
            inner = evaluator.eval(node.value, scope)
            items.extend(evaluator.elements(inner, evaluator.place(node, scope, inner.origin)))
        else:
            items.append(evaluator.with_control_origin(evaluator.eval(node, scope)))
    return items


def list_display(evaluator: Evaluator, node: ast.List, scope: Scope) -> Value:
    return evaluator.value(ListObj(sequence(evaluator, node.elts, scope)), node, scope)


def tuple_display(evaluator: Evaluator, node: ast.Tuple, scope: Scope) -> Value:
    return evaluator.value(TupleObj(tuple(sequence(evaluator, node.elts, scope))), node, scope)


def set_display(evaluator: Evaluator, node: ast.Set, scope: Scope) -> Value:
    at = evaluator.place(node, scope)
    return Value(evaluator.new_set(sequence(evaluator, node.elts, scope), at), at)


def dict_display(evaluator: Evaluator, node: ast.Dict, scope: Scope) -> Value:
    result = DictObj({})
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        at = evaluator.place(value_node, scope)
        if key_node is None:
            spread(evaluator, result, evaluator.eval(value_node, scope), at)
            continue
        # The key is evaluated before its value (reference, 6.2.7).
        key = evaluator.eval(key_node, scope)
        store(evaluator, result, key, evaluator.eval(value_node, scope), at)
    return evaluator.value(result, node, scope)


def spread(evaluator: Evaluator, result: DictObj, value: Value, at: Origin) -> None:
    """`{**value}`."""
    payload = value.payload
    evaluator.readable(payload, at)
    if isinstance(payload, DictObj):
        evaluator.charge(len(payload.entries) // ELEMENTS_A_STEP, at)
        for key, item in pairs_in_order(payload):
            store(evaluator, result, key, item, at)
        return
    if isinstance(payload, Namespace):
        for name, item in list(payload.names.items()):
            store(evaluator, result, Value(name, at), item, at)
        return
    if isinstance(payload, (*EXTERNAL, Unknown, Nondeterministic, InstObj)):
        raise Halt(
            "the keys of a mapping that ** unpacks are only known at run time", at, "write its keys out"
        )
    raise evaluator.error(TypeError, "the spread value is not a mapping", at)


def bool_op(evaluator: Evaluator, node: ast.BoolOp, scope: Scope) -> Value:
    stop = isinstance(node.op, ast.Or)
    before = evaluator.control
    value = evaluator.eval(node.values[0], scope)
    for following in node.values[1:]:
        if evaluator.truth(value, evaluator.place(following, scope, value.origin)) is stop:
            break
        # The operand is evaluated, and becomes the result, only because those before it did not decide.
        evaluator.push_control(value.origin)
        value = evaluator.with_control_origin(evaluator.eval(following, scope))
    evaluator.control = before
    return value


def unary_op(evaluator: Evaluator, node: ast.UnaryOp, scope: Scope) -> Value:
    operand = evaluator.eval(node.operand, scope)
    at = evaluator.place(node, scope, operand.origin)
    if isinstance(node.op, ast.Not):
        return Value(not evaluator.truth(operand, at), at)
    # `-1` is a literal to those who edit the file, whatever the grammar says: its place explains a difference.
    if isinstance(node.operand, ast.Constant) and is_constant(operand.payload):
        result = unary(evaluator, type(node.op), operand, at)
        literal = Origin(at.file, at.line, at.column, (), "literal", result.payload)
        return Value(result.payload, literal)
    return unary(evaluator, type(node.op), operand, at)


def bin_op(evaluator: Evaluator, node: ast.BinOp, scope: Scope) -> Value:
    left = evaluator.eval(node.left, scope)
    right = evaluator.eval(node.right, scope)
    return evaluator.binary(
        type(node.op), left, right, evaluator.place(node, scope, left.origin, right.origin)
    )


def comparison(evaluator: Evaluator, node: ast.Compare, scope: Scope) -> Value:
    # `a < b < c` evaluates b once, and c only if `a < b` is true (reference, 6.10).
    left = evaluator.eval(node.left, scope)
    result = left
    for index, (kind, right_node) in enumerate(zip(node.ops, node.comparators, strict=True)):
        right = evaluator.eval(right_node, scope)
        at = evaluator.place(node, scope, left.origin, right.origin)
        result = evaluator.compare(type(kind), left, right, at)
        if index + 1 < len(node.ops) and not evaluator.truth(result, at):
            return result
        left = right
    return result


def conditional(evaluator: Evaluator, node: ast.IfExp, scope: Scope) -> Value:
    # The test first, then only one of the two (reference, 6.13).
    test = evaluator.eval(node.test, scope)
    outcome = evaluator.truth(test, evaluator.place(node.test, scope, test.origin))
    before = evaluator.push_control(test.origin)
    value = evaluator.with_control_origin(evaluator.eval(node.body if outcome else node.orelse, scope))
    evaluator.control = before
    return value


def named_expression(evaluator: Evaluator, node: ast.NamedExpr, scope: Scope) -> Value:
    value = evaluator.eval(node.value, scope)
    scope.walrus_holder(node.target.id).vars[node.target.id] = evaluator.with_control_origin(value)
    return value


def call_expression(evaluator: Evaluator, node: ast.Call, scope: Scope) -> Value:
    function = evaluator.eval(node.func, scope)
    args = arguments(evaluator, node, scope)
    return evaluator.call(function, args, evaluator.place(node, scope, function.origin), scope)


def arguments(evaluator: Evaluator, node: ast.Call | ast.ClassDef, scope: Scope) -> Args:
    # Python evaluates positional arguments and `*iterables` first, then keywords and `**mappings`, each from left
    # to right (reference, 6.3.4).
    positional: list[Value] = []
    for item in node.args if isinstance(node, ast.Call) else node.bases:
        value = evaluator.eval(item.value if isinstance(item, ast.Starred) else item, scope)
        if isinstance(item, ast.Starred):
            positional.extend(evaluator.elements(value, evaluator.place(item, scope, value.origin)))
        else:
            positional.append(value)
    keywords: dict[str, Value] = {}
    for keyword in node.keywords:
        value = evaluator.eval(keyword.value, scope)
        if keyword.arg is not None:
            given = {keyword.arg: evaluator.with_control_origin(value)}
        else:
            given = _spread_keywords(evaluator, value, evaluator.place(keyword, scope))
        for name in keywords.keys() & given.keys():
            message = f"got multiple values for keyword argument {name!r}"
            raise evaluator.error(TypeError, message, evaluator.place(keyword, scope))
        keywords.update(given)
    return Args([evaluator.with_control_origin(value) for value in positional], keywords)


def _spread_keywords(evaluator: Evaluator, value: Value, at: Origin) -> dict[str, Value]:
    mapping = DictObj({})
    spread(evaluator, mapping, value, at)
    if not all(isinstance(key.payload, str) for key, _ in mapping.entries.values()):
        raise evaluator.error(TypeError, "keywords must be strings", at)
    return {key.payload: item for key, item in mapping.entries.values()}


def lambda_expression(evaluator: Evaluator, node: ast.Lambda, scope: Scope) -> Value:
    return new_function(evaluator, node, scope, "<lambda>")


def new_function(
    evaluator: Evaluator, node: ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope, called: str
) -> Value:
    # Defaults are evaluated once, when the function is defined (reference, 8.7); the scope is kept as it is, so
    # that the body reads the variables around it as they are when it runs.
    defaults = [
        evaluator.with_control_origin(evaluator.eval(default, scope)) for default in node.args.defaults
    ]
    kw_defaults = {
        arg.arg: evaluator.with_control_origin(evaluator.eval(default, scope))
        for arg, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        if default is not None
    }
    function = FuncObj(node, scope, defaults, kw_defaults, called, scope.qualify(called), scope.module)
    return evaluator.value(function, node, scope)


def subscript(evaluator: Evaluator, node: ast.Subscript, scope: Scope) -> Value:
    holder = evaluator.eval(node.value, scope)
    index = evaluator.eval(node.slice, scope)
    return evaluator.get_item(holder, index, evaluator.place(node, scope, holder.origin, index.origin))


def slice_expression(evaluator: Evaluator, node: ast.Slice, scope: Scope) -> Value:
    bounds = [
        Value(None, evaluator.place(node, scope)) if part is None else evaluator.eval(part, scope)
        for part in (node.lower, node.upper, node.step)
    ]
    at = evaluator.place(node, scope, *(bound.origin for bound in bounds))
    if all(is_constant(bound.payload) for bound in bounds):
        return Value(slice(*(bound.payload for bound in bounds)), at)
    return symbolic(evaluator, "slice", at, *bounds)


def formatted_string(evaluator: Evaluator, node: ast.JoinedStr, scope: Scope) -> Value:
    parts = [evaluator.eval(part, scope) for part in node.values]
    at = evaluator.place(node, scope, *(part.origin for part in parts))
    if all(isinstance(part.payload, str) for part in parts):
        length = sum(len(part.payload) for part in parts)
        check_size(length, at)
        evaluator.charge(length // CHARACTERS_A_STEP, at)
        return Value("".join(part.payload for part in parts), at)
    return symbolic_string(evaluator, "join", at, *parts)


def formatted_value(evaluator: Evaluator, node: ast.FormattedValue, scope: Scope) -> Value:
    value = evaluator.eval(node.value, scope)
    if node.format_spec is None:
        spec = Value("", evaluator.place(node, scope))
    else:
        spec = evaluator.eval(node.format_spec, scope)
    at = evaluator.place(node, scope, value.origin, spec.origin)
    return format_value(evaluator, value, spec, node.conversion, at)


def format_value(evaluator: Evaluator, value: Value, spec: Value, conversion: int, at: Origin) -> Value:
    """`format(value, spec)` after `!r`, `!s` or `!a`."""
    if conversion != -1:
        value = to_string(evaluator, value, CONVERSIONS[conversion], at)
    elif spec.payload != "" and isinstance(value.payload, InstObj):
        if value.payload.cls.find("__format__") is None:
            reason = f"the format of a {value.payload.cls.name} instance is not modelled"
            raise Halt(reason, at, "format its fields, or write the string out")
        return evaluator.call_method(value, "__format__", Args([spec]), at)
    elif spec.payload != "" and not isinstance(value.payload, (str, int, float, complex, *EXTERNAL)):
        reason = "the code formats an object whose type has no format specifications"
        raise Halt(reason, at, "write the string out")
    elif not is_constant(value.payload):
        value = to_string(evaluator, value, "format" if isinstance(value.payload, InstObj) else "str", at)
    return _format_constant(evaluator, value, spec, at)


def _format_constant(evaluator: Evaluator, value: Value, spec: Value, at: Origin) -> Value:
    if not isinstance(spec.payload, str) or not is_constant(value.payload):
        return symbolic_string(evaluator, "format", at, value, spec)
    # The width is checked first: Python would build the string, however long.
    if any(len(digits) > 4 for digits in re.findall(r"\d+", spec.payload)):
        raise Halt("the code formats a value with a width of more than 9999", at, "use a smaller width")
    try:
        return Value(format(value.payload, spec.payload), at)
    except Exception as error:
        raise evaluator.error(type(error), str(error), at) from None


def comprehension(
    evaluator: Evaluator,
    node: Comprehension,
    scope: Scope,
    build: Callable[[Iterator[Any], Origin], Any],
) -> Value:
    """The value that `build` makes of the elements of a comprehension, or a symbolic one."""
    # The first iterable is evaluated in the enclosing scope, the rest in one of the comprehension's own
    # (reference, 6.2.4).
    first = evaluator.eval(node.generators[0].iter, scope)
    if isinstance(first.payload, EXTERNAL) and len(node.generators) == 1:
        return symbolic_comprehension(evaluator, node, scope, first)
    at = evaluator.place(node, scope)
    return Value(build(run_comprehension(evaluator, node, scope, first), at), at)


def list_comprehension(evaluator: Evaluator, node: ast.ListComp, scope: Scope) -> Value:
    return comprehension(evaluator, node, scope, lambda items, at: ListObj(list(items)))


def set_comprehension(evaluator: Evaluator, node: ast.SetComp, scope: Scope) -> Value:
    return comprehension(evaluator, node, scope, lambda items, at: evaluator.new_set(list(items), at))


def dict_comprehension(evaluator: Evaluator, node: ast.DictComp, scope: Scope) -> Value:
    def build(pairs: Iterator[Any], at: Origin) -> DictObj:
        result = DictObj({})
        for key, item in pairs:
            store(evaluator, result, key, item, at)
        return result

    return comprehension(evaluator, node, scope, build)


def generator_expression(evaluator: Evaluator, node: ast.GeneratorExp, scope: Scope) -> Value:
    return comprehension(evaluator, node, scope, lambda items, at: IteratorObj(items))


def yield_expression(evaluator: Evaluator, node: ast.Yield, scope: Scope) -> Value:
    at = evaluator.place(node, scope)
    value = Value(None, at) if node.value is None else evaluator.eval(node.value, scope)
    if evaluator.generator is None:
        raise Halt("the code yields outside of a generator function", at, "yield in a function")
    evaluator.generator.suspend(evaluator.with_control_origin(value))
    return Value(None, at)  # what `next()` sends; `send()` is not modelled


def yield_from(evaluator: Evaluator, node: ast.YieldFrom, scope: Scope) -> Value:
    source = evaluator.eval(node.value, scope)
    at = evaluator.place(node, scope, source.origin)
    # The value of `yield from` an iterator is what a generator returns, and `send` passes through to it.
    if isinstance(source.payload, IteratorObj) or evaluator.generator is None:
        raise Halt("the result of `yield from` an iterator is not modelled", at, "use a for loop")
    for item in evaluator.iterate(source, at):
        evaluator.generator.suspend(item)
    return Value(None, evaluator.place(node, scope))


def refused(evaluator: Evaluator, node: ast.expr, scope: Scope) -> Value:
    name = "await" if isinstance(node, ast.Await) else "a starred expression"
    raise Halt(f"the checker does not evaluate {name}", evaluator.place(node, scope), "write the value out")


EXPRESSIONS.update(
    {
        ast.Constant: constant, ast.Name: name, ast.Attribute: attribute, ast.List: list_display,
        ast.Tuple: tuple_display, ast.Set: set_display, ast.Dict: dict_display, ast.BoolOp: bool_op,
        ast.UnaryOp: unary_op, ast.BinOp: bin_op, ast.Compare: comparison, ast.IfExp: conditional,
        ast.NamedExpr: named_expression, ast.Call: call_expression, ast.Lambda: lambda_expression,
        ast.Subscript: subscript, ast.Slice: slice_expression, ast.JoinedStr: formatted_string,
        ast.FormattedValue: formatted_value, ast.ListComp: list_comprehension, ast.SetComp: set_comprehension,
        ast.DictComp: dict_comprehension, ast.GeneratorExp: generator_expression, ast.Await: refused,
        ast.Yield: yield_expression, ast.YieldFrom: yield_from, ast.Starred: refused,
    }
)  # fmt: skip
