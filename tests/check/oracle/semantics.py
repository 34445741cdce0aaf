"""Small programs about the places where Python is not what one expects.

Each leaves an integer in NAME. An edit replaces a literal `v` by `v + NAME - guess`, where the guess is what
Python gives or what a careless evaluator would give: only running it tells whether the value has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Quirk:
    name: str
    program: str
    careless: tuple[int, ...]
    """What a wrong idea of the rule would give."""

    def __hash__(self) -> int:
        return hash(self.name)

    @cached_property
    def result(self) -> int:
        scope: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(self.program.replace("NAME", "answer"), self.name, "exec", dont_inherit=True), scope)
        value = scope["answer"]
        assert type(value) is int, (self.name, value)
        return value


def _quirk(name: str, program: str, *careless: int) -> Quirk:
    return Quirk(name, program.strip("\n"), careless)


QUIRKS: tuple[Quirk, ...] = (
    _quirk(
        "late_binding",
        """
NAME_f = [lambda: NAME_i for NAME_i in range(3)]
NAME = NAME_f[0]()
""",
        0,
    ),
    _quirk(
        "late_binding_fixed_by_default",
        """
NAME_f = [lambda i=NAME_i: i for NAME_i in range(3)]
NAME = NAME_f[0]()
""",
        2,
    ),
    _quirk(
        "mutable_default_shared",
        """
def NAME_f(x, kept=[]):
    kept.append(x)
    return len(kept)


NAME_f(1)
NAME = NAME_f(2)
""",
        1,
    ),
    _quirk(
        "default_evaluated_once",
        """
NAME_n = 1


def NAME_f(x=NAME_n):
    return x


NAME_n = 2
NAME = NAME_f()
""",
        2,
    ),
    _quirk(
        "global_read_late",
        """
NAME_n = 1


def NAME_f():
    return NAME_n


NAME_n = 2
NAME = NAME_f()
""",
        1,
    ),
    _quirk(
        "alias_of_list",
        """
NAME_a = [1]
NAME_b = NAME_a
NAME_b.append(2)
NAME = len(NAME_a)
""",
        1,
    ),
    _quirk(
        "plus_is_a_new_list",
        """
NAME_a = [1]
NAME_b = NAME_a
NAME_b = NAME_b + [2]
NAME = len(NAME_a)
""",
        2,
    ),
    _quirk(
        "augmented_is_the_same_list",
        """
NAME_a = [1]
NAME_b = NAME_a
NAME_b += [2]
NAME = len(NAME_a)
""",
        1,
    ),
    _quirk(
        "augmented_tuple_is_new",
        """
NAME_a = (1,)
NAME_b = NAME_a
NAME_b += (2,)
NAME = len(NAME_a)
""",
        2,
    ),
    _quirk(
        "repeated_list_shares_items",
        """
NAME_a = [[]] * 3
NAME_a[0].append(1)
NAME = len(NAME_a[2])
""",
        0,
    ),
    _quirk(
        "comprehension_does_not_share",
        """
NAME_a = [[] for _ in range(3)]
NAME_a[0].append(1)
NAME = len(NAME_a[2])
""",
        1,
    ),
    _quirk(
        "fromkeys_shares",
        """
NAME_a = dict.fromkeys('ab', [])
NAME_a['a'].append(1)
NAME = len(NAME_a['b'])
""",
        0,
    ),
    _quirk(
        "shallow_copy_shares",
        """
NAME_a = {'x': [1]}
NAME_b = dict(NAME_a)
NAME_b['x'].append(2)
NAME = len(NAME_a['x'])
""",
        1,
    ),
    _quirk(
        "class_list_is_shared",
        """
class NAME_c:
    items = []


NAME_c().items.append(1)
NAME = len(NAME_c().items)
""",
        0,
    ),
    _quirk(
        "instance_shadows_class",
        """
class NAME_c:
    n = 1


NAME_o = NAME_c()
NAME_o.n += 5
NAME = NAME_c.n
""",
        6,
    ),
    _quirk(
        "class_scope_is_skipped",
        """
