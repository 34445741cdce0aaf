"""The comparison of external values: names, calls with their later effects, symbolic operations.

Soundness: the value itself is not known, so that equality is derived from the way in which it is computed. The same
external name, read after the same external effects, is bound to the same object in both runs; the same call with equal
arguments, and the same operation on equal operands, then have equal results. This rests on the assumption that external
functions are pure and return new objects, which is printed with each PASS. Whatever is not the same is unproven rather
than a difference, because two computations may still give the same value.
"""

from __future__ import annotations

from functools import partial
from itertools import zip_longest

from campaign.check.difference.class_difference import compare_classes
from campaign.check.difference.comparison import Comparison, Pair, compares, trivially_equal
from campaign.check.difference.comparison_keys import callee_name, is_class_name, last_part
from campaign.check.values import (
    NOWHERE,
    ClassObj,
    Effect,
    ExternalCall,
    ExternalName,
    Mutable,
    SymbolicOperation,
    Value,
)

KEEP_THE_ORDER = "keep the order of the calls and of what they change on both sides"


@compares(ExternalName)
def compare_names(pair: Pair) -> None:
    x, y = pair.x, pair.y
    if x.name == y.name:
        if x.epoch != y.epoch:
            # An external effect may rebind the name or change the object.
            message = f"{x.name} is read before an external effect on one side and after it on the other"
            pair.add_unproven(message, KEEP_THE_ORDER)
    elif last_part(x.name) == last_part(y.name):
        _add_two_modules(pair, x.name, y.name)
    elif is_class_name(x) and is_class_name(y):
        pair.add("value")
    else:
        message = f"the values of {x.name} and {y.name} are only known at run time"
        pair.add_unproven(message, "use the same name on both sides")


def _add_two_modules(pair: Pair, left: str, right: str) -> None:
    # Packages re-export: `torch.optim.Adam` is also `torch.optim.adam.Adam`.
    message = f"{left} and {right} may or may not be the same object"
    pair.add_unproven(message, "import the name from the same module on both sides")


@compares(ExternalCall)
def compare_calls(pair: Pair) -> None:
    x, y = pair.x, pair.y
    if x is y:
        return
    name = callee_name(x) or "the external function"
    # The arguments are compared as they are at the end. An argument that changed after the call (its version moved on)
    # was something else when the constructor read it, and the constructor may or may not have kept the object.
    if has_changed([*x.input_versions, *y.input_versions]):
        message = f"an argument of {name} changes after the call"
        pair.add_unproven(message, "change the object before it is passed to the call")
    elif not trivially_equal(x.callee.payload, y.callee.payload) and not pair.are_equal(x.callee, y.callee):
        _compare_callees(pair)
    elif x.epoch != y.epoch:
        # The callee may read state that the effect changes: a seed, a registry, a default.
        message = f"{name} is called before an external effect on one side and after it on the other"
        pair.add_unproven(message, KEEP_THE_ORDER)
    else:
        _compare_arguments(pair)
        _compare_later_fields(pair)
        _compare_logs(pair)


def has_changed(captured: list[tuple[Mutable, int]]) -> bool:
    """Whether one of the objects that a call captured has changed since then."""
    return any(holder.version != version for holder, version in captured)


def _compare_callees(pair: Pair) -> None:
    left, right = pair.x.callee.payload, pair.y.callee.payload
    message = "the results of two different calls are only known at run time"
    if isinstance(left, ClassObj) and isinstance(right, ClassObj):
        if left.name != right.name:
            pair.add("type")
        else:
            path = pair.below("__class__", left.name).path
            compare_classes(Pair(pair.comparison, path, pair.x.callee, pair.y.callee))
    elif not (isinstance(left, ExternalName) and isinstance(right, ExternalName)):
        pair.add_unproven(message, "make the same call on both sides")
    elif last_part(left.name) != last_part(right.name) and is_class_name(left) and is_class_name(right):
        # Instances of two classes have two types; the results of two functions may be equal.
        pair.add("type")
    elif last_part(left.name) == last_part(right.name) and left.name != right.name:
        _add_two_modules(pair, left.name, right.name)
    else:
        pair.add_unproven(message, "make the same call on both sides")


def _compare_arguments(pair: Pair) -> None:
    x, y, holder = pair.x, pair.y, callee_name(pair.x)
    # Without the signature of the callee, a positional argument cannot be matched with a keyword.
    if len(x.args) != len(y.args) and set(x.kwargs) != set(y.kwargs):
        message = "an argument is passed by position on one side and by keyword on the other"
        pair.add_unproven(message, "pass all arguments by keyword")
        return
    if x.args or y.args:
        pair.below("args", holder).compare_items(x.args, y.args)
    # A keyword that the other side sets as an attribute afterwards is left to `_compare_later_fields`.
    left = {name: value for name, value in x.kwargs.items() if name in y.kwargs or name not in y.fields}
    right = {name: value for name, value in y.kwargs.items() if name in x.kwargs or name not in x.fields}
    pair.compare_named(holder, left, right)


