"""mmengine: `ConfigDict`, `read_base()`, and text configs with `_base_` files, `_delete_` and `{{_base_.x}}`."""

from __future__ import annotations

import ast
import copy
import os.path
import re
from collections.abc import Callable
from typing import Any, ClassVar

from campaign.check.claim.targets import Entry, Target
from campaign.check.dialects.base import (
    AttributeMapping,
    Dialect,
    Roots,
    refused_methods,
    start_of,
    to_dict,
    tuple_of,
    update_nested,
)
from campaign.check.evaluator.hashed_containers import store
from campaign.check.evaluator.imports import new_module
from campaign.check.evaluator.state import Args, Completion, Evaluator, Leave, Site
from campaign.check.sources import Unreadable
from campaign.check.values import (
    DictObj,
    ExternalCall,
    ExternalName,
    FuncObj,
    ListObj,
    ModuleObj,
    Origin,
    Placeholder,
    TupleObj,
    Value,
)
from campaign.check.values.limits import Halt

BASE_TEXT = re.compile(r"\{\{\s*_base_\.([\w.]+)\s*\}\}")
FILE_TEXT = re.compile(r"\{\{\s*(fileDirname|fileBasename|fileBasenameNoExtension|fileExtname)\s*\}\}")
ENVIRONMENT_TEXT = re.compile(r"\{\{\s*\$")
DEEPEST_BASES = 50


def _copy_config(evaluator: Evaluator, args: Args, site: Site) -> Value:
    payload = args.positional[0].payload
    result = DictObj(dict(payload.entries), payload.dialect)
    result.flags = dict(payload.flags)
    return Value(result, site.at)


class MMConfigDict(AttributeMapping):
    """mmengine's `ConfigDict`; the dicts of a lazy base become one too."""

    name = "config"
    sequences: ClassVar = {ListObj: ListObj, TupleObj: tuple_of}
    methods: ClassVar = {
        "update": update_nested, "to_dict": to_dict, "copy": _copy_config,
        **refused_methods("ConfigDict", {
            "merge": "set the keys one by one", "setdefault": "test for the key and set it",
        }),
    }  # fmt: skip


MMENGINE = MMConfigDict()


def reading_base(evaluator: Evaluator, context: Value, at: Origin) -> tuple[Value, Leave] | None:
    """`with read_base():` imports configurations, whose dicts become `ConfigDict`."""
    payload = context.payload
    if not isinstance(payload, ExternalCall) or not isinstance(payload.callee.payload, ExternalName):
        return None
    if not payload.callee.payload.name.endswith(".read_base"):
        return None

    def leave(body: Callable[[], Completion]) -> Completion:
        if evaluator.fresh_imports:  # a LazyConfig, whose loader converts what it imports itself
            return body()
        before, evaluator.base_dialect = evaluator.base_dialect, MMENGINE
        try:
            return body()
        finally:
            evaluator.base_dialect = before

    return Value(None, at), leave


class MMEngine(Dialect):
    entry = "mmengine"
    functions: ClassVar = {"mmengine.config.ConfigDict": MMENGINE.new, "mmengine.ConfigDict": MMENGINE.new}
    contexts = (reading_base,)

    def loads(self, evaluator: Evaluator, target: Target, entry: Entry | None) -> bool:
        """Only mmengine gives a name `_base_` a meaning, so a file that assigns one needs no entry."""
        return super().loads(evaluator, target, entry) or (
            entry is None and assigns_base(evaluator, target.path)
        )

    def load(self, evaluator: Evaluator, target: Target, entry: Entry | None) -> Roots:
        return load_config(evaluator, target.path, start_of(evaluator, target)), False


def assigns_base(evaluator: Evaluator, path: str) -> bool:
    """Whether a module assigns `_base_`. False for an unreadable file; loading it reports why."""
    try:
        tree = evaluator.sources.tree(path)
    except Unreadable:
        return False
    return any(_is_base(node) for node in tree.body)


def _is_base(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == "_base_" for target in node.targets
    )


