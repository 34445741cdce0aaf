"""The packages that only some commands need, and the extra of this package that installs each.

`pip install campaign` is enough to plan, check, compare and run commands on the local backend. Whatever needs more
asks here first, so that the answer to a missing package is the command that installs it, before anything has started.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.util import find_spec

from campaign.errors import MissingPackage

EXTRAS: Mapping[str, tuple[str, str]] = {
    "ray": ("Ray", "run"),
    "wandb": ("W&B", "run"),
    "jinja2": ("Jinja", "report"),
    "vl_convert": ("vl-convert", "report"),
    "altair": ("Altair", "report"),
    "torch": ("PyTorch", "train"),
    "safetensors": ("safetensors", "train"),
    "tokenizers": ("tokenizers", "train"),
    "transformers": ("transformers", "train"),
}
"""Module -> what messages call it, and the extra in `pyproject.toml` that installs it."""
REPORT_PAGE = ("jinja2", "vl_convert")
"""What the HTML page and its figures need. The Markdown and JSON reports need neither."""
BUILT_IN_CORE = ("torch", "safetensors")


def require(what: str, *modules: str, hint: str = "") -> None:
    """Raises `MissingPackage` unless all `modules` are installed; `what` needs them, `hint` is another way out."""
    if problem := problem_with(what, *modules, hint=hint):
        raise MissingPackage(problem)


def problem_with(what: str, *modules: str, hint: str = "") -> str:
    """Which of `modules` are not installed, and the command that installs them; "" when all are."""
    absent = [module for module in modules if not is_installed(module)]
    if not absent:
        return ""
    names = " and ".join(EXTRAS[module][0] for module in absent)
    extras = ",".join(sorted({EXTRAS[module][1] for module in absent}))
    return f"{what} needs {names}: pip install 'campaign[{extras}]'{hint and f', or {hint}'}"


def is_installed(module: str) -> bool:
    """Whether `module` can be imported, without importing it."""
    if module in sys.modules:
        return sys.modules[module] is not None
    found = find_spec(module)
    # A folder called `wandb` in the current one, which W&B itself makes, looks like a package without an `__init__`.
    return found is not None and found.origin is not None
