"""Where the command line writes: results to stdout, everything else to stderr.

Both honour NO_COLOR, colour nothing without a terminal, and never break a line of JSON. The consoles are made
on each call because rich decides about terminals and colours when a console is made, and tests, pipes and
CliRunner exchange the streams in between.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console

NARROWEST = 40
"""Columns below which tables are laid out as if there were this many: less cannot hold a run's name."""
WIDTH_WITHOUT_TERMINAL = 120
"""Columns of a file or a pipe, where nobody has said how wide the reader is."""


def stdout() -> Console:
    """The console for results."""
    return _console(sys.stdout)


def stderr() -> Console:
    """The console for progress, notes and everything else that is not the result."""
    return _console(sys.stderr)


def print_json(document: Mapping[str, Any], *, indent: int | None = 2) -> None:
    """One JSON document on stdout, whatever the terminal; `indent=None` for a line of a stream of events.

    Raises `ValueError` for NaN and infinities: they are not JSON, so the caller has to say null.
    """
    sys.stdout.write(json.dumps(document, indent=indent, ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()


def interactive() -> bool:
    """Whether a person can be asked: both ends of the conversation are terminals."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    terminal = stream.isatty()
    return Console(
        file=stream,
        force_terminal=terminal,
        no_color=not terminal or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb",
        width=_width(terminal),
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
    )


def _width(terminal: bool) -> int:
    """Columns of the stream: COLUMNS, the terminal's own, or a fixed width for files and pipes."""
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said) > 0:
        return max(NARROWEST, int(said))
    if not terminal:
        return WIDTH_WITHOUT_TERMINAL
    try:
        return max(NARROWEST, os.get_terminal_size(sys.stderr.fileno()).columns)
    except (OSError, ValueError):
        return 80
