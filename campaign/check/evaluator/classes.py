"""Class statements: bases, namespace, dataclass, named tuple and enum."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from campaign.check.evaluator.attribute_changes import refuse_dunder
from campaign.check.evaluator.expressions import arguments
from campaign.check.evaluator.state import Args, Evaluator
from campaign.check.values import (
    Builtin,
    ClassObj,
    DataField,
    DescriptorObj,
    DictObj,
    ExternalCall,
    ExternalName,
    FieldObj,
    FuncObj,
    InstObj,
    ListObj,
    Origin,
    Partial,
    SetObj,
    SymbolicOperation,
    TupleObj,
    Value,
)
from campaign.check.values.limits import ANCESTORS, Halt
from campaign.check.values.scope import Scope, class_names

PLAIN_BASES = frozenset(
    {"abc.ABC", "typing.Generic", "typing.Protocol", "typing.NamedTuple", "typing_extensions.Protocol"}
)
ENUM_BASES: dict[str, type] = {
    "enum.Enum": object, "enum.IntEnum": int, "enum.StrEnum": str,
}  # fmt: skip
ENUM_UNFOLLOWED = frozenset({"enum.Flag", "enum.IntFlag"})


def class_statement(evaluator: Evaluator, node: ast.ClassDef, scope: Scope) -> Value:
    """The class object, before its decorators."""
    args = arguments(evaluator, node, scope)
    at = evaluator.place(node, scope, *(base.origin for base in args.positional))
    bases = [_origin_of_generic(base) for base in args.positional]
    prefix = scope.cls.qualname + "." if scope.kind == "class" and scope.cls is not None else ""
    if scope.kind == "function":
        prefix = "<locals>."
    cls = ClassObj(node.name, prefix + node.name, scope.module, tuple(bases))
    _inherit(evaluator, cls, bases, at)
    _keywords(cls, args, at)
    inner = Scope("class", scope.module, _visible(scope), class_names(node))
    inner.cls = cls
    inner.vars = cls.namespace
    evaluator.run(node.body, inner)
    cls.annotations = {
        stmt.target.id: stmt.annotation for stmt in _annotated(node.body) if isinstance(stmt.target, ast.Name)
    }
    for name, value in list(cls.namespace.items()):
        refuse_dunder(name, value, at)
        if isinstance(value.payload, FuncObj) and value.payload.owner is None:
            value.payload.owner = cls
        _own(value, cls)
        if isinstance(value.payload, InstObj) and value.payload.cls.find("__get__") is not None:
            raise Halt(f"a descriptor ({value.payload.cls.name})", at, "use a plain attribute")
    if cls.kind == "enum":
        build_enum(evaluator, cls, at)
    elif cls.kind == "namedtuple":
        collect_fields(evaluator, cls, node, at)
    elif any(base.payload.kind == "dataclass" for base in bases if isinstance(base.payload, ClassObj)):
        cls.fields = list(_inherited_fields(cls).values())
    return Value(cls, at)


def _annotated(body: list[ast.stmt]) -> list[ast.AnnAssign]:
    """Annotated names of a class body, those under a decided test included: all branches are looked at."""
    found: list[ast.AnnAssign] = []
    for stmt in body:
        if isinstance(stmt, ast.AnnAssign):
            found.append(stmt)
    return found


def _visible(scope: Scope) -> Scope | None:
    while scope.kind == "class" and scope.parent is not None:
        scope = scope.parent
    return scope


def _own(value: Value, cls: ClassObj) -> None:
    payload = value.payload
    if isinstance(payload, DescriptorObj):
        for function in (payload.function, payload.setter):
            if (
                function is not None
                and isinstance(function.payload, FuncObj)
                and function.payload.owner is None
            ):
                function.payload.owner = cls


def _origin_of_generic(base: Value) -> Value:
    """`Generic[T]` and `Base[int]` are their origin."""
    payload = base.payload
    if isinstance(payload, SymbolicOperation) and payload.op == "[]":
        inner = payload.operands[0]
        if isinstance(inner.payload, type) or (
            isinstance(inner.payload, ExternalName) and inner.payload.name in PLAIN_BASES
        ):
            return inner
    return base


def _inherit(evaluator: Evaluator, cls: ClassObj, bases: list[Value], at: Origin) -> None:
    for base in bases:
        payload = base.payload
        if isinstance(payload, ClassObj):
            cls.external = cls.external or payload.external
            cls.builtin = cls.builtin or payload.builtin
            if payload.kind == "enum" or (payload.kind == "namedtuple"):
                if payload.kind == "namedtuple":
                    raise Halt(f"inherits from named tuple {payload.name}", at, "use a dataclass")
                if payload.members:
                    raise evaluator.error(TypeError, f"cannot extend enumeration {payload.name}", at)
                cls.kind = "enum"
            cls.options = {**payload.options, **cls.options}
        elif isinstance(payload, type):
            _inherit_builtin(cls, payload, at)
        elif isinstance(payload, ExternalName) and payload.name in ENUM_BASES:
            cls.kind = "enum"
            mixed = ENUM_BASES[payload.name]
            cls.builtin = mixed if mixed is not object else cls.builtin
        elif isinstance(payload, ExternalName) and payload.name in ENUM_UNFOLLOWED:
            raise Halt(f"{payload.name} is not followed", at)
        elif isinstance(payload, ExternalName) and payload.name == "typing.NamedTuple":
            cls.kind = "namedtuple"
        elif isinstance(payload, ExternalName) and payload.name in PLAIN_BASES:
            if payload.name != "typing.Generic":
                cls.options["abstract"] = True
        elif isinstance(payload, ExternalName | ExternalCall | SymbolicOperation):
            cls.external = True
        else:
            raise Halt("a base class that is not followed", at)
    if cls.builtin in (int, str, float) and cls.kind != "enum":
        raise Halt(f"class {cls.name} inherits from {cls.builtin.__name__}", at, "hold the value instead")
    own = [base.payload for base in bases if isinstance(base.payload, ClassObj)]
    ancestors: Sequence[ClassObj] = own[0].mro if len(own) == 1 else _merge(own, evaluator, at)
    cls.mro = (cls, *ancestors)
    for base_class in own:
        for name, value in base_class.keywords.items():
            cls.keywords.setdefault(name, value)


def _inherit_builtin(cls: ClassObj, base: type, at: Origin) -> None:
    if base is object:
        return
    if issubclass(base, BaseException) or base in (int, str, float):
        cls.builtin = cls.builtin or base
        return
    raise Halt(f"inherits from {base.__name__}", at, "hold one instead")


def _merge(bases: list[ClassObj], evaluator: Evaluator, at: Origin) -> list[ClassObj]:
    """C3 linearisation of several bases."""
    if sum(len(base.mro) for base in bases) > ANCESTORS:
        raise Halt(f"inherits from more than {ANCESTORS} classes", at, "make the hierarchy flatter")
    result: list[ClassObj] = []
    pending = [sequence for sequence in (*([*base.mro] for base in bases), [*bases]) if sequence]
    while pending:
        for sequence in pending:
            head = sequence[0]
            if not any(head in other[1:] for other in pending):
                break
        else:
            raise evaluator.error(TypeError, "cannot create a consistent method resolution order", at)
        result.append(head)
        pending = [kept for kept in ([item for item in part if item is not head] for part in pending) if kept]
    return result


def _keywords(cls: ClassObj, args: Args, at: Origin) -> None:
    for name, value in args.keywords.items():
        if name == "metaclass":
            if isinstance(value.payload, ExternalName) and value.payload.name == "abc.ABCMeta":
                cls.options["abstract"] = True
                continue
            raise Halt(f"class {cls.name} has a metaclass", at, "use a plain class")
        if not cls.external:
            raise Halt(f"class {cls.name} takes the keyword {name!r}", at)
        cls.keywords[name] = value


def build_enum(evaluator: Evaluator, cls: ClassObj, at: Origin) -> None:

    if cls.builtin not in (None, object, int, str, float):
        raise Halt(f"enum {cls.name} mixes in {cls.builtin}", at)
    for name in ("_generate_next_value_", "_missing_", "__init__", "_ignore_", "_order_"):
        if cls.find(name) is not None and name != "_missing_":
            raise Halt(f"enum {cls.name} defines {name}", at)
    last: Any = 0
    for name, value in list(cls.namespace.items()):
        payload = value.payload
        if _no_member(cls, name) or isinstance(payload, FuncObj | DescriptorObj):
            continue
        if isinstance(payload, ClassObj | Builtin | Partial):
            raise Halt(
                f"enum {cls.name} holds code that is a member in some versions of Python", value.origin
            )
        if isinstance(payload, ExternalCall) and _called(payload) == "enum.auto":
            value = Value(_next_value(cls, name, last, value.origin), value.origin)
        elif isinstance(payload, TupleObj) and cls.builtin is not None:
            raise Halt(f"enum {cls.name} builds its members from tuples", at)
        elif isinstance(payload, ExternalCall) or (
            cls.builtin in (int, str, float) and type(payload) is not cls.builtin
        ):
            raise Halt(f"enum {cls.name} converts its members", at, "write plain values")
        number = value.payload
        last = max(last, number) if isinstance(last, int) and isinstance(number, int) else None
        del cls.namespace[name]
        for member in list(cls.members.values()):
            if evaluator.truth(evaluator.compare(ast.Eq, member.attrs["value"], value, at), at):
                cls.members[name] = member
                break
        else:
            attrs = {"name": Value(name, value.origin), "value": value}
            cls.members[name] = InstObj(cls, attrs)


def _next_value(cls: ClassObj, name: str, last: int | None, at: Origin) -> int | str:
    """What `enum.auto()` is: one more than the largest value so far, or the name in lower case."""
    if any(
        isinstance(base.payload, ExternalName) and base.payload.name == "enum.StrEnum" for base in cls.bases
    ):
        return name.lower()
    if last is None or cls.builtin is str:
        raise Halt(f"enum {cls.name} counts on from something that is no integer", at, "write the values out")
    return last + 1


def _no_member(cls: ClassObj, name: str) -> bool:
    """`__dunder__`, `_sunder_` and mangled private names are no members; `_name` is one."""
    special = name[:1] == "_" and name[-1:] == "_" and len(name) > 2
    return special or name.startswith(f"_{cls.name.lstrip('_')}__")


def _called(payload: ExternalCall) -> str:
    return payload.callee.payload.name if isinstance(payload.callee.payload, ExternalName) else ""


def apply_dataclass(evaluator: Evaluator, cls: ClassObj, options: dict[str, bool], at: Origin) -> None:
    """`@dataclass`: collect the fields, in the order of the constructor."""
    if cls.external:
        raise Halt(f"dataclass {cls.name} has a base from outside", at, "list the base's folder in `follow`")
    cls.kind = "dataclass"
    kept = {name: flag for name, flag in cls.options.items() if name == "abstract"}
    cls.options = {**kept, "eq": True, "init": True, "frozen": False, **options}
    fields = _inherited_fields(cls)
    collect_own_fields(evaluator, cls, fields, options.get("kw_only", False), at)
    seen_default = False
    for field in fields.values():
        has_default = field.field.default is not None or field.field.factory is not None
        if field.field.init and not field.kw_only:
            if seen_default and not has_default:
                message = f"non-default argument {field.name!r} follows default argument"
                raise evaluator.error(TypeError, message, at)
            seen_default = seen_default or has_default
    cls.fields = list(fields.values())


def _inherited_fields(cls: ClassObj) -> dict[str, DataField]:
    fields: dict[str, DataField] = {}
    for base in reversed(cls.mro[1:]):
        if base.kind == "dataclass":
            fields.update({field.name: field for field in base.fields})
    return fields


def collect_own_fields(
    evaluator: Evaluator, cls: ClassObj, fields: dict[str, DataField], kw_only: bool, at: Origin
) -> None:
    after_marker = kw_only
    for name, annotation in cls.annotations.items():
        marker = _marker(cls, annotation)
        if marker == "ClassVar":
            continue
        if marker == "KW_ONLY":
            after_marker = True
            continue
        value = cls.namespace.get(name)
        if value is not None and isinstance(value.payload, FieldObj):
            field = value.payload
            if field.default is not None:
                cls.namespace[name] = field.default
            else:
                del cls.namespace[name]
        else:
            field = FieldObj(value, None, True, None)
        if field.default is not None and isinstance(field.default.payload, ListObj | DictObj | SetObj):
            if not (isinstance(field.default.payload, SetObj) and field.default.payload.frozen):
                raise evaluator.error(ValueError, f"mutable default for field {name} is not allowed", at)
        if field.default is not None and isinstance(field.default.payload, InstObj):
            inner = field.default.payload.cls
            if inner.kind == "dataclass" and inner.options.get("eq") and not inner.options.get("frozen"):
                raise evaluator.error(ValueError, f"mutable default for field {name} is not allowed", at)
        marked = field.kw_only if field.kw_only is not None else after_marker
        fields[name] = DataField(name, field, marked, marker == "InitVar")


def _marker(cls: ClassObj, annotation: ast.expr) -> str:
    """`ClassVar`, `InitVar` or `KW_ONLY` where the annotation is one of them, under whatever name."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = ast.parse(annotation.value.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return ""
    root = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    names: list[str] = []
    while isinstance(root, ast.Attribute):
        names.insert(0, root.attr)
        root = root.value
    if not isinstance(root, ast.Name):
        return ""
    found = cls.module.scope.vars.get(root.id)
    if found is not None and isinstance(found.payload, ExternalName):
        names.insert(0, found.payload.name)
    last = ".".join(names).rpartition(".")[2] if names else root.id
    return last if last in ("ClassVar", "InitVar", "KW_ONLY") else ""


def collect_fields(evaluator: Evaluator, cls: ClassObj, node: ast.ClassDef, at: Origin) -> None:
    """The fields of a `NamedTuple` class."""
    for name in cls.annotations:
        default = cls.namespace.pop(name, None)
        cls.fields.append(DataField(name, FieldObj(default, None, True, None), False, False))
