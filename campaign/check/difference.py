"""The comparison of two trees: every place where they differ, or where it cannot be known."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

from campaign.check.code import annotation_code, function_code
from campaign.check.limits import Halt
from campaign.check.patterns import Path, key_step, step_of
from campaign.check.scope import Scope
from campaign.check.tree import code_attributes, data_attributes, fields_of
from campaign.check.values import (
    NOWHERE,
    PLAIN,
    Bound,
    Builtin,
    ClassObj,
    DictObj,
    Effect,
    FieldObj,
    FuncObj,
    InstObj,
    ListObj,
    ModuleObj,
    Nondet,
    Opaque,
    Origin,
    Partial,
    SetObj,
    Sym,
    Term,
    TupleObj,
    Unknown,
    Value,
    View,
    Wrapped,
    is_constant,
)

DIFFERENCES = 5_000
CONSTRUCTION = frozenset({"__init__", "__post_init__"})
EXACT = frozenset({int, bool, type(None), bytes})
"""Types of constants that are the same when they are equal; a text may have references in it."""
PAIRS = 500_000
"""Pairs of values that one comparison looks at."""


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
    edit: str = ""


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

    def doubt(self, path: Path, a: Value | None, b: Value | None, message: str, edit: str = "") -> None:
        self.report(path, "", a, b, message, unknown=True, edit=edit)

    def compare(self, path: Path, a: Value, b: Value) -> None:
        self.count += 1
        if self.count > PAIRS:
            raise Halt("the trees are too large to compare", a.origin)
        x, y = a.payload, b.payload
        if type(x) in PLAIN and type(y) in PLAIN:
            if not (type(x) is type(y) and type(x) in EXACT and x == y):
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
        x, y = a.payload, b.payload
        for payload in (x, y):
            if isinstance(payload, Unknown):
                self.doubt(path, a, b, f"{payload.reason}: cannot be known", payload.edit)
                return
            if isinstance(payload, Nondet):
                self.doubt(path, a, b, f"{payload.source} differs from run to run", "write a constant")
                return
        kind = type(x)
        handler = HANDLERS.get(kind)
        if kind is not type(y) or handler is None:
            self.mismatch(path, a, b)
            return
        handler(self, path, a, b)

    def mismatch(self, path: Path, a: Value, b: Value) -> None:
        """Two different kinds of things."""
        x, y = a.payload, b.payload
        if (x is y and isinstance(x, type)) or (x is NotImplemented and y is NotImplemented):
            return
        outside = [payload for payload in (x, y) if isinstance(payload, Sym | Opaque | Term)]
        if not outside:
            if type(x) is type(y) and not isinstance(x, type):
                name = type(x).__name__.lower()
                self.doubt(path, a, b, f"a {name} is not compared", "put plain values into the configuration")
                return
            self.report(path, "type", a, b)
            return
        if len(outside) == 1 and isinstance(outside[0], Sym | Opaque) and constructs(outside[0]):
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

    def tuples(self, path: Path, a: Value, b: Value) -> None:
        x, y = a.payload, b.payload
        if x.cls is None and y.cls is None:
            self.sequence(path, a, b, list(x.items), list(y.items))
            return
        if x.cls is None or y.cls is None or x.cls.name != y.cls.name:
            self.report(path, "type", a, b)
            return
        holder = x.cls.name
        left, right = ({f.name: v for f, v in zip(p.cls.fields, p.items, strict=True)} for p in (x, y))
        if list(left) != list(right):
            self.report(path, "order", a, b)
            return
        self.named(path, holder, left, right, a, b)
        self.same_class(path, x.cls, y.cls, a, b)

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
        if x.flavour != y.flavour:
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
            elif x.flavour == "ordered":
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
            step = (*path, step_of(name, holder))
            if name in right:
                self.compare(step, value, right[name])
            else:
                self.report(step, "absent", value, None, holders=(a.origin, b.origin))
        for name, value in right.items():
            if name not in left:
                self.report(
                    (*path, step_of(name, holder)), "extra", None, value, holders=(a.origin, b.origin)
                )

    def instances(self, path: Path, a: Value, b: Value) -> None:
        x, y = a.payload, b.payload
        if x.cls.name != y.cls.name:
            self.report(path, "type", a, b)
            return
        if x.cls.kind == "enum":
            if x.attrs["name"].payload != y.attrs["name"].payload or not self.identical(
                x.attrs["value"], y.attrs["value"]
            ):
                self.report(path, "value", a, b)
            return
        self.named(path, x.cls.name, fields_of(x), fields_of(y), a, b)
        self.shadowed(path, x, y, a, b)
        self.same_class(path, x.cls, y.cls, a, b)

    def shadowed(self, path: Path, x: InstObj, y: InstObj, a: Value, b: Value) -> None:
        """Data of the class that the instance overrides: nothing of the configuration, but worth a note."""
        left, right = data_attributes(x.cls), data_attributes(y.cls)
        for name in {**left, **right}:
            if name not in x.attrs or name not in y.attrs:
                continue
            mine, other = left.get(name), right.get(name)
            if mine is None or other is None or not self.identical(mine, other):
                step = (*path, step_of(name, x.cls.name))
                message = f"the default in class {x.cls.name} differs"
                self.report(step, "code", mine, other, message, holders=(a.origin, b.origin), cosmetic=True)

    def same_class(self, path: Path, x: ClassObj, y: ClassObj, a: Value, b: Value) -> None:
        """Whether two classes behave alike; their data attributes were compared with the instances'."""
        pair = (id(x), id(y))
        if x is y or pair in self.same or pair in self.open:
            return
        self.open.add(pair)
        before, cuts = len(self.differences), self.cuts
        self.class_head(path, x, y, a, b)
        self.functions_of(path, x, y, a, b, built=True)
        self.open.discard(pair)
        if len(self.differences) == before and self.cuts == cuts:
            self.same.add(pair)
            self.keep.append((x, y))

    def class_head(self, path: Path, x: ClassObj, y: ClassObj, a: Value, b: Value) -> None:
        files = (x.module.shown, y.module.shown)
        own = all(file in self.reference_files for file in files)
        if files[0] != files[1] and not own:
            self.doubt(
                path, a, b, f"class {x.name} is defined in {files[0]} and in {files[1]}", "import one of them"
            )
            return
        if x.qualname != y.qualname or x.kind != y.kind or x.options != y.options:
            self.report((*path, step_of("__class__", x.name)), "code", a, b)
            return
        if not self.same_bases(x, y):
            self.report((*path, step_of("__bases__", x.name)), "code", a, b)
        if [(f.name, f.kw_only, f.pseudo, f.field.init) for f in x.fields] != [
            (f.name, f.kw_only, f.pseudo, f.field.init) for f in y.fields
        ]:
            self.report((*path, step_of("__fields__", x.name)), "code", a, b)
        if (x.outside or y.outside or x.kind == "dataclass") and annotation_codes(x) != annotation_codes(y):
            self.report((*path, step_of("__annotations__", x.name)), "code", a, b)

    def same_bases(self, x: ClassObj, y: ClassObj) -> bool:
        """The same classes in the same order. What they hold counts as far as the class itself shows it,
        or all
        of it when a method may reach it through `super()` or by name."""
        if [base.name for base in x.mro] != [base.name for base in y.mro]:
            return False
        outside = [[base for base in cls.bases if not isinstance(base.payload, ClassObj)] for cls in (x, y)]
        if len(outside[0]) != len(outside[1]) or not all(map(self.identical, *outside)):
            return False
        if not any(uses_super(cls) for cls in (*x.mro, *y.mro)):
            return True
        pairs = zip(x.mro[1:], y.mro[1:], strict=True)
        return all(self.identical(Value(mine, NOWHERE), Value(other, NOWHERE)) for mine, other in pairs)

    def functions_of(
        self, path: Path, x: ClassObj, y: ClassObj, a: Value, b: Value, built: bool = False
    ) -> None:
        """Methods; of an instance that is `built`, those that only ran to build it do not count."""
        left, right = code_attributes(x), code_attributes(y)
        for name in {**left, **right}:
            if built and name in CONSTRUCTION:
                continue
            step = (*path, step_of(name, x.name))
            if name not in right or name not in left:
                detail = "absent" if name in left else "extra"
                self.report(step, detail, left.get(name), right.get(name), holders=(a.origin, b.origin))
            elif not self.identical(left[name], right[name]):
                self.report(step, "code", left[name], right[name])

    def classes(self, path: Path, a: Value, b: Value) -> None:
        x, y = a.payload, b.payload
        if x.name != y.name:
            self.report(path, "type", a, b)
            return
        self.class_head(path, x, y, a, b)
        self.functions_of(path, x, y, a, b)
        self.named(path, x.name, data_attributes(x), data_attributes(y), a, b)
        self.named(path, x.name, x.keywords, y.keywords, a, b)
        for mine, other in zip(x.fields, y.fields, strict=False):
            left, right = mine.field, other.field
            step = (*path, step_of(mine.name, x.name))
            for one, two in ((left.factory, right.factory), (left.default, right.default)):
                if (one is None) != (two is None):
                    self.report(step, "value", one, two, holders=(a.origin, b.origin))
                elif one is not None and two is not None and mine.name not in data_attributes(x):
                    self.compare(step, one, two)

    def functions(self, path: Path, a: Value, b: Value) -> None:
        x, y = a.payload, b.payload
        if x is y:
            return
        left, right = function_code(x.node), function_code(y.node)
        if (
            left[0] != right[0]
            or len(left[1]) != len(right[1])
            or x.name != y.name
            or x.qualname != y.qualname
        ):
            self.report(path, "code", a, b)
            return
        if len(x.defaults) != len(y.defaults) or set(x.kw_defaults) != set(y.kw_defaults):
            self.report(path, "code", a, b)
            return
        for index, (mine, other) in enumerate(zip(x.defaults, y.defaults, strict=True)):
            self.compare((*path, step_of("__defaults__", x.name), step_of(f"[{index}]", "")), mine, other)
        self.named((*path, step_of("__kwdefaults__", x.name)), x.name, x.kw_defaults, y.kw_defaults, a, b)
        self.named(path, x.name, x.attrs, y.attrs, a, b)
        for mine_name, other_name in zip(left[1], right[1], strict=True):
            self.free_name(path, x, y, mine_name, other_name, a, b)
        if (x.owner is None) != (y.owner is None):
            self.report(path, "code", a, b)

    def free_name(
        self, path: Path, x: FuncObj, y: FuncObj, mine: str, other: str, a: Value, b: Value
    ) -> None:
        left, right = _closure(x.scope).lookup(mine), _closure(y.scope).lookup(other)
        if isinstance(left, str) or isinstance(right, str):
            if left != right or mine != other:
                self.report(path, "code", a, b, f"reads {mine}")
            return
        if isinstance(left.payload, ModuleObj) and isinstance(right.payload, ModuleObj):
            if left.payload.shown != right.payload.shown:
                self.report(path, "code", a, b, f"reads module {left.payload.name}")
            return
        if not self.identical(left, right):
            self.report(path, "code", a, b, f"reads {mine}, which differs")

    def names(self, path: Path, a: Value, b: Value) -> None:
        x, y = a.payload, b.payload
        if x.name != y.name:
            last = [payload.name.rpartition(".")[2] for payload in (x, y)]
            if last[0] == last[1]:
                self.doubt(path, a, b, "the same name from two modules", "import it from one")
            elif constructs(x) and constructs(y):
                self.report(path, "value", a, b)
            else:
                self.doubt(
                    path, a, b, "two names from outside, whose values are not known", "use one of them"
                )
        elif x.epoch != y.epoch:
            self.doubt(
                path,
                a,
                b,
                "read before an outside effect on one side, after it on the other",
                "keep the order",
            )

    def calls(self, path: Path, a: Value, b: Value) -> None:
        x, y = a.payload, b.payload
        if x is y:
            return
        for payload in (x, y):
            changed = next(
                (holder for holder, version in payload.captured if holder.version != version), None
            )
            if changed is not None:
                self.doubt(
                    path, a, b, "built from an object that changed afterwards", "change it before the call"
                )
                return
        if not self.identical(x.callee, y.callee):
            self.callee(path, a, b)
            return
        if x.epoch != y.epoch:
            self.doubt(
                path,
                a,
                b,
                "built before an outside effect on one side, after it on the other",
                "keep the order",
            )
            return
        holder = callee_name(x)
        self.arguments(path, holder, a, b)
        later = [name for name in (*x.fields, *y.fields) if (name in x.fields) != (name in y.fields)]
        for name in dict.fromkeys(later):
            step = (*path, step_of(name, holder))
            where, elsewhere = (x, y) if name in x.fields else (y, x)
            if name in elsewhere.kwargs or name in where.kwargs:
                self.doubt(
                    step, a, b, "set after the call on one side, passed on the other", "pass it on both"
                )
            else:
                self.doubt(step, a, b, "set after the call on one side only", "set it on both sides")
        both = {name: value for name, value in x.fields.items() if name in y.fields}
        self.named(path, holder, both, {name: y.fields[name] for name in both}, a, b)
        if list(x.fields) != list(y.fields) and set(x.fields) == set(y.fields):
            self.doubt(path, a, b, "attributes set in another order", "keep the order")
        self.effects(path, x.log, y.log, a, b)

    def callee(self, path: Path, a: Value, b: Value) -> None:
        left, right = a.payload.callee.payload, b.payload.callee.payload
        if isinstance(left, Sym) and isinstance(right, Sym):
            same_tail = left.name.rpartition(".")[2] == right.name.rpartition(".")[2]
            if constructs(a.payload) and constructs(b.payload) and not same_tail:
                self.report(path, "type", a, b)
                return
            if same_tail and left.name != right.name:
                self.doubt(path, a, b, "the same name from two modules", "import it from one")
                return
        if isinstance(left, ClassObj) and isinstance(right, ClassObj):
            if left.name != right.name:
                self.report(path, "type", a, b)
            else:
                self.classes((*path, step_of("__class__", left.name)), a.payload.callee, b.payload.callee)
            return
        self.doubt(path, a, b, "results of different calls, only known at run time", "make the same call")

    def arguments(self, path: Path, holder: str, a: Value, b: Value) -> None:
        x, y = a.payload, b.payload
        if len(x.args) != len(y.args) and set(x.kwargs) != set(y.kwargs):
            self.doubt(path, a, b, "positional on one side, by keyword on the other", "pass all by keyword")
            return
        args = (*path, step_of("args", holder))
        self.sequence(args, a, b, list(x.args), list(y.args))
        left = {name: value for name, value in x.kwargs.items() if name in y.kwargs or name not in y.fields}
        right = {name: value for name, value in y.kwargs.items() if name in x.kwargs or name not in x.fields}
        self.named(path, holder, left, right, a, b)

    def effects(self, path: Path, left: list[Effect], right: list[Effect], a: Value, b: Value) -> None:
        for index in range(max(len(left), len(right))):
            if index >= len(left) or index >= len(right):
                extra = (left if index < len(left) else right)[index]
                self.doubt(
                    path, a, b, f"{extra.name}() is called on it on one side only", "call it on both sides"
                )
                return
            mine, other = left[index], right[index]
            if not self.same_effect(mine, other):
                at = (Value(None, mine.origin), Value(None, other.origin))
                self.doubt(path, *at, f"{mine.name}() is called on it differently", "make the same call")
                return

    def same_effect(self, x: Effect, y: Effect) -> bool:
        if x.name != y.name or len(x.args) != len(y.args) or list(x.kwargs) != list(y.kwargs):
            return False
        if (x.target is None) != (y.target is None):
            return False
        if x.target is not None and y.target is not None and not self.identical(x.target, y.target):
            return False
        if any(holder.version != version for holder, version in (*x.captured, *y.captured)):
            return False
        pairs = [*zip(x.args, y.args, strict=True), *((x.kwargs[name], y.kwargs[name]) for name in x.kwargs)]
        return all(self.identical(mine, other) for mine, other in pairs)

    def terms(self, path: Path, a: Value, b: Value) -> None:
        x, y = a.payload, b.payload
        if x.op != y.op or len(x.operands) != len(y.operands):
            self.doubt(
                path, a, b, "computed differently from what is only known at run time", "compute it alike"
            )
            return
        if [version for _, version in x.roots] != [version for _, version in y.roots]:
            self.doubt(path, a, b, "read at different points of what is done to its object", "keep the order")
            return
        roots = zip(x.roots, y.roots, strict=True)
        if not all(self.identical(Value(r, NOWHERE), Value(s, NOWHERE)) for (r, _), (s, _) in roots):
            self.doubt(path, a, b, "read from objects that differ", "make them the same")
            return
        before = len(self.differences)
        self.silent += 1
        for index, (mine, other) in enumerate(zip(x.operands, y.operands, strict=True)):
            self.compare((*path, step_of(f"[{index}]", x.op)), mine, other)
        self.silent -= 1
        found = [item for item in self.differences[before:] if not item.cosmetic]
        del self.differences[before:]
        if found:
            self.doubt(path, a, b, "computed from values that differ", "compute it alike")

    def partials(self, path: Path, a: Value, b: Value) -> None:
        x, y = a.payload, b.payload
        if not self.identical(x.function, y.function):
            self.report((*path, step_of("func", "partial")), "code", x.function, y.function)
            return
        self.sequence((*path, step_of("args", "partial")), a, b, list(x.args), list(y.args))
        self.named(path, "partial", x.kwargs, y.kwargs, a, b)

    def bounds(self, path: Path, a: Value, b: Value) -> None:
        x, y = a.payload, b.payload
        if not self.identical(x.function, y.function):
            self.report(path, "code", a, b)
            return
        self.compare((*path, step_of("__self__", "")), x.receiver, y.receiver)

    def builtins(self, path: Path, a: Value, b: Value) -> None:
        x, y = a.payload, b.payload
        if x.name != y.name:
            self.report(path, "value", a, b)
        elif x.call is not y.call and x.holder is None:
            self.doubt(path, a, b, f"{x.name} is not compared", "call it")
        elif x.holder is not None and y.holder is not None:
            self.compare((*path, step_of("__self__", "")), x.holder, y.holder)

    def wrapped(self, path: Path, a: Value, b: Value) -> None:
        x, y = a.payload, b.payload
        setters = (x.setter is None) == (y.setter is None)
        if (
            x.kind != y.kind
            or not setters
            or not self.identical(x.function, y.function)
            or (x.setter is not None and y.setter is not None and not self.identical(x.setter, y.setter))
        ):
            self.report(path, "code", a, b)

    def modules(self, path: Path, a: Value, b: Value) -> None:
        if a.payload.shown != b.payload.shown:
            self.report(path, "value", a, b)
            return
        left, right = (
            {n: v for n, v in p.scope.vars.items() if not n.startswith("__")} for p in (a.payload, b.payload)
        )
        self.named(path, a.payload.name, left, right, a, b)


