"""Every operator, builtin and method of the plain types over a pool of values, with what Python answers.

An expression whose answer differs from process to process is left out. What raises is kept: the name of the
exception is the fact, and an evaluator that believes in an exception that does not come is wrong as well.
"""

from __future__ import annotations

import builtins
import itertools
import random
import warnings
from typing import Any

POOL = (
    "0",
    "1",
    "-3",
    "7",
    "255",
    "True",
    "False",
    "None",
    "0.5",
    "-2.5",
    "1e-05",
    "1e16",
    "3.0",
    "''",
    "'a'",
    "'Adam w'",
    "' x\\ty\\n'",
    "'a,b,,c'",
    "'12'",
    "'-1.5e3'",
    "'\\u00df\\u0130'",
    "b'ab'",
    "[]",
    "[3, 1, 2]",
    "['b', 'a']",
    "[[1], [2]]",
    "(1,)",
    "(2, 'x')",
    "()",
    "{}",
    "{'a': 1, 'b': 2}",
    "{1: 'x', True: 'y'}",
    "{1, 2, 3}",
    "{2}",
    "frozenset({1})",
    "range(3)",
    "range(5, 0, -2)",
    "[('a', 1), ('b', 2)]",
    "slice(1, None)",
    "float('nan')",
    "float('inf')",
    "-0.0",
    "1.0",
    "[1, True, 1.0]",
    "lambda v: v",
    "str",
    "int",
    "len",
)
SPECS = (
    "",
    "d",
    ".2f",
    ">8",
    "^9",
    "08.3f",
    ",",
    "_",
    "x",
    "#010x",
    "b",
    "e",
    ".3e",
    "g",
    ".2g",
    "%",
    "+d",
    "s",
    ".3",
    "*<6",
    "=+9d",
    " d",
    "c",
    "n",
    "o",
    "E",
    "G",
    ".0f",
    "#.3g",
    "z.1f",
    "<",
    ">2s",
    ".1%",
    "#b",
    "0>5",
)
BINARY = [
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "**",
    "@",
    "&",
    "|",
    "^",
    "<<",
    ">>",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "is",
    "in",
    "and",
    "or",
    "is not",
    "not in",
]
UNARY = ("-", "+", "~", "not ")
BUILTINS = (
    "abs",
    "all",
    "any",
    "ascii",
    "bin",
    "bool",
    "bytes",
    "callable",
    "chr",
    "dict",
    "divmod",
    "enumerate",
    "filter",
    "float",
    "format",
    "frozenset",
    "hex",
    "int",
    "isinstance",
    "issubclass",
    "len",
    "list",
    "map",
    "max",
    "min",
    "oct",
    "ord",
    "pow",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "slice",
    "sorted",
    "str",
    "sum",
    "tuple",
    "type",
    "zip",
    "complex",
    "hasattr",
    "getattr",
)
MATH = (
    "ceil",
    "floor",
    "sqrt",
    "log",
    "log2",
    "log10",
    "exp",
    "pow",
    "isclose",
    "gcd",
    "prod",
    "fsum",
    "trunc",
    "isnan",
    "isinf",
    "hypot",
    "copysign",
    "comb",
    "factorial",
    "fabs",
    "fmod",
    "cos",
)
TYPES = ("str", "int", "float", "list", "tuple", "dict", "set", "frozenset", "bytes", "bool", "range")
_WRAPPED = ("enumerate", "filter", "map", "zip", "reversed")
_LIMIT = 60


def expressions(rng: random.Random, count: int, raising: bool = False) -> list[str]:
    """`count` different expressions that Python evaluates to something plain, or on which it raises."""
    found: dict[str, None] = {}
    while len(found) < count:
        text = rng.choice(_FORMS)(rng)
        if text not in found and _answer(text) == ("raises" if raising else "plain"):
            found[text] = None
    return list(found)


def _value(rng: random.Random) -> str:
    return rng.choice(POOL)


