"""Methods of dicts, and of namespaces, which are dicts of names."""

from __future__ import annotations

from campaign.check.builtins.method_arguments import Method, arity, changed, hashed, none
from campaign.check.evaluator.hashed_containers import pairs_of, store, update_dict
from campaign.check.evaluator.membership import namespace_has
from campaign.check.evaluator.state import Args, Evaluator, Site
from campaign.check.evaluator.subscripts import settable_name
from campaign.check.values import (
    DictObj,
    ListObj,
    Origin,
    TupleObj,
    Value,
    View,
)
from campaign.check.values.constants import is_external_key
from campaign.check.values.limits import Halt


def dict_get(evaluator: Evaluator, args: Args, site: Site) -> Value:

    key, *rest = arity(evaluator, args, site, 1, 2)
    holder = args.positional[0]
    entries = holder.payload.entries
    evaluator.readable(holder.payload, site.at)
    known = hashed(evaluator, key, site)
    if known in entries:
        return evaluator.get_item(holder, key, site.at)
    if (is_external_key(known) or any(is_external_key(other) for other in entries)) and entries:
        raise Halt("looks up a key only known at run time", site.at, "use a constant as the key")
    return rest[0] if rest else none(site)


def dict_setdefault(evaluator: Evaluator, args: Args, site: Site) -> Value:
    key, *rest = arity(evaluator, args, site, 1, 2)
    found = dict_get(evaluator, Args([args.positional[0], key, Value(MISSING, site.at)]), site)
    if found.payload is not MISSING:
        return found
    item = rest[0] if rest else none(site)
    store(evaluator, changed(evaluator, args, site), key, item, site.at)
    return item


class _Missing:
    pass


MISSING = _Missing()


def dict_pop(evaluator: Evaluator, args: Args, site: Site) -> Value:

    key, *rest = arity(evaluator, args, site, 1, 2)
    found = dict_get(evaluator, Args([args.positional[0], key, Value(MISSING, site.at)]), site)
    if found.payload is MISSING:
        if rest:
            return rest[0]
        raise evaluator.error(KeyError, str(key.payload), site.at)
    evaluator.delete_item(args.positional[0], key, site.at)
    return found


def dict_popitem(evaluator: Evaluator, args: Args, site: Site) -> Value:
    payload = changed(evaluator, args, site)
    if not payload.entries:
        raise evaluator.error(KeyError, "popitem(): dictionary is empty", site.at)
    key = list(payload.entries)[-1]
    if any(is_external_key(other) for other in payload.entries):
        raise Halt("pops among keys only known at run time", site.at)
    pair = payload.entries.pop(key)
    return Value(TupleObj(pair), site.at)


def dict_view(kind: str) -> Method:
    def method(evaluator: Evaluator, args: Args, site: Site) -> Value:
        holder = args.positional[0]
        evaluator.readable(holder.payload, site.at)
        return Value(
            View(holder.payload, kind), Origin(site.at.file, site.at.line, site.at.column, (holder.origin,))
        )

    return method


def dict_update(evaluator: Evaluator, args: Args, site: Site) -> Value:
    payload = args.positional[0].payload
    evaluator.readable(payload, site.at)
    update_dict(evaluator, payload, Args(args.positional[1:], args.keywords), site.at)
    return none(site)


def dict_clear(evaluator: Evaluator, args: Args, site: Site) -> Value:
    changed(evaluator, args, site).entries.clear()
    return none(site)


def dict_copy(evaluator: Evaluator, args: Args, site: Site) -> Value:
    payload = args.positional[0].payload
    evaluator.readable(payload, site.at)
    copy = DictObj(dict(payload.entries), payload.dialect)
    copy.factory = payload.factory
    return Value(copy, site.at)


def dict_fromkeys(evaluator: Evaluator, args: Args, site: Site) -> Value:
    result = DictObj({})
    item = args.positional[1] if len(args.positional) > 1 else none(site)
    for key in evaluator.elements(args.positional[0], site.at):
        store(evaluator, result, key, item, site.at)
    return Value(result, site.at)


def namespace_method(name: str) -> Method:
    """Methods of `globals()` and its like."""

    def method(evaluator: Evaluator, args: Args, site: Site) -> Value:
        holder, *rest = args.positional
        names: dict[str, Value] = holder.payload.names
        if name == "update":
            for key, item in pairs_of(evaluator, Args(rest, args.keywords), site.at):
                names[settable_name(key, site.at)] = evaluator.with_control_origin(item)
            holder.payload.changed()
            return none(site)
        if name in ("get", "pop", "setdefault"):
            key = rest[0].payload
            namespace_has(holder.payload, key, site.at)
            default = rest[1] if len(rest) > 1 else none(site)
            if name != "get":
                holder.payload.changed()
            if name == "setdefault":
                return names.setdefault(settable_name(rest[0], site.at), default)
            if name == "pop":
                if key not in names and len(rest) < 2:
                    raise evaluator.error(KeyError, str(key), site.at)
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
