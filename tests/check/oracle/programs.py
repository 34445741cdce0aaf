"""Random programs over numbers, texts, lists, dictionaries, functions and classes, for conformance.

Programs end after a bounded number of steps and hardly ever raise, except inside `try`. Names are few, so
that aliasing happens.
"""

from __future__ import annotations

import random

NUMBERS, LISTS, DICTS, TEXTS, OBJECTS = (
    ("a", "b", "c"),
    ("xs", "ys", "zs"),
    ("d", "e"),
    ("s", "t"),
    ("o", "p"),
)

_HEAD = """import copy
import functools
import itertools
import math
from dataclasses import dataclass, field, replace

a, b, c = 3, 5, -2
xs, ys = [1, 2], [7]
zs = xs
d, e = {"k": 1}, {"k": xs, "m": 2}
s, t = "adam", "w"


@dataclass
class Node:
    n: int = 1
    items: list = field(default_factory=list)

    def __post_init__(self):
        self.twice = self.n * 2

    def grow(self, by=1):
        self.n += by
        self.items.append(by)
        return self


class Leaf(Node):
    shared = []

    @property
    def size(self):
        return len(self.items) + self.n

    def grow(self, by=2):
        Leaf.shared.append(by)
        return super().grow(by * 3)


o, p = Node(4), Leaf(2, [9])
log = []


def noted(value, kept=[]):
    kept.append(value)
    log.append(len(kept))
    return value


def pick(n, *rest, scale=2, **named):
    if n % 3 == 0:
        return n * scale + len(rest)
    for key in sorted(named):
        n += named[key]
    return n
"""


