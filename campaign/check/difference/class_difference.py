"""The comparison of instances, named tuples and classes."""

from __future__ import annotations

import ast
from functools import partial

from campaign.check.difference.class_members import code_attributes, data_attributes, instance_fields
from campaign.check.difference.comparison import Pair, compares
from campaign.check.values import NOWHERE, ClassObj, FuncObj, InstObj, TupleObj, Value
from campaign.check.values.code_objects import annotation_code, annotation_names, uses_super

CONSTRUCTION = frozenset({"__init__", "__post_init__"})


@compares(TupleObj)
def compare_tuples(pair: Pair) -> None:
    x, y = pair.x, pair.y
    if x.cls is None and y.cls is None:
        pair.compare_items(x.items, y.items)
        return
    if x.cls is None or y.cls is None or x.cls.name != y.cls.name:
        pair.add("type")
        return
    left, right = ({f.name: v for f, v in zip(p.cls.fields, p.items, strict=True)} for p in (x, y))
    # The same names in another order: x[0] and unpacking give another field.
    if list(left) != list(right):
        pair.add("order")
        return
    pair.compare_named(x.cls.name, left, right)
    compare_behaviour(pair, x.cls, y.cls)


@compares(InstObj)
def compare_instances(pair: Pair) -> None:
    x, y = pair.x, pair.y
    # Each side has its own classes, so identity says nothing: they are matched by name, then compared.
    if x.cls.name != y.cls.name:
        pair.add("type")
        return
    if x.cls.kind != "enum":
        pair.compare_named(x.cls.name, instance_fields(x), instance_fields(y))
        _note_overridden_defaults(pair)
    elif x.attrs["name"].payload != y.attrs["name"].payload or not pair.are_equal(
        x.attrs["value"], y.attrs["value"]
    ):
        pair.add("value")
    compare_behaviour(pair, x.cls, y.cls)


def _note_overridden_defaults(pair: Pair) -> None:
    """Attribute lookup finds the instance's own attribute first, so that another default in the class is cosmetic."""
    x, y = pair.x, pair.y
    left, right = data_attributes(x.cls), data_attributes(y.cls)
    for name in {**left, **right}:
        # A default that an instance does not override is among its fields.
        if name not in x.attrs or name not in y.attrs:
            continue
        mine, other = left.get(name), right.get(name)
        if mine is None or other is None or not pair.are_equal(mine, other):
            message = f"the default in class {x.cls.name} differs"
            pair.add_part("code", name, x.cls.name, mine, other, message=message, cosmetic=True)


def compare_behaviour(pair: Pair, x: ClassObj, y: ClassObj) -> None:
    """Compare all of two classes but their data attributes, which are compared with each instance."""
    if x is y or (id(x), id(y)) in pair.comparison.equal_pairs:
        return
    # A separate key: equal behaviour does not make two classes equal where one is itself part of the configuration, or
    # is read by name in a method.
    key = (id(x), id(y), "behaviour")
    pair.comparison.compare_once(key, (x, y), partial(_compare_behaviour, pair, x, y))


def _compare_behaviour(pair: Pair, x: ClassObj, y: ClassObj) -> None:
    _compare_definition(pair, x, y)
    _compare_methods(pair, x, y, constructed=True)


@compares(ClassObj)
def compare_classes(pair: Pair) -> None:
    x, y = pair.x, pair.y
    if x.name != y.name:
        pair.add("type")
        return
    _compare_definition(pair, x, y)
    _compare_methods(pair, x, y)
    pair.compare_named(x.name, data_attributes(x), data_attributes(y))
    pair.compare_named(x.name, x.keywords, y.keywords)
    _compare_dataclass_fields(pair)


def _compare_dataclass_fields(pair: Pair) -> None:
    """Compare what a call of the class would use: default factories, defaults and metadata."""
    x, y = pair.x, pair.y
    for mine, other in zip(x.fields, y.fields, strict=False):
        left, right = mine.field, other.field
        pairs = [
            (left.factory, right.factory),
            (left.default, right.default),
            (left.metadata, right.metadata),
        ]
        # `dataclass` leaves a plain default in the class, where it was compared as a data attribute.
        in_class = mine.name in data_attributes(x)
        for one, two in pairs:
            if (one is None) != (two is None):
                pair.add_part("value", mine.name, x.name, one, two)
            elif one is not None and (one is left.metadata or not in_class):
                pair.compare_part(mine.name, x.name, one, two)


