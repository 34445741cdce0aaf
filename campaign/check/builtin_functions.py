"""The builtin functions and types."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator
from typing import Any

from campaign.check.accepted import check_function
from campaign.check.attributes import get_attribute, set_attribute, type_of
from campaign.check.constants import NotConcrete, check_size, key_of, lift, lower
from campaign.check.iteration import elements, iterate, unordered
from campaign.check.limits import Halt, Raised
from campaign.check.machine import Args, Machine, Site
from campaign.check.methods import in_order, next_item, pairs_of
from campaign.check.operators import binary, compare, compute, involves_outside, store, truth, unwrapped
from campaign.check.outside import term
from campaign.check.scope import Scope
from campaign.check.sources import Unreadable, parse
from campaign.check.text import as_text
from campaign.check.values import (
    OUTSIDE,
    Bound,
    Builtin,
    ClassObj,
    DictObj,
    ErrorObj,
    FuncObj,
    InstObj,
    Iter,
    ListObj,
    ModuleObj,
    Namespace,
    Nondet,
    Origin,
    Partial,
    SetObj,
    SuperObj,
    Sym,
    TupleObj,
    Unknown,
    Value,
    View,
    Wrapped,
    is_constant,
)

Function = Callable[[Machine, Args, Site], Value]


def one(machine: Machine, args: Args, site: Site, least: int = 1, most: int = 1) -> Value:
    if not least <= len(args.positional) <= most:
        raise machine.error(TypeError, "wrong number of arguments", site.at)
    return args.positional[0]


def origin_of(args: Args, site: Site) -> Origin:
    parents = tuple(value.origin for value in (*args.positional, *args.keywords.values()))
    return Origin(site.at.file, site.at.line, site.at.column, parents)


def length(machine: Machine, args: Args, site: Site) -> Value:
    from campaign.check.calls import call_method

    value = one(machine, args, site)
    payload = value.payload
    at = origin_of(args, site)
    machine.readable(payload, at)
    if isinstance(payload, ListObj | TupleObj):
        return Value(len(payload.items), at)
    if isinstance(payload, SetObj | DictObj):
        keys = payload.items if isinstance(payload, SetObj) else payload.entries
        from campaign.check.constants import is_outside_key

        if len(keys) > 1 and any(is_outside_key(key) for key in keys):
            return term(machine, "len", at, value)
        return Value(len(keys), at)
    if isinstance(payload, View):
        return length(machine, Args([Value(payload.holder, value.origin)]), site)
    if isinstance(payload, str | bytes | range):
        return Value(len(payload), at)
    if isinstance(payload, Namespace):
        raise Halt("len() of a namespace", at)
    if isinstance(payload, InstObj) and payload.cls.find("__len__") is not None:
        return call_method(machine, value, "__len__", Args([]), at)
    if isinstance(payload, ClassObj) and payload.kind == "enum":
        return Value(len(set(map(id, payload.members.values()))), at)
    if isinstance(payload, (*OUTSIDE, Unknown, Nondet)):
        return term(machine, "len", at, value)
    raise machine.error(TypeError, "object has no len()", at)


def pure(function: Callable[..., Any]) -> Function:
    """A function of constants, a term of anything only known at run time."""

    def known(machine: Machine, args: Args, site: Site) -> Value:
        plain = [unwrapped(value) for value in args.positional]
        at = origin_of(args, site)
        if args.keywords:
            extra = [
                Value(ListObj([Value(key, at), value]), at) for key, value in sorted(args.keywords.items())
            ]
            try:
                named = {key: lower(value.payload) for key, value in args.keywords.items()}
                real = [lower(value.payload) for value in plain]
            except NotConcrete:
                return term(machine, function.__name__, at, *plain, *extra)
            try:
                return lift(function(*real, **named), at)
            except Exception as error:
                raise machine.error(type(error), str(error), at) from None
        _no_instances(machine, plain, function.__name__, at)
        return compute(machine, function, at, *plain)

    return known


def _no_instances(machine: Machine, values: list[Value], name: str, at: Origin) -> None:
    for value in values:
        if isinstance(value.payload, InstObj | ErrorObj | Iter):
            raise Halt(f"{name}() of an instance", at, "compute with plain values")


def is_true(machine: Machine, args: Args, site: Site) -> Value:
    if not args.positional:
        return Value(False, site.at)
    return Value(truth(machine, args.positional[0], site.at), origin_of(args, site))


def any_of(machine: Machine, args: Args, site: Site) -> Value:
    for item in _any_order(machine, one(machine, args, site), site.at):
        if truth(machine, item, site.at):
            return Value(True, origin_of(args, site))
    return Value(False, origin_of(args, site))


def all_of(machine: Machine, args: Args, site: Site) -> Value:
    for item in _any_order(machine, one(machine, args, site), site.at):
        if not truth(machine, item, site.at):
            return Value(False, origin_of(args, site))
    return Value(True, origin_of(args, site))


def _any_order(machine: Machine, value: Value, at: Origin) -> Iterator[Value]:
    if isinstance(value.payload, SetObj):
        return iter(unordered(machine, value, at))
    return iterate(machine, value, at)


def total(machine: Machine, args: Args, site: Site) -> Value:
    value = one(machine, args, site, 1, 2)
    items = elements(machine, value, site.at) if not isinstance(value.payload, SetObj) else None
    if items is None:
        items = unordered(machine, value, site.at)
        if not all(isinstance(item.payload, int) for item in items):
            raise Halt("sums a set, whose order differs from run to run", site.at)
    start = args.keywords.get("start", args.positional[1] if len(args.positional) > 1 else Value(0, site.at))
    if isinstance(start.payload, str | bytes) or ("start" in args.keywords and len(args.positional) > 1):
        raise machine.error(TypeError, "sum() cannot be called like this", site.at)
    if all(isinstance(item.payload, int | float) for item in (start, *items)):
        # one call: from Python 3.12 on, sum() of floats is more exact than adding them in turn
        return Value(
            sum([item.payload for item in items], start.payload), origin_of(Args([*items, start]), site)
        )
    result = start
    for item in items:
        result = binary(machine, ast.Add, result, item, site.at)
    return result


def extreme(kind: type[ast.cmpop]) -> Function:
    def known(machine: Machine, args: Args, site: Site) -> Value:
        from campaign.check.calls import call

        if not args.positional:
            raise machine.error(TypeError, "expected at least 1 argument", site.at)
        key = args.keywords.get("key")
        single = len(args.positional) == 1
        items = unordered(machine, args.positional[0], site.at) if single else args.positional
        if single and isinstance(args.positional[0].payload, SetObj) and key is not None:
            raise Halt("picks from a set by key, whose order differs from run to run", site.at)
        if not items:
            if "default" in args.keywords:
                return args.keywords["default"]
            raise machine.error(ValueError, "arg is an empty sequence", site.at)
        if any(isinstance(item.payload, (*OUTSIDE, Unknown, Nondet)) for item in items) and key is None:
            return term(machine, "min" if kind is ast.Lt else "max", site.at, *items)
        best, best_key = None, None
        for item in items:
            measured = (
                item
                if key is None or key.payload is None
                else call(machine, key, Args([item]), site.at, None)
            )
            if best_key is None or truth(
                machine, compare(machine, kind, measured, best_key, site.at), site.at
            ):
                best, best_key = item, measured
        assert best is not None
        origin = Origin(site.at.file, site.at.line, site.at.column, tuple(item.origin for item in items))
        return Value(best.payload, origin)

    return known


def in_sorted_order(machine: Machine, args: Args, site: Site) -> Value:
    items = unordered(machine, one(machine, args, site), site.at)
    if isinstance(args.positional[0].payload, SetObj) and "key" in args.keywords:
        raise Halt("sorts a set by key, whose ties differ from run to run", site.at)
    return Value(ListObj(in_order(machine, items, args.keywords, site)), origin_of(args, site))


def reversed_items(machine: Machine, args: Args, site: Site) -> Value:
    value = one(machine, args, site)
    if isinstance(value.payload, Iter | SetObj):
        raise machine.error(TypeError, "object is not reversible", site.at)
    items = elements(machine, value, site.at)
    return Value(Iter(iter(items[::-1])), origin_of(args, site))


def zipped(machine: Machine, args: Args, site: Site) -> Value:
    sources = [iterate(machine, value, site.at) for value in args.positional]
    strict = "strict" in args.keywords and truth(machine, args.keywords["strict"], site.at)

    def generate() -> Iterator[Value]:
        while sources:
            row: list[Value] = []
            for index, source in enumerate(sources):
                item = next(source, None)
                if item is None:
                    if strict and (index or any(next(other, None) is not None for other in sources[1:])):
                        raise machine.error(ValueError, "zip() arguments differ in length", site.at)
                    return
                row.append(item)
            yield Value(TupleObj(tuple(row)), site.at)

    return Value(Iter(generate()), origin_of(args, site))


def enumerated(machine: Machine, args: Args, site: Site) -> Value:
    value = one(machine, args, site, 1, 2)
    start = args.keywords.get("start", args.positional[1] if len(args.positional) > 1 else Value(0, site.at))
    if not isinstance(start.payload, int):
        raise Halt("enumerate() from a start only known at run time", site.at)
    source = iterate(machine, value, site.at)
    pairs = (
        Value(TupleObj((Value(index, site.at), item)), site.at)
        for index, item in enumerate(source, start.payload)
    )
    return Value(Iter(pairs), origin_of(args, site))


def mapped(machine: Machine, args: Args, site: Site) -> Value:
    from campaign.check.calls import call

    function, *rest = args.positional
    if any(isinstance(value.payload, OUTSIDE) for value in rest):
        if is_constant(function.payload) or isinstance(function.payload, (*OUTSIDE, type)):
            return term(machine, "map", site.at, *args.positional)
    sources = [iterate(machine, value, site.at) for value in rest]

    def generate() -> Iterator[Value]:
        while True:
            row = [next(source, None) for source in sources]
            if any(item is None for item in row):
                return
            yield call(
                machine, function, Args([item for item in row if item is not None]), site.at, site.scope
            )

    return Value(Iter(generate()), origin_of(args, site))


def filtered(machine: Machine, args: Args, site: Site) -> Value:
    from campaign.check.calls import call

    function, source = args.positional

    def generate() -> Iterator[Value]:
        for item in iterate(machine, source, site.at):
            kept = (
                item
                if function.payload is None
                else call(machine, function, Args([item]), site.at, site.scope)
            )
            if truth(machine, kept, site.at):
                yield item

    return Value(Iter(generate()), origin_of(args, site))


def iterator(machine: Machine, args: Args, site: Site) -> Value:
    return Value(Iter(iterate(machine, one(machine, args, site), site.at)), site.at)


def is_instance(machine: Machine, args: Args, site: Site) -> Value:
    value, kinds = args.positional
    if isinstance(kinds.payload, TupleObj):
        answers = [is_instance(machine, Args([value, kind]), site) for kind in kinds.payload.items]
        for answer in answers:
            if truth(machine, answer, site.at):
                return Value(True, origin_of(args, site))
        return Value(False, origin_of(args, site))
    return Value(is_a(machine, value, kinds, site.at), origin_of(args, site))


def is_a(machine: Machine, value: Value, kind: Value, at: Origin) -> bool:
    payload, wanted = value.payload, kind.payload
    if isinstance(payload, (*OUTSIDE, Unknown, Nondet)) or isinstance(wanted, OUTSIDE):
        return truth(machine, term(machine, "isinstance", at, value, kind), at)
    if isinstance(wanted, ClassObj):
        own = payload.cls if isinstance(payload, InstObj | TupleObj) else None
        if isinstance(payload, ErrorObj) and isinstance(payload.type, ClassObj):
            own = payload.type
        if any(
            base.payload.name == "typing.Protocol" for base in wanted.bases if isinstance(base.payload, Sym)
        ):
            raise Halt("isinstance() of a protocol", at)
        return own is not None and wanted in own.mro
    if not isinstance(wanted, type):
        raise Halt("isinstance() of something that is not followed", at)
    if wanted is object:
        return True
    kinds: dict[type, type] = {ListObj: list, TupleObj: tuple, DictObj: dict}
    if is_constant(payload):
        return isinstance(payload, wanted)
    if isinstance(payload, SetObj):
        return wanted is (frozenset if payload.frozen else set)
    if isinstance(payload, InstObj):
        return payload.cls.builtin is not None and issubclass(payload.cls.builtin, wanted)
    if isinstance(payload, ErrorObj):
        real = payload.type.builtin if isinstance(payload.type, ClassObj) else payload.type
        return real is not None and issubclass(real, wanted)
    if type(payload) in kinds:
        return kinds[type(payload)] is wanted
    return wanted is type and isinstance(payload, ClassObj | type)


def is_subclass(machine: Machine, args: Args, site: Site) -> Value:
    cls, wanted = (value.payload for value in args.positional)
    if isinstance(cls, ClassObj) and isinstance(wanted, ClassObj) and not cls.outside:
        return Value(wanted in cls.mro, origin_of(args, site))
    if isinstance(cls, type) and isinstance(wanted, type):
        return Value(issubclass(cls, wanted), origin_of(args, site))
    return term(machine, "issubclass", site.at, *args.positional)


def read_attribute(machine: Machine, args: Args, site: Site) -> Value:
    holder, name, *default = args.positional
    if not isinstance(name.payload, str):
        raise Halt("getattr() with a name only known at run time", site.at, "use a constant name")
    if not default:
        return get_attribute(machine, holder, name.payload, site.at)
    if isinstance(holder.payload, OUTSIDE):
        return _outside_attribute(machine, holder, name.payload, default[0], site)
    try:
        return get_attribute(machine, holder, name.payload, site.at)
    except Raised as raised:
        if raised.name != "AttributeError":
            raise
        return default[0]


def _outside_attribute(machine: Machine, holder: Value, name: str, default: Value, site: Site) -> Value:
    found = get_attribute(machine, holder, name, site.at)
    known = term(machine, "hasattr", site.at, holder, Value(name, site.at))
    return found if truth(machine, known, site.at) else default


def has_attribute(machine: Machine, args: Args, site: Site) -> Value:
    holder, name = args.positional
    if isinstance(holder.payload, (*OUTSIDE, Unknown, Nondet)):
        return term(machine, "hasattr", site.at, holder, name)
    try:
        get_attribute(machine, holder, name.payload, site.at)
    except Raised as raised:
        if raised.name != "AttributeError":
            raise
        return Value(False, origin_of(args, site))
    return Value(True, origin_of(args, site))


def write_attribute(machine: Machine, args: Args, site: Site) -> Value:
    holder, name, value = args.positional
    if not isinstance(name.payload, str):
        raise Halt("setattr() with a name only known at run time", site.at, "use a constant name")
    set_attribute(machine, holder, name.payload, value, site.at)
    return Value(None, site.at)


def remove_attribute(machine: Machine, args: Args, site: Site) -> Value:
    from campaign.check.attributes import delete_attribute

    delete_attribute(machine, args.positional[0], args.positional[1].payload, site.at)
    return Value(None, site.at)


def global_names(machine: Machine, args: Args, site: Site) -> Value:
    return Value(Namespace(site.scope.module.scope.vars, site.scope.module), site.at)


def local_names(machine: Machine, args: Args, site: Site) -> Value:
    if site.scope.kind == "module":
        return global_names(machine, args, site)
    if site.scope.kind == "class":
        raise Halt("locals() in a class body", site.at)
    entries: dict[Any, tuple[Value, Value]] = {
        name: (Value(name, site.at), value) for name, value in site.scope.vars.items()
    }
    return Value(DictObj(entries), site.at)


def names_of_object(machine: Machine, args: Args, site: Site) -> Value:
    """`vars(x)`."""
    if not args.positional:
        return local_names(machine, args, site)
    payload = args.positional[0].payload
    machine.readable(payload, site.at)
    if isinstance(payload, InstObj):
        return Value(Namespace(payload.attrs, payload), site.at)
    if isinstance(payload, ModuleObj):
        return Value(Namespace(payload.scope.vars, payload), site.at)
    if isinstance(payload, OUTSIDE):
        return term(machine, "vars", site.at, args.positional[0])
    raise Halt("vars() of something that is not followed", site.at)


def execute(machine: Machine, args: Args, site: Site) -> Value:
    """`exec` of a constant text, in the names around it."""
    source = args.positional[0]
    if not isinstance(source.payload, str):
        raise Halt("exec() of code only known at run time", site.at, "write the code out")
    scope = _given_scope(args, site)
    if scope.kind == "function":
        raise Halt("exec() inside a function", site.at, "write the code out")
    machine.run(_parsed(machine, source.payload, site).body, scope)
    return Value(None, site.at)


def evaluate(machine: Machine, args: Args, site: Site) -> Value:
    source = args.positional[0]
    if not isinstance(source.payload, str):
        raise Halt("eval() of code only known at run time", site.at, "write the expression out")
    body = _parsed(machine, source.payload.strip(), site).body
    if len(body) != 1 or not isinstance(body[0], ast.Expr):
        raise machine.error(SyntaxError, "invalid syntax", site.at)
    names = any(isinstance(node, ast.Name) for node in ast.walk(body[0]))
    return machine.eval(body[0].value, _given_scope(args, site) if names else site.scope.module.scope)


def _parsed(machine: Machine, text: str, site: Site) -> ast.Module:
    try:
        tree = parse(text)
    except Unreadable as problem:
        raise machine.error(SyntaxError, problem.reason, site.at) from None
    for node in ast.walk(tree):
        if hasattr(node, "lineno"):
            node.lineno = site.at.line
    return tree


def _given_scope(args: Args, site: Site) -> Scope:
    if len(args.positional) == 1:
        if site.scope.kind == "comprehension" or (site.scope.parent or site.scope).kind not in (
            "module",
            "class",
        ):
            raise Halt("exec() or eval() inside a nested function", site.at, "write the code out")
        return site.scope
    if isinstance(args.positional[1].payload, Namespace) and len(args.positional) == 2:
        holder = args.positional[1].payload.holder
        if isinstance(holder, ModuleObj):
            return holder.scope
    raise Halt("exec() or eval() with its own names", site.at, "write the code out")


def super_object(machine: Machine, args: Args, site: Site) -> Value:
    scope: Scope | None = site.scope
    if args.positional:
        cls, receiver = (value for value in args.positional[:2])
        return Value(SuperObj(cls.payload, receiver), site.at)
    while scope is not None and (scope.kind != "function" or scope.cls is None):
        scope = scope.parent
    if scope is None or scope.cls is None or scope.receiver is None:
        raise Halt("super() outside of a method", site.at)
    return Value(SuperObj(scope.cls, scope.receiver), site.at)


def inherited_method(machine: Machine, payload: SuperObj, cls: ClassObj, name: str, at: Origin) -> Value:
    """What `super()` finds on `object`, or on the `__init__` that `dataclass` writes."""
    from campaign.check.calls import initialise_dataclass

    receiver = payload.receiver
    if name == "__init__" and cls.builtin is None:
        following = cls.mro[cls.mro.index(payload.cls) + 1 :]
        base = next((other for other in following if other.kind == "dataclass"), None)
        if base is not None and isinstance(receiver.payload, InstObj):

            def initialise(machine: Machine, args: Args, site: Site) -> Value:
                initialise_dataclass(machine, receiver, base, args, site.at)
                return Value(None, site.at)

            return Value(Builtin("__init__", initialise), at)
        return Value(Builtin("object.__init__", lambda m, a, s: Value(None, s.at)), at)
    if name == "__setattr__":
        from campaign.check.attributes import _object_setattr

        return Value(Builtin("object.__setattr__", _object_setattr, receiver), at)
    if name == "__post_init__":
        raise machine.error(AttributeError, "'super' object has no attribute '__post_init__'", at)
    raise Halt(f"super().{name} is not followed", at)


def wrapper(kind: str) -> Function:
    def known(machine: Machine, args: Args, site: Site) -> Value:
        setter = args.positional[1] if len(args.positional) > 1 else None
        return Value(Wrapped(kind, one(machine, args, site, 1, 2), setter), args.positional[0].origin)

    return known


def is_callable(machine: Machine, args: Args, site: Site) -> Value:
    payload = one(machine, args, site).payload
    if isinstance(payload, OUTSIDE):
        return term(machine, "callable", site.at, args.positional[0])
    known = isinstance(payload, FuncObj | ClassObj | Builtin | Bound | Partial | type)
    if isinstance(payload, InstObj):
        known = payload.cls.find("__call__") is not None
    return Value(known, site.at)


def nondeterministic(name: str) -> Function:
    return lambda machine, args, site: Value(Nondet(f"{name}()"), site.at)


def reads(name: str) -> Function:
    def known(machine: Machine, args: Args, site: Site) -> Value:
        return Value(Unknown(f"{name}() reads a file", "put what is read into the configuration"), site.at)

    return known


def refused(name: str) -> Function:
    def known(machine: Machine, args: Args, site: Site) -> Value:
        raise Halt(f"{name}() is not followed", site.at)

    return known


def quiet(machine: Machine, args: Args, site: Site) -> Value:
    return Value(None, site.at)


def import_by_name(machine: Machine, args: Args, site: Site) -> Value:
    from campaign.check.imports import import_module

    name = args.positional[0].payload
    if not isinstance(name, str) or len(args.positional) > 1:
        raise Halt("__import__() of a name only known at run time", site.at, "import it by name")
    return import_module(machine, name, site.scope.module, site.at)[0]


def directory(machine: Machine, args: Args, site: Site) -> Value:
    payload = args.positional[0].payload if args.positional else None
    if isinstance(payload, ModuleObj):
        names = sorted(payload.scope.vars)
        return lift(names, site.at)
    raise Halt("dir() is not followed", site.at)


def construct(machine: Machine, kind: type, args: Args, site: Site) -> Value:
    """A call of a builtin type."""
    if issubclass(kind, BaseException):
        return Value(ErrorObj(kind, tuple(args.positional)), site.at)
    maker = CONSTRUCTORS.get(kind)
    if maker is None:
        raise Halt(f"{kind.__name__}() is not followed", site.at)
    return maker(machine, args, site)


def make_list(machine: Machine, args: Args, site: Site) -> Value:
    if not args.positional:
        return Value(ListObj([]), site.at)
    value = one(machine, args, site)
    if isinstance(value.payload, OUTSIDE):
        return term(machine, "list", site.at, value)
    return Value(ListObj(elements(machine, value, site.at)), origin_of(args, site))


def make_tuple(machine: Machine, args: Args, site: Site) -> Value:
    if not args.positional:
        return Value(TupleObj(()), site.at)
    value = one(machine, args, site)
    if isinstance(value.payload, OUTSIDE):
        return term(machine, "tuple", site.at, value)
    return Value(TupleObj(tuple(elements(machine, value, site.at))), origin_of(args, site))


def make_set(frozen: bool) -> Function:
    def known(machine: Machine, args: Args, site: Site) -> Value:
        from campaign.check.expressions import new_set

        if len(args.positional) > 1 or args.keywords:
            raise machine.error(TypeError, "expected at most 1 argument", site.at)
        items = unordered(machine, args.positional[0], site.at) if args.positional else []
        return Value(new_set(machine, items, site.at, frozen), origin_of(args, site))

    return known


def make_dict(machine: Machine, args: Args, site: Site) -> Value:
    if args.positional and isinstance(args.positional[0].payload, OUTSIDE):
        extra = [
            Value(ListObj([Value(key, site.at), value]), site.at) for key, value in args.keywords.items()
        ]
        return term(machine, "dict", site.at, *args.positional, *extra)
    result = DictObj({})
    for key, item in pairs_of(machine, args, site.at):
        store(machine, result, key, item, site.at)
    return Value(result, site.at)


def make_text(machine: Machine, args: Args, site: Site) -> Value:
    if not args.positional:
        return Value("", site.at)
    if len(args.positional) > 1 or args.keywords:
        return pure(str)(machine, args, site)
    return as_text(machine, args.positional[0], "str", site.at)


def make_range(machine: Machine, args: Args, site: Site) -> Value:
    if all(isinstance(value.payload, int) for value in args.positional):
        try:
            return Value(range(*(value.payload for value in args.positional)), origin_of(args, site))
        except (TypeError, ValueError) as error:
            raise machine.error(type(error), str(error), site.at) from None
    return term(machine, "range", site.at, *args.positional)


def make_bytes(machine: Machine, args: Args, site: Site) -> Value:
    if args.positional and isinstance(args.positional[0].payload, int):
        check_size(args.positional[0].payload, site.at)
    if args.positional and isinstance(args.positional[0].payload, range):
        check_size(len(args.positional[0].payload), site.at)
    return pure(bytes)(machine, args, site)


def make_object(machine: Machine, args: Args, site: Site) -> Value:
    return Value(Nondet("object()"), site.at)


def make_type(machine: Machine, args: Args, site: Site) -> Value:
    if len(args.positional) == 1:
        return type_of(machine, args.positional[0], site.at)
    raise Halt("type() with three arguments", site.at, "write a class statement")


CONSTRUCTORS: dict[type, Function] = {
    list: make_list, tuple: make_tuple, set: make_set(False), frozenset: make_set(True), dict: make_dict,
    str: make_text, int: pure(int), float: pure(float), bool: is_true, complex: pure(complex),
    bytes: make_bytes, range: make_range, slice: pure(slice), object: make_object, type: make_type,
}  # fmt: skip


def guarded_power(machine: Machine, args: Args, site: Site) -> Value:
    if len(args.positional) != 2:
        raise Halt("pow() with a modulus", site.at)
    return binary(machine, ast.Pow, args.positional[0], args.positional[1], site.at)


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
    "repr": lambda machine, args, site: as_text(machine, one(machine, args, site), "repr", site.at),
    "ascii": lambda machine, args, site: as_text(machine, one(machine, args, site), "ascii", site.at),
    "format": lambda machine, args, site: _format(machine, args, site),
    "__import__": import_by_name, "dir": directory, "compile": refused("compile"),
    "breakpoint": refused("breakpoint"), "memoryview": refused("memoryview"),
    "bytearray": refused("bytearray"), "exit": refused("exit"), "quit": refused("quit"),
    "aiter": refused("aiter"), "anext": refused("anext"), "help": refused("help"),
}  # fmt: skip


def _format(machine: Machine, args: Args, site: Site) -> Value:
    from campaign.check.expressions import format_value

    spec = args.positional[1] if len(args.positional) > 1 else Value("", site.at)
    return format_value(machine, args.positional[0], spec, -1, site.at)


def _checked(name: str) -> Callable[..., Any]:
    real = getattr(builtins, name, None)
    return lambda machine, args, at: check_function(machine, name, real, args, at)


BUILTINS: dict[str, Any] = {
    name: Builtin(name, function, check=_checked(name)) for name, function in FUNCTIONS.items()
}
BUILTINS.update({kind.__name__: kind for kind in CONSTRUCTORS})
BUILTINS.update(
    {
        name: item
        for name, item in vars(builtins).items()
        if isinstance(item, type) and issubclass(item, BaseException)
    }
)
BUILTINS.update({"NotImplemented": NotImplemented, "Ellipsis": ..., "__debug__": True})

__all__ = ["BUILTINS", "construct", "involves_outside", "key_of"]