NAME_n = 1


class NAME_c:
    NAME_n = 2

    def read(self):
        return NAME_n


NAME = NAME_c().read()
""",
        2,
    ),
    _quirk(
        "class_scope_first_iterable",
        """
class NAME_c:
    n = 3
    items = [i for i in range(n)]


NAME = len(NAME_c.items)
""",
        0,
    ),
    _quirk(
        "name_mangling",
        """
class NAME_c:
    __n = 1

    def read(self):
        return self.__n


class NAME_d(NAME_c):
    __n = 2


NAME = NAME_d().read()
""",
        2,
    ),
    _quirk(
        "comprehension_scope",
        """
NAME_i = 7
NAME_l = [NAME_i for NAME_i in range(3)]
NAME = NAME_i
""",
        2,
    ),
    _quirk(
        "loop_variable_stays",
        """
NAME_i = 7
for NAME_i in range(3):
    pass
NAME = NAME_i
""",
        7,
    ),
    _quirk(
        "empty_loop_keeps_variable",
        """
NAME_i = 7
for NAME_i in []:
    pass
NAME = NAME_i
""",
        0,
    ),
    _quirk(
        "walrus_leaves_comprehension",
        """
NAME_w = 0
NAME_l = [NAME_w := i for i in range(4)]
NAME = NAME_w
""",
        0,
    ),
    _quirk(
        "while_else",
        """
NAME = 0
while NAME < 3:
    NAME += 1
    if NAME == 2:
        break
else:
    NAME = 50
""",
        50,
        3,
    ),
    _quirk(
        "finally_overrides_return",
        """
def NAME_f():
    try:
        return 1
    finally:
        return 2


NAME = NAME_f()
""",
        1,
    ),
    _quirk(
        "finally_runs_on_break",
        """
NAME = 0
for NAME_i in range(3):
    try:
        break
    finally:
        NAME += 10
""",
        0,
        30,
    ),
    _quirk(
        "exception_name_is_deleted",
        """
NAME_e = 1
try:
    try:
        raise ValueError(3)
    except ValueError as NAME_e:
        pass
    NAME = NAME_e
except NameError:
    NAME = 9
""",
        1,
        3,
    ),
    _quirk(
        "except_order",
        """
try:
    {}['k']
except LookupError:
    NAME = 1
except KeyError:
    NAME = 2
""",
        2,
    ),
    _quirk(
        "partial_effects_before_raise",
        """
NAME_l = []
try:
    NAME_l.append(1)
    NAME_l.append(int('x'))
    NAME_l.append(3)
except ValueError:
    NAME_l.append(4)
NAME = sum(NAME_l)
""",
        8,
        4,
    ),
    _quirk(
        "chained_comparison",
        """
NAME = 10 if (1 < 3 < 2) else 20
""",
        10,
    ),
    _quirk(
        "comparison_of_comparison",
        """
NAME = 10 if ((1 < 3) < 2) else 20
""",
        20,
    ),
    _quirk(
        "equality_chain",
        """
NAME = 1 if (False == False in [False]) else 2
""",
        2,
    ),
    _quirk(
        "and_or_values",
        """
NAME = (0 or 3) + (2 and 5) + ([] and 1 or 4)
""",
        3,
    ),
    _quirk(
        "precedence_not",
        """
NAME = 1 if not 1 == 2 else 0
""",
        0,
    ),
    _quirk(
        "power_and_minus",
        """
NAME = -2 ** 2 + 2 ** 3 ** 2
""",
        4 + 512,
        60,
    ),
    _quirk(
        "floor_division_negative",
        """
NAME = -7 // 2 + 7 // -2
""",
        -6,
    ),
    _quirk(
        "modulo_negative",
        """
NAME = -7 % 3
""",
        -1,
    ),
    _quirk(
        "int_truncates",
        """
NAME = int(-3.7) + int(3.7)
""",
        -1,
    ),
    _quirk(
        "round_half_even",
        """
