"""The structural comparison of two configuration trees.

Soundness: `compare` adds no difference for a pair of values only if both are equal at run time in every environment
that this pair of cases covers. The argument is an induction over the tree. Constants are equal if type and `repr`
agree. A container, an instance or a class is equal if its type and all of its parts are. An external value is equal
if the same operation is applied to equal operands, after the same external effects and on objects in the same state:
a deterministic operation then gives equal results. Everything else is added as a difference or as unproven; a payload
type without a row in `COMPARISONS` is unproven, never equal.

Identity is not compared. The evaluation has already applied every mutation to all aliases of an object, and that
external code does not look at the identity of its arguments is an assumption that is printed with each PASS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from typing import Any

from campaign.check.claim.patterns import Path, step_of
from campaign.check.difference.comparison_keys import is_class_name
from campaign.check.values import (
    CONSTANT_TYPES,
    EXTERNAL,
    NOWHERE,
    ExternalName,
    InstObj,
    Namespace,
    Origin,
    Unknown,
    Value,
    as_dict,
    is_never_equal,
)
from campaign.check.values.limits import Halt

MAX_DIFFERENCES = 5_000
MAX_PAIRS = 500_000
"""Pairs of values that one comparison visits."""
EQUAL_BY_VALUE = frozenset({int, bool, type(None), bytes})
"""Types whose constants are interchangeable when `==` holds; floats, complex numbers and strings are not."""

PairKey = tuple[int | str, ...]
Compare = Callable[["Pair"], None]
COMPARISONS: dict[type, Compare] = {}
"""Payload type -> the comparison of two payloads of exactly this type."""


def compares(*payload_types: type) -> Callable[[Compare], Compare]:
    """Register the comparison of payload types."""

    def register(function: Compare) -> Compare:
        COMPARISONS.update(dict.fromkeys(payload_types, function))
        return function

    return register


def trivially_equal(x: Any, y: Any) -> bool:
    """Whether two payloads are equal without any further comparison. False decides nothing.

    Most leaves of two trees are trivially equal: callers ask before they build the path of a leaf.
    """
    kind = type(x)
    # `True == 1 == 1.0` in Python, but the three behave differently in a configuration.
    if kind is not type(y):
        return False
    if kind is str:
        # Equal strings with an interpolation differ once the framework has filled them in from other fields.
        return bool(x == y) and "${" not in x
    if kind is float:
        return bool(x == y) and x != 0.0  # 0.0 == -0.0, and 1 / x tells them apart
    if kind is ExternalName:
        # An external effect between two reads may rebind the name: the epoch counts the effects before the read.
        return bool(x.name == y.name and x.epoch == y.epoch)
    return kind in EQUAL_BY_VALUE and bool(x == y)


@dataclass(slots=True)
class Difference:
    """One path at which two trees differ, or where equality is unproven."""

    path: Path
    detail: str
    reference: Value | None
    variant: Value | None
    reference_origin: Origin
    variant_origin: Origin
    message: str = ""
    suggestion: str = ""
    unproven: bool = False
    cosmetic: bool = False


@dataclass(slots=True)
class Comparison:
    """Compares two trees; `differences` is in the order of the reference."""

    target_files: tuple[str, ...]
    """The files of the two targets: a class defined in each of them may be the same class."""
    differences: list[Difference] = field(default_factory=list)
    equal_pairs: set[PairKey] = field(default_factory=set)
    """Identities of payloads whose comparison found no difference."""
    compared_pairs: set[tuple[int, int]] = field(default_factory=set)
    """Identities of payloads whose differences are reported at their place in the tree."""
    active_pairs: set[PairKey] = field(default_factory=set)
    interpolated_strings: list[tuple[Path, Value, Value]] = field(default_factory=list)
    """Equal strings that contain `${...}`, and their paths."""
    kept_alive: list[Any] = field(default_factory=list)
    """Payloads whose `id` is remembered: Python reuses the `id` of an object that was freed."""
    silence_depth: int = 0
    """Above 0 inside `are_equal`, where differences are counted and dropped."""
    cycles_cut: int = 0
    pairs_compared: int = 0

    def add(
        self,
        path: Path,
        detail: str,
        a: Value | None,
        b: Value | None,
        message: str = "",
        origins: tuple[Origin, Origin] = (NOWHERE, NOWHERE),
        **more: Any,
    ) -> None:
        """Add a difference. `origins` are the places that are reported for a side that has no value."""
        if len(self.differences) >= MAX_DIFFERENCES:
            reason = f"the checker stops comparing after {MAX_DIFFERENCES:,} differences"
            raise Halt(reason, None, "compare files that have more in common")
        places = (a.origin if a else origins[0], b.origin if b else origins[1])
        self.differences.append(Difference(path, detail, a, b, *places, message, **more))

    def add_unproven(
        self, path: Path, a: Value | None, b: Value | None, message: str, suggestion: str
    ) -> None:
        self.add(path, "", a, b, message, suggestion=suggestion, unproven=True)

    def compare(self, path: Path, a: Value, b: Value) -> None:
        """Add every difference between two values."""
        self.pairs_compared += 1
        if self.pairs_compared > MAX_PAIRS:
            reason = f"the checker compares at most {MAX_PAIRS:,} pairs of values"
            raise Halt(reason, a.origin, "keep the configuration smaller")
        x, y = a.payload, b.payload
        if type(x) in CONSTANT_TYPES and type(y) in CONSTANT_TYPES:
            if not trivially_equal(x, y):
                self.compare_constants(path, a, b)
            return
        pair = (id(x), id(y))
        if not self.silence_depth and pair not in self.equal_pairs and pair not in self.active_pairs:
            self.compared_pairs.add(pair)
        self.compare_once(pair, (x, y), partial(self.compare_objects, path, a, b))

    def compare_once(self, pair: PairKey, payloads: tuple[Any, Any], compare: Callable[[], None]) -> None:
        """Run the comparison of a pair unless it was already found equal; `pair` identifies what is compared."""
        if pair in self.equal_pairs:
            return
        # A cycle leads back to a pair whose comparison is in progress. Assuming it equal is sound (bisimulation): if
        # the trees differ anywhere, the difference lies on a finite path, and the walk reports it on that path.
        if pair in self.active_pairs:
            self.cycles_cut += 1
            return
        self.active_pairs.add(pair)
        before, cuts = len(self.differences), self.cycles_cut
        compare()
        self.active_pairs.discard(pair)
        # A result that rests on a pair still in progress holds only together with it: it must not be remembered.
        if len(self.differences) == before and self.cycles_cut == cuts:
            self.equal_pairs.add(pair)
            self.kept_alive.append(payloads)

    def compare_constants(self, path: Path, a: Value, b: Value) -> None:
        x, y = a.payload, b.payload
        if type(x) is not type(y):
            self.add(path, "type", a, b)
        elif x != y or (isinstance(x, float | complex) and repr(x) != repr(y)):
            # NaN is unequal to itself, but a field that is NaN on both sides holds the same value.
            if not (x != x and y != y):
                self.add(path, "value", a, b)
        elif isinstance(x, str) and "${" in x:
            self.interpolated_strings.append((path, a, b))

    def are_equal(self, a: Value, b: Value) -> bool:
        """Whether two values are equal; adds no difference."""
        return not self.hidden_differences(lambda: self.compare((), a, b))

    def hidden_differences(self, compare: Callable[[], None]) -> bool:
        """Whether a comparison finds a difference that is not cosmetic; drops what it finds."""
        before = len(self.differences)
        self.silence_depth += 1
        compare()
        self.silence_depth -= 1
        found = any(not difference.cosmetic for difference in self.differences[before:])
        del self.differences[before:]
        return found

    def compare_objects(self, path: Path, a: Value, b: Value) -> None:
        a, b = self.opened(a), self.opened(b)
        x, y = a.payload, b.payload
        pair = Pair(self, path, a, b)
        # Not even equal to itself: the two sides run as two processes, each with its own value.
        never_equal = next((payload for payload in (x, y) if is_never_equal(payload)), None)
        if isinstance(never_equal, Unknown):
            pair.add_unproven(never_equal.reason, never_equal.suggestion or "write the value out")
        elif never_equal is not None:
            pair.add_unproven(f"{never_equal.source} differs from run to run", "write a constant")
        elif type(x) is type(y) and (handler := COMPARISONS.get(type(x))) is not None:
            handler(pair)
        else:
            compare_unlike(pair)

    def opened(self, value: Value) -> Value:
        """`vars(x)` of an instance as the dict that it is; any other value unchanged."""
        if not (isinstance(value.payload, Namespace) and isinstance(value.payload.holder, InstObj)):
            return value
        opened = as_dict(value.payload)
        self.kept_alive.append(opened)
        return Value(opened, value.origin)


class Pair:
    """Two objects at the same path of two trees; every difference is added to the comparison."""

    __slots__ = ("a", "b", "comparison", "path", "x", "y")

    def __init__(self, comparison: Comparison, path: Path, a: Value, b: Value) -> None:
        self.comparison = comparison
        self.path = path
        self.a = a
        self.b = b
        self.x: Any = a.payload
        self.y: Any = b.payload

    def below(self, name: str, holder: str = "") -> Pair:
        """The same objects at a path below; `holder` is the type to which the name belongs."""
        return Pair(self.comparison, (*self.path, step_of(name, holder)), self.a, self.b)

    def add(self, detail: str, message: str = "", **more: Any) -> None:
        self.comparison.add(self.path, detail, self.a, self.b, message, **more)

    def add_unproven(self, message: str, suggestion: str) -> None:
        self.comparison.add_unproven(self.path, self.a, self.b, message, suggestion)

    def are_equal(self, x: Value, y: Value) -> bool:
        return self.comparison.are_equal(x, y)

    def compare_part(self, name: str, holder: str, mine: Value | None, other: Value | None) -> None:
        """Compare a part of both objects, of which one may lack it."""
        path = (*self.path, step_of(name, holder))
        if mine is not None and other is not None:
            self.comparison.compare(path, mine, other)
        else:
            self.add_part("absent" if other is None else "extra", name, holder, mine, other)

    def add_part(
        self, detail: str, name: str, holder: str, mine: Value | None, other: Value | None, **more: Any
    ) -> None:
        """Add a difference in a part; a side that lacks the part is reported at the place of its object."""
        path = (*self.path, step_of(name, holder))
        self.comparison.add(path, detail, mine, other, origins=(self.a.origin, self.b.origin), **more)

    def compare_items(self, xs: Sequence[Value], ys: Sequence[Value]) -> None:
        """Compare the items of two sequences by position: order is part of the value of a list or tuple."""
        if len(xs) == len(ys) and len(xs) > 1 and is_permutation(xs, ys):
            self.add("order")
            return
        for index, (mine, other) in enumerate(zip_longest(xs, ys)):
            if mine is None or other is None or not trivially_equal(mine.payload, other.payload):
                self.compare_part(f"[{index}]", "", mine, other)

    def compare_named(self, holder: str, left: dict[str, Value], right: dict[str, Value]) -> None:
        """Compare attributes or keyword arguments by name."""
        for name, value in left.items():
            other = right.get(name)
            if other is None or not trivially_equal(value.payload, other.payload):
                self.compare_part(name, holder, value, other)
        if left.keys() != right.keys():
            for name, value in right.items():
                if name not in left:
                    self.compare_part(name, holder, None, value)


def compare_unlike(pair: Pair) -> None:
    """Add the difference between payloads of two types, or of a type that has no comparison."""
    x, y = pair.x, pair.y
    if x is y and (isinstance(x, type) or x is NotImplemented):
        return
    external = [payload for payload in (x, y) if isinstance(payload, EXTERNAL)]
    if not external and type(x) is type(y) and not isinstance(x, type):
        message = "the checker cannot compare two values of this type"
        pair.add_unproven(message, "put plain values into the configuration")
    # A name spelled as a class is an external class, and a call of it one of its instances: neither is a constant or an
    # object of the checked files. Any other external value may equal the other side at run time.
    elif not external or (len(external) == 1 and is_class_name(external[0])):
        pair.add("type")
    else:
        message = "the value is only known at run time on one side"
        pair.add_unproven(message, "write the same expression on both sides")


def is_permutation(xs: Sequence[Value], ys: Sequence[Value]) -> bool:
    """Whether two lists hold the same constants in another order: reported as one difference, not one per item."""
    if len(xs) > 10_000 or not all(type(value.payload) in CONSTANT_TYPES for value in (*xs, *ys)):
        return False
    left, right = ([f"{type(v.payload)}{v.payload!r}" for v in values] for values in (xs, ys))
    return left != right and sorted(left) == sorted(right)
