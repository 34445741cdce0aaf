"""Assignment in all its forms, and `del`."""

from __future__ import annotations

import ast

from campaign.check.annotations import known_names
from campaign.check.attribute_changes import delete_attribute, set_attribute
from campaign.check.attributes import get_attribute
from campaign.check.calls import call_method
from campaign.check.expressions import mangled
from campaign.check.iteration import elements, extend
from campaign.check.limits import Halt
from campaign.check.machine import Args, Completion, Machine
from campaign.check.operators import binary
from campaign.check.outside import opaque_effect, term
from campaign.check.scope import Scope
from campaign.check.subscripts import delete_item, get_item, set_item
from campaign.check.values import (
    OUTSIDE,
    DictObj,
    InstObj,
    ListObj,
    Opaque,
    Origin,
    SetObj,
    Term,
    Value,
)

UNFOLLOWED_NAMES = frozenset(
    {
        "__class__",
        "__builtins__",
        "__getattr__",
        "__dict__",
        "__path__",
        "__package__",
        "__spec__",
        "__loader__",
    }
)


def assignment(machine: Machine, node: ast.Assign, scope: Scope) -> Completion:
    value = machine.eval(node.value, scope)
    for target in node.targets:
        assign(machine, target, value, scope)
    return None


def assign(machine: Machine, target: ast.expr, value: Value, scope: Scope) -> None:
    if isinstance(target, ast.Name):
        bind(machine, target.id, value, scope)
    elif isinstance(target, ast.Attribute):
        holder = machine.eval(target.value, scope)
        set_attribute(machine, holder, mangled(target.attr, scope), value, machine.place(target, scope))
    elif isinstance(target, ast.Subscript):
        holder = machine.eval(target.value, scope)
        index = machine.eval(target.slice, scope)
        set_item(machine, holder, index, value, machine.place(target, scope))
    elif isinstance(target, ast.Tuple | ast.List):
        unpack(machine, target.elts, value, scope, machine.place(target, scope, value.origin))
    else:
        raise Halt(f"assigns to {type(target).__name__}", machine.place(target, scope))


def bind(machine: Machine, name: str, value: Value, scope: Scope) -> None:
    if name.startswith("__"):
        if name in UNFOLLOWED_NAMES and scope.kind == "module":
            raise Halt(f"sets {name} of the module", value.origin)
        name = mangled(name, scope)
    holder = scope.holder(name)
    holder.vars[name] = machine.bound(value)
    if holder.kind == "module":
        holder.module.imported.discard(name)


def unpack(machine: Machine, targets: list[ast.expr], value: Value, scope: Scope, at: Origin) -> None:
    if isinstance(value.payload, OUTSIDE) and not any(isinstance(target, ast.Starred) for target in targets):
        for index, target in enumerate(targets):
            item = term(machine, "unpack", at, value, Value(index, at), Value(len(targets), at))
            assign(machine, target, item, scope)
        return
    items = elements(machine, value, at)
    star = next((index for index, target in enumerate(targets) if isinstance(target, ast.Starred)), None)
    if star is None:
        if len(items) != len(targets):
            raise machine.error(ValueError, f"expected {len(targets)} values to unpack, got {len(items)}", at)
        for target, item in zip(targets, items, strict=True):
            assign(machine, target, item, scope)
        return
    after = len(targets) - star - 1
    if len(items) < len(targets) - 1:
        raise machine.error(ValueError, f"not enough values to unpack, got {len(items)}", at)
    end = len(items) - after
    starred = targets[star]
    assert isinstance(starred, ast.Starred)
    for target, item in zip(targets[:star], items[:star], strict=True):
        assign(machine, target, item, scope)
    assign(machine, starred.value, Value(ListObj(items[star:end]), at), scope)
    for target, item in zip(targets[star + 1 :], items[end:], strict=True):
        assign(machine, target, item, scope)