NAME = round(2.5) + round(3.5) + round(0.5)
""",
        8,
        7,
    ),
    _quirk(
        "bool_is_int",
        """
NAME = True + True + sum([True, False, True])
""",
        2,
    ),
    _quirk(
        "float_sum",
        """
NAME = 1 if 0.1 + 0.2 == 0.3 else 2
""",
        1,
    ),
    _quirk(
        "dict_keys_by_equality",
        """
NAME_d = {1: 'a', True: 'b', 1.0: 'c'}
NAME = len(NAME_d)
""",
        3,
        2,
    ),
    _quirk(
        "dict_keeps_first_key",
        """
NAME_d = {'a': 1, 'b': 2}
NAME_d['a'] = 3
NAME = list(NAME_d).index('a')
""",
        1,
    ),
    _quirk(
        "dict_reinsertion_moves",
        """
NAME_d = {'a': 1, 'b': 2}
del NAME_d['a']
NAME_d['a'] = 3
NAME = list(NAME_d).index('a')
""",
        0,
    ),
    _quirk(
        "dict_union_order",
        """
NAME = ({'a': 1} | {'a': 2})['a'] * 10 + ({'a': 2} | {'a': 1})['a']
""",
        12,
        11,
    ),
    _quirk(
        "dict_update_returns_none",
        """
NAME_d = {'a': 1}
NAME = 5 if NAME_d.update(a=2) is None else NAME_d['a']
""",
        2,
    ),
    _quirk(
        "star_star_later_wins",
        """
NAME_a = {'x': 1}
NAME = {**NAME_a, 'x': 2}['x'] * 10 + {'x': 2, **NAME_a}['x']
""",
        12,
        22,
    ),
    _quirk(
        "setdefault_keeps",
        """
NAME_d = {'a': None}
NAME = 3 if NAME_d.setdefault('a', 7) is None else 7
""",
        7,
    ),
    _quirk(
        "get_default_is_not_for_none",
        """
NAME_d = {'a': None}
NAME = 3 if NAME_d.get('a', 7) is None else 7
""",
        7,
    ),
    _quirk(
        "sort_is_stable",
        """
NAME_l = sorted([(1, 3), (0, 5), (1, 2), (0, 4)], key=lambda p: p[0])
NAME = NAME_l[0][1] * 10 + NAME_l[2][1]
""",
        42,
        43,
        52,
    ),
    _quirk(
        "sort_reverse_is_stable",
        """
NAME_l = sorted([(1, 3), (0, 5), (1, 2)], key=lambda p: p[0], reverse=True)
NAME = NAME_l[0][1]
""",
        2,
    ),
    _quirk(
        "sort_in_place_returns_none",
        """
NAME_l = [3, 1, 2]
NAME = 1 if NAME_l.sort() is None else 2
""",
        2,
    ),
    _quirk(
        "key_function_with_effects",
        """
NAME_n = []
NAME_l = sorted([3, 1, 2], key=lambda x: NAME_n.append(x) or -x)
NAME = NAME_n[0] * 10 + NAME_l[0]
""",
        13,
        11,
    ),
    _quirk(
        "slice_assignment_changes_length",
        """
NAME_l = [0, 1, 2, 3, 4]
NAME_l[1:4] = [9]
NAME = len(NAME_l)
""",
        5,
    ),
    _quirk(
        "slice_step_negative",
        """
NAME = sum([0, 1, 2, 3, 4][::-2]) * 10 + [0, 1, 2, 3][-3:-1][0]
""",
        62,
        60,
    ),
    _quirk(
        "slice_deletion",
        """
NAME_l = list(range(6))
del NAME_l[::2]
NAME = NAME_l[1]
""",
        1,
        2,
    ),
    _quirk(
        "list_removed_while_iterated",
        """
NAME_l = [1, 2, 3, 4]
for NAME_i in NAME_l:
    if NAME_i < 3:
        NAME_l.remove(NAME_i)
