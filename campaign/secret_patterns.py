"""What a secret looks like: the values and names that a campaign file must not hold and that redaction hides.

The campaign file and the redaction of outgoing data use the same patterns, so both recognise the same
secrets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SecretPattern:
    """The form of one kind of secret."""

    kind: str
    """What messages call it."""
    pattern: re.Pattern[str]
    """The group `secret` is the part to hide; the whole match when there is no such group."""


SECRET_PATTERNS = tuple(
    SecretPattern(kind, re.compile(pattern))
    for kind, pattern in (
        ("a W&B API key", r"\bwandb_v\d_[A-Za-z0-9_-]{16,}"),
        ("an OpenAI or Anthropic API key", r"\bsk-[A-Za-z0-9_-]{16,}"),
        ("a Hugging Face token", r"hf_[A-Za-z0-9]{16,}"),
        ("a GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,})"),
        ("an AWS access key", r"\b(?:AKIA[A-Z0-9]{12,}|ASIA[A-Z0-9]{16}\b)"),
        ("a Google API key", r"\bAIza[0-9A-Za-z_-]{35}"),
        ("a Slack token", r"\bxox[abprs]-[0-9A-Za-z-]{10,}"),
        # The body is part of the secret; a block that was cut off has no END line.
        (
            "a private key",
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
            r"(?:[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----|(?:\s+[A-Za-z0-9+/=]{16,})*)",
        ),
        # The length of the scheme is bounded: unbounded, a long dotted word would take quadratic time.
        (
            "a password in a URL",
            r"(?:\b[A-Za-z][A-Za-z0-9+.-]{0,20})?://(?P<secret>[^\s/:@]+:[^\s/@]+)@",
        ),
    )
)

_BEFORE, _AFTER = r"(?:^|[_.-])", r"(?:[_.-]|$)"
_SECRET_NAME = re.compile(
    rf"{_BEFORE}(?:api[_-]?keys?|secret(?:[_-]?(?:key|access[_-]?key))?|password|passwd|credentials?|private[_-]?key"
    r"|(?:access|auth|api|hf|hub|bearer|wandb|github|session)[_-]?token)$|^token$",
    re.IGNORECASE,
)
_POSSIBLE_SECRET_NAME = re.compile(
    rf"{_BEFORE}(?:api_?key|key_?file|access_?key|private_?key|token|secret|passw(?:or)?d|credentials?|auth){_AFTER}",
    re.IGNORECASE,
)
_HEX_KEY = re.compile(r"[0-9a-f]{40}")
_NAMES_A_HASH = re.compile(r"revision|commit|sha|hash|digest|ref", re.IGNORECASE)


def secrets_in(text: str) -> Iterator[tuple[str, re.Match[str]]]:
    """Kind and match of every part of `text` that has the form of a secret."""
    for entry in SECRET_PATTERNS:
        for match in entry.pattern.finditer(text):
            yield entry.kind, match


def names_a_secret(name: str) -> bool:
    """Whether a field or variable of this name can only hold a secret. `pad_token` and `auth` need not."""
    return bool(_SECRET_NAME.search(name))


def may_name_a_secret(name: str) -> bool:
    """Whether a field or variable of this name may hold a secret: hiding one too many does no harm.

    Whole words only: `max_tokens` and `author` are not secrets.
    """
    return bool(_POSSIBLE_SECRET_NAME.search(name)) or names_a_secret(name)


def is_hex_key(name: str, value: str) -> bool:
    """Whether `value` has the form of an older W&B key and `name` does not say that it is a hash."""
    return bool(_HEX_KEY.fullmatch(value)) and not _NAMES_A_HASH.search(name)
