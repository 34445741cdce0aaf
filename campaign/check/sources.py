"""Reads the checked files from the working tree or from a git revision; each is parsed once."""

from __future__ import annotations

import ast
import os.path
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from campaign.check.values.limits import FILE_BYTES
from campaign.errors import UsageError

T = TypeVar("T")
COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


class Unreadable(Exception):
    """A file that cannot be read or parsed: the reason, and the place if it is known."""

    def __init__(self, reason: str, line: int = 0, column: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column


class Sources:
    """Files below a root. No file outside of the root is opened, not even through a symbolic link."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._trees: dict[str, ast.Module | Unreadable] = {}
        self._texts: dict[str, str | Unreadable] = {}
        self._is_file_cache: dict[str, bool] = {}
        self._is_folder_cache: dict[str, bool] = {}
        self._display_paths: dict[str, str] = {}
        self._real_paths: dict[str, str] = {}
        self._modules: dict[tuple[str, ...], str | None] = {}

    def is_file(self, path: str) -> bool:
        if path not in self._is_file_cache:
            self._is_file_cache[path] = self._is_file(path)
        return self._is_file_cache[path]

    def is_folder(self, path: str) -> bool:
        if path not in self._is_folder_cache:
            self._is_folder_cache[path] = self._is_folder(path)
        return self._is_folder_cache[path]

    def _is_file(self, path: str) -> bool:
        return os.path.isfile(path)

    def _is_folder(self, path: str) -> bool:
        return os.path.isdir(path)

    def real(self, path: str) -> str:
        """The path without symbolic links: one string for all paths that lead to a file."""
        if path not in self._real_paths:
            self._real_paths[path] = os.path.realpath(path)
        return self._real_paths[path]

    def module(self, folder: str, parts: list[str]) -> str | None:
        """The file of a dotted name below a folder, or the folder itself if it has no `__init__.py`."""
        key = (folder, *parts)
        if key not in self._modules:
            self._modules[key] = self._module(os.path.join(folder, *parts))
        return self._modules[key]

    def _module(self, path: str) -> str | None:
        for candidate in (os.path.join(path, "__init__.py"), path + ".py"):
            if self.is_file(candidate):
                return candidate
        return path if self.is_folder(path) else None

    def display_path(self, path: str) -> str:
        """The path relative to the root, as messages show it."""
        if path not in self._display_paths:
            inside = Path(path).is_relative_to(self.root)
            self._display_paths[path] = Path(path).relative_to(self.root).as_posix() if inside else path
        return self._display_paths[path]

    def text(self, path: str) -> str:
        """The file's text. Raises `Unreadable`."""
        return _cached(self._texts, path, self._decode)

    def _decode(self, path: str) -> str:
        data = self._bytes(Path(path))
        if len(data) > FILE_BYTES:
            raise Unreadable(f"has {len(data):,} bytes; files above {FILE_BYTES:,} are not read")
        if b"\0" in data:
            raise Unreadable("is a binary file")
        if path.endswith(".py") and (encoding := _declared_encoding(data)) is not None:
            raise Unreadable(f"declares the encoding {encoding}; the checker reads only UTF-8")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Unreadable(f"is not UTF-8 text ({error.reason} at byte {error.start})") from None

    def _bytes(self, path: Path) -> bytes:
        resolved = path.resolve()
        if not resolved.is_relative_to(self.root):
            raise Unreadable(f"is a symbolic link that leads out of {self.root.name}/")
        try:
            with resolved.open("rb") as stream:
                return stream.read(FILE_BYTES + 1)
        except OSError as error:
            raise Unreadable(f"cannot be read ({error.strerror})") from None

    def tree(self, path: str) -> ast.Module:
        """The file's syntax tree. Raises `Unreadable`."""
        return _cached(self._trees, path, lambda path: parse(self.text(path)))


def _cached(cache: dict[str, T | Unreadable], path: str, read: Callable[[str], T]) -> T:
    """The answer for a path, or the `Unreadable` that reading it raised, each time."""
    if path not in cache:
        try:
            cache[path] = read(path)
        except Unreadable as problem:
            cache[path] = problem
    answer = cache[path]
    if isinstance(answer, Unreadable):
        raise answer
    return answer


def _declared_encoding(data: bytes) -> str | None:
    """The encoding that a comment in the first two lines declares (PEP 263); None for UTF-8."""
    for line in data[:2000].splitlines()[:2]:
        cookie = COOKIE.match(line)
        if cookie is not None:
            name = cookie.group(1).decode("ascii", "replace")
            return None if name.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig") else name
    return None


class RevisionSources(Sources):
    """The files as they are in a git revision."""

    def __init__(self, root: Path, revision: str) -> None:
        super().__init__(root)
        self.revision = revision
        _verify(self.root, revision)
        listing = _git(self.root, "ls-tree", "-r", "-z", "--name-only", "--full-name", revision, "--", ".")
        prefix = _git(self.root, "rev-parse", "--show-prefix").decode().strip()
        names = [name.decode("utf-8", "surrogateescape") for name in listing.split(b"\0") if name]
        self._prefix = prefix
        self._names = {str(self.root / name[len(prefix) :]) for name in names if name.startswith(prefix)}
        self._folders = {str(parent) for name in self._names for parent in Path(name).parents}

    def _is_file(self, path: str) -> bool:
        return str(Path(path)) in self._names

    def _is_folder(self, path: str) -> bool:
        return path in self._folders

    def _bytes(self, path: Path) -> bytes:
        if str(path) not in self._names:
            raise Unreadable(f"is not in revision {self.revision}")
        name = self._prefix + path.relative_to(self.root).as_posix()
        return _git(self.root, "cat-file", "blob", f"{self.revision}:{name}")


def _verify(root: Path, revision: str) -> None:
    """Raises `UsageError` unless this is a commit of a repository that holds the folder."""
    try:
        _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except UsageError:
        _git(root, "rev-parse", "--show-prefix")
        shallow = _git(root, "rev-parse", "--is-shallow-repository").strip() == b"true"
        why = " (this clone is shallow: git fetch --unshallow gets the rest)" if shallow else ""
        raise UsageError(f"--against {revision!r}: there is no such commit, tag or branch{why}") from None


def _git(root: Path, *arguments: str) -> bytes:
    import subprocess  # most checks need no git, and importing it takes as long as checking a file

    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, check=False, stdin=subprocess.DEVNULL
        )
    except OSError as error:
        raise UsageError(f"git cannot be started ({error.strerror})") from None
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UsageError(f"git {arguments[0]} {arguments[-1]}: {reason[0] if reason else 'failed'}")
    return done.stdout


def parse(text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
            # Python finds some syntax errors (`return` in a module) only when it compiles. The code object is dropped.
            compile(tree, "<config>", "exec", dont_inherit=True)
            return tree
    except SyntaxError as error:
        raise Unreadable(f"does not parse: {error.msg}", error.lineno or 0, error.offset or 0) from None
    except (RecursionError, MemoryError):
        raise Unreadable("is nested too deeply for the parser") from None
    except ValueError as error:
        raise Unreadable(f"does not parse: {error}") from None
