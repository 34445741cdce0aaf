"""The end of a core's log, and the traceback in it."""

from __future__ import annotations

import re
from pathlib import Path

from campaign.folder.regular_files import read_end

TAIL_BYTES = 16_384


def log_tail(path: Path) -> tuple[str, ...]:
    """The lines in the last 16 KiB of a log; the first of them may be cut."""
    try:
        text = read_end(path, TAIL_BYTES)[0].decode("utf-8", "replace")
    except OSError:
        return ()
    return tuple(text.splitlines())


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
