"""Calls: functions of the checked files, their classes, what we know, and what is outside."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from campaign.check.evaluator.attributes import bind_member
from campaign.check.evaluator.dispatch import CALLS, MEMBERS
from campaign.check.evaluator.generators import start
from campaign.check.evaluator.state import (
    EXTERNAL_FUNCTIONS,
    Args,
    Evaluator,
    Returned,
    Site,
)
from campaign.check.evaluator.symbolic import (
    FILE_METHODS,
    MUTATING,
    call_external,
    external_object_effect,
    external_roots,
    refuse_callback,
    refuse_mutation_of_temporary,
    symbolic,
)
from campaign.check.values import (
    BoundMethod,
    Builtin,
    ClassObj,
    DescriptorObj,
    DictObj,
    Effect,
    ErrorObj,
    ExternalCall,
    ExternalName,
    FuncObj,
    InstObj,
    IteratorObj,
    Nondeterministic,
    Origin,
    Partial,
    SymbolicOperation,
    TupleObj,
    Unknown,
    Value,
    directly_reachable,
    is_constant,
    propagate_unknown,
)
from campaign.check.values.limits import CALL_DEPTH, Halt, Raised
from campaign.check.values.scope import Scope, names_of

NOT_CONFIRMED = object()
"""Stands for the answer of Python where Python was not asked."""


def call_builtin(evaluator: Evaluator, function: Value, args: Args, at: Origin, scope: Scope | None) -> Value:
    payload: Builtin = function.payload
    bound = args if payload.holder is None else Args([payload.holder, *args.positional], args.keywords)
    answer = NOT_CONFIRMED if payload.check is None else payload.check(evaluator, bound, at)
    return guarded(payload.name, payload.call, evaluator, bound, site_of(evaluator, at, scope), answer)


def call_bound_method(
    evaluator: Evaluator, function: Value, args: Args, at: Origin, scope: Scope | None
) -> Value:
    payload: BoundMethod = function.payload
    bound = Args([payload.receiver, *args.positional], args.keywords)
    return evaluator.call(payload.function, bound, at, scope)


def call_partial(evaluator: Evaluator, function: Value, args: Args, at: Origin, scope: Scope | None) -> Value:
    payload: Partial = function.payload
    merged = Args([*payload.args, *args.positional], {**payload.kwargs, **args.keywords})
    return evaluator.call(payload.function, merged, at, scope)


def call_instance(
    evaluator: Evaluator, function: Value, args: Args, at: Origin, scope: Scope | None
) -> Value:
    payload: InstObj = function.payload
    if payload.cls.find("__call__") is None:
        raise evaluator.error(TypeError, f"{payload.cls.name!r} object is not callable", at)
    return evaluator.call_method(function, "__call__", args, at)


def call_unknown(evaluator: Evaluator, function: Value, args: Args, at: Origin, scope: Scope | None) -> Value:
    payload: Unknown = function.payload
    raise Halt(f"calls a value that cannot be known: {payload.reason}", at, payload.suggestion)


def call_nondeterministic(
    evaluator: Evaluator, function: Value, args: Args, at: Origin, scope: Scope | None
) -> Value:
    return Value(propagate_unknown(function.payload), at)


def call_wrapped(evaluator: Evaluator, function: Value, args: Args, at: Origin, scope: Scope | None) -> Value:
    payload: DescriptorObj = function.payload
    if payload.kind != "staticmethod":
        raise evaluator.error(TypeError, "object is not callable", at)
    return evaluator.call(payload.function, args, at, scope)


def check_answer(name: str, answer: Any, result: Value, at: Origin) -> None:
    """Ends the evaluation when its answer is not Python's."""
    payload = result.payload
    if answer is NOT_CONFIRMED or not is_constant(payload) or not is_constant(answer):
        return
    if type(payload) is not type(answer) or repr(payload) != repr(answer):
        raise Halt(f"{name}() is called in a way that is not followed", at)


