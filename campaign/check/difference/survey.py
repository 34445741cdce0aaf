"""Every field of a tree, to see which patterns match something, and which match too much."""

from __future__ import annotations

from collections.abc import Iterator

from campaign.check.claim.patterns import Path, Pattern, Step, key_step, step_of
from campaign.check.difference.naming import callee_name, target_name
from campaign.check.difference.tree import data_attributes, fields_of
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

FIELDS = 300_000


def fields(roots: dict[str, Value], single: bool) -> Iterator[tuple[Path, Step, int]]:
    """Each field: the path of its holder, its step, the identity of the holder; shared objects once."""
    seen: set[int] = set()
    stack: list[tuple[Path, Value]] = []
    for name, value in reversed(roots.items()):
        if single:
            stack.append(((), value))
        else:
            yield (), step_of(name, ""), 0
            stack.append(((step_of(name, ""),), value))
    count = 0
    while stack and count < FIELDS:
        path, value = stack.pop()
        if id(value.payload) in seen:
            continue
        seen.add(id(value.payload))
        for step, child in steps(value.payload):
            count += 1
            yield path, step, id(value.payload)
            if type(child.payload) not in CONSTANT_TYPES:
                stack.append(((*path, step), child))


def steps(payload: object) -> Iterator[tuple[Step, Value]]:
    if isinstance(payload, ListObj) or (isinstance(payload, TupleObj) and payload.cls is None):
        for index, item in enumerate(payload.items):
            yield step_of(f"[{index}]", ""), item
    elif isinstance(payload, TupleObj) and payload.cls is not None:
        for named, item in zip(payload.cls.fields, payload.items, strict=True):
            yield step_of(named.name, payload.cls.name), item
    elif isinstance(payload, DictObj):
        holder = target_name(payload)
        for key, item in payload.entries.values():
            if is_constant(key.payload):
                yield step_of(key_step(key.payload), holder), item
    elif isinstance(payload, Namespace) and isinstance(payload.holder, InstObj):
        for name, item in payload.names.items():
            yield step_of(key_step(name), ""), item
    elif isinstance(payload, InstObj):
        if payload.cls.kind != "enum":
            for name, item in fields_of(payload).items():
                yield step_of(name, payload.cls.name), item
    elif isinstance(payload, ClassObj):
        for name, item in data_attributes(payload).items():
            yield step_of(name, payload.name), item
    elif isinstance(payload, ExternalCall):
        holder = callee_name(payload)
        for name, item in {**payload.kwargs, **payload.fields}.items():
            yield step_of(name, holder), item
        for index, item in enumerate(payload.args):
            yield step_of(f"[{index}]", "args"), item
    elif isinstance(payload, Partial):
        for name, item in payload.kwargs.items():
            yield step_of(name, "partial"), item


def survey(patterns: list[Pattern], roots: dict[str, Value], single: bool, target: str) -> None:
    """Counts what each pattern matches in one tree. Raises `UsageError` when `Type.field` is ambiguous."""
    if not patterns:
        return
    by_last: dict[str, list[Pattern]] = {}
    globbed: list[Pattern] = []
    for pattern in patterns:
        last = pattern.tokens[-1]
        (globbed if any(sign in last for sign in "*?[") else by_last.setdefault(last, [])).append(pattern)
    for path, step, holder in fields(roots, single):
        for pattern in (*by_last.get(step.text, ()), *globbed):
            whole = (*path, step)
            found = pattern.match(whole)
            if found is None or found[1] != len(whole):
                continue
            pattern.found += 1
            start = found[0]
            if pattern.anchored and whole[start].holder == pattern.tokens[0] != whole[start].text:
                place = (holder, "".join(part.text for part in whole[start:]))
                pattern.places.setdefault(target, set()).add(place)
    for pattern in patterns:
        places = pattern.places.get(target, set())
        wild = any(token in ("**", "[*]") or "*" in token for token in pattern.tokens)
        if len({holder for holder, _ in places}) > 1 and not wild:
            raise UsageError(
                f"pattern {pattern.text!r} matches {len(places)} places in {target}; write the path of the one you mean"
            )


__all__ = ["fields", "survey"]
