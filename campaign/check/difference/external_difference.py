"""The comparison of what is from outside: names, calls with their effects, terms."""

from __future__ import annotations

from campaign.check.claim.patterns import Path, step_of
from campaign.check.difference.class_difference import classes
from campaign.check.difference.comparison import Comparison, plainly_same
from campaign.check.difference.naming import callee_name, constructs
from campaign.check.values import (
    NOWHERE,
    ClassObj,
    Effect,
    ExternalName,
    Value,
)


def names(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    if x.name != y.name:
        last = [payload.name.rpartition(".")[2] for payload in (x, y)]
        if last[0] == last[1]:
            comparison.doubt(path, a, b, "the same name from two modules", "import it from one")
        elif constructs(x) and constructs(y):
            comparison.report(path, "value", a, b)
        else:
            comparison.doubt(
                path, a, b, "two names from outside, whose values are not known", "use one of them"
            )
    elif x.epoch != y.epoch:
        comparison.doubt(
            path,
            a,
            b,
            "read before an outside effect on one side, after it on the other",
            "keep the order",
        )


def calls(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    if x is y:
        return
    for payload in (x, y):
        changed = next(
            (holder for holder, version in payload.input_versions if holder.version != version), None
        )
        if changed is not None:
            comparison.doubt(
                path, a, b, "built from an object that changed afterwards", "change it before the call"
            )
            return
    if not plainly_same(x.callee.payload, y.callee.payload) and not comparison.identical(x.callee, y.callee):
        callee(comparison, path, a, b)
        return
    if x.epoch != y.epoch:
        comparison.doubt(
            path,
            a,
            b,
            "built before an outside effect on one side, after it on the other",
            "keep the order",
        )
        return
    holder = callee_name(x)
    arguments(comparison, path, holder, a, b)
    if x.fields or y.fields:
        set_later(comparison, path, holder, a, b)
    effects(comparison, path, x.log, y.log, a, b)


def set_later(comparison: Comparison, path: Path, holder: str, a: Value, b: Value) -> None:
    """Attributes that were set after the call."""
    x, y = a.payload, b.payload
    later = [name for name in (*x.fields, *y.fields) if (name in x.fields) != (name in y.fields)]
    for name in dict.fromkeys(later):
        step = (*path, step_of(name, holder))
        where, elsewhere = (x, y) if name in x.fields else (y, x)
        if name in elsewhere.kwargs or name in where.kwargs:
            comparison.doubt(
                step, a, b, "set after the call on one side, passed on the other", "pass it on both"
            )
        else:
            comparison.doubt(step, a, b, "set after the call on one side only", "set it on both sides")
    both = {name: value for name, value in x.fields.items() if name in y.fields}
    comparison.named(path, holder, both, {name: y.fields[name] for name in both}, a, b)
    if list(x.fields) != list(y.fields) and set(x.fields) == set(y.fields):
        comparison.doubt(path, a, b, "attributes set in another order", "keep the order")


def callee(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    left, right = a.payload.callee.payload, b.payload.callee.payload
    if isinstance(left, ExternalName) and isinstance(right, ExternalName):
        same_tail = left.name.rpartition(".")[2] == right.name.rpartition(".")[2]
        if constructs(a.payload) and constructs(b.payload) and not same_tail:
            comparison.report(path, "type", a, b)
            return
        if same_tail and left.name != right.name:
            comparison.doubt(path, a, b, "the same name from two modules", "import it from one")
            return
    if isinstance(left, ClassObj) and isinstance(right, ClassObj):
        if left.name != right.name:
            comparison.report(path, "type", a, b)
        else:
            classes(comparison, (*path, step_of("__class__", left.name)), a.payload.callee, b.payload.callee)
        return
    comparison.doubt(path, a, b, "results of different calls, only known at run time", "make the same call")


def arguments(comparison: Comparison, path: Path, holder: str, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    if len(x.args) != len(y.args) and set(x.kwargs) != set(y.kwargs):
        comparison.doubt(path, a, b, "positional on one side, by keyword on the other", "pass all by keyword")
        return
    if x.args or y.args:
        comparison.sequence((*path, step_of("args", holder)), a, b, list(x.args), list(y.args))
    left, right = x.kwargs, y.kwargs
    if x.fields or y.fields:
        left = {name: value for name, value in left.items() if name in right or name not in y.fields}
        right = {name: value for name, value in right.items() if name in x.kwargs or name not in x.fields}
    comparison.named(path, holder, left, right, a, b)


def effects(
    comparison: Comparison, path: Path, left: list[Effect], right: list[Effect], a: Value, b: Value
) -> None:
    for index in range(max(len(left), len(right))):
        if index >= len(left) or index >= len(right):
            extra = (left if index < len(left) else right)[index]
            comparison.doubt(
                path, a, b, f"{extra.name}() is called on it on one side only", "call it on both sides"
            )
            return
        mine, other = left[index], right[index]
        if not same_effect(comparison, mine, other):
            at = (Value(None, mine.origin), Value(None, other.origin))
            comparison.doubt(path, *at, f"{mine.name}() is called on it differently", "make the same call")
            return


def same_effect(comparison: Comparison, x: Effect, y: Effect) -> bool:
    if x.name != y.name or len(x.args) != len(y.args) or list(x.kwargs) != list(y.kwargs):
        return False
    if (x.target is None) != (y.target is None):
        return False
    if x.target is not None and y.target is not None and not comparison.identical(x.target, y.target):
        return False
    if any(holder.version != version for holder, version in (*x.input_versions, *y.input_versions)):
        return False
    pairs = [*zip(x.args, y.args, strict=True), *((x.kwargs[name], y.kwargs[name]) for name in x.kwargs)]
    return all(comparison.identical(mine, other) for mine, other in pairs)


def symbolic_operations(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    if x.op != y.op or len(x.operands) != len(y.operands):
        comparison.doubt(
            path, a, b, "computed differently from what is only known at run time", "compute it alike"
        )
        return
    if [version for _, version in x.roots] != [version for _, version in y.roots]:
        comparison.doubt(
            path, a, b, "read at different points of what is done to its object", "keep the order"
        )
        return
    if x.epoch != y.epoch:
        message = "computed before an outside effect on one side, after it on the other"
        comparison.doubt(path, a, b, message, "keep the order")
        return
    roots = zip(x.roots, y.roots, strict=True)
    if not all(comparison.identical(Value(r, NOWHERE), Value(s, NOWHERE)) for (r, _), (s, _) in roots):
        comparison.doubt(path, a, b, "read from objects that differ", "make them the same")
        return
    before = len(comparison.differences)
    comparison.silent += 1
    for index, (mine, other) in enumerate(zip(x.operands, y.operands, strict=True)):
        comparison.compare((*path, step_of(f"[{index}]", x.op)), mine, other)
    comparison.silent -= 1
    found = [item for item in comparison.differences[before:] if not item.cosmetic]
    del comparison.differences[before:]
    if found:
        comparison.doubt(path, a, b, "computed from values that differ", "compute it alike")
