"""From the keys that a condition names to the fields that they mean.

A bare key is looked up in the sections, a dotted key or a sub-table is a full path. The keys of a free table
(`core.options`, `data.weights`, ...) count as fields of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from campaign.spec.explain import did_you_mean, shown
from campaign.spec.fields import FieldInfo, by_leaf, fields, sections
from campaign.spec.positions import TomlPath
from campaign.spec.problems import Findings

FieldPath = tuple[str, ...]
"""Section, field, and for a free table the key in it."""

WHOLE_CAMPAIGN = frozenset({"execution", "ray"})
"""Sections that one campaign has once, so that no condition can differ in them."""


@dataclass(frozen=True, slots=True, eq=False)
class Override:
    """One field set by a condition. Two are equal only when they are the same: the value may be a list."""

    path: FieldPath
    value: Any
    at: TomlPath
    """Where the file says so."""

    @property
    def dotted(self) -> str:
        return ".".join(self.path)

    @property
    def from_module(self) -> bool:
        """Whether a Python module says it: modules of a family repeat what they share."""
        return "module" in self.at


def overrides(table: dict[str, Any], at: TomlPath, findings: Findings) -> Iterator[Override]:
    """The fields that `table` sets; keys that mean none, or more than one, are reported."""
    for key, value in table.items():
        here = (*at, key)
        if key in sections() and isinstance(value, dict):
            for name, item in value.items():
                yield from _full(key, name, item, (*here, name), findings)
        elif "." in key:
            section, _, rest = key.partition(".")
            yield from _full(section, rest, value, here, findings)
        elif (field := _bare(key, value, here, findings)) is not None:
            yield from _allowed(field, value, here, findings)


def _bare(key: str, value: Any, at: TomlPath, findings: Findings) -> FieldInfo | None:
    found = by_leaf().get(key, ())
    if len(found) == 1:
        return found[0]
    if found:
        paths = [field.path for field in found]
        findings.at_key(
            at,
            f"`{key}` is ambiguous: {' or '.join(paths)}",
            f"write `{paths[0]} = {shown(value)}`",
            field="",
        )
    elif key in sections():
        findings.at_value(at, f"expected a table [{key}], got {shown(value)}", field="")
    else:
        hint = did_you_mean(key, by_leaf()) or "a bare key is a field of a section: see `campaign schema`"
        findings.at_key(at, f"unknown key `{key}` in a condition", hint, field="")
    return None


def _full(section: str, name: str, value: Any, at: TomlPath, findings: Findings) -> Iterator[Override]:
    if section not in sections():
        hint = did_you_mean(section, sections()) or f"legal: {', '.join(sections())}"
        findings.at_key(at, f"unknown section `{section}` in a condition", hint, field="")
        return
    name, _, key = name.partition(".")
    field = fields().get(f"{section}.{name}")
    if field is None:
        known = list(sections()[section].model_fields)
        hint = did_you_mean(name, known) or f"legal: {', '.join(known)}"
        findings.at_key(at, f"unknown key `{name}` in [{section}] of a condition", hint, field="")
    elif key and not field.is_table:
        findings.at_key(at, f"`{field.path}` is a single value: it has no `{key}`", field="")
    elif key:
        yield Override((section, name, key), value, at)
    else:
        yield from _allowed(field, value, at, findings)


def _allowed(field: FieldInfo, value: Any, at: TomlPath, findings: Findings) -> Iterator[Override]:
    path = (field.section, field.name)
    if field.section in WHOLE_CAMPAIGN:
        findings.at_key(
            at,
            f"[{field.section}] is one for the whole campaign: a condition cannot set it",
            field=field.path,
        )
    elif field.path == "training.seed":
        findings.at_key(
            at,
            "seeds belong to the campaign",
            "every condition runs with each of campaign.seeds",
            field=field.path,
        )
    elif field.is_table and isinstance(value, dict):
        for key, item in value.items():
            yield Override((*path, key), item, (*at, key))
    else:
        yield Override(path, value, at)