def _atom(rng: random.Random) -> str:
    text = _value(rng)
    return f"({text})"


def _binary(rng: random.Random) -> str:
    return f"{_atom(rng)} {rng.choice(BINARY)} {_atom(rng)}"


def _chain(rng: random.Random) -> str:
    symbols = ("<", "<=", "==", "!=", "in", "is", "and", "or", "+", "*", "-", "//")
    return f"{_atom(rng)} {rng.choice(symbols)} {_atom(rng)} {rng.choice(symbols)} {_atom(rng)}"


def _unary(rng: random.Random) -> str:
    return f"{rng.choice(UNARY)}{_atom(rng)}"


def _arguments(rng: random.Random, most: int) -> str:
    return ", ".join(_value(rng) for _ in range(rng.randint(0, most)))


def _builtin(rng: random.Random) -> str:
    name = rng.choice(BUILTINS)
    keywords = {
        "sorted": ["reverse=True", "key=str", "key=lambda v: repr(v)"],
        "max": ["default=4", "key=str"],
        "min": ["default=4", "key=repr"],
        "sum": ["start=2"],
        "zip": ["strict=True"],
        "enumerate": ["start=2"],
        "int": ["base=16"],
        "round": ["ndigits=1"],
        "dict": ["a=3, z=4"],
    }
    arguments = _arguments(rng, 3)
    if name in keywords and rng.random() < 0.35:
        arguments = ", ".join(part for part in (arguments, rng.choice(keywords[name])) if part)
    call = f"{name}({arguments})"
    return f"list({call})" if name in _WRAPPED else call


def _method(rng: random.Random) -> str:
    text = _atom(rng)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kind = type(eval(text))
    except Exception:
        return text
    names = [name for name in dir(kind) if not name.startswith("_")]
    if not names:
        return text
    name = rng.choice(names)
    if name in ("items", "keys", "values", "copy") or rng.random() < 0.2:
        arguments = ""
    else:
        arguments = _arguments(rng, 2)
    call = f"{text}.{name}({arguments})"
    return f"list({call})" if name in ("items", "keys", "values") else call


def _mutated(rng: random.Random) -> str:
    """The object after a method that changes it, by way of a function."""
    text = rng.choice([item for item in POOL if item[0] in "[{"])
    kind = type(eval(text))
    names = [name for name in dir(kind) if not name.startswith("_")]
    return f"(lambda o: [o.{rng.choice(names)}({_arguments(rng, 2)}), o][1])({text})"


def _subscript(rng: random.Random) -> str:
    part = rng.choice(
        [
            _value(rng),
            f"{rng.randint(-4, 4)}:{rng.randint(-4, 4)}",
            f"::{rng.choice([-2, -1, 2, 3])}",
            f":{rng.randint(-3, 3)}",
            "'a'",
        ]
    )
    return f"{_atom(rng)}[{part}]"


def _formatted(rng: random.Random) -> str:
    spec = rng.choice(SPECS)
    return rng.choice(
        [
            f"format({_value(rng)}, '{spec}')",
            f"'{{:{spec}}}'.format({_value(rng)})",
            f"'{{0!r:{spec}}}|{{k}}'.format({_value(rng)}, k={_value(rng)})",
        ]
    )


def _f_string(rng: random.Random) -> str:
    value = _atom(rng).replace("\\t", " ").replace("\\n", " ").replace("\\u00df\\u0130", "z")
    if "'" in value and '"' in value:
        return "0"
    conversion = rng.choice(["", "", "!r", "!s", "!a"])
    return f'f"<{{{value}{conversion}:{rng.choice(SPECS)}}}>"'


def _percent(rng: random.Random) -> str:
    spec = rng.choice(
        [
            "%s",
            "%d",
            "%5.2f",
            "%r",
            "%x",
            "%-6s|",
            "%+03d",
            "%e",
            "%g",
            "%%",
            "%c",
            "%i%%",
            "%.3s",
            "%(a)s",
            "%o",
        ]
    )
    count = rng.randint(1, 2)
    right = _value(rng) if rng.random() < 0.5 else f"({', '.join(_value(rng) for _ in range(count))},)"
    return f"'{spec * (1 if rng.random() < 0.7 else 2)}' % {right if right[0] == '(' else f'({right})'}"