class _Writer:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.lines: list[str] = []
        self.depth = 0
        self.serial = 0

    def any(self, *options: str) -> str:
        return self.rng.choice(options)

    def number(self, depth: int = 2) -> str:
        rng = self.rng
        if depth == 0 or rng.random() < 0.3:
            return self.any(*NUMBERS, str(rng.randint(-3, 9)), str(rng.randint(0, 40)))
        left, right = self.number(depth - 1), self.number(depth - 1)
        return self.any(
            f"({left} + {right})",
            f"({left} - {right})",
            f"({left} * {right} % 997)",
            f"({left} // ({right} or 3))",
            f"({left} % (abs({right}) + 2))",
            f"abs({left})",
            f"max({left}, {right})",
            f"min({left}, {right}, 4)",
            f"({left} if {self.test()} else {right})",
            f"len({self.list(depth - 1)})",
            f"sum({self.list(depth - 1)})",
            f"int({left} / 2)",
            f"round({left} * 0.5)",
            f"({left} and {right} or 1)",
            f"(not {left}) + {right}",
            f"pick({left}, {right}, scale={self.any('2', '3')}, z={self.any('1', 'a')})",
            f"noted({left})",
            f"len({self.any(*TEXTS)})",
            f"({left} ^ {right})",
            f"({left} & 255) << 2",
            f"-{left}",
            f"{self.any(*OBJECTS)}.n % 1000",
            f"{self.any(*OBJECTS)}.twice % 1000",
            "p.size % 1000",
            f"(lambda v, w={right}: v - w)({left})",
            f"functools.reduce(lambda v, w: (v * 2 + w) % 991, {self.list(depth - 1)}, {left})",
            f"{self.list(depth - 1)}.count({right})",
            f"math.floor({left} / 3)",
            f"divmod({left}, 7)[1]",
            f"next(iter({self.list(depth - 1)}), {left})",
            f"{self.any(*TEXTS)}.find({self.any(*TEXTS)})",
            f"d.get('{self.any('k', 'q')}', {left}) if isinstance(d.get('k', 1), int) else 6",
            f"ord({self.any(*TEXTS)}[0:1] or 'z')",
            f"{left} == {right}",
            f"bool({left}) + ({left} < {right} <= 9)",
        )

    def test(self) -> str:
        left, right = self.any(*NUMBERS), self.any(*NUMBERS, "2", "7")
        return self.any(
            f"{left} > {right}",
            f"{left} == {right}",
            f"{left} % 2 == 0",
            f"{left} in {self.any(*LISTS)}",
            f"'{self.any('k', 'q')}' in {self.any(*DICTS)}",
            f"not {self.any(*LISTS)}",
            f"xs is {self.any(*LISTS)}",
            f"{left} < {right} < 8",
            f"len({self.any(*LISTS)}) > 2",
            f"isinstance({left}, int)",
            f"{self.any(*TEXTS)} < {self.any(*TEXTS)}",
            f"any(v > {left} for v in {self.any(*LISTS)})",
            f"{self.any(*LISTS)} == {self.any(*LISTS)}",
            f"all({self.any(*LISTS)})",
        )

    def list(self, depth: int = 1) -> str:
        if depth <= 0 or self.rng.random() < 0.4:
            return self.any(*LISTS, f"[{self.any(*NUMBERS)}, {self.rng.randint(0, 5)}]")
        source, number = self.list(depth - 1), self.number(0)
        return self.any(
            f"[v + {number} for v in {source}]",
            f"[v for v in {source} if v % 2]",
            f"({source} + [{number}])",
            f"{source}[1:]",
            f"{source}[::-1]",
            f"{source}[:{self.rng.randint(-2, 3)}]",
            f"sorted({source})",
            f"list(reversed({source}))",
            f"list(range({self.rng.randint(0, 5)}))",
            f"[*{source}, {number}]",
            f"list(map(lambda v: v * 2, {source}))",
            f"list(itertools.chain({source}, [{number}]))",
            f"[i * v % 101 for i, v in enumerate({source}, 1)]",
            f"[v - w for v, w in zip({source}, {self.any(*LISTS)})]",
            f"list({{v % 5: v for v in {source}}}.values())",
            f"({source} * 2)[:6]",
            f"sorted({source}, key=lambda v: (v % 3, -v))",
            f"[w for v in {source}[:2] for w in (v, {number})]",
            f"list(filter(None, {source}))",
            f"copy.copy({source})",
            f"list(set({source}) & {{1, 2, 7}}) and [1]",
            "[int(q) for q in '3,1,2'.split(',')]",
        )

    def text(self) -> str:
        name = self.any(*TEXTS)
        return self.any(
            name,
            f"f'{{{self.number(1)}}}_{{{name}}}'[:12]",
            f"{name}.upper()",
            f"({name} + {name})[:9]",
            f"'-'.join(str(v) for v in {self.any(*LISTS)})[:15]",
            f"{name}[::-1]",
            f"{name}.replace('a', 'b')",
            f"'%s/%03d' % ({name}[:4], {self.number(1)})",
            f"'{{:>6}}|{{}}'.format({name}[:5], {self.number(0)})",
            f"{name}.partition('d')[2]",
            f"f'{{{self.number(1)} / 7:.3f}}'",
            f"{name}.title().swapcase()",
            f"str({self.list(1)})[:14]",
            f"f'{{{self.number(1)}!r:>8}}'",
            f"{name}.strip('aw') or 'e'",
            f"repr({name})[:10]",
        )

    def put(self, line: str) -> None:
        self.lines.append("    " * self.depth + line)

    def fresh(self, stem: str) -> str:
        self.serial += 1
        return f"{stem}{self.serial}"

    def block(self, count: int) -> None:
        self.depth += 1
        for _ in range(count):
            self.statement()
        self.depth -= 1

    def statement(self) -> None:
        compound = self.depth < 3 and self.rng.random() < 0.25
        if compound:
            self.rng.choice(
                [self._if, self._for, self._while, self._try, self._function, self._match, self._with]
            )()
        else:
            self.put(self._simple())

    def _simple(self) -> str:
        n, target = self.number(), self.any(*NUMBERS)
        xs, d, o = self.any(*LISTS), self.any(*DICTS), self.any(*OBJECTS)
        return self.any(
            f"{target} = {n}",
            f"{target} = {n}",
            f"{target} += {n}",
            f"{target} %= 89",
            f"{xs} = {self.list(2)}",
            f"{xs} = {self.any(*LISTS)}",
            f"{xs}.append({n})",
            f"{xs} += {self.list(1)}[:3]",
            f"{xs}.extend({self.list(1)}[:2])",
            f"{xs}.insert({self.rng.randint(-1, 2)}, {n})",
            f"{xs}[:1] = [{n}, {self.number(0)}]",
            f"{xs}.sort(reverse={self.test()})",
            f"{xs} and {xs}.pop()",
            f"del {xs}[6:]",
            f"{xs}.reverse()",
            f"{d}['{self.any('k', 'm', 'q')}'] = {n}",
            f"{d}['{self.any('k', 'm')}'] = {xs}",
            f"{d}.update({self.any('k', 'm')}={n})",
            f"{d} = {{**{self.any(*DICTS)}, 'm': {n}}}",
            f"{d} = dict({self.any(*DICTS)})",
            f"{d}.pop('{self.any('k', 'm', 'q')}', None)",
            f"{d}.setdefault('q', [])",
            f"{d} |= {{'r': {n}}}",
            f"{self.any(*TEXTS)} = {self.text()}",
            f"{o}.n = {n}",
            f"{o}.grow({self.any('1', '2', '')})",
            f"{o}.items = {xs}",
            f"{o} = replace({o}, n={n}) if {self.test()} else {self.any(*OBJECTS)}",
            f"p = Leaf({n}, {self.list(1)}) if {self.test()} else p",
            f"{target}, {self.any(*NUMBERS)} = {n}, {self.number(1)}",
            f"{target}, *{xs} = [{n}, *{self.list(1)}[:4]]",
            f"log.append({n})",
            f"{xs} = copy.deepcopy({xs})",
            f"log.append(({target} := {n}))",
            f"{d} = {{str(k): v for k, v in {self.any(*DICTS)}.items()}}",
            f"log.extend(sorted({d})[:1])",
            f"setattr({o}, 'extra', {n})",
            f"log.append(getattr({o}, 'extra', 0))",
            f"Leaf.shared = Leaf.shared[-3:] + [{n}]",
            f"{target} = noted({n}) + noted({self.number(1)})",
        )

    def _if(self) -> None:
        self.put(f"if {self.test()}:")
        self.block(self.rng.randint(1, 2))
        if self.rng.random() < 0.5:
            self.put(f"elif {self.test()}:")
            self.block(1)
        if self.rng.random() < 0.6:
            self.put("else:")
            self.block(1)

    def _for(self) -> None:
        name = self.any("a", "i", "j")
        self.put(
            f"for {name} in {self.any(f'range({self.rng.randint(0, 4)})', f'list({self.list(1)})[:4]')}:"
        )
        self.depth += 1
        if self.rng.random() < 0.4:
            self.put(f"if {self.test()}:")
            self.depth += 1
            self.put(self.any("continue", "break", "log.append('stop')"))
            self.depth -= 1
        self.depth -= 1
        self.block(self.rng.randint(1, 2))
        if self.rng.random() < 0.3:
            self.put("else:")
            self.block(1)

    def _while(self) -> None:
        name = self.fresh("w")
        self.put(f"{name} = 0")
        self.put(f"while {name} < {self.rng.randint(1, 4)}:")
        self.depth += 1
        self.put(f"{name} += 1")
        self.depth -= 1
        self.block(self.rng.randint(1, 2))

    def _try(self) -> None:
        self.put("try:")
        self.depth += 1
        self.put(self._simple())
        self.put(
            self.any(
                "log.append({}['no'])",
                "raise ValueError(a)",
                "log.append([][3])",
                "log.append(1 // 0)",
                "log.append(int('x'))",
                "pass",
                "log.append(None.no)",
                "assert a == b, 'different'",
            )
        )
        self.put(self._simple())
        self.depth -= 1
        for kind in self.rng.sample(["KeyError", "ValueError", "(IndexError, ZeroDivisionError)"], 2):
            self.put(f"except {kind}:")
            self.block(1)
        self.put("except Exception as error:")
        self.depth += 1
        self.put("log.append(type(error).__name__)")
        self.depth -= 1
        if self.rng.random() < 0.4:
            self.put("else:")
            self.block(1)
        if self.rng.random() < 0.5:
            self.put("finally:")
            self.block(1)

    def _function(self) -> None:
        name, inner = self.fresh("f"), self.fresh("g")
        self.put(f"def {name}(v, w={self.number(1)}, *, keep=None):")
        self.depth += 1
        self.put(f"u = v * 2 + w + {self.any('1', 'len(log)')}")
        self.put(f"def {inner}():")
        self.put("    nonlocal u")
        self.put(f"    u += {self.any('1', 'w', 'v')}")
        self.put("    return u")
        self.put(f"if v > {self.rng.randint(0, 9)}:")
        self.put(f"    return {inner}() + {inner}()")
        self.put(self.any(f"u = {inner}() if keep else u", "for u in range(w % 4): pass", "keep = [u]"))
        self.put("return u % 1009")
        self.depth -= 1
        self.put(f"{self.any(*NUMBERS)} = {name}({self.number(1)}{self.any('', ', 3', ', keep=True')})")

    def _match(self) -> None:
        self.put(f"match {self.any(*LISTS, *DICTS, *NUMBERS)}:")
        self.depth += 1
        for pattern in self.rng.sample(
            ["[]", "[v1]", "[v1, *_]", "{'k': int(v1)}", "{'m': v1}", "0 | 1 | 2", "int(v1) if v1 > 3"], 3
        ):
            self.put(f"case {pattern}:")
            self.block(1)
        self.put("case _:")
        self.block(1)
        self.depth -= 1

    def _with(self) -> None:
        """A generator that is consumed in part, in place of a context."""
        name = self.fresh("gen")
        self.put(f"{name} = (noted(v) * 2 for v in {self.list(1)} if v != 3)")
        self.put(f"log.append(next({name}, 0))")
        self.put(self._simple())
        self.put(f"log.append(list({name})[:3])")


def program(rng: random.Random) -> str:
    writer = _Writer(rng)
    for _ in range(rng.randint(6, 14)):
        writer.statement()
    tail = (
        "config = {'n': [a, b, c], 'xs': xs, 'ys': ys, 'zs': zs, 'd': d, 'e': e, 's': s, 't': t,\n"
        "          'o': o, 'p': p, 'log': log, 'shared': Leaf.shared,\n"
        "          'alias': [xs is ys, ys is zs, xs is zs, o is p]}\n"
    )
    return _HEAD + "\n" + "\n".join(writer.lines) + "\n\n" + tail
