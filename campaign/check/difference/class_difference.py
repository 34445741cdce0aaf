"""The comparison of instances, named tuples and classes."""

from __future__ import annotations

import ast
from functools import partial

from campaign.check.claim.patterns import Path, step_of
from campaign.check.difference.class_members import code_attributes, data_attributes, instance_fields
from campaign.check.difference.comparison import Comparison, compares
from campaign.check.values.code_objects import annotation_code, annotation_names, uses_super
from campaign.check.values.lattice import NOWHERE, ClassObj, FuncObj, InstObj, TupleObj, Value

CONSTRUCTION = frozenset({"__init__", "__post_init__"})


@compares(TupleObj)
def compare_tuples(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    if x.cls is None and y.cls is None:
        comparison.compare_items(path, a, b, list(x.items), list(y.items))
        return
    if x.cls is None or y.cls is None or x.cls.name != y.cls.name:
        comparison.add(path, "type", a, b)
        return
    left, right = ({f.name: v for f, v in zip(p.cls.fields, p.items, strict=True)} for p in (x, y))
    # The same names in another order: x[0] and unpacking give another field.
    if list(left) != list(right):
        comparison.add(path, "order", a, b)
        return
    comparison.compare_named(path, x.cls.name, left, right, a, b)
    compare_behaviour(comparison, path, x.cls, y.cls, a, b)


@compares(InstObj)
def compare_instances(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    if x.cls.name != y.cls.name:
        comparison.add(path, "type", a, b)
        return
    if x.cls.kind != "enum":
        comparison.compare_named(path, x.cls.name, instance_fields(x), instance_fields(y), a, b)
        _note_overridden_defaults(comparison, path, x, y, a, b)
    elif x.attrs["name"].payload != y.attrs["name"].payload or not comparison.are_equal(
        x.attrs["value"], y.attrs["value"]
    ):
        comparison.add(path, "value", a, b)
    compare_behaviour(comparison, path, x.cls, y.cls, a, b)


def _note_overridden_defaults(
    comparison: Comparison, path: Path, x: InstObj, y: InstObj, a: Value, b: Value
) -> None:
    """Attribute lookup finds the instance's own attribute first, so that another default in the class is cosmetic."""
    left, right = data_attributes(x.cls), data_attributes(y.cls)
    for name in {**left, **right}:
        if name not in x.attrs or name not in y.attrs:
            continue
        mine, other = left.get(name), right.get(name)
        if mine is None or other is None or not comparison.are_equal(mine, other):
            step = (*path, step_of(name, x.cls.name))
            message = f"the default in class {x.cls.name} differs"
            comparison.add(step, "code", mine, other, message, (a.origin, b.origin), cosmetic=True)


def compare_behaviour(
    comparison: Comparison, path: Path, x: ClassObj, y: ClassObj, a: Value, b: Value
) -> None:
    """Compare all of two classes but their data attributes, which are compared with each instance."""
    if x is y or (id(x), id(y)) in comparison.equal_pairs:
        return
    # A key of its own: equal behaviour does not make a class equal that is itself part of the configuration, or that a
    # method reads by name.
    comparison.compare_once(
        (id(x), id(y), "behaviour"), (x, y), partial(_compare_behaviour, comparison, path, x, y, a, b)
    )


def _compare_behaviour(
    comparison: Comparison, path: Path, x: ClassObj, y: ClassObj, a: Value, b: Value
) -> None:
    _compare_definition(comparison, path, x, y, a, b)
    _compare_methods(comparison, path, x, y, a, b, constructed=True)


@compares(ClassObj)
def compare_classes(comparison: Comparison, path: Path, a: Value, b: Value) -> None:
    x, y = a.payload, b.payload
    if x.name != y.name:
        comparison.add(path, "type", a, b)
        return
    _compare_definition(comparison, path, x, y, a, b)
    _compare_methods(comparison, path, x, y, a, b)
    comparison.compare_named(path, x.name, data_attributes(x), data_attributes(y), a, b)
    comparison.compare_named(path, x.name, x.keywords, y.keywords, a, b)
    _compare_dataclass_fields(comparison, path, x, y, a, b)


def _compare_dataclass_fields(
    comparison: Comparison, path: Path, x: ClassObj, y: ClassObj, a: Value, b: Value
) -> None:
    """Compare what a call of the class would use: default factories, defaults and metadata."""
    for mine, other in zip(x.fields, y.fields, strict=False):
        left, right = mine.field, other.field
        step = (*path, step_of(mine.name, x.name))
        pairs = [
            (left.factory, right.factory),
            (left.default, right.default),
            (left.metadata, right.metadata),
        ]
        # `dataclass` leaves a plain default in the class, where it was compared as a data attribute.
        in_class = mine.name in data_attributes(x)
        for one, two in pairs:
            if one is None and two is None:
                continue
            if one is None or two is None:
                comparison.add(step, "value", one, two, origins=(a.origin, b.origin))
            elif one is left.metadata or not in_class:
                comparison.compare(step, one, two)


def _compare_definition(
    comparison: Comparison, path: Path, x: ClassObj, y: ClassObj, a: Value, b: Value
) -> None:
    """Compare what the `class` statements and decorators say, apart from the attributes."""
    files = (x.module.shown, y.module.shown)
    # Two classes of one name in two files are two classes to `isinstance`. A class that each target defines for itself
    # is the same one as far as its own run can tell.
    if files[0] != files[1] and not all(file in comparison.target_files for file in files):
        message = f"class {x.name} is defined in {files[0]} and in {files[1]}"
        comparison.add_unproven(path, a, b, message, "import the class from one file on both sides")
        return
    if x.qualname != y.qualname or x.kind != y.kind or x.options != y.options:
        comparison.add((*path, step_of("__class__", x.name)), "code", a, b)
        return
    if not _same_bases(comparison, x, y):
        comparison.add((*path, step_of("__bases__", x.name)), "code", a, b)
    if _field_signature(x) != _field_signature(y):
        comparison.add((*path, step_of("__fields__", x.name)), "code", a, b)
    if not _same_annotations(comparison, x, y):
        comparison.add((*path, step_of("__annotations__", x.name)), "code", a, b)


def _field_signature(cls: ClassObj) -> list[tuple[str, bool, bool, bool]]:
    """What the fields make of the generated constructor's signature."""
    return [(field.name, field.kw_only, field.pseudo, field.field.init) for field in cls.fields]


def _same_annotations(comparison: Comparison, x: ClassObj, y: ClassObj) -> bool:
    if not any(cls.external or cls.shown for cls in (x, y)):
        # Python itself gives annotations a meaning in dataclasses only (`ClassVar`, `InitVar`, `KW_ONLY`).
        return x.kind != "dataclass" or _annotation_codes(x) == _annotation_codes(y)
    # External code that knows the class (a base of pydantic, a decorator of attrs) may read its annotations: then they
    # count in their order, inherited ones included, and with the meaning of the names in them.
    for mine, other in zip(x.mro, y.mro, strict=False):
        if list(_annotation_codes(mine).items()) != list(_annotation_codes(other).items()):
            return False
        nodes = zip(mine.annotations.values(), other.annotations.values(), strict=True)
        if not all(same_annotation_names(comparison, mine, left, other, right) for left, right in nodes):
            return False
    return True


def _annotation_codes(cls: ClassObj) -> dict[str, str]:
    return {name: annotation_code(node) for name, node in cls.annotations.items()}


def same_annotation_names(
    comparison: Comparison, x: ClassObj | FuncObj, a: ast.expr, y: ClassObj | FuncObj, b: ast.expr
) -> bool:
    """Whether the names in two annotations with the same code are bound to equal values in their modules."""
    for mine, other in zip(annotation_names(a), annotation_names(b), strict=False):
        left, right = x.module.scope.vars.get(mine), y.module.scope.vars.get(other)
        if left is None or right is None:
            if left is not right:
                return False
        elif not comparison.are_equal(left, right):
            return False
    return True


def _same_bases(comparison: Comparison, x: ClassObj, y: ClassObj) -> bool:
    """Whether two classes inherit alike: attribute lookup goes through the bases in their order (the MRO)."""
    if [base.name for base in x.mro] != [base.name for base in y.mro]:
        return False
    left, right = ([base for base in cls.bases if not isinstance(base.payload, ClassObj)] for cls in (x, y))
    if len(left) != len(right) or not all(map(comparison.are_equal, left, right)):
        return False
    if not any(uses_super(cls) for cls in (*x.mro, *y.mro)):
        # What the classes inherit is among their attributes, which are compared; what they override cannot be seen.
        return True
    # `super()` also reaches attributes that are overridden, so that each base has to be equal as a whole.
    bases = zip(x.mro[1:], y.mro[1:], strict=True)
    return all(comparison.are_equal(Value(mine, NOWHERE), Value(other, NOWHERE)) for mine, other in bases)


def _compare_methods(
    comparison: Comparison,
    path: Path,
    x: ClassObj,
    y: ClassObj,
    a: Value,
    b: Value,
    constructed: bool = False,
) -> None:
    """Compare methods, properties and dunder attributes. Methods that only ran to construct an instance that exists do
    not count: what they did to it is in its attributes."""
    left, right = code_attributes(x), code_attributes(y)
    for name in {**left, **right}:
        if constructed and name in CONSTRUCTION:
            continue
        step = (*path, step_of(name, x.name))
        mine, other = left.get(name), right.get(name)
        if mine is None or other is None:
            comparison.add_one_sided(step, mine, other, a, b)
        elif not comparison.are_equal(mine, other):
            comparison.add(step, "code", mine, other)
