"""What is only known at run time: names from outside, calls of them, operations on them, and their
effects."""

from __future__ import annotations

import ast
import sys
from functools import cache
from typing import Any

from campaign.check.evaluator.state import Args, Evaluator
from campaign.check.values import (
    BoundMethod,
    ClassObj,
    DictObj,
    Effect,
    ErrorObj,
    ExternalCall,
    ExternalName,
    FuncObj,
    InstObj,
    ListObj,
    Mutable,
    Namespace,
    Nondeterministic,
    Origin,
    SetObj,
    SymbolicOperation,
    TupleObj,
    Unknown,
    Value,
    as_dict,
    directly_reachable,
    is_constant,
    propagate_unknown,
    reachable,
)
from campaign.check.values.fingerprints import Unmatched, fingerprint
from campaign.check.values.limits import Halt, Raised
from campaign.check.values.scope import names_of

NONDETERMINISTIC = (
    "random.", "secrets.", "uuid.", "time.", "datetime.datetime.now", "datetime.datetime.utcnow",
    "datetime.datetime.today", "datetime.date.today", "os.urandom", "os.getpid", "os.times", "tempfile.",
    "numpy.random.", "torch.rand", "torch.randn", "torch.randint", "torch.randperm", "threading.get_ident",
    "id", "hash", "object", "socket.socket", "multiprocessing.current_process", "torch.initial_seed", "torch.seed",
)  # fmt: skip
"""Names, or beginnings of names when they end with a dot, whose result differs from run to run."""

SEEDS = ("random.seed", "numpy.random.seed", "torch.manual_seed", "time.sleep", "time.tzset")
"""Exceptions to the above: calls for their effect."""

READS_FILES = ("os.listdir", "os.scandir", "os.walk", "glob.", "io.open", "open", "linecache.", "fileinput.")
FILE_METHODS = frozenset(
    {"read_text", "read_bytes", "open", "glob", "iterdir", "rglob", "walk", "stat", "readlink"}
)
MUTATING = frozenset(
    {"append", "extend", "insert", "remove", "pop", "clear", "update", "setdefault", "popitem", "sort", "reverse",
     "add", "discard", "__setitem__", "__setattr__", "__delitem__", "intersection_update", "difference_update"}
)  # fmt: skip


def external_roots(values: tuple[Value, ...]) -> tuple[tuple[ExternalCall, int], ...]:
    roots: list[tuple[ExternalCall, int]] = []
    for value in values:
        if isinstance(value.payload, ExternalCall):
            roots.append((value.payload, value.payload.operation_count))
        elif isinstance(value.payload, SymbolicOperation):
            roots.extend(value.payload.roots)
    return tuple({(id(root), version): (root, version) for root, version in roots}.values())


def freeze(value: Value, memo: dict[int, Any] | None = None) -> Value:
    """The value as it is now: own containers copied, so that later changes do not show."""
    memo = {} if memo is None else memo
    payload = value.payload
    if is_constant(payload) or id(payload) in memo:
        return Value(memo.get(id(payload), payload), value.origin)
    copy: Any = payload
    if isinstance(payload, ListObj):
        copy = memo[id(payload)] = ListObj([])
        copy.items = [freeze(item, memo) for item in payload.items]
    elif isinstance(payload, TupleObj):
        copy = TupleObj(tuple(freeze(item, memo) for item in payload.items), payload.cls)
    elif isinstance(payload, SetObj):
        copy = SetObj({key: freeze(item, memo) for key, item in payload.items.items()}, payload.frozen)
    elif isinstance(payload, DictObj):
        copy = memo[id(payload)] = DictObj({}, payload.dialect)
        copy.entries = {key: (pair[0], freeze(pair[1], memo)) for key, pair in payload.entries.items()}
    elif isinstance(payload, Namespace) and isinstance(payload.holder, InstObj):
        copy = freeze(Value(as_dict(payload), value.origin), memo).payload
    elif isinstance(payload, InstObj) and payload.cls.kind != "enum":
        copy = memo[id(payload)] = InstObj(payload.cls)
        copy.attrs = {name: freeze(item, memo) for name, item in payload.attrs.items()}
    return Value(copy, value.origin)


