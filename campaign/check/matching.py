"""The patterns of `match`."""

from __future__ import annotations

import ast

from campaign.check.attributes import get_attribute
from campaign.check.comparisons import compare
from campaign.check.limits import Halt, Raised
from campaign.check.machine import Machine
from campaign.check.operators import truth
from campaign.check.scope import Scope
from campaign.check.subscripts import get_item
from campaign.check.values import (
    OUTSIDE,
    ClassObj,
    DictObj,
    InstObj,
    ListObj,
    Nondet,
    Origin,
    TupleObj,
    Unknown,
    Value,
)

SELF_MATCHING = (bool, bytes, dict, float, frozenset, int, list, set, str, tuple)


def matches(machine: Machine, pattern: ast.pattern, subject: Value, scope: Scope, at: Origin) -> bool:
    from campaign.check.assignments import bind

    if isinstance(pattern, ast.MatchValue):
        wanted = machine.eval(pattern.value, scope)
        return truth(machine, compare(machine, ast.Eq, subject, wanted, at), at)
    if isinstance(pattern, ast.MatchSingleton):
        wanted = Value(pattern.value, at)
        return truth(machine, compare(machine, ast.Is, subject, wanted, at), at)
    if isinstance(pattern, ast.MatchAs):
        if pattern.pattern is not None and not matches(machine, pattern.pattern, subject, scope, at):
            return False
        if pattern.name is not None:
            bind(machine, pattern.name, subject, scope)
        return True
    if isinstance(pattern, ast.MatchOr):
        return any(matches(machine, option, subject, scope, at) for option in pattern.patterns)
    if isinstance(subject.payload, (*OUTSIDE, Unknown, Nondet)):
        raise Halt("matches the shape of something only known at run time", at, "match plain values")
    if isinstance(pattern, ast.MatchSequence):
        return _sequence(machine, pattern, subject, scope, at)
    if isinstance(pattern, ast.MatchMapping):
        return _mapping(machine, pattern, subject, scope, at)
    if isinstance(pattern, ast.MatchClass):
        return _class(machine, pattern, subject, scope, at)
    raise Halt(f"{type(pattern).__name__} is not followed", at)


def _sequence(machine: Machine, pattern: ast.MatchSequence, subject: Value, scope: Scope, at: Origin) -> bool:
    from campaign.check.assignments import bind

    payload = subject.payload
    if not isinstance(payload, ListObj | TupleObj):
        return False
    items = list(payload.items)
    star = next((i for i, part in enumerate(pattern.patterns) if isinstance(part, ast.MatchStar)), None)
    if star is None:
        return len(items) == len(pattern.patterns) and all(
            matches(machine, part, item, scope, at)
            for part, item in zip(pattern.patterns, items, strict=True)
        )
    after = len(pattern.patterns) - star - 1
    if len(items) < star + after:
        return False
    middle = items[star : len(items) - after]
    ends = [*zip(pattern.patterns[:star], items[:star], strict=True)]
    ends += [*zip(pattern.patterns[star + 1 :], items[len(items) - after :], strict=True)]
    if not all(matches(machine, part, item, scope, at) for part, item in ends):
        return False
    starred = pattern.patterns[star]
    assert isinstance(starred, ast.MatchStar)
    if starred.name is not None:
        bind(machine, starred.name, Value(ListObj(middle), at), scope)
    return True


def _mapping(machine: Machine, pattern: ast.MatchMapping, subject: Value, scope: Scope, at: Origin) -> bool:
    from campaign.check.assignments import bind

    payload = subject.payload
    if not isinstance(payload, DictObj):
        return False
    seen = []
    for key_node, part in zip(pattern.keys, pattern.patterns, strict=True):
        key = machine.eval(key_node, scope)
        try:
            item = get_item(machine, subject, key, at)
        except Raised:
            return False
        if not matches(machine, part, item, scope, at):
            return False
        seen.append(key.payload)
    if pattern.rest is not None:
        rest = {key: pair for key, pair in payload.entries.items() if key not in seen}
        bind(machine, pattern.rest, Value(DictObj(rest), at), scope)
    return True


def _class(machine: Machine, pattern: ast.MatchClass, subject: Value, scope: Scope, at: Origin) -> bool:
    wanted = machine.eval(pattern.cls, scope).payload
    payload = subject.payload
    if isinstance(wanted, type):
        return _builtin(machine, pattern, subject, Value(wanted, at), scope, at)
    if not isinstance(wanted, ClassObj):
        raise Halt("matches a class from outside", at)
    own = payload.cls if isinstance(payload, InstObj | TupleObj) else None
    if own is None or wanted not in own.mro:
        return False
    names = [field.name for field in wanted.fields][: len(pattern.patterns)]
    if len(names) < len(pattern.patterns):
        raise Halt("a positional class pattern on a class without fields", at)
    pairs = [
        *zip(names, pattern.patterns, strict=True),
        *zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True),
    ]
    for name, part in pairs:
        try:
            item = get_attribute(machine, subject, name, at)
        except Raised:
            return False
        if not matches(machine, part, item, scope, at):
            return False
    return True


def _builtin(
    machine: Machine, pattern: ast.MatchClass, subject: Value, wanted: Value, scope: Scope, at: Origin
) -> bool:
    """`case int(x)`: these types match the subject itself."""
    from campaign.check.introspection import is_a

    if not is_a(machine, subject, wanted, at):
        return False
    if not pattern.patterns and not pattern.kwd_attrs:
        return True
    if pattern.kwd_attrs or len(pattern.patterns) > 1 or wanted.payload not in SELF_MATCHING:
        raise Halt("a class pattern that is not followed", at)
    return matches(machine, pattern.patterns[0], subject, scope, at)
