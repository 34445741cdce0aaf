"""Writing, updating and merging dicts."""

from __future__ import annotations

from campaign.check.evaluator.state import Args, Evaluator
from campaign.check.values import DictObj, Namespace, Origin, Value, pairs_in_order
from campaign.check.values.constants import NotConcrete, Unhashable, key_of
from campaign.check.values.limits import Halt


def write_item(evaluator: Evaluator, payload: DictObj, key: Value, item: Value, at: Origin) -> None:
    """`mapping[key] = item`, as the mapping's dialect does it."""
    if payload.dialect.converts_items:
        payload.dialect.set_item(evaluator, payload, key, item, at)
    else:
        store(evaluator, payload, key, item, at)


def store(evaluator: Evaluator, payload: DictObj, key: Value, item: Value, at: Origin) -> None:
    """Set one entry; the key that is already there stays, as in Python."""
    try:
        known = key_of(key.payload)
    except Unhashable as error:
        raise evaluator.error(TypeError, f"unhashable type: '{error}'", at) from None
    except NotConcrete:
        raise Halt("uses a key that is only known at run time", at, "use a constant as the key") from None
    payload.version += 1
    before = payload.entries.get(known)
    payload.entries[known] = (before[0] if before else key, evaluator.with_control_origin(item))


def update_dict(evaluator: Evaluator, payload: DictObj, args: Args, at: Origin) -> None:
    for key, item in pairs_of(evaluator, args, at):
        store(evaluator, payload, key, item, at)


def pairs_of(evaluator: Evaluator, args: Args, at: Origin) -> list[tuple[Value, Value]]:
    """The entries that `dict(...)` or `.update(...)` are given."""
    pairs: list[tuple[Value, Value]] = []
    if len(args.positional) > 1:
        raise evaluator.error(TypeError, "expected at most 1 argument", at)
    for source in args.positional:
        payload = source.payload
        evaluator.readable(payload, at)
        if isinstance(payload, DictObj):
            pairs.extend(pairs_in_order(payload))
        elif isinstance(payload, Namespace):
            pairs.extend((Value(name, at), item) for name, item in payload.names.items())
        else:
            for pair in evaluator.elements(source, at):
                both = evaluator.elements(pair, at)
                if len(both) != 2:
                    raise evaluator.error(ValueError, "dictionary update sequence element is not a pair", at)
                pairs.append((both[0], both[1]))
    pairs.extend((Value(name, at), item) for name, item in args.keywords.items())
    return pairs


def merge(evaluator: Evaluator, parts: list[Value], at: Origin) -> Value:
    """Mappings merged one over the other, nested ones key by key."""
    result = Value(DictObj({}), at)
    for value in parts:
        if not isinstance(value.payload, DictObj):
            raise Halt("merges something that is not a mapping", value.origin)
        _merge_into(evaluator, result.payload, value.payload, at)
    return result


def _merge_into(evaluator: Evaluator, into: DictObj, other: DictObj, at: Origin) -> None:
    for key, (key_value, item) in list(other.entries.items()):
        known = into.entries.get(key)
        if isinstance(item.payload, DictObj):
            below = DictObj({}, item.payload.dialect)
            if known is not None and isinstance(known[1].payload, DictObj):
                below.entries = dict(known[1].payload.entries)
            _merge_into(evaluator, below, item.payload, at)
            item = Value(below, item.origin)
        store(evaluator, into, key_value, item, at)
