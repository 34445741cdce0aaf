"""The identity of a run: a versioned hash over every field that can change its result.

A finished run is reused exactly when its identity is unchanged, so the hash must be the same in every release of
a `VERSION`. Fields at their default are not hashed: a new field whose default keeps the old behaviour leaves the
identities of finished runs unchanged. Changing a default, or the meaning of a field, changes results without
changing the hash, so then `VERSION` must be raised; a test compares the defaults with recorded ones.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from campaign.spec.config import RunConfig
from campaign.spec.fields import FieldInfo, fields
from campaign.spec.section import Section

VERSION = 1

LOCATIONS = {"model.model": "model.model_sha256"}
"""Field that may name a folder -> the hash of the folder's content. With the hash, the location does not count."""

Memo = dict[int, tuple[Section, str]]
"""Section id -> the section and the text that is hashed for it. The section is held because CPython reuses the id
of an object that was freed."""


def identity(config: RunConfig, memo: Memo | None = None) -> str:
    """`v1:` and 20 hexadecimal digits, equal for configurations that lead to the same result.

    Pass the same dictionary as `memo` to a series of calls to serialise sections that configurations share once.
    """
    memo = {} if memo is None else memo
    # A section that is None adds nothing, like one with all fields at their default.
    parts = [
        _section_text(name, section, memo)
        for name in _by_section()
        if (section := getattr(config, name)) is not None
    ]
    return f"v{VERSION}:{sha256(''.join(parts).encode()).hexdigest()[:20]}"


def identity_fields(config: RunConfig) -> dict[str, Any]:
    """Dotted path -> value of every field that is part of the identity, including defaults, as in JSON."""
    found: dict[str, Any] = {}
    for name, members in _by_section().items():
        section = getattr(config, name)
        for field in members:
            value = field.default if section is None else getattr(section, field.name)
            found[field.path] = list(value) if isinstance(value, tuple) else value
    return counted(found)


def counted(values: dict[str, Any]) -> dict[str, Any]:
    """Dotted path -> value without the fields that only locate a content whose hash is among the fields."""
    hidden = {path for path, sha256_path in LOCATIONS.items() if values.get(sha256_path) is not None}
    return {path: value for path, value in values.items() if path not in hidden}


def identity_defaults() -> dict[str, Any]:
    """Dotted path -> default of every field that is part of the identity."""
    return identity_fields(RunConfig())


_grouped: dict[str, tuple[FieldInfo, ...]] = {}


def _by_section() -> dict[str, tuple[FieldInfo, ...]]:
    if not _grouped:
        for field in fields().values():
            if field.kind == "identity":
                _grouped[field.section] = (*_grouped.get(field.section, ()), field)
    return _grouped


def _located(field: FieldInfo, section: Section) -> bool:
    """Whether the field is only the location of a content that is hashed. Both are in one section."""
    sha256_path = LOCATIONS.get(field.path)
    return sha256_path is not None and getattr(section, sha256_path.partition(".")[2]) is not None


def _section_text(name: str, section: Section, memo: Memo) -> str:
    """`name={...}` and a line end; empty when all fields are at their default.

    These exact bytes are hashed: another form of JSON would change the identity of every run. Keys are sorted, so that
    their order in a free table does not matter.
    """
    cached = memo.get(id(section))
    if cached:
        return cached[1]
    values = {
        field.name: value
        for field in _by_section()[name]
        if (value := getattr(section, field.name)) != field.default and not _located(field, section)
    }
    text = f"{name}={json.dumps(values, sort_keys=True, ensure_ascii=False)}\n" if values else ""
    memo[id(section)] = (section, text)
    return text
