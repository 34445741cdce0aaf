"""Builtin functions that inspect objects and names, or run a string as code."""

from __future__ import annotations

import ast
from functools import partial
from typing import Any

from campaign.check.builtins.arguments import call_origin, first_argument, nothing
from campaign.check.evaluator.attributes import bind_member, object_setattr, own_names
from campaign.check.evaluator.calls import initialise_dataclass
from campaign.check.evaluator.dispatch import ATTRIBUTES
from campaign.check.evaluator.imports import import_module
from campaign.check.evaluator.state import Args, Evaluator, Site
from campaign.check.evaluator.symbolic import symbolic
from campaign.check.evaluator.type_tests import is_a
from campaign.check.sources import Unreadable, parse
from campaign.check.values import (
    BoundMethod,
    Builtin,
    ClassObj,
    DescriptorObj,
    DictObj,
    FuncObj,
    InstObj,
    ModuleObj,
    Namespace,
    Origin,
    Partial,
    SuperObj,
    TupleObj,
    Value,
    is_external,
    is_unevaluated,
)
from campaign.check.values.constants import lift
from campaign.check.values.limits import Halt, Raised
from campaign.check.values.scope import Scope

CONSTANT_NAME = "use a constant name"
WRITE_CODE_OUT = "write the code out"


def is_instance(evaluator: Evaluator, args: Args, site: Site) -> Value:
    value, kinds = args.positional
    if isinstance(kinds.payload, TupleObj):
        answers = (is_instance(evaluator, Args([value, kind]), site) for kind in kinds.payload.items)
        found = any(evaluator.truth(answer, site.at) for answer in answers)
        return Value(found, call_origin(args, site))
    return Value(is_a(evaluator, value, kinds, site.at), call_origin(args, site))


def is_subclass(evaluator: Evaluator, args: Args, site: Site) -> Value:
    cls, parent = (value.payload for value in args.positional)
    # The bases of an external base are not known, so that its subclasses may be anything.
    if isinstance(cls, ClassObj) and isinstance(parent, ClassObj) and not cls.external:
        return Value(parent in cls.mro, call_origin(args, site))
    if isinstance(cls, type) and isinstance(parent, type):
        return Value(issubclass(cls, parent), call_origin(args, site))
    return symbolic(evaluator, "issubclass", site.at, *args.positional)


def read_attribute(evaluator: Evaluator, args: Args, site: Site) -> Value:
    holder, name, *default = args.positional
    if not isinstance(name.payload, str):
        raise Halt(
            "the checker cannot read an attribute whose name is only known at run time",
            site.at,
            CONSTANT_NAME,
        )
    # Without a default the AttributeError is the program's.
    if not default:
        return evaluator.get_attribute(holder, name.payload, site.at)
    if is_external(holder.payload):
        return _external_attribute(evaluator, holder, name.payload, default[0], site)
    found = _attribute_or_none(evaluator, holder, name.payload, site.at)
    return default[0] if found is None else found


