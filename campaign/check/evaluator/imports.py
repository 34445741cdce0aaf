"""Imports: modules of the checked files are evaluated, everything else is a name from outside."""

from __future__ import annotations

import ast
import os.path
from typing import Any

from campaign.check.evaluator.state import Evaluator, external_constant, is_modelled
from campaign.check.evaluator.symbolic import is_standard, refuse_name
from campaign.check.sources import Unreadable
from campaign.check.values.lattice import ExternalName, ListObj, ModuleObj, Origin, TupleObj, Value
from campaign.check.values.limits import Halt
from campaign.check.values.scope import Scope

LOCAL_FIRST = frozenset(
    {"__future__", "sys", "builtins", "os", "typing", "dataclasses", "math", "copy", "functools"}
)
"""Modules of the standard library that are loaded before any script runs, or are built in: never shadowed."""


def search_folders(evaluator: Evaluator, importer: ModuleObj) -> list[str]:
    """Where an absolute name is looked for: beside the importing script, then up to the root."""
    root = str(evaluator.sources.root)
    folders = [importer.package]
    while folders[-1] != root and folders[-1].startswith(root) and len(folders) < 20:
        folders.append(os.path.dirname(folders[-1]))
    return [*evaluator.paths_before, *folders, *evaluator.paths_after]


def locate(evaluator: Evaluator, importer: ModuleObj, name: str) -> tuple[str, list[str]] | None:
    """The folder below which a dotted name lies inside the boundary, with its parts."""
    parts = name.split(".")
    if parts[0] in LOCAL_FIRST:
        return None
    refuse_ambiguous(evaluator, importer, name, parts[0])
    if is_standard(parts[0]):
        return None
    if evaluator.unknown_paths:
        raise Halt(
            "imports after sys.path was changed in a way that is not followed", None, "use relative imports"
        )
    root = str(evaluator.sources.root)
    for folder in search_folders(evaluator, importer):
        if folder != root and not folder.startswith(root + os.sep):
            if folder in evaluator.paths_before:
                raise Halt(
                    f"sys.path leads out of the checked folder, to {folder}", None, "use relative imports"
                )
            continue
        path = evaluator.sources.module(folder, parts)
        if path is None or not (path.endswith(".py") or len(parts) == 1 or evaluator.sources.is_folder(path)):
            continue
        if path.endswith(".py") and evaluator.boundary.holds(path, relative=False):
            return folder, parts
    return None


def refuse_ambiguous(evaluator: Evaluator, importer: ModuleObj, name: str, top: str) -> None:
    """Which of two modules of one name is meant depends on how the configuration is run."""
    known: list[str] = evaluator.tops.get((importer.package, top), [])
    if not known:
        found = [evaluator.sources.module(folder, [top]) for folder in search_folders(evaluator, importer)]
        files = dict.fromkeys(evaluator.sources.real(path) for path in found if path and path.endswith(".py"))
        known = evaluator.tops[importer.package, top] = [*files, ""]
    shown = [evaluator.sources.display_path(path) for path in known if path]
    if is_standard(top):
        shown.append("the standard library's")
    if len(shown) > 1:
        raise Halt(
            f"import {name} may mean {' or '.join(shown)}", None, "import it relatively, or rename one"
        )


def import_module(evaluator: Evaluator, name: str, importer: ModuleObj, at: Origin) -> tuple[Value, Value]:
    """`import a.b.c`: the value of `a`, and of `a.b.c`."""
    located = locate(evaluator, importer, name)
    if located is None:
        import_external(evaluator, name, at)
        top = name.partition(".")[0]
        return Value(ExternalName(top, name, 0), at), Value(ExternalName(name, name, 0), at)
    folder, parts = located
    chain = [load_part(evaluator, folder, parts[: index + 1], at) for index in range(len(parts))]
    return Value(chain[0], at), Value(chain[-1], at)


def import_external(evaluator: Evaluator, name: str, at: Origin) -> None:
    if is_standard(name):
        evaluator.used.add(name)
        return
    if evaluator.tries and not evaluator.decisions.decide(f"imports: {name}"):
        raise evaluator.error(ModuleNotFoundError, f"No module named {name!r}", at)
    evaluator.imports.setdefault(name, at)