NAME = sum(NAME_l)
""",
        7,
    ),
    _quirk(
        "list_extended_while_iterated",
        """
NAME_l = [1, 2]
for NAME_i in NAME_l:
    if len(NAME_l) < 5:
        NAME_l.append(NAME_i)
NAME = len(NAME_l)
""",
        4,
        2,
    ),
    _quirk(
        "generator_is_spent",
        """
NAME_g = (i for i in range(4))
NAME = sum(NAME_g) * 10 + sum(NAME_g)
""",
        66,
    ),
    _quirk(
        "generator_reads_late",
        """
NAME_n = 1
NAME_g = (NAME_n for _ in range(2))
NAME_n = 5
NAME = sum(NAME_g)
""",
        2,
    ),
    _quirk(
        "generator_first_iterable_early",
        """
NAME_l = [1, 2]
NAME_g = (i for i in NAME_l)
NAME_l = [10]
NAME = sum(NAME_g)
""",
        10,
    ),
    _quirk(
        "generator_effects_are_lazy",
        """
NAME_n = []


def NAME_f():
    NAME_n.append(1)
    yield 1
    NAME_n.append(2)


NAME_g = NAME_f()
NAME_a = len(NAME_n)
next(NAME_g)
NAME = NAME_a * 10 + len(NAME_n)
""",
        11,
        2,
        22,
    ),
    _quirk(
        "zip_stops_and_consumes",
        """
NAME_a = iter([1, 2, 3])
NAME_l = list(zip(NAME_a, [1]))
NAME = next(NAME_a)
""",
        2,
    ),
    _quirk(
        "map_is_lazy",
        """
NAME_n = []
NAME_m = map(NAME_n.append, [1, 2])
NAME = len(NAME_n)
""",
        2,
    ),
    _quirk(
        "any_stops_early",
        """
NAME_n = []
any(NAME_n.append(i) or i for i in [0, 1, 2])
NAME = len(NAME_n)
""",
        3,
    ),
    _quirk(
        "enumerate_start",
        """
NAME = dict(enumerate('abc', 1)).get(3, 'x') == 'c' and 4 or 5
""",
        5,
    ),
    _quirk(
        "range_is_not_consumed",
        """
NAME_r = range(3)
NAME = sum(NAME_r) + sum(NAME_r)
""",
        3,
    ),
    _quirk(
        "unpacking_targets_in_order",
        """
NAME_l = [0, 0]
NAME_i = 0
NAME_i, NAME_l[NAME_i] = 1, 5
NAME = NAME_l[0] * 10 + NAME_l[1]
""",
        50,
    ),
    _quirk(
        "right_side_first",
        """
NAME_n = []


def NAME_f(x):
    NAME_n.append(x)
    return x


NAME_d = {}
NAME_d[NAME_f(1)] = NAME_f(2)
NAME = NAME_n[0]
""",
        1,
    ),
    _quirk(
        "argument_order",
        """
NAME_n = []


def NAME_f(x):
    NAME_n.append(x)
    return x


dict(b=NAME_f(1), **{'a': NAME_f(2)}, c=NAME_f(3))
NAME = NAME_n[0] * 100 + NAME_n[1] * 10 + NAME_n[2]
""",
        213,
        132,
    ),
    _quirk(
        "chained_assignment_left_to_right",
        """
NAME_a = [0, 0, 0]
NAME_i = NAME_a[NAME_i if 'NAME_i' in globals() else 0] = 2
NAME = NAME_a[0] * 10 + NAME_a[2]
""",
        20,
    ),
    _quirk(
        "super_follows_mro",
        """
class NAME_a:
    def f(self):
        return 1


class NAME_b(NAME_a):
    def f(self):
        return super().f() + 10


class NAME_c(NAME_a):
    def f(self):
        return super().f() + 200


class NAME_d(NAME_b, NAME_c):
    pass


NAME = NAME_d().f()
""",
        11,
        201,
    ),
    _quirk(
        "property_over_instance",
        """