def annotated_assignment(machine: Machine, node: ast.AnnAssign, scope: Scope) -> Completion:
    if node.value is not None:
        assign(machine, node.target, machine.eval(node.value, scope), scope)
    if scope.kind in ("module", "class"):
        known_names(machine, (node.annotation,), scope)
    return None


def augmented_assignment(machine: Machine, node: ast.AugAssign, scope: Scope) -> Completion:
    at = machine.place(node, scope)
    target = node.target
    if isinstance(target, ast.Name):
        load = ast.copy_location(ast.Name(target.id, ast.Load()), target)
        current = machine.eval(load, scope)
        result = in_place(machine, node, current, machine.eval(node.value, scope), at)
        bind(machine, target.id, result, scope)
        return None
    holder = machine.eval(target.value, scope)
    if isinstance(target, ast.Attribute):
        attr = mangled(target.attr, scope)
        current = get_attribute(machine, holder, attr, at)
        result = in_place(machine, node, current, machine.eval(node.value, scope), at)
        set_attribute(machine, holder, attr, result, at)
        return None
    index = machine.eval(target.slice, scope)
    current = get_item(machine, holder, index, at)
    result = in_place(machine, node, current, machine.eval(node.value, scope), at)
    set_item(machine, holder, index, result, at)
    return None


def in_place(machine: Machine, node: ast.AugAssign, current: Value, operand: Value, at: Origin) -> Value:
    """`a += b`: lists, dicts and sets change in place, and keep their identity."""
    payload = current.payload
    machine.readable(payload, at)
    if isinstance(payload, ListObj) and isinstance(node.op, ast.Add):
        extend(machine, payload, operand, at)
        return current
    if isinstance(payload, ListObj) and isinstance(node.op, ast.Mult) and isinstance(operand.payload, int):
        payload.items[:] = binary(machine, ast.Mult, current, operand, at).payload.items
        payload.version += 1
        return current
    if isinstance(payload, DictObj) and isinstance(node.op, ast.BitOr):
        from campaign.check.dict_methods import update_dict

        update_dict(machine, payload, Args([operand]), at)
        return current
    if isinstance(payload, SetObj) and not payload.frozen and isinstance(operand.payload, SetObj):
        payload.items = binary(machine, type(node.op), current, operand, at).payload.items
        payload.version += 1
        return current
    if isinstance(payload, InstObj):
        name = f"__i{BINARY_NAMES[type(node.op)]}__"
        if payload.cls.find(name) is not None:
            return call_method(machine, current, name, Args([operand]), at)
    if isinstance(payload, Opaque) or (isinstance(payload, Term) and payload.roots):
        opaque_effect(machine, current, f"i{BINARY_NAMES[type(node.op)]}", Args([operand]), at)
    return binary(machine, type(node.op), current, operand, at)


BINARY_NAMES: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv",
    ast.Mod: "mod", ast.Pow: "pow", ast.LShift: "lshift", ast.RShift: "rshift", ast.BitOr: "or",
    ast.BitXor: "xor", ast.BitAnd: "and", ast.MatMult: "matmul",
}  # fmt: skip


def delete(machine: Machine, node: ast.Delete, scope: Scope) -> Completion:
    for target in node.targets:
        at = machine.place(target, scope)
        if isinstance(target, ast.Name):
            name = mangled(target.id, scope)
            holder = scope.holder(name)
            if name not in holder.vars:
                raise machine.error(NameError, f"name {name!r} is not defined", at)
            del holder.vars[name]
        elif isinstance(target, ast.Attribute):
            delete_attribute(machine, machine.eval(target.value, scope), mangled(target.attr, scope), at)
        elif isinstance(target, ast.Subscript):
            delete_item(machine, machine.eval(target.value, scope), machine.eval(target.slice, scope), at)
        elif isinstance(target, ast.Tuple | ast.List):
            delete(machine, ast.Delete(target.elts), scope)
    return None
