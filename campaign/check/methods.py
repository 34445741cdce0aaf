"""Methods of the builtin types."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cmp_to_key
from typing import Any

from campaign.check.accepted import check_function, check_method
from campaign.check.constants import NotConcrete, Unhashable, check_size, is_outside_key, key_of, lift, lower
from campaign.check.iteration import elements, unordered
from campaign.check.limits import Halt
from campaign.check.machine import Args, Machine, Site
from campaign.check.operators import (
    binary,
    compare,
    describe_term,
    has_name,
    plain_name,
    set_operation,
    store,
    truth,
)
from campaign.check.outside import freeze
from campaign.check.values import (
    OUTSIDE,
    Builtin,
    DictObj,
    Iter,
    ListObj,
    Namespace,
    Nondet,
    Origin,
    SetObj,
    TupleObj,
    Unknown,
    Value,
    View,
    is_constant,
    pairs_in_order,
)

Method = Callable[[Machine, Args, Site], Value]

PURE: dict[type, frozenset[str]] = {
    str: frozenset(
        [
            "capitalize",
            "casefold",
            "center",
            "count",
            "encode",
            "endswith",
            "expandtabs",
            "find",
            "format",
            "index",
            "isalnum",
            "isalpha",
            "isascii",
            "isdecimal",
            "isdigit",
            "isidentifier",
            "islower",
            "isnumeric",
            "isprintable",
            "isspace",
            "istitle",
            "isupper",
            "join",
            "ljust",
            "lower",
            "lstrip",
            "partition",
            "removeprefix",
            "removesuffix",
            "replace",
            "rfind",
            "rindex",
            "rjust",
            "rpartition",
            "rsplit",
            "rstrip",
            "split",
            "splitlines",
            "startswith",
            "strip",
            "swapcase",
            "title",
            "translate",
            "upper",
            "zfill",
            "format_map",
            "__len__",
            "__contains__",
            "__getitem__",
        ]
    ),
    bytes: frozenset(
        [
            "count",
            "decode",
            "endswith",
            "find",
            "hex",
            "index",
            "join",
            "lower",
            "replace",
            "split",
            "startswith",
            "strip",
            "upper",
        ]
    ),
    int: frozenset(["as_integer_ratio", "bit_count", "bit_length", "conjugate", "to_bytes", "is_integer"]),
    float: frozenset(["as_integer_ratio", "conjugate", "hex", "is_integer"]),
    complex: frozenset({"conjugate"}),
    range: frozenset({"count", "index"}),
}
WIDTHS = frozenset({"center", "ljust", "rjust", "zfill", "expandtabs", "to_bytes"})


REAL: dict[type, type] = {ListObj: list, TupleObj: tuple, DictObj: dict}


def _real_type(payload: Any) -> type | None:
    """The Python type behind a container; None for one that has methods of its own."""
    if isinstance(payload, SetObj):
        return frozenset if payload.frozen else set
    if isinstance(payload, DictObj) and payload.flavour:
        return None
    return REAL.get(type(payload))


def _method_check(kind: type | None, name: str) -> Callable[..., Any] | None:
    return None if kind is None else lambda machine, args, at: check_method(machine, kind, name, args, at)


def find_method(holder: Value, name: str) -> Builtin | None:
    payload = holder.payload
    table = METHODS.get(type(payload))
    if table is not None:
        found = table.get(name)
        kind = _real_type(payload)
        if found is None or (kind is not None and not hasattr(kind, name)):
            return None
        called = (kind or type(payload)).__name__
        return Builtin(f"{called}.{name}", found, holder, _method_check(kind, name))
    if isinstance(payload, type):
        return _unbound_method(payload, name)
    for kind, names in PURE.items():
        if (type(payload) is kind or (kind is int and type(payload) is bool)) and name in names:
            return Builtin(f"{kind.__name__}.{name}", lambda m, a, s: pure_method(m, name, a, s), holder)
    return None


def _unbound_method(kind: type, name: str) -> Builtin | None:
    """`str.upper`, `list.append`, `dict.fromkeys`: the method of a type."""
    if kind is dict and name == "fromkeys":
        real = dict.fromkeys
        return Builtin(
            "dict.fromkeys", dict_fromkeys, check=lambda m, a, at: check_function(m, "fromkeys", real, a, at)
        )
    if kind is object and name == "__setattr__":
        from campaign.check.attributes import _object_setattr

        return Builtin("object.__setattr__", _object_setattr)
    if name in PURE.get(kind, frozenset()):
        return Builtin(f"{kind.__name__}.{name}", lambda m, a, s: pure_method(m, name, a, s))
    if (kind is int and name == "from_bytes") or (kind in (float, bytes) and name == "fromhex"):
        named = getattr(kind, name)
        return Builtin(name, lambda m, a, s: class_method(m, named, a, s))
    types: dict[Any, Any] = {list: ListObj, dict: DictObj, set: SetObj}
    own = types.get(kind)
    if own is not None and name in METHODS[own]:
        return Builtin(f"{kind.__name__}.{name}", METHODS[own][name], check=_method_check(kind, name))
    return None


def class_method(machine: Machine, function: Callable[..., Any], args: Args, site: Site) -> Value:
    try:
        real = [lower(value.payload) for value in args.positional]
        named = {name: lower(value.payload) for name, value in args.keywords.items()}
    except NotConcrete:
        raise Halt(f"{function.__name__} of a value only known at run time", site.at) from None
    try:
        return lift(function(*real, **named), site.at)
    except Exception as error:
        raise machine.error(type(error), str(error), site.at) from None


def pure_method(machine: Machine, name: str, args: Args, site: Site) -> Value:
    """A method of a constant: carried out when its arguments are constants too, a term otherwise."""
    holder, *rest = args.positional
    if name == "join" and len(rest) == 1:
        items = elements(machine, rest[0], site.at) if not isinstance(rest[0].payload, OUTSIDE) else None
        if items is not None:
            rest = [Value(ListObj(items), rest[0].origin)]
    origins = [value.origin for value in (*args.positional, *args.keywords.values())]
    at = Origin(site.at.file, site.at.line, site.at.column, tuple(origins))
    try:
        real = [lower(value.payload) for value in rest]
        named = {key: lower(value.payload) for key, value in args.keywords.items()}
        subject = lower(holder.payload)
    except NotConcrete:
        if name == "format":
            return _format_parts(machine, holder, rest, args.keywords, at)
        extra = [Value(ListObj([Value(key, at), value]), at) for key, value in sorted(args.keywords.items())]
        return describe_term(machine, f"{type(holder.payload).__name__}.{name}", at, holder, *rest, *extra)
    _guard(name, subject, real, at)
    try:
        return lift(getattr(subject, name)(*real, **named), at)
    except Exception as error:
        raise machine.error(type(error), str(error), at) from None


def _format_parts(
    machine: Machine, holder: Value, rest: list[Value], named: dict[str, Value], at: Origin
) -> Value:
    """`"{} {x}".format(...)` where an argument is an object: each becomes its text first, if fields are
    plain."""
    from campaign.check.text import as_text

    if any(sign in holder.payload for sign in (":", "!", ".", "[")):
        extra = [Value(ListObj([Value(key, at), value]), at) for key, value in sorted(named.items())]
        return describe_term(machine, "str.format", at, holder, *rest, *extra)
    texts = [as_text(machine, value, "format", at) for value in rest]
    named_texts = {key: as_text(machine, value, "format", at) for key, value in named.items()}
    if all(is_constant(value.payload) for value in (*texts, *named_texts.values())):
        return pure_method(machine, "format", Args([holder, *texts], named_texts), Site(at, None))  # type: ignore[arg-type]
    extra = [Value(ListObj([Value(key, at), value]), at) for key, value in sorted(named_texts.items())]
    return describe_term(machine, "str.format", at, holder, *texts, *extra)


def _guard(name: str, subject: Any, real: list[Any], at: Origin) -> None:
    if name in WIDTHS and any(isinstance(item, int) and item > 100_000 for item in real):
        raise Halt("a text with a huge width", at)
    if name == "replace" and len(real) > 1 and isinstance(real[1], str | bytes):
        check_size((len(subject) + 1) * max(len(real[1]), 1), at)
    if name == "join" and real:
        check_size(
            len(subject) * len(real[0]) + sum(len(part) for part in real[0] if isinstance(part, str)), at
        )
    if name in ("format", "format_map"):
        check_size(
            len(subject) + subject.count("{") * max((len(item) for item in _long(real)), default=0), at
        )
        spread = "".join(char if char.isdigit() else " " for char in subject)
        if any(len(digits) > 4 for digits in spread.split()) or "{:{" in subject.replace(" ", ""):
            raise Halt("a format with a huge or computed width", at)


def _long(real: list[Any]) -> list[Any]:
    inside = [
        part
        for item in real
        if isinstance(item, list | tuple | dict)
        for part in (item.values() if isinstance(item, dict) else item)
    ]
    return [item for item in (*real, *inside) if isinstance(item, str | bytes)]


def none(site: Site) -> Value:
    return Value(None, site.at)


def changed(machine: Machine, args: Args, site: Site) -> Any:
    payload = args.positional[0].payload
    machine.readable(payload, site.at)
    payload.version += 1
    return payload


def arity(machine: Machine, args: Args, site: Site, least: int, most: int) -> list[Value]:
    rest = args.positional[1:]
    if not least <= len(rest) <= most or args.keywords:
        raise machine.error(TypeError, "wrong number of arguments", site.at)
    return rest


def list_append(machine: Machine, args: Args, site: Site) -> Value:
    (item,) = arity(machine, args, site, 1, 1)
    changed(machine, args, site).items.append(machine.bound(item))
    return none(site)


def list_extend(machine: Machine, args: Args, site: Site) -> Value:
    (items,) = arity(machine, args, site, 1, 1)
    found = [machine.bound(item) for item in elements(machine, items, site.at)]
    payload = changed(machine, args, site)
    payload.items.extend(found)
    check_size(len(payload.items), site.at)
    return none(site)


def list_insert(machine: Machine, args: Args, site: Site) -> Value:
    index, item = arity(machine, args, site, 2, 2)
    if not isinstance(index.payload, int):
        raise Halt("inserts at an index only known at run time", site.at)
    changed(machine, args, site).items.insert(index.payload, machine.bound(item))
    return none(site)


def list_pop(machine: Machine, args: Args, site: Site) -> Value:
    rest = arity(machine, args, site, 0, 1)
    index = rest[0].payload if rest else -1
    if not isinstance(index, int):
        raise Halt("pops at an index only known at run time", site.at)
    try:
        item: Value = changed(machine, args, site).items.pop(index)
    except IndexError as error:
        raise machine.error(IndexError, str(error), site.at) from None
    return item


def _position(machine: Machine, items: list[Value], wanted: Value, at: Origin) -> int:
    for index, item in enumerate(items):
        if item.payload is wanted.payload or truth(machine, compare(machine, ast.Eq, item, wanted, at), at):
            return index
    raise machine.error(ValueError, "value is not in list", at)


def list_remove(machine: Machine, args: Args, site: Site) -> Value:
    (item,) = arity(machine, args, site, 1, 1)
    payload = changed(machine, args, site)
    del payload.items[_position(machine, payload.items, item, site.at)]
    return none(site)


def sequence_index(machine: Machine, args: Args, site: Site) -> Value:
    (item,) = arity(machine, args, site, 1, 1)
    return Value(_position(machine, list(args.positional[0].payload.items), item, site.at), site.at)


def sequence_count(machine: Machine, args: Args, site: Site) -> Value:
    (wanted,) = arity(machine, args, site, 1, 1)
    same = [
        item
        for item in args.positional[0].payload.items
        if truth(machine, compare(machine, ast.Eq, item, wanted, site.at), site.at)
    ]
    return Value(len(same), site.at)


def list_clear(machine: Machine, args: Args, site: Site) -> Value:
    changed(machine, args, site).items.clear()
    return none(site)


def list_reverse(machine: Machine, args: Args, site: Site) -> Value:
    changed(machine, args, site).items.reverse()
    return none(site)


def list_copy(machine: Machine, args: Args, site: Site) -> Value:
    machine.readable(args.positional[0].payload, site.at)
    return Value(ListObj(list(args.positional[0].payload.items)), site.at)


def list_sort(machine: Machine, args: Args, site: Site) -> Value:
    payload = changed(machine, args, site)
    payload.items[:] = in_order(machine, list(payload.items), args.keywords, site)
    return none(site)


def in_order(machine: Machine, items: list[Value], keywords: dict[str, Value], site: Site) -> list[Value]:
    """Sorted as Python sorts, `key` and `reverse` included."""
    from campaign.check.calls import call

    key = keywords.get("key")
    reverse = keywords.get("reverse")
    keys = items
    if key is not None and key.payload is not None:
        keys = [call(machine, key, Args([item]), site.at, site.scope) for item in items]
    backwards = reverse is not None and truth(machine, reverse, site.at)

    def order(a: tuple[Value, Value], b: tuple[Value, Value]) -> int:
        if truth(machine, _less(machine, a[0], b[0], site.at), site.at):
            return -1
        return 1 if truth(machine, _less(machine, b[0], a[0], site.at), site.at) else 0

    pairs = sorted(zip(keys, items, strict=True), key=cmp_to_key(order), reverse=backwards)
    return [item for _, item in pairs]


def _less(machine: Machine, a: Value, b: Value, at: Origin) -> Value:
    if isinstance(a.payload, (*OUTSIDE, Unknown, Nondet)) or isinstance(
        b.payload, (*OUTSIDE, Unknown, Nondet)
    ):
        raise Halt("sorts values only known at run time", at, "write them in order")
    return compare(machine, ast.Lt, a, b, at)


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


def hashed(machine: Machine, key: Value, site: Site) -> Any:
    try:
        return key_of(key.payload)
    except Unhashable as error:
        raise machine.error(TypeError, f"unhashable type: '{error}'", site.at) from None
    except NotConcrete:
        raise Halt("uses a key only known at run time", site.at, "use a constant as the key") from None


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


def _view(kind: str) -> Method:
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


def set_add(machine: Machine, args: Args, site: Site) -> Value:
    (item,) = arity(machine, args, site, 1, 1)
    payload = changed(machine, args, site)
    if payload.frozen:
        raise machine.error(AttributeError, "'frozenset' object has no attribute 'add'", site.at)
    payload.items.setdefault(hashed(machine, item, site), item)
    return none(site)


def set_discard(machine: Machine, args: Args, site: Site, strict: bool = False) -> Value:
    (item,) = arity(machine, args, site, 1, 1)
    payload = changed(machine, args, site)
    key = hashed(machine, item, site)
    if any(is_outside_key(other) for other in (key, *payload.items)):
        raise Halt("removes from a set of values only known at run time", site.at)
    if strict and key not in payload.items:
        raise machine.error(KeyError, str(item.payload), site.at)
    payload.items.pop(key, None)
    return none(site)


def set_remove(machine: Machine, args: Args, site: Site) -> Value:
    return set_discard(machine, args, site, strict=True)


def set_pop(machine: Machine, args: Args, site: Site) -> Value:
    payload = changed(machine, args, site)
    if len(payload.items) != 1:
        raise Halt("pops from a set, whose order differs from run to run", site.at)
    item: Value = payload.items.pop(next(iter(payload.items)))
    return item


def _set_method(name: str, in_place: bool) -> Method:
    def method(machine: Machine, args: Args, site: Site) -> Value:
        from campaign.check.expressions import new_set

        holder = args.positional[0].payload
        machine.readable(holder, site.at)
        result = SetObj(dict(holder.items), holder.frozen)
        for other in args.positional[1:]:
            right = new_set(machine, unordered(machine, other, site.at), site.at)
            result = SetObj(set_operation(machine, name, result, right, site.at), holder.frozen)
        if in_place:
            changed(machine, args, site).items = result.items
            return none(site)
        return Value(result, site.at)

    return method


def _set_test(name: str) -> Method:
    def method(machine: Machine, args: Args, site: Site) -> Value:
        from campaign.check.expressions import new_set

        holder = args.positional[0].payload
        other = new_set(machine, unordered(machine, args.positional[1], site.at), site.at)
        if any(is_outside_key(key) for key in (*holder.items, *other.items)):
            raise Halt("compares sets of values only known at run time", site.at)
        return Value(getattr(set(holder.items), name)(set(other.items)), site.at)

    return method


def set_copy(machine: Machine, args: Args, site: Site) -> Value:
    payload = args.positional[0].payload
    return Value(SetObj(dict(payload.items), payload.frozen), site.at)


def set_clear(machine: Machine, args: Args, site: Site) -> Value:
    changed(machine, args, site).items.clear()
    return none(site)


METHODS: dict[type, dict[str, Method]] = {
    ListObj: {
        "append": list_append, "extend": list_extend, "insert": list_insert, "pop": list_pop,
        "remove": list_remove, "index": sequence_index, "count": sequence_count, "clear": list_clear,
        "reverse": list_reverse, "copy": list_copy, "sort": list_sort,
    },
    TupleObj: {"index": sequence_index, "count": sequence_count},
    DictObj: {
        "get": dict_get, "setdefault": dict_setdefault, "pop": dict_pop, "popitem": dict_popitem,
        "keys": _view("keys"), "values": _view("values"), "items": _view("items"), "update": dict_update,
        "clear": dict_clear, "copy": dict_copy,
    },
    SetObj: {
        "add": set_add, "discard": set_discard, "remove": set_remove, "pop": set_pop, "copy": set_copy,
        "clear": set_clear, "union": _set_method("or", False), "intersection": _set_method("and", False),
        "difference": _set_method("sub", False), "symmetric_difference": _set_method("xor", False),
        "update": _set_method("or", True), "intersection_update": _set_method("and", True),
        "difference_update": _set_method("sub", True), "issubset": _set_test("issubset"),
        "issuperset": _set_test("issuperset"), "isdisjoint": _set_test("isdisjoint"),
    },
}  # fmt: skip


def namespace_method(name: str) -> Method:
    """Methods of `globals()` and its like."""

    def method(machine: Machine, args: Args, site: Site) -> Value:
        holder, *rest = args.positional
        names: dict[str, Value] = holder.payload.names
        if name == "update":
            for key, item in pairs_of(machine, Args(rest, args.keywords), site.at):
                names[plain_name(key, site.at)] = machine.bound(item)
            if hasattr(holder.payload.holder, "version"):
                holder.payload.holder.version += 1
            return none(site)
        if name in ("get", "pop", "setdefault"):
            key = rest[0].payload
            has_name(holder.payload, key, site.at)
            default = rest[1] if len(rest) > 1 else none(site)
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


METHODS[Namespace] = {
    name: namespace_method(name)
    for name in ("get", "pop", "setdefault", "update", "keys", "values", "items", "copy")
}
METHODS[Iter] = {
    "__next__": lambda machine, args, site: next_item(machine, args, site),
}


def next_item(machine: Machine, args: Args, site: Site) -> Value:
    source = args.positional[0].payload
    if not isinstance(source, Iter):
        raise Halt("next() of an iterator that is not followed", site.at)
    source.version += 1
    for item in source.source:
        return item
    if len(args.positional) > 1:
        return args.positional[1]
    raise machine.error(StopIteration, "", site.at)


__all__ = ["binary", "find_method", "freeze", "in_order", "pairs_of", "update_dict"]
