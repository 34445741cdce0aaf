"""Other ways to write a literal: the first half of the kinds of edit.

A respelling gives, for a value, statements to put before it and an expression. With the value unchanged the
edit should preserve the configuration, with another value it should change it; which of the two it did is
decided by running it, never by this table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Spelled = tuple[list[str], str]


@dataclass(frozen=True)
class Respelling:
    name: str
    types: tuple[type, ...]
    write: Callable[[Any, str], Spelled]
    """(value, a fresh name) -> (statements before, expression)."""
    module_level: bool = False
    """The statements only work at the top of a file."""


def _expression(template: Callable[[Any], str]) -> Callable[[Any, str], Spelled]:
    return lambda value, _name: ([], template(value))


def _with(*lines: str, result: str) -> Callable[[Any, str], Spelled]:
    """Statements in which NAME is a fresh name and VALUE the literal."""

    def write(value: Any, name: str) -> Spelled:
        def fill(line: str) -> str:
            return line.replace("NAME", name).replace("VALUE", repr(value))

        return [fill(line) for line in lines], fill(result)

    return write


_INT, _FLOAT, _STR, _BOOL = (int,), (float,), (str,), (bool,)
_NUMBER = (int, float)
_ANY = (int, float, str, bool, type(None))


def _grouped(value: int) -> str:
    return f"{value:_}"


def _scientific(value: float) -> str:
    text = f"{value:e}"
    return text if float(text) == value else f"{value!r}"


def _quotes(value: str) -> str:
    return repr(value) if '"' in value else f'"""{value}"""' if value and value[-1] != "\\" else repr(value)


def _split(value: str) -> tuple[str, str]:
    return value[: len(value) // 2], value[len(value) // 2 :]


RESPELLINGS: tuple[Respelling, ...] = (
    # numbers
    Respelling("int_underscores", _INT, _expression(_grouped)),
    Respelling("int_hexadecimal", _INT, _expression(lambda v: f"{v:#x}")),
    Respelling("int_binary", _INT, _expression(lambda v: f"{v:#b}")),
    Respelling("int_from_text", _INT, _expression(lambda v: f"int('{v}')")),
    Respelling("int_from_base", _INT, _expression(lambda v: f"int('{v:x}', 16)" if v >= 0 else f"int({v})")),
    Respelling("int_product", _INT, _expression(lambda v: f"{v // 2} * 2 + {v % 2}")),
    Respelling("int_division", _INT, _expression(lambda v: f"{v * 3} // 3")),
    Respelling("int_power", _INT, _expression(lambda v: f"2 ** 5 + {v - 32}")),
    Respelling("int_shift", _INT, _expression(lambda v: f"({v} << 3) >> 3")),
    Respelling("int_minus", _INT, _expression(lambda v: f"{v + 7} - 7")),
    Respelling("int_bit_or", _INT, _expression(lambda v: f"({v} & ~3) | ({v} & 3)")),
    Respelling("int_divmod", _INT, _expression(lambda v: f"divmod({v * 10 + 3}, 10)[0]")),
    Respelling("int_sum", _INT, _expression(lambda v: f"sum([{v - 3}, 1, 2])")),
    Respelling("int_max_min", _INT, _expression(lambda v: f"max({v}, min({v}, {v - 1}))")),
    Respelling(
        "int_length", _INT, _expression(lambda v: f"len([0] * {v})" if 0 <= v <= 128 else f"abs(-{v})")
    ),
    Respelling("int_of_float", _INT, _expression(lambda v: f"int({float(v)!r})")),
    Respelling("int_rounded", _INT, _expression(lambda v: f"round({v + 0.25!r})")),
    Respelling("float_scientific", _FLOAT, _expression(_scientific)),
    Respelling("float_from_text", _FLOAT, _expression(lambda v: f"float('{v!r}')")),
    Respelling("float_times_one", _FLOAT, _expression(lambda v: f"{v!r} * 1")),
    Respelling("float_halved", _FLOAT, _expression(lambda v: f"{v * 2!r} / 2")),
    Respelling("float_negated_twice", _FLOAT, _expression(lambda v: f"-(-{v!r})")),
    Respelling("float_absolute", _FLOAT, _expression(lambda v: f"abs(-{v!r}) + 0.0")),
    # text
    Respelling("text_quotes", _STR, _expression(_quotes)),
    Respelling("text_adjacent", _STR, _expression(lambda v: f"({_split(v)[0]!r} {_split(v)[1]!r})")),
    Respelling("text_concatenated", _STR, _expression(lambda v: f"({_split(v)[0]!r} + {_split(v)[1]!r})")),
    Respelling("text_f_string", _STR, _with("NAME = VALUE", result='f"{NAME}"')),
    Respelling("text_format", _STR, _expression(lambda v: "'{}{}'.format" + repr(_split(v)))),
    Respelling("text_format_named", _STR, _expression(lambda v: f"'{{part}}'.format(part={v!r})")),
    Respelling("text_percent", _STR, _expression(lambda v: f"('%s%s' % {_split(v)!r})")),
    Respelling("text_joined", _STR, _expression(lambda v: f"''.join({list(v)!r})")),
    Respelling("text_split", _STR, _expression(lambda v: f"{'x|' + v!r}.split('|', 1)[1]")),
    Respelling("text_stripped", _STR, _expression(lambda v: f"{'~~' + v!r}.removeprefix('~~')")),
    Respelling("text_sliced", _STR, _expression(lambda v: f"{'ab' + v + 'cd'!r}[2:-2]")),
    Respelling("text_reversed", _STR, _expression(lambda v: f"{v[::-1]!r}[::-1]")),
    Respelling("text_replaced", _STR, _expression(lambda v: f"{v + '#'!r}.replace('#', '')")),
    Respelling(
        "text_escaped",
        _STR,
        _expression(lambda v: '"' + "".join(f"\\x{ord(c):02x}" for c in v) + '"' if v.isascii() else repr(v)),
    ),
    # truth
    Respelling("bool_comparison", _BOOL, _expression(lambda v: "(1 < 2 <= 2)" if v else "(1 < 2 < 2)")),
    Respelling("bool_negated", _BOOL, _expression(lambda v: f"(not {not v})")),
    Respelling("bool_membership", _BOOL, _expression(lambda v: f"({1 if v else 9} in (1, 2))")),
    Respelling("bool_all_any", _BOOL, _expression(lambda v: f"all([True, {v}])")),
    Respelling("bool_isinstance", _BOOL, _expression(lambda v: f"isinstance({v}, int) and bool({int(v)})")),
    # anything
    Respelling("parentheses", _ANY, _expression(lambda v: f"({v!r})")),
    Respelling("conditional_expression", _ANY, _expression(lambda v: f"({v!r} if 3 > 2 else 'never')")),
    Respelling("and_or", _ANY, _expression(lambda v: f"(True and [{v!r}] or [0])[0]")),
    Respelling("immediate_lambda", _ANY, _expression(lambda v: f"(lambda: {v!r})()")),
    Respelling("lambda_default", _ANY, _expression(lambda v: f"(lambda x={v!r}: x)()")),
    Respelling("list_index", _ANY, _expression(lambda v: f"[None, {v!r}, 0][1]")),
    Respelling("negative_index", _ANY, _expression(lambda v: f"(0, {v!r})[-1]")),
    Respelling("dict_lookup", _ANY, _expression(lambda v: f"{{'a': 0, 'b': {v!r}}}['b']")),
    Respelling("dict_get_default", _ANY, _expression(lambda v: f"{{'a': 0}}.get('b', {v!r})")),
    Respelling("next_of_iterator", _ANY, _expression(lambda v: f"next(iter([{v!r}, 1]))")),
    Respelling("comprehension_last", _ANY, _expression(lambda v: f"[x for x in (0, {v!r})][-1]")),
    Respelling(
        "generator_filter", _ANY, _expression(lambda v: f"list(x for i, x in enumerate([5, {v!r}]) if i)[0]")
    ),
    Respelling("zip_pairs", _ANY, _expression(lambda v: f"dict(zip(['p', 'q'], [0, {v!r}]))['q']")),
    Respelling("starred_list", _ANY, _expression(lambda v: f"[*(1, 2), {v!r}][2]")),
    Respelling("merged_dicts", _ANY, _expression(lambda v: f"{{**{{'k': 0}}, 'k': {v!r}}}['k']")),
    Respelling("dict_union", _ANY, _expression(lambda v: f"({{'k': 0}} | {{'k': {v!r}}})['k']")),
    Respelling("slice_bounds", _ANY, _expression(lambda v: f"[1, 2, {v!r}, 4][2:3][0]")),
    Respelling("map_identity", _ANY, _expression(lambda v: f"list(map(lambda x: x, [{v!r}]))[0]")),
    Respelling("named_constant", _ANY, _with("NAME = VALUE", result="NAME")),
    Respelling("annotated_constant", _ANY, _with("NAME: object = VALUE", result="NAME")),
    Respelling("chained_constant", _ANY, _with("NAME = NAME_b = VALUE", result="NAME_b")),
    Respelling("tuple_unpacking", _ANY, _with("NAME, NAME_b = 0, VALUE", result="NAME_b")),
    Respelling("starred_unpacking", _ANY, _with("NAME, *NAME_b = 0, 1, VALUE", result="NAME_b[1]")),
    Respelling(
        "nested_unpacking", _ANY, _with("(NAME, (NAME_b, NAME_c)) = (0, (1, VALUE))", result="NAME_c")
    ),
    Respelling(
        "swapped", _ANY, _with("NAME, NAME_b = VALUE, 0", "NAME, NAME_b = NAME_b, NAME", result="NAME_b")
    ),
    Respelling("reassigned", _ANY, _with("NAME = 'old'", "NAME = VALUE", result="NAME")),
    Respelling("augmented", _NUMBER, _with("NAME = VALUE", "NAME += 0", result="NAME")),
    Respelling("walrus", _ANY, _with("if (NAME := VALUE) is not Ellipsis:", "    pass", result="NAME")),
    Respelling(
        "if_else", _ANY, _with("if 2 > 1:", "    NAME = VALUE", "else:", "    NAME = 0", result="NAME")
    ),
    Respelling(
        "elif_chain",
        _ANY,
        _with(
            "if 1 > 2:",
            "    NAME = 0",
            "elif 'a' == 'a':",
            "    NAME = VALUE",
            "else:",
            "    NAME = 1",
            result="NAME",
        ),
    ),
    Respelling("for_loop", _ANY, _with("for NAME in (0, 1, VALUE):", "    pass", result="NAME")),
    Respelling(
        "for_break",
        _ANY,
        _with(
            "for NAME in ('start', VALUE, 'x'):",
            "    if NAME != 'start':",
            "        break",
            "else:",
            "    NAME = 'never'",
            result="NAME",
        ),
    ),
    Respelling(
        "for_else", _ANY, _with("for NAME in ():", "    pass", "else:", "    NAME = VALUE", result="NAME")
    ),
    Respelling(
        "for_continue",
        _ANY,
        _with(
            "NAME = []",
            "for NAME_b in (0, 1, 2):",
            "    if NAME_b < 2:",
            "        continue",
            "    NAME.append(VALUE)",
            result="NAME[0]",
        ),
    ),
    Respelling(
        "while_loop",
        _ANY,
        _with(
            "NAME = [0, VALUE]", "NAME_b = 0", "while NAME_b < 1:", "    NAME_b += 1", result="NAME[NAME_b]"
        ),
    ),
    Respelling(
        "try_except",
        _ANY,
        _with("try:", "    NAME = {}['missing']", "except KeyError:", "    NAME = VALUE", result="NAME"),
    ),
    Respelling(
        "try_else_finally",
        _ANY,
        _with(
            "try:",
            "    NAME = 0",
            "except ValueError:",
            "    NAME = 1",
            "else:",
            "    NAME = VALUE",
            "finally:",
            "    NAME_b = 2",
            result="NAME",
        ),
    ),
    Respelling(
        "raise_and_catch",
        _ANY,
        _with(
            "try:",
            "    raise ValueError(VALUE)",
            "except ValueError as error:",
            "    NAME = error.args[0]",
            result="NAME",
        ),
    ),
    Respelling(
        "match_statement",
        _ANY,
        _with(
            "match ('k', VALUE):",
            "    case ('z', _):",
            "        NAME = 0",
            "    case (_, NAME):",
            "        pass",
            result="NAME",
        ),
    ),
    Respelling("deleted_elsewhere", _ANY, _with("NAME, NAME_b = VALUE, 0", "del NAME_b", result="NAME")),
    Respelling("list_append", _ANY, _with("NAME = []", "NAME.append(VALUE)", result="NAME[0]")),
    Respelling(
        "list_insert_pop",
        _ANY,
        _with("NAME = [0, 1]", "NAME.insert(1, VALUE)", "NAME_b = NAME.pop(1)", result="NAME_b"),
    ),
    Respelling("list_item_assigned", _ANY, _with("NAME = [0, 0]", "NAME[1] = VALUE", result="NAME[1]")),
    Respelling(
        "list_alias", _ANY, _with("NAME = [0]", "NAME_b = NAME", "NAME_b[0] = VALUE", result="NAME[0]")
    ),
    Respelling(
        "list_extend_alias", _ANY, _with("NAME = NAME_b = [0]", "NAME += [VALUE]", result="NAME_b[1]")
    ),
    Respelling(
        "list_slice_assigned", _ANY, _with("NAME = [1, 2, 3]", "NAME[0:2] = [VALUE]", result="NAME[0]")
    ),
    Respelling(
        "list_copied",
        _ANY,
        _with("NAME = [VALUE]", "NAME_b = NAME.copy()", "NAME[0] = 0", result="NAME_b[0]"),
    ),
    Respelling("list_sorted", _NUMBER, _with("NAME = sorted([VALUE, VALUE])", result="NAME[1]")),
    Respelling("list_reversed", _ANY, _with("NAME = [VALUE, 0]", "NAME.reverse()", result="NAME[1]")),
    Respelling("dict_item_assigned", _ANY, _with("NAME = {'a': 0}", "NAME['a'] = VALUE", result="NAME['a']")),
    Respelling("dict_updated", _ANY, _with("NAME = dict(a=0)", "NAME.update(a=VALUE)", result="NAME['a']")),
    Respelling(
        "dict_setdefault",
        _ANY,
        _with("NAME = {}", "NAME.setdefault('a', VALUE)", "NAME.setdefault('a', 0)", result="NAME['a']"),
    ),
    Respelling("dict_pop", _ANY, _with("NAME = {'a': VALUE}", result="NAME.pop('a')")),
    Respelling(
        "dict_in_dict_alias",
        _ANY,
        _with("NAME = {'in': {}}", "NAME_b = NAME['in']", "NAME_b['x'] = VALUE", result="NAME['in']['x']"),
    ),
    Respelling(
        "dict_comprehension",
        _ANY,
        _with("NAME = {k: v for k, v in [('a', 0), ('b', VALUE)]}", result="NAME['b']"),
    ),
    Respelling(
        "dict_items_loop",
        _ANY,
        _with(
            "NAME = None",
            "for NAME_k, NAME_v in {'a': 0, 'b': VALUE}.items():",
            "    if NAME_k == 'b':",
            "        NAME = NAME_v",
            result="NAME",
        ),
    ),
    Respelling("function_result", _ANY, _with("def NAME():", "    return VALUE", result="NAME()")),
    Respelling("function_default", _ANY, _with("def NAME(x=VALUE):", "    return x", result="NAME()")),
    Respelling(
        "function_keyword_only",
        _ANY,
        _with("def NAME(a, *, b=0):", "    return b", result="NAME(1, b=VALUE)"),
    ),
    Respelling(
        "function_varargs",
        _ANY,
        _with("def NAME(*a, **k):", "    return a[1], k['z']", result="NAME(0, 1, z=VALUE)[1]"),
    ),
    Respelling(
        "function_early_return",
        _ANY,
        _with("def NAME(flag):", "    if flag:", "        return VALUE", "    return 0", result="NAME(True)"),
    ),
    Respelling(
        "function_mutates",
        _ANY,
        _with(
            "def NAME(target):",
            "    target['x'] = VALUE",
            "",
            "",
            "NAME_b = {}",
            "NAME(NAME_b)",
            result="NAME_b['x']",
        ),
    ),
    Respelling(
        "function_recursive",
        _ANY,
        _with("def NAME(n):", "    return VALUE if n == 0 else NAME(n - 1)", result="NAME(3)"),
    ),
    Respelling(
        "closure_cell",
        _ANY,
        _with(
            "def NAME(x):", "    def inner():", "        return x", "    return inner", result="NAME(VALUE)()"
        ),
    ),
    Respelling(
        "closure_nonlocal",
        _ANY,
        _with(
            "def NAME():",
            "    x = 0",
            "    def put():",
            "        nonlocal x",
            "        x = VALUE",
            "    put()",
            "    return x",
            result="NAME()",
        ),
    ),
    Respelling(
        "generator_function",
        _ANY,
        _with("def NAME():", "    yield 0", "    yield VALUE", result="list(NAME())[1]"),
    ),
    Respelling("class_attribute", _ANY, _with("class NAME:", "    x = VALUE", result="NAME.x")),
    Respelling(
        "class_inherited",
        _ANY,
        _with(
            "class NAME:",
            "    x = 0",
            "    y = VALUE",
            "",
            "",
            "class NAME_b(NAME):",
            "    x = 1",
            result="NAME_b.y",
        ),
    ),
    Respelling(
        "instance_attribute",
        _ANY,
        _with("class NAME:", "    def __init__(self, x):", "        self.x = x", result="NAME(VALUE).x"),
    ),
    Respelling(
        "property_value",
        _ANY,
        _with("class NAME:", "    @property", "    def x(self):", "        return VALUE", result="NAME().x"),
    ),
    Respelling(
        "static_method",
        _ANY,
        _with("class NAME:", "    @staticmethod", "    def x():", "        return VALUE", result="NAME.x()"),
    ),
    Respelling(
        "class_method",
        _ANY,
        _with(
            "class NAME:",
            "    y = VALUE",
            "",
            "    @classmethod",
            "    def x(cls):",
            "        return cls.y",
            result="NAME.x()",
        ),
    ),
    Respelling(
        "super_call",
        _ANY,
        _with(
            "class NAME:",
            "    def x(self):",
            "        return VALUE",
            "",
            "",
            "class NAME_b(NAME):",
            "    def x(self):",
            "        return super().x()",
            result="NAME_b().x()",
        ),
    ),
    Respelling(
        "setattr_getattr",
        _ANY,
        _with("class NAME:", "    pass", "", "", "setattr(NAME, 'x', VALUE)", result="getattr(NAME, 'x')"),
    ),
    Respelling(
        "local_dataclass",
        _ANY,
        _with(
            "from dataclasses import dataclass as NAME_d",
            "",
            "",
            "@NAME_d",
            "class NAME:",
            "    a: int",
            "    b: object = 0",
            result="NAME(1, VALUE).b",
        ),
    ),
    Respelling(
        "named_tuple",
        _ANY,
        _with(
            "from collections import namedtuple as NAME_n",
            "NAME = NAME_n('NAME', 'a b')",
            result="NAME(0, b=VALUE).b",
        ),
    ),
    Respelling(
        "enum_member",
        _ANY,
        _with(
            "from enum import Enum as NAME_e",
            "",
            "",
            "class NAME(NAME_e):",
            "    A = 'first'",
            "    B = VALUE",
            result="NAME.B.value",
        ),
    ),
    Respelling(
        "partial_function",
        _ANY,
        _with(
            "from functools import partial as NAME_p",
            "NAME = NAME_p(dict, a=0, b=VALUE)",
            result="NAME(a=1)['b']",
        ),
    ),
    Respelling(
        "deep_copy",
        _ANY,
        _with(
            "from copy import deepcopy as NAME_c",
            "NAME = [[VALUE]]",
            "NAME_b = NAME_c(NAME)",
            "NAME[0][0] = 0",
            result="NAME_b[0][0]",
        ),
    ),
    Respelling("globals_lookup", _ANY, _with("NAME = VALUE", result="globals()['NAME']"), module_level=True),
    Respelling(
        "exec_of_text",
        _ANY,
        lambda value, name: ([f"exec({f'{name} = {value!r}'!r})"], name),
        module_level=True,
    ),
    Respelling("eval_of_text", _ANY, lambda value, _name: ([], f"eval({f'({value!r})'!r})")),
)
