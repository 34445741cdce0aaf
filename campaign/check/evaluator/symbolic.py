"""Symbolic operations: operations on external values, which are recorded instead of evaluated.

The proof compares recordings: an operation that both files apply to equal operands has equal results, whatever it
computes. That needs three records besides the operands. Own containers are copied (`freeze`), because they may
change later. `roots` says how many operations each external object among the operands had seen. `epoch` counts
the external effects before the operation, any of which may change what it returns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from campaign.check.evaluator.state import Evaluator
from campaign.check.values import (
    NOWHERE,
    DictObj,
    ErrorObj,
    ExternalCall,
    ExternalName,
    FuncObj,
    InstObj,
    IteratorObj,
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
    is_never_equal,
    is_unevaluated,
    propagate_unknown,
    reachable,
)
from campaign.check.values.fingerprints import Unmatched, fingerprint
from campaign.check.values.limits import Halt, Raised

IMMUTABLE_RESULTS = frozenset(
    {"os.environ.get", "os.environ[]", "len", "int", "float", "bool", "str", "repr", "ascii", "format", "join",
     "isinstance", "issubclass", "hasattr", "callable", "is", "is not", "not", "in", "is_dataclass"}
)  # fmt: skip
"""Operations whose result is a number, a string or a truth value, whatever the operands are."""
CONSUMES_OPERAND = frozenset(
    {"list", "tuple", "dict", "unpack", "ListComp", "SetComp", "DictComp", "GeneratorExp", "map", "str.join"}
)
"""Operations that iterate over their first operand."""
SINGLE_PASS = frozenset({"map", "GeneratorExp"})
"""Operations whose result is an iterator."""


def external_roots(values: tuple[Value, ...]) -> tuple[tuple[ExternalCall, int], ...]:
    """The external objects that values are read from, each with its number of operations so far."""
    roots: list[tuple[ExternalCall, int]] = []
    for value in values:
        if isinstance(value.payload, ExternalCall):
            roots.append((value.payload, value.payload.operation_count))
        elif isinstance(value.payload, SymbolicOperation):
            roots.extend(value.payload.roots)
    return tuple({(id(root), version): (root, version) for root, version in roots}.values())


def freeze(value: Value, memo: dict[int, Any] | None = None) -> Value:
    """The value as it is now: own containers are copied, so that later changes do not show."""
    copier = COPIERS.get(type(value.payload))
    if copier is None:
        return value
    memo = {} if memo is None else memo
    # The memo keeps shared objects shared in the copy. Its keys stay valid, since the value holds the payloads.
    found = memo.get(id(value.payload))
    return Value(copier(value.payload, memo) if found is None else found, value.origin)


# A list, dict or instance may contain itself: its copy is in the memo before its elements are copied.


def _copy_list(payload: ListObj, memo: dict[int, Any]) -> ListObj:
    copy = memo[id(payload)] = ListObj([])
    copy.items = [freeze(item, memo) for item in payload.items]
    return copy


def _copy_dict(payload: DictObj, memo: dict[int, Any]) -> DictObj:
    copy = memo[id(payload)] = DictObj({}, payload.dialect)
    copy.entries = {key: (pair[0], freeze(pair[1], memo)) for key, pair in payload.entries.items()}
    return copy


def _copy_instance(payload: InstObj, memo: dict[int, Any]) -> InstObj:
    if payload.cls.kind == "enum":  # members are compared by identity and do not change
        return payload
    copy = memo[id(payload)] = InstObj(payload.cls)
    copy.attrs = {name: freeze(item, memo) for name, item in payload.attrs.items()}
    return copy


def _copy_namespace(payload: Namespace, memo: dict[int, Any]) -> Any:
    """`vars(x)` of an instance as a dict."""
    if not isinstance(payload.holder, InstObj):
        return payload
    copy = memo[id(payload)] = as_dict(payload)
    copy.entries = {key: (pair[0], freeze(pair[1], memo)) for key, pair in copy.entries.items()}
    return copy


COPIERS: dict[type, Callable[[Any, dict[int, Any]], Any]] = {
    ListObj: _copy_list,
    TupleObj: lambda payload, memo: TupleObj(tuple(freeze(item, memo) for item in payload.items), payload.cls),
    SetObj: lambda payload, memo: SetObj(
        {key: freeze(item, memo) for key, item in payload.items.items()}, payload.frozen
    ),
    DictObj: _copy_dict, InstObj: _copy_instance, Namespace: _copy_namespace,
}  # fmt: skip


def symbolic(evaluator: Evaluator, op: str, at: Origin, *operands: Value, may_raise: bool = True) -> Value:
    """Record an operation of which an operand is only known at run time."""
    origin = Origin(at.file, at.line, at.column, tuple(value.origin for value in operands))
    for value in operands:
        # Of an operand that is never equal, the result is not equal to anything either.
        for payload in directly_reachable((value,)):
            if payload is value.payload:
                evaluator.readable(payload, at)
            if is_never_equal(payload):
                return Value(propagate_unknown(payload), origin)
    frozen = tuple(freeze(value) for value in operands)
    stable = all(map(is_stable, operands))
    # No effect can change an operation on numbers and strings: it may move past effects.
    epoch = 0 if stable else len(evaluator.effects)
    operation = SymbolicOperation(
        op, frozen, external_roots(operands), epoch, stable or op in IMMUTABLE_RESULTS
    )
    if op in CONSUMES_OPERAND and operands:
        consume(evaluator, operands[0], at)
    result = Value(operation, origin)
    if may_raise:
        branch_on_failure(evaluator, result, at)
    return result


def symbolic_string(evaluator: Evaluator, op: str, at: Origin, *values: Value) -> Value:
    """The string of objects. One that shows an address or the order of a set differs between runs."""
    for payload in reachable(list(values)):
        if isinstance(payload, InstObj) and payload.cls.kind not in ("dataclass", "enum"):
            if payload.cls.find("__str__") is not None or payload.cls.find("__repr__") is not None:
                reason = f"str() of a {payload.cls.name} instance inside another value is not modelled"
                raise Halt(reason, at, "write the string out")
            # `object.__repr__` shows the address of the object.
            return Value(Nondeterministic("the address in an object's string"), at)
        if isinstance(payload, FuncObj | IteratorObj | ErrorObj):
            return Value(Nondeterministic("the address in an object's string"), at)
        if isinstance(payload, SetObj) and len(payload.items) > 1:
            return Value(Nondeterministic("the order of the elements in a set's string"), at)
    return symbolic(evaluator, op, at, *values)


def involves_external(payload: Any) -> bool:
    """Whether a payload is or holds something that is only known at run time."""
    held = reachable([Value(payload, NOWHERE)])
    return any(map(is_unevaluated, held)) or (isinstance(payload, Mutable) and bool(payload.escaped_to))


def is_stable(value: Value) -> bool:
    """Whether no later effect can change the value. External objects and instances can change."""
    payload = value.payload
    if is_constant(payload) or (isinstance(payload, SymbolicOperation) and payload.stable):
        return True
    return isinstance(payload, ListObj | TupleObj | DictObj | SetObj) and not any(
        isinstance(part, ExternalName | ExternalCall | InstObj)
        or (isinstance(part, SymbolicOperation) and not part.stable)
        for part in directly_reachable([value])
    )


def consume(evaluator: Evaluator, value: Value, at: Origin) -> None:
    """Record an iteration: if the value is an iterator, the next iteration finds it exhausted."""
    payload = value.payload
    if isinstance(payload, ExternalCall):
        payload.operation_count += 1
    elif isinstance(payload, SymbolicOperation):
        for root, _ in payload.roots:
            root.operation_count += 1
        if payload.op in SINGLE_PASS:
            if any(payload is consumed for consumed in evaluator.consumed_iterators):
                reason = "the code iterates a second time over an iterator, which is exhausted by the first"
                raise Halt(reason, at, "make a list of it first")
            evaluator.consumed_iterators.append(payload)


def branch_on_failure(evaluator: Evaluator, result: Value, at: Origin) -> None:
    """Inside a `try`, split the case: the external operation succeeds, or raises an unknown exception."""
    # Outside of a `try` an exception ends both files alike if both perform the operation. An operation on the
    # environment is recorded as a risk: where only one file performs it, some environments separate the two.
    if not evaluator.tries:
        if isinstance(result.payload, SymbolicOperation) and reads_environment(result):
            evaluator.risks.setdefault(decision_key(evaluator, result, at), at)
    elif not evaluator.decisions.decide(f"succeeds: {decision_key(evaluator, result, at)}"):
        raise Raised(Value(ErrorObj(None, (), decision_key(evaluator, result, at)), at))


def reads_environment(value: Value) -> bool:
    """Whether a value is computed from environment variables without an external object in between."""
    if isinstance(value.payload, SymbolicOperation) and value.payload.roots:
        return False
    held = reachable([value])
    # `float(os.environ["LR"])` raises in some environments; an external call in between may raise for other reasons.
    return any(
        isinstance(part, SymbolicOperation) and part.op.startswith("os.environ") for part in held
    ) and not any(isinstance(part, ExternalCall) for part in held)


def decide(evaluator: Evaluator, value: Value, at: Origin) -> bool:
    """The truth of a value only known at run time. Both outcomes are evaluated, each in its own case."""
    payload = value.payload
    if isinstance(payload, Unknown):
        raise Halt(f"a test depends on an unknown value: {payload.reason}", at, payload.suggestion)
    if isinstance(payload, Nondeterministic):
        reason = f"a test depends on a value that differs between runs ({payload.source})"
        raise Halt(reason, at, "take the value out of the test")
    return evaluator.decisions.decide(decision_key(evaluator, value, at))


def decision_key(evaluator: Evaluator, value: Value, at: Origin) -> str:
    """The key of a decision on a value."""
    # Both files have the same key only for equal values, so a test comes out alike wherever the values are equal. A
    # value that cannot be matched between the files has a unique key: all combinations of outcomes are compared.
    try:
        return fingerprint(value.payload)
    except Unmatched:
        return evaluator.unique(at)
