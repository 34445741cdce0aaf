"""The identity of a run: a versioned hash over every field that can change its result.

Fields at their default are left out of the hash, so that a new field, whose default keeps what was done
before, leaves the identity of finished runs alone. Changing a default, or what a field means, changes results
without changing the file: then `VERSION` has to rise, and a test with the recorded defaults insists on it.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from campaign.spec.config import RunConfig
from campaign.spec.fields import FieldInfo, fields
from campaign.spec.section import Section

VERSION = 1

Memo = dict[int, tuple[Section, str]]
"""Text of a section by the section's id. The section is held, so that its id is not given away again."""


def identity(config: RunConfig, memo: Memo | None = None) -> str:
    """`v1:` and 20 hexadecimal digits. Equal for two configurations that lead to the same result.

    `memo`, one dictionary for a series of calls, saves the work on sections that the configurations share.
    """
    memo = {} if memo is None else memo
    parts = [
        _text(name, section, memo) for name in _by_section() if (section := getattr(config, name)) is not None
    ]
    return f"v{VERSION}:{sha256(''.join(parts).encode()).hexdigest()[:20]}"


def identity_fields(config: RunConfig) -> dict[str, Any]:
    """Dotted path -> value, of all fields that the identity looks at, defaults included, as JSON has them."""
    found: dict[str, Any] = {}
    for name, members in _by_section().items():
        section = getattr(config, name)
        for field in members:
            value = field.default if section is None else getattr(section, field.name)
            found[field.path] = list(value) if isinstance(value, tuple) else value
    return found


def identity_defaults() -> dict[str, Any]:
    """Dotted path -> the default of every field that the identity looks at."""
    return identity_fields(RunConfig())


_grouped: dict[str, tuple[FieldInfo, ...]] = {}


def _by_section() -> dict[str, tuple[FieldInfo, ...]]:
    if not _grouped:
        for field in fields().values():
            if field.kind == "identity":
                _grouped[field.section] = (*_grouped.get(field.section, ()), field)
    return _grouped


def _text(name: str, section: Section, memo: Memo) -> str:
    known = memo.get(id(section))
    if known:
        return known[1]
    values = {
        field.name: value
        for field in _by_section()[name]
        if (value := getattr(section, field.name)) != field.default
    }
    text = f"{name}={json.dumps(values, sort_keys=True, ensure_ascii=False)}\n" if values else ""
    memo[id(section)] = (section, text)
    return text