def _mathematics(rng: random.Random) -> str:
    return f"math.{rng.choice(MATH)}({_arguments(rng, 2)})"


def _type_method(rng: random.Random) -> str:
    kind = rng.choice(TYPES)
    names = [name for name in dir(getattr(builtins, kind)) if not name.startswith("_")]
    return f"{kind}.{rng.choice(names)}({_arguments(rng, 3)})"


def _comprehension(rng: random.Random) -> str:
    return rng.choice(
        [
            f"[v for v in {_atom(rng)}]",
            f"[(v, w) for v in {_atom(rng)} for w in {_atom(rng)}][:5]",
            f"{{v: 1 for v in {_atom(rng)}}}",
            f"[v for v in {_atom(rng)} if v]",
            f"[*{_atom(rng)}, *{_atom(rng)}]",
            f"{{**{_atom(rng)}, **{_atom(rng)}}}",
            f"(lambda a, *b, c=1, **d: [a, b, c, d])(*{_atom(rng)}, **{_atom(rng)})",
            f"[a for a, *b in {_atom(rng)}]",
            f"dict({_value(rng)}, **{_atom(rng)})",
            f"sum(v for v in {_atom(rng)})",
            f"(lambda v: v if v else {_value(rng)})({_value(rng)})",
            f"len({{{_value(rng)}, {_value(rng)}, {_value(rng)}}})",
            f"{{{_value(rng)}: 1, {_value(rng)}: 2, {_value(rng)}: 3}}",
            f"sorted({_atom(rng)}, key=lambda v: (str(v), v))",
        ]
    )


_FORMS = (
    _binary,
    _binary,
    _chain,
    _unary,
    _builtin,
    _builtin,
    _builtin,
    _method,
    _method,
    _method,
    _mutated,
    _subscript,
    _formatted,
    _f_string,
    _percent,
    _mathematics,
    _type_method,
    _comprehension,
    _comprehension,
)


def _answer(text: str) -> str:
    """`plain` when Python evaluates the text, twice alike, to plain data; `raises`; or `other`."""
    import math

    if "'maketrans'" in text or "hash" in text or "object at" in text:
        return "other"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = compile(text, "fact", "eval", dont_inherit=True)
            first, second = (eval(code, {"math": math}) for _ in range(2))
        return "plain" if _plain(first) and repr(first) == repr(second) else "other"
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError):
        return "raises"
    except Exception:
        return "other"


def _plain(value: Any, depth: int = 0) -> bool:
    """True for data that is small, and whose text is the same in every process."""
    if depth > 4:
        return False
    if type(value) in (type(None), bool, float, range, complex):
        return True
    if type(value) is int:
        return abs(value) < 2**200
    if type(value) in (str, bytes):
        return len(value) <= _LIMIT
    if type(value) in (list, tuple, set, frozenset):
        texts = sum(isinstance(item, (str, bytes)) for item in value)
        unordered = type(value) in (set, frozenset) and texts > 1
        return len(value) <= _LIMIT and not unordered and all(_plain(item, depth + 1) for item in value)
    if type(value) is dict:
        return all(_plain(item, depth + 1) for item in itertools.chain(value, value.values()))
    return False


def module(texts: list[str]) -> str:
    """A config with the value of each expression, or the name of the exception that it raises."""
    lines = ["import math", ""]
    for number, text in enumerate(texts):
        lines += ["try:", f"    k{number} = {text}", "except Exception as error:"]
        lines += [f"    k{number} = type(error).__name__"]
    names = ", ".join(f"k{number}" for number in range(len(texts)))
    return "\n".join([*lines, "", f"config = [{names}]", ""])
