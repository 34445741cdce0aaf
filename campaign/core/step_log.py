"""The line that the built-in core prints for each step, for `campaign logs`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SHOWN = ("correct_rate", "mean_reward", "loss", "kl", "val/correct_rate")
"""The metrics of the line, as far as the step has them."""


def step_line(row: Mapping[str, Any], max_steps: int) -> str:
    """`step 12/100  correct_rate 0.531  mean_reward 0.531  loss -0.0123  0.31 s`, from the step's row of metrics."""
    values = [f"{name} {row[name]:.3g}" for name in SHOWN if row.get(name) is not None]
    seconds = row["step_time_s"] + row.get("eval_time_s", 0.0)
    return "  ".join((f"step {row['step'] + 1}/{max_steps}", *values, f"{seconds:.2f} s")) + "\n"
