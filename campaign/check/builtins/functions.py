"""The builtin functions and types."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from typing import Any

from campaign.check.builtins.constructors import CONSTRUCTORS
from campaign.check.builtins.introspection import (
    directory,
    evaluate,
    execute,
    global_names,
    has_attribute,
    import_by_name,
    is_callable,
    is_instance,
    is_subclass,
    local_names,
    names_of_object,
    read_attribute,
    remove_attribute,
    super_object,
    write_attribute,
)
from campaign.check.builtins.iterable_functions import (
    all_of,
    any_of,
    enumerated,
    extreme,
    filtered,
    in_sorted_order,
    iterator,
    mapped,
    reversed_items,
    total,
    zipped,
)
from campaign.check.builtins.methods import next_item
from campaign.check.builtins.pure_functions import Function, one, origin_of, pure
from campaign.check.builtins.signatures import check_function
from campaign.check.evaluator.expressions import format_value
from campaign.check.evaluator.state import BUILTIN_NAMES, Args, Evaluator, Site
from campaign.check.evaluator.string_conversion import to_string
from campaign.check.evaluator.symbolic import symbolic
from campaign.check.values import (
    EXTERNAL,
    Builtin,
    ClassObj,
    DescriptorObj,
    DictObj,
    InstObj,
    ListObj,
    Namespace,
    Nondeterministic,
    SetObj,
    TupleObj,
    Unknown,
    Value,
    View,
)
from campaign.check.values.constants import is_external_key
from campaign.check.values.limits import Halt


def length(evaluator: Evaluator, args: Args, site: Site) -> Value:

    value = one(evaluator, args, site)
    payload = value.payload
    at = origin_of(args, site)
    evaluator.readable(payload, at)
    if isinstance(payload, ListObj | TupleObj):
        return Value(len(payload.items), at)
    if isinstance(payload, SetObj | DictObj):
        keys = payload.items if isinstance(payload, SetObj) else payload.entries
        if len(keys) > 1 and any(is_external_key(key) for key in keys):
            return symbolic(evaluator, "len", at, value)
        return Value(len(keys), at)
    if isinstance(payload, View):
        return length(evaluator, Args([Value(payload.holder, value.origin)]), site)
    if isinstance(payload, str | bytes | range):
        return Value(len(payload), at)
    if isinstance(payload, Namespace):
        raise Halt("len() of a namespace", at)
    if isinstance(payload, InstObj) and payload.cls.find("__len__") is not None:
        return evaluator.call_method(value, "__len__", Args([]), at)
    if isinstance(payload, ClassObj) and payload.kind == "enum":
        return Value(len(set(map(id, payload.members.values()))), at)
    if isinstance(payload, (*EXTERNAL, Unknown, Nondeterministic)):
        return symbolic(evaluator, "len", at, value)
    raise evaluator.error(TypeError, "object has no len()", at)


def wrapper(kind: str) -> Function:
    def known(evaluator: Evaluator, args: Args, site: Site) -> Value:
        setter = args.positional[1] if len(args.positional) > 1 else None
        return Value(DescriptorObj(kind, one(evaluator, args, site, 1, 2), setter), args.positional[0].origin)

    return known


def nondeterministic(name: str) -> Function:
    return lambda evaluator, args, site: Value(Nondeterministic(f"{name}()"), site.at)


def reads(name: str) -> Function:
    def known(evaluator: Evaluator, args: Args, site: Site) -> Value:
        return Value(Unknown(f"{name}() reads a file", "put what is read into the configuration"), site.at)

    return known


def refused(name: str) -> Function:
    def known(evaluator: Evaluator, args: Args, site: Site) -> Value:
        raise Halt(f"{name}() is not followed", site.at)

    return known


def quiet(evaluator: Evaluator, args: Args, site: Site) -> Value:
    return Value(None, site.at)


def guarded_power(evaluator: Evaluator, args: Args, site: Site) -> Value:
    if len(args.positional) != 2:
        raise Halt("pow() with a modulus", site.at)
    return evaluator.binary(ast.Pow, args.positional[0], args.positional[1], site.at)


FUNCTIONS: dict[str, Function] = {
    "len": length, "abs": pure(abs), "round": pure(round), "divmod": pure(divmod), "pow": guarded_power,
    "bin": pure(bin), "hex": pure(hex), "oct": pure(oct), "chr": pure(chr), "ord": pure(ord),
    "any": any_of, "all": all_of, "sum": total, "min": extreme(ast.Lt), "max": extreme(ast.Gt),
    "sorted": in_sorted_order, "reversed": reversed_items, "zip": zipped, "enumerate": enumerated,
    "map": mapped, "filter": filtered, "iter": iterator, "next": next_item, "isinstance": is_instance,
    "issubclass": is_subclass, "getattr": read_attribute, "hasattr": has_attribute,
    "setattr": write_attribute, "delattr": remove_attribute, "globals": global_names, "locals": local_names,
    "vars": names_of_object, "exec": execute, "eval": evaluate, "super": super_object,
    "property": wrapper("property"), "staticmethod": wrapper("staticmethod"),
    "classmethod": wrapper("classmethod"), "callable": is_callable, "id": nondeterministic("id"),
    "hash": nondeterministic("hash"), "open": reads("open"), "input": reads("input"), "print": quiet,
    "repr": lambda evaluator, args, site: to_string(evaluator, one(evaluator, args, site), "repr", site.at),
    "ascii": lambda evaluator, args, site: to_string(evaluator, one(evaluator, args, site), "ascii", site.at),
    "format": lambda evaluator, args, site: _format(evaluator, args, site),
    "__import__": import_by_name, "dir": directory, "compile": refused("compile"),
    "breakpoint": refused("breakpoint"), "memoryview": refused("memoryview"),
    "bytearray": refused("bytearray"), "exit": refused("exit"), "quit": refused("quit"),
    "aiter": refused("aiter"), "anext": refused("anext"), "help": refused("help"),
}  # fmt: skip


def _format(evaluator: Evaluator, args: Args, site: Site) -> Value:
    spec = args.positional[1] if len(args.positional) > 1 else Value("", site.at)
    return format_value(evaluator, args.positional[0], spec, -1, site.at)


def _checked(name: str) -> Callable[..., Any]:
    real = getattr(builtins, name, None)
    return lambda evaluator, args, at: check_function(evaluator, name, real, args, at)


BUILTIN_NAMES.update(
    {name: Builtin(name, function, check=_checked(name)) for name, function in FUNCTIONS.items()}
)
BUILTIN_NAMES.update({kind.__name__: kind for kind in CONSTRUCTORS})
BUILTIN_NAMES.update(
    {
        name: item
        for name, item in vars(builtins).items()
        if isinstance(item, type) and issubclass(item, BaseException)
    }
)
BUILTIN_NAMES.update({"NotImplemented": NotImplemented, "Ellipsis": ..., "__debug__": True})
