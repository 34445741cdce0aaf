"""Patterns of `match` statements (reference, 8.6.4)."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any

from campaign.check.evaluator.assignments import bind
from campaign.check.evaluator.state import Evaluator
from campaign.check.evaluator.type_tests import is_a
from campaign.check.values import (
    EXTERNAL,
    ClassObj,
    DictObj,
    InstObj,
    ListObj,
    Nondeterministic,
    Origin,
    TupleObj,
    Unknown,
    Value,
)
from campaign.check.values.constants import is_external_key, key_of
from campaign.check.values.limits import Halt, Raised
from campaign.check.values.scope import Scope

SELF_MATCHING = (bool, bytes, dict, float, frozenset, int, list, set, str, tuple)
"""Builtin types whose one positional pattern matches the subject itself (reference, 8.6.4.10)."""


def matches(evaluator: Evaluator, pattern: ast.pattern, subject: Value, scope: Scope, at: Origin) -> bool:
    """Whether a pattern matches. Its names are bound only if it does."""
    # The reference leaves it open whether a pattern that fails has bound some of its names; CPython binds none.
    matcher = Matcher(evaluator, scope, at)
    if not matcher.matches(pattern, subject):
        return False
    for name, value in matcher.found.items():
        bind(evaluator, name, value, scope)
    return True


class Matcher:
    """Matches one pattern, and collects the names that it binds."""

    def __init__(self, evaluator: Evaluator, scope: Scope, at: Origin) -> None:
        self.evaluator = evaluator
        self.scope = scope
        self.at = at
        self.found: dict[str, Value] = {}

    def matches(self, pattern: ast.pattern, subject: Value) -> bool:
        if isinstance(pattern, ast.MatchSequence | ast.MatchMapping | ast.MatchClass) and isinstance(
            subject.payload, (*EXTERNAL, Unknown, Nondeterministic)
        ):
            reason = "the code matches the structure of a value that is only known at run time"
            raise Halt(reason, self.at, "match plain values")
        return PATTERNS[type(pattern)](self, pattern, subject)

    def match_all(self, pairs: Iterable[tuple[ast.pattern, Value]]) -> bool:
        return all(self.matches(pattern, subject) for pattern, subject in pairs)

    def match_value(self, pattern: ast.MatchValue, subject: Value) -> bool:
        # Whether the case is selected depends on the pattern as well as on the subject.
        wanted = self.evaluator.eval(pattern.value, self.scope)
        self.evaluator.push_control(wanted.origin)
        return self.evaluator.truth(self.evaluator.compare(ast.Eq, subject, wanted, self.at), self.at)

    def match_singleton(self, pattern: ast.MatchSingleton, subject: Value) -> bool:
        # None, True and False are compared by identity: `case True` does not match 1 (reference, 8.6.4.3).
        same = self.evaluator.compare(ast.Is, subject, Value(pattern.value, self.at), self.at)
        return self.evaluator.truth(same, self.at)

    def match_as(self, pattern: ast.MatchAs, subject: Value) -> bool:
        if pattern.pattern is not None and not self.matches(pattern.pattern, subject):
            return False
        if pattern.name is not None:
            self.found[pattern.name] = subject
        return True

    def match_or(self, pattern: ast.MatchOr, subject: Value) -> bool:
        return any(self.matches(option, subject) for option in pattern.patterns)

    def match_sequence(self, pattern: ast.MatchSequence, subject: Value) -> bool:
        payload = subject.payload
        if isinstance(payload, range):
            raise Halt("a sequence pattern for a range is not modelled", self.at, "match a list")
        # Strings and bytes are sequences, but match no sequence pattern (reference, 8.6.4.8).
        if not isinstance(payload, ListObj | TupleObj):
            return False
        self.evaluator.readable(payload, self.at)
        items, patterns = list(payload.items), pattern.patterns
        star = next((i for i, part in enumerate(patterns) if isinstance(part, ast.MatchStar)), None)
        if star is None:
            return len(items) == len(patterns) and self.match_all(zip(patterns, items, strict=True))
        end = len(items) - (len(patterns) - star - 1)
        if end < star:
            return False
        before = zip(patterns[:star], items[:star], strict=True)
        after = zip(patterns[star + 1 :], items[end:], strict=True)
        if not (self.match_all(before) and self.match_all(after)):
            return False
        starred = patterns[star]
        assert isinstance(starred, ast.MatchStar)
        if starred.name is not None:
            self.found[starred.name] = Value(ListObj(items[star:end]), self.at)
        return True

    def match_mapping(self, pattern: ast.MatchMapping, subject: Value) -> bool:
        payload = subject.payload
        if not isinstance(payload, DictObj):
            return False
        if not (payload.is_plain or payload.dialect.matches_patterns):
            reason = "whether the mapping of a framework matches a mapping pattern is not modelled"
            raise Halt(reason, self.at, "test for its keys")
        self.evaluator.readable(payload, self.at)
        rest = dict(payload.entries)
        for key_node, part in zip(pattern.keys, pattern.patterns, strict=True):
            key = key_of(self.evaluator.eval(key_node, self.scope).payload)
            # Python calls the subject's `get`: neither `__missing__` nor a default factory (reference, 8.6.4.9).
            if key not in payload.entries:
                self.refuse_external_keys(payload)
                return False
            if not self.matches(part, payload.entries[key][1]):
                return False
            rest.pop(key, None)
        if pattern.rest is not None:
            self.found[pattern.rest] = Value(DictObj(rest), self.at)
        return True

    def refuse_external_keys(self, payload: DictObj) -> None:
        if any(is_external_key(key) for key in payload.entries):
            raise Halt("a key of the mapping is only known at run time", self.at, "use constants as keys")

    def match_class(self, pattern: ast.MatchClass, subject: Value) -> bool:
        wanted = self.evaluator.eval(pattern.cls, self.scope).payload
        if isinstance(wanted, type):
            return self.match_builtin(pattern, subject, wanted)
        if not isinstance(wanted, ClassObj):
            reason = "whether a value is an instance of an external class is only known at run time"
            raise Halt(reason, self.at, "match a class of the checked files")
        own = subject.payload.cls if isinstance(subject.payload, InstObj | TupleObj) else None
        if own is None or wanted not in own.mro:
            return False
        names = [*self.positional_names(pattern, wanted), *pattern.kwd_attrs]
        for name, part in zip(names, [*pattern.patterns, *pattern.kwd_patterns], strict=True):
            try:
                item = self.evaluator.get_attribute(subject, name, self.at)
            except Raised:
                return False
            if not self.matches(part, item):
                return False
        return True

    def positional_names(self, pattern: ast.MatchClass, cls: ClassObj) -> list[str]:
        # `dataclass` and `NamedTuple` write the fields of the constructor to `__match_args__`.
        names = [field.name for field in cls.fields if field.field.init and not field.kw_only]
        names = names[: len(pattern.patterns)]
        if len(names) < len(pattern.patterns) or (names and cls.find("__match_args__") is not None):
            reason = f"positional patterns of class {cls.name} are not modelled"
            raise Halt(reason, self.at, "match attributes by name")
        return names

    def match_builtin(self, pattern: ast.MatchClass, subject: Value, wanted: type) -> bool:
        if not is_a(self.evaluator, subject, Value(wanted, self.at), self.at):
            return False
        if not pattern.patterns and not pattern.kwd_attrs:
            return True
        if pattern.kwd_attrs or len(pattern.patterns) > 1 or wanted not in SELF_MATCHING:
            reason = f"patterns inside {wanted.__name__}(...) are not modelled"
            raise Halt(reason, self.at, "test in a guard")
        return self.matches(pattern.patterns[0], subject)


PATTERNS: dict[type[ast.pattern], Callable[[Matcher, Any, Value], bool]] = {
    ast.MatchValue: Matcher.match_value, ast.MatchSingleton: Matcher.match_singleton,
    ast.MatchAs: Matcher.match_as, ast.MatchOr: Matcher.match_or, ast.MatchClass: Matcher.match_class,
    ast.MatchSequence: Matcher.match_sequence, ast.MatchMapping: Matcher.match_mapping,
}  # fmt: skip