def _attribute_or_none(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value | None:
    """None where the attribute is missing; any other exception of a property passes through, as in Python."""
    try:
        return evaluator.get_attribute(holder, name, at)
    except Raised as raised:
        if raised.name != "AttributeError":
            raise
        return None


def _external_attribute(evaluator: Evaluator, holder: Value, name: str, default: Value, site: Site) -> Value:
    found = evaluator.get_attribute(holder, name, site.at)
    exists = symbolic(evaluator, "hasattr", site.at, holder, Value(name, site.at))
    return found if evaluator.truth(exists, site.at) else default


def has_attribute(evaluator: Evaluator, args: Args, site: Site) -> Value:
    holder, name = args.positional
    if is_unevaluated(holder.payload):
        return symbolic(evaluator, "hasattr", site.at, holder, name)
    found = _attribute_or_none(evaluator, holder, name.payload, site.at)
    return Value(found is not None, call_origin(args, site))


def write_attribute(evaluator: Evaluator, args: Args, site: Site) -> Value:
    holder, name, value = args.positional
    if not isinstance(name.payload, str):
        raise Halt(
            "the checker cannot set an attribute whose name is only known at run time", site.at, CONSTANT_NAME
        )
    evaluator.set_attribute(holder, name.payload, value, site.at)
    return nothing(site)


def remove_attribute(evaluator: Evaluator, args: Args, site: Site) -> Value:
    evaluator.delete_attribute(args.positional[0], args.positional[1].payload, site.at)
    return nothing(site)


def global_names(evaluator: Evaluator, args: Args, site: Site) -> Value:
    return Value(Namespace(site.scope.module.scope.vars, site.scope.module), site.at)


def local_names(evaluator: Evaluator, args: Args, site: Site) -> Value:
    # At module level `locals()` is the namespace itself; in a function it is a snapshot.
    if site.scope.kind == "module":
        return global_names(evaluator, args, site)
    if site.scope.kind == "class":
        raise Halt("the checker cannot evaluate locals() in a class body", site.at, "name the attributes")
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
    if is_external(payload):
        return symbolic(evaluator, "vars", site.at, args.positional[0])
    raise Halt(
        "the checker cannot evaluate vars() of this object: it is not modelled",
        site.at,
        "name the attributes",
    )


def execute(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`exec` of a constant string, in the names around it."""
    source = args.positional[0]
    if not isinstance(source.payload, str):
        raise Halt(
            "the checker cannot evaluate exec() of code only known at run time", site.at, WRITE_CODE_OUT
        )
    # It runs in the scope itself, so that names it binds are seen by what follows.
    scope = _given_scope(args, site)
    if scope.kind == "function":
        # It would assign to a snapshot of the locals, and what later reads see differs between versions.
        raise Halt("the checker cannot evaluate exec() inside a function", site.at, WRITE_CODE_OUT)
    evaluator.run(_parsed(evaluator, source.payload, site).body, scope)
    return nothing(site)


def evaluate(evaluator: Evaluator, args: Args, site: Site) -> Value:
    source = args.positional[0]
    if not isinstance(source.payload, str):
        raise Halt(
            "the checker cannot evaluate eval() of code only known at run time", site.at, WRITE_CODE_OUT
        )
    # `eval` strips leading blanks; anything but one expression is a SyntaxError.
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
    # Places in the string mean nothing to a reader: everything is at the call.
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
            # The names of an enclosing function are only seen when the compiler found a use of them.
            reason = "the checker cannot evaluate exec() or eval() inside a nested function"
            raise Halt(reason, site.at, WRITE_CODE_OUT)
        return site.scope
    if isinstance(args.positional[1].payload, Namespace) and len(args.positional) == 2:
        holder = args.positional[1].payload.holder
        if isinstance(holder, ModuleObj):
            return holder.scope
    raise Halt(
        "the checker cannot evaluate exec() or eval() with its own globals or locals", site.at, WRITE_CODE_OUT
    )


def super_object(evaluator: Evaluator, args: Args, site: Site) -> Value:
    scope: Scope | None = site.scope
    if args.positional:
        cls, receiver = (value for value in args.positional[:2])
        return Value(SuperObj(cls.payload, receiver), site.at)
    # The compiler gives a method the cell `__class__`, which nested functions and comprehensions see.
    while scope is not None and (scope.kind != "function" or scope.cls is None):
        scope = scope.parent
    if scope is None or scope.cls is None or scope.receiver is None:
        raise Halt("the checker cannot evaluate super() outside of a method", site.at, "name the class")
    return Value(SuperObj(scope.cls, scope.receiver), site.at)


def _initialise_as(base: ClassObj, receiver: Value, evaluator: Evaluator, args: Args, site: Site) -> Value:
    initialise_dataclass(evaluator, receiver, base, args, site.at)
    return nothing(site)


def _initialise_object(evaluator: Evaluator, args: Args, site: Site) -> Value:
    return nothing(site)


def inherited_method(evaluator: Evaluator, payload: SuperObj, cls: ClassObj, name: str, at: Origin) -> Value:
    """What `super()` finds on `object`, or on the `__init__` that `dataclass` writes."""
    receiver = payload.receiver
    if name == "__init__" and cls.builtin is None:
        following = cls.mro[cls.mro.index(payload.cls) + 1 :]
        base = next((other for other in following if other.kind == "dataclass"), None)
        if base is not None and isinstance(receiver.payload, InstObj):
            return Value(Builtin("__init__", partial(_initialise_as, base, receiver)), at)
        return Value(Builtin("object.__init__", _initialise_object), at)
    if name == "__setattr__":
        return Value(Builtin("object.__setattr__", object_setattr, receiver), at)
    if name == "__post_init__":
        raise evaluator.error(AttributeError, "'super' object has no attribute '__post_init__'", at)
    raise Halt(
        f"the checker cannot evaluate super().{name}: it is not modelled",
        at,
        f"define {name} in a base class",
    )


def is_callable(evaluator: Evaluator, args: Args, site: Site) -> Value:
    payload = first_argument(evaluator, args, site).payload
    if is_external(payload):
        return symbolic(evaluator, "callable", site.at, args.positional[0])
    if isinstance(payload, InstObj):
        return Value(payload.cls.find("__call__") is not None, site.at)
    callables = FuncObj | ClassObj | Builtin | BoundMethod | Partial | type
    return Value(isinstance(payload, callables), site.at)


def import_by_name(evaluator: Evaluator, args: Args, site: Site) -> Value:
    name = args.positional[0].payload
    if not isinstance(name, str) or len(args.positional) > 1:
        reason = "the checker cannot evaluate __import__() of a name only known at run time"
        raise Halt(reason, site.at, "write an import statement")
    return import_module(evaluator, name, site.scope.module, site.at)[0]


def directory(evaluator: Evaluator, args: Args, site: Site) -> Value:
    payload = args.positional[0].payload if args.positional else None
    if isinstance(payload, ModuleObj):
        return lift(sorted(payload.scope.vars), site.at)
    raise Halt("the checker cannot evaluate dir() of anything but a module", site.at, "name the attributes")


def super_attribute(evaluator: Evaluator, holder: Value, name: str, at: Origin) -> Value:
    payload: SuperObj = holder.payload
    receiver = payload.receiver.payload
    cls = receiver.cls if isinstance(receiver, InstObj) else receiver
    if not isinstance(cls, ClassObj) or payload.cls not in cls.mro:
        raise Halt(
            "the checker cannot evaluate super() with an object of another class",
            at,
            "use super() without arguments",
        )
    # The classes after the one that the method is written in, in the order of the receiver's own class.
    for following in cls.mro[cls.mro.index(payload.cls) + 1 :]:
        if name in following.namespace:
            found = following.namespace[name]
            # A property is a data descriptor: it is called with the receiver, not with the super object.
            if isinstance(found.payload, DescriptorObj) and found.payload.kind == "property":
                return evaluator.call(found.payload.function, Args([payload.receiver]), at, None)
            if isinstance(receiver, ClassObj) and isinstance(found.payload, FuncObj):
                return found
            return bind_member(evaluator, found, payload.receiver, cls, at)
    if cls.external:
        reason = f"the checker cannot evaluate super().{name}: the base class is external"
        raise Halt(reason, at, "call it in a class of the checked files")
    return inherited_method(evaluator, payload, cls, name, at)


ATTRIBUTES[SuperObj] = super_attribute
