"""Finds what looks like a secret in a campaign file: the file is copied into results and shared with them.

Two signs: text of a form that only keys of a known service have, anywhere in the file, comments included;
and a field whose name says that it holds a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a W&B API key", re.compile(r"\bwandb_v\d_[A-Za-z0-9_-]{20,}")),
    ("an OpenAI or Anthropic API key", re.compile(r"\bsk-[A-Za-z0-9_-]{20,}")),
    ("a Hugging Face token", re.compile(r"\bhf_[A-Za-z0-9]{30,}")),
    ("a GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})")),
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a Google API key", re.compile(r"\bAIza[0-9A-Za-z_-]{35}")),
    ("a Slack token", re.compile(r"\bxox[abprs]-[0-9A-Za-z-]{10,}")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("a password in a URL", re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@\"']+:[^\s/@\"'{}$]+@")),
)

_HEX_KEY = re.compile(r"[0-9a-f]{40}")
_HOLDS_HEX = re.compile(r"revision|commit|sha|hash|digest|ref", re.I)
_NAME = re.compile(
    r"(?:^|[_.-])(?:api[_-]?keys?|secret(?:[_-]?(?:key|access[_-]?key))?|password|passwd|credentials?|private[_-]?key"
    r"|(?:access|auth|api|hf|hub|bearer|wandb|github|session)[_-]?token)$|^token$",
    re.I,
)


def in_text(text: str) -> Iterator[tuple[int, int, str]]:
    """Line, column (from 1) and kind of everything in `text` that has the form of a known key."""
    for number, line in enumerate(text.splitlines(), 1):
        for kind, form in FORMS:
            for found in form.finditer(line):
                yield number, found.start() + 1, kind


def in_field(name: str, value: object) -> str | None:
    """What kind of secret the field holds, if it looks like one."""
    if not isinstance(value, str) or not value or value.startswith(("$", "{")):
        return None
    if _NAME.search(name):
        return f"a secret, by its name `{name}`"
    if _HEX_KEY.fullmatch(value) and not _HOLDS_HEX.search(name):
        return "a W&B API key (40 hexadecimal digits)"
    return None
