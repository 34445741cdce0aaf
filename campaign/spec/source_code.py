"""The source code that a configuration names, found without executing any of it, and its hash.

A function counts by the file of its module or, when the module is in a package, by all Python files of the outermost
package. What that code imports from elsewhere does not count. `campaign` itself does not count either: changes of its
behaviour raise the version of the identity.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.machinery
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from campaign.spec.config import RunConfig
from campaign.spec.content_hashes import file_sha256, files_sha256

OWN_PACKAGE = "campaign"
INSTALLED = ("site-packages", "dist-packages")

FUNCTION_FIELDS = (
    "core.entrypoint", "data.sources", "algorithm.advantage_mode", "algorithm.transform_mode",
    "algorithm.uncertainty_kind", "algorithm.algorithm_mode",
)  # fmt: skip
"""Fields that name functions, each with a field `<name>_sha256` for the hash of their source."""
COMMAND = "core.command"

NamedFile = tuple[str, Path]
"""A file and the name under which it is hashed, which is the same on every machine."""


class MissingModule(Exception):
    """A module that cannot be found on this machine."""


def search_path(workdir: Path, import_path: Sequence[str] | None = None) -> tuple[str, ...]:
    """Where a core that is started in `workdir` finds modules, in this order. `import_path`: the folders that a submit
    adds, by default those of a submit in the current folder."""
    added = [os.getcwd()] if import_path is None else import_path
    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    own = [entry or os.getcwd() for entry in sys.path]
    return tuple(dict.fromkeys([str(workdir), *added, *filter(None, inherited), *own]))


def function_files(functions: Iterable[str], path: Sequence[str]) -> list[NamedFile]:
    """The files of the functions among `functions`, which are dotted paths or built-in names.

    Raises `MissingModule`.
    """
    modules = dict.fromkeys(
        module for name in functions if (module := name.replace(":", ".").rpartition(".")[0])
    )
    return [file for module in modules for file in module_files(module, path)]


def command_files(command: Sequence[str], workdir: Path, path: Sequence[str]) -> list[NamedFile]:
    """The local files that a command names, and those of the local modules that it starts with `-m`.

    The program itself counts only when it is inside `workdir`: interpreters and installed launchers belong to the
    environment, and so do installed modules.
    """
    files: dict[NamedFile, None] = {}
    before = ""
    for number, argument in enumerate(command):
        if before == "-m":
            files |= dict.fromkeys(_local_module(argument, path))
        elif (file := _file_of(argument, workdir, program=number == 0)) is not None:
            files[argument, file] = None
        before = argument
    return list(files)


def field_sha256(field: str, value: object, workdir: Path, path: Sequence[str]) -> str | None:
    """The hash of the source that the value of a field names; None when it names none.

    Raises `MissingModule`, and `OSError` for a file that cannot be read.
    """
    files = _field_files(field, value, workdir, path)
    return files_sha256(files) if files else None


def local_files(config: RunConfig, workdir: Path, path: Sequence[str]) -> dict[str, str]:
    """Path -> hash of the source files in `workdir` that the configuration names. They are on a disk that all machines
    of a campaign share, unlike installed packages."""
    found: dict[str, str] = {}
    for field in (*FUNCTION_FIELDS, COMMAND):
        with contextlib.suppress(MissingModule, OSError):
            for _, file in _field_files(field, _value(config, field), workdir, path):
                if file.is_relative_to(workdir):
                    found[str(file)] = file_sha256(file)
    return found


def changed_source(config: RunConfig, workdir: Path, path: Sequence[str]) -> list[str]:
    """The fields whose source is no longer the one that the configuration records."""
    changed = []
    for field in (*FUNCTION_FIELDS, COMMAND):
        recorded = _value(config, f"{field}_sha256")
        if recorded is not None and recorded != _sha256_now(config, field, workdir, path):
            changed.append(field)
    return changed


def module_files(module: str, path: Sequence[str]) -> list[NamedFile]:
    """The files whose content decides what a module does. Raises `MissingModule`."""
    if module.partition(".")[0] == OWN_PACKAGE:
        return []
    found = _origin(module, path)
    if found is None:  # compiled into the interpreter
        return []
    package = _outermost_package(found)
    if package is None:
        return [(f"{module}{found.suffix}", found)]
    return [
        (f"{package.name}/{file.relative_to(package).as_posix()}", file) for file in _python_files(package)
    ]


def _sha256_now(config: RunConfig, field: str, workdir: Path, path: Sequence[str]) -> str | None:
    try:
        return field_sha256(field, _value(config, field), workdir, path)
    except (MissingModule, OSError):
        return None


def _field_files(field: str, value: object, workdir: Path, path: Sequence[str]) -> list[NamedFile]:
    if value is None:
        return []
    names = (value,) if isinstance(value, str) else tuple(value)  # type: ignore[arg-type]
    return command_files(names, workdir, path) if field == COMMAND else function_files(names, path)


def _value(config: RunConfig, field: str) -> Any:
    section, _, name = field.partition(".")
    return getattr(getattr(config, section), name)


def _origin(module: str, path: Sequence[str]) -> Path | None:
    """The file of a module; None when it has none. `importlib.util.find_spec` would import the packages above it."""
    importlib.invalidate_caches()
    within: Sequence[str] | None = path
    name, spec = "", None
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        spec = _spec(name, within)
        if spec is None:
            raise MissingModule(module)
        within = spec.submodule_search_locations and list(spec.submodule_search_locations)
    if spec is None or not spec.has_location or spec.origin is None:
        return None
    return Path(spec.origin)


def _spec(name: str, within: Sequence[str] | None) -> importlib.machinery.ModuleSpec | None:
    if within is None:
        return None
    found = importlib.machinery.PathFinder.find_spec(name, list(within))
    if found is None and "." not in name:
        try:
            # Built-in modules, and editable installs, which have finders of their own. Nothing is imported for a
            # name without a dot.
            return importlib.util.find_spec(name)
        except (ImportError, ValueError):
            return None
    return found


def _outermost_package(file: Path) -> Path | None:
    folder, package = file.parent, None
    while (folder / "__init__.py").is_file():
        folder, package = folder.parent, folder
    return package


def _python_files(package: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(package):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__pycache__"]
        yield from (file for name in names if name.endswith(".py") and (file := Path(folder, name)).is_file())


def _local_module(module: str, path: Sequence[str]) -> list[NamedFile]:
    try:
        files = module_files(module, path)
    except MissingModule:
        return []
    standard = sysconfig.get_path("stdlib")
    return [
        (name, file)
        for name, file in files
        if not file.is_relative_to(standard) and not set(INSTALLED) & set(file.parts)
    ]


def _file_of(argument: str, workdir: Path, *, program: bool) -> Path | None:
    """The regular file that an argument names, alone or as in `--config=FILE`."""
    if program and os.sep not in argument:
        return None  # found in PATH
    written = argument.partition("=")[2] if argument.startswith("-") else argument
    try:
        file = workdir / os.path.expanduser(written)
        if not written or not file.is_file():
            return None
        return file if not program or file.resolve().is_relative_to(workdir.resolve()) else None
    except (OSError, ValueError):  # an argument that cannot be a path
        return None
