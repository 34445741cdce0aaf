"""Replaces everything that looks like a secret before it is written or sent."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from campaign.secret_patterns import SECRET_PATTERNS, is_hex_key, may_name_a_secret

REDACTED = "[redacted]"

_SHORTEST_SECRET = 8
"""Shorter values of environment variables are kept: replacing every `1` would make the text useless."""


def secret_values(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Values of the environment's secrets, longest first, so that none is left partly visible by a shorter one."""
    environment = os.environ if environment is None else environment
    found = {
        value
        for name, value in environment.items()
        if may_name_a_secret(name) and len(value) >= _SHORTEST_SECRET and os.sep not in value
    }
    return tuple(sorted(found, key=len, reverse=True))


def redact_text(text: str, secrets: tuple[str, ...] = ()) -> str:
    """`text` without the given secrets and without anything that has the form of a known secret."""
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    for entry in SECRET_PATTERNS:
        text = entry.pattern.sub(_hide, text)
    return text


def redact(value: Any, secrets: tuple[str, ...] = ()) -> Any:
    """A copy of a JSON-like value in which secret keys lose their values and secret strings their content."""
    if isinstance(value, str):
        return redact_text(value, secrets)
    if isinstance(value, Mapping):
        return {
            key: REDACTED if _is_secret(str(key), item) else redact(item, secrets)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [redact(item, secrets) for item in value]
    return value


def _is_secret(key: str, item: Any) -> bool:
    return isinstance(item, str) and item != "" and (may_name_a_secret(key) or is_hex_key(key, item))


def _hide(match: re.Match[str]) -> str:
    """The match with its secret part replaced: all of it, or for a URL only user and password."""
    if "secret" not in match.re.groupindex:
        return REDACTED
    whole, start = match[0], match.start()
    return whole[: match.start("secret") - start] + REDACTED + whole[match.end("secret") - start :]
