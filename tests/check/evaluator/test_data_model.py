"""Operations of the data model give what Python gives: each program is executed, and its result is the only one proven."""

from __future__ import annotations

import pytest

from tests.check.conftest import Check

CLASSES = """
import dataclasses
import functools
class Base:
    def __init__(self, n=0): self.n = n
    def __add__(self, other): return "left"
    def __radd__(self, other): return "right"
    def __lt__(self, other): return "less"
    def __gt__(self, other): return "greater"
class Sub(Base):
    def __radd__(self, other): return "sub"
class Same(Base): pass
class Picky:
    def __add__(self, other): return NotImplemented
    def __eq__(self, other): return NotImplemented if isinstance(other, int) else True
class Sized:
    def __len__(self): return 0
class Lookup:
    kind = "class"
    def __init__(self): self.own = "instance"; self.__dict__["both"] = "instance"
    @property
    def both(self): return "property"
    def __getattr__(self, name): return "missing " + name
    @staticmethod
    def static(x): return x
    @classmethod
    def named(cls): return cls.kind
@dataclasses.dataclass
class Point:
    x: float = 0
    y: int = dataclasses.field(default=0, repr=False, compare=False)
def removed(mapping, key):
    del mapping[key]
    return mapping
"""


@pytest.mark.parametrize(
    "expression",
    [
        "bool({}.keys())", "bool(Sized())", "bool(Base())", "not {1}.difference({1})",
        "3.0 in range(5)", "2.5 in range(5)", "float('nan') in range(5)", "True in [1]", "'b' in {'a': 1}.values()",
        "{1: 'a', True: 'b'}", "[*{'a': 1}.keys() & {'a', 'b'}]", "list({1} | {True})", "[1] * True", "2 * (1, 2)",
        "Base() + Sub()", "Base() + Same()", "Base() + Base()", "1 + Base()", "Picky() + Base()",
        "Base() < Sub()", "Base() < 1", "1 < Base()", "Picky() == 1", "Picky() != Picky()",
        "Point(1) == Point(1.0, 5)", "Point(1) != Point(2)", "Point(1) == (1, 0)", "repr(Point(1, 2))", "ascii(Point('é'))",
        "Lookup().both", "Lookup().own", "Lookup().kind", "Lookup().other", "Lookup().static(3)", "Lookup().named()",
        "[10, 20, 30][True]", "'abc'[-1]", "range(10)[2]", "removed({'a': 1, 'b': 2}, 'a')", "removed([1, 2, 3], slice(2))",
        "[y for x in [[1, 2], [3]] for y in x if y > 1]", "'%s-%d' % ('a', 3)", "-True", "(1, 2) + (3,)", "{'a': 1} | {'a': 2}",
        "functools.partial(functools.partial(removed, 1), 2).func is removed",
        "functools.partial(functools.partial(removed, 1, k=1, m=2), 2, k=3).args",
        "functools.partial(functools.partial(removed, 1, k=1, m=2), 2, k=3).keywords",
    ],
)  # fmt: skip
def test_operation_gives_what_python_gives(check: Check, expression: str) -> None:
    namespace: dict[str, object] = {}
    exec(CLASSES + f"result = {expression}", namespace)
    program = f"{CLASSES}\nconfig = {{'value': {expression}}}\n"
    assert check(program, f"config = {{'value': {namespace['result']!r}}}\n").verdict == "proven"
    assert check(program, "config = {'value': 'another'}\n").verdict != "proven"


@pytest.mark.parametrize("expression", ["{'a': 1}.keys() == ['a']", "{'a': 1}.keys() == {'a': 1}.values()"])
def test_dict_view_compared_with_no_set_is_refused(check: Check, expression: str) -> None:
    # Python says False although the elements are the same.
    for answer in (True, False):
        result = check(f"config = {{'value': {expression}}}\n", f"config = {{'value': {answer}}}\n")
        assert result.verdict == "unproven"


def test_namespaces_of_two_instances_in_one_operand_are_distinguished(check: Check) -> None:
    program = """
import framework
class A:
    def __init__(self, lr): self.lr = lr
config = {{'value': framework.start + [vars(A(1)), vars(A({lr}))]}}
"""
    assert check(program.format(lr=2), program.format(lr=2)).verdict == "proven"
    assert check(program.format(lr=2), program.format(lr=3)).verdict != "proven"
    assert check(program.format(lr=2), program.format(lr=1)).verdict != "proven"


def test_operand_of_an_external_operation_is_recorded_as_it_was_then(check: Check) -> None:
    program = """
import framework
class A:
    lr = 1
a = A()
a.lr = 2
{0}
sum = framework.start + [vars(a)]
{1}
config = {{'value': sum, 'lr': a.lr}}
"""
    before, after = program.format("a.lr = 3", ""), program.format("", "a.lr = 3")
    assert check(before, before).verdict == "proven"
    assert check(before, after).verdict != "proven"


@pytest.mark.parametrize("statement", ["del config[[]]", "del config[framework.key]", "config['a'].b = 1"])
def test_statement_that_python_or_the_checker_refuses_does_not_pass(check: Check, statement: str) -> None:
    program = f"import framework\nconfig = {{'a': 1}}\n{statement}\n"
    assert check(program, "config = {'a': 1}\n").verdict != "proven"


def test_placeholder_of_mmengine_has_no_attribute_that_is_known(check: Check) -> None:
    program = "_base_ = ['./base.py']\nconfig = {'value': {{_base_.x}}.upper()}\n"
    result = check(program, program, {"base": "x = 'a'\n"})
    assert result.verdict == "unproven"
