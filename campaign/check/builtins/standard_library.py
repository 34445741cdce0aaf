"""The functions of the standard library that have a model; all others stay external.

To add one, write its model (or use `computed_by_python`) and its row in one of the two tables at the end.
"""

from __future__ import annotations

import ast
import functools
import itertools
import json
import math
import os.path
from collections.abc import Callable
from typing import Any

from campaign.check.builtins.arguments import (
    call_origin,
    computed_by_python,
    first_argument,
    keyword_operands,
    lift_result,
    refusal,
)
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
from campaign.check.evaluator.exceptions import catches
from campaign.check.evaluator.external_calls import call_external
from campaign.check.evaluator.hashed_containers import pairs_of, store
from campaign.check.evaluator.state import (
    CONTEXTS,
    EXTERNAL_CONSTANTS,
    EXTERNAL_FUNCTIONS,
    Args,
    Completion,
    Evaluator,
    Function,
    Leave,
    Site,
)
from campaign.check.evaluator.symbolic import symbolic
from campaign.check.values import (
    Builtin,
    ClassObj,
    DataField,
    DictObj,
    ExternalCall,
    ExternalName,
    FieldObj,
    FuncObj,
    InstObj,
    IteratorObj,
    ListObj,
    MappingDialect,
    Origin,
    Partial,
    TupleObj,
    Value,
    is_constant,
)
from campaign.check.values.constants import NotConcrete, lift, lower
from campaign.check.values.limits import Halt, Raised

EXTERNAL_CONSTANTS.update({
    "math.pi": math.pi, "math.e": math.e, "math.tau": math.tau, "math.inf": math.inf, "math.nan": math.nan,
    "typing.TYPE_CHECKING": False, "typing_extensions.TYPE_CHECKING": False,
    "string.ascii_lowercase": "abcdefghijklmnopqrstuvwxyz", "string.digits": "0123456789",
    "string.ascii_uppercase": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "os.sep": "/",
})  # fmt: skip

# Functions of floats and integers; those that only newer versions of Python have are left out on older ones.
MATH = [
    "acos", "asin", "atan", "atan2", "ceil", "copysign", "cos", "cosh", "degrees", "dist", "erf", "erfc", "exp",
    "expm1", "fabs", "floor", "fmod", "fsum", "gamma", "hypot", "isfinite", "isinf", "isnan", "isqrt", "ldexp",
    "lgamma", "log", "log10", "log1p", "log2", "modf", "pow", "radians", "remainder", "sin", "sinh", "sqrt",
    "tan", "tanh", "trunc"
]  # fmt: skip
UNBOUNDED = ("gcd", "lcm")
"""Functions of many numbers, whose result may be huge."""
PATHS = ["basename", "commonprefix", "dirname", "isabs", "join", "normpath", "split", "splitext"]


def new_partial(evaluator: Evaluator, args: Args, site: Site) -> Value:
    function, *positional = args.positional
    keywords = dict(args.keywords)
    # A partial object of a partial object takes over its function and its arguments (functools, `partial.__new__`).
    if isinstance(function.payload, Partial):
        inner = function.payload
        function, positional, keywords = (
            inner.function,
            [*inner.args, *positional],
            {**inner.kwargs, **keywords},
        )
    return Value(Partial(function, tuple(positional), keywords), call_origin(args, site))


def reduce(evaluator: Evaluator, args: Args, site: Site) -> Value:
    function, items, *initial = args.positional
    found = [
        *initial,
        *evaluator.elements(items, site.at),
    ]  # with an initial value, an empty iterable is fine
    if not found:
        raise evaluator.error(TypeError, "reduce() of empty iterable with no initial value", site.at)
    result = found[0]
    for item in found[1:]:
        result = evaluator.call(function, Args([result, item]), site.at, site.scope)
    return result