def guarded(
    name: str,
    function: Callable[..., Value],
    evaluator: Evaluator,
    args: Args,
    site: Site,
    answer: Any = NOT_CONFIRMED,
) -> Value:
    """A known function; arguments that it cannot be called with end the evaluation, never this program.
    `answer` is what Python gives for the same arguments, where it was asked."""
    try:
        result = function(evaluator, args, site)
        check_answer(name, answer, result, site.at)
        return result
    except Raised as raised:
        if answer is NOT_CONFIRMED:
            raise
        raise Halt(f"{name}() is not followed here ({raised.message})", site.at) from None
    except (
        ValueError,
        TypeError,
        IndexError,
        AttributeError,
        KeyError,
        AssertionError,
        OverflowError,
    ) as error:
        raise Halt(f"{name}() is called in a way that is not followed ({error})", site.at) from None


def site_of(evaluator: Evaluator, at: Origin, scope: Scope | None) -> Site:
    return Site(at, scope or next(iter(evaluator.modules.values())).scope)


def call_name(evaluator: Evaluator, function: Value, args: Args, at: Origin, scope: Scope | None) -> Value:
    payload: ExternalName = function.payload
    model = EXTERNAL_FUNCTIONS.get(payload.name)
    if model is not None and payload.name not in evaluator.patched:
        return guarded(payload.name, model, evaluator, args, site_of(evaluator, at, scope))
    if payload.name.startswith("os.environ.") and payload.name.rpartition(".")[2] in (
        "setdefault",
        "pop",
        "update",
    ):
        evaluator.effects.append(Effect(payload.name, None, tuple(args.positional), dict(args.keywords), at))
    return call_external(evaluator, function, args, at)


def call_symbolic(
    evaluator: Evaluator, function: Value, args: Args, at: Origin, scope: Scope | None
) -> Value:
    """A call of something read from an opaque object: a method, which may change the object."""
    payload: SymbolicOperation = function.payload
    inputs = [*args.positional, *args.keywords.values()]
    if payload.op.startswith("."):
        name = payload.op[1:]
        if name in FILE_METHODS:
            return Value(Unknown(f".{name}() reads files", "put what is read into the configuration"), at)
        holder = payload.operands[0]
        if name in MUTATING:
            refuse_mutation_of_temporary(holder, at)
        if payload.roots:
            keywords = [
                Value(DictObj({key: (Value(key, at), item) for key, item in args.keywords.items()}), at)
            ]
            result = symbolic(
                evaluator, f".{name}()", at, holder, *args.positional, *(keywords if args.keywords else [])
            )
            external_object_effect(evaluator, holder, name, args, at, failure_decided=True)
            if isinstance(result.payload, SymbolicOperation):
                result.payload.roots = external_roots((holder,)) + result.payload.roots
            return result
    for inner in directly_reachable(inputs):
        refuse_callback(inner, at)
    return call_external(evaluator, function, args, at)


def call_external_result(
    evaluator: Evaluator, function: Value, args: Args, at: Origin, scope: Scope | None
) -> Value:
    result = call_external(evaluator, function, args, at)
    external_object_effect(evaluator, function, "__call__", args, at, failure_decided=True)
    return result


def call_other(evaluator: Evaluator, function: Value, args: Args, at: Origin, scope: Scope | None) -> Value:
    raise evaluator.error(TypeError, "object is not callable", at)


def call_function(
    evaluator: Evaluator, function: Value, args: Args, at: Origin, scope: Scope | None
) -> Value:
    payload: FuncObj = function.payload
    node = payload.node
    names = names_of(node)
    if isinstance(node, ast.AsyncFunctionDef) or (isinstance(node, ast.Lambda) and names.yields):
        raise Halt(f"{payload.name} is a coroutine", at, "return a plain value")
    if evaluator.depth >= CALL_DEPTH:
        raise Halt(f"calls are nested more than {CALL_DEPTH} deep", at)
    scope = Scope("function", payload.module, _closure(payload.scope), names)
    scope.cls = payload.owner
    bind_arguments(evaluator, payload, args, scope, at)
    first = next(iter(scope.vars.values()), None)
    scope.receiver = first
    if names.yields:
        return generator(evaluator, payload, scope, at)
    before = evaluator.control
    evaluator.depth += 1
    try:
        if isinstance(node, ast.Lambda):
            return evaluator.with_control_origin(evaluator.eval(node.body, scope))
        completion = evaluator.run(node.body, scope)
    finally:
        evaluator.depth -= 1
        evaluator.control = before
    if isinstance(completion, Returned):
        return completion.value
    return Value(None, at)


