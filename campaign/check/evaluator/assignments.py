"""Assignment statements, and `del`."""

from __future__ import annotations

import ast

from campaign.check.evaluator.annotations import evaluate_annotations
from campaign.check.evaluator.dispatch import TARGETS
from campaign.check.evaluator.effects import external_object_effect
from campaign.check.evaluator.expressions import mangled
from campaign.check.evaluator.hashed_containers import update_dict
from campaign.check.evaluator.iteration import extend
from campaign.check.evaluator.state import Args, Completion, Evaluator
from campaign.check.evaluator.symbolic import symbolic
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

UNMODELLED_NAMES = frozenset(
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
"""Names of a module that change how Python imports it or reads its attributes."""


def assignment(evaluator: Evaluator, node: ast.Assign, scope: Scope) -> Completion:
    # The right side first, then the targets from left to right (reference, 7.2).
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
        if name in UNMODELLED_NAMES and scope.kind == "module":
            reason = f"the file sets {name} of its module, which the checker does not model"
            raise Halt(reason, value.origin, f"leave {name} as it is")
        name = mangled(name, scope)
    holder = scope.holder(name)
    holder.vars[name] = evaluator.with_control_origin(value)
    # A name that is assigned after it was imported is the file's own: part of its configuration.
    if holder.kind == "module":
        holder.module.imported.discard(name)


def unpack(evaluator: Evaluator, targets: list[ast.expr], value: Value, scope: Scope, at: Origin) -> None:
    star = next((index for index, target in enumerate(targets) if isinstance(target, ast.Starred)), None)
    if isinstance(value.payload, EXTERNAL) and star is None:
        for index, target in enumerate(targets):
            item = symbolic(evaluator, "unpack", at, value, Value(index, at), Value(len(targets), at))
            evaluator.assign(target, item, scope)
        return
    # All elements are read before the first target is bound (reference, 7.2): `a, b = b, a` exchanges them.
    items = evaluator.elements(value, at)
    if star is not None:
        items = _collect_starred(evaluator, items, star, len(targets), at)
    elif len(items) != len(targets):
        message = f"expected {len(targets)} values to unpack, got {len(items)}"
        raise evaluator.error(ValueError, message, at)
    for target, item in zip(targets, items, strict=True):
        evaluator.assign(target.value if isinstance(target, ast.Starred) else target, item, scope)


def _collect_starred(
    evaluator: Evaluator, items: list[Value], star: int, targets: int, at: Origin
) -> list[Value]:
    """One value per target: the starred one gets a list of the elements that the others leave."""
    if len(items) < targets - 1:
        raise evaluator.error(ValueError, f"not enough values to unpack, got {len(items)}", at)
    end = len(items) - (targets - star - 1)
    return [*items[:star], Value(ListObj(items[star:end]), at), *items[end:]]


def annotated_assignment(evaluator: Evaluator, node: ast.AnnAssign, scope: Scope) -> Completion:
    if node.value is not None:
        evaluator.assign(node.target, evaluator.eval(node.value, scope), scope)
    # The annotation of a local variable is not evaluated (reference, 7.2.2).
    if scope.kind in ("module", "class"):
        evaluate_annotations(evaluator, (node.annotation,), scope)
    return None


def augmented_assignment(evaluator: Evaluator, node: ast.AugAssign, scope: Scope) -> Completion:
    # The target is evaluated once: read, combined with the right side, and written (reference, 7.2.1).
    at = evaluator.place(node, scope)
    target = node.target
    if isinstance(target, ast.Name):
        load = ast.copy_location(ast.Name(target.id, ast.Load()), target)
        current = evaluator.eval(load, scope)
        bind(evaluator, target.id, in_place(evaluator, node, current, scope, at), scope)
        return None
    holder = evaluator.eval(target.value, scope)
    if isinstance(target, ast.Attribute):
        attr = mangled(target.attr, scope)
        result = in_place(evaluator, node, evaluator.get_attribute(holder, attr, at), scope, at)
        evaluator.set_attribute(holder, attr, result, at)
        return None
    index = evaluator.eval(target.slice, scope)
    result = in_place(evaluator, node, evaluator.get_item(holder, index, at), scope, at)
    evaluator.set_item(holder, index, result, at)
    return None


def in_place(evaluator: Evaluator, node: ast.AugAssign, current: Value, scope: Scope, at: Origin) -> Value:
    """The result of `current += operand` and its like."""
    kind, operand = type(node.op), evaluator.eval(node.value, scope)
    payload = current.payload
    evaluator.readable(payload, at)
    if _change_in_place(evaluator, kind, current, operand, at):
        return current
    name = BINARY_NAMES[kind]
    if isinstance(payload, InstObj) and payload.cls.find(f"__i{name}__") is not None:
        return evaluator.call_method(current, f"__i{name}__", Args([operand]), at)
    # The type of an external object may define `__iadd__` and its like: the operation may change the object.
    if isinstance(payload, ExternalCall) or (isinstance(payload, SymbolicOperation) and payload.roots):
        external_object_effect(evaluator, current, f"i{name}", Args([operand]), at)
    return evaluator.binary(kind, current, operand, at)


def _change_in_place(
    evaluator: Evaluator, kind: type[ast.operator], current: Value, operand: Value, at: Origin
) -> bool:
    """Change a mutable container. It keeps its identity: every other reference sees the change."""
    payload = current.payload
    if isinstance(payload, ListObj) and kind is ast.Add:
        extend(evaluator, payload, operand, at)
    elif isinstance(payload, DictObj) and kind is ast.BitOr:
        update_dict(evaluator, payload, Args([operand]), at)
    elif isinstance(payload, ListObj) and kind is ast.Mult and isinstance(operand.payload, int):
        payload.items[:] = evaluator.binary(kind, current, operand, at).payload.items
        payload.version += 1
    elif isinstance(payload, SetObj) and not payload.frozen and isinstance(operand.payload, SetObj):
        payload.items = evaluator.binary(kind, current, operand, at).payload.items
        payload.version += 1
    else:
        return False
    return True


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
            # The name stays local to its block: reading it raises until it is bound again (reference, 7.5).
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
