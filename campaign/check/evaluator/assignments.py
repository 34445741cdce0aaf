"""Assignment in all its forms, and `del`."""

from __future__ import annotations

import ast

from campaign.check.evaluator.annotations import known_names
from campaign.check.evaluator.dispatch import TARGETS
from campaign.check.evaluator.expressions import mangled
from campaign.check.evaluator.iteration import extend
from campaign.check.evaluator.mappings import update_dict
from campaign.check.evaluator.state import Args, Completion, Evaluator
from campaign.check.evaluator.symbolic import external_object_effect, symbolic
from campaign.check.values import (
    EXTERNAL,
    DictObj,
    ExternalCall,
    InstObj,
    ListObj,
    Origin,
    SetObj,
    SymbolicOperation,
    Value,
)
from campaign.check.values.limits import Halt
from campaign.check.values.scope import Scope

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


def assignment(evaluator: Evaluator, node: ast.Assign, scope: Scope) -> Completion:
    value = evaluator.eval(node.value, scope)
    for target in node.targets:
        evaluator.assign(target, value, scope)
    return None


def assign_name(evaluator: Evaluator, target: ast.Name, value: Value, scope: Scope) -> None:
    bind(evaluator, target.id, value, scope)


def assign_attribute(evaluator: Evaluator, target: ast.Attribute, value: Value, scope: Scope) -> None:
    holder = evaluator.eval(target.value, scope)
    evaluator.set_attribute(holder, mangled(target.attr, scope), value, evaluator.place(target, scope))


def assign_item(evaluator: Evaluator, target: ast.Subscript, value: Value, scope: Scope) -> None:
    holder = evaluator.eval(target.value, scope)
    index = evaluator.eval(target.slice, scope)
    evaluator.set_item(holder, index, value, evaluator.place(target, scope))


def assign_elements(evaluator: Evaluator, target: ast.Tuple | ast.List, value: Value, scope: Scope) -> None:
    unpack(evaluator, target.elts, value, scope, evaluator.place(target, scope, value.origin))


def bind(evaluator: Evaluator, name: str, value: Value, scope: Scope) -> None:
    if name.startswith("__"):
        if name in UNFOLLOWED_NAMES and scope.kind == "module":
            raise Halt(f"sets {name} of the module", value.origin)
        name = mangled(name, scope)
    holder = scope.holder(name)
    holder.vars[name] = evaluator.with_control_origin(value)
    if holder.kind == "module":
        holder.module.imported.discard(name)


def unpack(evaluator: Evaluator, targets: list[ast.expr], value: Value, scope: Scope, at: Origin) -> None:
    if isinstance(value.payload, EXTERNAL) and not any(isinstance(target, ast.Starred) for target in targets):
        for index, target in enumerate(targets):
            item = symbolic(evaluator, "unpack", at, value, Value(index, at), Value(len(targets), at))
            evaluator.assign(target, item, scope)
        return
    items = evaluator.elements(value, at)
    star = next((index for index, target in enumerate(targets) if isinstance(target, ast.Starred)), None)
    if star is None:
        if len(items) != len(targets):
            raise evaluator.error(
                ValueError, f"expected {len(targets)} values to unpack, got {len(items)}", at
            )
        for target, item in zip(targets, items, strict=True):
            evaluator.assign(target, item, scope)
        return
    after = len(targets) - star - 1
    if len(items) < len(targets) - 1:
        raise evaluator.error(ValueError, f"not enough values to unpack, got {len(items)}", at)
    end = len(items) - after
    starred = targets[star]
    assert isinstance(starred, ast.Starred)
    for target, item in zip(targets[:star], items[:star], strict=True):
        evaluator.assign(target, item, scope)
    evaluator.assign(starred.value, Value(ListObj(items[star:end]), at), scope)
    for target, item in zip(targets[star + 1 :], items[end:], strict=True):
        evaluator.assign(target, item, scope)


def annotated_assignment(evaluator: Evaluator, node: ast.AnnAssign, scope: Scope) -> Completion:
    if node.value is not None:
        evaluator.assign(node.target, evaluator.eval(node.value, scope), scope)
    if scope.kind in ("module", "class"):
        known_names(evaluator, (node.annotation,), scope)
    return None


