"""Statements."""

from __future__ import annotations

import ast

from campaign.check.annotations import known_names
from campaign.check.assignments import (
    annotated_assignment,
    assign,
    assignment,
    augmented_assignment,
    bind,
    delete,
)
from campaign.check.calls import call, call_method
from campaign.check.classes import class_statement
from campaign.check.exceptions import raise_statement, try_statement
from campaign.check.expressions import arguments, new_function
from campaign.check.imports import import_from, import_module
from campaign.check.iteration import iterate
from campaign.check.limits import Halt, Raised
from campaign.check.machine import STATEMENTS, Args, Completion, Machine, Returned
from campaign.check.operators import truth
from campaign.check.outside import outside_effect, refuse_change_of_made, term
from campaign.check.scope import Scope
from campaign.check.values import (
    OUTSIDE,
    ClassObj,
    FuncObj,
    InstObj,
    ModuleObj,
    Opaque,
    Origin,
    Sym,
    Term,
    Value,
)

QUIET = (
    "print",
    "warnings.",
    "logging.",
    "pprint.",
    "rich.print",
    "absl.logging.",
    "loguru.logger.",
    "tqdm.",
)
"""Calls as statements that only tell the user something; names that end with a dot are beginnings."""


def expression_statement(machine: Machine, node: ast.Expr, scope: Scope) -> Completion:
    if not isinstance(node.value, ast.Call):
        if not isinstance(node.value, ast.Constant):
            machine.eval(node.value, scope)
        return None
    function = machine.eval(node.value.func, scope)
    at = machine.place(node, scope, function.origin)
    args = arguments(machine, node.value, scope)
    payload = function.payload
    if isinstance(payload, Sym):
        from campaign.check.library import FUNCTIONS

        if is_quiet(payload.name):
            return None
        if payload.name not in FUNCTIONS or payload.name in machine.patched:
            outside_effect(machine, payload.name, None, args, at)
            return None
    result = call(machine, function, args, at, scope)
    if isinstance(payload, Term) and not payload.roots and isinstance(result.payload, Opaque | Term):
        if payload.op.startswith("."):
            refuse_change_of_made(payload.operands[0], at)
        outside_effect(machine, payload.op, function, args, at)
    return None


def is_quiet(name: str) -> bool:
    return any(name == known or (known.endswith(".") and name.startswith(known)) for known in QUIET)


def if_statement(machine: Machine, node: ast.If, scope: Scope) -> Completion:
    test = machine.eval(node.test, scope)
    outcome = truth(machine, test, machine.place(node.test, scope, test.origin))
    before = machine.under(test.origin)
    completion = machine.run(node.body if outcome else node.orelse, scope)
    if not leaves(node):
        machine.control = before
    return completion


def leaves(node: ast.stmt) -> bool:
    """Whether a branch may leave its block, so that what follows depends on the test as well."""
    known = getattr(node, "_leaves", None)
    if known is None:
        known = any(
            isinstance(child, ast.Return | ast.Raise | ast.Break | ast.Continue) for child in ast.walk(node)
        )
        node._leaves = known  # type: ignore[attr-defined]
    return bool(known)


def while_loop(machine: Machine, node: ast.While, scope: Scope) -> Completion:
    before = machine.control
    while True:
        test = machine.eval(node.test, scope)
        if not truth(machine, test, machine.place(node.test, scope, test.origin)):
            completion = machine.run(node.orelse, scope)
            break
        machine.control = before
        machine.under(test.origin)
        completion = machine.run(node.body, scope)
        if completion == "break":
            completion = None
            break
        if isinstance(completion, Returned):
            return completion
    machine.control = before
    return completion


def for_loop(machine: Machine, node: ast.For, scope: Scope) -> Completion:
    source = machine.eval(node.iter, scope)
    before = machine.control
    completion: Completion = None
    for item in iterate(machine, source, machine.place(node.iter, scope, source.origin)):
        machine.budget.steps -= 1
        if machine.budget.steps < 0:
            raise machine.spent(node, scope)
        machine.control = before
        if source.origin.kind != "literal":
            machine.under(source.origin)
        assign(machine, node.target, item, scope)
        completion = machine.run(node.body, scope)
        if completion == "break":
            machine.control = before
            return None
        if isinstance(completion, Returned):
            return completion
    machine.control = before
    return machine.run(node.orelse, scope)


