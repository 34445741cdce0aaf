"""Statements."""

from __future__ import annotations

import ast

from campaign.check.evaluator.annotations import evaluate_annotations
from campaign.check.evaluator.assignments import (
    annotated_assignment,
    assignment,
    augmented_assignment,
    bind,
    delete,
)
from campaign.check.evaluator.classes import class_statement
from campaign.check.evaluator.dispatch import STATEMENTS
from campaign.check.evaluator.effects import external_effect, refuse_mutation_of_temporary
from campaign.check.evaluator.exceptions import raise_statement, try_statement
from campaign.check.evaluator.expressions import arguments, new_function
from campaign.check.evaluator.imports import import_from, import_module
from campaign.check.evaluator.match_patterns import matches
from campaign.check.evaluator.state import (
    CONTEXTS,
    EXTERNAL_FUNCTIONS,
    Args,
    Completion,
    Evaluator,
    Returned,
)
from campaign.check.evaluator.symbolic import decision_key, symbolic
from campaign.check.values import (
    EXTERNAL,
    ClassObj,
    ErrorObj,
    ExternalName,
    FuncObj,
    InstObj,
    ModuleObj,
    Origin,
    SymbolicOperation,
    Value,
)
from campaign.check.values.limits import Halt, Raised
from campaign.check.values.scope import Scope

QUIET = (
    "print", "warnings.", "logging.", "pprint.", "rich.print", "absl.logging.", "loguru.logger.", "tqdm.",
)  # fmt: skip
"""Functions that only inform the user; a name that ends with a dot stands for all names below it."""


def expression_statement(evaluator: Evaluator, node: ast.Expr, scope: Scope) -> Completion:
    if isinstance(node.value, ast.Call):
        call_statement(evaluator, node.value, scope)
    elif not isinstance(node.value, ast.Constant):
        evaluator.eval(node.value, scope)
    return None


def call_statement(evaluator: Evaluator, node: ast.Call, scope: Scope) -> None:
    # The result is discarded, so an external function is called for its effect: elsewhere it is taken as pure.
    function = evaluator.eval(node.func, scope)
    at = evaluator.place(node, scope, function.origin)
    args = arguments(evaluator, node, scope)
    payload = function.payload
    if isinstance(payload, ExternalName):
        if is_quiet(payload.name):
            return
        if payload.name not in EXTERNAL_FUNCTIONS or payload.name in evaluator.patched:
            external_effect(evaluator, payload.name, None, args, at)
            return
    result = evaluator.call(function, args, at, scope)
    if isinstance(payload, SymbolicOperation) and not payload.roots and isinstance(result.payload, EXTERNAL):
        if payload.op.startswith("."):
            refuse_mutation_of_temporary(payload.operands[0], at)
        external_effect(evaluator, payload.op, function, args, at)


def is_quiet(name: str) -> bool:
    return any(name == quiet or (quiet.endswith(".") and name.startswith(quiet)) for quiet in QUIET)


def if_statement(evaluator: Evaluator, node: ast.If, scope: Scope) -> Completion:
    test = evaluator.eval(node.test, scope)
    outcome = evaluator.truth(test, evaluator.place(node.test, scope, test.origin))
    before = evaluator.push_control(test.origin)
    completion = evaluator.run(node.body if outcome else node.orelse, scope)
    # After `if x: return`, the rest of the block runs because of the test too: the control lasts to the end of the
    # function, loop or module, each of which restores the control that it began with.
    if not may_leave(node):
        evaluator.control = before
    return completion


def may_leave(node: ast.stmt) -> bool:
    """Whether a branch may end the block around it."""
    leaves = getattr(node, "_leaves", None)
    if leaves is None:
        jumps = (ast.Return, ast.Raise, ast.Break, ast.Continue)
        leaves = any(isinstance(child, jumps) for child in ast.walk(node))
        node._leaves = leaves  # type: ignore[attr-defined]
    return bool(leaves)


