"""The charting library (Vega, Vega-Lite, Vega-Embed) as one script, cached per version of vl-convert.

Bundling takes about three seconds of CPU time, most of the time of a small report, and is deterministic. The
script is cached in the user's cache folder with its digest; a truncated or modified copy is discarded.
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
"""The script that is bundled with its dependencies: it exports what the page uses."""


class ScriptBundle:
    """The script, from the cache or from a subprocess that bundles it while the runs are read."""

    def __init__(self) -> None:
        self._cache = _cache_path()
        self._script = _read_cache(self._cache)
        self._process: subprocess.Popen[bytes] | None = None
        if self._script is None:
            code = f"import sys, vl_convert; sys.stdout.write(vl_convert.javascript_bundle({SNIPPET!r}))"
            self._process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)

    def __enter__(self) -> ScriptBundle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.communicate()

    def script(self) -> str:
        """The library. Raises `RuntimeError` when it cannot be bundled."""
        if self._process is not None and self._script is None:
            output, _ = self._process.communicate()
            if self._process.returncode:
                raise RuntimeError(
                    "vl-convert failed to bundle the charting library "
                    f"(exit code {self._process.returncode}); reinstall vl-convert-python"
                )
            self._script = output.decode()
            _write_cache(self._cache, self._script)
        assert self._script is not None
        return self._script


def _cache_path() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    snippet = hashlib.sha256(SNIPPET.encode()).hexdigest()[:8]
    name = f"vega-{version('vl-convert-python')}-{snippet}.js"
    return Path(root).expanduser() / "campaign" / name


def _read_cache(path: Path) -> str | None:
    """The cached script; None when it is missing or damaged. The first line is the digest of the rest."""
    try:
        digest, _, script = path.read_bytes().partition(b"\n")
    except (OSError, RuntimeError):
        return None
    intact = script and digest == _digest(script)
    return script.decode() if intact else None


def _write_cache(path: Path, script: str) -> None:
    """Best effort: without a writable cache folder, every report bundles again."""
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