def function_definition(
    machine: Machine, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope
) -> Completion:
    decorators = [machine.eval(decorator, scope) for decorator in node.decorator_list]
    evaluated = [arg.annotation for arg in ast.walk(node.args) if isinstance(arg, ast.arg)]
    known_names(machine, [*evaluated, node.returns], scope)
    value = new_function(machine, node, scope, node.name)
    bind(machine, node.name, decorated(machine, node, decorators, value, scope), scope)
    return None


def class_definition(machine: Machine, node: ast.ClassDef, scope: Scope) -> Completion:
    decorators = [machine.eval(decorator, scope) for decorator in node.decorator_list]
    value = class_statement(machine, node, scope)
    bind(machine, node.name, decorated(machine, node, decorators, value, scope), scope)
    return None


def decorated(machine: Machine, node: ast.AST, decorators: list[Value], value: Value, scope: Scope) -> Value:
    """The decorators applied, innermost first. One from outside is also an effect: it may register what
    it gets."""
    for decorator in reversed(decorators):
        at = machine.place(node, scope, value.origin, decorator.origin)
        payload = decorator.payload
        from campaign.check.library import FUNCTIONS

        result = call(machine, decorator, Args([value]), at, scope)
        if isinstance(payload, Sym) and payload.name not in FUNCTIONS:
            outside_effect(machine, f"@{payload.name}", None, Args([value]), at)
        elif isinstance(payload, OUTSIDE) and not isinstance(payload, Sym):
            outside_effect(machine, "@", decorator, Args([value]), at)
        value = result
    return value


def import_statement(machine: Machine, node: ast.Import, scope: Scope) -> Completion:
    for alias in node.names:
        at = machine.place(node, scope)
        top, deepest = import_module(machine, alias.name, scope.module, at)
        name = alias.asname or alias.name.partition(".")[0]
        _bind_import(machine, name, deepest if alias.asname else top, scope)
    return None


def _bind_import(machine: Machine, name: str, value: Value, scope: Scope) -> None:
    bind(machine, name, value, scope)
    if scope.kind == "module" and isinstance(value.payload, (ModuleObj, Sym)):
        scope.module.imported.add(name)


def import_from_statement(machine: Machine, node: ast.ImportFrom, scope: Scope) -> Completion:
    at = machine.place(node, scope)
    if node.module == "__future__":
        scope.module.late = any(alias.name == "annotations" for alias in node.names)
        return None
    for name, value in import_from(machine, node, scope.module, at):
        _bind_import(machine, name, value, scope)
        if scope.kind == "module" and isinstance(value.payload, (FuncObj, ClassObj)):
            scope.module.imported.add(name)
    return None


def return_statement(machine: Machine, node: ast.Return, scope: Scope) -> Completion:
    if node.value is None:
        return Returned(Value(None, machine.place(node, scope)))
    return Returned(machine.bound(machine.eval(node.value, scope)))


def assert_statement(machine: Machine, node: ast.Assert, scope: Scope) -> Completion:
    test = machine.eval(node.test, scope)
    at = machine.place(node, scope, test.origin)
    if isinstance(test.payload, OUTSIDE) and not machine.tries:
        from campaign.check.outside import key_text

        key = key_text(machine, test, at)
        machine.risks.setdefault(f"asserts {key}", at)
        if machine.decisions.assume(key):
            return None
    if not truth(machine, test, at):
        raise machine.error(AssertionError, "", at)
    return None


def with_statement(machine: Machine, node: ast.With, scope: Scope) -> Completion:
    return _with_items(machine, node, 0, scope)


