"""The part of the standard library, and of configuration frameworks, that is followed."""

from __future__ import annotations

import math
import os.path
from collections.abc import Callable
from typing import Any

from campaign.check.builtins.copying import deep_copy, shallow_copy
from campaign.check.builtins.dataclass_functions import (
    any_module,
    dataclass,
    dataclass_dict,
    dataclass_field,
    dataclass_fields,
    dataclass_replace,
    dataclass_tuple,
    is_dataclass,
)
from campaign.check.builtins.pure_functions import Function, one, origin_of, pure
from campaign.check.evaluator.external_calls import call_external
from campaign.check.evaluator.hashed_containers import pairs_of, store
from campaign.check.evaluator.state import EXTERNAL_CONSTANTS, EXTERNAL_FUNCTIONS, Args, Evaluator, Site
from campaign.check.evaluator.symbolic import symbolic
from campaign.check.values import (
    Builtin,
    ClassObj,
    DataField,
    DictObj,
    ExternalName,
    FieldObj,
    FuncObj,
    InstObj,
    IteratorObj,
    ListObj,
    MappingDialect,
    Partial,
    TupleObj,
    Value,
    is_constant,
)
from campaign.check.values.constants import NotConcrete, lift, lower
from campaign.check.values.limits import Halt

EXTERNAL_CONSTANTS.update({
    "math.pi": math.pi, "math.e": math.e, "math.tau": math.tau, "math.inf": math.inf, "math.nan": math.nan,
    "typing.TYPE_CHECKING": False, "typing_extensions.TYPE_CHECKING": False,
    "string.ascii_lowercase": "abcdefghijklmnopqrstuvwxyz", "string.digits": "0123456789",
    "string.ascii_uppercase": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "os.sep": "/",
})  # fmt: skip

MATH = [
    "acos",
    "asin",
    "atan",
    "atan2",
    "ceil",
    "copysign",
    "cos",
    "cosh",
    "degrees",
    "dist",
    "erf",
    "erfc",
    "exp",
    "expm1",
    "fabs",
    "floor",
    "fmod",
    "fsum",
    "gamma",
    "gcd",
    "hypot",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "isqrt",
    "lcm",
    "ldexp",
    "lgamma",
    "log",
    "log10",
    "log1p",
    "log2",
    "modf",
    "pow",
    "prod",
    "radians",
    "remainder",
    "sin",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
    "trunc",
]
PATHS = ["basename", "commonprefix", "dirname", "isabs", "join", "normpath", "split", "splitext"]


def partial(evaluator: Evaluator, args: Args, site: Site) -> Value:
    function = args.positional[0]
    return Value(Partial(function, tuple(args.positional[1:]), dict(args.keywords)), origin_of(args, site))


def reduce(evaluator: Evaluator, args: Args, site: Site) -> Value:

    function, items, *initial = args.positional
    found = [*initial, *evaluator.elements(items, site.at)]
    if not found:
        raise evaluator.error(TypeError, "reduce() of empty iterable with no initial value", site.at)
    result = found[0]
    for item in found[1:]:
        result = evaluator.call(function, Args([result, item]), site.at, site.scope)
    return result


def abstract_method(evaluator: Evaluator, args: Args, site: Site) -> Value:
    value = one(evaluator, args, site)
    if not isinstance(value.payload, FuncObj):
        raise Halt("abstractmethod() of something that is not a function", site.at, "put it below the others")
    value.payload.attrs["__isabstractmethod__"] = Value(True, site.at)
    return value


