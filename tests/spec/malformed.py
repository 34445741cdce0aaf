"""Malformed campaign files: those of `malformed.txt`, and a few that are too long to write out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Malformed(NamedTuple):
    name: str
    text: str
    expected: tuple[str, ...]
    """Each must be part of the message; `:LINE:COLUMN:` is the position."""


def written_out() -> Iterator[Malformed]:
    """The cases of `malformed.txt`."""
    blocks = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").split("=== ")[1:]
    for block in blocks:
        name, _, rest = block.rstrip("\n").partition("\n")
        lines = rest.split("\n")
        text = [line for line in lines if not line.startswith("=> ")]
        expected = [line.removeprefix("=> ") for line in lines if line.startswith("=> ")]
        yield Malformed(name, "\n".join(text) + "\n" * bool("".join(text)), tuple(expected))


SIXTY = ", ".join(map(str, range(1, 61)))

CASES = (
    *written_out(),
    Malformed("number_of_5000_digits", f"[training]\nlr = {'9' * 5000}\n", ("is not valid TOML",)),
    Malformed("lists_500_deep", f"a = {'[' * 500}{']' * 500}\n", ("nested too deeply",)),
    Malformed("lists_30_deep", f"[core.options]\na = {'[' * 30}{']' * 30}\n", (":2:", "nested too deeply")),
    Malformed("data_path_too_long", f"[data]\npath = '{'x' * 9000}'\n", (":2:8:", "cannot be read: xxx")),
    Malformed(
        "module_path_too_long",
        f"[[campaign.conditions]]\nmodule = '{'x' * 9000}'\n",
        (":2:10: no such file: xxx",),
    ),
    Malformed(
        "name_too_long",
        f"[campaign]\nname = '{'x' * 300}'\n",
        (":2:8:", "is too long: 300 characters", "at most 100"),
    ),
    Malformed(
        "too_many_runs",
        "[campaign]\nseeds = [1, 2]\n[campaign.factors]\n"
        + "".join(f"{key} = [{SIXTY}]\n" for key in ("batch_size", "max_tokens", "eval_size")),
        (":3:", "60 x 60 x 60 combinations x 2 seeds = 432,000 runs", "at most 100,000"),
    ),
)