def while_loop(evaluator: Evaluator, node: ast.While, scope: Scope) -> Completion:
    before = evaluator.control
    while True:
        test = evaluator.eval(node.test, scope)
        if not evaluator.truth(test, evaluator.place(node.test, scope, test.origin)):
            # `else` runs when the test is false, not after `break` (reference, 8.2).
            completion = evaluator.run(node.orelse, scope)
            break
        evaluator.control = before
        evaluator.push_control(test.origin)
        completion = evaluator.run(node.body, scope)
        if completion == "break":
            completion = None
            break
        if isinstance(completion, Returned):
            return completion
    evaluator.control = before
    return completion


def for_loop(evaluator: Evaluator, node: ast.For, scope: Scope) -> Completion:
    source = evaluator.eval(node.iter, scope)
    before = evaluator.control
    completion: Completion = None
    for item in evaluator.iterate(source, evaluator.place(node.iter, scope, source.origin)):
        evaluator.budget.steps -= 1
        if evaluator.budget.steps < 0:
            raise evaluator.spent(node, scope)
        evaluator.control = before
        # How often the body runs depends on the iterable, unless it is written there.
        if source.origin.kind != "literal":
            evaluator.push_control(source.origin)
        evaluator.assign(node.target, item, scope)
        completion = evaluator.run(node.body, scope)
        if completion == "break":
            evaluator.control = before
            return None
        if isinstance(completion, Returned):
            return completion
    evaluator.control = before
    return evaluator.run(node.orelse, scope)


def function_definition(
    evaluator: Evaluator, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope
) -> Completion:
    decorators = [evaluator.eval(decorator, scope) for decorator in node.decorator_list]
    annotations = [arg.annotation for arg in ast.walk(node.args) if isinstance(arg, ast.arg)]
    evaluate_annotations(evaluator, [*annotations, node.returns], scope)
    value = new_function(evaluator, node, scope, node.name)
    bind(evaluator, node.name, decorated(evaluator, node, decorators, value, scope), scope)
    return None


def class_definition(evaluator: Evaluator, node: ast.ClassDef, scope: Scope) -> Completion:
    decorators = [evaluator.eval(decorator, scope) for decorator in node.decorator_list]
    value = class_statement(evaluator, node, scope)
    bind(evaluator, node.name, decorated(evaluator, node, decorators, value, scope), scope)
    return None


def decorated(
    evaluator: Evaluator, node: ast.AST, decorators: list[Value], value: Value, scope: Scope
) -> Value:
    """The value after its decorators."""
    # They are evaluated in the order they are written, before the definition, and applied in reverse order
    # (reference, 8.7). An external one is an effect as well as a function: it may register what it is given.
    for decorator in reversed(decorators):
        at = evaluator.place(node, scope, value.origin, decorator.origin)
        payload = decorator.payload
        result = evaluator.call(decorator, Args([value]), at, scope)
        if isinstance(payload, ExternalName):
            if payload.name not in EXTERNAL_FUNCTIONS:
                external_effect(evaluator, f"@{payload.name}", None, Args([value]), at)
        elif isinstance(payload, EXTERNAL):
            external_effect(evaluator, "@", decorator, Args([value]), at)
        value = result
    return value


def import_statement(evaluator: Evaluator, node: ast.Import, scope: Scope) -> Completion:
    for alias in node.names:
        at = evaluator.place(node, scope)
        top, deepest = import_module(evaluator, alias.name, scope.module, at)
        # `import a.b` binds a, `import a.b as c` binds a.b (reference, 7.11).
        name = alias.asname or alias.name.partition(".")[0]
        _bind_import(evaluator, name, deepest if alias.asname else top, scope)
    return None


# Imported modules and external names are not part of a configuration that is "all public names", nor are functions and
# classes that are imported from a module.
def _bind_import(evaluator: Evaluator, name: str, value: Value, scope: Scope, *marked: type) -> None:
    bind(evaluator, name, value, scope)
    if scope.kind == "module" and isinstance(value.payload, (ModuleObj, ExternalName, *marked)):
        scope.module.imported.add(name)


