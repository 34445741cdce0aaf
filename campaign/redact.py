"""Replaces everything that looks like a secret before it is written, shown or sent.

A secret is known by its form (`campaign.secret_patterns`), by the name beside it, or because it is the value of an
environment variable whose name says so.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from campaign.control_characters import visible
from campaign.secret_patterns import SECRET_PATTERNS, is_hex_key, may_name_a_secret, names_a_secret

REDACTED = "[redacted]"

_SHORTEST_SECRET = 8
"""Shorter values of environment variables are kept: replacing every `1` would make the text useless."""
_SHORTEST_LINE = 16
"""Shorter lines of a value of several lines, such as a key, are kept."""
_NAME = (
    r"(?:api[_-]?key|secret(?:[_-]?(?:access)?[_-]?key)?|passw(?:or)?d"
    r"|(?:access|auth|api|hf|hub|wandb|github|session)[_-]?token)"
)
_PLAIN = r"[^\s\"',;&)\]}]"
_NAMED = re.compile(
    # A name in prose or before a message is no secret: after a colon, quotes or a digit are needed.
    rf"(?<![A-Za-z]){_NAME}(?:[\"']?\s?=\s?[\"']?|[\"']?\s?:\s?(?:[\"']|(?={_PLAIN}{{0,200}}\d)))"
    rf"(?P<secret>(?!\[redacted\]|None\b|null\b|True\b|False\b|\$){_PLAIN}{{6,}})",
    re.IGNORECASE,
)
"""`WANDB_API_KEY=...`, `"password": "..."`."""
_ARGUMENT = re.compile(
    rf"--?(?:[a-z0-9]{{1,30}}[_-]){{0,4}}{_NAME}[\"']?,?\s[\"']?(?P<secret>(?!\[redacted\]|-|\$){_PLAIN}{{6,}})",
    re.IGNORECASE,
)
"""`--api-key ...`, also in the printed list of a command's arguments."""
_MAY_BE_NAMED = re.compile(r"key|secret|passw|token", re.IGNORECASE)


def secret_values(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Values of the environment's secrets in all forms in which programs print them, longest first, so that none is
    left partly visible by a shorter one."""
    environment = os.environ if environment is None else environment
    found = {
        form
        for name, value in environment.items()
        if _holds_a_secret(name, value)
        for form in _forms(value)
        if len(form) >= _SHORTEST_SECRET
    }
    return tuple(sorted(found, key=len, reverse=True))


def redact_text(text: str, secrets: tuple[str, ...] = ()) -> str:
    """`text` without the given secrets and without anything that has the form of a known secret."""
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, REDACTED)
    for entry in SECRET_PATTERNS:
        if entry.marker in text:
            text = entry.pattern.sub(_hide, text)
    if _MAY_BE_NAMED.search(text):
        text = _ARGUMENT.sub(_hide, _NAMED.sub(_hide, text))
    return text


def shown(text: str, secrets: tuple[str, ...] | None = None) -> str:
    """`text` as it may be shown: without secrets, and with control characters made visible. `secrets` are those of
    this process's environment unless given."""
    # A colour may stand within a secret, so control characters go first.
    return redact_text(visible(text), secret_values() if secrets is None else secrets)


def redact(
    value: Any, secrets: tuple[str, ...] = (), names: Callable[[str], bool] = may_name_a_secret
) -> Any:
    """A copy of a JSON-like value in which secret keys lose their values and secret strings, keys too, their
    content."""
    return _Redaction(secrets, names).of(value)


def redact_strings(value: Any, secrets: tuple[str, ...] | None = None) -> Any:
    """A copy of a JSON-like value in which secret strings lose their content, whatever their keys are called: a row
    may well have a `token`. `secrets` are those of this process's environment unless given."""
    return redact(value, secret_values() if secrets is None else secrets, lambda _: False)


class _Redaction:
    """One pass over a document. A plan shares the sections of its conditions, and rows repeat their keys and words:
    each is searched once."""

    def __init__(self, secrets: tuple[str, ...], names: Callable[[str], bool]) -> None:
        self._secrets, self._names = secrets, names
        self._texts: dict[str, str] = {}
        self._containers: dict[int, tuple[Any, Any]] = {}
        """Original and copy, by the id of the original, which is kept here so that no other object gets its id."""

    def of(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if not isinstance(value, (Mapping, list, tuple)):
            return value
        if id(value) not in self._containers:
            self._containers[id(value)] = (value, self._copy(value))
        return self._containers[id(value)][1]

    def _copy(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return [self.of(item) for item in value]
        return {
            self.of(key): REDACTED if self._is_secret(key, item) else self.of(item)
            for key, item in value.items()
        }

    def _text(self, text: str) -> str:
        if text not in self._texts:
            self._texts[text] = redact_text(text, self._secrets)
        return self._texts[text]

    def _is_secret(self, key: Any, item: Any) -> bool:
        if not isinstance(item, str) or not item:
            return False
        name = str(key)
        return self._names(name) or (self._names is may_name_a_secret and is_hex_key(name, item))


def _holds_a_secret(name: str, value: str) -> bool:
    if names_a_secret(name):
        # A key in base64 may contain slashes; the path of a file with credentials is no secret.
        return not os.path.exists(value)
    is_path = value.startswith(("/", "~", "./", "../"))
    return not is_path and (may_name_a_secret(name) or (name.upper().endswith("_KEY") and len(value) >= 16))


def _forms(value: str) -> Iterator[str]:
    yield value
    yield json.dumps(value)[1:-1]
    yield repr(value)[1:-1]
    yield quote(value, safe="")
    lines = value.splitlines()
    if len(lines) > 1:
        yield from (line for line in map(str.strip, lines) if len(line) >= _SHORTEST_LINE)


def _hide(match: re.Match[str]) -> str:
    """The match with its secret part replaced: all of it, or for a URL only user and password."""
    if "secret" not in match.re.groupindex:
        return REDACTED
    whole, start = match[0], match.start()
    return whole[: match.start("secret") - start] + REDACTED + whole[match.end("secret") - start :]