def load_part(evaluator: Evaluator, folder: str, parts: list[str], at: Origin) -> ModuleObj:
    path = evaluator.sources.module(folder, parts)
    assert path is not None
    return load(evaluator, path, ".".join(parts), at)


def load(evaluator: Evaluator, path: str, name: str, at: Origin, fresh: bool = False) -> ModuleObj:
    """The module of a file, evaluated once for each machine."""
    key = evaluator.sources.real(path)
    known = evaluator.modules.get(key)
    if known is not None and not fresh:
        return known
    if not path.endswith(".py"):
        empty = new_module(evaluator, path, name, path)
        evaluator.modules[key] = empty
        bind_in_package(evaluator, empty, at)
        return empty
    package = os.path.dirname(path)
    module = new_module(evaluator, path, name, package)
    evaluator.modules[key] = module
    execute(evaluator, module, at)
    if not fresh:
        bind_in_package(evaluator, module, at)
    return module


def bind_in_package(evaluator: Evaluator, module: ModuleObj, at: Origin) -> None:
    """A submodule becomes an attribute of its package once, when it has been loaded."""
    path = os.path.dirname(module.path) if module.path.endswith("__init__.py") else module.path
    folder, file = os.path.split(path)
    package = evaluator.modules.get(evaluator.sources.real(os.path.join(folder, "__init__.py")))
    package = package or evaluator.modules.get(evaluator.sources.real(folder))
    if package is not None:
        package.scope.vars[file.removesuffix(".py")] = Value(module, at)


def new_module(evaluator: Evaluator, path: str, name: str, package: str) -> ModuleObj:
    module = ModuleObj(name, path, evaluator.sources.display_path(path), package)
    module.scope = Scope("module", module, None)
    here = Origin(module.shown, 1, 1, (), "file", module.shown)
    module.scope.vars["__name__"] = Value(name, here)
    module.scope.vars["__file__"] = Value(path, here)
    module.scope.vars["__doc__"] = Value(None, here)
    return module


def execute(evaluator: Evaluator, module: ModuleObj, at: Origin) -> None:
    if len(evaluator.loading) > 100:
        raise Halt("imports are nested more than 100 deep", at)
    try:
        tree = evaluator.sources.tree(module.path)
    except Unreadable as problem:
        place = Origin(module.shown, problem.line, problem.column)
        raise Halt(f"{module.shown} {problem.reason}", place) from None
    text = ast.get_docstring(tree, clean=False)
    module.scope.vars["__doc__"] = Value(text, Origin(module.shown, 1, 1))
    before, tries, dialect = evaluator.control, evaluator.tries, evaluator.base_dialect
    if not evaluator.fresh_imports:
        evaluator.base_dialect = None
    evaluator.loading.append(module.path)
    try:
        evaluator.run(tree.body, module.scope)
    finally:
        evaluator.loading.pop()
        evaluator.control, evaluator.tries, evaluator.base_dialect = before, tries, dialect
    module.done = True


def relative_folder(evaluator: Evaluator, importer: ModuleObj, level: int, at: Origin) -> str:
    folder = importer.package
    for _ in range(level - 1):
        folder = os.path.dirname(folder)
    root = str(evaluator.sources.root)
    if folder != root and not folder.startswith(root + os.sep):
        raise Halt("a relative import leads out of the checked folder", at, "check from a folder further up")
    return folder


def import_from(
    evaluator: Evaluator, node: ast.ImportFrom, importer: ModuleObj, at: Origin
) -> list[tuple[str, Value]]:
    """The names that `from x import a, b` binds."""
    if node.level:
        folder = relative_folder(evaluator, importer, node.level, at)
        parts = node.module.split(".") if node.module else []
        return _from_relative(evaluator, node, importer, folder, parts, at)
    name = node.module or ""
    located = locate(evaluator, importer, name)
    if located is None:
        return _import_names_external(evaluator, node, importer, name, at)
    _, deepest = import_module(evaluator, name, importer, at)
    return _names(evaluator, node, deepest.payload, at)


