"""The comparison of external values: names, calls with their later effects, symbolic operations.

Soundness: the value itself is not known, so that equality is derived from the way in which it is computed. The same
external name, read after the same external effects, is bound to the same object in both runs; the same call with equal
arguments, and the same operation on equal operands, then have equal results. This rests on the assumption that external
functions are pure and return new objects, which is printed with each PASS. Whatever is not the same is unproven rather
than a difference, because two computations may still give the same value.
"""

from __future__ import annotations

from functools import partial

from campaign.check.claim.patterns import Path, step_of
from campaign.check.difference.class_difference import compare_classes
from campaign.check.difference.comparison import Comparison, compares, trivially_equal
from campaign.check.difference.comparison_keys import callee_name, is_class_name, last_part
from campaign.check.values.lattice import (
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
def compare_names(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    if x.name != y.name:
        _compare_other_names(comparison, path, a, b)
    elif x.epoch != y.epoch:
        # An external effect may rebind the name or change the object.
        message = f"{x.name} is read before an external effect on one side and after it on the other"
        comparison.add_unproven(path, a, b, message, KEEP_THE_ORDER)


def _compare_other_names(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    if last_part(x.name) == last_part(y.name):
        # Packages re-export: `torch.optim.Adam` may be `torch.optim.adam.Adam`.
        _add_two_modules(comparison, path, a, b, x.name, y.name)
    elif is_class_name(x) and is_class_name(y):
        comparison.add(path, "value", a, b)
    else:
        message = f"the values of {x.name} and {y.name} are only known at run time"
        comparison.add_unproven(path, a, b, message, "use the same name on both sides")


def _add_two_modules(comparison: Comparison, path: Path, a: Value, b: Value, left: str, right: str) -> None:
    message = f"{left} and {right} may or may not be the same object"
    comparison.add_unproven(path, a, b, message, "import the name from the same module on both sides")


@compares(ExternalCall)
def compare_calls(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    if x is y:
        return
    # The arguments are compared as they are at the end. An argument that changed after the call (its version moved on)
    # was something else when the constructor read it, and the constructor may or may not have kept the object.
    if has_changed(x.captured) or has_changed(y.captured):
        message = f"an argument of {callee_name(x) or 'the call'} changes after the call"
        comparison.add_unproven(path, a, b, message, "change the object before it is passed to the call")
        return
    if not trivially_equal(x.callee.payload, y.callee.payload) and not comparison.are_equal(
        x.callee, y.callee
    ):
        _compare_callees(comparison, path, a, b)
        return
    if x.epoch != y.epoch:
        # The callee may read state that the effect changes: a seed, a registry, a default.
        message = f"{callee_name(x) or 'it'} is called before an external effect on one side and after it on the other"
        comparison.add_unproven(path, a, b, message, KEEP_THE_ORDER)
        return
    _compare_arguments(comparison, path, a, b)
    if x.fields or y.fields:
        _compare_later_fields(comparison, path, a, b)
    _compare_logs(comparison, path, x.log, y.log, a, b)


def has_changed(captured: list[tuple[Mutable, int]]) -> bool:
    """Whether one of the objects that a call captured has changed since then."""
    return any(holder.version != version for holder, version in captured)


def _compare_callees(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    left, right = a.payload.callee.payload, b.payload.callee.payload
    if isinstance(left, ExternalName) and isinstance(right, ExternalName):
        same_tail = last_part(left.name) == last_part(right.name)
        # Instances of two classes have two types; the results of two functions may be equal.
        if is_class_name(a.payload) and is_class_name(b.payload) and not same_tail:
            comparison.add(path, "type", a, b)
            return
        if same_tail and left.name != right.name:
            _add_two_modules(comparison, path, a, b, left.name, right.name)
            return
    if isinstance(left, ClassObj) and isinstance(right, ClassObj):
        if left.name != right.name:
            comparison.add(path, "type", a, b)
        else:
            class_path = (*path, step_of("__class__", left.name))
            compare_classes(comparison, class_path, a.payload.callee, b.payload.callee)
        return
    message = "the results of two different calls are only known at run time"
    comparison.add_unproven(path, a, b, message, "make the same call on both sides")


def _compare_arguments(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y, holder = a.payload, b.payload, callee_name(a.payload)
    # Without the signature of the callee, a positional argument cannot be matched with a keyword.
    if len(x.args) != len(y.args) and set(x.kwargs) != set(y.kwargs):
        message = "an argument is passed by position on one side and by keyword on the other"
        comparison.add_unproven(path, a, b, message, "pass all arguments by keyword")
        return
    if x.args or y.args:
        comparison.compare_items((*path, step_of("args", holder)), a, b, list(x.args), list(y.args))
    # A keyword that the other side sets as an attribute afterwards is left to `_compare_later_fields`.
    left = {name: value for name, value in x.kwargs.items() if name in y.kwargs or name not in y.fields}
    right = {name: value for name, value in y.kwargs.items() if name in x.kwargs or name not in x.fields}
    comparison.compare_named(path, holder, left, right, a, b)


def _compare_later_fields(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    """Compare the attributes that were set after the call."""
    x, y, holder = a.payload, b.payload, callee_name(a.payload)
    for name in dict.fromkeys((*x.fields, *y.fields)):
        if name in x.fields and name in y.fields:
            continue
        # A setter may do more than the constructor does with a keyword of that name.
        if name in x.kwargs or name in y.kwargs:
            how, suggestion = (
                "on one side and passed to the call on the other",
                "pass it to the call on both sides",
            )
        else:
            how, suggestion = "on one side only", "set it on both sides"
        message = f"the attribute {name} is set after the call {how}"
        comparison.add_unproven((*path, step_of(name, holder)), a, b, message, suggestion)
    common = x.fields.keys() & y.fields.keys()
    left, right = ({n: v for n, v in side.fields.items() if n in common} for side in (x, y))
    comparison.compare_named(path, holder, left, right, a, b)
    # A property's setter may read what another one has set.
    if list(x.fields) != list(y.fields) and x.fields.keys() == y.fields.keys():
        message = "the attributes are set in another order"
        comparison.add_unproven(path, a, b, message, "set them in the same order on both sides")


def _compare_logs(
    comparison: Comparison, path: Path, left: list[Effect], right: list[Effect], a: Value, b: Value
) -> None:
    """Compare the effects on an external object one by one: each may depend on those before it."""
    for index in range(max(len(left), len(right))):
        if index >= len(left) or index >= len(right):
            extra = (left if index < len(left) else right)[index]
            message = f"{extra.name}() is called on the object on one side only"
            comparison.add_unproven(path, a, b, message, "call it on both sides, or on neither")
            return
        mine, other = left[index], right[index]
        if not same_effect(comparison, mine, other):
            at = (Value(None, mine.origin), Value(None, other.origin))
            message = f"{mine.name}() and {other.name}(), which are called on the object, differ"
            if mine.name == other.name:
                message = f"{mine.name}() is called on the object with different arguments"
            comparison.add_unproven(path, *at, message, "make the same calls in the same order on both sides")
            return


def same_effect(comparison: Comparison, x: Effect, y: Effect) -> bool:
    """Whether two effects are the same call with equal arguments on equal objects."""
    # `f(**kwargs)` sees the order of its keywords: it is the order of the dict.
    if x.name != y.name or len(x.args) != len(y.args) or list(x.kwargs) != list(y.kwargs):
        return False
    if has_changed(x.captured) or has_changed(y.captured) or not _same_target(comparison, x, y):
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
def compare_symbolic_operations(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    if x.op != y.op or len(x.operands) != len(y.operands):
        message = "the value is computed differently from values that are only known at run time"
        comparison.add_unproven(path, a, b, message, "write the same expression on both sides")
        return
    # Operands are frozen copies, but an external object among them is shared: the number of operations on it before this
    # one tells in which state it was read.
    if [moment for _, moment in x.roots] != [moment for _, moment in y.roots]:
        message = "an external object is read between different changes of it on the two sides"
        comparison.add_unproven(path, a, b, message, KEEP_THE_ORDER)
        return
    if x.epoch != y.epoch:
        message = "the value is computed before an external effect on one side and after it on the other"
        comparison.add_unproven(path, a, b, message, KEEP_THE_ORDER)
        return
    roots = zip(x.roots, y.roots, strict=True)
    if not all(comparison.are_equal(Value(r, NOWHERE), Value(s, NOWHERE)) for (r, _), (s, _) in roots):
        message = "the value is read from external objects that differ"
        comparison.add_unproven(path, a, b, message, "give both objects the same arguments and changes")
        return
    # A differing operand does not prove that the results differ (`len(x)` of two lists): the whole is unproven.
    if comparison.hidden_differences(partial(_compare_operands, comparison, path, a, b)):
        message = "the value is computed from values that differ"
        comparison.add_unproven(path, a, b, message, "compute it from values that are the same on both sides")


def _compare_operands(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    for index, (mine, other) in enumerate(zip(x.operands, y.operands, strict=True)):
        comparison.compare((*path, step_of(f"[{index}]", x.op)), mine, other)