def _closure(scope: Scope) -> Scope:
    while scope.kind == "class" and scope.parent is not None:
        scope = scope.parent
    return scope


def uses_super(cls: ClassObj) -> bool:
    functions = [item.payload for item in cls.namespace.values()]
    inner = [part.function.payload for part in functions if isinstance(part, Wrapped)]
    nodes = [function.node for function in (*functions, *inner) if isinstance(function, FuncObj)]
    return any("super" in function_code(node)[1] or "__mro__" in function_code(node)[0] for node in nodes)


def annotation_codes(cls: ClassObj) -> dict[str, str]:
    return {name: annotation_code(node) for name, node in cls.annotations.items()}


def callee_name(payload: Opaque) -> str:
    callee = payload.callee.payload
    if isinstance(callee, Sym):
        return callee.name.rpartition(".")[2]
    return callee.name if isinstance(callee, ClassObj) else ""


def target_name(payload: DictObj) -> str:
    """What a dict stands for: its `_target_` (LazyConfig, Hydra) or `type` (mmengine)."""
    for key in ("_target_", "type"):
        pair = payload.entries.get(key)
        if pair is not None:
            named = pair[1].payload
            if isinstance(named, str):
                return named.rpartition(".")[2]
            if isinstance(named, Sym):
                return named.name.rpartition(".")[2]
            if isinstance(named, ClassObj | FuncObj):
                return named.name
    return ""