def load_config(evaluator: Evaluator, path: str, at: Origin, chain: tuple[str, ...] = ()) -> dict[str, Value]:
    """The names of a config, its bases merged in. `chain` are the configs that name it as their base."""
    shown = evaluator.sources.display_path(path)
    if path in chain:
        raise Halt(f"{shown} is its own base", at, "remove it from _base_")
    if not evaluator.boundary.holds(path, relative=True) or len(chain) > DEEPEST_BASES:
        reason = f"base {os.path.basename(path)} is not among the files that are evaluated"
        raise Halt(reason, at, "add its folder to `follow`")
    if not evaluator.sources.is_file(path):
        raise evaluator.error(FileNotFoundError, f"no base {shown}", at)
    tree = evaluator.sources.tree(path)
    module = new_module(evaluator, path, os.path.basename(path).removesuffix(".py"), os.path.dirname(path))
    # mmengine runs a base once for each config that names it, so each chain has a separate module.
    evaluator.modules[os.path.realpath(path) + "#" + "/".join(chain)] = module
    base = DictObj({}, MMENGINE)
    for file in base_files(evaluator, tree, module):
        for name, value in load_config(evaluator, file, at, (*chain, path)).items():
            # Bases are peers: none overrides another.
            if name in base.entries:
                raise evaluator.error(KeyError, f"duplicate key {name!r} in the bases", value.origin)
            store(evaluator, base, Value(name, value.origin), value, at)
    return run_config(evaluator, tree, module, base, at)


def run_config(
    evaluator: Evaluator, tree: ast.Module, module: ModuleObj, base: DictObj, at: Origin
) -> dict[str, Value]:
    """The file's own names, merged over its bases."""
    module.scope.vars["_base_"] = Value(base, at)  # `_base_.x` outside of braces reads the merged bases
    # A copy: the tree is kept for the other targets, which may load the file as a plain module.
    body = [_Substitute().visit(node) for node in copy.deepcopy(tree).body if not _is_base(node)]
    evaluator.run(body, module.scope)
    own = DictObj({})
    for name, value in module.scope.vars.items():
        hidden = name.startswith("__") or name == "_base_" or name in module.imported
        if not hidden and not isinstance(value.payload, ModuleObj | FuncObj):
            # Functions, modules and imported names are dropped: the rest is the configuration.
            filled = substituted(evaluator, value, base, module, at)
            store(evaluator, own, Value(name, value.origin), filled, at)
    merged = merge_over_base(evaluator, own, base, at)
    final = MMENGINE.convert(evaluator, Value(merged, at), at).payload
    return {str(key): pair[1] for key, pair in final.entries.items()}


def base_files(evaluator: Evaluator, tree: ast.Module, module: ModuleObj) -> list[str]:
    # mmengine reads the first assignment before the file runs, so it sees none of the file's names.
    node = next(filter(_is_base, tree.body), None)
    if not isinstance(node, ast.Assign):
        return []
    value = evaluator.eval(node.value, module.scope).payload
    items = value.items if isinstance(value, ListObj | TupleObj) else None
    names: list[Any] = [value] if items is None else [item.payload for item in items]
    at = evaluator.place(node, module.scope)
    if not all(isinstance(name, str) for name in names):
        raise Halt("_base_ is only known at run time", at, "write the paths out")
    if any("::" in name for name in names):
        raise Halt("_base_ names a config of an installed package", at, "use a relative path")
    return [os.path.normpath(os.path.join(module.package, name)) for name in names]


class _Substitute(ast.NodeTransformer):
    """`{{_base_.model.x}}` parses as a set in a set, which Python could not build: it becomes a placeholder."""

    def visit_Set(self, node: ast.Set) -> ast.expr:
        inner = node.elts[0]
        if len(node.elts) == 1 and isinstance(inner, ast.Set) and len(inner.elts) == 1:
            path = inner.elts[0]
            root: ast.expr = path
            while isinstance(root, ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name) and root.id == "_base_" and isinstance(path, ast.Attribute):
                placeholder: Any = Placeholder(ast.unparse(path).partition(".")[2])
                return ast.copy_location(ast.Constant(placeholder), node)
        self.generic_visit(node)
        return node


def substituted(evaluator: Evaluator, value: Value, base: DictObj, module: ModuleObj, at: Origin) -> Value:
    """A value with its placeholders replaced. mmengine does so after the file ran: code of the file saw the
    placeholder, which is why anything computed from one is nondeterministic."""
    payload = value.payload
    if isinstance(payload, Placeholder):
        return _base_value(evaluator, base, payload.path, value.origin)
    if isinstance(payload, str) and "{{" in payload:
        return _filled_string(evaluator, value, payload, base, module)
    if isinstance(payload, DictObj):
        for key, (name, item) in list(payload.entries.items()):
            payload.entries[key] = (name, substituted(evaluator, item, base, module, at))
        return value
    if isinstance(payload, ListObj):
        payload.items[:] = [substituted(evaluator, item, base, module, at) for item in payload.items]
        return value
    if isinstance(payload, TupleObj) and payload.cls is None:
        items = tuple(substituted(evaluator, item, base, module, at) for item in payload.items)
        return Value(TupleObj(items), value.origin)
    return value


