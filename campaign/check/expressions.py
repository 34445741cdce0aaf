"""Expressions."""

from __future__ import annotations

import ast
import builtins
from typing import Any

from campaign.check.attributes import get_attribute
from campaign.check.builtin_functions import BUILTINS
from campaign.check.calls import call
from campaign.check.comparisons import compare
from campaign.check.constants import NotConcrete, Unhashable, check_size, key_of, lower
from campaign.check.iteration import elements, iterate, opaque_comprehension, run_comprehension
from campaign.check.limits import CHARACTERS_A_STEP, ELEMENTS_A_STEP, Halt
from campaign.check.machine import EXPRESSIONS, Args, Machine
from campaign.check.operators import binary, describe_term, store, truth, unary
from campaign.check.outside import term
from campaign.check.scope import Scope, names_of
from campaign.check.subscripts import get_item
from campaign.check.values import (
    OUTSIDE,
    DictObj,
    FuncObj,
    InstObj,
    Iter,
    ListObj,
    ModuleObj,
    Namespace,
    Nondet,
    Origin,
    SetObj,
    Sym,
    TupleObj,
    Unknown,
    Value,
    is_constant,
    pairs_in_order,
)


def constant(machine: Machine, node: ast.Constant, scope: Scope) -> Value:
    known: Value | None = getattr(node, "_value", None)
    if known is None or known.origin.file != scope.module.shown:
        place = Origin(scope.module.shown, node.lineno, node.col_offset + 1, (), "literal", node.value)
        known = Value(node.value, place)
        node._value = known  # type: ignore[attr-defined]
    return known


def name(machine: Machine, node: ast.Name, scope: Scope) -> Value:
    found = scope.lookup(node.id)
    if isinstance(found, Value):
        if isinstance(found.payload, Sym):
            machine.used.add(found.payload.module)
        return found
    at = machine.place(node, scope)
    if found == "unbound":
        raise machine.error(UnboundLocalError, f"local variable {node.id!r} is read before assignment", at)
    builtin = BUILTINS.get(node.id)
    if builtin is None:
        if (node.id.startswith("__") and node.id.endswith("__")) or hasattr(builtins, node.id):
            raise Halt(f"reads {node.id}", at)
        raise machine.error(NameError, f"name {node.id!r} is not defined", at)
    return Value(builtin, at)


def attribute(machine: Machine, node: ast.Attribute, scope: Scope) -> Value:
    holder = machine.eval(node.value, scope)
    return get_attribute(
        machine, holder, mangled(node.attr, scope), machine.place(node, scope, holder.origin)
    )


def mangled(attr: str, scope: Scope) -> str:
    """`__private` names inside a class carry its name."""
    if not attr.startswith("__") or attr.endswith("__"):
        return attr
    holder: Scope | None = scope
    while holder is not None:
        if holder.cls is not None:
            return f"_{holder.cls.name.lstrip('_')}{attr}"
        holder = holder.parent
    return attr


def sequence(machine: Machine, nodes: list[ast.expr], scope: Scope) -> list[Value]:
    items: list[Value] = []
    for node in nodes:
        if isinstance(node, ast.Starred):
            inner = machine.eval(node.value, scope)
            items.extend(elements(machine, inner, machine.place(node, scope, inner.origin)))
        else:
            items.append(machine.bound(machine.eval(node, scope)))
    return items


def list_display(machine: Machine, node: ast.List, scope: Scope) -> Value:
    return machine.value(ListObj(sequence(machine, node.elts, scope)), node, scope)


def tuple_display(machine: Machine, node: ast.Tuple, scope: Scope) -> Value:
    return machine.value(TupleObj(tuple(sequence(machine, node.elts, scope))), node, scope)


def set_display(machine: Machine, node: ast.Set, scope: Scope) -> Value:
    at = machine.place(node, scope)
    return Value(new_set(machine, sequence(machine, node.elts, scope), at), at)


def new_set(machine: Machine, items: list[Value], at: Origin, frozen: bool = False) -> SetObj:
    members: dict[Any, Value] = {}
    for item in items:
        try:
            members.setdefault(key_of(item.payload), item)
        except Unhashable as error:
            raise machine.error(TypeError, f"unhashable type: '{error}'", at) from None
        except NotConcrete:
            raise Halt("a set of values only known at run time", at, "use a list") from None
    return SetObj(members, frozen)


