"""Secrets never leave the process: what looks like one is replaced before anything is written or sent."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

REDACTED = "[redacted]"

_SECRET_NAME = re.compile(
    r"(^|[_.\-])(api_?key|key_?file|access_?key|private_?key|token|secret|passw(or)?d|credentials?|auth)([_.\-]|$)",
    re.IGNORECASE,
)
"""Whole words only: `max_tokens` and `author` are no secrets."""

_SECRET_VALUE = re.compile(
    r"hf_[A-Za-z0-9]{16,}"  # Hugging Face
    r"|\bsk-[A-Za-z0-9_\-]{16,}"  # OpenAI and compatible endpoints
    r"|\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_[A-Za-z0-9_]{16,}"  # GitHub
    r"|\bAKIA[A-Z0-9]{12,}"  # AWS
    r"|\bwandb_v\d_[A-Za-z0-9_]{16,}"  # W&B
    r"|(?<=://)[^/\s:@]+:[^/\s:@]+(?=@)"  # a URL's user and password
)

_SHORTEST_SECRET = 8
"""Shorter values of environment variables are left: replacing `1` everywhere would destroy the text."""


def secret_values(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Values of the environment's secrets, longest first, so that none hides inside another."""
    environment = os.environ if environment is None else environment
    found = {
        value
        for name, value in environment.items()
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST_SECRET and os.sep not in value
    }
    return tuple(sorted(found, key=len, reverse=True))


def redact_text(text: str, secrets: tuple[str, ...] = ()) -> str:
    """`text` without the given secrets and without anything that has a known secret's shape."""
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    return _SECRET_VALUE.sub(REDACTED, text)


def redact(value: Any, secrets: tuple[str, ...] = ()) -> Any:
    """A copy of a JSON-like value in which secret keys lose their values and secret strings their content."""
    if isinstance(value, str):
        return redact_text(value, secrets)
    if isinstance(value, Mapping):
        return {key: REDACTED if _hides(key, item) else redact(item, secrets) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact(item, secrets) for item in value]
    return value


def _hides(key: object, item: Any) -> bool:
    return isinstance(item, str) and item != "" and bool(_SECRET_NAME.search(str(key)))
