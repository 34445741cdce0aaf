"""Methods of dicts, and of namespaces, which are dicts of names."""

from __future__ import annotations

from campaign.check.comparisons import has_name, plain_name
from campaign.check.constants import is_outside_key
from campaign.check.iteration import elements
from campaign.check.limits import Halt
from campaign.check.machine import Args, Machine, Site
from campaign.check.operators import store
from campaign.check.receivers import Method, arity, changed, hashed, none
from campaign.check.values import (
    DictObj,
    ListObj,
    Namespace,
    Origin,
    TupleObj,
    Value,
    View,
    pairs_in_order,
)


def dict_get(machine: Machine, args: Args, site: Site) -> Value:
    from campaign.check.subscripts import get_item

    key, *rest = arity(machine, args, site, 1, 2)
    holder = args.positional[0]
    entries = holder.payload.entries
    machine.readable(holder.payload, site.at)
    known = hashed(machine, key, site)
    if known in entries:
        return get_item(machine, holder, key, site.at)
    if (is_outside_key(known) or any(is_outside_key(other) for other in entries)) and entries:
        raise Halt("looks up a key only known at run time", site.at, "use a constant as the key")
    return rest[0] if rest else none(site)


def dict_setdefault(machine: Machine, args: Args, site: Site) -> Value:
    key, *rest = arity(machine, args, site, 1, 2)
    found = dict_get(machine, Args([args.positional[0], key, Value(MISSING, site.at)]), site)
    if found.payload is not MISSING:
        return found
    item = rest[0] if rest else none(site)
    store(machine, changed(machine, args, site), key, item, site.at)
    return item


class _Missing:
    pass


MISSING = _Missing()


def dict_pop(machine: Machine, args: Args, site: Site) -> Value:
    from campaign.check.subscripts import delete_item

    key, *rest = arity(machine, args, site, 1, 2)
    found = dict_get(machine, Args([args.positional[0], key, Value(MISSING, site.at)]), site)
    if found.payload is MISSING:
        if rest:
            return rest[0]
        raise machine.error(KeyError, str(key.payload), site.at)
    delete_item(machine, args.positional[0], key, site.at)
    return found


def dict_popitem(machine: Machine, args: Args, site: Site) -> Value:
    payload = changed(machine, args, site)
    if not payload.entries:
        raise machine.error(KeyError, "popitem(): dictionary is empty", site.at)
    key = list(payload.entries)[-1]
    if any(is_outside_key(other) for other in payload.entries):
        raise Halt("pops among keys only known at run time", site.at)
    pair = payload.entries.pop(key)
    return Value(TupleObj(pair), site.at)


def dict_view(kind: str) -> Method:
    def method(machine: Machine, args: Args, site: Site) -> Value:
        holder = args.positional[0]
        machine.readable(holder.payload, site.at)
        return Value(
            View(holder.payload, kind), Origin(site.at.file, site.at.line, site.at.column, (holder.origin,))
        )

    return method


def dict_update(machine: Machine, args: Args, site: Site) -> Value:
    payload = args.positional[0].payload
    machine.readable(payload, site.at)
    update_dict(machine, payload, Args(args.positional[1:], args.keywords), site.at)
    return none(site)


def update_dict(machine: Machine, payload: DictObj, args: Args, at: Origin) -> None:
    for key, item in pairs_of(machine, args, at):
        store(machine, payload, key, item, at)


def pairs_of(machine: Machine, args: Args, at: Origin) -> list[tuple[Value, Value]]:
    """The entries that `dict(...)` or `.update(...)` are given."""
    pairs: list[tuple[Value, Value]] = []
    if len(args.positional) > 1:
        raise machine.error(TypeError, "expected at most 1 argument", at)
    for source in args.positional:
        payload = source.payload
        machine.readable(payload, at)
        if isinstance(payload, DictObj):
            pairs.extend(pairs_in_order(payload))
        elif isinstance(payload, Namespace):
            pairs.extend((Value(name, at), item) for name, item in payload.names.items())
        else:
            for pair in elements(machine, source, at):
                both = elements(machine, pair, at)
                if len(both) != 2:
                    raise machine.error(ValueError, "dictionary update sequence element is not a pair", at)
                pairs.append((both[0], both[1]))
    pairs.extend((Value(name, at), item) for name, item in args.keywords.items())
    return pairs


def dict_clear(machine: Machine, args: Args, site: Site) -> Value:
    changed(machine, args, site).entries.clear()
    return none(site)


def dict_copy(machine: Machine, args: Args, site: Site) -> Value:
    payload = args.positional[0].payload
    machine.readable(payload, site.at)
    copy = DictObj(dict(payload.entries), payload.flavour)
    copy.factory = payload.factory
    return Value(copy, site.at)


def dict_fromkeys(machine: Machine, args: Args, site: Site) -> Value:
    result = DictObj({})
    item = args.positional[1] if len(args.positional) > 1 else none(site)
    for key in elements(machine, args.positional[0], site.at):
        store(machine, result, key, item, site.at)
    return Value(result, site.at)


def namespace_method(name: str) -> Method:
    """Methods of `globals()` and its like."""

    def method(machine: Machine, args: Args, site: Site) -> Value:
        holder, *rest = args.positional
        names: dict[str, Value] = holder.payload.names
        if name == "update":
            for key, item in pairs_of(machine, Args(rest, args.keywords), site.at):
                names[plain_name(key, site.at)] = machine.bound(item)
            holder.payload.changed()
            return none(site)
        if name in ("get", "pop", "setdefault"):
            key = rest[0].payload
            has_name(holder.payload, key, site.at)
            default = rest[1] if len(rest) > 1 else none(site)
            if name != "get":
                holder.payload.changed()
            if name == "setdefault":
                return names.setdefault(plain_name(rest[0], site.at), default)
            if name == "pop":
                if key not in names and len(rest) < 2:
                    raise machine.error(KeyError, str(key), site.at)
                return names.pop(key, default)
            return names.get(key, default)
        if any(key.startswith("__") for key in names) and not isinstance(holder.payload.holder, type(None)):
            if hasattr(holder.payload.holder, "path"):
                raise Halt("goes through all names of a module", site.at, "list the names")
        if name == "keys":
            return Value(ListObj([Value(key, site.at) for key in names]), site.at)
        if name == "values":
            return Value(ListObj(list(names.values())), site.at)
        if name == "copy":
            return Value(DictObj({key: (Value(key, site.at), item) for key, item in names.items()}), site.at)
        pairs = [Value(TupleObj((Value(key, site.at), item)), site.at) for key, item in names.items()]
        return Value(ListObj(pairs), site.at)

    return method
