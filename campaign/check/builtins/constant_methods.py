"""Methods of constants: carried out by Python itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from campaign.check.evaluator.state import Args, Evaluator, Site
from campaign.check.evaluator.symbolic import symbolic_string
from campaign.check.values import (
    EXTERNAL,
    ListObj,
    Origin,
    Value,
    is_constant,
)
from campaign.check.values.constants import NotConcrete, check_size, lift, lower
from campaign.check.values.limits import CHARACTERS_A_STEP, Halt

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


COMPUTED = re.compile(r"\{[^{}]*:[^{}]*\{")
"""A format field with a field in its specification: how wide it gets is an argument."""


def class_method(evaluator: Evaluator, function: Callable[..., Any], args: Args, site: Site) -> Value:
    try:
        real = [lower(value.payload) for value in args.positional]
        named = {name: lower(value.payload) for name, value in args.keywords.items()}
    except NotConcrete:
        raise Halt(f"{function.__name__} of a value only known at run time", site.at) from None
    try:
        return lift(function(*real, **named), site.at)
    except Exception as error:
        raise evaluator.error(type(error), str(error), site.at) from None


def pure_method(evaluator: Evaluator, name: str, args: Args, site: Site) -> Value:
    """A method of a constant: carried out when its arguments are constants too, a term otherwise."""
    holder, *rest = args.positional
    if name == "join" and len(rest) == 1:
        items = evaluator.elements(rest[0], site.at) if not isinstance(rest[0].payload, EXTERNAL) else None
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
            return _format_parts(evaluator, holder, rest, args.keywords, at)
        extra = [Value(ListObj([Value(key, at), value]), at) for key, value in sorted(args.keywords.items())]
        return symbolic_string(
            evaluator, f"{type(holder.payload).__name__}.{name}", at, holder, *rest, *extra
        )
    _guard(name, subject, real, at)
    evaluator.charge(_characters(subject, *real) // CHARACTERS_A_STEP, at)
    try:
        return lift(getattr(subject, name)(*real, **named), at)
    except Halt:
        raise
    except Exception as error:
        raise evaluator.error(type(error), str(error), at) from None


def _format_parts(
    evaluator: Evaluator, holder: Value, rest: list[Value], named: dict[str, Value], at: Origin
) -> Value:
    """`"{} {x}".format(...)` where an argument is an object: each becomes its text first, if fields are
    plain."""
    from campaign.check.evaluator.string_conversion import to_string

    if any(sign in holder.payload for sign in (":", "!", ".", "[")):
        extra = [Value(ListObj([Value(key, at), value]), at) for key, value in sorted(named.items())]
        return symbolic_string(evaluator, "str.format", at, holder, *rest, *extra)
    texts = [to_string(evaluator, value, "format", at) for value in rest]
    named_texts = {key: to_string(evaluator, value, "format", at) for key, value in named.items()}
    if all(is_constant(value.payload) for value in (*texts, *named_texts.values())):
        return pure_method(evaluator, "format", Args([holder, *texts], named_texts), Site(at, None))  # type: ignore[arg-type]
    extra = [Value(ListObj([Value(key, at), value]), at) for key, value in sorted(named_texts.items())]
    return symbolic_string(evaluator, "str.format", at, holder, *texts, *extra)


def _characters(*parts: Any) -> int:
    return sum(len(part) for part in parts if isinstance(part, str | bytes | list | tuple | dict))


def _guard(name: str, subject: Any, real: list[Any], at: Origin) -> None:
    if name in WIDTHS and any(isinstance(item, int) and item > 100_000 for item in real):
        raise Halt("a text with a huge width", at)
    if name == "replace" and len(real) > 1 and isinstance(real[1], str | bytes):
        check_size((len(subject) + 1) * max(len(real[1]), 1), at)
    if name == "translate":
        longest = max((len(part) for item in real if isinstance(item, dict) for part in item.values()
                       if isinstance(part, str)), default=1)  # fmt: skip
        check_size(len(subject) * longest, at)
    if name == "join" and real:
        check_size(
            len(subject) * len(real[0]) + sum(len(part) for part in real[0] if isinstance(part, str)), at
        )
    if name in ("format", "format_map"):
        check_size(
            len(subject) + subject.count("{") * max((len(item) for item in _long(real)), default=0), at
        )
        spread = "".join(char if char.isdigit() else " " for char in subject)
        if any(len(digits) > 4 for digits in spread.split()) or COMPUTED.search(subject):
            raise Halt("a format with a huge or computed width", at)


def _long(real: list[Any]) -> list[Any]:
    inside = [
        part
        for item in real
        if isinstance(item, list | tuple | dict)
        for part in (item.values() if isinstance(item, dict) else item)
    ]
    return [item for item in (*real, *inside) if isinstance(item, str | bytes)]
