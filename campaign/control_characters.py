"""Makes characters visible that would otherwise act: on a terminal, on the direction of text, or by not being seen.

Strings from cores, models and files of others pass through here on their way to a terminal or a report.
"""

from __future__ import annotations

import re

_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
"""Colours, which are left out: written out, they would make the logs of many programs unreadable."""
_ACTIVE = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but for tab and newline, DEL, C1: U+009B alone begins a control sequence
    "\xad\u061c\u180e\u200b\u200e\u200f"  # soft hyphen, marks of direction, zero width; not the joiners of scripts
    "\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # separators, embeddings, overrides, isolates
    "\ud800-\udfff"  # lone surrogates, which cannot be encoded
    "\U000e0001\U000e0020-\U000e007f"  # tags, which no font shows
    "]"
)


def visible(text: str) -> str:
    """`text` with control characters written as in Python, for example `\\x1b`, and without colours. Tabs and
    newlines stay."""
    if not _ACTIVE.search(text):
        return text
    return _ACTIVE.sub(_as_in_python, _COLOUR.sub("", text.replace("\r\n", "\n")))


def in_json(document: str) -> str:
    """A JSON document with the control characters in its strings escaped; its value stays the same."""
    # JSON itself has none outside of strings but the newline, and `json` escapes C0 in strings.
    return _ACTIVE.sub(_as_in_json, document)


def _as_in_python(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def _as_in_json(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i] << 8 | units[i + 1]:04x}" for i in range(0, len(units), 2))
