"""Finds secrets in a campaign file, which is copied into the results and shared with them.

Two signs count: a string with the form of a known service's key, anywhere in the file, comments included; and a
field whose name says that it holds a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from campaign.secret_patterns import is_hex_key, names_a_secret, secrets_in

_NO_LITERAL_PASSWORD = re.compile(r"""["']|:[{$]""")
"""In the source of a TOML file a quote ends the string before any password, and a password that begins with `$`
or `{` is a reference to a value that is filled in later."""


def in_text(text: str) -> Iterator[tuple[int, int, str]]:
    """Line, column (from 1) and kind of everything in `text` that has the form of a known key."""
    for kind, match in secrets_in(text):
        url_login = match.groupdict().get("secret", "")
        if not _NO_LITERAL_PASSWORD.search(url_login):
            start = match.start()
            yield text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start), kind


def in_arguments(items: Sequence[object]) -> Iterator[tuple[int, str]]:
    """Index and kind of every item of a command that is the secret of an option: `--api-key VALUE`, `--token=VALUE`."""
    option = ""
    for number, item in enumerate(items):
        text = item if isinstance(item, str) else ""
        name, _, value = text.partition("=")
        is_option = text.startswith("-")
        named, secret = (name.lstrip("-"), value) if is_option else (option, text)
        if named and (kind := in_field(named, secret)):
            yield number, kind
        option = text.lstrip("-") if is_option else ""


def in_field(name: str, value: object) -> str | None:
    """What kind of secret the field holds, if it looks like one."""
    if not isinstance(value, str) or not value or value.startswith(("$", "{")):
        return None
    if names_a_secret(name):
        return f"a secret, because of its name `{name}`"
    if is_hex_key(name, value):
        return "a W&B API key (40 hexadecimal digits)"
    return None