class NAME_c:
    @property
    def n(self):
        return 4


NAME_o = NAME_c()
NAME_o.__dict__['n'] = 9
NAME = NAME_o.n
""",
        9,
    ),
    _quirk(
        "property_setter",
        """
class NAME_c:
    def __init__(self):
        self._n = 1

    @property
    def n(self):
        return self._n

    @n.setter
    def n(self, value):
        self._n = value * 2


NAME_o = NAME_c()
NAME_o.n = 5
NAME = NAME_o.n
""",
        5,
        1,
    ),
    _quirk(
        "descriptor_set",
        """
class NAME_d:
    def __get__(self, owner, cls):
        return 3

    def __set__(self, owner, value):
        pass


class NAME_c:
    n = NAME_d()


NAME_o = NAME_c()
NAME_o.n = 8
NAME = NAME_o.n
""",
        8,
    ),
    _quirk(
        "operator_overloaded",
        """
class NAME_c:
    def __add__(self, other):
        return 40 + other

    def __radd__(self, other):
        return 70 + other


NAME = (NAME_c() + 1) + (1 + NAME_c()) * 100
""",
        4141,
        7171,
    ),
    _quirk(
        "equality_overloaded",
        """
class NAME_c:
    def __eq__(self, other):
        return True


NAME = 1 if NAME_c() == 5 else 2
""",
        2,
    ),
    _quirk(
        "truth_by_len",
        """
class NAME_c:
    def __len__(self):
        return 0


NAME = 1 if NAME_c() else 2
""",
        1,
    ),
    _quirk(
        "getattr_fallback",
        """
class NAME_c:
    n = 1

    def __getattr__(self, name):
        return 9


NAME = NAME_c().n * 10 + NAME_c().m
""",
        99,
    ),
    _quirk(
        "call_operator",
        """
class NAME_c:
    def __call__(self, x):
        return x + 30


NAME = NAME_c()(1)
""",
        1,
    ),
    _quirk(
        "getitem_operator",
        """
class NAME_c:
    def __getitem__(self, key):
        return key * 3


NAME = NAME_c()[2]
""",
        2,
    ),
    _quirk(
        "contains_operator",
        """
class NAME_c:
    def __contains__(self, item):
        return item == 3


NAME = (3 in NAME_c()) * 10 + (4 in NAME_c())
""",
        0,
        11,
    ),
    _quirk(
        "init_subclass",
        """
class NAME_c:
    n = 1

    def __init_subclass__(cls, **k):
        cls.n = 6


class NAME_d(NAME_c):
    n = 2


NAME = NAME_d.n
""",
        2,
        1,
    ),
    _quirk(
        "metaclass_changes_namespace",
        """
class NAME_m(type):
    def __new__(mcs, name, bases, namespace):
        namespace['n'] = 8
        return super().__new__(mcs, name, bases, namespace)


class NAME_c(metaclass=NAME_m):
    n = 1


NAME = NAME_c.n
""",
        1,
    ),
    _quirk(
        "new_returns_other",
        """
class NAME_c:
    n = 1

    def __new__(cls):
        return [1, 2, 3]


NAME = len(NAME_c())
""",
        1,
        0,
    ),
    _quirk(
        "setattr_intercepts",
        """
class NAME_c:
    def __setattr__(self, name, value):
        self.__dict__[name] = value * 2


NAME_o = NAME_c()
NAME_o.n = 4
NAME = NAME_o.n
""",
        4,
    ),
    _quirk(
        "slots_and_class_default",
        """
class NAME_c:
    __slots__ = ('n',)

    def __init__(self):
        self.n = 3


NAME = NAME_c().n
""",
        0,
    ),
    _quirk(
        "decorator_replaces",
        """
def NAME_d(function):
    return lambda: function() + 7


@NAME_d
def NAME_f():
    return 1


NAME = NAME_f()
""",
        1,
    ),
    _quirk(
        "decorators_inside_out",
        """
