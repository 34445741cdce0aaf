"""Run a config in an isolated world and take the tree that it produces.

A workspace is a mapping of paths to texts. Its modules are served to Python's own import system by a finder,
so relative, absolute, aliased and star imports are Python's, not an imitation. Every module that is neither
in the workspace nor in the standard library is a recording stand-in.
"""

from __future__ import annotations

import builtins
import contextlib
import copy
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import itertools
import math
import os
import re
import signal
import sys
import tomllib
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import yaml

from .frameworks import ConfigDict, DictConfig, FieldReference, LazyCall, LazyConfigDict, merged, placeholder
from .recording import Opaque, Recorder, StubModule
from .tree import Node, snapshot

Workspace = Mapping[str, str]
ROOT = "/oracle"
_unique = itertools.count()
_AT_HOME = sys.stdlib_module_names | {"__main__", "__mp_main__"}


@dataclass(frozen=True)
class Environment:
    """One world in which both files of a pair are run."""

    name: str
    variables: Mapping[str, str] = field(default_factory=dict)
    copies: bool = False
    mutates: bool = False


VARIABLES = ("RUN_SCALE", "NUM_GPUS", "WORLD_SIZE", "LR_FACTOR", "DEBUG", "DATA_ROOT", "OTHER_SCALE")
ENVIRONMENTS = (
    Environment("bare"),
    Environment("three", dict.fromkeys(VARIABLES, "3"), copies=True),
    Environment(
        "mixed", dict(zip(VARIABLES, ("1", "8", "64", "0.5", "", "/data", "2"), strict=True)), mutates=True
    ),
)


@dataclass(frozen=True)
class Outcome:
    """The tree of one execution, or the exception that it ended with; and what it did besides."""

    tree: Node
    effects: Node
    imports: frozenset[str]
    raised: str = ""

    def whole(self) -> Node:
        """Everything that two executions must agree on, as one tree whose root is the configuration."""
        kind, head, children = self.tree
        return (
            kind,
            head,
            {
                **children,
                ("@", "effects"): self.effects,
                ("@", "imports"): ("imports", repr(sorted(self.imports)), {}),
                ("@", "raised"): ("raised", self.raised, {}),
            },
        )