def symbolic(evaluator: Evaluator, op: str, at: Origin, *operands: Value, may_raise: bool = True) -> Value:
    """An operation that is not carried out, because an operand is only known at run time."""
    origin = Origin(at.file, at.line, at.column, tuple(value.origin for value in operands))
    for value in operands:
        if is_constant(value.payload):
            continue
        evaluator.readable(value.payload, at)
        for payload in directly_reachable((value,)):
            if isinstance(payload, Unknown | Nondeterministic):
                return Value(propagate_unknown(payload), origin)
    frozen = tuple(freeze(value) for value in operands)
    roots, lasting = external_roots(operands), all(map(is_stable, operands))
    epoch = 0 if lasting else len(evaluator.effects)
    result = Value(SymbolicOperation(op, frozen, roots, epoch, lasting or op in PLAIN_RESULTS), origin)
    if op in CONSUMES_OPERAND and operands:
        consume(evaluator, operands[0], at)
    if may_raise:
        branch_on_failure(evaluator, result, at)
    return result


PLAIN_RESULTS = frozenset(
    {"os.environ.get", "os.environ[]", "len", "int", "float", "bool", "str", "repr", "ascii", "format", "join",
     "isinstance", "issubclass", "hasattr", "callable", "is", "is not", "not", "in", "is_dataclass"}
)  # fmt: skip
"""Operations whose result is a number, a text or a truth value, whatever goes in."""

CONSUMES_OPERAND = frozenset(
    {"list", "tuple", "dict", "unpack", "ListComp", "SetComp", "DictComp", "GeneratorExp", "map", "str.join"}
)
SINGLE_PASS = frozenset({"map", "GeneratorExp"})


def is_stable(value: Value) -> bool:
    """Whether no effect on the outside can change what a value is."""
    payload = value.payload
    if is_constant(payload) or (isinstance(payload, SymbolicOperation) and payload.stable):
        return True
    return isinstance(payload, ListObj | TupleObj | DictObj | SetObj) and not any(
        isinstance(part, ExternalName | ExternalCall | InstObj)
        or (isinstance(part, SymbolicOperation) and not part.stable)
        for part in directly_reachable([value])
    )


def consume(evaluator: Evaluator, value: Value, at: Origin) -> None:
    """An iterator is used up by going through it: what comes later finds another one."""
    payload = value.payload
    if isinstance(payload, ExternalCall):
        payload.operation_count += 1
    elif isinstance(payload, SymbolicOperation):
        for root, _ in payload.roots:
            root.operation_count += 1
        if payload.op in SINGLE_PASS:
            if any(payload is used for used in evaluator.consumed_iterators):
                raise Halt("goes through an iterator again, which is used up", at, "make a list of it first")
            evaluator.consumed_iterators.append(payload)


def branch_on_failure(evaluator: Evaluator, result: Value, at: Origin) -> None:
    """Inside a `try`, whether code from outside raises is a test like any other. Elsewhere it is
    remembered: an
    environment in which only one of two files raises separates them."""
    if not evaluator.tries:
        if isinstance(result.payload, SymbolicOperation) and reads_environment(result):
            evaluator.risks.setdefault(decision_key(evaluator, result, at), at)
    elif not evaluator.decisions.decide(f"succeeds: {decision_key(evaluator, result, at)}"):
        raise Raised(Value(ErrorObj(None, (), decision_key(evaluator, result, at)), at))


def reads_environment(value: Value) -> bool:
    """Whether a value is computed from the environment alone, nothing opaque in between."""
    if isinstance(value.payload, SymbolicOperation) and value.payload.roots:
        return False
    parts = reachable([value])
    return any(
        isinstance(part, SymbolicOperation) and part.op.startswith("os.environ") for part in parts
    ) and not any(isinstance(part, ExternalCall) for part in parts)


def decide(evaluator: Evaluator, value: Value, at: Origin, asks: str = "") -> bool:
    """Truth of something only known at run time: both outcomes are gone through, each in its own case."""
    payload = value.payload
    if isinstance(payload, Unknown):
        raise Halt(f"tests a value that cannot be known: {payload.reason}", at, payload.suggestion)
    if isinstance(payload, Nondeterministic):
        raise Halt(f"tests a value that differs from run to run ({payload.source})", at, "take the value out")
    return evaluator.decisions.decide(asks + decision_key(evaluator, value, at))


@cache
def is_nondeterministic(name: str) -> bool:
    if name in SEEDS:
        return False
    return any(
        name == known or (known.endswith(".") and name.startswith(known)) for known in NONDETERMINISTIC
    )


@cache
def reads_files(name: str) -> bool:
    return any(name == known or (known.endswith(".") and name.startswith(known)) for known in READS_FILES)