def augmented_assignment(evaluator: Evaluator, node: ast.AugAssign, scope: Scope) -> Completion:
    at = evaluator.place(node, scope)
    target = node.target
    if isinstance(target, ast.Name):
        load = ast.copy_location(ast.Name(target.id, ast.Load()), target)
        current = evaluator.eval(load, scope)
        result = in_place(evaluator, node, current, evaluator.eval(node.value, scope), at)
        bind(evaluator, target.id, result, scope)
        return None
    holder = evaluator.eval(target.value, scope)
    if isinstance(target, ast.Attribute):
        attr = mangled(target.attr, scope)
        current = evaluator.get_attribute(holder, attr, at)
        result = in_place(evaluator, node, current, evaluator.eval(node.value, scope), at)
        evaluator.set_attribute(holder, attr, result, at)
        return None
    index = evaluator.eval(target.slice, scope)
    current = evaluator.get_item(holder, index, at)
    result = in_place(evaluator, node, current, evaluator.eval(node.value, scope), at)
    evaluator.set_item(holder, index, result, at)
    return None


def in_place(evaluator: Evaluator, node: ast.AugAssign, current: Value, operand: Value, at: Origin) -> Value:
    """`a += b`: lists, dicts and sets change in place, and keep their identity."""
    payload = current.payload
    evaluator.readable(payload, at)
    if isinstance(payload, ListObj) and isinstance(node.op, ast.Add):
        extend(evaluator, payload, operand, at)
        return current
    if isinstance(payload, ListObj) and isinstance(node.op, ast.Mult) and isinstance(operand.payload, int):
        payload.items[:] = evaluator.binary(ast.Mult, current, operand, at).payload.items
        payload.version += 1
        return current
    if isinstance(payload, DictObj) and isinstance(node.op, ast.BitOr):
        update_dict(evaluator, payload, Args([operand]), at)
        return current
    if isinstance(payload, SetObj) and not payload.frozen and isinstance(operand.payload, SetObj):
        payload.items = evaluator.binary(type(node.op), current, operand, at).payload.items
        payload.version += 1
        return current
    if isinstance(payload, InstObj):
        name = f"__i{BINARY_NAMES[type(node.op)]}__"
        if payload.cls.find(name) is not None:
            return evaluator.call_method(current, name, Args([operand]), at)
    if isinstance(payload, ExternalCall) or (isinstance(payload, SymbolicOperation) and payload.roots):
        external_object_effect(evaluator, current, f"i{BINARY_NAMES[type(node.op)]}", Args([operand]), at)
    return evaluator.binary(type(node.op), current, operand, at)


BINARY_NAMES: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv",
    ast.Mod: "mod", ast.Pow: "pow", ast.LShift: "lshift", ast.RShift: "rshift", ast.BitOr: "or",
    ast.BitXor: "xor", ast.BitAnd: "and", ast.MatMult: "matmul",
}  # fmt: skip


def delete(evaluator: Evaluator, node: ast.Delete, scope: Scope) -> Completion:
    for target in node.targets:
        at = evaluator.place(target, scope)
        if isinstance(target, ast.Name):
            name = mangled(target.id, scope)
            holder = scope.holder(name)
            if name not in holder.vars:
                raise evaluator.error(NameError, f"name {name!r} is not defined", at)
            del holder.vars[name]
        elif isinstance(target, ast.Attribute):
            evaluator.delete_attribute(evaluator.eval(target.value, scope), mangled(target.attr, scope), at)
        elif isinstance(target, ast.Subscript):
            evaluator.delete_item(
                evaluator.eval(target.value, scope), evaluator.eval(target.slice, scope), at
            )
        elif isinstance(target, ast.Tuple | ast.List):
            delete(evaluator, ast.Delete(target.elts), scope)
    return None


TARGETS.update(
    {
        ast.Name: assign_name, ast.Attribute: assign_attribute, ast.Subscript: assign_item,
        ast.Tuple: assign_elements, ast.List: assign_elements,
    }
)  # fmt: skip
