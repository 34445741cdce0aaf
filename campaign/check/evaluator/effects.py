"""External effects: what the checked files do to the environment and to external objects, in order.

An effect is not modelled, it is recorded with its inputs. Both files must have the same effects in the same order,
on the environment as a whole and on each external object.
"""

from __future__ import annotations

from campaign.check.evaluator.escapes import mark_escaped, refuse_callback
from campaign.check.evaluator.state import Args, Evaluator
from campaign.check.evaluator.symbolic import branch_on_failure, external_roots, freeze
from campaign.check.values import (
    Effect,
    ExternalCall,
    Origin,
    SymbolicOperation,
    Value,
    directly_reachable,
    reachable,
)
from campaign.check.values.limits import Halt


def external_effect(evaluator: Evaluator, name: str, target: Value | None, args: Args, at: Origin) -> None:
    """Record an effect on the environment."""
    inputs = [*args.positional, *args.keywords.values()]
    for inner in directly_reachable(inputs):
        refuse_callback(inner, at)
    origin = Origin(at.file, at.line, at.column, tuple(value.origin for value in inputs))
    # An environment variable can be set to any string, so setting one is not taken to fail.
    if evaluator.tries and not name.startswith("os.environ"):
        holders = [] if target is None else [target]
        branch_on_effect_failure(evaluator, name, [*holders, *inputs], at)
    evaluator.effects.append(Effect(name, target, tuple(args.positional), dict(args.keywords), origin))
    # What the effect did with its inputs is not known, so they must not be read any more.
    mark_escaped(inputs, name)


def branch_on_effect_failure(evaluator: Evaluator, name: str, values: list[Value], at: Origin) -> None:
    """Inside a `try`, split the case: the effect succeeds, or raises an unknown exception."""
    attempt = SymbolicOperation(
        f"do {name}", tuple(map(freeze, values)), external_roots(tuple(values)), len(evaluator.effects)
    )
    branch_on_failure(evaluator, Value(attempt, at), at)


def refuse_mutation_of_temporary(value: Value, at: Origin) -> None:
    """Refuse to change the result of an operation that makes a new object each time, such as `list(framework.x)`."""
    # Two equal symbolic operations are not one object, so an effect on one is none on the other. An attribute or an
    # item is read from its holder, and an effect on it is recorded as an effect on the holder.
    payload = value.payload
    if isinstance(payload, SymbolicOperation) and not payload.op.startswith((".", "[]")):
        reason = "the code changes an object that is built from a value only known at run time"
        raise Halt(reason, at, "build it from plain values")


def external_object_effect(
    evaluator: Evaluator, value: Value, name: str, args: Args, at: Origin, failure_decided: bool = False
) -> None:
    """Record an effect on an external object, or on those that a symbolic operation was read from."""
    payload = value.payload
    refuse_mutation_of_temporary(value, at)
    inputs = [*args.positional, *args.keywords.values()]
    if evaluator.tries and not failure_decided:
        branch_on_effect_failure(evaluator, name, [value, *inputs], at)
    for inner in directly_reachable(inputs):
        refuse_callback(inner, at)
    origin = Origin(at.file, at.line, at.column, (value.origin, *(item.origin for item in inputs)))
    is_object = isinstance(payload, ExternalCall)
    holders = [payload] if is_object else [root for root, _ in payload.roots]
    # What was read from the holder, `x.layers` in `x.layers.append(1)`, as it was before the effect.
    target = None if is_object else freeze(value)
    effect = Effect(name, target, tuple(args.positional), dict(args.keywords), origin)
    if not holders:  # read from a module: a change of the environment
        evaluator.effects.append(effect)
    for holder in holders:
        _record(holder, effect)
        evaluator.object_effects.append((holder, effect))
        _propagate_to_shared(holder, effect, name)
    effect.escaped += mark_escaped(inputs, name)


def _record(holder: ExternalCall, effect: Effect) -> None:
    holder.log.append(effect)
    holder.version += 1
    holder.operation_count += 1


def _propagate_to_shared(holder: ExternalCall, effect: Effect, name: str) -> None:
    """Record an effect on the objects that the holder was built from, which its method may change too."""
    # The version of an input is part of each object that was built from it: an input that changes later ends the
    # proof. The holder and its inputs have recorded this effect themselves, so for them the new version is the
    # expected one. For any other object that was built from the same inputs it stays an unrecorded change.
    inside = [*holder.args, *holder.kwargs.values(), *holder.fields.values()]
    inputs = [part for part in reachable(inside) if isinstance(part, ExternalCall) and part is not holder]
    for payload in inputs:
        _record(payload, effect)
    touched = {id(payload) for payload in inputs}
    for payload in (holder, *inputs):
        payload.input_versions = [
            (part, version + 1 if id(part) in touched and part.version == version + 1 else version)
            for part, version in payload.input_versions
        ]
    effect.escaped += mark_escaped(inside, name)
