"""Class statements: bases, body, and what dataclasses, named tuples and enums add."""

from __future__ import annotations

import ast
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
"""External bases that leave a class one of the checked files: all others make its instances external."""
ENUM_BASES: dict[str, type] = {
    "enum.Enum": object, "enum.IntEnum": int, "enum.StrEnum": str,
}  # fmt: skip
UNMODELLED_ENUM_BASES = frozenset({"enum.Flag", "enum.IntFlag"})


def class_statement(evaluator: Evaluator, node: ast.ClassDef, scope: Scope) -> Value:
    """The class object, before its decorators are applied."""
    args = arguments(evaluator, node, scope)
    at = evaluator.place(node, scope, *(base.origin for base in args.positional))
    bases = [_origin_of_generic(base) for base in args.positional]
    qualname = f"<locals>.{node.name}" if scope.kind == "function" else scope.qualify(node.name)
    cls = ClassObj(node.name, qualname, scope.module, tuple(bases))
    _inherit(evaluator, cls, bases, at)
    _keywords(cls, args, at)
    # The body runs in a new namespace, which becomes that of the class (reference, 8.8). A class around it is
    # skipped in lookups, as its names are not visible in nested scopes (4.2.2).
    inner = Scope("class", scope.module, scope.visible_inside(), class_names(node))
    inner.cls = cls
    inner.vars = cls.namespace
    evaluator.run(node.body, inner)
    _finish_namespace(cls, node, at)
    if cls.kind == "enum":
        build_enum(evaluator, cls, at)
    elif cls.kind == "namedtuple":
        collect_namedtuple_fields(cls)
    elif any(base.payload.kind == "dataclass" for base in bases if isinstance(base.payload, ClassObj)):
        cls.fields = list(_inherited_fields(cls).values())
    return Value(cls, at)


def _finish_namespace(cls: ClassObj, node: ast.ClassDef, at: Origin) -> None:
    # Only at the top level of the body: an annotation under `if` is not seen.
    annotated = [statement for statement in node.body if isinstance(statement, ast.AnnAssign)]
    cls.annotations = {
        part.target.id: part.annotation for part in annotated if isinstance(part.target, ast.Name)
    }
    for name, value in cls.namespace.items():
        refuse_dunder(name, value, at)
        _set_owner(value, cls)
        if isinstance(value.payload, InstObj) and value.payload.cls.find("__get__") is not None:
            reason = f"the checker does not evaluate descriptors ({value.payload.cls.name})"
            raise Halt(reason, at, "use a plain attribute")


def _set_owner(value: Value, cls: ClassObj) -> None:
    """Record the class whose body defines a function: `super()` and mangled names inside it refer to that class."""
    payload = value.payload
    functions = (payload.function, payload.setter) if isinstance(payload, DescriptorObj) else (value,)
    for function in functions:
        if function is not None and isinstance(function.payload, FuncObj) and function.payload.owner is None:
            function.payload.owner = cls


def _origin_of_generic(base: Value) -> Value:
    """`Generic[T]` and `Base[int]` are replaced by their origin, as `__mro_entries__` does (PEP 560)."""
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
        _inherit_from(evaluator, cls, base.payload, at)
    # An instance would be a number or a string with attributes: operations on it return plain ones.
    if cls.builtin in (int, str, float) and cls.kind != "enum":
        reason = f"class {cls.name} inherits from {cls.builtin.__name__}"
        raise Halt(reason, at, "keep the value in an attribute instead")
    own = [base.payload for base in bases if isinstance(base.payload, ClassObj)]
    cls.mro = (cls, *(own[0].mro if len(own) == 1 else _linearise(own, evaluator, at)))
    for base_class in own:
        cls.keywords = {**base_class.keywords, **cls.keywords}


def _inherit_from(evaluator: Evaluator, cls: ClassObj, base: Any, at: Origin) -> None:
    if isinstance(base, ClassObj):
        _inherit_own(evaluator, cls, base, at)
    elif isinstance(base, type):
        _inherit_builtin(cls, base, at)
    elif isinstance(base, ExternalName):
        _inherit_external_name(cls, base.name, at)
    elif isinstance(base, ExternalCall | SymbolicOperation):
        cls.external = True
    else:
        reason = f"a base of class {cls.name} is not a class that the checker models"
        raise Halt(reason, at, "inherit from a class of the checked files")


def _inherit_own(evaluator: Evaluator, cls: ClassObj, base: ClassObj, at: Origin) -> None:
    cls.external = cls.external or base.external
    cls.builtin = cls.builtin or base.builtin
    cls.options = {**base.options, **cls.options}
    if base.kind == "namedtuple":
        raise Halt(f"class {cls.name} inherits from named tuple {base.name}", at, "use a dataclass")
    # An enumeration with members is final.
    if base.kind == "enum":
        if base.members:
            raise evaluator.error(TypeError, f"cannot extend enumeration {base.name}", at)
        cls.kind = "enum"