def constructs(payload: Any) -> bool:
    """Whether a name from outside is a class by its spelling."""
    if isinstance(payload, Opaque):
        callee = payload.callee.payload
        return isinstance(callee, ClassObj) or (isinstance(callee, Sym) and constructs(callee))
    last = payload.name.rpartition(".")[2].lstrip("_") if isinstance(payload, Sym) else ""
    return last[:1].isupper() and not last.isupper()


def member_texts(payload: SetObj) -> list[str] | None:
    texts = [item_text(item.payload) for item in payload.items.values()]
    return None if any(text is None for text in texts) else [text for text in texts if text is not None]


def item_text(payload: Any) -> str | None:
    """Text that tells keys and set members apart, types included."""
    if is_constant(payload):
        return f"{type(payload).__name__} {payload!r}"
    if isinstance(payload, TupleObj) and payload.cls is None:
        parts = [item_text(item.payload) for item in payload.items]
        return None if any(part is None for part in parts) else f"({', '.join(map(str, parts))})"
    if isinstance(payload, InstObj) and payload.cls.kind == "enum":
        value = payload.attrs["value"].payload
        return (
            f"{payload.cls.module.name}.{payload.cls.qualname}.{payload.attrs['name'].payload}={value!r}"
            if (is_constant(value))
            else None
        )
    if isinstance(payload, type):
        return f"type {payload.__name__}"
    if isinstance(payload, Sym | Opaque | Term):
        from campaign.check.outside import Unmatched, fingerprint

        try:
            return f"outside {fingerprint(payload, 0)}"
        except Unmatched:
            return None
    return None


def keyed(payload: DictObj) -> dict[str, tuple[Value, Value]] | None:
    entries: dict[str, tuple[Value, Value]] = {}
    for key, item in payload.entries.values():
        text = item_text(key.payload)
        if text is None or text in entries:
            return None
        entries[text] = (key, item)
    return entries


HANDLERS: dict[type, Any] = {
    ListObj: Comparison.lists, TupleObj: Comparison.tuples, SetObj: Comparison.sets, DictObj: Comparison.dicts,
    InstObj: Comparison.instances, ClassObj: Comparison.classes, FuncObj: Comparison.functions,
    Sym: Comparison.names, Opaque: Comparison.calls, Term: Comparison.terms, Partial: Comparison.partials,
    Bound: Comparison.bounds, Builtin: Comparison.builtins, Wrapped: Comparison.wrapped,
    ModuleObj: Comparison.modules, View: Comparison.views,
}  # fmt: skip

__all__ = ["Comparison", "Difference", "FieldObj", "ast"]
