"""Which fields of a tree each pattern matches: patterns that match nothing or too much are errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from campaign.check.claim.patterns import Path, Pattern, Step, key_step, step_of
from campaign.check.difference.class_members import data_attributes, instance_fields
from campaign.check.difference.comparison_keys import callee_name, target_name
from campaign.check.values import (
    CONSTANT_TYPES,
    ClassObj,
    DictObj,
    ExternalCall,
    InstObj,
    ListObj,
    Namespace,
    Partial,
    TupleObj,
    Value,
    is_constant,
)
from campaign.errors import UsageError

MAX_FIELDS = 300_000


def fields(roots: dict[str, Value], single: bool) -> Iterator[tuple[Path, Step, int]]:
    """Each field: the path of its holder, its step, the identity of the holder. A shared object is visited once."""
    seen: set[int] = set()
    stack: list[tuple[Path, Value]] = []
    for name, value in reversed(roots.items()):
        if single:
            stack.append(((), value))
        else:
            yield (), step_of(name, ""), 0
            stack.append(((step_of(name, ""),), value))
    count = 0
    while stack and count < MAX_FIELDS:
        path, value = stack.pop()
        # A cycle would never end, and a shared object would count at each of its paths.
        if id(value.payload) in seen:
            continue
        seen.add(id(value.payload))
        for step, child in child_fields(value.payload):
            count += 1
            yield path, step, id(value.payload)
            # Constants have no fields: leaving them out keeps the stack small.
            if type(child.payload) not in CONSTANT_TYPES:
                stack.append(((*path, step), child))


Fields = Iterator[tuple[Step, Value]]


def child_fields(payload: object) -> Fields:
    """The fields directly below an object, each with its step."""
    find = CHILD_FIELDS.get(type(payload))
    return iter(()) if find is None else find(payload)


def _named(holder: str, values: dict[str, Value]) -> Fields:
    return ((step_of(name, holder), item) for name, item in values.items())


def _indexed(holder: str, values: list[Value] | tuple[Value, ...]) -> Fields:
    return ((step_of(f"[{index}]", holder), item) for index, item in enumerate(values))


def _tuple_fields(payload: TupleObj) -> Fields:
    if payload.cls is None:
        return _indexed("", payload.items)
    names = [field.name for field in payload.cls.fields]
    return _named(payload.cls.name, dict(zip(names, payload.items, strict=True)))


def _dict_fields(payload: DictObj) -> Fields:
    holder = target_name(payload)
    for key, item in payload.entries.values():
        # A pattern cannot spell a key that is an object.
        if is_constant(key.payload):
            yield step_of(key_step(key.payload), holder), item


def _namespace_fields(payload: Namespace) -> Fields:
    if isinstance(payload.holder, InstObj):
        for name, item in payload.names.items():
            yield step_of(key_step(name), ""), item


def _instance_fields(payload: InstObj) -> Fields:
    return _named(payload.cls.name, {} if payload.cls.kind == "enum" else instance_fields(payload))


def _call_fields(payload: ExternalCall) -> Fields:
    yield from _named(callee_name(payload), {**payload.kwargs, **payload.fields})
    yield from _indexed("args", payload.args)


CHILD_FIELDS: dict[type, Callable[[Any], Fields]] = {
    ListObj: lambda payload: _indexed("", payload.items),
    TupleObj: _tuple_fields,
    DictObj: _dict_fields,
    Namespace: _namespace_fields,
    InstObj: _instance_fields,
    ClassObj: lambda payload: _named(payload.name, data_attributes(payload)),
    ExternalCall: _call_fields,
    Partial: lambda payload: _named("partial", payload.kwargs),
}


def count_matches(patterns: list[Pattern], roots: dict[str, Value], single: bool, target: str) -> None:
    """Add what each pattern matches in one tree to the pattern. Raises `UsageError` when `Type.field` is ambiguous."""
    # Most fields match no pattern: looking up their last step first keeps a large tree cheap.
    by_last_step: dict[str, list[Pattern]] = {}
    globs: list[Pattern] = []
    for pattern in patterns:
        last = pattern.tokens[-1]
        (globs if any(sign in last for sign in "*?[") else by_last_step.setdefault(last, [])).append(pattern)
    for path, step, holder in fields(roots, single) if patterns else ():
        for pattern in (*by_last_step.get(step.text, ()), *globs):
            _count_match(pattern, (*path, step), holder, target)
    for pattern in patterns:
        _reject_ambiguous(pattern, target)


def _count_match(pattern: Pattern, path: Path, holder: int, target: str) -> None:
    found = pattern.match(path)
    # A field below the one that the pattern names is covered by it, and does not count again.
    if found is None or found[1] != len(path):
        return
    pattern.match_count += 1
    start = found[0]
    if pattern.anchored and path[start].holder == pattern.tokens[0] != path[start].text:
        place = (holder, "".join(step.text for step in path[start:]))
        pattern.anchored_places.setdefault(target, set()).add(place)


def _reject_ambiguous(pattern: Pattern, target: str) -> None:
    """`Type.field` names the field of one object: of two, the second may be a confound."""
    places = pattern.anchored_places.get(target, set())
    if len({holder for holder, _ in places}) > 1 and not any("*" in token for token in pattern.tokens):
        raise UsageError(
            f"pattern {pattern.text!r} matches {len(places)} places in {target}; "
            "write the path of the field that you mean"
        )
