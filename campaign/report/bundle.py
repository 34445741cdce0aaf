"""The charting library as one script: bundled once for each version of vl-convert, then kept.

Bundling takes some three seconds of a core, which is most of a small report, and gives the same script every
time. It is kept in the user's cache folder with its digest; a copy that was cut off or altered is made anew.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from types import TracebackType

SNIPPET = "window.vegaEmbed=vegaEmbed;"
"""What the page needs of the bundled library."""


class Bundling:
    """The script, from the cache or from a process that makes it while the runs are read."""

    def __init__(self) -> None:
        self._cached = _path()
        self._found = _kept(self._cached)
        self._process: subprocess.Popen[bytes] | None = None
        if self._found is None:
            code = f"import sys, vl_convert; sys.stdout.write(vl_convert.javascript_bundle({SNIPPET!r}))"
            self._process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)

    def __enter__(self) -> Bundling:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.communicate()

    def script(self) -> str:
        """The library. Raises `RuntimeError` when it could not be bundled."""
        if self._process is not None and self._found is None:
            output, _ = self._process.communicate()
            if self._process.returncode:
                raise RuntimeError(
                    f"vl-convert could not bundle the charting library (exit code {self._process.returncode})"
                )
            self._found = output.decode()
            _keep(self._cached, self._found)
        assert self._found is not None
        return self._found


def _path() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    snippet = hashlib.sha256(SNIPPET.encode()).hexdigest()[:8]
    name = f"vega-{version('vl-convert-python')}-{snippet}.js"
    return Path(root).expanduser() / "campaign" / name


def _kept(path: Path) -> str | None:
    """The script when it is there and whole: its first line is the digest of the rest."""
    try:
        digest, _, script = path.read_bytes().partition(b"\n")
    except (OSError, RuntimeError):
        return None
    whole = script and digest == _digest(script)
    return script.decode() if whole else None


def _keep(path: Path, script: str) -> None:
    """Best effort: without a folder to write in, the next report bundles again."""
    data = script.encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(_digest(data) + b"\n" + data)
        os.replace(temporary, path)
    except (OSError, RuntimeError):
        return


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()
