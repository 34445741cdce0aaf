"""mmengine's text configs: `_base_` files merged below the file's own names, `_delete_`, `{{_base_.x}}`."""

from __future__ import annotations

import ast
import os.path
import re
from typing import Any

from campaign.check.dialects.mappings import MMENGINE, nested
from campaign.check.evaluator.mappings import store
from campaign.check.evaluator.state import Args, Evaluator
from campaign.check.sources import Unreadable
from campaign.check.values.lattice import (
    DictObj,
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


def has_base(evaluator: Evaluator, path: str) -> bool:
    """Whether a module assigns `_base_`. An unreadable file has none; loading it says why."""
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
    """The names of a config, its bases merged in."""
    from campaign.check.evaluator.imports import new_module

    if path in chain:
        raise Halt("a config is its own base", at)
    if not evaluator.boundary.holds(path, relative=True) or len(chain) > 50:
        raise Halt(
            f"base {os.path.basename(path)} is outside of what is followed", at, "add its folder to `follow`"
        )
    if not evaluator.sources.is_file(path):
        raise evaluator.error(FileNotFoundError, f"no base {evaluator.sources.display_path(path)}", at)
    tree = evaluator.sources.tree(path)
    module = new_module(evaluator, path, os.path.basename(path).removesuffix(".py"), os.path.dirname(path))
    evaluator.modules[os.path.realpath(path) + "#" + "/".join(chain)] = module
    base = DictObj({}, MMENGINE)
    for file in base_files(evaluator, tree, module):
        for name, value in load_config(evaluator, file, at, (*chain, path)).items():
            if name in base.entries:
                raise evaluator.error(KeyError, f"duplicate key {name!r} in the bases", value.origin)
            store(evaluator, base, Value(name, value.origin), value, at)
    return run_config(evaluator, tree, module, base, at)


def run_config(
    evaluator: Evaluator, tree: ast.Module, module: ModuleObj, base: DictObj, at: Origin
) -> dict[str, Value]:
    """The file's own names, merged over its bases."""
    module.scope.vars["_base_"] = Value(base, at)
    body = [_Substitute().visit(node) for node in _copy(tree).body if not _is_base(node)]
    evaluator.run(body, module.scope)
    own = DictObj({})
    for name, value in module.scope.vars.items():
        if name.startswith("__") or name == "_base_" or isinstance(value.payload, ModuleObj | FuncObj):
            continue
        if name in module.imported:
            continue
        store(evaluator, own, Value(name, value.origin), substituted(evaluator, value, base, module, at), at)
    merged = merge(evaluator, own, base, at)
    final = nested(evaluator, Value(merged, at), MMENGINE, at).payload
    assert isinstance(final, DictObj)
    return {str(key): pair[1] for key, pair in final.entries.items()}


def _copy(tree: ast.Module) -> ast.Module:
    import copy

    return copy.deepcopy(tree)


def base_files(evaluator: Evaluator, tree: ast.Module, module: ModuleObj) -> list[str]:
    for node in tree.body:
        if _is_base(node):
            assert isinstance(node, ast.Assign)
            value = evaluator.eval(node.value, module.scope).payload
            items = value.items if isinstance(value, ListObj | TupleObj) else None
            names: list[Any] = [value] if items is None else [item.payload for item in items]
            if not all(isinstance(name, str) for name in names):
                raise Halt("_base_ is only known at run time", evaluator.place(node, module.scope))
            if any("::" in name for name in names):
                raise Halt(
                    "a base from another package", evaluator.place(node, module.scope), "use a relative path"
                )
            return [os.path.normpath(os.path.join(module.package, name)) for name in names]
    return []


class _Substitute(ast.NodeTransformer):
    """`{{_base_.model.x}}` parses as a set in a set: it becomes a placeholder."""

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
    """Placeholders in texts replaced, as mmengine does after the file ran."""
    payload = value.payload
    if isinstance(payload, Placeholder):
        return _reach(evaluator, base, payload.path, value.origin)
    if isinstance(payload, str) and "{{" in payload:
        return _text(evaluator, value, payload, base, module)
    if isinstance(payload, DictObj):
        for key, (name, item) in list(payload.entries.items()):
            new = substituted(evaluator, item, base, module, at)
            if new is not item:
                payload.entries[key] = (name, new)
        return value
    if isinstance(payload, ListObj):
        payload.items[:] = [substituted(evaluator, item, base, module, at) for item in payload.items]
        return value
    if isinstance(payload, TupleObj) and payload.cls is None:
        items = tuple(substituted(evaluator, item, base, module, at) for item in payload.items)
        return Value(TupleObj(items), value.origin)
    return value


def _text(evaluator: Evaluator, value: Value, text: str, base: DictObj, module: ModuleObj) -> Value:
    if ENVIRONMENT_TEXT.search(text):
        raise Halt("a text filled from the environment", value.origin, "use os.environ")
    whole = BASE_TEXT.fullmatch(text)
    if whole is not None:
        return _reach(evaluator, base, whole.group(1), value.origin)
    origins = [value.origin]

    def fill(match: re.Match[str]) -> str:
        found = _reach(evaluator, base, match.group(1), value.origin)
        origins.append(found.origin)
        if not isinstance(found.payload, str | int | float):
            raise Halt("a base value that is no text inside a text", value.origin)
        return str(found.payload)

    filled = BASE_TEXT.sub(fill, text)
    if FILE_TEXT.search(filled):
        folder, file = os.path.split(module.path)
        stem, extension = os.path.splitext(file)
        known = {
            "fileDirname": folder, "fileBasename": file, "fileBasenameNoExtension": stem, "fileExtname": extension,
        }  # fmt: skip
        filled = FILE_TEXT.sub(lambda match: known[match.group(1)], filled)
        origins.append(module.scope.vars["__file__"].origin)
    place = value.origin
    return Value(filled, Origin(place.file, place.line, place.column, tuple(origins)))


def _reach(evaluator: Evaluator, base: DictObj, path: str, at: Origin) -> Value:
    value = Value(base, at)
    for step in path.split("."):
        payload = value.payload
        if not isinstance(payload, DictObj) or step not in payload.entries:
            raise evaluator.error(KeyError, f"the bases have no {path}", at)
        value = payload.entries[step][1]
    return value


def merge(evaluator: Evaluator, child: DictObj, base: DictObj, at: Origin) -> DictObj:
    """mmengine's `_merge_a_into_b`: nested dicts merge, `_delete_=True` replaces, lists by index keys."""
    result = DictObj(dict(base.entries), MMENGINE)
    for key, (name, value) in child.entries.items():
        payload = value.payload
        known = result.entries.get(key)
        if not isinstance(payload, DictObj):
            store(evaluator, result, name, value, at)
            continue
        if known is not None and isinstance(known[1].payload, ListObj):
            new = _merge_list(evaluator, payload, known[1].payload, at)
            store(evaluator, result, name, Value(new, value.origin), at)
            continue
        entries = dict(payload.entries)
        deletes = entries.pop("_delete_", None)
        if (deletes is not None and deletes[1].payload is True) or known is None:
            kept = DictObj(entries)
            store(evaluator, result, name, Value(_without_marks(evaluator, kept, at), value.origin), at)
            continue
        if not isinstance(known[1].payload, DictObj):
            raise evaluator.error(TypeError, f"{key} is a dict here, not in the base", value.origin)
        below = merge(evaluator, DictObj(entries), known[1].payload, at)
        store(evaluator, result, name, Value(below, value.origin), at)
    return result


def _without_marks(evaluator: Evaluator, payload: DictObj, at: Origin) -> DictObj:
    """`_delete_` inside a dict that has no counterpart stays out of the result."""
    return merge(evaluator, payload, DictObj({}), at)


def _merge_list(evaluator: Evaluator, child: DictObj, base: ListObj, at: Origin) -> ListObj:
    items = list(base.items)
    for key, (_, value) in child.entries.items():
        if not (isinstance(key, str) and key.isdigit()):
            raise evaluator.error(TypeError, "a dict cannot replace a list without index keys", at)
        if int(key) >= len(items):
            raise evaluator.error(KeyError, f"index {key} is outside of the list", at)
        old = items[int(key)].payload
        if isinstance(value.payload, DictObj) and isinstance(old, DictObj):
            items[int(key)] = Value(merge(evaluator, value.payload, old, at), value.origin)
        else:
            items[int(key)] = value
    return ListObj(items)


__all__ = ["Args", "has_base", "load_config"]
