"""Effects that the compared trees do not show: what was done to objects that are not in the configuration."""

from __future__ import annotations

from campaign.check.claim.patterns import Step
from campaign.check.difference.comparison import Comparison
from campaign.check.difference.external_difference import same_effect
from campaign.check.evaluator.case import Case
from campaign.check.values import Effect, ExternalCall, ExternalName, Value, directly_reachable, reachable

TELLING = ("logging.getLogger", "loguru.logger", "absl.logging", "structlog.", "rich.", "tqdm.")
"""What only tells the user something."""


def compare_hidden_effects(comparison: Comparison, a: Case, b: Case) -> None:
    """`registry().add(x)` changes the world as `add(x)` does, though nothing of the registry is in the tree.

    An object in the tree is compared with its effects there; but what its effects may have done to plain lists
    and dictionaries shows outside of it, and has to come from the same object then.
    """
    left, right = _hidden(a), _hidden(b)
    for index in range(max(len(left), len(right))):
        path = (Step(f"effects[{index}]", ""),)
        if index >= len(left) or index >= len(right):
            _, extra = (left if index < len(left) else right)[index]
            at = Value(None, extra.origin)
            message = f"{extra.name}() is called on an object outside of the configuration, on one side only"
            mine_only = index < len(left)
            comparison.doubt(
                path,
                at if mine_only else None,
                None if mine_only else at,
                message,
                "call it on both sides",
            )
            return
        (holder, mine), (counterpart, other) = left[index], right[index]
        same = same_effect(comparison, mine, other)
        if not same or not comparison.identical(Value(holder, mine.origin), Value(counterpart, other.origin)):
            sides = (Value(None, mine.origin), Value(None, other.origin))
            message = (
                f"{mine.name}() is called on an object outside of the configuration, or changes what is in it"
            )
            comparison.doubt(path, *sides, f"{message}, and the two differ", "do the same on both sides")
            return


def _hidden(case: Case) -> list[tuple[ExternalCall, Effect]]:
    if not case.evaluator.object_effects:
        return []
    effects = [
        value for effect in case.evaluator.effects for value in (*effect.args, *effect.kwargs.values())
    ]
    targets = [effect.target for effect in case.evaluator.effects if effect.target is not None]
    shown = {id(payload) for payload in reachable([*case.roots.values(), *effects, *targets])}
    plain = {id(payload) for payload in directly_reachable(case.roots.values())}
    return [
        (holder, effect)
        for holder, effect in case.evaluator.object_effects
        if (id(holder) not in shown and not _tells(holder))
        or any(id(part) in plain for part in effect.escaped)
    ]


def _tells(holder: ExternalCall) -> bool:
    callee = holder.callee.payload
    return isinstance(callee, ExternalName) and callee.name.startswith(TELLING)