def _inherit_builtin(cls: ClassObj, base: type, at: Origin) -> None:
    if base is object:
        return
    if issubclass(base, BaseException) or base in (int, str, float):
        cls.builtin = cls.builtin or base
        return
    reason = f"class {cls.name} inherits from {base.__name__}"
    raise Halt(reason, at, f"keep a {base.__name__} in an attribute instead")


def _inherit_external_name(cls: ClassObj, name: str, at: Origin) -> None:
    if name in ENUM_BASES:
        cls.kind = "enum"
        cls.builtin = cls.builtin if ENUM_BASES[name] is object else ENUM_BASES[name]
    elif name in UNMODELLED_ENUM_BASES:
        raise Halt(f"class {cls.name} inherits from {name}, which is not modelled", at, "use enum.Enum")
    elif name == "typing.NamedTuple":
        cls.kind = "namedtuple"
    elif name not in PLAIN_BASES:
        cls.external = True
    elif name != "typing.Generic":
        cls.options["abstract"] = True


def _linearise(bases: list[ClassObj], evaluator: Evaluator, at: Origin) -> list[ClassObj]:
    """The MRO of a class with several bases, without the class itself: C3 linearisation."""
    if sum(len(base.mro) for base in bases) > ANCESTORS:
        raise Halt(f"a class inherits from more than {ANCESTORS} classes", at, "make the hierarchy flatter")
    result: list[ClassObj] = []
    pending = [*([*base.mro] for base in bases), [*bases]]
    while pending := [sequence for sequence in pending if sequence]:
        head = next((sequence[0] for sequence in pending if _comes_next(sequence[0], pending)), None)
        if head is None:
            raise evaluator.error(TypeError, "cannot create a consistent method resolution order", at)
        result.append(head)
        pending = [[item for item in sequence if item is not head] for sequence in pending]
    return result


def _comes_next(cls: ClassObj, pending: list[list[ClassObj]]) -> bool:
    """Whether a class has to come after no other one: it is in the tail of no sequence."""
    return not any(cls in sequence[1:] for sequence in pending)


def _keywords(cls: ClassObj, args: Args, at: Origin) -> None:
    for name, value in args.keywords.items():
        if name == "metaclass":
            if isinstance(value.payload, ExternalName) and value.payload.name == "abc.ABCMeta":
                cls.options["abstract"] = True
                continue
            reason = f"class {cls.name} has a metaclass, which may change all of it"
            raise Halt(reason, at, "use a plain class")
        if not cls.external:
            reason = (
                f"class {cls.name} takes the keyword {name!r} for __init_subclass__, which is not modelled"
            )
            raise Halt(reason, at, "set a class attribute instead")
        cls.keywords[name] = value


def build_enum(evaluator: Evaluator, cls: ClassObj, at: Origin) -> None:
    """Turn the values of the class body into members."""
    if cls.builtin not in (None, object, int, str, float):
        reason = f"enum {cls.name} inherits from {cls.builtin.__name__}"
        raise Halt(reason, at, "inherit from int, str or float only")
    for name in ("_generate_next_value_", "__init__", "_ignore_", "_order_"):
        if cls.find(name) is not None:
            raise Halt(f"{name} of enum {cls.name} is not modelled", at, "write plain values")
    values: list[Any] = []
    for name, value in list(cls.namespace.items()):
        if _is_special(cls, name) or isinstance(value.payload, FuncObj | DescriptorObj):
            continue
        value = _member_value(cls, name, value, values)
        values.append(value.payload)
        del cls.namespace[name]
        # A later name for an equal value is an alias: the same object, which iteration over the class yields once.
        cls.members[name] = _equal_member(evaluator, cls, value, at) or InstObj(
            cls, {"name": Value(name, value.origin), "value": value}
        )


def _equal_member(evaluator: Evaluator, cls: ClassObj, value: Value, at: Origin) -> InstObj | None:
    """The member that a name with an equal value is an alias of."""
    for member in cls.members.values():
        if evaluator.truth(evaluator.compare(ast.Eq, member.attrs["value"], value, at), at):
            return member
    return None


def _member_value(cls: ClassObj, name: str, value: Value, before: list[Any]) -> Value:
    payload, at = value.payload, value.origin
    if isinstance(payload, ClassObj | Builtin | Partial):
        reason = f"whether {name} is a member of enum {cls.name} depends on the version of Python"
        raise Halt(reason, at, "write plain values")
    if isinstance(payload, ExternalCall) and _called(payload) == "enum.auto":
        return Value(_next_value(cls, name, before, at), at)
    if isinstance(payload, TupleObj) and cls.builtin is not None:
        reason = f"enum {cls.name} calls {cls.builtin.__name__} with the tuple of {name}"
        raise Halt(reason, at, "write plain values")
    mixes_in = cls.builtin in (int, str, float)
    if isinstance(payload, ExternalCall) or (mixes_in and type(payload) is not cls.builtin):
        raise Halt(f"enum {cls.name} converts the value of {name}", at, "write plain values")
    return value