def NAME_d(k):
    return lambda function: lambda: function() * 10 + k


@NAME_d(1)
@NAME_d(2)
def NAME_f():
    return 0


NAME = NAME_f()
""",
        12,
    ),
    _quirk(
        "class_decorator",
        """
def NAME_d(cls):
    cls.n = 5
    return cls


@NAME_d
class NAME_c:
    n = 1


NAME = NAME_c.n
""",
        1,
    ),
    _quirk(
        "function_attribute",
        """
def NAME_f():
    return NAME_f.n


NAME_f.n = 3
NAME = NAME_f()
""",
        0,
    ),
    _quirk(
        "function_redefined",
        """
def NAME_f():
    return 1


def NAME_g():
    return NAME_f()


def NAME_f():
    return 2


NAME = NAME_g()
""",
        1,
    ),
    _quirk(
        "method_patched_on_class",
        """
class NAME_c:
    def n(self):
        return 1


NAME_o = NAME_c()
NAME_c.n = lambda self: 2
NAME = NAME_o.n()
""",
        1,
    ),
    _quirk(
        "method_patched_on_instance",
        """
class NAME_c:
    def n(self):
        return 1


NAME_o = NAME_c()
NAME_o.n = lambda: 3
NAME = NAME_o.n() * 10 + NAME_c().n()
""",
        11,
        33,
    ),
    _quirk(
        "bound_method_keeps_object",
        """
class NAME_c:
    k = 1

    def n(self):
        return self.k


NAME_o = NAME_c()
NAME_m = NAME_o.n
NAME_o.k = 2
NAME_o = None
NAME = NAME_m()
""",
        1,
    ),
    _quirk(
        "nonlocal_counter",
        """
def NAME_f():
    n = 0

    def step():
        nonlocal n
        n += 1
        return n

    return step


NAME_a, NAME_b = NAME_f(), NAME_f()
NAME_a()
NAME = NAME_a() * 10 + NAME_b()
""",
        23,
        11,
    ),
    _quirk(
        "local_assignment_hides_global",
        """
NAME_n = 5


def NAME_f():
    NAME_n = 1
    return NAME_n


NAME_f()
NAME = NAME_n
""",
        1,
    ),
    _quirk(
        "unbound_local",
        """
NAME_n = 5


def NAME_f():
    try:
        NAME_x = NAME_n
    except UnboundLocalError:
        NAME_x = 8
    NAME_n = 1
    return NAME_x


NAME = NAME_f()
""",
        5,
        1,
    ),
    _quirk(
        "closure_sees_later_value",
        """
def NAME_f():
    x = 1
    g = lambda: x
    x = 2
    return g()


NAME = NAME_f()
""",
        1,
    ),
    _quirk(
        "recursion_with_memo",
        """
def NAME_f(n, memo={}):
    if n not in memo:
        memo[n] = 1 if n < 2 else NAME_f(n - 1) + NAME_f(n - 2)
    return memo[n]


NAME = NAME_f(9)
""",
        34,
        1,
    ),
    _quirk(
        "keyword_beats_default_dict",
        """
def NAME_f(a, b=2, *args, c=3, **rest):
    return a * 1000 + b * 100 + c * 10 + len(args) + len(rest)


NAME = NAME_f(1, *[5, 6], **{'c': 4, 'd': 0})
""",
        1242,
        1532,
    ),
    _quirk(
        "positional_only",
        """
def NAME_f(a, /, **rest):
    return a * 10 + rest['a']


NAME = NAME_f(1, a=2)
""",
        22,
        11,
    ),
    _quirk(
        "default_refers_to_class_scope",
        """
class NAME_c:
    n = 4

    def f(self, k=n):
        return k


NAME_c.n = 9
NAME = NAME_c().f()
""",
        9,
    ),
    _quirk(
        "dataclass_default_is_class_attribute",
        """
from dataclasses import dataclass as NAME_dc


@NAME_dc
class NAME_c:
    n: int = 1