def _compare_later_fields(pair: Pair) -> None:
    """Compare the attributes that were set after the call."""
    x, y, holder = pair.x, pair.y, callee_name(pair.x)
    common = x.fields.keys() & y.fields.keys()
    for name in dict.fromkeys((*x.fields, *y.fields)):
        if name not in common:
            # A setter may do more than the constructor does with a keyword of that name.
            passed = name in x.kwargs or name in y.kwargs
            how = "on one side and passed to the call on the other" if passed else "on one side only"
            suggestion = "pass it to the call on both sides" if passed else "set it on both sides"
            message = f"the attribute {name} is set after the call {how}"
            pair.below(name, holder).add_unproven(message, suggestion)
    left, right = ({n: v for n, v in side.fields.items() if n in common} for side in (x, y))
    pair.compare_named(holder, left, right)
    # A property's setter may read what another one has set.
    if list(x.fields) != list(y.fields) and x.fields.keys() == y.fields.keys():
        message = "the attributes are set in another order"
        pair.add_unproven(message, "set them in the same order on both sides")


def _compare_logs(pair: Pair) -> None:
    """Compare the effects on an external object one by one: each may depend on those before it."""
    for mine, other in zip_longest(pair.x.log, pair.y.log):
        if mine is None or other is None:
            message = f"{(mine or other).name}() is called on the object on one side only"
            pair.add_unproven(message, "call it on both sides, or on neither")
            return
        if not same_effect(pair.comparison, mine, other):
            at = (Value(None, mine.origin), Value(None, other.origin))
            message = f"{mine.name}() and {other.name}(), which are called on the object, differ"
            if mine.name == other.name:
                message = f"{mine.name}() is called on the object with different arguments"
            suggestion = "make the same calls in the same order on both sides"
            pair.comparison.add_unproven(pair.path, *at, message, suggestion)
            return


def same_effect(comparison: Comparison, x: Effect, y: Effect) -> bool:
    """Whether two effects are the same call with equal arguments on equal objects."""
    # `f(**kwargs)` sees the order of its keywords: it is the order of the dict.
    if x.name != y.name or len(x.args) != len(y.args) or list(x.kwargs) != list(y.kwargs):
        return False
    if has_changed([*x.input_versions, *y.input_versions]) or not _same_target(comparison, x, y):
        return False
    return all(comparison.are_equal(mine, other) for mine, other in paired_arguments(x, y))


def _same_target(comparison: Comparison, x: Effect, y: Effect) -> bool:
    if x.target is None or y.target is None:
        return x.target is y.target
    return comparison.are_equal(x.target, y.target)


def paired_arguments(x: Effect, y: Effect) -> list[tuple[Value, Value]]:
    """The arguments of two effects that have the same number of arguments and the same keywords."""
    return [*zip(x.args, y.args, strict=True), *((x.kwargs[name], y.kwargs[name]) for name in x.kwargs)]


@compares(SymbolicOperation)
def compare_symbolic_operations(pair: Pair) -> None:
    x, y = pair.x, pair.y
    if x.op != y.op or len(x.operands) != len(y.operands):
        message = "the value is computed differently from values that are only known at run time"
        pair.add_unproven(message, "write the same expression on both sides")
    # Operands are frozen copies, but an external object among them is shared: the number of operations on it before this
    # one tells in which state it was read.
    elif [moment for _, moment in x.roots] != [moment for _, moment in y.roots]:
        message = "an external object is read between different changes of it on the two sides"
        pair.add_unproven(message, KEEP_THE_ORDER)
    elif x.epoch != y.epoch:
        message = "the value is computed before an external effect on one side and after it on the other"
        pair.add_unproven(message, KEEP_THE_ORDER)
    elif not all(map(pair.are_equal, _root_values(x), _root_values(y))):
        message = "the value is read from external objects that differ"
        pair.add_unproven(message, "give both objects the same arguments and changes")
    # A differing operand does not prove that the results differ (`len(x)` of two lists): the whole is unproven.
    elif pair.comparison.hidden_differences(partial(_compare_operands, pair)):
        message = "the value is computed from values that differ"
        pair.add_unproven(message, "compute it from values that are the same on both sides")


def _root_values(operation: SymbolicOperation) -> list[Value]:
    return [Value(root, NOWHERE) for root, _ in operation.roots]


def _compare_operands(pair: Pair) -> None:
    for index, (mine, other) in enumerate(zip(pair.x.operands, pair.y.operands, strict=True)):
        pair.compare_part(f"[{index}]", pair.x.op, mine, other)