def _with_items(machine: Machine, node: ast.With, index: int, scope: Scope) -> Completion:
    if index == len(node.items):
        return machine.run(node.body, scope)
    item = node.items[index]
    context = machine.eval(item.context_expr, scope)
    at = machine.place(node, scope, context.origin)
    payload = context.payload
    if isinstance(payload, InstObj):
        return _with_instance(machine, node, index, context, scope, at)
    from campaign.check.dialects.contexts import known_context

    entered = known_context(machine, context, at)
    if entered is not None:
        value, leave = entered
        if item.optional_vars is not None:
            assign(machine, item.optional_vars, value, scope)
        return leave(lambda: _with_items(machine, node, index + 1, scope))
    if not isinstance(payload, OUTSIDE):
        raise Halt("a `with` over something that is not followed", at)
    outside_effect(machine, "__enter__", context, Args([]), at)
    value = term(machine, "__enter__", at, context)
    if item.optional_vars is not None:
        assign(machine, item.optional_vars, value, scope)
    try:
        completion = _with_items(machine, node, index + 1, scope)
    except Raised:
        raise Halt("an exception inside a `with` from outside, which may swallow it", at) from None
    outside_effect(machine, "__exit__", context, Args([]), at)
    return completion


def _with_instance(
    machine: Machine, node: ast.With, index: int, context: Value, scope: Scope, at: Origin
) -> Completion:
    value = call_method(machine, context, "__enter__", Args([]), at)
    optional = node.items[index].optional_vars
    if optional is not None:
        assign(machine, optional, value, scope)
    nothing = Value(None, at)
    swallows = may_swallow(context.payload.cls.find("__exit__"))
    machine.tries += swallows
    try:
        completion = _with_items(machine, node, index + 1, scope)
    except Raised as raised:
        machine.tries -= swallows
        error = raised.error.payload
        if error.type is None:
            raise Halt("an exception from outside inside a `with`", at) from None
        given = Args([Value(error.type, at), raised.error, nothing])
        if truth(machine, call_method(machine, context, "__exit__", given, at), at):
            return None
        raise
    machine.tries -= swallows
    call_method(machine, context, "__exit__", Args([nothing] * 3), at)
    return completion


def may_swallow(exit_method: Value | None) -> bool:
    """Whether an `__exit__` returns something, which may keep an exception from going on."""
    payload = exit_method.payload if exit_method is not None else None
    if not isinstance(payload, FuncObj) or isinstance(payload.node, ast.Lambda):
        return True
    returned = [part.value for part in ast.walk(payload.node) if isinstance(part, ast.Return)]
    return any(
        not (value is None or (isinstance(value, ast.Constant) and not value.value)) for value in returned
    )


def match_statement(machine: Machine, node: ast.Match, scope: Scope) -> Completion:
    from campaign.check.matching import matches

    subject = machine.eval(node.subject, scope)
    for case in node.cases:
        at = machine.place(case.pattern, scope, subject.origin)
        if not matches(machine, case.pattern, subject, scope, at):
            continue
        if case.guard is not None:
            guard = machine.eval(case.guard, scope)
            if not truth(machine, guard, at):
                continue
        before = machine.under(subject.origin)
        completion = machine.run(case.body, scope)
        machine.control = before
        return completion
    return None


def nothing(machine: Machine, node: ast.stmt, scope: Scope) -> Completion:
    return None


def leave(machine: Machine, node: ast.stmt, scope: Scope) -> Completion:
    return "break" if isinstance(node, ast.Break) else "continue"


def refused(machine: Machine, node: ast.stmt, scope: Scope) -> Completion:
    raise Halt(f"{type(node).__name__} is not followed", machine.place(node, scope))


STATEMENTS.update(
    {
        ast.Expr: expression_statement, ast.Assign: assignment, ast.AnnAssign: annotated_assignment,
        ast.AugAssign: augmented_assignment, ast.Delete: delete, ast.If: if_statement, ast.While: while_loop,
        ast.For: for_loop, ast.FunctionDef: function_definition, ast.AsyncFunctionDef: function_definition,
        ast.ClassDef: class_definition, ast.Import: import_statement, ast.ImportFrom: import_from_statement,
        ast.Return: return_statement, ast.Assert: assert_statement, ast.Raise: raise_statement,
        ast.Try: try_statement, ast.With: with_statement, ast.Match: match_statement, ast.Pass: nothing,
        ast.Global: nothing, ast.Nonlocal: nothing, ast.Break: leave, ast.Continue: leave,
        ast.TryStar: refused, ast.AsyncFor: refused, ast.AsyncWith: refused,
    }
)  # fmt: skip
if hasattr(ast, "TypeAlias"):
    STATEMENTS[ast.TypeAlias] = refused