def import_from_statement(evaluator: Evaluator, node: ast.ImportFrom, scope: Scope) -> Completion:
    at = evaluator.place(node, scope)
    if node.module == "__future__":
        scope.module.postpones_annotations |= any(alias.name == "annotations" for alias in node.names)
        return None
    for name, value in import_from(evaluator, node, scope.module, at):
        _bind_import(evaluator, name, value, scope, FuncObj, ClassObj)
    return None


def return_statement(evaluator: Evaluator, node: ast.Return, scope: Scope) -> Completion:
    if node.value is None:
        return Returned(Value(None, evaluator.place(node, scope)))
    # The caller's control does not know the tests that led here: the value carries them out of the function.
    return Returned(evaluator.with_control_origin(evaluator.eval(node.value, scope)))


def assert_statement(evaluator: Evaluator, node: ast.Assert, scope: Scope) -> Completion:
    test = evaluator.eval(node.test, scope)
    at = evaluator.place(node, scope, test.origin)
    # Where the assertion fails there is no configuration to compare: only that it holds is evaluated, and the
    # comparison requires both sides to assert the same.
    if isinstance(test.payload, EXTERNAL) and not evaluator.tries:
        key = decision_key(evaluator, test, at)
        evaluator.risks.setdefault(f"asserts {key}", at)
        if evaluator.decisions.assume(key):
            return None
    if not evaluator.truth(test, at):
        message = () if node.msg is None else (evaluator.eval(node.msg, scope),)
        raise Raised(Value(ErrorObj(AssertionError, message), at))
    return None


def with_statement(evaluator: Evaluator, node: ast.With, scope: Scope) -> Completion:
    return _with_items(evaluator, node, 0, scope)


def _with_items(evaluator: Evaluator, node: ast.With, index: int, scope: Scope) -> Completion:
    """The items from `index` on, as if each were nested in the one before (reference, 8.5)."""
    if index == len(node.items):
        return evaluator.run(node.body, scope)
    item = node.items[index]
    context = evaluator.eval(item.context_expr, scope)
    at = evaluator.place(node, scope, context.origin)
    if isinstance(context.payload, InstObj):
        return _with_instance(evaluator, node, index, context, scope, at)
    entered = next(filter(None, (model(evaluator, context, at) for model in CONTEXTS)), None)
    if entered is None:
        return _with_external(evaluator, node, index, context, scope, at)
    value, leave = entered
    if item.optional_vars is not None:
        evaluator.assign(item.optional_vars, value, scope)
    return leave(lambda: _with_items(evaluator, node, index + 1, scope))


def _with_external(
    evaluator: Evaluator, node: ast.With, index: int, context: Value, scope: Scope, at: Origin
) -> Completion:
    if not isinstance(context.payload, EXTERNAL):
        raise Halt("the context manager of a `with` is not modelled", at, "write its body without the `with`")
    external_effect(evaluator, "__enter__", context, Args([]), at)
    value = symbolic(evaluator, "__enter__", at, context)
    optional = node.items[index].optional_vars
    if optional is not None:
        evaluator.assign(optional, value, scope)
    try:
        completion = _with_items(evaluator, node, index + 1, scope)
    except Raised:
        reason = "an exception reaches an external context manager, which may suppress it"
        raise Halt(reason, at, "catch the exception inside the `with`") from None
    external_effect(evaluator, "__exit__", context, Args([]), at)
    return completion


