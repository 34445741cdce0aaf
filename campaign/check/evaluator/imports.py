"""Imports: modules inside the boundary are evaluated, names of all others are external."""

from __future__ import annotations

import ast
import os.path
from typing import Any

from campaign.check.evaluator.external_names import is_standard, refuse_interpreter_state
from campaign.check.evaluator.state import Evaluator, external_constant, is_modelled
from campaign.check.sources import Unreadable
from campaign.check.values import ExternalName, ListObj, ModuleObj, Origin, TupleObj, Value
from campaign.check.values.limits import IMPORT_DEPTH, Halt
from campaign.check.values.scope import Scope

NEVER_SHADOWED = frozenset(
    {"__future__", "sys", "builtins", "os", "typing", "dataclasses", "math", "copy", "functools"}
)
"""Modules of the standard library that are built in or loaded before any script runs."""


def search_folders(evaluator: Evaluator, importer: ModuleObj) -> list[str]:
    """The folders that may be on `sys.path`: that of the importing script, then its parents up to the root."""
    root = str(evaluator.sources.root)
    folders = [importer.package]
    while folders[-1] != root and folders[-1].startswith(root) and len(folders) < 20:
        folders.append(os.path.dirname(folders[-1]))
    return [*evaluator.paths_before, *folders, *evaluator.paths_after]


def locate(evaluator: Evaluator, importer: ModuleObj, name: str) -> str | None:
    """The folder below which a dotted name is a module inside the boundary; None for an external module."""
    parts = name.split(".")
    if parts[0] in NEVER_SHADOWED:
        return None
    refuse_ambiguous(evaluator, importer, name, parts[0])
    if is_standard(parts[0]):
        return None
    if evaluator.unknown_paths:
        reason = f"the checker cannot find {name}: sys.path was changed in a way that is not modelled"
        raise Halt(reason, None, "use relative imports")
    for folder in search_folders(evaluator, importer):
        if not _inside_root(evaluator, folder):
            if folder in evaluator.paths_before:
                reason = f"sys.path has {folder}, which is outside of the checked folder"
                raise Halt(reason, None, "use relative imports")
        elif _is_evaluated(evaluator, evaluator.sources.module(folder, parts)):
            return folder
    return None


def _inside_root(evaluator: Evaluator, folder: str) -> bool:
    root = str(evaluator.sources.root)
    return folder == root or folder.startswith(root + os.sep)


def _is_evaluated(evaluator: Evaluator, path: str | None) -> bool:
    return path is not None and path.endswith(".py") and evaluator.boundary.holds(path, relative=False)


def refuse_ambiguous(evaluator: Evaluator, importer: ModuleObj, name: str, top: str) -> None:
    """Refuse an absolute import that has several candidates."""
    # `sys.path[0]` is the folder of the script that is run, or the current folder with `python -m`. The checker sees
    # neither, so that a name is only unambiguous if all folders agree on it.
    candidates = evaluator.import_candidates.get((importer.package, top))
    if candidates is None:
        found = [evaluator.sources.module(folder, [top]) for folder in search_folders(evaluator, importer)]
        files = dict.fromkeys(evaluator.sources.real(path) for path in found if path and path.endswith(".py"))
        candidates = evaluator.import_candidates[importer.package, top] = list(files)
    meanings = [evaluator.sources.display_path(path) for path in candidates]
    if is_standard(top):
        meanings.append("the standard library's")
    if len(meanings) > 1:
        reason = f"import {name} may mean {' or '.join(meanings)}, depending on how the file is run"
        raise Halt(reason, None, "import it relatively, or rename one")


def import_module(evaluator: Evaluator, name: str, importer: ModuleObj, at: Origin) -> tuple[Value, Value]:
    """`import a.b.c`: the value of `a`, and of `a.b.c`."""
    folder = locate(evaluator, importer, name)
    if folder is None:
        import_external(evaluator, name, at)
        top = name.partition(".")[0]
        return Value(ExternalName(top, name, 0), at), Value(ExternalName(name, name, 0), at)
    parts = name.split(".")
    chain = [load_part(evaluator, folder, parts[: index + 1], at) for index in range(len(parts))]
    return Value(chain[0], at), Value(chain[-1], at)


