"""Calls of every kind of callable: functions, classes, builtins with a model, external ones."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from campaign.check.evaluator.attributes import bind_member
from campaign.check.evaluator.dispatch import CALLS
from campaign.check.evaluator.effects import external_object_effect, refuse_mutation_of_temporary
from campaign.check.evaluator.escapes import MUTATING, refuse_callback
from campaign.check.evaluator.external_calls import call_external
from campaign.check.evaluator.external_names import FILE_METHODS
from campaign.check.evaluator.generators import start
from campaign.check.evaluator.state import (
    EXTERNAL_FUNCTIONS,
    Args,
    Evaluator,
    Returned,
    Site,
)
from campaign.check.evaluator.symbolic import external_roots, symbolic
from campaign.check.values import (
    BoundMethod,
    Builtin,
    ClassObj,
    DataField,
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
"""The expected result of a call that was not confirmed by Python itself."""
CHANGES_ENVIRONMENT = frozenset({"os.environ.setdefault", "os.environ.pop", "os.environ.update"})


def call_builtin(evaluator: Evaluator, function: Value, args: Args, at: Origin, scope: Scope | None) -> Value:
    payload: Builtin = function.payload
    bound = args if payload.holder is None else Args([payload.holder, *args.positional], args.keywords)
    # Where the arguments are small and made of constants, `check` calls the builtin itself: the model must agree.
    expected = NOT_CONFIRMED if payload.check is None else payload.check(evaluator, bound, at)
    return guarded(payload.name, payload.call, evaluator, bound, site_of(evaluator, at, scope), expected)


def call_bound_method(
    evaluator: Evaluator, function: Value, args: Args, at: Origin, scope: Scope | None
) -> Value:
    payload: BoundMethod = function.payload
    bound = Args([payload.receiver, *args.positional], args.keywords)
    return evaluator.call(payload.function, bound, at, scope)


def call_partial(evaluator: Evaluator, function: Value, args: Args, at: Origin, scope: Scope | None) -> Value:
    # Arguments of the call follow those of the partial object, and replace its keywords.
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
    raise Halt(f"the code calls an unknown value: {payload.reason}", at, payload.suggestion)


def call_nondeterministic(
    evaluator: Evaluator, function: Value, args: Args, at: Origin, scope: Scope | None
) -> Value:
    return Value(propagate_unknown(function.payload), at)


def call_wrapped(evaluator: Evaluator, function: Value, args: Args, at: Origin, scope: Scope | None) -> Value:
    payload: DescriptorObj = function.payload
    if payload.kind != "staticmethod":
        raise evaluator.error(TypeError, "object is not callable", at)
    return evaluator.call(payload.function, args, at, scope)


def refuse_wrong_result(name: str, expected: Any, result: Value, at: Origin) -> None:
    """End the evaluation if a model gives another result than Python itself."""
    payload = result.payload
    if expected is NOT_CONFIRMED or not is_constant(payload) or not is_constant(expected):
        return
    # `==` would confuse 1 with True and 0.0 with -0.0, and NaN would differ from itself.
    if type(payload) is not type(expected) or repr(payload) != repr(expected):
        reason = f"the model of {name}() gives another result than Python for these arguments"
        raise Halt(reason, at, "write the result out")


def guarded(
    name: str,
    function: Callable[..., Value],
    evaluator: Evaluator,
    args: Args,
    site: Site,
    expected: Any = NOT_CONFIRMED,
) -> Value:
    """The result of a model, where Python gives the result `expected` or was not called."""
    # A model is written for the arguments that its function accepts. Where it fails on others, evaluation ends: an
    # exception of the model is not the exception that Python would raise.
    try:
        result = function(evaluator, args, site)
        refuse_wrong_result(name, expected, result, site.at)
        return result
    except Raised as raised:
        if expected is NOT_CONFIRMED:
            raise
        reason = f"the model of {name}() raises an exception that Python does not raise ({raised.message})"
        raise Halt(reason, site.at, "write the result out") from None
    except (
        ValueError, TypeError, IndexError, AttributeError, KeyError, AssertionError, OverflowError,
    ) as error:  # fmt: skip
        reason = f"{name}() is called in a way that is not modelled ({error})"
        raise Halt(reason, site.at, "write the result out") from None


def site_of(evaluator: Evaluator, at: Origin, scope: Scope | None) -> Site:
    return Site(at, scope or next(iter(evaluator.modules.values())).scope)


def call_name(evaluator: Evaluator, function: Value, args: Args, at: Origin, scope: Scope | None) -> Value:
    payload: ExternalName = function.payload
    # A model describes the original: not what the checked files assigned to its name.
    model = EXTERNAL_FUNCTIONS.get(payload.name)
    if model is not None and payload.name not in evaluator.patched:
        return guarded(payload.name, model, evaluator, args, site_of(evaluator, at, scope))
    if payload.name in CHANGES_ENVIRONMENT:
        evaluator.effects.append(Effect(payload.name, None, tuple(args.positional), dict(args.keywords), at))
    return call_external(evaluator, function, args, at)


def call_symbolic(
    evaluator: Evaluator, function: Value, args: Args, at: Origin, scope: Scope | None
) -> Value:
    """A call of a value that was read from an external object: a method, which may change the object."""
    payload: SymbolicOperation = function.payload
    inputs = [*args.positional, *args.keywords.values()]
    if payload.op.startswith("."):
        name = payload.op[1:]
        if name in FILE_METHODS:
            return Value(Unknown(f".{name}() reads a file", "write its content into the configuration"), at)
        holder = payload.operands[0]
        if name in MUTATING:
            refuse_mutation_of_temporary(holder, at)
        if payload.roots:
            # The result is what the method gave at this point of the object's log; later calls are later in the log.
            named = DictObj({key: (Value(key, at), item) for key, item in args.keywords.items()})
            operands = [holder, *args.positional, *([Value(named, at)] if args.keywords else [])]
            result = symbolic(evaluator, f".{name}()", at, *operands)
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
    # The `__call__` of an external object may change the object.
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
        raise Halt(f"{payload.name} is a coroutine or a generator", at, "return a plain value")
    if evaluator.depth >= CALL_DEPTH:
        raise Halt(f"calls are nested more than {CALL_DEPTH} deep", at, "use a loop instead of recursion")
    # The scope of the definition, not of the caller (lexical scoping); methods do not see the names of their class.
    scope = Scope("function", payload.module, payload.scope.visible_inside(), names)
    scope.cls = payload.owner
    bind_arguments(evaluator, payload, args, scope, at)
    scope.receiver = next(iter(scope.vars.values()), None)
    if names.yields:
        return generator(evaluator, payload, scope, at)
    # Tests inside the function decide what it returns, which `return` records, but not that the caller continues.
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
    node = payload.node
    assert not isinstance(node, ast.Lambda)
    return Value(IteratorObj(start(evaluator, node, lambda: evaluator.run(node.body, scope), at)), at)


def bind_arguments(evaluator: Evaluator, payload: FuncObj, args: Args, scope: Scope, at: Origin) -> None:
    """Bind the arguments of a call to the parameters (reference, 6.3.4), or raise what Python raises."""
    spec = payload.node.args
    positional = [*spec.posonlyargs, *spec.args]
    scope.vars.update(zip((arg.arg for arg in positional), args.positional, strict=False))
    extra = args.positional[len(positional) :]
    if spec.vararg is not None:
        scope.vars[spec.vararg.arg] = Value(TupleObj(tuple(extra)), at)
    elif extra:
        raise evaluator.error(TypeError, f"{payload.name}() takes {len(positional)} positional arguments", at)
    _bind_keywords(evaluator, payload, args, scope, at)
    for arg, default in zip(reversed(positional), reversed(payload.defaults), strict=False):
        scope.vars.setdefault(arg.arg, default)
    for name, default in payload.kw_defaults.items():
        scope.vars.setdefault(name, default)
    for arg in (*positional, *spec.kwonlyargs):
        if arg.arg not in scope.vars:
            raise evaluator.error(TypeError, f"{payload.name}() missing argument {arg.arg!r}", at)


def _bind_keywords(evaluator: Evaluator, payload: FuncObj, args: Args, scope: Scope, at: Origin) -> None:
    spec = payload.node.args
    # Positional-only parameters are not among them: their names may occur in `**kwargs`.
    by_name = {arg.arg for arg in (*spec.args, *spec.kwonlyargs)}
    others: dict[Any, tuple[Value, Value]] = {}
    for name, value in args.keywords.items():
        if name in by_name and name in scope.vars:
            message = f"{payload.name}() got multiple values for argument {name!r}"
            raise evaluator.error(TypeError, message, at)
        if name in by_name:
            scope.vars[name] = value
        elif spec.kwarg is not None:
            others[name] = (Value(name, at), value)
        else:
            message = f"{payload.name}() got an unexpected keyword argument {name!r}"
            raise evaluator.error(TypeError, message, at)
    if spec.kwarg is not None:
        scope.vars[spec.kwarg.arg] = Value(DictObj(others), at)


def instantiate(evaluator: Evaluator, function: Value, args: Args, at: Origin, scope: Scope | None) -> Value:
    """An instance of a class of the checked files."""
    cls: ClassObj = function.payload
    origins = [value.origin for value in (*args.positional, *args.keywords.values())]
    origin = Origin(at.file, at.line, at.column, (at, *origins))
    if cls.kind == "enum":
        return enum_member(evaluator, cls, args, at)
    # The constructor may be one of the external base, which decides what the instance is.
    if cls.external:
        return call_external(evaluator, function, args, at)
    if cls.options.get("abstract"):
        refuse_abstract(evaluator, cls, at)
    if cls.builtin is not None and issubclass(cls.builtin, BaseException):
        error = Value(ErrorObj(cls, tuple(args.positional)), origin)
        if cls.find("__init__") is not None:
            reason = f"exception {cls.name} has its own __init__, which is not modelled"
            raise Halt(reason, at, "remove it, and pass the message to the exception")
        return error
    if cls.kind == "namedtuple":
        items = bind_fields(evaluator, cls, args, at)
        return Value(TupleObj(tuple(items.values()), cls), origin)
    instance = Value(InstObj(cls), origin)
    initialise(evaluator, instance, cls, args, at)
    return instance


def refuse_abstract(evaluator: Evaluator, cls: ClassObj, at: Origin) -> None:
    """Raise what Python raises for a protocol, or for a class that has abstract methods."""
    protocols = ("typing.Protocol", "typing_extensions.Protocol")
    if any(isinstance(base.payload, ExternalName) and base.payload.name in protocols for base in cls.bases):
        raise evaluator.error(TypeError, "Protocols cannot be instantiated", at)
    # A method is abstract as long as the MRO finds the abstract one first: an override makes the class concrete.
    names = {name for base in cls.mro for name in base.namespace}
    if any(_is_abstract(cls.find(name)) for name in names):
        raise evaluator.error(TypeError, f"cannot instantiate abstract class {cls.name}", at)


def _is_abstract(found: Value | None) -> bool:
    member = found.payload if found is not None else None
    if isinstance(member, DescriptorObj):
        member = member.function.payload
    return isinstance(member, FuncObj) and "__isabstractmethod__" in member.attrs


def initialise(evaluator: Evaluator, instance: Value, cls: ClassObj, args: Args, at: Origin) -> None:
    # The first class of the MRO that has an `__init__`, written in its body or generated by `dataclass`, which
    # leaves the one in the body alone.
    for base in cls.mro:
        own = base.namespace.get("__init__")
        if own is not None:
            result = evaluator.call(bind_member(evaluator, own, instance, cls, at), args, at)
            if result.payload is not None:
                raise evaluator.error(TypeError, "__init__() should return None", at)
            return
        if base.kind == "dataclass" and base.options.get("init", True):
            initialise_dataclass(evaluator, instance, base, args, at)
            return
    if args.positional or args.keywords:
        raise evaluator.error(TypeError, f"{cls.name}() takes no arguments", at)


def initialise_dataclass(
    evaluator: Evaluator, instance: Value, cls: ClassObj, args: Args, at: Origin
) -> None:
    """The `__init__` that `dataclass` generates: fields in order, then `__post_init__` with the `InitVar`s."""
    payload: InstObj = instance.payload
    bound = bind_fields(evaluator, cls, args, at)
    init_only: list[Value] = []
    for field in cls.fields:
        if field.name not in bound:
            continue
        if field.init_only:
            init_only.append(bound[field.name])
        else:
            payload.attrs[field.name] = evaluator.with_control_origin(bound[field.name])
    post_init = payload.cls.find("__post_init__")
    if post_init is not None:
        evaluator.call(bind_member(evaluator, post_init, instance, payload.cls, at), Args(init_only), at)


def bind_fields(evaluator: Evaluator, cls: ClassObj, args: Args, at: Origin) -> dict[str, Value]:
    """The fields of a dataclass or named tuple that its constructor sets, in order, defaults included."""
    given = _given_fields(evaluator, cls, args, at)
    bound: dict[str, Value] = {}
    for field in cls.fields:
        value = given.get(field.name) or _default(evaluator, cls, field, at)
        if value is not None:
            bound[field.name] = value
    return bound


def _given_fields(evaluator: Evaluator, cls: ClassObj, args: Args, at: Origin) -> dict[str, Value]:
    accepted = [field for field in cls.fields if field.field.init]
    positional = [field.name for field in accepted if not field.kw_only]
    if len(args.positional) > len(positional):
        raise evaluator.error(TypeError, f"{cls.name}() takes {len(positional)} positional arguments", at)
    given = dict(zip(positional, args.positional, strict=False))
    names = {field.name for field in accepted}
    for name, value in args.keywords.items():
        if name not in names:
            raise evaluator.error(TypeError, f"{cls.name}() got an unexpected keyword argument {name!r}", at)
        if name in given:
            raise evaluator.error(TypeError, f"{cls.name}() got multiple values for argument {name!r}", at)
        given[name] = value
    return given


def _default(evaluator: Evaluator, cls: ClassObj, field: DataField, at: Origin) -> Value | None:
    declared = field.field
    if declared.factory is not None:
        return evaluator.call(declared.factory, Args([]), at)
    if declared.default is not None:
        # The default of a field with `init=False` stays a class attribute: no attribute of the instance is set.
        return declared.default if declared.init or cls.kind == "namedtuple" else None
    if declared.init:
        raise evaluator.error(TypeError, f"{cls.name}() missing argument {field.name!r}", at)
    return None


def enum_member(evaluator: Evaluator, cls: ClassObj, args: Args, at: Origin) -> Value:
    """`Color("red")`."""
    if len(args.positional) != 1 or args.keywords:
        raise Halt(f"enum {cls.name} is called with several arguments", at, "look the member up by name")
    wanted = args.positional[0]
    if isinstance(wanted.payload, InstObj) and wanted.payload.cls is cls:
        return wanted
    if cls.find("_missing_") is not None:
        reason = f"the _missing_ method of enum {cls.name} is not modelled"
        raise Halt(reason, at, "look the member up by name")
    for member in cls.members.values():
        value = Value(member.attrs["value"].payload, member.attrs["value"].origin)
        if evaluator.truth(evaluator.compare(ast.Eq, value, wanted, at), at):
            return Value(member, at)
    raise evaluator.error(ValueError, f"{wanted.payload!r} is not a valid {cls.name}", at)


CALLS.update(
    {
        ExternalName: call_name, FuncObj: call_function, Builtin: call_builtin, BoundMethod: call_bound_method,
        ClassObj: instantiate, Partial: call_partial, SymbolicOperation: call_symbolic,
        ExternalCall: call_external_result, InstObj: call_instance, Unknown: call_unknown,
        Nondeterministic: call_nondeterministic, DescriptorObj: call_wrapped, object: call_other,
    }
)  # fmt: skip