def _with_instance(
    evaluator: Evaluator, node: ast.With, index: int, context: Value, scope: Scope, at: Origin
) -> Completion:
    value = evaluator.call_method(context, "__enter__", Args([]), at)
    optional = node.items[index].optional_vars
    if optional is not None:
        evaluator.assign(optional, value, scope)
    nothing = Value(None, at)
    # Only if `__exit__` can suppress an exception does it matter, as in a `try`, whether external code raises one.
    swallows = may_swallow(context.payload.cls.find("__exit__"))
    evaluator.tries += swallows
    try:
        completion = _with_items(evaluator, node, index + 1, scope)
    except Raised as raised:
        evaluator.tries -= swallows
        error = raised.error.payload
        if error.type is None:
            reason = "an exception of external code reaches the __exit__ of a context manager"
            raise Halt(reason, at, "catch the exception inside the `with`") from None
        given = Args([Value(error.type, at), raised.error, nothing])
        # A true result of `__exit__` suppresses the exception (reference, 3.3.9).
        if evaluator.truth(evaluator.call_method(context, "__exit__", given, at), at):
            return None
        raise
    evaluator.tries -= swallows
    evaluator.call_method(context, "__exit__", Args([nothing] * 3), at)
    return completion


def may_swallow(exit_method: Value | None) -> bool:
    """Whether `__exit__` may return a true value, and so suppress an exception."""
    payload = exit_method.payload if exit_method is not None else None
    if not isinstance(payload, FuncObj) or isinstance(payload.node, ast.Lambda):
        return True
    returned = [part.value for part in ast.walk(payload.node) if isinstance(part, ast.Return)]
    return any(
        not (value is None or (isinstance(value, ast.Constant) and not value.value)) for value in returned
    )


def match_statement(evaluator: Evaluator, node: ast.Match, scope: Scope) -> Completion:
    subject = evaluator.eval(node.subject, scope)
    before = evaluator.push_control(subject.origin)
    completion: Completion = None
    for case in node.cases:
        at = evaluator.place(case.pattern, scope, subject.origin)
        if not matches(evaluator, case.pattern, subject, scope, at):
            continue
        # The names of the pattern are bound before the guard is evaluated, and stay bound (reference, 8.6.3).
        if case.guard is not None:
            guard = evaluator.eval(case.guard, scope)
            evaluator.push_control(guard.origin)
            if not evaluator.truth(guard, at):
                continue
        completion = evaluator.run(case.body, scope)
        break
    if not may_leave(node):
        evaluator.control = before
    return completion


def no_operation(evaluator: Evaluator, node: ast.stmt, scope: Scope) -> Completion:
    return None


def jump(evaluator: Evaluator, node: ast.stmt, scope: Scope) -> Completion:
    return "break" if isinstance(node, ast.Break) else "continue"


def refused(evaluator: Evaluator, node: ast.stmt, scope: Scope) -> Completion:
    reason = f"the checker does not evaluate {UNMODELLED[type(node)]}"
    raise Halt(reason, evaluator.place(node, scope), "write it without this statement")


STATEMENTS.update(
    {
        ast.Expr: expression_statement, ast.Assign: assignment, ast.AnnAssign: annotated_assignment,
        ast.AugAssign: augmented_assignment, ast.Delete: delete, ast.If: if_statement, ast.While: while_loop,
        ast.For: for_loop, ast.FunctionDef: function_definition, ast.AsyncFunctionDef: function_definition,
        ast.ClassDef: class_definition, ast.Import: import_statement, ast.ImportFrom: import_from_statement,
        ast.Return: return_statement, ast.Assert: assert_statement, ast.Raise: raise_statement,
        ast.Try: try_statement, ast.With: with_statement, ast.Match: match_statement, ast.Pass: no_operation,
        ast.Global: no_operation, ast.Nonlocal: no_operation, ast.Break: jump, ast.Continue: jump,
    }
)  # fmt: skip
UNMODELLED: dict[type[ast.AST], str] = {
    ast.TryStar: "`except*`", ast.AsyncFor: "`async for`", ast.AsyncWith: "`async with`",
}  # fmt: skip
if hasattr(ast, "TypeAlias"):
    UNMODELLED[ast.TypeAlias] = "`type` statements"
STATEMENTS.update(dict.fromkeys(UNMODELLED, refused))
