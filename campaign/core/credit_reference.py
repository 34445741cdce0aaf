"""The tables of built-in credit functions in `docs/core.md`, generated from the docstrings of the functions.

    python -m campaign.core.credit_reference docs/core.md

updates the tables between their marks; a test fails when they are out of date.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from campaign.core.advantages import ADVANTAGES
from campaign.core.transforms import TRANSFORMS
from campaign.core.uncertainty import UNCERTAINTIES

TABLES: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "advantage_mode": ADVANTAGES,
    "transform_mode": TRANSFORMS,
    "uncertainty_kind": UNCERTAINTIES,
}
USER_FUNCTIONS: Mapping[str, str] = {
    "advantage_mode": "`fn(rewards, params)`; rewards are [prompts, group], `params` is `advantage_params`",
    "transform_mode": "`fn(context)` with a `TransformContext`; returns [completions, tokens]",
    "uncertainty_kind": "`fn(context)` with an `UncertaintyContext`; returns [completions, tokens]",
}


def updated(page: str) -> str:
    """The page with its tables regenerated."""
    for field in TABLES:
        begin, end = f"<!-- table: {field} -->\n", f"<!-- end of {field} -->"
        page = re.sub(
            f"{re.escape(begin)}.*?{re.escape(end)}",
            lambda _, field=field, begin=begin, end=end: f"{begin}{table(field)}{end}",  # type: ignore[misc]
            page,
            flags=re.DOTALL,
        )
    return page


def table(field: str) -> str:
    """The table of one field of `[algorithm]`: each name with the docstring of its function."""
    rows = [f"| `{name}` | {_description(function)} |\n" for name, function in TABLES[field].items()]
    return f"| `{field}` | value |\n|---|---|\n{''.join(rows)}| `pkg.mod.fn` | {USER_FUNCTIONS[field]} |\n"


def _description(function: Callable[..., Any]) -> str:
    return " ".join((inspect.getdoc(function) or "").split()).replace("|", "\\|")


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")
