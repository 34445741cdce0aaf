"""Imports: modules of the checked files are evaluated, everything else is a name from outside."""

from __future__ import annotations

import ast
import fnmatch
import os.path
from typing import Any

from campaign.check.attributes import refuse_name
from campaign.check.limits import Halt
from campaign.check.machine import Machine
from campaign.check.outside import is_standard
from campaign.check.scope import Scope
from campaign.check.sources import Unreadable
from campaign.check.values import DictObj, ListObj, ModuleObj, Origin, Sym, TupleObj, Value

LOCAL_FIRST = frozenset(
    {"__future__", "sys", "builtins", "os", "typing", "dataclasses", "math", "copy", "functools"}
)
"""Modules of the standard library that are loaded before any script runs, or are built in: never shadowed."""


class Boundary:
    """Which files' imports are evaluated: those in `follow`, or in the folders of the targets."""

    def __init__(
        self, root: str, follow: tuple[str, ...], folders: tuple[str, ...], everything: bool = False
    ) -> None:
        self.root = root
        self.follow = follow
        self.folders = set(folders)
        self.everything = everything

    def holds(self, path: str, relative: bool) -> bool:
        inside = os.path.relpath(path, self.root)
        if inside.startswith(".."):
            return False
        if self.everything:
            return True
        if self.follow:
            return any(
                fnmatch.fnmatch(inside, glob) or fnmatch.fnmatch(inside, f"{glob}/*") for glob in self.follow
            )
        if relative:
            self.folders.add(os.path.dirname(path))
            return True
        folder = os.path.dirname(path)
        return any(folder == known or folder.startswith(known + os.sep) for known in self.folders)


def search_folders(machine: Machine, importer: ModuleObj) -> list[str]:
    """Where an absolute name is looked for: beside the importing script, then up to the root."""
    root = str(machine.sources.root)
    folders = [importer.package]
    while folders[-1] != root and folders[-1].startswith(root) and len(folders) < 20:
        folders.append(os.path.dirname(folders[-1]))
    return [*machine.paths_before, *folders, *machine.paths_after]


def locate(machine: Machine, importer: ModuleObj, name: str) -> tuple[str, list[str]] | None:
    """The folder below which a dotted name lies inside the boundary, with its parts."""
    parts = name.split(".")
    if parts[0] in LOCAL_FIRST:
        return None
    refuse_ambiguous(machine, importer, name, parts[0])
    if is_standard(parts[0]):
        return None
    if machine.unknown_paths:
        raise Halt(
            "imports after sys.path was changed in a way that is not followed", None, "use relative imports"
        )
    root = str(machine.sources.root)
    for folder in search_folders(machine, importer):
        if folder != root and not folder.startswith(root + os.sep):
            if folder in machine.paths_before:
                raise Halt(
                    f"sys.path leads out of the checked folder, to {folder}", None, "use relative imports"
                )
            continue
        path = machine.sources.module(folder, parts)
        if path is None or not (path.endswith(".py") or len(parts) == 1 or machine.sources.is_folder(path)):
            continue
        if path.endswith(".py") and machine.boundary.holds(path, relative=False):
            return folder, parts
    return None


def refuse_ambiguous(machine: Machine, importer: ModuleObj, name: str, top: str) -> None:
    """Which of two modules of one name is meant depends on how the configuration is run."""
    known: list[str] = machine.tops.get((importer.package, top), [])
    if not known:
        found = [machine.sources.module(folder, [top]) for folder in search_folders(machine, importer)]
        files = dict.fromkeys(machine.sources.real(path) for path in found if path and path.endswith(".py"))
        known = machine.tops[importer.package, top] = [*files, ""]
    shown = [machine.sources.shown(path) for path in known if path]
    if is_standard(top):
        shown.append("the standard library's")
    if len(shown) > 1:
        raise Halt(
            f"import {name} may mean {' or '.join(shown)}", None, "import it relatively, or rename one"
        )


def import_module(machine: Machine, name: str, importer: ModuleObj, at: Origin) -> tuple[Value, Value]:
    """`import a.b.c`: the value of `a`, and of `a.b.c`."""
    located = locate(machine, importer, name)
    if located is None:
        outside_import(machine, name, at)
        top = name.partition(".")[0]
        return Value(Sym(top, name, 0), at), Value(Sym(name, name, 0), at)
    folder, parts = located
    chain = [load_part(machine, folder, parts[: index + 1], at) for index in range(len(parts))]
    return Value(chain[0], at), Value(chain[-1], at)


