"""The builtin functions: one row each, with its model and the arguments that Python accepts.

To add one, write its model (or use `computed_by_python`) and its row in `FUNCTIONS`.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from functools import partial
from typing import Any

from campaign.check.builtins.arguments import (
    call_origin,
    computed_by_python,
    first_argument,
    nothing,
    refusal,
)
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
    filtered,
    in_sorted_order,
    iterator,
    largest,
    mapped,
    reversed_items,
    smallest,
    total,
    zipped,
)
from campaign.check.builtins.methods import next_item
from campaign.check.builtins.signatures import (
    ANY,
    NONE,
    ONE,
    ONE_OR_TWO,
    TWO,
    UP_TO_ONE,
    Model,
    Signature,
    builtin_function,
    with_keywords,
)
from campaign.check.evaluator.expressions import format_value
from campaign.check.evaluator.state import BUILTIN_NAMES, Args, Evaluator, Site
from campaign.check.evaluator.string_conversion import to_string
from campaign.check.evaluator.symbolic import symbolic
from campaign.check.values import (
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
    is_unevaluated,
)
from campaign.check.values.constants import is_external_key
from campaign.check.values.limits import Halt


def length(evaluator: Evaluator, args: Args, site: Site) -> Value:
    value = first_argument(evaluator, args, site)
    payload = value.payload
    at = call_origin(args, site)
    evaluator.readable(payload, at)
    if is_unevaluated(payload):
        return symbolic(evaluator, "len", at, value)
    if isinstance(payload, InstObj) and payload.cls.find("__len__") is not None:
        return evaluator.call_method(value, "__len__", Args([]), at)
    if isinstance(payload, Namespace):  # a module or class has more names than the evaluation gives it
        raise Halt("the checker cannot evaluate len() of a namespace", at, "write the number out")
    if isinstance(payload, View):
        return length(evaluator, Args([Value(payload.holder, value.origin)]), site)
    size = LENGTHS.get(type(payload))
    if size is None or getattr(payload, "kind", "enum") != "enum":  # of the classes, only enums have a length
        raise evaluator.error(TypeError, "object has no len()", at)
    count, keys = size(payload)
    # Two external keys with different text may be one key at run time.
    if count > 1 and any(is_external_key(key) for key in keys):
        return symbolic(evaluator, "len", at, value)
    return Value(count, at)


LENGTHS: dict[type, Callable[[Any], tuple[int, Any]]] = {
    **dict.fromkeys((str, bytes, range), lambda payload: (len(payload), ())),
    **dict.fromkeys((ListObj, TupleObj), lambda payload: (len(payload.items), ())),
    SetObj: lambda payload: (len(payload.items), payload.items),
    DictObj: lambda payload: (len(payload.entries), payload.entries),
    ClassObj: lambda payload: (len(set(map(id, payload.members.values()))), ()),  # aliases count once
}
"""Payload type -> how many elements, and the keys among them."""


def _wrap(kind: str, evaluator: Evaluator, args: Args, site: Site) -> Value:
    setter = args.positional[1] if len(args.positional) > 1 else None
    function = first_argument(evaluator, args, site, 2)
    return Value(DescriptorObj(kind, function, setter), function.origin)


def _nondeterministic(name: str, evaluator: Evaluator, args: Args, site: Site) -> Value:
    """An address, or a hash of a string, which Python salts anew for each process."""
    return Value(Nondeterministic(f"{name}()"), site.at)


def _read_file(name: str, evaluator: Evaluator, args: Args, site: Site) -> Value:
    return Value(Unknown(f"{name}() reads a file", "put what is read into the configuration"), site.at)


def _print(evaluator: Evaluator, args: Args, site: Site) -> Value:
    return nothing(site)


def _power(evaluator: Evaluator, args: Args, site: Site) -> Value:
    if len(args.positional) != 2:
        raise Halt("the checker cannot evaluate pow() with a modulus", site.at, "write (a ** b) % c")
    return evaluator.binary(ast.Pow, args.positional[0], args.positional[1], site.at)


def _text(function: str, evaluator: Evaluator, args: Args, site: Site) -> Value:
    return to_string(evaluator, first_argument(evaluator, args, site), function, site.at)


def _format(evaluator: Evaluator, args: Args, site: Site) -> Value:
    spec = args.positional[1] if len(args.positional) > 1 else Value("", site.at)
    return format_value(evaluator, args.positional[0], spec, -1, site.at)


CONFIRMED = partial(Model, confirmed=True)
FUNCTIONS: dict[str, Model] = {
    "len": CONFIRMED(length, ONE), "abs": Model(computed_by_python(abs), ONE),
    "round": Model(computed_by_python(round), with_keywords(0, 2, "number ndigits", 2)),  # half to even
    "divmod": Model(computed_by_python(divmod), TWO), "pow": Model(_power, Signature(2, 3)),
    **{
        function.__name__: Model(computed_by_python(function), ONE) for function in (bin, hex, oct, chr, ord)
    },
    "any": CONFIRMED(any_of, ONE), "all": CONFIRMED(all_of, ONE),
    "sum": CONFIRMED(total, with_keywords(1, 2, "start", 2)),
    "min": CONFIRMED(smallest, with_keywords(1, ANY, "key default")),
    "max": CONFIRMED(largest, with_keywords(1, ANY, "key default")),
    "sorted": CONFIRMED(in_sorted_order, with_keywords(1, 1, "key reverse")), "reversed": CONFIRMED(reversed_items, ONE),
    "zip": CONFIRMED(zipped, with_keywords(0, ANY, "strict")),
    "enumerate": CONFIRMED(enumerated, with_keywords(1, 2, "start", 2)),
    "map": CONFIRMED(mapped, Signature(2, ANY)), "filter": CONFIRMED(filtered, TWO),
    "iter": Model(iterator, ONE), "next": Model(next_item, ONE_OR_TWO),
    "isinstance": CONFIRMED(is_instance, TWO), "issubclass": CONFIRMED(is_subclass, TWO),
    "getattr": Model(read_attribute, Signature(2, 3)), "hasattr": Model(has_attribute, TWO),
    "setattr": Model(write_attribute, Signature(3, 3)), "delattr": Model(remove_attribute, TWO),
    "globals": Model(global_names, NONE), "locals": Model(local_names, NONE), "vars": Model(names_of_object, UP_TO_ONE),
    "exec": Model(execute, Signature(1, 3)), "eval": Model(evaluate, Signature(1, 3)),
    "super": Model(super_object, Signature(0, 2)), "property": Model(partial(_wrap, "property"), Signature(0, 2)),
    "staticmethod": Model(partial(_wrap, "staticmethod"), ONE), "classmethod": Model(partial(_wrap, "classmethod"), ONE),
    "callable": Model(is_callable, ONE), "id": Model(partial(_nondeterministic, "id"), ONE),
    "hash": Model(partial(_nondeterministic, "hash"), ONE),
    "open": Model(partial(_read_file, "open"),
                  with_keywords(1, 8, "mode buffering encoding errors newline closefd opener")),
    "input": Model(partial(_read_file, "input"), UP_TO_ONE), "print": Model(_print, with_keywords(0, ANY, "sep end file flush")),
    "repr": Model(partial(_text, "repr"), ONE), "ascii": Model(partial(_text, "ascii"), ONE),
    "format": Model(_format, ONE_OR_TWO), "__import__": Model(import_by_name, ONE), "dir": Model(directory, UP_TO_ONE),
    **{
        name: Model(refusal(f"{name}()", suggestion)) for name, suggestion in (
            ("compile", "write the code out"), ("breakpoint", "take it out"), ("memoryview", "use bytes"),
            ("bytearray", "use bytes"), ("exit", "raise an exception"), ("quit", "raise an exception"),
            ("aiter", "use iter()"), ("anext", "use next()"), ("help", "take it out"),
        )
    },
}  # fmt: skip

BUILTIN_NAMES.update(
    {name: builtin_function(name, getattr(builtins, name, None), model) for name, model in FUNCTIONS.items()}
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
