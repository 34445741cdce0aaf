"""Methods of constants. Python computes them: they have no effects, and depend on nothing but their arguments."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from campaign.check.builtins.arguments import call_origin, keyword_operands, lift_result
from campaign.check.evaluator.state import Args, Evaluator, Site
from campaign.check.evaluator.string_conversion import to_string
from campaign.check.evaluator.symbolic import symbolic_string
from campaign.check.values import ListObj, Origin, Value, is_constant, is_external
from campaign.check.values.constants import NotConcrete, check_size, lower
from campaign.check.values.limits import CHARACTERS_A_STEP, Halt

CONSTANT_METHODS: dict[type, frozenset[str]] = {
    str: frozenset({
        "capitalize", "casefold", "center", "count", "encode", "endswith", "expandtabs", "find", "format",
        "format_map", "index", "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier",
        "islower", "isnumeric", "isprintable", "isspace", "istitle", "isupper", "join", "ljust", "lower",
        "lstrip", "partition", "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rjust",
        "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title",
        "translate", "upper", "zfill", "__len__", "__contains__", "__getitem__"
    }),
    bytes: frozenset({
        "count", "decode", "endswith", "find", "hex", "index", "join", "lower", "replace", "split",
        "startswith", "strip", "upper"
    }),
    int: frozenset({"as_integer_ratio", "bit_count", "bit_length", "conjugate", "to_bytes", "is_integer"}),
    float: frozenset({"as_integer_ratio", "conjugate", "hex", "is_integer"}),
    complex: frozenset({"conjugate"}),
    range: frozenset({"count", "index"}),
}  # fmt: skip
CLASS_METHODS = frozenset({(int, "from_bytes"), (float, "fromhex"), (bytes, "fromhex")})


def class_method(function: Callable[..., Any], evaluator: Evaluator, args: Args, site: Site) -> Value:
    try:
        real = [lower(value.payload) for value in args.positional]
        named = {name: lower(value.payload) for name, value in args.keywords.items()}
    except NotConcrete:
        reason = f"the checker cannot evaluate {function.__name__}() of a value only known at run time"
        raise Halt(reason, site.at, "write the result out") from None
    return lift_result(evaluator, lambda: function(*real, **named), site.at)


def constant_method(name: str, evaluator: Evaluator, args: Args, site: Site) -> Value:
    """A method of a constant: computed when its arguments are constants too, symbolic otherwise."""
    holder, *rest = args.positional
    # `str.join` iterates over its argument before it joins; an external iterable is left to Python.
    if name == "join" and len(rest) == 1 and not is_external(rest[0].payload):
        rest = [Value(ListObj(evaluator.elements(rest[0], site.at)), rest[0].origin)]
    at = call_origin(args, site)
    try:
        real = [lower(value.payload) for value in rest]
        named = {key: lower(value.payload) for key, value in args.keywords.items()}
        subject = lower(holder.payload)
    except NotConcrete:
        if name == "format":
            return _format_of_objects(evaluator, holder, rest, args.keywords, at)
        operands = [holder, *rest, *keyword_operands(args.keywords, at)]
        return symbolic_string(evaluator, f"{type(holder.payload).__name__}.{name}", at, *operands)
    _refuse_huge_result(name, subject, real, at)
    evaluator.charge(_characters(subject, *real) // CHARACTERS_A_STEP, at)
    return lift_result(evaluator, lambda: getattr(subject, name)(*real, **named), at)


def _format_of_objects(
    evaluator: Evaluator, holder: Value, rest: list[Value], named: dict[str, Value], at: Origin
) -> Value:
    """`"{} {x}".format(...)` of objects. A plain field is `format(x, "")`, which is `str(x)` for every type that
    does not override it; a field with a specification, a conversion or an attribute is left to Python."""
    if any(sign in holder.payload for sign in (":", "!", ".", "[")):
        return symbolic_string(evaluator, "str.format", at, holder, *rest, *keyword_operands(named, at))
    texts = [to_string(evaluator, value, "format", at) for value in rest]
    named_texts = {key: to_string(evaluator, value, "format", at) for key, value in named.items()}
    operands = [holder, *texts, *keyword_operands(named_texts, at)]
    if not all(is_constant(value.payload) for value in (*texts, *named_texts.values())):
        return symbolic_string(evaluator, "str.format", at, *operands)
    real = [value.payload for value in texts]
    real_named = {key: value.payload for key, value in named_texts.items()}
    _refuse_huge_result("format", holder.payload, real, at)
    evaluator.charge(_characters(holder.payload, *real) // CHARACTERS_A_STEP, at)
    return lift_result(evaluator, lambda: holder.payload.format(*real, **real_named), at)


def _characters(*parts: Any) -> int:
    return sum(len(part) for part in parts if isinstance(part, str | bytes | list | tuple | dict))


# A short program can ask for a huge string; these refuse it before Python allocates it.

MOST_PADDING = 100_000
COMPUTED_WIDTH = re.compile(r"\{[^{}]*:[^{}]*\{")
"""A format field with a field in its specification: how wide it gets is an argument."""
MOST_WIDTH_DIGITS = 4


def _refuse_huge_padding(subject: Any, real: list[Any], at: Origin) -> None:
    if any(isinstance(item, int) and item > MOST_PADDING for item in real):
        raise Halt(
            f"the checker cannot evaluate a string padded to over {MOST_PADDING:,}", at, "use a smaller width"
        )


def _refuse_huge_replacement(subject: Any, real: list[Any], at: Origin) -> None:
    if len(real) > 1 and isinstance(real[1], str | bytes):
        check_size((len(subject) + 1) * max(len(real[1]), 1), at)


def _refuse_huge_translation(subject: Any, real: list[Any], at: Origin) -> None:
    parts = [part for item in real if isinstance(item, dict) for part in item.values()]
    longest = max((len(part) for part in parts if isinstance(part, str)), default=1)
    check_size(len(subject) * longest, at)


def _refuse_huge_join(subject: Any, real: list[Any], at: Origin) -> None:
    if real:
        inside = sum(len(part) for part in real[0] if isinstance(part, str))
        check_size(len(subject) * len(real[0]) + inside, at)


def _refuse_huge_format(subject: Any, real: list[Any], at: Origin) -> None:
    longest = max((len(item) for item in _strings(real)), default=0)
    check_size(len(subject) + subject.count("{") * longest, at)
    digits = "".join(char if char.isdigit() else " " for char in subject).split()
    if any(len(number) > MOST_WIDTH_DIGITS for number in digits) or COMPUTED_WIDTH.search(subject):
        raise Halt(
            "the checker cannot evaluate a format with a huge or computed width", at, "write the width out"
        )


HUGE_RESULTS: dict[str, Callable[[Any, list[Any], Origin], None]] = {
    **dict.fromkeys(("center", "ljust", "rjust", "zfill", "expandtabs", "to_bytes"), _refuse_huge_padding),
    "replace": _refuse_huge_replacement, "translate": _refuse_huge_translation, "join": _refuse_huge_join,
    "format": _refuse_huge_format, "format_map": _refuse_huge_format,
}  # fmt: skip


def _refuse_huge_result(name: str, subject: Any, real: list[Any], at: Origin) -> None:
    if name in HUGE_RESULTS:
        HUGE_RESULTS[name](subject, real, at)


def _strings(real: list[Any]) -> list[Any]:
    inside: list[Any] = []
    for item in real:
        if isinstance(item, list | tuple | dict):
            inside.extend(item.values() if isinstance(item, dict) else item)
    return [item for item in (*real, *inside) if isinstance(item, str | bytes)]