@lru_cache(maxsize=4096)
def compiled(text: str, path: str) -> types.CodeType:
    return compile(text, f"{ROOT}/{path}", "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Serves the modules of a workspace, and a stand-in for everything that Python does not bring along."""

    def __init__(self, files: Workspace, folder: str, recorder: Recorder) -> None:
        self.files = files
        self.bases = [""] if not folder else ["", folder + "/"]
        self.recorder = recorder
        self.served: set[str] = set()
        self.folders = {path[: cut.start()] for path in files for cut in re.finditer("/", path)}

    def path_of(self, name: str) -> str | None:
        """The file of module `name`, a folder (ends with a slash), or None when it is not there."""
        for base in self.bases:
            stem = base + name.replace(".", "/")
            for path in (f"{stem}/__init__.py", f"{stem}.py"):
                if path in self.files:
                    return path
            if stem in self.folders:
                return stem + "/"
        return None

    def find_spec(self, name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        found = self.path_of(name)
        if found is None and name.partition(".")[0] in sys.stdlib_module_names:
            return None
        self.served.add(name)
        package = found is None or found.endswith(("/", "__init__.py"))
        spec = importlib.machinery.ModuleSpec(name, self, is_package=package)
        spec.loader_state = found
        if found and not found.endswith("/"):
            spec.origin = f"{ROOT}/{found}"
            spec.has_location = True
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        if spec.loader_state is not None:
            return None
        known = _known_modules(self.recorder).get(spec.name)
        if known is not None:
            return known
        self.recorder.imports.add(spec.name)
        module = StubModule(spec.name)
        module.__dict__["__recorder__"] = self.recorder
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        spec = module.__spec__
        assert spec is not None
        found = spec.loader_state
        if found is not None and not found.endswith("/"):
            exec(compiled(self.files[found], found), module.__dict__)


def _known_modules(recorder: Recorder) -> dict[str, types.ModuleType]:
    """The framework modules whose containers we imitate."""
    modules = {}
    for name, content in _KNOWN.items():
        module = types.ModuleType(name)
        module.__dict__.update(content)
        module.__path__ = []
        modules[name] = module
    if recorder is not None:
        modules["ml_collections"].__dict__["config_dict"] = modules["ml_collections.config_dict"]
    return modules


_ML: dict[str, Any] = {"ConfigDict": ConfigDict, "FieldReference": FieldReference, "placeholder": placeholder}
_KNOWN: dict[str, dict[str, Any]] = {
    "ml_collections": dict(_ML),
    "ml_collections.config_dict": dict(_ML),
    "mmengine": {},
    "mmengine.config": {"read_base": contextlib.nullcontext, "ConfigDict": LazyConfigDict},
    "detectron2": {},
    "detectron2.config": {"LazyCall": LazyCall},
}


class OutOfTimeError(BaseException):
    """A config that does not come to an end; no `except Exception` of the config can catch it."""


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """A limit in CPU seconds, so that a busy machine does not turn a slow config into one without an end."""

    def stop(*_: object) -> None:
        raise OutOfTimeError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@contextlib.contextmanager
def _world(files: Workspace, folder: str, environment: Environment) -> Iterator[_Finder]:
    """Fresh modules, the environment's variables, and everything put back afterwards."""
    recorder = Recorder(environment.name, environment.copies, environment.mutates)
    finder = _Finder(files, folder, recorder)
    variables, path = dict(os.environ), list(sys.path)
    patchable = {module: dict(vars(module)) for module in (builtins, math)}
    stdout, sys.stdout = sys.stdout, io.StringIO()
    hidden = {name: module for name, module in sys.modules.items() if _is_foreign(name)}
    for name in hidden:
        del sys.modules[name]
    os.environ.clear()
    os.environ.update(environment.variables)
    sys.meta_path.insert(0, finder)
    try:
        yield finder
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if _is_foreign(name)]:
            del sys.modules[name]
        sys.modules.update(hidden)
        os.environ.clear()
        os.environ.update(variables)
        for module, state in patchable.items():
            vars(module).update(state)
        sys.path[:] = path
        sys.stdout = stdout


def _is_foreign(name: str) -> bool:
    """True for a module that a config must not find because this process happens to have it."""
    return name.partition(".")[0] not in _AT_HOME


def execute(files: Workspace, target: str, entry: str, environment: Environment = ENVIRONMENTS[0]) -> Outcome:
    """Run `target` (`path`, `path:name`, `path?key=value`) and take the tree at `entry`.

    `entry` is written as in a declaration: `names:a,b`, `class:Name`, `call:function`, `mmengine`,
    `lazyconfig`, `merge:defaults,runs.B` or `""` for a whole document.
    """
    tree: Node = ("nothing", "", {})
    raised = ""
    with _world(files, split_target(target)[0].rpartition("/")[0], environment) as finder:
        try:
            with _time_limit(0.5):
                tree = snapshot(_value(files, target, entry, finder), ROOT, finder.served)
        except OutOfTimeError:
            raised = f"no end {next(_unique)}"
        except (Exception, SystemExit) as error:
            raised = type(error).__name__
        effects = snapshot(finder.recorder.effects, ROOT, finder.served)
    return Outcome(tree, effects, frozenset(finder.recorder.imports), raised)


def evaluated(files: Workspace, target: str, entry: str, environment: Environment = ENVIRONMENTS[0]) -> Any:
    """The value itself that `execute` takes the tree of; raises what the config raises."""
    with _world(files, split_target(target)[0].rpartition("/")[0], environment) as finder, _time_limit(5.0):
        return _value(files, target, entry, finder)


def _value(files: Workspace, target: str, entry: str, finder: _Finder) -> Any:
    path, name, arguments = split_target(target)
    if name:
        entry = (
            f"{entry.partition(':')[0]}:{name}" if entry.startswith(("class", "call")) else f"names:{name}"
        )
    return _Entry(files, path, arguments, finder).take(entry)


def split_target(target: str) -> tuple[str, str, dict[str, str]]:
    """`path:name?key=value` as (path, name, arguments)."""
    location, _, query = target.partition("?")
    path, _, name = location.partition(":")
    return path, name, dict(parse_qsl(query, keep_blank_values=True))


class _Entry:
    def __init__(self, files: Workspace, path: str, arguments: dict[str, str], finder: _Finder) -> None:
        self.files, self.path, self.arguments, self.finder = files, path, arguments, finder

    def take(self, entry: str) -> Any:
        kind, _, names = entry.partition(":")
        if self.path.partition("#")[0].endswith((".toml", ".yaml", ".yml")):
            return self._document(entry)
        if kind == "mmengine":
            return self._mmengine()
        if kind == "lazyconfig":
            return _LazyConfig(self.files).load(self.path)
        module = self._module()
        if kind in ("class", "names") and "," not in names:
            return getattr(module, names)
        if kind == "call":
            return self._called(getattr(module, names))
        if kind == "names":
            return {name: getattr(module, name) for name in names.split(",")}
        raise ValueError(f"unknown entry {entry!r}")

    def _module(self) -> types.ModuleType:
        return importlib.import_module(self.path.removesuffix(".py").replace("/", "."))

    def _called(self, function: Any) -> Any:
        if not self.arguments:
            return function()
        return function(**self.arguments)

    def _document(self, entry: str) -> Any:
        path, _, anchor = self.path.partition("#")
        text = self.files[path]
        document = tomllib.loads(text) if path.endswith(".toml") else yaml.safe_load(text)
        if anchor:
            return _at(document, anchor)
        if entry.startswith("merge:"):
            result: dict[str, Any] = {}
            for part in entry.removeprefix("merge:").split(","):
                result = _deep_merge(result, _at(document, part))
            return result
        return document

    def _mmengine(self) -> Any:
        if re.search(r"read_base", self.files[self.path]):
            return _ReadBase(self.files, self.finder).load(self.path)[0]
        return _load_with_bases(self.files, self.path)


def _at(document: Any, dotted: str) -> Any:
    for key in dotted.split("."):
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document


def _deep_merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in changes.items():
        old = result.get(key)
        result[key] = _deep_merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


class _LazyConfig:
    """detectron2's LazyConfig: a relative import runs the other file anew and converts its dictionaries."""

    def __init__(self, files: Workspace) -> None:
        self.files = files

    def load(self, path: str) -> dict[str, Any]:
        """What is kept of a file: the names without a leading underscore that hold a dictionary."""
        namespace = self._run(path)
        return {
            name: _cast_to_config(value)
            for name, value in namespace.items()
            if isinstance(value, dict) and not name.startswith("_")
        }

    def _run(self, path: str) -> dict[str, Any]:
        def relative_or_usual(
            name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
        ) -> Any:
            if not level:
                return builtins.__import__(name, globals, locals, fromlist, level)
            folder = path.split("/")[:-1]
            folder = folder[: len(folder) - (level - 1)]
            namespace = self._run("/".join([*folder, *name.split(".")]) + ".py")
            module = types.ModuleType(name)
            module.__dict__.update({wanted: _cast_to_config(namespace[wanted]) for wanted in fromlist})
            return module

        namespace: dict[str, Any] = {
            "__name__": f"lazy_{path.replace('/', '_')}",
            "__file__": f"{ROOT}/{path}",
            "__builtins__": {**vars(builtins), "__import__": relative_or_usual},
        }
        exec(compiled(self.files[path], path), namespace)
        return {name: value for name, value in namespace.items() if name not in ("__builtins__",)}


def _cast_to_config(value: Any) -> Any:
    return DictConfig(value) if type(value) is dict else value


def _load_with_bases(files: Workspace, path: str) -> dict[str, Any]:
    """mmengine's text configs: `_base_`, `{{_base_.x}}`, `_delete_`."""
    text = files[path]
    variables: dict[str, str] = {}

    def placeholder_for(match: re.Match[str]) -> str:
        token = f"_{match[1]}_{os.urandom(4).hex()}"
        variables[token] = match[1]
        return f'"{token}"'

    text = re.sub(r"\{\{\s*_base_\.([\w.]+)\s*\}\}", placeholder_for, text)
    namespace: dict[str, Any] = {}
    exec(compile(text, f"{ROOT}/{path}", "exec", dont_inherit=True), namespace)
    names = namespace.pop("_base_", [])
    base: dict[str, Any] = {}
    for name in names if isinstance(names, list) else [names]:
        loaded = _load_with_bases(files, os.path.normpath(os.path.join(os.path.dirname(path), name)))
        if base.keys() & loaded.keys():
            raise KeyError("duplicate key among bases")
        base.update(loaded)
    skipped = (types.FunctionType, types.ModuleType)
    own = {
        key: value for key, value in namespace.items() if key[:2] != "__" and not isinstance(value, skipped)
    }
    own = _with_base_variables(copy.deepcopy(own), variables, base)
    return merged(own, base)


def _with_base_variables(value: Any, variables: Mapping[str, str], base: dict[str, Any]) -> Any:
    if isinstance(value, str) and value in variables:
        return _at(base, variables[value])
    if isinstance(value, dict):
        return {key: _with_base_variables(item, variables, base) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_with_base_variables(item, variables, base) for item in value)
    return value


class _ReadBase:
    """mmengine's lazy configs: bases come through `with read_base():`, other imports are only named."""

    def __init__(self, files: Workspace, finder: _Finder) -> None:
        self.files, self.finder = files, finder

    def load(self, path: str) -> tuple[LazyConfigDict, set[str]]:
        import ast

        module = ast.parse(self.files[path])
        namespace: dict[str, Any] = {"__file__": f"{ROOT}/{path}"}
        imported: set[str] = set()
        body: list[ast.stmt] = []
        for node in module.body:
            if isinstance(node, ast.With):
                for inner in node.body:
                    assert isinstance(inner, ast.ImportFrom)
                    base, names = self._base(path, inner)
                    imported |= names
                    self._bind(inner, base, namespace)
            elif isinstance(node, (ast.Import, ast.ImportFrom)) and not self._builtin(node):
                imported |= self._named(node, namespace)
            else:
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    imported |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
                body.append(node)
        module.body = body
        exec(compile(module, f"{ROOT}/{path}", "exec", dont_inherit=True), namespace)
        kept = {
            key: value
            for key, value in namespace.items()
            if key[:2] != "__"
            and key not in imported
            and not isinstance(value, (types.FunctionType, types.ModuleType, type))
        }
        return LazyConfigDict(kept), imported

    def _base(self, path: str, node: Any) -> tuple[LazyConfigDict, set[str]]:
        folder = path.split("/")[:-1]
        folder = folder[: len(folder) - (node.level - 1)] if node.level else []
        return self.load("/".join([*folder, *(node.module or "").split(".")]) + ".py")

    @staticmethod
    def _bind(node: Any, base: LazyConfigDict, namespace: dict[str, Any]) -> None:
        for alias in node.names:
            if alias.name == "*":
                namespace.update({key: base[key] for key in base})
            else:
                namespace[alias.asname or alias.name] = base[alias.name]

    @staticmethod
    def _builtin(node: Any) -> bool:
        names = [node.module or ""] if hasattr(node, "module") else [alias.name for alias in node.names]
        return all(name.partition(".")[0] in sys.stdlib_module_names for name in names)

    def _named(self, node: Any, namespace: dict[str, Any]) -> set[str]:
        bound = set()
        for alias in node.names:
            if hasattr(node, "module"):
                name, dotted = alias.asname or alias.name, f"{node.module}.{alias.name}"
            else:
                name = alias.asname or alias.name.partition(".")[0]
                dotted = alias.name if alias.asname else name
            namespace[name] = Opaque(self.finder.recorder, ("ref", dotted))
            bound.add(name)
        return bound


def run_everywhere(
    files: Workspace, target: str, entry: str, environments: Sequence[Environment] = ENVIRONMENTS
) -> list[Outcome]:
    return [execute(files, target, entry, environment) for environment in environments]


__all__ = [
    "ENVIRONMENTS",
    "ROOT",
    "ConfigDict",
    "DictConfig",
    "Environment",
    "Outcome",
    "Workspace",
    "evaluated",
    "execute",
    "run_everywhere",
    "split_target",
]
