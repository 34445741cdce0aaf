"""Reading the files that are checked: from the folder, or from a git revision; each parsed once."""

from __future__ import annotations

import ast
import os.path
import re
import warnings
from pathlib import Path

from campaign.check.values.limits import FILE_BYTES
from campaign.errors import UsageError

COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


class Unreadable(Exception):
    """A file that cannot be evaluated, with the reason and where."""

    def __init__(self, reason: str, line: int = 0, column: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column


class Sources:
    """Files under a root. Nothing outside the root is ever opened, links included."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._trees: dict[str, ast.Module | Unreadable] = {}
        self._texts: dict[str, str | Unreadable] = {}
        self._exists: dict[str, bool] = {}
        self._folder: dict[str, bool] = {}
        self._shown: dict[str, str] = {}
        self._real: dict[str, str] = {}
        self._modules: dict[tuple[str, ...], str | None] = {}

    def is_file(self, path: str) -> bool:
        known = self._exists.get(path)
        if known is None:
            known = self._exists[path] = self._is_file(path)
        return known

    def is_folder(self, path: str) -> bool:
        known = self._folder.get(path)
        if known is None:
            known = self._folder[path] = self._is_folder(path)
        return known

    def _is_file(self, path: str) -> bool:
        return os.path.isfile(path)

    def _is_folder(self, path: str) -> bool:
        return os.path.isdir(path)

    def real(self, path: str) -> str:
        """The path without links, the same for every way to a file."""
        known = self._real.get(path)
        if known is None:
            known = self._real[path] = os.path.realpath(path)
        return known

    def module(self, folder: str, parts: list[str]) -> str | None:
        """The file of a dotted name below a folder; a folder with no `__init__.py` is given as itself."""
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
        known = self._shown.get(path)
        if known is None:
            known = self._shown[path] = self._relative(path)
        return known

    def _relative(self, path: str) -> str:
        try:
            return Path(path).relative_to(self.root).as_posix()
        except ValueError:
            return path

    def text(self, path: str) -> str:
        """The file's text. Raises `Unreadable`."""
        known = self._texts.get(path)
        if known is None:
            try:
                known = self._decode(path)
            except Unreadable as problem:
                known = problem
            self._texts[path] = known
        if isinstance(known, Unreadable):
            raise known
        return known

    def _decode(self, path: str) -> str:
        data = self._bytes(Path(path))
        if len(data) > FILE_BYTES:
            raise Unreadable(f"has {len(data):,} bytes; files above {FILE_BYTES:,} are not read")
        if b"\0" in data:
            raise Unreadable("is a binary file")
        if path.endswith(".py") and (encoding := _declared_encoding(data)) is not None:
            raise Unreadable(f"declares the encoding {encoding}; only UTF-8 is followed")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Unreadable(f"is not UTF-8 text ({error.reason} at byte {error.start})") from None

    def _bytes(self, path: Path) -> bytes:
        resolved = path.resolve()
        if not resolved.is_relative_to(self.root):
            raise Unreadable(f"is a link that leads out of {self.root.name}/")
        try:
            with resolved.open("rb") as stream:
                return stream.read(FILE_BYTES + 1)
        except OSError as error:
            raise Unreadable(f"cannot be read ({error.strerror})") from None

    def tree(self, path: str) -> ast.Module:
        """The file's syntax tree. Raises `Unreadable`."""
        known = self._trees.get(path)
        if known is None:
            try:
                known = parse(self.text(path))
            except Unreadable as problem:
                known = problem
            self._trees[path] = known
        if isinstance(known, Unreadable):
            raise known
        return known


def _declared_encoding(data: bytes) -> str | None:
    """The encoding in a comment of the first two lines, as Python reads a source; None for UTF-8."""
    for line in data[:2000].splitlines()[:2]:
        cookie = COOKIE.match(line)
        if cookie is not None:
            name = cookie.group(1).decode("ascii", "replace")
            return None if name.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig") else name
    return None


class RevisionSources(Sources):
    """The same files as a git revision has them."""

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
    import subprocess

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
            # Not run: Python finds some mistakes (`return` in a module) only when it compiles.
            compile(tree, "<config>", "exec", dont_inherit=True)
            return tree
    except SyntaxError as error:
        raise Unreadable(f"does not parse: {error.msg}", error.lineno or 0, error.offset or 0) from None
    except (RecursionError, MemoryError):
        raise Unreadable("is nested too deeply to parse") from None
    except ValueError as error:
        raise Unreadable(f"does not parse: {error}") from None