def abstract_method(evaluator: Evaluator, args: Args, site: Site) -> Value:
    value = first_argument(evaluator, args, site)
    if not isinstance(value.payload, FuncObj):
        reason = "the checker cannot evaluate abstractmethod() of anything but a function"
        raise Halt(reason, site.at, "put it below the other decorators")
    # `ABCMeta` looks for this attribute when the class is built, and `object.__new__` when it is instantiated.
    value.payload.attrs["__isabstractmethod__"] = Value(True, site.at)
    return value


def same_function(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """Decorators that return their argument unchanged."""
    return args.positional[0] if args.positional else Value(Builtin("decorator", same_function), site.at)


def wraps(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`functools.wraps(f)`: the wrapper gets the name of what it wraps."""
    return Value(Builtin("wraps", functools.partial(_wrap, args.positional[0])), site.at)


def _wrap(wrapped: Value, evaluator: Evaluator, args: Args, site: Site) -> Value:
    value = args.positional[0]
    if not isinstance(value.payload, FuncObj) or not isinstance(wrapped.payload, FuncObj):
        reason = (
            "the checker cannot evaluate functools.wraps() of anything but a function of the checked files"
        )
        raise Halt(reason, site.at, "wrap a function, or leave wraps() out")
    value.payload.name = wrapped.payload.name
    value.payload.qualname = wrapped.payload.qualname
    # `update_wrapper` updates `__dict__` first, so that `__wrapped__` is this function's own.
    value.payload.attrs = {**wrapped.payload.attrs, "__wrapped__": wrapped}
    return value


def environment(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`os.environ.get(name, default)` and `os.getenv`: equal for equal names, because both files are run in one
    environment. The epoch tells a read before an external effect, which may set the variable, from one after."""
    name, *default = args.positional
    fallback = default[0] if default else args.keywords.get("default", Value(None, site.at))
    epoch = Value(len(evaluator.effects), site.at)
    return symbolic(evaluator, "os.environ.get", site.at, name, fallback, epoch, may_raise=False)


class OrderedDictDialect(MappingDialect):
    """`collections.OrderedDict`, whose `==` compares the order of the keys too."""

    name = "ordered"
    ordered = matches_patterns = True


class DefaultDictDialect(MappingDialect):
    """`collections.defaultdict`. Subscription calls the factory and stores its result; `get` does not."""

    name = "defaultdict"
    equals_dict = matches_patterns = True


ORDERED_DICT = OrderedDictDialect()
DEFAULT_DICT = DefaultDictDialect()


def _new_mapping(dialect: MappingDialect, evaluator: Evaluator, args: Args, site: Site) -> Value:
    result = DictObj({}, dialect)
    if dialect is DEFAULT_DICT and args.positional:
        # `defaultdict(None)` raises KeyError for a missing key, as a dict does.
        result.factory = args.positional[0] if args.positional[0].payload is not None else None
        args = Args(args.positional[1:], args.keywords)
    for key, item in pairs_of(evaluator, args, site.at):
        store(evaluator, result, key, item, site.at)
    return Value(result, call_origin(args, site))


def _new_namespace(name: str, evaluator: Evaluator, args: Args, site: Site) -> Value:
    """Instances of a class that compares its attributes and has nothing else."""
    if args.positional:
        raise Halt(
            f"the checker cannot evaluate {name}() with positional arguments", site.at, "pass keywords"
        )
    cls = ClassObj(name, name, any_module(evaluator), ())
    cls.options = {"eq": True}
    return Value(InstObj(cls, dict(args.keywords)), call_origin(args, site))


def named_tuple(evaluator: Evaluator, args: Args, site: Site) -> Value:
    name, fields = (value.payload for value in args.positional[:2])
    names = _field_names(fields)
    if names is None or not isinstance(name, str):
        reason = "the checker cannot evaluate namedtuple() with names only known at run time"
        raise Halt(reason, site.at, "write the names out")
    # `rename` replaces names, `module` is seen by pickling; neither is modelled.
    if set(args.keywords) - {"defaults"}:
        raise Halt(
            "the checker cannot evaluate namedtuple() with rename or module", site.at, "leave the options out"
        )
    cls = ClassObj(name, name, site.scope.module, ())
    cls.kind = "namedtuple"
    given = args.keywords.get("defaults")
    defaults = evaluator.elements(given, site.at) if given is not None else []
    first = len(names) - len(defaults)
    for index, field in enumerate(names):
        default = defaults[index - first] if index >= first else None  # defaults belong to the last fields
        cls.fields.append(DataField(field, FieldObj(default, None, True, None), False, False))
    return Value(cls, site.at)


def _field_names(fields: Any) -> list[str] | None:
    """The names in `"a b, c"`, or in a list or tuple of strings."""
    if isinstance(fields, str):
        return fields.replace(",", " ").split()
    if not isinstance(fields, ListObj | TupleObj):
        return None
    names = [item.payload for item in fields.items]
    return names if all(isinstance(name, str) for name in names) else None


def product(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`product` reads all of its iterables at once; only the rows are made lazily."""
    repeat = args.keywords.get("repeat")
    count = repeat.payload if repeat is not None else 1
    pools = [evaluator.elements(value, site.at) for value in args.positional] * count
    rows = (Value(TupleObj(row), site.at) for row in itertools.product(*pools))
    return Value(IteratorObj(rows), call_origin(args, site))


def chain(evaluator: Evaluator, args: Args, site: Site) -> Value:
    # Lazily: an iterable is asked for its iterator when the one before it is exhausted.
    items = (item for value in args.positional for item in evaluator.iterate(value, site.at))
    return Value(IteratorObj(items), call_origin(args, site))


def chain_from_iterable(evaluator: Evaluator, args: Args, site: Site) -> Value:
    outer = evaluator.iterate(first_argument(evaluator, args, site), site.at)
    items = (item for value in outer for item in evaluator.iterate(value, site.at))
    return Value(IteratorObj(items), call_origin(args, site))


def attribute_getter(evaluator: Evaluator, args: Args, site: Site) -> Value:
    names = [value.payload for value in args.positional]
    if len(names) != 1 or not isinstance(names[0], str) or "." in names[0]:
        reason = "the checker cannot evaluate attrgetter() of anything but one plain name"
        raise Halt(reason, site.at, "write a function that reads the attributes")
    return Value(Builtin("attrgetter", functools.partial(_read_attribute, names[0])), site.at)


def _read_attribute(name: str, evaluator: Evaluator, args: Args, site: Site) -> Value:
    return evaluator.get_attribute(args.positional[0], name, site.at)


def item_getter(evaluator: Evaluator, args: Args, site: Site) -> Value:
    index = first_argument(evaluator, args, site)
    return Value(Builtin("itemgetter", functools.partial(_read_item, index)), site.at)


def _read_item(index: Value, evaluator: Evaluator, args: Args, site: Site) -> Value:
    return evaluator.get_item(args.positional[0], index, site.at)


def path_of_file(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`abspath`, `realpath` and `expanduser` of a path that is already absolute and plain."""
    value = first_argument(evaluator, args, site)
    payload = value.payload
    # `realpath` follows links, which the checker takes for none: both sides are on one machine.
    if isinstance(payload, str) and payload.startswith("/") and os.path.normpath(payload) == payload:
        return Value(payload, call_origin(args, site))
    return symbolic(evaluator, "os.path.abspath", site.at, value)


def dumps(evaluator: Evaluator, args: Args, site: Site) -> Value:
    at = call_origin(args, site)
    try:
        real = lower(args.positional[0].payload)
        named = {key: lower(value.payload) for key, value in args.keywords.items()}
    except NotConcrete:
        operands = [*args.positional, *keyword_operands(args.keywords, site.at)]
        return symbolic(evaluator, "json.dumps", site.at, *operands)
    return lift_result(evaluator, lambda: json.dumps(real, **named), at)


def loads(evaluator: Evaluator, args: Args, site: Site) -> Value:
    text = first_argument(evaluator, args, site)
    if not isinstance(text.payload, str) or args.keywords:
        return symbolic(evaluator, "json.loads", site.at, text)
    try:
        return lift(json.loads(text.payload), call_origin(args, site))
    except (ValueError, RecursionError) as error:  # JSONDecodeError is a ValueError
        raise evaluator.error(ValueError, str(error), site.at) from None


ARITHMETIC: dict[str, type[ast.operator]] = {
    "add": ast.Add, "sub": ast.Sub, "mul": ast.Mult, "truediv": ast.Div,
}  # fmt: skip


def _operator(kind: type[ast.operator], evaluator: Evaluator, args: Args, site: Site) -> Value:
    return evaluator.binary(kind, args.positional[0], args.positional[1], site.at)


MOST_NUMBERS, MOST_BITS = 1_000, 200


def _of_few_numbers(name: str, evaluator: Evaluator, args: Args, site: Site) -> Value:
    """Refuses, before Python is called, a computation that could run for hours."""
    for value in args.positional:
        if isinstance(value.payload, IteratorObj):
            raise Halt(f"the checker cannot evaluate math.{name}() of an iterator", site.at, "use a list")
        items = [value] if is_constant(value.payload) else evaluator.elements(value, site.at)
        large = any(isinstance(item.payload, int) and item.payload.bit_length() > MOST_BITS for item in items)
        if len(items) > MOST_NUMBERS or large or isinstance(value.payload, range):
            reason = f"the checker cannot evaluate math.{name}() of many or huge numbers"
            raise Halt(reason, site.at, "write the result out")
    return computed_by_python(getattr(math, name))(evaluator, args, site)


def second_argument(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`typing.cast(T, x)` is x."""
    return args.positional[1]


def new_type(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`NewType("Name", T)` is a function that returns what it is given."""
    return Value(Builtin("NewType", first_argument), site.at)


def suppress(evaluator: Evaluator, args: Args, site: Site) -> Value:
    return call_external(
        evaluator, Value(ExternalName("contextlib.suppress", "contextlib", 0), site.at), args, site.at
    )


def suppressing(evaluator: Evaluator, context: Value, at: Origin) -> tuple[Value, Leave] | None:
    """`with contextlib.suppress(...)` ends its body at the first exception that it names."""
    payload = context.payload
    if not isinstance(payload, ExternalCall) or not isinstance(payload.callee.payload, ExternalName):
        return None
    if payload.callee.payload.name != "contextlib.suppress":
        return None

    def leave(body: Callable[[], Completion]) -> Completion:
        # Inside, whether an external call raises decides how the evaluation continues, as in a `try`.
        evaluator.tries += 1
        try:
            return body()
        except Raised as raised:
            if not any(catches(evaluator, raised.error, wanted, at) for wanted in payload.args):
                raise
            return None
        finally:
            evaluator.tries -= 1

    return Value(None, at), leave


CONTEXTS.append(suppressing)


def _extend_search_path(front: bool, evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`sys.path.insert(0, folder)` and `sys.path.append(folder)`: imports look there too."""
    folder = args.positional[-1].payload if args.positional else None
    at_an_end = not front or args.positional[0].payload == 0
    if isinstance(folder, str) and os.path.isabs(folder) and at_an_end:
        (evaluator.paths_before if front else evaluator.paths_after).insert(0, os.path.normpath(folder))
    else:  # what a later import finds is not known
        evaluator.unknown_paths = True
    return Value(None, site.at)


def _positional_only(name: str, model: Function) -> Function:
    """A model that reads no keywords: a keyword that it does not see would be lost."""

    def call(evaluator: Evaluator, args: Args, site: Site) -> Value:
        if args.keywords:
            reason = f"the checker cannot evaluate {name}() with keywords: they are not modelled"
            raise Halt(reason, site.at, "pass the arguments by position")
        return model(evaluator, args, site)

    return call


KEYWORD_MODELS: dict[str, Function] = {
    "dataclasses.dataclass": dataclass, "dataclasses.field": dataclass_field,
    "dataclasses.replace": dataclass_replace, "dataclasses.asdict": dataclass_dict,
    "functools.partial": new_partial,
    "collections.OrderedDict": functools.partial(_new_mapping, ORDERED_DICT),
    "collections.defaultdict": functools.partial(_new_mapping, DEFAULT_DICT),
    "collections.namedtuple": named_tuple,
    "types.SimpleNamespace": functools.partial(_new_namespace, "SimpleNamespace"),
    "argparse.Namespace": functools.partial(_new_namespace, "Namespace"),
    "itertools.product": product, "json.dumps": dumps, "json.loads": loads,
    "os.environ.get": environment, "os.getenv": environment,
    "math.isclose": computed_by_python(math.isclose), "math.prod": functools.partial(_of_few_numbers, "prod"),
}  # fmt: skip
"""Models that read the keywords they are given, by dotted name."""

MODELS: dict[str, Function] = {
    "sys.path.insert": functools.partial(_extend_search_path, True),
    "sys.path.append": functools.partial(_extend_search_path, False),
    **{f"math.{name}": computed_by_python(getattr(math, name)) for name in MATH if hasattr(math, name)},
    **{f"math.{name}": functools.partial(_of_few_numbers, name) for name in UNBOUNDED},
    **{f"{module}.{name}": computed_by_python(getattr(os.path, name))
       for module in ("os.path", "posixpath") for name in PATHS},
    "os.path.abspath": path_of_file, "os.path.realpath": path_of_file, "os.path.expanduser": path_of_file,
    "dataclasses.astuple": dataclass_tuple, "dataclasses.fields": dataclass_fields,
    "dataclasses.is_dataclass": is_dataclass, "copy.deepcopy": deep_copy, "copy.copy": shallow_copy,
    "functools.reduce": reduce, "functools.wraps": wraps,
    "itertools.chain": chain, "itertools.chain.from_iterable": chain_from_iterable,
    "operator.attrgetter": attribute_getter, "operator.itemgetter": item_getter,
    **{f"operator.{name}": functools.partial(_operator, kind) for name, kind in ARITHMETIC.items()},
    "abc.abstractmethod": abstract_method, "contextlib.suppress": suppress,
    "typing.cast": second_argument, "typing.NewType": new_type,
    **dict.fromkeys(
        ("enum.unique", "typing.final", "typing.overload", "typing.runtime_checkable", "typing.override",
         "typing.no_type_check", "typing_extensions.override"), same_function,
    ),
    **{
        name: refusal(f"{name}()", suggestion) for name, suggestion in {
            "math.factorial": "write the result out", "math.comb": "write the result out",
            "math.perm": "write the result out", "functools.lru_cache": "leave the cache out",
            "functools.cache": "leave the cache out", "functools.cached_property": "use property",
            "functools.singledispatch": "test the type", "exec": "write the code out",
            "importlib.import_module": "write an import statement", "importlib.reload": "import it once",
            "runpy.run_path": "write an import statement", "sys.exit": "raise an exception",
            "sys._getframe": "pass the value as an argument", "inspect.currentframe": "pass the value as an argument",
            "inspect.stack": "pass the value as an argument", "gc.get_objects": "name the object",
            "gc.get_referrers": "name the object", "types.FunctionType": "write a function",
            "types.new_class": "write a class statement",
        }.items()
    },
}  # fmt: skip
"""Models of functions that are called by position, by dotted name."""

EXTERNAL_FUNCTIONS.update({name: _positional_only(name, model) for name, model in MODELS.items()})
EXTERNAL_FUNCTIONS.update(KEYWORD_MODELS)
