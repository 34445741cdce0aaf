"""Builtin functions that look at objects and names, or run text as code."""

from __future__ import annotations

import ast
from typing import Any

from campaign.check.builtins.pure_functions import one, origin_of
from campaign.check.evaluator.attributes import bind_member, object_setattr, own_names
from campaign.check.evaluator.calls import initialise_dataclass
from campaign.check.evaluator.dispatch import ATTRIBUTES
from campaign.check.evaluator.imports import import_module
from campaign.check.evaluator.state import Args, Evaluator, Site
from campaign.check.evaluator.symbolic import symbolic
from campaign.check.evaluator.type_tests import is_a
from campaign.check.sources import Unreadable, parse
from campaign.check.values import (
    EXTERNAL,
    BoundMethod,
    Builtin,
    ClassObj,
    DescriptorObj,
    DictObj,
    FuncObj,
    InstObj,
    ModuleObj,
    Namespace,
    Nondeterministic,
    Origin,
    Partial,
    SuperObj,
    TupleObj,
    Unknown,
    Value,
)
from campaign.check.values.constants import lift
from campaign.check.values.limits import Halt, Raised
from campaign.check.values.scope import Scope


def is_instance(evaluator: Evaluator, args: Args, site: Site) -> Value:
    value, kinds = args.positional
    if isinstance(kinds.payload, TupleObj):
        answers = [is_instance(evaluator, Args([value, kind]), site) for kind in kinds.payload.items]
        for answer in answers:
            if evaluator.truth(answer, site.at):
                return Value(True, origin_of(args, site))
        return Value(False, origin_of(args, site))
    return Value(is_a(evaluator, value, kinds, site.at), origin_of(args, site))


def is_subclass(evaluator: Evaluator, args: Args, site: Site) -> Value:
    cls, wanted = (value.payload for value in args.positional)
    if isinstance(cls, ClassObj) and isinstance(wanted, ClassObj) and not cls.external:
        return Value(wanted in cls.mro, origin_of(args, site))
    if isinstance(cls, type) and isinstance(wanted, type):
        return Value(issubclass(cls, wanted), origin_of(args, site))
    return symbolic(evaluator, "issubclass", site.at, *args.positional)


def read_attribute(evaluator: Evaluator, args: Args, site: Site) -> Value:
    holder, name, *default = args.positional
    if not isinstance(name.payload, str):
        raise Halt("getattr() with a name only known at run time", site.at, "use a constant name")
    if not default:
        return evaluator.get_attribute(holder, name.payload, site.at)
    if isinstance(holder.payload, EXTERNAL):
        return _has_external_attribute(evaluator, holder, name.payload, default[0], site)
    try:
        return evaluator.get_attribute(holder, name.payload, site.at)
    except Raised as raised:
        if raised.name != "AttributeError":
            raise
        return default[0]


def _has_external_attribute(
    evaluator: Evaluator, holder: Value, name: str, default: Value, site: Site
) -> Value:
    found = evaluator.get_attribute(holder, name, site.at)
    known = symbolic(evaluator, "hasattr", site.at, holder, Value(name, site.at))
    return found if evaluator.truth(known, site.at) else default


def has_attribute(evaluator: Evaluator, args: Args, site: Site) -> Value:
    holder, name = args.positional
    if isinstance(holder.payload, (*EXTERNAL, Unknown, Nondeterministic)):
        return symbolic(evaluator, "hasattr", site.at, holder, name)
    try:
        evaluator.get_attribute(holder, name.payload, site.at)
    except Raised as raised:
        if raised.name != "AttributeError":
            raise
        return Value(False, origin_of(args, site))
    return Value(True, origin_of(args, site))


def write_attribute(evaluator: Evaluator, args: Args, site: Site) -> Value:
    holder, name, value = args.positional
    if not isinstance(name.payload, str):
        raise Halt("setattr() with a name only known at run time", site.at, "use a constant name")
    evaluator.set_attribute(holder, name.payload, value, site.at)
    return Value(None, site.at)


def remove_attribute(evaluator: Evaluator, args: Args, site: Site) -> Value:

    evaluator.delete_attribute(args.positional[0], args.positional[1].payload, site.at)
    return Value(None, site.at)


def global_names(evaluator: Evaluator, args: Args, site: Site) -> Value:
    return Value(Namespace(site.scope.module.scope.vars, site.scope.module), site.at)


def local_names(evaluator: Evaluator, args: Args, site: Site) -> Value:
    if site.scope.kind == "module":
        return global_names(evaluator, args, site)
    if site.scope.kind == "class":
        raise Halt("locals() in a class body", site.at)
    entries: dict[Any, tuple[Value, Value]] = {
        name: (Value(name, site.at), value) for name, value in site.scope.vars.items()
    }
    return Value(DictObj(entries), site.at)


