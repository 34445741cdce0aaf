"""Calls of external functions, which are recorded instead of executed."""

from __future__ import annotations

from typing import Any

from campaign.check.evaluator.escapes import NOT_CALLABLE, mark_escaped, refuse_callback
from campaign.check.evaluator.external_names import (
    inspects_code,
    is_nondeterministic,
    is_standard,
    reads_files,
)
from campaign.check.evaluator.state import Args, Evaluator
from campaign.check.evaluator.symbolic import branch_on_failure
from campaign.check.values import (
    ExternalCall,
    ExternalName,
    Nondeterministic,
    Origin,
    Unknown,
    Value,
    directly_reachable,
)


def call_external(evaluator: Evaluator, callee: Value, args: Args, at: Origin) -> Value:
    """A call of an external function, taken as pure: equal calls after equal effects have equal results. The
    exceptions to that are known by name, and their results are never equal."""
    payload = callee.payload
    inputs = [*args.positional, *args.keywords.values()]
    origin = Origin(at.file, at.line, at.column, (callee.origin, *[value.origin for value in inputs]))
    # Objects inside of external values were checked when those were recorded.
    reachable_inputs = directly_reachable(inputs)
    # A callee that is itself computed, such as a bound method, may hold functions of the checked files as well.
    passed = (
        reachable_inputs
        if isinstance(payload, ExternalName)
        else [*directly_reachable((callee,)), *reachable_inputs]
    )
    result = _impure_result(payload, at, passed)
    if result is not None:
        return Value(result, origin)
    for value in inputs:
        evaluator.readable(value.payload, at)
    external = ExternalCall(
        callee, tuple(args.positional), dict(args.keywords), len(evaluator.effects), reachable_inputs
    )
    # A framework's function is recorded with its arguments, and compared with them. The standard library has
    # functions that change their arguments (`heapq.heappush`), after which the arguments must not be read.
    if isinstance(payload, ExternalName) and is_standard(payload.module):
        mark_escaped(inputs, payload.name)
    branch_on_failure(evaluator, Value(external, origin), at)
    return Value(external, origin)


def _impure_result(payload: Any, at: Origin, passed: list[Any]) -> Any:
    """The result of a call that is not a function of its inputs; None for any other call. Refuses callbacks."""
    named = isinstance(payload, ExternalName)
    if named and is_nondeterministic(payload.name):
        return Nondeterministic(payload.name)
    if named and reads_files(payload.name):
        return Unknown(f"{payload.name}() reads files", "write what is read into the configuration")
    for inner in passed:
        if type(inner) not in NOT_CALLABLE:
            refuse_callback(inner, at)
            if named and inspects_code(payload.name):
                # Own code is compared by what it does: its names, lines and source may differ between the files.
                return Unknown(
                    f"{payload.name}() inspects code", "write what is looked up into the configuration"
                )
    return None