def same_function(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """Decorators that leave what they get as it is."""
    return args.positional[0] if args.positional else Value(Builtin("decorator", same_function), site.at)


def wraps(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`functools.wraps(f)`: the wrapper gets the name of what it wraps."""
    wrapped = args.positional[0]

    def decorate(evaluator: Evaluator, given: Args, inner: Site) -> Value:
        value = given.positional[0]
        if not isinstance(value.payload, FuncObj) or not isinstance(wrapped.payload, FuncObj):
            raise Halt("functools.wraps() of something that is not a function of these files", inner.at)
        else:
            value.payload.name = wrapped.payload.name
            value.payload.qualname = wrapped.payload.qualname
            value.payload.attrs = {**wrapped.payload.attrs, "__wrapped__": wrapped}
        return value

    return Value(Builtin("wraps", decorate), site.at)


def environment(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`os.environ.get(name, default)` and `os.getenv`: the same for the same name, in every environment."""
    name, *default = args.positional
    fallback = default[0] if default else args.keywords.get("default", Value(None, site.at))
    epoch = Value(len(evaluator.effects), site.at)
    return symbolic(evaluator, "os.environ.get", site.at, name, fallback, epoch, may_raise=False)


class OrderedDictDialect(MappingDialect):
    name = "ordered"
    ordered = matches_patterns = True


class DefaultDictDialect(MappingDialect):
    name = "defaultdict"
    equals_dict = matches_patterns = True


ORDERED_DICT = OrderedDictDialect()
DEFAULT_DICT = DefaultDictDialect()


def new_dict(dialect: MappingDialect) -> Function:
    def construct(evaluator: Evaluator, args: Args, site: Site) -> Value:
        result = DictObj({}, dialect)
        if dialect is DEFAULT_DICT and args.positional:
            result.factory = args.positional[0] if args.positional[0].payload is not None else None
            args = Args(args.positional[1:], args.keywords)
        for key, item in pairs_of(evaluator, args, site.at):
            store(evaluator, result, key, item, site.at)
        return Value(result, origin_of(args, site))

    return construct


def simple_namespace(name: str) -> Function:
    def known(evaluator: Evaluator, args: Args, site: Site) -> Value:
        if args.positional:
            raise Halt(f"{name}() with positional arguments", site.at)
        cls = ClassObj(name, name, any_module(evaluator), ())
        cls.options = {"eq": True}
        return Value(InstObj(cls, dict(args.keywords)), origin_of(args, site))

    return known


def named_tuple(evaluator: Evaluator, args: Args, site: Site) -> Value:
    name, fields = (value.payload for value in args.positional[:2])
    names = fields.replace(",", " ").split() if isinstance(fields, str) else None
    if isinstance(fields, ListObj | TupleObj):
        names = [item.payload for item in fields.items]
    if names is None or not isinstance(name, str) or not all(isinstance(item, str) for item in names):
        raise Halt("namedtuple() with names only known at run time", site.at)
    cls = ClassObj(name, name, site.scope.module, ())
    cls.kind = "namedtuple"
    given = args.keywords.get("defaults")
    defaults = evaluator.elements(given, site.at) if given is not None else []
    if set(args.keywords) - {"defaults"}:
        raise Halt("namedtuple() with further options", site.at)
    first = len(names) - len(defaults)
    for index, field in enumerate(names):
        default = defaults[index - first] if index >= first else None
        cls.fields.append(DataField(field, FieldObj(default, None, True, None), False, False))
    return Value(cls, site.at)


def product(evaluator: Evaluator, args: Args, site: Site) -> Value:
    import itertools

    repeat = args.keywords.get("repeat")
    count = repeat.payload if repeat is not None else 1
    pools = [evaluator.elements(value, site.at) for value in args.positional] * count
    rows = (Value(TupleObj(row), site.at) for row in itertools.product(*pools))
    return Value(IteratorObj(rows), origin_of(args, site))


def chain(evaluator: Evaluator, args: Args, site: Site) -> Value:
    items = (item for value in args.positional for item in evaluator.iterate(value, site.at))
    return Value(IteratorObj(items), origin_of(args, site))


def chain_iterable(evaluator: Evaluator, args: Args, site: Site) -> Value:
    outer = evaluator.iterate(one(evaluator, args, site), site.at)
    items = (item for value in outer for item in evaluator.iterate(value, site.at))
    return Value(IteratorObj(items), origin_of(args, site))


def attribute_getter(evaluator: Evaluator, args: Args, site: Site) -> Value:
    names = [value.payload for value in args.positional]
    if len(names) != 1 or not isinstance(names[0], str) or "." in names[0]:
        raise Halt("attrgetter() with several names", site.at)
    return Value(
        Builtin("attrgetter", lambda m, a, s: m.get_attribute(a.positional[0], names[0], s.at)), site.at
    )


def item_getter(evaluator: Evaluator, args: Args, site: Site) -> Value:

    index = one(evaluator, args, site)
    return Value(Builtin("itemgetter", lambda m, a, s: m.get_item(a.positional[0], index, s.at)), site.at)


def refuse(what: str, suggestion: str = "") -> Function:
    def known(evaluator: Evaluator, args: Args, site: Site) -> Value:
        raise Halt(f"{what} is not followed", site.at, suggestion)

    return known


def path_of_file(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`abspath`, `realpath` and `expanduser` of a path that is already absolute and plain."""
    value = one(evaluator, args, site)
    payload = value.payload
    if isinstance(payload, str) and payload.startswith("/") and os.path.normpath(payload) == payload:
        return Value(payload, origin_of(args, site))
    return symbolic(evaluator, "os.path.abspath", site.at, value)


def dumps(evaluator: Evaluator, args: Args, site: Site) -> Value:
    import json

    try:
        real = lower(args.positional[0].payload)
        named = {key: lower(value.payload) for key, value in args.keywords.items()}
        return lift(json.dumps(real, **named), origin_of(args, site))
    except NotConcrete:
        extra = [
            Value(ListObj([Value(key, site.at), value]), site.at)
            for key, value in sorted(args.keywords.items())
        ]
        return symbolic(evaluator, "json.dumps", site.at, *args.positional, *extra)
    except Exception as error:
        raise evaluator.error(type(error), str(error), site.at) from None


def loads(evaluator: Evaluator, args: Args, site: Site) -> Value:
    import json

    text = one(evaluator, args, site)
    if not isinstance(text.payload, str) or args.keywords:
        return symbolic(evaluator, "json.loads", site.at, text)
    try:
        return lift(json.loads(text.payload), origin_of(args, site))
    except (ValueError, RecursionError) as error:
        raise evaluator.error(ValueError, str(error), site.at) from None


def arithmetic(kind: str) -> Function:
    import ast

    kinds: dict[str, type[ast.operator]] = {
        "add": ast.Add,
        "sub": ast.Sub,
        "mul": ast.Mult,
        "truediv": ast.Div,
    }
    return lambda evaluator, args, site: evaluator.binary(
        kinds[kind], args.positional[0], args.positional[1], site.at
    )


def _math(name: str) -> Function:
    function: Callable[..., Any] = getattr(math, name)
    if name not in ("prod", "gcd", "lcm"):
        return pure(function)

    def known(evaluator: Evaluator, args: Args, site: Site) -> Value:
        for value in args.positional:
            items = evaluator.elements(value, site.at) if not is_constant(value.payload) else [value]
            large = any(isinstance(item.payload, int) and item.payload.bit_length() > 200 for item in items)
            if len(items) > 1_000 or large or isinstance(value.payload, range):
                raise Halt(f"math.{name} of many or huge numbers", site.at)
            if not is_constant(value.payload) and isinstance(value.payload, IteratorObj):
                raise Halt(f"math.{name} of an iterator", site.at, "use a list")
        return pure(function)(evaluator, args, site)

    return known


def assert_type(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`typing.cast(T, x)` is x."""
    return args.positional[1]


def new_type(evaluator: Evaluator, args: Args, site: Site) -> Value:
    return Value(Builtin("NewType", lambda m, a, s: a.positional[0]), site.at)


def suppress(evaluator: Evaluator, args: Args, site: Site) -> Value:
    return call_external(
        evaluator, Value(ExternalName("contextlib.suppress", "contextlib", 0), site.at), args, site.at
    )


def search_path(front: bool) -> Function:
    """`sys.path.insert(0, folder)` and `sys.path.append(folder)`: imports look there too."""

    def known(evaluator: Evaluator, args: Args, site: Site) -> Value:
        folder = args.positional[-1].payload if args.positional else None
        if (
            not isinstance(folder, str)
            or (front and args.positional[0].payload != 0)
            or not os.path.isabs(folder)
        ):
            evaluator.unknown_paths = True
        else:
            (evaluator.paths_before if front else evaluator.paths_after).insert(0, os.path.normpath(folder))
        return Value(None, site.at)

    return known


TAKES_KEYWORDS = frozenset(
    {"dataclasses.dataclass", "dataclasses.field", "dataclasses.replace", "dataclasses.asdict", "functools.partial",
     "collections.OrderedDict", "collections.defaultdict", "collections.namedtuple", "types.SimpleNamespace",
     "argparse.Namespace", "itertools.product", "json.dumps", "json.loads", "os.environ.get", "os.getenv",
     "math.isclose", "math.prod"}
)  # fmt: skip


def checked(name: str, function: Function) -> Function:
    def known(evaluator: Evaluator, args: Args, site: Site) -> Value:
        if args.keywords and name not in TAKES_KEYWORDS:
            raise Halt(f"{name}() with keywords that are not followed", site.at, "pass them by position")
        return function(evaluator, args, site)

    return known


KNOWN: dict[str, Function] = {
    "sys.path.insert": search_path(True), "sys.path.append": search_path(False),
    **{f"math.{name}": _math(name) for name in MATH if hasattr(math, name)},
    **{f"os.path.{name}": pure(getattr(os.path, name)) for name in PATHS},
    **{f"posixpath.{name}": pure(getattr(os.path, name)) for name in PATHS},
    "math.factorial": refuse("math.factorial"), "math.comb": refuse("math.comb"), "math.perm": refuse("math.perm"),
    "os.path.abspath": path_of_file, "os.path.realpath": path_of_file, "os.path.expanduser": path_of_file,
    "os.environ.get": environment, "os.getenv": environment,
    "dataclasses.dataclass": dataclass, "dataclasses.field": dataclass_field,
    "dataclasses.replace": dataclass_replace, "dataclasses.asdict": dataclass_dict,
    "dataclasses.astuple": dataclass_tuple, "dataclasses.fields": dataclass_fields,
    "dataclasses.is_dataclass": is_dataclass,
    "copy.deepcopy": deep_copy, "copy.copy": shallow_copy,
    "functools.partial": partial, "functools.reduce": reduce, "functools.wraps": wraps,
    "functools.lru_cache": refuse("functools.lru_cache", "leave the cache out"),
    "functools.cache": refuse("functools.cache", "leave the cache out"),
    "functools.cached_property": refuse("functools.cached_property", "use property"),
    "functools.singledispatch": refuse("functools.singledispatch"),
    "collections.OrderedDict": new_dict(ORDERED_DICT), "collections.defaultdict": new_dict(DEFAULT_DICT),
    "collections.namedtuple": named_tuple, "types.SimpleNamespace": simple_namespace("SimpleNamespace"),
    "argparse.Namespace": simple_namespace("Namespace"),
    "itertools.product": product, "itertools.chain": chain, "itertools.chain.from_iterable": chain_iterable,
    "operator.attrgetter": attribute_getter, "operator.itemgetter": item_getter,
    **{f"operator.{name}": arithmetic(name) for name in ("add", "sub", "mul", "truediv")},
    "json.dumps": dumps, "json.loads": loads,
    "abc.abstractmethod": abstract_method, "typing.final": same_function, "typing.overload": same_function,
    "typing.runtime_checkable": same_function, "typing.override": same_function, "typing.no_type_check": same_function,
    "typing_extensions.override": same_function, "typing.cast": assert_type, "typing.NewType": new_type,
    "enum.unique": same_function, "contextlib.suppress": suppress,
    "exec": refuse("exec"), "importlib.import_module": refuse("importlib.import_module", "write an import statement"),
    "importlib.reload": refuse("importlib.reload"), "runpy.run_path": refuse("runpy.run_path"),
    "sys.exit": refuse("sys.exit"), "sys._getframe": refuse("sys._getframe"),
    "inspect.currentframe": refuse("inspect.currentframe"), "inspect.stack": refuse("inspect.stack"),
    "gc.get_objects": refuse("gc.get_objects"), "gc.get_referrers": refuse("gc.get_referrers"),
    "types.FunctionType": refuse("types.FunctionType"), "types.new_class": refuse("types.new_class"),
}  # fmt: skip
EXTERNAL_FUNCTIONS.update({name: checked(name, function) for name, function in KNOWN.items()})
