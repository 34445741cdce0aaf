"""Output of the command line: results to stdout, everything else to stderr.

Both consoles honour NO_COLOR, print no colour without a terminal, and never wrap JSON. Each call makes a new console:
rich decides about terminals and colours when a console is made, and tests, pipes and CliRunner replace the streams.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from campaign.control_characters import in_json
from campaign.redact import redact_strings, secret_values, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console
    from rich.segment import Segment

NARROWEST = 40
"""Fewest columns that tables are laid out for: fewer cannot hold a run's name."""
WIDTH_WITHOUT_TERMINAL = 120
"""Columns of a file or a pipe, whose reader's width is unknown."""


def stdout() -> Console:
    """The console for results."""
    return _console(sys.stdout)


def stderr() -> Console:
    """The console for progress, notes and everything else that is not the result."""
    return _console(sys.stderr)


def print_json(document: Mapping[str, Any], *, indent: int | None = 2) -> None:
    """Print one JSON document on stdout, without secrets; `indent=None` puts it on one line, for a stream of documents.

    Raises `ValueError` for NaN and infinities: they are not JSON, so the caller must write null.
    """
    text = json.dumps(redact_strings(document), indent=indent, ensure_ascii=False, allow_nan=False)
    sys.stdout.write(in_json(text) + "\n")
    sys.stdout.flush()


def say_imported(modules: Mapping[str, str]) -> None:
    """Say on stderr which Python modules of conditions were executed; `modules` maps conditions to them."""
    if modules:
        files = ", ".join(dict.fromkeys(modules.values()))
        stderr().print(f"imported, each in a separate process: {files}", style="dim", soft_wrap=True)


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Drop the output of the block when nobody can read it any more: the terminal is closed, or the program at the
    other end of the pipe has ended. What the block leaves undone is output."""
    try:
        yield
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError as error:
        if error.errno not in (errno.EIO, errno.EPIPE):
            raise
        _drop_unread()


def _drop_unread() -> None:
    """Lead streams that cannot be written to into nowhere. What they still hold would otherwise fail again when Python
    ends, and change the exit code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    class SafeConsole(Console):
        """Every string that is printed, in a table or a line, passes here on its way to the stream: a name, an error or
        a note may come from a file of somebody else. What rich itself prints, such as colours, is added later."""

        def _render_buffer(self, buffer: Iterable[Segment]) -> str:
            secrets = secret_values()
            safe = (
                part if part.control else part._replace(text=shown(part.text, secrets)) for part in buffer
            )
            return super()._render_buffer(safe)

        def on_broken_pipe(self) -> None:
            """Rich would end the process here, and with it the runs of a submit whose display nobody reads."""
            raise

    terminal = stream.isatty()
    return SafeConsole(
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
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return max(NARROWEST, int(columns))
    if not terminal:
        return WIDTH_WITHOUT_TERMINAL
    try:
        return max(NARROWEST, os.get_terminal_size(sys.stderr.fileno()).columns)
    except (OSError, ValueError):
        return 80
