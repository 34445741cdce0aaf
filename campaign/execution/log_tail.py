"""The end of a core's log, and the traceback in it."""

from __future__ import annotations

import re
from pathlib import Path

from campaign.folder.regular_files import read_end
from campaign.redact import shown

TAIL_BYTES = 16_384
LONGEST_SECRET = 16_384
"""Bytes that are read before the tail: the rest of a secret whose beginning was cut off has no form to know it by."""


def log_tail(path: Path, secrets: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The lines in the last 16 KiB of a log, without secrets and control characters; the first of them may be cut."""
    try:
        text = read_end(path, TAIL_BYTES + LONGEST_SECRET)[0].decode("utf-8", "replace")
    except OSError:
        return ()
    # A progress bar returns to the start of its line. All lines as one text, because a private key has many.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return tuple(shown(text, secrets)[-TAIL_BYTES:].splitlines())


def last_traceback(lines: tuple[str, ...]) -> str:
    """The last Python traceback in the lines, with its final message; empty when there is none."""
    starts = [i for i, line in enumerate(lines) if line.startswith("Traceback (most recent call last)")]
    if not starts:
        return ""
    end = starts[-1] + 1
    while end < len(lines) and (lines[end].startswith((" ", "\t")) or not lines[end].strip()):
        end += 1
    message = lines[end : end + 1] if end < len(lines) and re.match(r"[\w.]+", lines[end]) else ()
    return "\n".join((*lines[starts[-1] : end], *message))