def import_external(evaluator: Evaluator, name: str, at: Origin) -> None:
    # The standard library is the same for both sides: only other modules may be missing where one side runs.
    if is_standard(name):
        return
    if evaluator.tries and not evaluator.decisions.decide(f"imports: {name}"):
        raise evaluator.error(ModuleNotFoundError, f"No module named {name!r}", at)
    evaluator.imports.setdefault(name, at)


def load_part(evaluator: Evaluator, folder: str, parts: list[str], at: Origin) -> ModuleObj:
    path = evaluator.sources.module(folder, parts)
    assert path is not None
    return load(evaluator, path, ".".join(parts), at)


def load(evaluator: Evaluator, path: str, name: str, at: Origin, fresh: bool = False) -> ModuleObj:
    """The module of a file or of a folder without `__init__.py`; executed once unless `fresh`."""
    key = evaluator.sources.real(path)
    loaded = evaluator.modules.get(key)
    if loaded is not None and not fresh:
        return loaded
    is_file = path.endswith(".py")
    module = new_module(evaluator, path, name, os.path.dirname(path) if is_file else path)
    # Before it is executed, as `sys.modules` has it: a circular import sees the names bound so far
    # (reference, 5.4 "Loading").
    evaluator.modules[key] = module
    if is_file:
        execute(evaluator, module, at)
    if not (is_file and fresh):
        bind_in_package(evaluator, module, at)
    return module


def bind_in_package(evaluator: Evaluator, module: ModuleObj, at: Origin) -> None:
    """Bind a submodule in the namespace of its package."""
    # Python does this once, after it has loaded the submodule (reference, 5.4.2 "Submodules"): a name that the
    # package bound before is overwritten, one that it binds later stays.
    path = os.path.dirname(module.path) if module.path.endswith("__init__.py") else module.path
    folder, file = os.path.split(path)
    package = evaluator.modules.get(evaluator.sources.real(os.path.join(folder, "__init__.py")))
    package = package or evaluator.modules.get(evaluator.sources.real(folder))
    if package is not None:
        package.scope.vars[file.removesuffix(".py")] = Value(module, at)


def new_module(evaluator: Evaluator, path: str, name: str, package: str) -> ModuleObj:
    module = ModuleObj(name, path, evaluator.sources.display_path(path), package)
    module.scope = Scope("module", module, None)
    here = Origin(module.display_path, 1, 1, (), "file", module.display_path)
    module.scope.vars["__name__"] = Value(name, here)
    module.scope.vars["__file__"] = Value(path, here)
    module.scope.vars["__doc__"] = Value(None, here)
    return module


def execute(evaluator: Evaluator, module: ModuleObj, at: Origin) -> None:
    if len(evaluator.loading) > IMPORT_DEPTH:
        reason = f"imports are nested more than {IMPORT_DEPTH} deep"
        raise Halt(reason, at, "import the modules from fewer places")
    try:
        tree = evaluator.sources.tree(module.path)
    except Unreadable as problem:
        place = Origin(module.display_path, problem.line, problem.column)
        raise Halt(f"{module.display_path} {problem.reason}", place, "correct the file") from None
    docstring = ast.get_docstring(tree, clean=False)
    module.scope.vars["__doc__"] = Value(docstring, Origin(module.display_path, 1, 1))
    before, tries, dialect = evaluator.control, evaluator.tries, evaluator.base_dialect
    if not evaluator.fresh_imports:
        evaluator.base_dialect = None
    evaluator.loading.append(module.path)
    # `tries` is not reset: an exception of the module reaches the `try` around its import. `control` is restored,
    # but not cleared: what a module binds depends on the test that decided to import it.
    try:
        evaluator.run(tree.body, module.scope)
    finally:
        evaluator.loading.pop()
        evaluator.control, evaluator.tries, evaluator.base_dialect = before, tries, dialect