NAME_c.n = 5
NAME = NAME_c().n * 10 + NAME_c.n
""",
        55,
        11,
    ),
    _quirk(
        "dataclass_without_annotation",
        """
from dataclasses import dataclass as NAME_dc


@NAME_dc
class NAME_c:
    a: int = 1
    b = 2


NAME = len(NAME_c.__dataclass_fields__)
""",
        2,
    ),
    _quirk(
        "dataclass_inherited_order",
        """
from dataclasses import dataclass as NAME_dc


@NAME_dc
class NAME_a:
    x: int = 1
    y: int = 2


@NAME_dc
class NAME_b(NAME_a):
    z: int = 3
    x: int = 9


NAME = NAME_b(5).x * 100 + NAME_b(5).z * 10 + NAME_b().x
""",
        953,
        939,
    ),
    _quirk(
        "dataclass_post_init_and_initvar",
        """
from dataclasses import dataclass as NAME_dc, InitVar as NAME_iv


@NAME_dc
class NAME_c:
    a: int
    scale: NAME_iv[int] = 3

    def __post_init__(self, scale):
        self.a = self.a * scale


NAME = NAME_c(2).a * 10 + len(vars(NAME_c(2)))
""",
        22,
        62,
    ),
    _quirk(
        "dataclass_classvar",
        """
import typing as NAME_t
from dataclasses import dataclass as NAME_dc


@NAME_dc
class NAME_c:
    k: NAME_t.ClassVar[int] = 7
    a: int = 1


NAME = NAME_c(4).a * 10 + NAME_c.k
""",
        14,
        11,
    ),
    _quirk(
        "dataclass_replace_runs_post_init",
        """
from dataclasses import dataclass as NAME_dc, replace as NAME_r


@NAME_dc
class NAME_c:
    a: int = 1
    b: int = 0

    def __post_init__(self):
        self.b += self.a


NAME = NAME_r(NAME_c(2), a=5).b
""",
        5,
        2,
    ),
    _quirk(
        "dataclass_equality",
        """
from dataclasses import dataclass as NAME_dc


@NAME_dc
class NAME_c:
    a: int = 1


NAME = (NAME_c() == NAME_c(1)) * 10 + (NAME_c() is NAME_c())
""",
        0,
        11,
    ),
    _quirk(
        "named_tuple_is_tuple",
        """
from collections import namedtuple as NAME_nt

NAME_p = NAME_nt('P', 'x y', defaults=[4])(1)
NAME = NAME_p[1] * 10 + len(NAME_p) + (NAME_p == (1, 4))
""",
        42,
    ),
    _quirk(
        "enum_aliases",
        """
from enum import Enum as NAME_e


class NAME_c(NAME_e):
    A = 1
    B = 1
    C = 2


NAME = len(NAME_c) * 10 + (NAME_c.A is NAME_c.B)
""",
        30,
        31,
    ),
    _quirk(
        "enum_auto",
        """
from enum import Enum as NAME_e, auto as NAME_au


class NAME_c(NAME_e):
    A = NAME_au()
    B = 10
    C = NAME_au()


NAME = NAME_c.A.value + NAME_c.C.value
""",
        3,
        4,
    ),
    _quirk(
        "text_sort_order",
        """
NAME = sorted(['b', 'A', 'a', '10', '9']).index('a')
""",
        0,
        2,
    ),
    _quirk(
        "text_methods",
        """
NAME = 'a.b.c'.rpartition('.')[0].count('.') * 10 + len('x,,y'.split(',')) + len(' a b '.split())
""",
        14,
    ),
    _quirk(
        "text_strip_is_a_set",
        """
NAME = len('xyabcyx'.strip('xy')) * 10 + len('abcabc'.lstrip('abc'))
""",
        36,
        33,
    ),
    _quirk(
        "format_rounding",
        """
NAME = len(f'{0.125:.2f}{2.675:.2f}') * 100 + (f'{0.125:.2f}' == '0.13') * 10 + (f'{2.675:.2f}' == '2.68')
""",
        811,
        810,
    ),
    _quirk(
        "format_of_numbers",
        """