def _filled_string(evaluator: Evaluator, value: Value, text: str, base: DictObj, module: ModuleObj) -> Value:
    if ENVIRONMENT_TEXT.search(text):
        reason = "the checker cannot evaluate `{{$...}}`: mmengine fills it from the environment"
        raise Halt(reason, value.origin, "use os.environ")
    whole = BASE_TEXT.fullmatch(text)
    if whole is not None:  # the value itself, whatever its type; inside a longer string it is written out
        return _base_value(evaluator, base, whole.group(1), value.origin)
    origins = [value.origin]

    def fill(match: re.Match[str]) -> str:
        found = _base_value(evaluator, base, match.group(1), value.origin)
        origins.append(found.origin)
        if not isinstance(found.payload, str | int | float):
            reason = f"the checker cannot write _base_.{match.group(1)} into a string: it is neither a string nor a number"
            raise Halt(reason, value.origin, "write the string out")
        return str(found.payload)

    filled = BASE_TEXT.sub(fill, text)
    if FILE_TEXT.search(filled):
        folder, file = os.path.split(module.path)
        stem, extension = os.path.splitext(file)
        names = {
            "fileDirname": folder, "fileBasename": file, "fileBasenameNoExtension": stem, "fileExtname": extension,
        }  # fmt: skip
        filled = FILE_TEXT.sub(lambda match: names[match.group(1)], filled)
        origins.append(module.scope.vars["__file__"].origin)
    place = value.origin
    return Value(filled, Origin(place.file, place.line, place.column, tuple(origins)))


def _base_value(evaluator: Evaluator, base: DictObj, path: str, at: Origin) -> Value:
    value = Value(base, at)
    for step in path.split("."):
        payload = value.payload
        if not isinstance(payload, DictObj) or step not in payload.entries:
            raise evaluator.error(KeyError, f"the bases have no {path}", at)
        value = payload.entries[step][1]
    return value


def merge_over_base(evaluator: Evaluator, child: DictObj, base: DictObj, at: Origin) -> DictObj:
    """mmengine's `_merge_a_into_b`: dicts merge, `_delete_=True` replaces, keys that are digits index a list."""
    # The keys of the base come first, in their order; a key that the child adds comes after them.
    result = DictObj(dict(base.entries), MMENGINE)
    for key, (name, value) in child.entries.items():
        before = result.entries.get(key)
        if isinstance(value.payload, DictObj):
            value = _merged_value(evaluator, key, value, None if before is None else before[1].payload, at)
        store(evaluator, result, name, value, at)
    return result


def _merged_value(evaluator: Evaluator, key: Any, value: Value, before: Any, at: Origin) -> Value:
    """A dict of the child over what the base has under its key."""
    payload: DictObj = value.payload
    if isinstance(before, ListObj):
        return Value(_merge_list(evaluator, payload, before, at), value.origin)
    entries = dict(payload.entries)
    deletes = entries.pop("_delete_", None)
    child = DictObj(entries)
    if before is None or (deletes is not None and deletes[1].payload is True):
        # Merged over nothing: `_delete_` marks below it disappear as well.
        return Value(merge_over_base(evaluator, child, DictObj({}), at), value.origin)
    if not isinstance(before, DictObj):
        raise evaluator.error(TypeError, f"{key} is a dict here, not in the base", value.origin)
    return Value(merge_over_base(evaluator, child, before, at), value.origin)


def _merge_list(evaluator: Evaluator, child: DictObj, base: ListObj, at: Origin) -> ListObj:
    items = list(base.items)
    for key, (_, value) in child.entries.items():
        if not (isinstance(key, str) and key.isdigit()):
            raise evaluator.error(TypeError, "a dict cannot replace a list without index keys", at)
        if int(key) >= len(items):
            raise evaluator.error(KeyError, f"index {key} is outside of the list", at)
        old = items[int(key)].payload
        # A dict merges with the dict at that index; anything else replaces it.
        if isinstance(value.payload, DictObj) and isinstance(old, DictObj):
            value = Value(merge_over_base(evaluator, value.payload, old, at), value.origin)
        items[int(key)] = value
    return ListObj(items)