def generator(evaluator: Evaluator, payload: FuncObj, scope: Scope, at: Origin) -> Value:
    """A call of a generator function: nothing of it runs before its first value is asked for."""
    node = payload.node
    assert not isinstance(node, ast.Lambda)
    return Value(IteratorObj(start(evaluator, node, lambda: evaluator.run(node.body, scope), at)), at)


def _closure(scope: Scope) -> Scope:
    """Methods do not see the names of their class."""
    while scope.kind == "class" and scope.parent is not None:
        scope = scope.parent
    return scope


def bind_arguments(evaluator: Evaluator, payload: FuncObj, args: Args, scope: Scope, at: Origin) -> None:
    """Arguments to parameters, as Python does it, its errors included."""
    spec = payload.node.args
    positional = [*spec.posonlyargs, *spec.args]
    by_name = {arg.arg for arg in (*spec.args, *spec.kwonlyargs)}
    given = list(args.positional)
    for arg, value in zip(positional, given, strict=False):
        scope.vars[arg.arg] = value
    extra = given[len(positional) :]
    if spec.vararg is not None:
        scope.vars[spec.vararg.arg] = Value(TupleObj(tuple(extra)), at)
    elif extra:
        raise evaluator.error(TypeError, f"{payload.name}() takes {len(positional)} positional arguments", at)
    rest: dict[Any, tuple[Value, Value]] = {}
    for name, value in args.keywords.items():
        if name in by_name:
            if name in scope.vars and name in {arg.arg for arg in positional[: len(given)]}:
                raise evaluator.error(
                    TypeError, f"{payload.name}() got multiple values for argument {name!r}", at
                )
            scope.vars[name] = value
        elif spec.kwarg is not None:
            rest[name] = (Value(name, at), value)
        else:
            raise evaluator.error(
                TypeError, f"{payload.name}() got an unexpected keyword argument {name!r}", at
            )
    if spec.kwarg is not None:
        scope.vars[spec.kwarg.arg] = Value(DictObj(rest), at)
    for arg, default in zip(reversed(positional), reversed(payload.defaults), strict=False):
        scope.vars.setdefault(arg.arg, default)
    for name, default in payload.kw_defaults.items():
        scope.vars.setdefault(name, default)
    for arg in (*positional, *spec.kwonlyargs):
        if arg.arg not in scope.vars:
            raise evaluator.error(TypeError, f"{payload.name}() missing argument {arg.arg!r}", at)


def instantiate(evaluator: Evaluator, function: Value, args: Args, at: Origin, scope: Scope | None) -> Value:
    """An instance of a class of the checked files."""
    cls: ClassObj = function.payload
    origins = [value.origin for value in (*args.positional, *args.keywords.values())]
    origin = Origin(at.file, at.line, at.column, (at, *origins))
    if cls.kind == "enum":
        return enum_member(evaluator, cls, args, at)
    if cls.external:
        return call_external(evaluator, function, args, at)
    if cls.options.get("abstract"):
        refuse_abstract(evaluator, cls, at)
    if cls.builtin is not None and issubclass(cls.builtin, BaseException):
        error = Value(ErrorObj(cls, tuple(args.positional)), origin)
        if cls.find("__init__") is not None:
            raise Halt(f"exception {cls.name} has its own __init__", at)
        return error
    if cls.kind == "namedtuple":
        items = bind_fields(evaluator, cls, args, at)
        return Value(TupleObj(tuple(items.values()), cls), origin)
    instance = Value(InstObj(cls), origin)
    initialise(evaluator, instance, cls, args, at)
    return instance


def refuse_abstract(evaluator: Evaluator, cls: ClassObj, at: Origin) -> None:
    """A class of `abc` with methods that are still abstract, or a protocol, has no instances."""
    if any(
        base.payload.name.endswith(".Protocol")
        for base in cls.bases
        if isinstance(base.payload, ExternalName)
    ):
        raise evaluator.error(TypeError, "Protocols cannot be instantiated", at)
    for name in dict.fromkeys(name for base in cls.mro for name in base.namespace):
        found = cls.find(name)
        inner = found.payload if found is not None else None
        if isinstance(inner, DescriptorObj):
            inner = inner.function.payload
        if isinstance(inner, FuncObj) and "__isabstractmethod__" in inner.attrs:
            raise evaluator.error(TypeError, f"cannot instantiate abstract class {cls.name}", at)