def _from_relative(
    evaluator: Evaluator, node: ast.ImportFrom, importer: ModuleObj, folder: str, parts: list[str], at: Origin
) -> list[tuple[str, Value]]:
    path = evaluator.sources.module(folder, parts) if parts else _package_file(evaluator, folder)
    if path is None:
        raise evaluator.error(ModuleNotFoundError, f"No module named {'.'.join(parts)!r}", at)
    if path.endswith(".py") and not evaluator.boundary.holds(path, relative=True):
        name = evaluator.sources.display_path(path).removesuffix(".py").replace("/", ".")
        return _import_names_external(evaluator, node, importer, name, at)
    if parts and _package_file(evaluator, folder).endswith(".py") and not evaluator.fresh_imports:
        load(evaluator, _package_file(evaluator, folder), os.path.basename(folder), at)
    name = (
        evaluator.sources.display_path(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    )
    inside = path if path.endswith(".py") else os.path.join(path, "__init__.py")
    again = evaluator.base_dialect is not None
    module = load(evaluator, path, name, at, again and inside not in evaluator.loading)
    bound = _names(evaluator, node, module, at)
    if evaluator.base_dialect is None:
        return bound
    convert = evaluator.base_dialect.convert_base
    return [(name, convert(evaluator, value, at)) for name, value in bound]


def _package_file(evaluator: Evaluator, folder: str) -> str:
    path = os.path.join(folder, "__init__.py")
    return path if evaluator.sources.is_file(path) else folder


def _names(
    evaluator: Evaluator, node: ast.ImportFrom, module: ModuleObj, at: Origin
) -> list[tuple[str, Value]]:
    bound: list[tuple[str, Value]] = []
    for alias in node.names:
        if alias.name == "*":
            bound.extend((name, module.scope.vars[name]) for name in star_names(evaluator, module, at))
            continue
        found = module.scope.vars.get(alias.name)
        if found is None:
            found = load_submodule(evaluator, module, alias.name, at)
        if found is None:
            raise evaluator.error(ImportError, f"cannot import name {alias.name!r} from {module.name!r}", at)
        if isinstance(found.payload, ExternalName):
            evaluator.used.add(found.payload.module)
        bound.append((alias.asname or alias.name, found))
    return bound


def star_names(evaluator: Evaluator, module: ModuleObj, at: Origin) -> list[str]:
    declared = module.scope.vars.get("__all__")
    if declared is None:
        return [name for name in module.scope.vars if not name.startswith("_")]
    if not isinstance(declared.payload, ListObj | TupleObj):
        raise Halt("__all__ is only known at run time", at)
    names: list[Any] = [item.payload for item in declared.payload.items]
    for name in names:
        if not isinstance(name, str):
            raise Halt("__all__ is only known at run time", at)
        if name not in module.scope.vars and load_submodule(evaluator, module, name, at) is None:
            raise evaluator.error(AttributeError, f"module {module.name!r} has no attribute {name!r}", at)
    return names


def load_submodule(evaluator: Evaluator, module: ModuleObj, name: str, at: Origin) -> Value | None:
    """`from package import module`."""
    is_package = not module.path.endswith(".py") or module.path.endswith("__init__.py")
    if not is_package:
        return None
    folder = module.package if module.path.endswith(".py") else module.path
    path = evaluator.sources.module(folder, [name])
    if path is None or not evaluator.boundary.holds(path, relative=True):
        return None
    inner = load(
        evaluator,
        path,
        f"{module.name}.{name}",
        at,
        evaluator.fresh_imports and path not in evaluator.loading,
    )
    return Value(inner, at)


def _import_names_external(
    evaluator: Evaluator, node: ast.ImportFrom, importer: ModuleObj, name: str, at: Origin
) -> list[tuple[str, Value]]:
    import_external(evaluator, name, at)
    bound: list[tuple[str, Value]] = []
    for alias in node.names:
        if alias.name == "*":
            raise Halt(
                f"star import from {name}, which is outside of what is followed",
                at,
                "import names one by one",
            )
        full = f"{name}.{alias.name}"
        refuse_name(full, at)
        if full in evaluator.patched:
            bound.append((alias.asname or alias.name, evaluator.patched[full]))
            continue
        known = external_constant(full, at)
        if evaluator.tries and known is None and not is_modelled(full):
            if not evaluator.decisions.decide(f"has: {full}"):
                raise evaluator.error(ImportError, f"cannot import name {alias.name!r} from {name!r}", at)
        bound.append(
            (alias.asname or alias.name, known or Value(ExternalName(full, name, len(evaluator.effects)), at))
        )
    return bound