NAME = len(f'{1e-05}{1e16}{1.0}{True!r:>6}{255:#06x}{1234567:,}')
""",
        30,
    ),
    _quirk(
        "str_of_float",
        """
NAME = len(str(1e22)) * 100 + len(str(1e15)) * 1 + len(repr(0.1 + 0.2))
""",
        500,
    ),
    _quirk(
        "integer_text_conversion",
        """
NAME = int(' 12_3 ') + int('0b11', 0) + int(True)
""",
        126,
    ),
    _quirk(
        "none_comparisons",
        """
NAME = (None == 0) * 10 + (None is None) + ([] == ()) * 100
""",
        11,
        101,
    ),
    _quirk(
        "nan_in_list",
        """
NAME_n = float('nan')
NAME = (NAME_n == NAME_n) * 10 + (NAME_n in [NAME_n]) + ([NAME_n] == [NAME_n])
""",
        0,
        12,
    ),
    _quirk(
        "global_statement",
        """
NAME = 1


def NAME_f():
    global NAME
    NAME = 6


NAME_f()
""",
        1,
    ),
    _quirk(
        "del_in_loop_of_copy",
        """
NAME_d = {'a': 1, 'b': 2, 'c': 3}
for NAME_k in list(NAME_d):
    if NAME_d[NAME_k] % 2:
        del NAME_d[NAME_k]
NAME = len(NAME_d)
""",
        3,
        2,
    ),
    _quirk(
        "match_captures",
        """
match {'kind': 'x', 'n': [1, 2, 3]}:
    case {'kind': 'y'}:
        NAME = 1
    case {'n': [first, *NAME_r]} if len(NAME_r) > 5:
        NAME = 2
    case {'n': [_, *NAME_r], **NAME_k}:
        NAME = len(NAME_r) * 10 + len(NAME_k)
""",
        20,
        2,
        22,
    ),
    _quirk(
        "match_class_and_or",
        """
match 5:
    case bool():
        NAME = 1
    case str() | float():
        NAME = 2
    case int(NAME_x) if NAME_x > 4:
        NAME = NAME_x
""",
        1,
        2,
    ),
    _quirk(
        "context_manager_swallows",
        """
class NAME_c:
    def __enter__(self):
        return 3

    def __exit__(self, *exception):
        return True


NAME = 0
with NAME_c() as NAME_v:
    NAME = NAME_v
    raise ValueError
    NAME = 9
""",
        0,
        9,
    ),
    _quirk(
        "iterator_protocol",
        """
class NAME_c:
    def __iter__(self):
        yield 2
        yield 5


NAME = sum(NAME_c()) + max(*NAME_c())
""",
        7,
        10,
    ),
    _quirk(
        "set_deduplicates",
        """
NAME = len({1, True, 1.0, '1', 2}) * 10 + len({*[1, 1], *(2,)})
""",
        52,
        43,
    ),
    _quirk(
        "frozenset_order_free",
        """
NAME = 1 if frozenset('ab') == frozenset('ba') else 2
""",
        2,
    ),
    _quirk(
        "nested_mutation_through_loop",
        """
NAME_l = [{'n': 1}, {'n': 2}]
for NAME_i in NAME_l:
    NAME_i['n'] *= 10
    NAME_i = {'n': 0}
NAME = sum(i['n'] for i in NAME_l)
""",
        3,
        0,
    ),
    _quirk(
        "reduce_and_itertools",
        """
import functools as NAME_ft
import itertools as NAME_it

NAME = NAME_ft.reduce(lambda a, b: a * 2 + b, [1, 0, 1]) * 10 + len(list(NAME_it.product('ab', repeat=2)))
""",
        54 + 4,
        44,
    ),
    _quirk(
        "divmod_and_pow",
        """
NAME = sum(divmod(-7, 2)) * 10 + pow(3, 4, 5)
""",
        31,
        -41,
    ),
)
