"""The comparison of effects: what a file does to the outside world while it is evaluated.

Soundness: an effect may change anything outside of the checked files, and so the result of every later external call.
Two runs only stay in the same state if both perform the same effects in the same order. An effect that differs is
therefore unproven, even if no field of the configuration differs.
"""

from __future__ import annotations

from itertools import zip_longest

from campaign.check.claim.patterns import Path, Step
from campaign.check.difference.comparison import Comparison
from campaign.check.difference.external_difference import has_changed, paired_arguments, same_effect
from campaign.check.evaluator.case import Case
from campaign.check.values import Effect, ExternalCall, ExternalName, Value, directly_reachable, reachable

SAME_ON_BOTH_SIDES = "do the same on both sides, in the same order"
ONLY_REPORTS = ("logging.getLogger", "loguru.logger", "absl.logging", "structlog.", "rich.", "tqdm.")
"""Objects that only print or log: effects on them change no configuration."""


def compare_effects(comparison: Comparison, a: Case, b: Case) -> None:
    """Compare what both files do to the outside world, in order."""
    pairs = zip_longest(a.evaluator.effects, b.evaluator.effects)
    for index, (mine, other) in enumerate(pairs):
        path = (Step(f"effects[{index}]", ""),)
        if mine is None or other is None:
            _add_one_sided(comparison, path, mine, other, "{}() is called for its effect")
            return
        _compare_effect(comparison, path, mine, other)


def _add_one_sided(
    comparison: Comparison, path: Path, mine: Effect | None, other: Effect | None, what: str
) -> None:
    left, right = (None if effect is None else Value(None, effect.origin) for effect in (mine, other))
    name = next(effect.name for effect in (mine, other) if effect is not None)
    message = f"{what.format(name)} on one side only"
    comparison.add_unproven(path, left, right, message, "call it on both sides, or on neither")


def _compare_effect(comparison: Comparison, path: Path, x: Effect, y: Effect) -> None:
    at = (Value(None, x.origin), Value(None, y.origin))
    if x.name != y.name or len(x.args) != len(y.args) or set(x.kwargs) != set(y.kwargs):
        message = f"{x.name}() and {y.name}(), which are called for their effect, differ"
        if x.name == y.name:
            message = f"{x.name}() is called for its effect with other arguments"
        comparison.add_unproven(path, *at, message, SAME_ON_BOTH_SIDES)
        return
    # Arguments are compared as they are at the end, see `external_difference.compare_calls`.
    if has_changed([*x.input_versions, *y.input_versions]):
        message = f"an argument of {x.name}() changes after the call"
        comparison.add_unproven(path, *at, message, "change the object before it is passed to the call")
    if x.target is not None and y.target is not None and not comparison.are_equal(x.target, y.target):
        comparison.add_unproven(path, *at, f"{x.name} is applied to different objects", SAME_ON_BOTH_SIDES)
    _compare_effect_arguments(comparison, path, x, y)


def _compare_effect_arguments(comparison: Comparison, path: Path, x: Effect, y: Effect) -> None:
    for index, (mine, other) in enumerate(paired_arguments(x, y)):
        # An argument that is part of the tree was compared there, and its differences are classified by their path.
        if (id(mine.payload), id(other.payload)) in comparison.compared_pairs:
            continue
        before = len(comparison.differences)
        comparison.compare((*path, Step(f"[{index}]", "")), mine, other)
        for difference in comparison.differences[before:]:
            # A differing argument does not prove that the configuration differs.
            difference.unproven = True
            difference.message = (
                difference.message or f"{x.name}() is called for its effect with another value"
            )
            difference.suggestion = difference.suggestion or "pass the same value on both sides"


def compare_hidden_effects(comparison: Comparison, a: Case, b: Case) -> None:
    """Compare the effects on external objects that are not part of the configuration.

    `registry().add(x)` changes the world as `add(x)` does, although nothing of the registry is in the tree. An
    external object that is in the tree is compared with its effects there. What these effects may have changed in
    plain lists and dicts is visible outside of the object, and must come from the same object on both sides.
    """
    for index, (left, right) in enumerate(zip_longest(_hidden_effects(a), _hidden_effects(b))):
        path = (Step(f"effects[{index}]", ""),)
        if left is None or right is None:
            what = "{}() is called on an object outside of the configuration,"
            _add_one_sided(comparison, path, left and left[1], right and right[1], what)
            return
        mine, other = left[1], right[1]
        holders = (Value(left[0], mine.origin), Value(right[0], other.origin))
        if not same_effect(comparison, mine, other) or not comparison.are_equal(*holders):
            message = f"{mine.name}() may change objects outside of the configuration or in it, and its two calls differ"
            sides = (Value(None, mine.origin), Value(None, other.origin))
            comparison.add_unproven(path, *sides, message, SAME_ON_BOTH_SIDES)
            return


def _hidden_effects(case: Case) -> list[tuple[ExternalCall, Effect]]:
    """The effects whose object is not in the tree, and those that may have changed a plain object that is."""
    object_effects = case.evaluator.object_effects
    if not object_effects:
        return []
    effects = case.evaluator.effects
    arguments = [value for effect in effects for value in (*effect.args, *effect.kwargs.values())]
    targets = [effect.target for effect in effects if effect.target is not None]
    # `reachable` enters external calls, because these are compared with all of their arguments and effects.
    # `directly_reachable` does not: of a plain object inside one, the call shows the state in which it was passed.
    compared = {id(payload) for payload in reachable([*case.roots.values(), *arguments, *targets])}
    plain = {id(payload) for payload in directly_reachable(case.roots.values())}
    return [
        (holder, effect)
        for holder, effect in object_effects
        if (id(holder) not in compared and not _only_reports(holder))
        or any(id(part) in plain for part in effect.escaped)
    ]


def _only_reports(holder: ExternalCall) -> bool:
    callee = holder.callee.payload
    return isinstance(callee, ExternalName) and callee.name.startswith(ONLY_REPORTS)