def _compare_definition(pair: Pair, x: ClassObj, y: ClassObj) -> None:
    """Compare what the `class` statements and decorators say, apart from the attributes."""
    files = (x.module.display_path, y.module.display_path)
    # Two classes of one name in two files are two classes to `isinstance`. A class that each target defines for itself
    # is the same one as far as its own run can tell.
    if files[0] != files[1] and not set(files) <= set(pair.comparison.target_files):
        message = f"class {x.name} is defined in {files[0]} and in {files[1]}"
        pair.add_unproven(message, "import the class from one file on both sides")
        return
    if x.qualname != y.qualname or x.kind != y.kind or x.options != y.options:
        pair.below("__class__", x.name).add("code")
        return
    if not _same_bases(pair, x, y):
        pair.below("__bases__", x.name).add("code")
    if _field_signature(x) != _field_signature(y):
        pair.below("__fields__", x.name).add("code")
    if not _same_annotations(pair, x, y):
        pair.below("__annotations__", x.name).add("code")


def _field_signature(cls: ClassObj) -> list[tuple[str, bool, bool, bool]]:
    """What the fields make of the generated constructor's signature."""
    return [(field.name, field.kw_only, field.init_only, field.field.init) for field in cls.fields]


def _same_annotations(pair: Pair, x: ClassObj, y: ClassObj) -> bool:
    if not any(cls.external or cls.exposed for cls in (x, y)):
        # Python itself gives annotations a meaning in dataclasses only (`ClassVar`, `InitVar`, `KW_ONLY`).
        return x.kind != "dataclass" or _annotation_codes(x) == _annotation_codes(y)
    # External code that knows the class (a base of pydantic, a decorator of attrs) may read its annotations: then they
    # count in their order, inherited ones included, and with the meaning of the names in them.
    for mine, other in zip(x.mro, y.mro, strict=False):
        if list(_annotation_codes(mine).items()) != list(_annotation_codes(other).items()):
            return False
        nodes = zip(mine.annotations.values(), other.annotations.values(), strict=True)
        if not all(same_annotation_names(pair, mine, left, other, right) for left, right in nodes):
            return False
    return True


def _annotation_codes(cls: ClassObj) -> dict[str, str]:
    return {name: annotation_code(node) for name, node in cls.annotations.items()}


def same_annotation_names(
    pair: Pair, x: ClassObj | FuncObj, a: ast.expr, y: ClassObj | FuncObj, b: ast.expr
) -> bool:
    """Whether the names in two annotations with the same code are bound to equal values in their modules."""
    for mine, other in zip(annotation_names(a), annotation_names(b), strict=False):
        left, right = x.module.scope.vars.get(mine), y.module.scope.vars.get(other)
        if left is None or right is None:
            if left is not right:
                return False
        elif not pair.are_equal(left, right):
            return False
    return True


def _same_bases(pair: Pair, x: ClassObj, y: ClassObj) -> bool:
    """Whether two classes inherit alike: attribute lookup goes through the bases in their order (the MRO)."""
    if [base.name for base in x.mro] != [base.name for base in y.mro]:
        return False
    # A base that is not a `ClassObj` is external or builtin, and not in the MRO of checked classes.
    left, right = ([base for base in cls.bases if not isinstance(base.payload, ClassObj)] for cls in (x, y))
    if len(left) != len(right) or not all(map(pair.are_equal, left, right)):
        return False
    if not any(uses_super(cls) for cls in (*x.mro, *y.mro)):
        # What the classes inherit is among their attributes, which are compared; what they override cannot be seen.
        return True
    # `super()` also reaches attributes that are overridden, so that each base has to be equal as a whole.
    bases = zip(x.mro[1:], y.mro[1:], strict=True)
    return all(pair.are_equal(Value(mine, NOWHERE), Value(other, NOWHERE)) for mine, other in bases)


def _compare_methods(pair: Pair, x: ClassObj, y: ClassObj, constructed: bool = False) -> None:
    """Compare methods, properties and dunder attributes. Methods that only ran to construct an instance that exists do
    not count: what they did to it is in its attributes."""
    left, right = code_attributes(x), code_attributes(y)
    for name in {**left, **right}:
        if constructed and name in CONSTRUCTION:
            continue
        mine, other = left.get(name), right.get(name)
        if mine is None or other is None:
            pair.compare_part(name, x.name, mine, other)
        elif not pair.are_equal(mine, other):
            pair.add_part("code", name, x.name, mine, other)