def outside_import(machine: Machine, name: str, at: Origin) -> None:
    if is_standard(name):
        machine.used.add(name)
        return
    if machine.tries and not machine.decisions.decide(f"imports: {name}"):
        raise machine.error(ModuleNotFoundError, f"No module named {name!r}", at)
    machine.imports.setdefault(name, at)


def load_part(machine: Machine, folder: str, parts: list[str], at: Origin) -> ModuleObj:
    path = machine.sources.module(folder, parts)
    assert path is not None
    return load(machine, path, ".".join(parts), at)


def load(machine: Machine, path: str, name: str, at: Origin, fresh: bool = False) -> ModuleObj:
    """The module of a file, evaluated once for each machine."""
    key = machine.sources.real(path)
    known = machine.modules.get(key)
    if known is not None and not fresh:
        return known
    if not path.endswith(".py"):
        empty = new_module(machine, path, name, path)
        machine.modules[key] = empty
        bind_in_package(machine, empty, at)
        return empty
    package = os.path.dirname(path)
    module = new_module(machine, path, name, package)
    machine.modules[key] = module
    execute(machine, module, at)
    if not fresh:
        bind_in_package(machine, module, at)
    return module


def bind_in_package(machine: Machine, module: ModuleObj, at: Origin) -> None:
    """A submodule becomes an attribute of its package once, when it has been loaded."""
    path = os.path.dirname(module.path) if module.path.endswith("__init__.py") else module.path
    folder, file = os.path.split(path)
    package = machine.modules.get(machine.sources.real(os.path.join(folder, "__init__.py")))
    package = package or machine.modules.get(machine.sources.real(folder))
    if package is not None:
        package.scope.vars[file.removesuffix(".py")] = Value(module, at)


def new_module(machine: Machine, path: str, name: str, package: str) -> ModuleObj:
    module = ModuleObj(name, path, machine.sources.shown(path), package)
    module.scope = Scope("module", module, None)
    here = Origin(module.shown, 1, 1, (), "file", module.shown)
    module.scope.vars["__name__"] = Value(name, here)
    module.scope.vars["__file__"] = Value(path, here)
    module.scope.vars["__doc__"] = Value(None, here)
    return module


def execute(machine: Machine, module: ModuleObj, at: Origin) -> None:
    if len(machine.loading) > 100:
        raise Halt("imports are nested more than 100 deep", at)
    try:
        tree = machine.sources.tree(module.path)
    except Unreadable as problem:
        place = Origin(module.shown, problem.line, problem.column)
        raise Halt(f"{module.shown} {problem.reason}", place) from None
    text = ast.get_docstring(tree, clean=False)
    module.scope.vars["__doc__"] = Value(text, Origin(module.shown, 1, 1))
    before, tries, reading = machine.control, machine.tries, machine.reading_base
    machine.reading_base = False
    machine.loading.append(module.path)
    try:
        machine.run(machine.prepare(tree, module), module.scope)
    finally:
        machine.loading.pop()
        machine.control, machine.tries, machine.reading_base = before, tries, reading
    module.done = True


def relative_folder(machine: Machine, importer: ModuleObj, level: int, at: Origin) -> str:
    folder = importer.package
    for _ in range(level - 1):
        folder = os.path.dirname(folder)
    root = str(machine.sources.root)
    if folder != root and not folder.startswith(root + os.sep):
        raise Halt("a relative import leads out of the checked folder", at, "check from a folder further up")
    return folder


def import_from(
    machine: Machine, node: ast.ImportFrom, importer: ModuleObj, at: Origin
) -> list[tuple[str, Value]]:
    """The names that `from x import a, b` binds."""
    if node.level:
        folder = relative_folder(machine, importer, node.level, at)
        parts = node.module.split(".") if node.module else []
        return _from_relative(machine, node, importer, folder, parts, at)
    name = node.module or ""
    located = locate(machine, importer, name)
    if located is None:
        return _from_outside(machine, node, importer, name, at)
    _, deepest = import_module(machine, name, importer, at)
    return _names(machine, node, deepest.payload, at)


