"""Methods of dicts, and of namespaces, which are dicts of names."""

from __future__ import annotations

from functools import partial

from campaign.check.builtins.arguments import hash_key, method_arguments, mutated_receiver, nothing
from campaign.check.builtins.signatures import NONE, ONE_OR_TWO, PAIRS, Model
from campaign.check.evaluator.hashed_containers import pairs_of, store, update_dict
from campaign.check.evaluator.membership import namespace_has
from campaign.check.evaluator.state import Args, Evaluator, Site
from campaign.check.evaluator.subscripts import settable_name
from campaign.check.values import DictObj, ListObj, ModuleObj, Namespace, Origin, TupleObj, Value, View
from campaign.check.values.constants import is_external_key
from campaign.check.values.limits import Halt


def _look_up(evaluator: Evaluator, holder: Value, key: Value, site: Site) -> Value | None:
    """The item under a key, or None. Subscription reads it, so that a dialect's conversions apply."""
    entries = holder.payload.entries
    evaluator.readable(holder.payload, site.at)
    key_hash = hash_key(evaluator, key, site)
    if key_hash in entries:
        return evaluator.get_item(holder, key, site.at)
    # Two external values with different text may still be the same key at run time.
    if entries and any(is_external_key(other) for other in (key_hash, *entries)):
        reason = "the checker cannot look up a key that is only known at run time"
        raise Halt(reason, site.at, "use a constant as the key")
    return None


def get(evaluator: Evaluator, args: Args, site: Site) -> Value:
    key, *rest = method_arguments(evaluator, args, site, 1, 2)
    found = _look_up(evaluator, args.positional[0], key, site)
    return found or (rest[0] if rest else nothing(site))


def setdefault(evaluator: Evaluator, args: Args, site: Site) -> Value:
    key, *rest = method_arguments(evaluator, args, site, 1, 2)
    found = _look_up(evaluator, args.positional[0], key, site)
    if found is not None:
        return found
    item = rest[0] if rest else nothing(site)  # None is stored as well
    store(evaluator, mutated_receiver(evaluator, args, site), key, item, site.at)
    return item


def pop(evaluator: Evaluator, args: Args, site: Site) -> Value:
    key, *rest = method_arguments(evaluator, args, site, 1, 2)
    found = _look_up(evaluator, args.positional[0], key, site)
    if found is not None:
        evaluator.delete_item(args.positional[0], key, site.at)
        return found
    if rest:
        return rest[0]
    raise evaluator.error(KeyError, str(key.payload), site.at)


def popitem(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """The entry that was inserted last. A key that is written again keeps its first place."""
    payload = mutated_receiver(evaluator, args, site)
    if not payload.entries:
        raise evaluator.error(KeyError, "popitem(): dictionary is empty", site.at)
    if any(is_external_key(other) for other in payload.entries):
        reason = "the checker cannot evaluate popitem() among keys only known at run time"
        raise Halt(reason, site.at, "use constants as keys")
    return Value(TupleObj(payload.entries.popitem()[1]), site.at)


def _view(kind: str, evaluator: Evaluator, args: Args, site: Site) -> Value:
    holder = args.positional[0]
    evaluator.readable(holder.payload, site.at)
    at = Origin(site.at.file, site.at.line, site.at.column, (holder.origin,))
    return Value(View(holder.payload, kind), at)  # live: it shows what the dict has when it is read


def update(evaluator: Evaluator, args: Args, site: Site) -> Value:
    payload = args.positional[0].payload
    evaluator.readable(payload, site.at)
    update_dict(evaluator, payload, Args(args.positional[1:], args.keywords), site.at)
    return nothing(site)


def clear(evaluator: Evaluator, args: Args, site: Site) -> Value:
    mutated_receiver(evaluator, args, site).entries.clear()
    return nothing(site)


def copy(evaluator: Evaluator, args: Args, site: Site) -> Value:
    payload = args.positional[0].payload
    evaluator.readable(payload, site.at)
    # `defaultdict.copy` keeps the factory; the items are shared.
    result = DictObj(dict(payload.entries), payload.dialect)
    result.factory = payload.factory
    return Value(result, site.at)


def fromkeys(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """Every key gets the one value: it is shared, not copied."""
    result = DictObj({})
    item = args.positional[1] if len(args.positional) > 1 else nothing(site)
    for key in evaluator.elements(args.positional[0], site.at):
        store(evaluator, result, key, item, site.at)
    return Value(result, site.at)


DICT_METHODS = {
    "get": Model(get, ONE_OR_TWO), "setdefault": Model(setdefault, ONE_OR_TWO),
    "pop": Model(pop, ONE_OR_TWO, confirmed=True), "popitem": Model(popitem, NONE),
    "keys": Model(partial(_view, "keys"), NONE), "values": Model(partial(_view, "values"), NONE),
    "items": Model(partial(_view, "items"), NONE), "update": Model(update, PAIRS, confirmed=True),
    "clear": Model(clear, NONE), "copy": Model(copy, NONE),
}  # fmt: skip
FROMKEYS = Model(fromkeys, ONE_OR_TWO, confirmed=True)
"""A class method: `dict.fromkeys(...)`."""


def _update_names(evaluator: Evaluator, args: Args, site: Site) -> Value:
    namespace: Namespace = args.positional[0].payload
    for key, item in pairs_of(evaluator, Args(args.positional[1:], args.keywords), site.at):
        namespace.names[settable_name(key, site.at)] = evaluator.with_control_origin(item)
    namespace.changed()
    return nothing(site)


def _name_or_default(name: str, evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`get`, `pop` and `setdefault` of a namespace."""
    holder, key, *rest = args.positional
    namespace: Namespace = holder.payload
    names = namespace.names
    namespace_has(namespace, key.payload, site.at)
    default = rest[0] if rest else nothing(site)
    if name == "get":
        return names.get(key.payload, default)
    # `setdefault` and `pop` write to the variables of the module, class or instance itself.
    namespace.changed()
    if name == "setdefault":
        return names.setdefault(settable_name(key, site.at), default)
    if key.payload not in names and not rest:
        raise evaluator.error(KeyError, str(key.payload), site.at)
    return names.pop(key.payload, default)


def _all_names(name: str, evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`keys`, `values`, `items` and `copy` of a namespace."""
    namespace: Namespace = args.positional[0].payload
    names = namespace.names
    if isinstance(namespace.holder, ModuleObj) and any(key.startswith("__") for key in names):
        # A module has more dunder names (`__spec__`, `__builtins__`) than the evaluation gives it.
        raise Halt("the checker cannot list all names of a module", site.at, "list the names")
    if name == "keys":
        return Value(ListObj([Value(key, site.at) for key in names]), site.at)
    if name == "values":
        return Value(ListObj(list(names.values())), site.at)
    if name == "copy":
        return Value(DictObj({key: (Value(key, site.at), item) for key, item in names.items()}), site.at)
    pairs = [Value(TupleObj((Value(key, site.at), item)), site.at) for key, item in names.items()]
    return Value(ListObj(pairs), site.at)


NAMESPACE_METHODS = {
    "update": Model(_update_names),
    **{name: Model(partial(_name_or_default, name)) for name in ("get", "pop", "setdefault")},
    **{name: Model(partial(_all_names, name)) for name in ("keys", "values", "items", "copy")},
}