def _next_value(cls: ClassObj, name: str, before: list[Any], at: Origin) -> int | str:
    """The value of `enum.auto()`."""
    # The name in lower case for StrEnum; otherwise 1, and then one more than the last value before Python 3.13, one
    # more than the largest since: only where these agree is the value known.
    if any(
        isinstance(base.payload, ExternalName) and base.payload.name == "enum.StrEnum" for base in cls.bases
    ):
        return name.lower()
    integers = [item for item in before if isinstance(item, int)]
    mixes_in = cls.builtin in (str, float)
    if mixes_in or len(integers) < len(before) or integers != sorted(integers):
        reason = f"enum.auto() in {cls.name} does not continue integers in increasing order"
        raise Halt(reason, at, "write the values out")
    return integers[-1] + 1 if integers else 1


def _is_special(cls: ClassObj, name: str) -> bool:
    """`__dunder__`, `_sunder_` and mangled private names are not members; `_name` is one."""
    special = name[:1] == "_" and name[-1:] == "_" and len(name) > 2
    return special or name.startswith(f"_{cls.name.lstrip('_')}__")


def _called(payload: ExternalCall) -> str:
    return payload.callee.payload.name if isinstance(payload.callee.payload, ExternalName) else ""


def apply_dataclass(evaluator: Evaluator, cls: ClassObj, options: dict[str, bool], at: Origin) -> None:
    """`@dataclass`: collect the fields, in the order of the constructor."""
    if cls.external:
        reason = f"a base of dataclass {cls.name} is outside of `follow`, and may have fields"
        raise Halt(reason, at, "list the folder of the base in `follow`")
    cls.kind = "dataclass"
    kept = {name: flag for name, flag in cls.options.items() if name == "abstract"}
    # Options belong to one decorator: those of a base that is a dataclass do not apply to this one.
    cls.options = {**kept, "eq": True, "init": True, "frozen": False, **options}
    fields = _inherited_fields(cls)
    collect_own_fields(evaluator, cls, fields, options.get("kw_only", False), at)
    cls.fields = list(fields.values())
    _check_defaults(evaluator, cls, at)


def _check_defaults(evaluator: Evaluator, cls: ClassObj, at: Origin) -> None:
    seen_default = False
    for field in cls.fields:
        if not field.field.init or field.kw_only:
            continue
        has_default = field.field.default is not None or field.field.factory is not None
        if seen_default and not has_default:
            message = f"non-default argument {field.name!r} follows default argument"
            raise evaluator.error(TypeError, message, at)
        seen_default = has_default


def _inherited_fields(cls: ClassObj) -> dict[str, DataField]:
    # In reverse MRO: a field that a nearer class declares again keeps its first position, with the new definition.
    fields: dict[str, DataField] = {}
    for base in reversed(cls.mro[1:]):
        if base.kind == "dataclass":
            fields.update({field.name: field for field in base.fields})
    return fields


def collect_own_fields(
    evaluator: Evaluator, cls: ClassObj, fields: dict[str, DataField], kw_only: bool, at: Origin
) -> None:
    for name, annotation in cls.annotations.items():
        marker = _marker(cls, annotation)
        if marker == "KW_ONLY":
            kw_only = True  # for all fields below the marker
        elif marker != "ClassVar":
            field = _own_field(cls, name)
            if field.default is not None and _is_mutable_default(field.default.payload):
                raise evaluator.error(ValueError, f"mutable default for field {name} is not allowed", at)
            own = kw_only if field.kw_only is None else field.kw_only
            fields[name] = DataField(name, field, own, marker == "InitVar")


def _own_field(cls: ClassObj, name: str) -> FieldObj:
    value = cls.namespace.get(name)
    if value is None or not isinstance(value.payload, FieldObj):
        return FieldObj(value, None, True, None)
    # `dataclass` leaves the default as the class attribute, and deletes the attribute where there is none.
    field = value.payload
    if field.default is not None:
        cls.namespace[name] = field.default
    else:
        del cls.namespace[name]
    return field


def _is_mutable_default(payload: Any) -> bool:
    """Whether `dataclass` refuses a default, which it does if the object is not hashable."""
    if isinstance(payload, InstObj):
        options = payload.cls.options
        return payload.cls.kind == "dataclass" and options.get("eq", False) and not options.get("frozen")
    return isinstance(payload, ListObj | DictObj) or (isinstance(payload, SetObj) and not payload.frozen)


def _marker(cls: ClassObj, annotation: ast.expr) -> str:
    """`ClassVar`, `InitVar` or `KW_ONLY` if the annotation is one of them, imported under whatever name."""
    root = _parsed(annotation)
    root = root.value if isinstance(root, ast.Subscript) else root
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


def _parsed(annotation: ast.expr) -> ast.expr | None:
    """An annotation, also one that is written as a string."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            return ast.parse(annotation.value.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
    return annotation


def collect_namedtuple_fields(cls: ClassObj) -> None:
    for name in cls.annotations:
        default = cls.namespace.pop(name, None)
        cls.fields.append(DataField(name, FieldObj(default, None, True, None), False, False))
