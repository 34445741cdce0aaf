"""The comparison of instances, classes and functions."""

from __future__ import annotations

import ast

from campaign.check.claim.patterns import Path, step_of
from campaign.check.difference.comparison import Comparison
from campaign.check.difference.tree import code_attributes, data_attributes, fields_of
from campaign.check.values import (
    NOWHERE,
    ClassObj,
    FuncObj,
    InstObj,
    ModuleObj,
    Value,
)
from campaign.check.values.code_objects import annotation_code, annotation_names, function_code, uses_super
from campaign.check.values.scope import Scope

CONSTRUCTION = frozenset({"__init__", "__post_init__"})


def tuples(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    if x.cls is None and y.cls is None:
        comparison.sequence(path, a, b, list(x.items), list(y.items))
        return
    if x.cls is None or y.cls is None or x.cls.name != y.cls.name:
        comparison.report(path, "type", a, b)
        return
    holder = x.cls.name
    left, right = ({f.name: v for f, v in zip(p.cls.fields, p.items, strict=True)} for p in (x, y))
    if list(left) != list(right):
        comparison.report(path, "order", a, b)
        return
    comparison.named(path, holder, left, right, a, b)
    same_class(comparison, path, x.cls, y.cls, a, b)


def instances(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    if x.cls.name != y.cls.name:
        comparison.report(path, "type", a, b)
        return
    if x.cls.kind == "enum":
        if x.attrs["name"].payload != y.attrs["name"].payload or not comparison.identical(
            x.attrs["value"], y.attrs["value"]
        ):
            comparison.report(path, "value", a, b)
        same_class(comparison, path, x.cls, y.cls, a, b)
        return
    comparison.named(path, x.cls.name, fields_of(x), fields_of(y), a, b)
    shadowed(comparison, path, x, y, a, b)
    same_class(comparison, path, x.cls, y.cls, a, b)


def shadowed(comparison: Comparison, path: Path, x: InstObj, y: InstObj, a: Value, b: Value) -> None:
    """Data of the class that the instance overrides: nothing of the configuration, but worth a note."""
    left, right = data_attributes(x.cls), data_attributes(y.cls)
    for name in {**left, **right}:
        if name not in x.attrs or name not in y.attrs:
            continue
        mine, other = left.get(name), right.get(name)
        if mine is None or other is None or not comparison.identical(mine, other):
            step = (*path, step_of(name, x.cls.name))
            message = f"the default in class {x.cls.name} differs"
            comparison.report(step, "code", mine, other, message, holders=(a.origin, b.origin), cosmetic=True)


def same_class(comparison: Comparison, path: Path, x: ClassObj, y: ClassObj, a: Value, b: Value) -> None:
    """Whether two classes behave alike; their data attributes were compared with the instances'."""
    pair = (id(x), id(y))
    if x is y or pair in comparison.same or pair in comparison.open:
        return
    comparison.open.add(pair)
    before, cuts = len(comparison.differences), comparison.cuts
    class_head(comparison, path, x, y, a, b)
    functions_of(comparison, path, x, y, a, b, built=True)
    comparison.open.discard(pair)
    if len(comparison.differences) == before and comparison.cuts == cuts:
        comparison.same.add(pair)
        comparison.keep.append((x, y))


def class_head(comparison: Comparison, path: Path, x: ClassObj, y: ClassObj, a: Value, b: Value) -> None:
    files = (x.module.display_path, y.module.display_path)
    own = all(file in comparison.reference_files for file in files)
    if files[0] != files[1] and not own:
        comparison.doubt(
            path, a, b, f"class {x.name} is defined in {files[0]} and in {files[1]}", "import one of them"
        )
        return
    if x.qualname != y.qualname or x.kind != y.kind or x.options != y.options:
        comparison.report((*path, step_of("__class__", x.name)), "code", a, b)
        return
    if not same_bases(comparison, x, y):
        comparison.report((*path, step_of("__bases__", x.name)), "code", a, b)
    if [(f.name, f.kw_only, f.init_only, f.field.init) for f in x.fields] != [
        (f.name, f.kw_only, f.init_only, f.field.init) for f in y.fields
    ]:
        comparison.report((*path, step_of("__fields__", x.name)), "code", a, b)
    if any(cls.external or cls.exposed for cls in (x, y)):
        own_annotations(comparison, path, x, y, a, b)
    elif x.kind == "dataclass" and annotation_codes(x) != annotation_codes(y):
        comparison.report((*path, step_of("__annotations__", x.name)), "code", a, b)


def own_annotations(comparison: Comparison, path: Path, x: ClassObj, y: ClassObj, a: Value, b: Value) -> None:
    """Code from outside may make fields of annotations: in their order, inherited ones included."""
    for mine, other in zip(x.mro, y.mro, strict=False):
        left, right = annotation_codes(mine), annotation_codes(other)
        names = [(mine, node) for node in mine.annotations.values()]
        others = [(other, node) for node in other.annotations.values()]
        if list(left.items()) != list(right.items()) or not all(
            same_names(comparison, *one, *two) for one, two in zip(names, others, strict=True)
        ):
            comparison.report((*path, step_of("__annotations__", x.name)), "code", a, b)
            return


def same_names(
    comparison: Comparison, x: ClassObj | FuncObj, a: ast.expr, y: ClassObj | FuncObj, b: ast.expr
) -> bool:
    """Whether the names in two annotations that are written alike mean the same."""
    for mine, other in zip(annotation_names(a), annotation_names(b), strict=False):
        left, right = (cls.module.scope.vars.get(name) for cls, name in ((x, mine), (y, other)))
        if (left is None) != (right is None):
            return False
        if left is not None and right is not None and not comparison.identical(left, right):
            return False
    return True


def same_bases(comparison: Comparison, x: ClassObj, y: ClassObj) -> bool:
    """The same classes in the same order. What they hold counts as far as the class itself shows it,
    or all
    of it when a method may reach it through `super()` or by name."""
    if [base.name for base in x.mro] != [base.name for base in y.mro]:
        return False
    external = [[base for base in cls.bases if not isinstance(base.payload, ClassObj)] for cls in (x, y)]
    if len(external[0]) != len(external[1]) or not all(map(comparison.identical, *external)):
        return False
    if not any(uses_super(cls) for cls in (*x.mro, *y.mro)):
        return True
    pairs = zip(x.mro[1:], y.mro[1:], strict=True)
    return all(comparison.identical(Value(mine, NOWHERE), Value(other, NOWHERE)) for mine, other in pairs)


def functions_of(
    comparison: Comparison, path: Path, x: ClassObj, y: ClassObj, a: Value, b: Value, built: bool = False
) -> None:
    """Methods; of an instance that is `built`, those that only ran to build it do not count."""
    left, right = code_attributes(x), code_attributes(y)
    for name in {**left, **right}:
        if built and name in CONSTRUCTION:
            continue
        step = (*path, step_of(name, x.name))
        if name not in right or name not in left:
            detail = "absent" if name in left else "extra"
            comparison.report(step, detail, left.get(name), right.get(name), holders=(a.origin, b.origin))
        elif not comparison.identical(left[name], right[name]):
            comparison.report(step, "code", left[name], right[name])


def classes(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    if x.name != y.name:
        comparison.report(path, "type", a, b)
        return
    class_head(comparison, path, x, y, a, b)
    functions_of(comparison, path, x, y, a, b)
    comparison.named(path, x.name, data_attributes(x), data_attributes(y), a, b)
    comparison.named(path, x.name, x.keywords, y.keywords, a, b)
    for mine, other in zip(x.fields, y.fields, strict=False):
        left, right = mine.field, other.field
        step = (*path, step_of(mine.name, x.name))
        extras = (left.metadata, right.metadata)
        for one, two in ((left.factory, right.factory), (left.default, right.default), extras):
            if (one is None) != (two is None):
                comparison.report(step, "value", one, two, holders=(a.origin, b.origin))
            elif (
                one is not None
                and two is not None
                and (one is left.metadata or mine.name not in data_attributes(x))
            ):
                comparison.compare(step, one, two)


def functions(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    if x is y:
        return
    left, right = function_code(x.node), function_code(y.node)
    if left[0] != right[0] or len(left[1]) != len(right[1]) or x.name != y.name or x.qualname != y.qualname:
        comparison.report(path, "code", a, b)
        return
    if x.exposed or y.exposed:
        signatures(comparison, path, x, y, a, b)
    if len(x.defaults) != len(y.defaults) or set(x.kw_defaults) != set(y.kw_defaults):
        comparison.report(path, "code", a, b)
        return
    for index, (mine, other) in enumerate(zip(x.defaults, y.defaults, strict=True)):
        comparison.compare((*path, step_of("__defaults__", x.name), step_of(f"[{index}]", "")), mine, other)
    comparison.named((*path, step_of("__kwdefaults__", x.name)), x.name, x.kw_defaults, y.kw_defaults, a, b)
    comparison.named(path, x.name, x.attrs, y.attrs, a, b)
    for mine_name, other_name in zip(left[1], right[1], strict=True):
        free_name(comparison, path, x, y, mine_name, other_name, a, b)
    if (x.owner is None) != (y.owner is None):
        comparison.report(path, "code", a, b)


def signatures(comparison: Comparison, path: Path, x: FuncObj, y: FuncObj, a: Value, b: Value) -> None:
    """The annotations of functions that were handed to code from outside, which may look at them."""
    left, right = (signature_nodes(function) for function in (x, y))
    same = [node and annotation_code(node) for node in left] == [
        node and annotation_code(node) for node in right
    ]
    if not same or not all(
        same_names(comparison, x, mine, y, other)
        for mine, other in zip(left, right, strict=True)
        if mine is not None and other is not None
    ):
        message = f"{x.name}() is given to outside code, which may look at its annotations"
        comparison.doubt(path, a, b, message, "annotate it alike")


def signature_nodes(function: FuncObj) -> list[ast.expr | None]:
    args = function.node.args
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))]
    return [*(arg.annotation for arg in every), getattr(function.node, "returns", None)]


def free_name(
    comparison: Comparison, path: Path, x: FuncObj, y: FuncObj, mine: str, other: str, a: Value, b: Value
) -> None:
    left, right = _closure(x.scope).lookup(mine), _closure(y.scope).lookup(other)
    if isinstance(left, str) or isinstance(right, str):
        if left != right or mine != other:
            comparison.report(path, "code", a, b, f"reads {mine}")
        return
    if isinstance(left.payload, ModuleObj) and isinstance(right.payload, ModuleObj):
        if left.payload.display_path != right.payload.display_path:
            comparison.report(path, "code", a, b, f"reads module {left.payload.name}")
        return
    if not comparison.identical(left, right):
        comparison.report(path, "code", a, b, f"reads {mine}, which differs")


def bounds(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    if not comparison.identical(x.function, y.function):
        comparison.report(path, "code", a, b)
        return
    comparison.compare((*path, step_of("__self__", "")), x.receiver, y.receiver)


def partials(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    if not comparison.identical(x.function, y.function):
        comparison.report((*path, step_of("func", "partial")), "code", x.function, y.function)
        return
    comparison.sequence((*path, step_of("args", "partial")), a, b, list(x.args), list(y.args))
    comparison.named(path, "partial", x.kwargs, y.kwargs, a, b)


def wrapped(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    setters = (x.setter is None) == (y.setter is None)
    if (
        x.kind != y.kind
        or not setters
        or not comparison.identical(x.function, y.function)
        or (x.setter is not None and y.setter is not None and not comparison.identical(x.setter, y.setter))
    ):
        comparison.report(path, "code", a, b)


def builtins(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    if x.name != y.name:
        comparison.report(path, "value", a, b)
    elif x.call is not y.call and x.holder is None:
        comparison.doubt(path, a, b, f"{x.name} is not compared", "call it")
    elif x.holder is not None and y.holder is not None:
        comparison.compare((*path, step_of("__self__", "")), x.holder, y.holder)


def modules(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    if a.payload.display_path != b.payload.display_path:
        comparison.report(path, "value", a, b)
        return
    left, right = (
        {n: v for n, v in p.scope.vars.items() if not n.startswith("__")} for p in (a.payload, b.payload)
    )
    comparison.named(path, a.payload.name, left, right, a, b)


def _closure(scope: Scope) -> Scope:
    while scope.kind == "class" and scope.parent is not None:
        scope = scope.parent
    return scope


def annotation_codes(cls: ClassObj) -> dict[str, str]:
    return {name: annotation_code(node) for name, node in cls.annotations.items()}
