"""Calls: functions of the checked files, their classes, what we know, and what is outside."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from campaign.check.accepted import UNASKED, check_answer, check_function
from campaign.check.attributes import bind_member, get_attribute
from campaign.check.constants import lift
from campaign.check.limits import CALL_DEPTH, Halt, Raised
from campaign.check.machine import Args, Machine, Returned, Site
from campaign.check.outside import (
    call_outside,
    opaque_effect,
    outside_roots,
    refuse_callback,
    refuse_change_of_made,
    term,
)
from campaign.check.scope import Scope, names_of
from campaign.check.values import (
    Bound,
    Builtin,
    ClassObj,
    DictObj,
    Effect,
    ErrorObj,
    FuncObj,
    InstObj,
    Iter,
    Nondet,
    Opaque,
    Origin,
    Partial,
    Sym,
    Term,
    TupleObj,
    Unknown,
    Value,
    Wrapped,
    parts,
    spoiled,
)


def call(machine: Machine, function: Value, args: Args, at: Origin, scope: Scope | None) -> Value:
    payload = function.payload
    if isinstance(payload, Sym):  # most calls of a configuration construct something from outside
        return call_name(machine, function, payload, args, at, scope)
    if isinstance(payload, FuncObj):
        return call_function(machine, function, payload, args, at)
    if isinstance(payload, Builtin):
        bound = args if payload.holder is None else Args([payload.holder, *args.positional], args.keywords)
        site = Site(at, scope or _no_scope(machine, at))
        answer = UNASKED if payload.check is None else payload.check(machine, bound, at)
        return guarded(payload.name, payload.call, machine, bound, site, answer)
    if isinstance(payload, Bound):
        return call(
            machine, payload.function, Args([payload.receiver, *args.positional], args.keywords), at, scope
        )
    if isinstance(payload, type):
        from campaign.check.constructors import construct

        def build(machine: Machine, args: Args, site: Site) -> Value:
            return construct(machine, payload, args, site)

        name = payload.__name__
        answer = check_function(machine, name, payload, args, at)
        return guarded(name, build, machine, args, Site(at, scope or _no_scope(machine, at)), answer)
    if isinstance(payload, ClassObj):
        return instantiate(machine, function, payload, args, at)
    if isinstance(payload, Partial):
        merged = Args([*payload.args, *args.positional], {**payload.kwargs, **args.keywords})
        return call(machine, payload.function, merged, at, scope)
    if isinstance(payload, Term):
        return call_term(machine, function, payload, args, at)
    if isinstance(payload, Opaque):
        return call_opaque(machine, function, args, at)
    if isinstance(payload, InstObj):
        if payload.cls.find("__call__") is None:
            raise machine.error(TypeError, f"{payload.cls.name!r} object is not callable", at)
        return call_method(machine, function, "__call__", args, at)
    if isinstance(payload, Unknown):
        raise Halt(f"calls a value that cannot be known: {payload.reason}", at, payload.edit)
    if isinstance(payload, Nondet):
        return Value(spoiled(payload), at)
    if isinstance(payload, Wrapped) and payload.kind == "staticmethod":
        return call(machine, payload.function, args, at, scope)
    raise machine.error(TypeError, "object is not callable", at)


def guarded(
    name: str,
    function: Callable[..., Value],
    machine: Machine,
    args: Args,
    site: Site,
    answer: Any = UNASKED,
) -> Value:
    """A known function; arguments that it cannot be called with end the evaluation, never this program.
    `answer` is what Python gives for the same arguments, where it was asked."""
    try:
        result = function(machine, args, site)
        check_answer(name, answer, result, site.at)
        return result
    except Raised as raised:
        if answer is UNASKED:
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


def _no_scope(machine: Machine, at: Origin) -> Scope:
    module = next(iter(machine.modules.values()))
    return module.scope


def call_name(
    machine: Machine, function: Value, payload: Sym, args: Args, at: Origin, scope: Scope | None
) -> Value:
    from campaign.check.library import FUNCTIONS

    known = FUNCTIONS.get(payload.name)
    if known is not None and payload.name not in machine.patched:
        return guarded(payload.name, known, machine, args, Site(at, scope or _no_scope(machine, at)))
    if payload.name.startswith("os.environ.") and payload.name.rpartition(".")[2] in (
        "setdefault",
        "pop",
        "update",
    ):
        machine.effects.append(Effect(payload.name, None, tuple(args.positional), dict(args.keywords), at))
    return call_outside(machine, function, args, at)


def call_term(machine: Machine, function: Value, payload: Term, args: Args, at: Origin) -> Value:
    """A call of something read from an opaque object: a method, which may change the object."""
    inputs = [*args.positional, *args.keywords.values()]
    if payload.op.startswith("."):
        from campaign.check.outside import FILE_METHODS, MUTATING

        name = payload.op[1:]
        if name in FILE_METHODS:
            return Value(Unknown(f".{name}() reads files", "put what is read into the configuration"), at)
        holder = payload.operands[0]
        if name in MUTATING:
            refuse_change_of_made(holder, at)
        if payload.roots:
            keywords = [
                Value(DictObj({key: (Value(key, at), item) for key, item in args.keywords.items()}), at)
            ]
            result = term(
                machine, f".{name}()", at, holder, *args.positional, *(keywords if args.keywords else [])
            )
            opaque_effect(machine, holder, name, args, at, asked=True)
            if isinstance(result.payload, Term):
                result.payload.roots = outside_roots((holder,)) + result.payload.roots
            return result
    for inner in parts(inputs):
        refuse_callback(inner, at)
    return call_outside(machine, function, args, at)


def call_opaque(machine: Machine, function: Value, args: Args, at: Origin) -> Value:
    result = call_outside(machine, function, args, at)
    opaque_effect(machine, function, "__call__", args, at, asked=True)
    return result


def call_method(machine: Machine, receiver: Value, name: str, args: Args, at: Origin) -> Value:
    """A special method, looked up on the class as Python does."""
    payload = receiver.payload
    assert isinstance(payload, InstObj)
    found = payload.cls.find(name)
    if found is None:
        return call(machine, get_attribute(machine, receiver, name, at), args, at, None)
    return call(machine, bind_member(machine, found, receiver, payload.cls, at), args, at, None)


def call_function(machine: Machine, function: Value, payload: FuncObj, args: Args, at: Origin) -> Value:
    node = payload.node
    names = names_of(node)
    if isinstance(node, ast.AsyncFunctionDef) or (isinstance(node, ast.Lambda) and names.yields):
        raise Halt(f"{payload.name} is a coroutine", at, "return a plain value")
    if machine.depth >= CALL_DEPTH:
        raise Halt(f"calls are nested more than {CALL_DEPTH} deep", at)
    scope = Scope("function", payload.module, _closure(payload.scope), names)
    scope.cls = payload.owner
    bind_arguments(machine, payload, args, scope, at)
    first = next(iter(scope.vars.values()), None)
    scope.receiver = first
    if names.yields:
        return generator(machine, payload, scope, at)
    before = machine.control
    machine.depth += 1
    try:
        if isinstance(node, ast.Lambda):
            return machine.bound(machine.eval(node.body, scope))
        completion = machine.run(node.body, scope)
    finally:
        machine.depth -= 1
        machine.control = before
    if isinstance(completion, Returned):
        return completion.value
    return Value(None, at)


def generator(machine: Machine, payload: FuncObj, scope: Scope, at: Origin) -> Value:
    """A call of a generator function: nothing of it runs before its first value is asked for."""
    from campaign.check.generators import start

    node = payload.node
    assert not isinstance(node, ast.Lambda)
    return Value(Iter(start(machine, node, lambda: machine.run(node.body, scope), at)), at)


def _closure(scope: Scope) -> Scope:
    """Methods do not see the names of their class."""
    while scope.kind == "class" and scope.parent is not None:
        scope = scope.parent
    return scope


def bind_arguments(machine: Machine, payload: FuncObj, args: Args, scope: Scope, at: Origin) -> None:
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
        raise machine.error(TypeError, f"{payload.name}() takes {len(positional)} positional arguments", at)
    rest: dict[Any, tuple[Value, Value]] = {}
    for name, value in args.keywords.items():
        if name in by_name:
            if name in scope.vars and name in {arg.arg for arg in positional[: len(given)]}:
                raise machine.error(
                    TypeError, f"{payload.name}() got multiple values for argument {name!r}", at
                )
            scope.vars[name] = value
        elif spec.kwarg is not None:
            rest[name] = (Value(name, at), value)
        else:
            raise machine.error(
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
            raise machine.error(TypeError, f"{payload.name}() missing argument {arg.arg!r}", at)


def instantiate(machine: Machine, function: Value, cls: ClassObj, args: Args, at: Origin) -> Value:
    """An instance of a class of the checked files."""
    origins = [value.origin for value in (*args.positional, *args.keywords.values())]
    origin = Origin(at.file, at.line, at.column, (at, *origins))
    if cls.kind == "enum":
        return enum_member(machine, cls, args, at)
    if cls.outside:
        return call_outside(machine, function, args, at)
    if cls.options.get("abstract"):
        refuse_abstract(machine, cls, at)
    if cls.builtin is not None and issubclass(cls.builtin, BaseException):
        error = Value(ErrorObj(cls, tuple(args.positional)), origin)
        if cls.find("__init__") is not None:
            raise Halt(f"exception {cls.name} has its own __init__", at)
        return error
    if cls.kind == "namedtuple":
        items = bind_fields(machine, cls, args, at)
        return Value(TupleObj(tuple(items.values()), cls), origin)
    instance = Value(InstObj(cls), origin)
    initialise(machine, instance, cls, args, at)
    return instance


def refuse_abstract(machine: Machine, cls: ClassObj, at: Origin) -> None:
    """A class of `abc` with methods that are still abstract, or a protocol, has no instances."""
    if any(base.payload.name.endswith(".Protocol") for base in cls.bases if isinstance(base.payload, Sym)):
        raise machine.error(TypeError, "Protocols cannot be instantiated", at)
    for name in dict.fromkeys(name for base in cls.mro for name in base.namespace):
        found = cls.find(name)
        inner = found.payload if found is not None else None
        if isinstance(inner, Wrapped):
            inner = inner.function.payload
        if isinstance(inner, FuncObj) and "__isabstractmethod__" in inner.attrs:
            raise machine.error(TypeError, f"cannot instantiate abstract class {cls.name}", at)


def initialise(machine: Machine, instance: Value, cls: ClassObj, args: Args, at: Origin) -> None:
    for following in cls.mro:
        own = following.namespace.get("__init__")
        if own is not None:
            result = call(machine, bind_member(machine, own, instance, cls, at), args, at, None)
            if result.payload is not None:
                raise machine.error(TypeError, "__init__() should return None", at)
            return
        if following.kind == "dataclass" and following.options.get("init", True):
            initialise_dataclass(machine, instance, following, args, at)
            return
    if args.positional or args.keywords:
        raise machine.error(TypeError, f"{cls.name}() takes no arguments", at)


def initialise_dataclass(machine: Machine, instance: Value, cls: ClassObj, args: Args, at: Origin) -> None:
    """`__init__` as `dataclass` writes it, then `__post_init__`."""
    payload = instance.payload
    assert isinstance(payload, InstObj)
    bound = bind_fields(machine, cls, args, at)
    late: list[Value] = []
    for field in cls.fields:
        if field.name not in bound:
            continue
        if field.pseudo:
            late.append(bound[field.name])
        else:
            payload.attrs[field.name] = machine.bound(bound[field.name])
    after = payload.cls.find("__post_init__")
    if after is not None:
        call(machine, bind_member(machine, after, instance, payload.cls, at), Args(late), at, None)


def bind_fields(machine: Machine, cls: ClassObj, args: Args, at: Origin) -> dict[str, Value]:
    """Constructor arguments of a dataclass or named tuple, defaults filled in, in the order of the fields."""
    taken = [field for field in cls.fields if field.field.init]
    positional = [field.name for field in taken if not field.kw_only]
    if len(args.positional) > len(positional):
        raise machine.error(TypeError, f"{cls.name}() takes {len(positional)} positional arguments", at)
    given = dict(zip(positional, args.positional, strict=False))
    legal = {field.name for field in taken}
    for name, value in args.keywords.items():
        if name not in legal:
            raise machine.error(TypeError, f"{cls.name}() got an unexpected keyword argument {name!r}", at)
        if name in given:
            raise machine.error(TypeError, f"{cls.name}() got multiple values for argument {name!r}", at)
        given[name] = value
    bound: dict[str, Value] = {}
    for field in cls.fields:
        if field.name in given:
            bound[field.name] = given[field.name]
        elif field.field.factory is not None:
            bound[field.name] = call(machine, field.field.factory, Args([]), at, None)
        elif field.field.default is not None:
            if field.field.init or cls.kind == "namedtuple":
                bound[field.name] = field.field.default
        elif field.field.init:
            raise machine.error(TypeError, f"{cls.name}() missing argument {field.name!r}", at)
    return bound


def enum_member(machine: Machine, cls: ClassObj, args: Args, at: Origin) -> Value:
    """`Color("red")`."""
    from campaign.check.comparisons import compare
    from campaign.check.operators import truth

    if len(args.positional) != 1 or args.keywords:
        raise Halt(f"builds enum {cls.name} from several arguments", at)
    wanted = args.positional[0]
    if isinstance(wanted.payload, InstObj) and wanted.payload.cls is cls:
        return wanted
    if cls.find("_missing_") is not None:
        raise Halt(f"enum {cls.name} has _missing_", at)
    for member in cls.members.values():
        value = Value(member.attrs["value"].payload, member.attrs["value"].origin)
        if truth(machine, compare(machine, ast.Eq, value, wanted, at), at):
            return Value(member, at)
    raise machine.error(ValueError, f"{wanted.payload!r} is not a valid {cls.name}", at)


__all__ = ["call", "call_function", "call_method", "instantiate", "lift"]