def _from_relative(
    machine: Machine, node: ast.ImportFrom, importer: ModuleObj, folder: str, parts: list[str], at: Origin
) -> list[tuple[str, Value]]:
    path = machine.sources.module(folder, parts) if parts else _package_file(machine, folder)
    if path is None:
        raise machine.error(ModuleNotFoundError, f"No module named {'.'.join(parts)!r}", at)
    if path.endswith(".py") and not machine.boundary.holds(path, relative=True):
        name = machine.sources.shown(path).removesuffix(".py").replace("/", ".")
        return _from_outside(machine, node, importer, name, at)
    if parts and _package_file(machine, folder).endswith(".py") and not machine.fresh_imports:
        load(machine, _package_file(machine, folder), os.path.basename(folder), at)
    name = machine.sources.shown(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    inside = path if path.endswith(".py") else os.path.join(path, "__init__.py")
    again = machine.fresh_imports or machine.reading_base
    module = load(machine, path, name, at, again and inside not in machine.loading)
    bound = _names(machine, node, module, at)
    if again:
        flavour = "omega" if machine.fresh_imports else "config"
        return [(name, as_base(machine, value, flavour, at)) for name, value in bound]
    return bound


def as_base(machine: Machine, value: Value, flavour: str, at: Origin) -> Value:
    """detectron2 and mmengine turn the dicts of a base into their own kind."""
    from campaign.check.dialects.mappings import nested

    payload = value.payload
    if flavour == "omega" and not (isinstance(payload, DictObj) and not payload.flavour):
        return value
    return nested(machine, value, flavour, at)


def _package_file(machine: Machine, folder: str) -> str:
    path = os.path.join(folder, "__init__.py")
    return path if machine.sources.is_file(path) else folder


def _names(machine: Machine, node: ast.ImportFrom, module: ModuleObj, at: Origin) -> list[tuple[str, Value]]:
    bound: list[tuple[str, Value]] = []
    for alias in node.names:
        if alias.name == "*":
            bound.extend((name, module.scope.vars[name]) for name in star_names(machine, module, at))
            continue
        found = module.scope.vars.get(alias.name)
        if found is None:
            found = load_submodule(machine, module, alias.name, at)
        if found is None:
            raise machine.error(ImportError, f"cannot import name {alias.name!r} from {module.name!r}", at)
        if isinstance(found.payload, Sym):
            machine.used.add(found.payload.module)
        bound.append((alias.asname or alias.name, found))
    return bound


def star_names(machine: Machine, module: ModuleObj, at: Origin) -> list[str]:
    declared = module.scope.vars.get("__all__")
    if declared is None:
        return [name for name in module.scope.vars if not name.startswith("_")]
    if not isinstance(declared.payload, ListObj | TupleObj):
        raise Halt("__all__ is only known at run time", at)
    names: list[Any] = [item.payload for item in declared.payload.items]
    for name in names:
        if not isinstance(name, str):
            raise Halt("__all__ is only known at run time", at)
        if name not in module.scope.vars and load_submodule(machine, module, name, at) is None:
            raise machine.error(AttributeError, f"module {module.name!r} has no attribute {name!r}", at)
    return names


def load_submodule(machine: Machine, module: ModuleObj, name: str, at: Origin) -> Value | None:
    """`from package import module`."""
    is_package = not module.path.endswith(".py") or module.path.endswith("__init__.py")
    if not is_package:
        return None
    folder = module.package if module.path.endswith(".py") else module.path
    path = machine.sources.module(folder, [name])
    if path is None or not machine.boundary.holds(path, relative=True):
        return None
    inner = load(
        machine, path, f"{module.name}.{name}", at, machine.fresh_imports and path not in machine.loading
    )
    return Value(inner, at)


def _from_outside(
    machine: Machine, node: ast.ImportFrom, importer: ModuleObj, name: str, at: Origin
) -> list[tuple[str, Value]]:
    from campaign.check.library import is_known_function, known_name

    outside_import(machine, name, at)
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
        if full in machine.patched:
            bound.append((alias.asname or alias.name, machine.patched[full]))
            continue
        known = known_name(full, at)
        if machine.tries and known is None and not is_known_function(full):
            if not machine.decisions.decide(f"has: {full}"):
                raise machine.error(ImportError, f"cannot import name {alias.name!r} from {name!r}", at)
        bound.append((alias.asname or alias.name, known or Value(Sym(full, name, len(machine.effects)), at)))
    return bound