def call_external(evaluator: Evaluator, callee: Value, args: Args, at: Origin) -> Value:
    """A call of something from outside, taken as pure."""
    payload = callee.payload
    inputs = [*args.positional, *args.keywords.values()]
    origin = Origin(at.file, at.line, at.column, (callee.origin, *[value.origin for value in inputs]))
    if isinstance(payload, ExternalName):
        if is_nondeterministic(payload.name):
            return Value(Nondeterministic(payload.name), origin)
        if reads_files(payload.name):
            return Value(
                Unknown(f"{payload.name} reads files", "put what is read into the configuration"), origin
            )
    inside = directly_reachable(inputs)
    for inner in inside if isinstance(payload, ExternalName) else (*directly_reachable((callee,)), *inside):
        if type(inner) not in NO_CALLBACK:
            refuse_callback(inner, at)
            if isinstance(payload, ExternalName) and looks_at_code(payload.name):
                suggestion = "put what is looked up into the configuration"
                return Value(Unknown(f"{payload.name} looks at code", suggestion), origin)
    for value in inputs:
        evaluator.readable(value.payload, at)
    external = ExternalCall(
        callee, tuple(args.positional), dict(args.keywords), len(evaluator.effects), inside
    )
    if isinstance(payload, ExternalName) and is_standard(payload.module):
        mark_escaped(inputs, payload.name)
    result = Value(external, origin)
    branch_on_failure(evaluator, result, at)
    return result


LOOKS_AT_CODE = (
    "inspect.", "dis.", "ast.", "typing.get_", "typing_extensions.get_", "pickle.", "marshal.", "pydoc.", "doctest.",
    "traceback.", "linecache.", "symtable.", "trace.", "weakref.", "gc.", "reprlib.", "pprint.",
)  # fmt: skip


@cache
def looks_at_code(name: str) -> bool:
    """Whether a function of the standard library shows more of code than how it behaves."""
    return name.startswith(LOOKS_AT_CODE) and not name.startswith("inspect.is")


@cache
def is_standard(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names


NO_CALLBACK = frozenset({ExternalName, ExternalCall, SymbolicOperation, ListObj, TupleObj, DictObj, SetObj})
"""What code from outside cannot call, or is from outside itself."""


def refuse_callback(payload: Any, at: Origin) -> None:
    """Code from outside may call what it is given; that is only harmless when the function changes no
    state."""
    functions: list[FuncObj] = []
    if isinstance(payload, FuncObj | ClassObj):
        payload.exposed = True
    if isinstance(payload, FuncObj):
        functions = [payload]
    elif isinstance(payload, BoundMethod):
        receiver = payload.receiver.payload
        if isinstance(payload.function.payload, FuncObj):
            functions = [payload.function.payload]
        if isinstance(receiver, Mutable) and not isinstance(receiver, ClassObj) and _stores(functions, True):
            raise _callback(payload.function.payload, at)
    elif isinstance(payload, ClassObj):
        functions = [item.payload for item in payload.namespace.values() if isinstance(item.payload, FuncObj)]
    elif type(payload).__name__ == "Builtin" and payload.holder is not None:
        if payload.name.rpartition(".")[2] in MUTATING:
            raise _callback(payload, at)
    if _stores(functions, False):
        raise _callback(functions[0], at)


def _callback(function: Any, at: Origin) -> Halt:
    return Halt(
        f"gives {getattr(function, 'name', 'a function')}, which changes state, to code that cannot be seen",
        at,
        "pass a function that only returns a value",
    )


def _stores(functions: list[FuncObj], on_self: bool) -> bool:
    return any(changes_state(function.node, on_self) for function in functions)


def changes_state(node: ast.AST, on_self: bool) -> bool:
    """Whether a function writes to anything but its own variables (and, unless `on_self`, its `self`)."""
    known: dict[bool, bool] = getattr(node, "_changes", {})
    if on_self not in known:
        known[on_self] = _changes(node, on_self)
        node._changes = known  # type: ignore[attr-defined]
    return known[on_self]


def _changes(node: ast.AST, on_self: bool) -> bool:
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    local = names_of(node).local
    first = next((arg.arg for arg in (*node.args.posonlyargs, *node.args.args)), None)
    own = {first} if not on_self and first is not None else set()
    fresh = local - {arg.arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)}
    for child in ast.walk(node):
        if isinstance(child, ast.Global | ast.Nonlocal):
            return True
        target: ast.expr | None = None
        if isinstance(child, ast.Attribute | ast.Subscript) and not isinstance(child.ctx, ast.Load):
            target = child.value
        elif (
            isinstance(child, ast.Call)
            and isinstance(child.func, ast.Attribute)
            and child.func.attr in MUTATING
        ):
            target = child.func.value
        elif isinstance(child, ast.Call) and isinstance(child.func, ast.Name):
            if child.func.id in ("setattr", "delattr", "exec", "eval", "globals", "vars", "locals"):
                return True
        if target is not None:
            while isinstance(target, ast.Attribute | ast.Subscript):
                target = target.value
            if not (isinstance(target, ast.Name) and (target.id in own or target.id in fresh)):
                return True
    return False


