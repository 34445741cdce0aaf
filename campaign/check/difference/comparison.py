"""The comparison of two trees: every place where they differ, or where it cannot be known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from campaign.check.claim.patterns import Path, key_step, step_of
from campaign.check.difference.naming import constructs, keyed, member_texts, target_name
from campaign.check.values import (
    CONSTANT_TYPES,
    NOWHERE,
    BoundMethod,
    Builtin,
    ClassObj,
    DescriptorObj,
    DictObj,
    ExternalCall,
    ExternalName,
    FuncObj,
    InstObj,
    ListObj,
    ModuleObj,
    Namespace,
    Nondeterministic,
    Origin,
    Partial,
    SetObj,
    SymbolicOperation,
    TupleObj,
    Unknown,
    Value,
    View,
    as_dict,
    is_constant,
)
from campaign.check.values.limits import Halt

DIFFERENCES = 5_000
EXACT = frozenset({int, bool, type(None), bytes})
"""Types of constants that are the same when they are equal."""
PAIRS = 500_000
"""Pairs of values that one comparison looks at."""


def plainly_same(x: Any, y: Any) -> bool:
    """Whether two payloads are constants or names of which there is nothing to say: the same, and a text
    without references in it. Most leaves of two trees are, so this is asked before a path is made."""
    kind = type(x)
    if kind is not type(y):
        return False
    if kind is str:
        return bool(x == y) and "${" not in x
    if kind is float:
        return bool(x == y) and x != 0.0  # -0.0 equals 0.0
    if kind is ExternalName:
        return bool(x.name == y.name and x.epoch == y.epoch)
    return kind in EXACT and bool(x == y)


@dataclass(slots=True)
class Difference:
    """One place. `unknown` when it may or may not differ."""

    path: Path
    detail: str
    reference: Value | None
    variant: Value | None
    reference_at: Origin
    variant_at: Origin
    unknown: bool = False
    cosmetic: bool = False
    message: str = ""
    suggestion: str = ""


@dataclass(slots=True)
class Comparison:
    """Compares two trees; `differences` fills in the order of the reference."""

    reference_files: tuple[str, ...]
    """The files that are the targets themselves: a class of each may be the same class."""
    differences: list[Difference] = field(default_factory=list)
    same: set[tuple[int, int]] = field(default_factory=set)
    visited: set[tuple[int, int]] = field(default_factory=set)
    open: set[tuple[int, int]] = field(default_factory=set)
    texts: list[tuple[Path, Value, Value]] = field(default_factory=list)
    """Texts with `${...}` in them, and where."""
    keep: list[Any] = field(default_factory=list)
    silent: int = 0
    """Inside `identical`, where differences are not reported."""
    cuts: int = 0
    """Times a cycle was met: what was compared inside one is not remembered as the same."""
    count: int = 0

    def report(
        self, path: Path, detail: str, a: Value | None, b: Value | None, message: str = "", **more: Any
    ) -> None:
        if len(self.differences) >= DIFFERENCES:
            raise Halt(f"more than {DIFFERENCES:,} differences")
        holder_a, holder_b = more.pop("holders", (NOWHERE, NOWHERE))
        self.differences.append(
            Difference(
                path,
                detail,
                a,
                b,
                a.origin if a else holder_a,
                b.origin if b else holder_b,
                message=message,
                **more,
            )
        )

    def doubt(self, path: Path, a: Value | None, b: Value | None, message: str, suggestion: str = "") -> None:
        self.report(path, "", a, b, message, unknown=True, suggestion=suggestion)

    def compare(self, path: Path, a: Value, b: Value) -> None:
        self.count += 1
        if self.count > PAIRS:
            raise Halt("the trees are too large to compare", a.origin)
        x, y = a.payload, b.payload
        if type(x) in CONSTANT_TYPES and type(y) in CONSTANT_TYPES:
            if not plainly_same(x, y):
                self.constants(path, a, b)
            return
        pair = (id(x), id(y))
        if pair in self.same:
            return
        if pair in self.open:
            self.cuts += 1
            return
        if not self.silent:
            self.visited.add(pair)
        self.open.add(pair)
        before, cuts = len(self.differences), self.cuts
        self.objects(path, a, b)
        self.open.discard(pair)
        if len(self.differences) == before and self.cuts == cuts:
            self.same.add(pair)
            self.keep.append((x, y))

    def constants(self, path: Path, a: Value, b: Value) -> None:
        x, y = a.payload, b.payload
        if type(x) is not type(y):
            self.report(path, "type", a, b)
        elif x != y or (isinstance(x, float | complex) and repr(x) != repr(y)):
            if not (x != x and y != y):
                self.report(path, "value", a, b)
        elif isinstance(x, str) and "${" in x:
            self.texts.append((path, a, b))

    def identical(self, a: Value, b: Value) -> bool:
        """Whether two values are the same, without reporting."""
        before = len(self.differences)
        self.silent += 1
        self.compare((), a, b)
        self.silent -= 1
        same = len([d for d in self.differences[before:] if not d.cosmetic]) == 0
        del self.differences[before:]
        return same

    def objects(self, path: Path, a: Value, b: Value) -> None:
        a, b = self.plain(a), self.plain(b)
        x, y = a.payload, b.payload
        for payload in (x, y):
            if isinstance(payload, Unknown):
                self.doubt(path, a, b, f"{payload.reason}: cannot be known", payload.suggestion)
                return
            if isinstance(payload, Nondeterministic):
                self.doubt(path, a, b, f"{payload.source} differs from run to run", "write a constant")
                return
        kind = type(x)
        handler = handlers().get(kind)
        if kind is not type(y) or handler is None:
            self.mismatch(path, a, b)
            return
        handler(self, path, a, b)

    def plain(self, value: Value) -> Value:
        """`vars(x)` of an instance as the dict that it is."""
        if not (isinstance(value.payload, Namespace) and isinstance(value.payload.holder, InstObj)):
            return value
        opened = as_dict(value.payload)
        self.keep.append(opened)  # identities of what was compared are remembered
        return Value(opened, value.origin)

    def mismatch(self, path: Path, a: Value, b: Value) -> None:
        """Two different kinds of things."""
        x, y = a.payload, b.payload
        if (x is y and isinstance(x, type)) or (x is NotImplemented and y is NotImplemented):
            return
        external = [
            payload
            for payload in (x, y)
            if isinstance(payload, ExternalName | ExternalCall | SymbolicOperation)
        ]
        if not external:
            if type(x) is type(y) and not isinstance(x, type):
                name = type(x).__name__.lower()
                self.doubt(path, a, b, f"a {name} is not compared", "put plain values into the configuration")
                return
            self.report(path, "type", a, b)
            return
        if (
            len(external) == 1
            and isinstance(external[0], ExternalName | ExternalCall)
            and constructs(external[0])
        ):
            self.report(path, "type", a, b)
            return
        self.doubt(
            path, a, b, "only known at run time on one side", "write the same expression on both sides"
        )

    def sequence(self, path: Path, a: Value, b: Value, xs: list[Value], ys: list[Value]) -> None:
        if len(xs) == len(ys) and len(xs) > 1 and self.reordered(xs, ys):
            self.report(path, "order", a, b)
            return
        for index in range(max(len(xs), len(ys))):
            if index < len(xs) and index < len(ys) and plainly_same(xs[index].payload, ys[index].payload):
                continue
            step = (*path, step_of(f"[{index}]", ""))
            if index >= len(ys):
                self.report(step, "absent", xs[index], None, holders=(a.origin, b.origin))
            elif index >= len(xs):
                self.report(step, "extra", None, ys[index], holders=(a.origin, b.origin))
            else:
                self.compare(step, xs[index], ys[index])

    def reordered(self, xs: list[Value], ys: list[Value]) -> bool:
        if not all(is_constant(value.payload) for value in (*xs, *ys)) or len(xs) > 10_000:
            return False
        left, right = ([f"{type(v.payload)}{v.payload!r}" for v in values] for values in (xs, ys))
        return left != right and sorted(left) == sorted(right)

    def lists(self, path: Path, a: Value, b: Value) -> None:
        self.sequence(path, a, b, a.payload.items, b.payload.items)

    def views(self, path: Path, a: Value, b: Value) -> None:
        self.doubt(path, a, b, "a view of a dict is not compared", "use list(...)")

    def sets(self, path: Path, a: Value, b: Value) -> None:
        x, y = a.payload, b.payload
        if x.frozen != y.frozen:
            self.report(path, "type", a, b)
            return
        left, right = member_texts(x), member_texts(y)
        if left is None or right is None:
            self.doubt(path, a, b, "a set of objects is not compared", "use a list")
        elif set(left) != set(right):
            self.report(path, "value", a, b)

    def dicts(self, path: Path, a: Value, b: Value) -> None:
        x, y = a.payload, b.payload
        if x.dialect is not y.dialect:
            self.report(path, "type", a, b)
            return
        left, right = keyed(x), keyed(y)
        if left is None or right is None:
            self.doubt(path, a, b, "a dict with objects as keys is not compared", "use texts as keys")
            return
        holder = target_name(x)
        for text, (key, item) in left.items():
            step = (
                *path,
                step_of(key_step(key.payload) if is_constant(key.payload) else f"[{text}]", holder),
            )
            if text in right:
                self.compare(step, item, right[text][1])
            else:
                self.report(step, "absent", item, None, holders=(a.origin, b.origin))
        for text, (key, item) in right.items():
            if text not in left:
                step = (
                    *path,
                    step_of(
                        key_step(key.payload) if is_constant(key.payload) else f"[{text}]", target_name(y)
                    ),
                )
                self.report(step, "extra", None, item, holders=(a.origin, b.origin))
        if list(left) != list(right) and set(left) == set(right):
            if any(text.startswith("outside ") for text in left):
                self.doubt(path, a, b, "keys only known at run time, in another order", "keep the order")
            elif x.dialect.ordered:
                self.report(path, "order", a, b)
            else:
                self.report(path, "order", a, b, cosmetic=True)
        if (x.factory is None) != (y.factory is None) or (
            x.factory is not None and y.factory is not None and not self.identical(x.factory, y.factory)
        ):
            self.report(path, "type", a, b, "another default factory")

    def named(
        self, path: Path, holder: str, left: dict[str, Value], right: dict[str, Value], a: Value, b: Value
    ) -> None:
        for name, value in left.items():
            other = right.get(name)
            if other is not None and plainly_same(value.payload, other.payload):
                continue
            step = (*path, step_of(name, holder))
            if other is not None:
                self.compare(step, value, other)
            else:
                self.report(step, "absent", value, None, holders=(a.origin, b.origin))
        if left.keys() == right.keys():
            return
        for name, value in right.items():
            if name not in left:
                self.report(
                    (*path, step_of(name, holder)), "extra", None, value, holders=(a.origin, b.origin)
                )


@cache
def handlers() -> dict[type, Callable[[Comparison, Path, Value, Value], None]]:
    """Who compares two payloads of a type."""
    from campaign.check.difference import class_difference as code
    from campaign.check.difference import external_difference as external

    return {
        ListObj: Comparison.lists, SetObj: Comparison.sets, DictObj: Comparison.dicts, View: Comparison.views,
        TupleObj: code.tuples, InstObj: code.instances, ClassObj: code.classes, FuncObj: code.functions,
        Partial: code.partials, BoundMethod: code.bounds, Builtin: code.builtins, DescriptorObj: code.wrapped,
        ModuleObj: code.modules, ExternalName: external.names, ExternalCall: external.calls, SymbolicOperation: external.symbolic_operations,
    }  # fmt: skip


__all__ = ["Comparison", "Difference"]
