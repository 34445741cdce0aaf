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
    marker: str
    """A part of every match: a text without it need not be searched."""
    pattern: re.Pattern[str]
    """The group `secret` is the part to hide; the whole match when there is no such group."""


_ENDS_KEY = r"-----END [A-Z ]*PRIVATE KEY-----"
_KEY_LINE = r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/=]{16,200}+"
_LINE_END = r"(?:\s|\\[nr])"
"""Also as a string literal writes it."""
SECRET_PATTERNS = tuple(
    SecretPattern(kind, marker, re.compile(pattern))
    for kind, marker, pattern in (
        ("a W&B API key", "wandb_v", r"\bwandb_v\d_[A-Za-z0-9_-]{16,}"),
        ("an OpenAI or Anthropic API key", "sk-", r"\bsk-[A-Za-z0-9_-]{16,}"),
        ("a Hugging Face token", "hf_", r"hf_[A-Za-z0-9]{16,}"),
        ("a GitHub token", "_", r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,})"),
        ("an AWS access key", "A", r"\b(?:AKIA[A-Z0-9]{12,}|ASIA[A-Z0-9]{16}\b)"),
        ("a Google API key", "AIza", r"\bAIza[0-9A-Za-z_-]{35}"),
        ("a Slack token", "xox", r"\bxox[abprs]-[0-9A-Za-z-]{10,}"),
        ("a GitLab token", "glpat-", r"\bglpat-[A-Za-z0-9_-]{16,}"),
        ("an npm token", "npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
        ("a PyPI token", "pypi-", r"\bpypi-[A-Za-z0-9_-]{40,}"),
        ("a Stripe API key", "k_live_", r"\b[rs]k_live_[A-Za-z0-9]{16,}"),
        ("an Azure storage key", "AccountKey=", r"\bAccountKey=[A-Za-z0-9+/]{40,}=*"),
        ("a JSON web token", "eyJ", r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
        ("a bearer token", "earer ", r"\b[Bb]earer [A-Za-z0-9._~+/-]{16,}=*"),
        # `basic` alone is a common word.
        (
            "a login in a header",
            "asic ",
            r"\b[Aa]uthorization[\"']?\s?[:=]\s?[\"']?[Bb]asic [A-Za-z0-9+/]{8,}=*",
        ),
        # The body is part of the secret. A block that was cut off has no END line, or no BEGIN line.
        (
            "a private key",
            "PRIVATE KEY-----",
            rf"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[\s\S]{{0,20000}}?{_ENDS_KEY}|(?:{_LINE_END}+{_KEY_LINE})*)"
            rf"|(?:{_KEY_LINE}{_LINE_END}+)*+(?:[A-Za-z0-9+/=]{{1,200}}{_LINE_END}+)?{_ENDS_KEY}",
        ),
        # The length of the scheme is bounded: unbounded, a long dotted word would take quadratic time.
        (
            "a password in a URL",
            "://",
            r"(?:\b[A-Za-z][A-Za-z0-9+.-]{0,20})?://(?P<secret>[^\s/:@]+:[^\s/@]+)@",
        ),
        ("a token in a URL", "://", r"\bhttps?://(?P<secret>[A-Za-z0-9_-]{20,})@"),
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
        if entry.marker in text:
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