def names_of_object(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`vars(x)`."""
    if not args.positional:
        return local_names(evaluator, args, site)
    payload = args.positional[0].payload
    evaluator.readable(payload, site.at)
    if isinstance(payload, InstObj):
        return own_names(payload, site.at)
    if isinstance(payload, ModuleObj):
        return Value(Namespace(payload.scope.vars, payload), site.at)
    if isinstance(payload, EXTERNAL):
        return symbolic(evaluator, "vars", site.at, args.positional[0])
    raise Halt("vars() of something that is not followed", site.at)


def execute(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`exec` of a constant text, in the names around it."""
    source = args.positional[0]
    if not isinstance(source.payload, str):
        raise Halt("exec() of code only known at run time", site.at, "write the code out")
    scope = _given_scope(args, site)
    if scope.kind == "function":
        raise Halt("exec() inside a function", site.at, "write the code out")
    evaluator.run(_parsed(evaluator, source.payload, site).body, scope)
    return Value(None, site.at)


def evaluate(evaluator: Evaluator, args: Args, site: Site) -> Value:
    source = args.positional[0]
    if not isinstance(source.payload, str):
        raise Halt("eval() of code only known at run time", site.at, "write the expression out")
    body = _parsed(evaluator, source.payload.strip(), site).body
    if len(body) != 1 or not isinstance(body[0], ast.Expr):
        raise evaluator.error(SyntaxError, "invalid syntax", site.at)
    names = any(isinstance(node, ast.Name) for node in ast.walk(body[0]))
    return evaluator.eval(body[0].value, _given_scope(args, site) if names else site.scope.module.scope)


def _parsed(evaluator: Evaluator, text: str, site: Site) -> ast.Module:
    try:
        tree = parse(text)
    except Unreadable as problem:
        raise evaluator.error(SyntaxError, problem.reason, site.at) from None
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


def super_object(evaluator: Evaluator, args: Args, site: Site) -> Value:
    scope: Scope | None = site.scope
    if args.positional:
        cls, receiver = (value for value in args.positional[:2])
        return Value(SuperObj(cls.payload, receiver), site.at)
    while scope is not None and (scope.kind != "function" or scope.cls is None):
        scope = scope.parent
    if scope is None or scope.cls is None or scope.receiver is None:
        raise Halt("super() outside of a method", site.at)
    return Value(SuperObj(scope.cls, scope.receiver), site.at)


def inherited_method(evaluator: Evaluator, payload: SuperObj, cls: ClassObj, name: str, at: Origin) -> Value:
    """What `super()` finds on `object`, or on the `__init__` that `dataclass` writes."""
    receiver = payload.receiver
    if name == "__init__" and cls.builtin is None:
        following = cls.mro[cls.mro.index(payload.cls) + 1 :]
        base = next((other for other in following if other.kind == "dataclass"), None)
        if base is not None and isinstance(receiver.payload, InstObj):

            def initialise(evaluator: Evaluator, args: Args, site: Site) -> Value:
                initialise_dataclass(evaluator, receiver, base, args, site.at)
                return Value(None, site.at)

            return Value(Builtin("__init__", initialise), at)
        return Value(Builtin("object.__init__", lambda m, a, s: Value(None, s.at)), at)
    if name == "__setattr__":
        return Value(Builtin("object.__setattr__", object_setattr, receiver), at)
    if name == "__post_init__":
        raise evaluator.error(AttributeError, "'super' object has no attribute '__post_init__'", at)
    raise Halt(f"super().{name} is not followed", at)


def is_callable(evaluator: Evaluator, args: Args, site: Site) -> Value:
    payload = one(evaluator, args, site).payload
    if isinstance(payload, EXTERNAL):
        return symbolic(evaluator, "callable", site.at, args.positional[0])
    known = isinstance(payload, FuncObj | ClassObj | Builtin | BoundMethod | Partial | type)
    if isinstance(payload, InstObj):
        known = payload.cls.find("__call__") is not None
    return Value(known, site.at)


def import_by_name(evaluator: Evaluator, args: Args, site: Site) -> Value:
    name = args.positional[0].payload
    if not isinstance(name, str) or len(args.positional) > 1:
        raise Halt("__import__() of a name only known at run time", site.at, "import it by name")
    return import_module(evaluator, name, site.scope.module, site.at)[0]


def directory(evaluator: Evaluator, args: Args, site: Site) -> Value:
    payload = args.positional[0].payload if args.positional else None
    if isinstance(payload, ModuleObj):
        names = sorted(payload.scope.vars)
        return lift(names, site.at)
    raise Halt("dir() is not followed", site.at)


def super_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    payload: SuperObj = holder.payload
    receiver = payload.receiver.payload
    cls = receiver.cls if isinstance(receiver, InstObj) else receiver
    if not isinstance(cls, ClassObj) or payload.cls not in cls.mro:
        raise Halt("super() outside of its class", at)
    for following in cls.mro[cls.mro.index(payload.cls) + 1 :]:
        if name in following.namespace:
            found = following.namespace[name]
            if isinstance(found.payload, DescriptorObj) and found.payload.kind == "property":
                return evaluator.call(found.payload.function, Args([payload.receiver]), at, None)
            if isinstance(receiver, ClassObj) and isinstance(found.payload, FuncObj):
                return found
            return bind_member(evaluator, found, payload.receiver, cls, at)
    if cls.external:
        raise Halt("super() of a class from outside", at)
    return inherited_method(evaluator, payload, cls, name, at)


ATTRIBUTES[SuperObj] = super_attribute
