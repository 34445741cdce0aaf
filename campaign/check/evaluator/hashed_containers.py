"""Hashed containers: the entries of mappings, which are found by their key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from campaign.check.evaluator.state import Args, Evaluator
from campaign.check.values import DictObj, Key, Namespace, Origin, Value, pairs_in_order
from campaign.check.values.constants import NotConcrete, Unhashable, is_external_key, key_of
from campaign.check.values.limits import Halt


def hashed(evaluator: Evaluator, payload: Any, at: Origin) -> Key:
    """The key of a payload. Raises `NotConcrete` for one that is only known at run time."""
    try:
        return key_of(payload)
    except Unhashable as error:
        raise evaluator.error(TypeError, f"unhashable type: '{error}'", at) from None


def may_collide(keys: Iterable[Key]) -> bool:
    """Whether a key among these is only known at run time, and may equal any other key."""
    return any(is_external_key(key) for key in keys)


def write_item(evaluator: Evaluator, payload: DictObj, key: Value, item: Value, at: Origin) -> None:
    """`mapping[key] = item`, as the mapping's dialect does it."""
    if payload.dialect.converts_items:
        payload.dialect.set_item(evaluator, payload, key, item, at)
    else:
        store(evaluator, payload, key, item, at)


def store(evaluator: Evaluator, payload: DictObj, key: Value, item: Value, at: Origin) -> None:
    """Set one entry."""
    try:
        hashed_key = hashed(evaluator, key.payload, at)
    except NotConcrete:
        raise Halt("a dict key is only known at run time", at, "use a constant as the key") from None
    payload.version += 1
    # An assignment to an existing key keeps the position and the key object: `{1: a}` stays `1` under `d[True] = b`.
    before = payload.entries.get(hashed_key)
    payload.entries[hashed_key] = (before[0] if before else key, evaluator.with_control_origin(item))


def update_dict(evaluator: Evaluator, payload: DictObj, args: Args, at: Origin) -> None:
    for key, item in pairs_of(evaluator, args, at):
        store(evaluator, payload, key, item, at)


def pairs_of(evaluator: Evaluator, args: Args, at: Origin) -> list[tuple[Value, Value]]:
    """The entries that the arguments of `dict(...)` or `.update(...)` describe: a mapping or pairs, then keywords."""
    if len(args.positional) > 1:
        raise evaluator.error(TypeError, "expected at most 1 argument", at)
    pairs = [pair for source in args.positional for pair in _pairs_of_source(evaluator, source, at)]
    return [*pairs, *((Value(name, at), item) for name, item in args.keywords.items())]


def _pairs_of_source(evaluator: Evaluator, source: Value, at: Origin) -> list[tuple[Value, Value]]:
    payload = source.payload
    evaluator.readable(payload, at)
    if isinstance(payload, DictObj):
        return pairs_in_order(payload)
    if isinstance(payload, Namespace):
        return [(Value(name, at), item) for name, item in payload.names.items()]
    pairs: list[tuple[Value, Value]] = []
    for pair in evaluator.elements(source, at):
        both = evaluator.elements(pair, at)
        if len(both) != 2:
            raise evaluator.error(ValueError, "dictionary update sequence element is not a pair", at)
        pairs.append((both[0], both[1]))
    return pairs


def merge(evaluator: Evaluator, mappings: list[Value], at: Origin) -> Value:
    """Mappings merged one over the other, nested ones key by key."""
    result = Value(DictObj({}), at)
    for value in mappings:
        if not isinstance(value.payload, DictObj):
            raise Halt("a merged value is not a mapping", value.origin, "merge mappings only")
        _merge_into(evaluator, result.payload, value.payload, at)
    return result


def _merge_into(evaluator: Evaluator, into: DictObj, other: DictObj, at: Origin) -> None:
    for key, (key_value, item) in list(other.entries.items()):
        before = into.entries.get(key)
        if isinstance(item.payload, DictObj):
            # A nested mapping is copied even where there is nothing to merge it with: the inputs stay as they are.
            nested = DictObj({}, item.payload.dialect)
            if before is not None and isinstance(before[1].payload, DictObj):
                nested.entries = dict(before[1].payload.entries)
            _merge_into(evaluator, nested, item.payload, at)
            item = Value(nested, item.origin)
        store(evaluator, into, key_value, item, at)