def dict_display(machine: Machine, node: ast.Dict, scope: Scope) -> Value:
    result = DictObj({})
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        at = machine.place(value_node, scope)
        if key_node is None:
            spread(machine, result, machine.eval(value_node, scope), at)
            continue
        key = machine.eval(key_node, scope)
        store(machine, result, key, machine.eval(value_node, scope), at)
    return machine.value(result, node, scope)


def spread(machine: Machine, result: DictObj, value: Value, at: Origin) -> None:
    """`{**value}`."""
    payload = value.payload
    machine.readable(payload, at)
    if isinstance(payload, DictObj):
        machine.charge(len(payload.entries) // ELEMENTS_A_STEP, at)
        for key, item in pairs_in_order(payload):
            store(machine, result, key, item, at)
        return
    if isinstance(payload, Namespace):
        for name, item in list(payload.names.items()):
            store(machine, result, Value(name, at), item, at)
        return
    if isinstance(payload, (*OUTSIDE, Unknown, Nondet, InstObj)):
        raise Halt("spreads a mapping that is only known at run time", at, "write its keys out")
    raise machine.error(TypeError, "the spread value is not a mapping", at)


def bool_op(machine: Machine, node: ast.BoolOp, scope: Scope) -> Value:
    stop = isinstance(node.op, ast.Or)
    before = machine.control
    value = machine.eval(node.values[0], scope)
    for following in node.values[1:]:
        if truth(machine, value, machine.place(following, scope, value.origin)) is stop:
            break
        machine.under(value.origin)
        value = machine.bound(machine.eval(following, scope))
    machine.control = before
    return value


def unary_op(machine: Machine, node: ast.UnaryOp, scope: Scope) -> Value:
    operand = machine.eval(node.operand, scope)
    at = machine.place(node, scope, operand.origin)
    if isinstance(node.op, ast.Not):
        return Value(not truth(machine, operand, at), at)
    if isinstance(node.operand, ast.Constant) and is_constant(operand.payload):
        result = unary(machine, type(node.op), operand, at)
        literal = Origin(at.file, at.line, at.column, (), "literal", result.payload)
        return Value(result.payload, literal)
    return unary(machine, type(node.op), operand, at)


def bin_op(machine: Machine, node: ast.BinOp, scope: Scope) -> Value:
    left = machine.eval(node.left, scope)
    right = machine.eval(node.right, scope)
    return binary(machine, type(node.op), left, right, machine.place(node, scope, left.origin, right.origin))


def comparison(machine: Machine, node: ast.Compare, scope: Scope) -> Value:
    left = machine.eval(node.left, scope)
    result = left
    for index, (kind, right_node) in enumerate(zip(node.ops, node.comparators, strict=True)):
        right = machine.eval(right_node, scope)
        at = machine.place(node, scope, left.origin, right.origin)
        result = compare(machine, type(kind), left, right, at)
        if index + 1 < len(node.ops) and not truth(machine, result, at):
            return result
        left = right
    return result


def conditional(machine: Machine, node: ast.IfExp, scope: Scope) -> Value:
    test = machine.eval(node.test, scope)
    chosen = node.body if truth(machine, test, machine.place(node.test, scope, test.origin)) else node.orelse
    before = machine.under(test.origin)
    value = machine.bound(machine.eval(chosen, scope))
    machine.control = before
    return value


def named(machine: Machine, node: ast.NamedExpr, scope: Scope) -> Value:
    value = machine.eval(node.value, scope)
    scope.walrus_holder(node.target.id).vars[node.target.id] = machine.bound(value)
    return value


def call_expression(machine: Machine, node: ast.Call, scope: Scope) -> Value:
    function = machine.eval(node.func, scope)
    args = arguments(machine, node, scope)
    return call(machine, function, args, machine.place(node, scope, function.origin), scope)


def arguments(machine: Machine, node: ast.Call | ast.ClassDef, scope: Scope) -> Args:
    positional: list[Value] = []
    nodes = node.args if isinstance(node, ast.Call) else node.bases
    for item in nodes:
        if isinstance(item, ast.Starred):
            inner = machine.eval(item.value, scope)
            at = machine.place(item, scope, inner.origin)
            positional.extend(elements(machine, inner, at))
        else:
            positional.append(machine.eval(item, scope))
    keywords: dict[str, Value] = {}
    for keyword in node.keywords:
        value = machine.eval(keyword.value, scope)
        if keyword.arg is not None:
            if keyword.arg in keywords:
                message = f"got multiple values for keyword argument {keyword.arg!r}"
                raise machine.error(TypeError, message, machine.place(keyword, scope))
            keywords[keyword.arg] = machine.bound(value)
            continue
        at = machine.place(keyword, scope)
        extra = DictObj({})
        spread(machine, extra, value, at)
        for key, item_value in extra.entries.values():
            if not isinstance(key.payload, str):
                raise machine.error(TypeError, "keywords must be strings", at)
            if key.payload in keywords:
                raise machine.error(
                    TypeError, f"got multiple values for keyword argument {key.payload!r}", at
                )
            keywords[key.payload] = item_value
    return Args([machine.bound(value) for value in positional], keywords)


def lambda_expression(machine: Machine, node: ast.Lambda, scope: Scope) -> Value:
    return new_function(machine, node, scope, "<lambda>")


def new_function(
    machine: Machine, node: ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope, called: str
) -> Value:
    defaults = [machine.bound(machine.eval(default, scope)) for default in node.args.defaults]
    kw_defaults = {
        arg.arg: machine.bound(machine.eval(default, scope))
        for arg, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        if default is not None
    }
    holder = scope.cls.qualname + "." if scope.kind == "class" and scope.cls is not None else ""
    inside = scope
    while inside.kind == "class" and inside.parent is not None:
        inside = inside.parent
    if inside.kind == "function":
        names_of(node)
    function = FuncObj(node, scope, defaults, kw_defaults, called, holder + called, scope.module)
    return machine.value(function, node, scope)


def subscript(machine: Machine, node: ast.Subscript, scope: Scope) -> Value:
    holder = machine.eval(node.value, scope)
    index = machine.eval(node.slice, scope)
    return get_item(machine, holder, index, machine.place(node, scope, holder.origin, index.origin))


def slice_expression(machine: Machine, node: ast.Slice, scope: Scope) -> Value:
    bounds = [
        Value(None, machine.place(node, scope)) if part is None else machine.eval(part, scope)
        for part in (node.lower, node.upper, node.step)
    ]
    at = machine.place(node, scope, *(bound.origin for bound in bounds))
    if all(is_constant(bound.payload) for bound in bounds):
        return Value(slice(*(bound.payload for bound in bounds)), at)
    return term(machine, "slice", at, *bounds)


def formatted_text(machine: Machine, node: ast.JoinedStr, scope: Scope) -> Value:
    parts = [machine.eval(part, scope) for part in node.values]
    at = machine.place(node, scope, *(part.origin for part in parts))
    if all(isinstance(part.payload, str) for part in parts):
        length = sum(len(part.payload) for part in parts)
        check_size(length, at)
        machine.charge(length // CHARACTERS_A_STEP, at)
        return Value("".join(part.payload for part in parts), at)
    return describe_term(machine, "join", at, *parts)


def formatted_value(machine: Machine, node: ast.FormattedValue, scope: Scope) -> Value:
    value = machine.eval(node.value, scope)
    if node.format_spec is None:
        spec = Value("", machine.place(node, scope))
    else:
        spec = machine.eval(node.format_spec, scope)
    at = machine.place(node, scope, value.origin, spec.origin)
    return format_value(machine, value, spec, node.conversion, at)


def format_value(machine: Machine, value: Value, spec: Value, conversion: int, at: Origin) -> Value:
    """`format(value, spec)` after `!r`, `!s` or `!a`."""
    from campaign.check.calls import call_method
    from campaign.check.text import as_text

    if conversion == -1 and isinstance(value.payload, InstObj) and spec.payload != "":
        if value.payload.cls.find("__format__") is None:
            raise Halt(f"formats an instance of {value.payload.cls.name} with a format of its own", at)
        return call_method(machine, value, "__format__", Args([spec]), at)
    if (
        conversion == -1
        and spec.payload != ""
        and not isinstance(value.payload, (str, int, float, complex, *OUTSIDE))
    ):
        raise Halt("formats an object that has no formats", at, "write the text out")
    if conversion != -1:
        value = as_text(machine, value, {115: "str", 114: "repr", 97: "ascii"}[conversion], at)
    elif not is_constant(value.payload):
        value = as_text(machine, value, "format" if isinstance(value.payload, InstObj) else "str", at)
    if not isinstance(spec.payload, str) or not is_constant(value.payload):
        return describe_term(machine, "format", at, value, spec)
    if any(len(digits) > 4 for digits in "".join(c if c.isdigit() else " " for c in spec.payload).split()):
        raise Halt("a format with a huge width", at)
    try:
        return Value(format(value.payload, spec.payload), at)
    except Exception as error:
        raise machine.error(type(error), str(error), at) from None


def list_comprehension(machine: Machine, node: ast.ListComp, scope: Scope) -> Value:
    first = machine.eval(node.generators[0].iter, scope)
    if isinstance(first.payload, OUTSIDE) and len(node.generators) == 1:
        return opaque_comprehension(machine, node, scope, first)
    items = [item for item in run_comprehension(machine, node, scope, first) if isinstance(item, Value)]
    return machine.value(ListObj(items), node, scope)


def set_comprehension(machine: Machine, node: ast.SetComp, scope: Scope) -> Value:
    first = machine.eval(node.generators[0].iter, scope)
    if isinstance(first.payload, OUTSIDE) and len(node.generators) == 1:
        return opaque_comprehension(machine, node, scope, first)
    items = [item for item in run_comprehension(machine, node, scope, first) if isinstance(item, Value)]
    at = machine.place(node, scope)
    return Value(new_set(machine, items, at), at)


def dict_comprehension(machine: Machine, node: ast.DictComp, scope: Scope) -> Value:
    first = machine.eval(node.generators[0].iter, scope)
    if isinstance(first.payload, OUTSIDE) and len(node.generators) == 1:
        return opaque_comprehension(machine, node, scope, first)
    result = DictObj({})
    at = machine.place(node, scope)
    for pair in run_comprehension(machine, node, scope, first):
        assert isinstance(pair, tuple)
        store(machine, result, pair[0], pair[1], at)
    return Value(result, at)


def generator_expression(machine: Machine, node: ast.GeneratorExp, scope: Scope) -> Value:
    first = machine.eval(node.generators[0].iter, scope)
    if isinstance(first.payload, OUTSIDE) and len(node.generators) == 1:
        return opaque_comprehension(machine, node, scope, first)
    source = run_comprehension(machine, node, scope, first)
    return machine.value(Iter(item for item in source if isinstance(item, Value)), node, scope)


def yield_expression(machine: Machine, node: ast.Yield, scope: Scope) -> Value:
    value = Value(None, machine.place(node, scope)) if node.value is None else machine.eval(node.value, scope)
    if machine.generator is None:
        raise Halt("yield outside of a generator function", machine.place(node, scope))
    machine.generator.give(machine.bound(value))
    return Value(None, machine.place(node, scope))


def yield_from(machine: Machine, node: ast.YieldFrom, scope: Scope) -> Value:
    source = machine.eval(node.value, scope)
    mine = machine.generator
    if isinstance(source.payload, Iter) or mine is None:
        raise Halt("yield from an iterator", machine.place(node, scope), "use a for loop")
    for item in iterate(machine, source, machine.place(node, scope, source.origin)):
        mine.give(item)
    return Value(None, machine.place(node, scope))


def refused(machine: Machine, node: ast.expr, scope: Scope) -> Value:
    names = {"Await": "await", "Starred": "a starred expression"}
    reason = names.get(type(node).__name__, type(node).__name__)
    raise Halt(f"{reason} is not followed", machine.place(node, scope))


EXPRESSIONS.update(
    {
        ast.Constant: constant, ast.Name: name, ast.Attribute: attribute, ast.List: list_display,
        ast.Tuple: tuple_display, ast.Set: set_display, ast.Dict: dict_display, ast.BoolOp: bool_op,
        ast.UnaryOp: unary_op, ast.BinOp: bin_op, ast.Compare: comparison, ast.IfExp: conditional,
        ast.NamedExpr: named, ast.Call: call_expression, ast.Lambda: lambda_expression,
        ast.Subscript: subscript, ast.Slice: slice_expression, ast.JoinedStr: formatted_text,
        ast.FormattedValue: formatted_value, ast.ListComp: list_comprehension, ast.SetComp: set_comprehension,
        ast.DictComp: dict_comprehension, ast.GeneratorExp: generator_expression, ast.Await: refused,
        ast.Yield: yield_expression, ast.YieldFrom: yield_from, ast.Starred: refused,
    }
)  # fmt: skip

__all__ = ["ModuleObj", "arguments", "iterate", "lower", "new_function", "spread"]
