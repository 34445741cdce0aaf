"""The patterns of `match`."""

from __future__ import annotations

import ast

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


Names = dict[str, Value]


def matches(evaluator: Evaluator, pattern: ast.pattern, subject: Value, scope: Scope, at: Origin) -> bool:
    """Whether a pattern fits. Its names are bound only when all of it does."""
    found: Names = {}
    if not _matches(evaluator, pattern, subject, scope, at, found):
        return False
    for name, value in found.items():
        bind(evaluator, name, value, scope)
    return True


def _matches(
    evaluator: Evaluator, pattern: ast.pattern, subject: Value, scope: Scope, at: Origin, found: Names
) -> bool:
    if isinstance(pattern, ast.MatchValue):
        wanted = evaluator.eval(pattern.value, scope)
        return evaluator.truth(evaluator.compare(ast.Eq, subject, wanted, at), at)
    if isinstance(pattern, ast.MatchSingleton):
        wanted = Value(pattern.value, at)
        return evaluator.truth(evaluator.compare(ast.Is, subject, wanted, at), at)
    if isinstance(pattern, ast.MatchAs):
        if pattern.pattern is not None and not _matches(
            evaluator, pattern.pattern, subject, scope, at, found
        ):
            return False
        if pattern.name is not None:
            found[pattern.name] = subject
        return True
    if isinstance(pattern, ast.MatchOr):
        return any(_matches(evaluator, option, subject, scope, at, found) for option in pattern.patterns)
    if isinstance(subject.payload, (*EXTERNAL, Unknown, Nondeterministic)):
        raise Halt("matches the shape of something only known at run time", at, "match plain values")
    if isinstance(pattern, ast.MatchSequence):
        return _sequence(evaluator, pattern, subject, scope, at, found)
    if isinstance(pattern, ast.MatchMapping):
        return _mapping(evaluator, pattern, subject, scope, at, found)
    if isinstance(pattern, ast.MatchClass):
        return _class(evaluator, pattern, subject, scope, at, found)
    raise Halt(f"{type(pattern).__name__} is not followed", at)


def _sequence(
    evaluator: Evaluator, pattern: ast.MatchSequence, subject: Value, scope: Scope, at: Origin, found: Names
) -> bool:
    payload = subject.payload
    if isinstance(payload, range):
        raise Halt("matches a range with a sequence pattern", at, "match a list")
    if not isinstance(payload, ListObj | TupleObj):
        return False
    evaluator.readable(payload, at)
    items = list(payload.items)
    star = next((i for i, part in enumerate(pattern.patterns) if isinstance(part, ast.MatchStar)), None)
    if star is None:
        return len(items) == len(pattern.patterns) and all(
            _matches(evaluator, part, item, scope, at, found)
            for part, item in zip(pattern.patterns, items, strict=True)
        )
    after = len(pattern.patterns) - star - 1
    if len(items) < star + after:
        return False
    middle = items[star : len(items) - after]
    ends = [*zip(pattern.patterns[:star], items[:star], strict=True)]
    ends += [*zip(pattern.patterns[star + 1 :], items[len(items) - after :], strict=True)]
    if not all(_matches(evaluator, part, item, scope, at, found) for part, item in ends):
        return False
    starred = pattern.patterns[star]
    assert isinstance(starred, ast.MatchStar)
    if starred.name is not None:
        found[starred.name] = Value(ListObj(middle), at)
    return True


def _mapping(
    evaluator: Evaluator, pattern: ast.MatchMapping, subject: Value, scope: Scope, at: Origin, found: Names
) -> bool:
    payload = subject.payload
    if not isinstance(payload, DictObj):
        return False
    if not (payload.is_plain or payload.dialect.matches_patterns):
        raise Halt("matches a framework's mapping", at, "test for its keys")
    evaluator.readable(payload, at)
    seen = []
    for key_node, part in zip(pattern.keys, pattern.patterns, strict=True):
        key = evaluator.eval(key_node, scope)
        known = key_of(key.payload)
        if known not in payload.entries:
            if any(is_external_key(other) for other in payload.entries):
                raise Halt("matches keys only known at run time", at, "use constants as keys")
            return False  # not even a default factory is asked
        if not _matches(evaluator, part, payload.entries[known][1], scope, at, found):
            return False
        seen.append(known)
    if pattern.rest is not None:
        rest = {key: pair for key, pair in payload.entries.items() if key not in seen}
        found[pattern.rest] = Value(DictObj(rest), at)
    return True


def _class(
    evaluator: Evaluator, pattern: ast.MatchClass, subject: Value, scope: Scope, at: Origin, found: Names
) -> bool:
    wanted = evaluator.eval(pattern.cls, scope).payload
    payload = subject.payload
    if isinstance(wanted, type):
        return _builtin(evaluator, pattern, subject, Value(wanted, at), scope, at, found)
    if not isinstance(wanted, ClassObj):
        raise Halt("matches a class from outside", at)
    own = payload.cls if isinstance(payload, InstObj | TupleObj) else None
    if own is None or wanted not in own.mro:
        return False
    names = [field.name for field in wanted.fields if field.field.init and not field.kw_only]
    names = names[: len(pattern.patterns)]
    if len(names) < len(pattern.patterns) or (names and wanted.find("__match_args__") is not None):
        raise Halt("a positional class pattern on a class without fields", at)
    pairs = [
        *zip(names, pattern.patterns, strict=True),
        *zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True),
    ]
    for name, part in pairs:
        try:
            item = evaluator.get_attribute(subject, name, at)
        except Raised:
            return False
        if not _matches(evaluator, part, item, scope, at, found):
            return False
    return True


def _builtin(
    evaluator: Evaluator,
    pattern: ast.MatchClass,
    subject: Value,
    wanted: Value,
    scope: Scope,
    at: Origin,
    found: Names,
) -> bool:
    """`case int(x)`: these types match the subject itself."""
    if not is_a(evaluator, subject, wanted, at):
        return False
    if not pattern.patterns and not pattern.kwd_attrs:
        return True
    if pattern.kwd_attrs or len(pattern.patterns) > 1 or wanted.payload not in SELF_MATCHING:
        raise Halt("a class pattern that is not followed", at)
    return _matches(evaluator, pattern.patterns[0], subject, scope, at, found)