def initialise(evaluator: Evaluator, instance: Value, cls: ClassObj, args: Args, at: Origin) -> None:
    for following in cls.mro:
        own = following.namespace.get("__init__")
        if own is not None:
            result = evaluator.call(bind_member(evaluator, own, instance, cls, at), args, at, None)
            if result.payload is not None:
                raise evaluator.error(TypeError, "__init__() should return None", at)
            return
        if following.kind == "dataclass" and following.options.get("init", True):
            initialise_dataclass(evaluator, instance, following, args, at)
            return
    if args.positional or args.keywords:
        raise evaluator.error(TypeError, f"{cls.name}() takes no arguments", at)


def initialise_dataclass(
    evaluator: Evaluator, instance: Value, cls: ClassObj, args: Args, at: Origin
) -> None:
    """`__init__` as `dataclass` writes it, then `__post_init__`."""
    payload = instance.payload
    assert isinstance(payload, InstObj)
    bound = bind_fields(evaluator, cls, args, at)
    late: list[Value] = []
    for field in cls.fields:
        if field.name not in bound:
            continue
        if field.init_only:
            late.append(bound[field.name])
        else:
            payload.attrs[field.name] = evaluator.with_control_origin(bound[field.name])
    after = payload.cls.find("__post_init__")
    if after is not None:
        evaluator.call(bind_member(evaluator, after, instance, payload.cls, at), Args(late), at, None)


def bind_fields(evaluator: Evaluator, cls: ClassObj, args: Args, at: Origin) -> dict[str, Value]:
    """Constructor arguments of a dataclass or named tuple, defaults filled in, in the order of the fields."""
    taken = [field for field in cls.fields if field.field.init]
    positional = [field.name for field in taken if not field.kw_only]
    if len(args.positional) > len(positional):
        raise evaluator.error(TypeError, f"{cls.name}() takes {len(positional)} positional arguments", at)
    given = dict(zip(positional, args.positional, strict=False))
    legal = {field.name for field in taken}
    for name, value in args.keywords.items():
        if name not in legal:
            raise evaluator.error(TypeError, f"{cls.name}() got an unexpected keyword argument {name!r}", at)
        if name in given:
            raise evaluator.error(TypeError, f"{cls.name}() got multiple values for argument {name!r}", at)
        given[name] = value
    bound: dict[str, Value] = {}
    for field in cls.fields:
        if field.name in given:
            bound[field.name] = given[field.name]
        elif field.field.factory is not None:
            bound[field.name] = evaluator.call(field.field.factory, Args([]), at, None)
        elif field.field.default is not None:
            if field.field.init or cls.kind == "namedtuple":
                bound[field.name] = field.field.default
        elif field.field.init:
            raise evaluator.error(TypeError, f"{cls.name}() missing argument {field.name!r}", at)
    return bound


def enum_member(evaluator: Evaluator, cls: ClassObj, args: Args, at: Origin) -> Value:
    """`Color("red")`."""

    if len(args.positional) != 1 or args.keywords:
        raise Halt(f"builds enum {cls.name} from several arguments", at)
    wanted = args.positional[0]
    if isinstance(wanted.payload, InstObj) and wanted.payload.cls is cls:
        return wanted
    if cls.find("_missing_") is not None:
        raise Halt(f"enum {cls.name} has _missing_", at)
    for member in cls.members.values():
        value = Value(member.attrs["value"].payload, member.attrs["value"].origin)
        if evaluator.truth(evaluator.compare(ast.Eq, value, wanted, at), at):
            return Value(member, at)
    raise evaluator.error(ValueError, f"{wanted.payload!r} is not a valid {cls.name}", at)


MEMBERS[object] = bind_member
CALLS.update(
    {
        ExternalName: call_name, FuncObj: call_function, Builtin: call_builtin, BoundMethod: call_bound_method,
        ClassObj: instantiate, Partial: call_partial, SymbolicOperation: call_symbolic,
        ExternalCall: call_external_result, InstObj: call_instance, Unknown: call_unknown,
        Nondeterministic: call_nondeterministic, DescriptorObj: call_wrapped, object: call_other,
    }
)  # fmt: skip