def relative_folder(evaluator: Evaluator, importer: ModuleObj, level: int, at: Origin) -> str:
    folder = importer.package
    for _ in range(level - 1):
        folder = os.path.dirname(folder)
    if not _inside_root(evaluator, folder):
        reason = "a relative import leads out of the checked folder"
        raise Halt(reason, at, "run the check from a parent folder")
    return folder


def import_from(
    evaluator: Evaluator, node: ast.ImportFrom, importer: ModuleObj, at: Origin
) -> list[tuple[str, Value]]:
    """The names that `from x import a, b` binds."""
    if node.level:
        folder = relative_folder(evaluator, importer, node.level, at)
        parts = node.module.split(".") if node.module else []
        return _from_relative(evaluator, node, folder, parts, at)
    name = node.module or ""
    if locate(evaluator, importer, name) is None:
        return _import_names_external(evaluator, node, name, at)
    _, deepest = import_module(evaluator, name, importer, at)
    return _names(evaluator, node, deepest.payload, at)


def _from_relative(
    evaluator: Evaluator, node: ast.ImportFrom, folder: str, parts: list[str], at: Origin
) -> list[tuple[str, Value]]:
    path = evaluator.sources.module(folder, parts) if parts else _package_file(evaluator, folder)
    if path is None:
        raise evaluator.error(ModuleNotFoundError, f"No module named {'.'.join(parts)!r}", at)
    name = evaluator.sources.display_path(path).removesuffix(".py").replace("/", ".")
    if path.endswith(".py") and not evaluator.boundary.holds(path, relative=True):
        return _import_names_external(evaluator, node, name, at)
    # Python imports the package before a module in it; LazyConfig loads the file alone.
    package = _package_file(evaluator, folder)
    if parts and package.endswith(".py") and not evaluator.fresh_imports:
        load(evaluator, package, os.path.basename(folder), at)
    dialect = evaluator.base_dialect
    # A module that is being executed cannot be executed again: it would import itself for ever.
    fresh = dialect is not None and path not in evaluator.loading
    module = load(evaluator, path, name.removesuffix(".__init__"), at, fresh)
    bound = _names(evaluator, node, module, at)
    if dialect is None:
        return bound
    return [(name, dialect.convert_base(evaluator, value, at)) for name, value in bound]


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
        bound.append((alias.asname or alias.name, found))
    return bound


def star_names(evaluator: Evaluator, module: ModuleObj, at: Origin) -> list[str]:
    """The names that `import *` binds: `__all__`, or else all without a leading underscore."""
    declared = module.scope.vars.get("__all__")
    if declared is None:
        return [name for name in module.scope.vars if not name.startswith("_")]
    names: list[Any] = [None]
    if isinstance(declared.payload, ListObj | TupleObj):
        names = [item.payload for item in declared.payload.items]
    for name in names:
        if not isinstance(name, str):
            reason = f"the names in __all__ of {module.name} are only known at run time"
            raise Halt(reason, at, "import the names one by one")
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
    fresh = evaluator.fresh_imports and path not in evaluator.loading
    return Value(load(evaluator, path, f"{module.name}.{name}", at, fresh), at)


def _import_names_external(
    evaluator: Evaluator, node: ast.ImportFrom, module: str, at: Origin
) -> list[tuple[str, Value]]:
    import_external(evaluator, module, at)
    return [
        (alias.asname or alias.name, _external(evaluator, module, alias.name, at)) for alias in node.names
    ]


def _external(evaluator: Evaluator, module: str, name: str, at: Origin) -> Value:
    """The value of `from module import name`."""
    if name == "*":
        reason = f"the names of {module}, which is outside of `follow`, are only known at run time"
        raise Halt(reason, at, "import the names one by one")
    full = f"{module}.{name}"
    refuse_interpreter_state(full, at)
    if full in evaluator.patched:
        return evaluator.patched[full]
    constant = external_constant(full, at)
    if constant is not None:
        return constant
    # Inside a `try`, another version of the framework may lack the name: both outcomes are evaluated.
    if evaluator.tries and not is_modelled(full) and not evaluator.decisions.decide(f"has: {full}"):
        raise evaluator.error(ImportError, f"cannot import name {name!r} from {module!r}", at)
    return Value(ExternalName(full, module, len(evaluator.effects)), at)