def mark_escaped(values: list[Value], name: str) -> list[Any]:
    """Own objects handed to code that may change them: reading them afterwards stops the evaluation."""
    given = []
    for payload in reachable(values):
        if isinstance(payload, ListObj | DictObj | SetObj | InstObj):
            if isinstance(payload, InstObj) and payload.cls.kind == "enum":
                continue
            payload.escaped_to = name
            given.append(payload)
    return given


def external_effect(evaluator: Evaluator, name: str, target: Value | None, args: Args, at: Origin) -> None:
    """Something done to the world, in order: the lists of both files have to be the same."""
    inputs = [*args.positional, *args.keywords.values()]
    for inner in directly_reachable(inputs):
        refuse_callback(inner, at)
    origin = Origin(at.file, at.line, at.column, tuple(value.origin for value in inputs))
    if evaluator.tries and not name.startswith("os.environ"):
        holders = [] if target is None else [target]
        branch_on_effect_failure(evaluator, name, [*holders, *inputs], at)
    evaluator.effects.append(Effect(name, target, tuple(args.positional), dict(args.keywords), origin))
    mark_escaped(inputs, name)


def branch_on_effect_failure(evaluator: Evaluator, name: str, values: list[Value], at: Origin) -> None:
    """Inside a `try`: what is done to the outside may raise."""
    attempt = SymbolicOperation(
        f"do {name}", tuple(map(freeze, values)), external_roots(tuple(values)), len(evaluator.effects)
    )
    branch_on_failure(evaluator, Value(attempt, at), at)


def refuse_mutation_of_temporary(value: Value, at: Origin) -> None:
    """`list(fw.x)` is a new object each time: what is done to one does not show in its equal."""
    payload = value.payload
    if isinstance(payload, SymbolicOperation) and not payload.op.startswith((".", "[]")):
        raise Halt(
            "changes what was made from something only known at run time", at, "make it of plain values"
        )


def external_object_effect(
    evaluator: Evaluator, value: Value, name: str, args: Args, at: Origin, failure_decided: bool = False
) -> None:
    """Something done to an opaque object, or to one that a term was read from. `asked` when it was decided
    already that it does not raise."""
    payload = value.payload
    refuse_mutation_of_temporary(value, at)
    if evaluator.tries and not failure_decided:
        branch_on_effect_failure(evaluator, name, [value, *args.positional, *args.keywords.values()], at)
    holders = [payload] if isinstance(payload, ExternalCall) else [root for root, _ in payload.roots]
    inputs = [*args.positional, *args.keywords.values()]
    for inner in directly_reachable(inputs):
        refuse_callback(inner, at)
    origin = Origin(at.file, at.line, at.column, (value.origin, *(item.origin for item in inputs)))
    target = None if isinstance(payload, ExternalCall) else freeze(value)
    effect = Effect(name, target, tuple(args.positional), dict(args.keywords), origin)
    if not holders:
        evaluator.effects.append(effect)
    for holder in holders:
        holder.log.append(effect)
        holder.version += 1
        holder.operation_count += 1
        evaluator.object_effects.append((holder, effect))
        _propagate_to_shared(holder, effect, name)
    effect.escaped += mark_escaped(inputs, name)


def _propagate_to_shared(holder: ExternalCall, effect: Effect, name: str) -> None:
    """A method may change what its object was built from. The object's own record of the effect says so; only
    for others that were built from the same parts does it count as a change behind their back."""
    inside = [*holder.args, *holder.kwargs.values(), *holder.fields.values()]
    parts = [
        payload
        for payload in reachable(inside)
        if isinstance(payload, ExternalCall) and payload is not holder
    ]
    for payload in parts:
        payload.log.append(effect)
        payload.version += 1
        payload.operation_count += 1
    touched = {id(payload) for payload in parts}
    for payload in (holder, *parts):
        payload.input_versions = [
            (part, version + 1 if id(part) in touched and part.version == version + 1 else version)
            for part, version in payload.input_versions
        ]
    effect.escaped += mark_escaped(inside, name)


def decision_key(evaluator: Evaluator, value: Value, at: Origin) -> str:
    """Text that is the same only for the same value; unique where that cannot be told."""
    try:
        return fingerprint(value.payload, 0)
    except Unmatched:
        return evaluator.unique(at)


def refuse_name(full: str, at: Origin) -> None:
    if full in ("sys.modules", "sys.meta_path", "sys.path_hooks", "gc.get_referents", "builtins.__dict__"):
        raise Halt(f"reads {full}", at, "import what is needed by name")
