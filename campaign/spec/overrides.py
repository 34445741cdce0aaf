"""The fields that the keys of a condition set.

A bare key is looked up in the sections; a dotted key or a sub-table is a full path. The keys of a free table
(`core.options`, `data.weights`, ...) count as separate fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from campaign.spec.explain import toml_value
from campaign.spec.fields import FieldInfo, by_leaf, fields, sections
from campaign.spec.positions import TomlPath
from campaign.spec.problems import Problems
from campaign.suggest import did_you_mean, suggest

FieldPath = tuple[str, ...]
"""Section, field, and for a free table the key in it."""

WHOLE_CAMPAIGN = frozenset({"execution", "ray"})
"""Sections that hold for the whole campaign, so that conditions cannot set them."""


@dataclass(frozen=True, slots=True, eq=False)
class Override:
    """One field set by a condition. Equality is identity, because the value may be an unhashable list."""

    path: FieldPath
    value: Any
    at: TomlPath
    """Path in the document of the key that sets the field."""

    @property
    def dotted(self) -> str:
        return ".".join(self.path)

    @property
    def from_module(self) -> bool:
        """Whether a Python module sets it."""
        return "module" in self.at


def overrides(table: dict[str, Any], at: TomlPath, problems: Problems) -> Iterator[Override]:
    """The fields that `table` sets; unknown and ambiguous keys are reported."""
    for key, value in table.items():
        here = (*at, key)
        if key in sections() and isinstance(value, dict):
            for name, item in value.items():
                yield from _of_path(key, name, item, (*here, name), problems)
        elif "." in key:
            section, _, rest = key.partition(".")
            yield from _of_path(section, rest, value, here, problems)
        elif (field := _field_of_bare_key(key, value, here, problems)) is not None:
            yield from _of_field(field, value, here, problems)


def _field_of_bare_key(key: str, value: Any, at: TomlPath, problems: Problems) -> FieldInfo | None:
    fields_named = by_leaf().get(key, ())
    if len(fields_named) == 1:
        return fields_named[0]
    if fields_named:
        paths = [field.path for field in fields_named]
        hint = f"write `{paths[0]} = {toml_value(value)}`"
        problems.at_key(at, f"`{key}` is ambiguous: {' or '.join(paths)}", hint, field="")
    elif key in sections():
        problems.at_value(at, f"expected a table [{key}], got {toml_value(value)}", field="")
    else:
        hint = did_you_mean(key, by_leaf()) or "a bare key must be the name of a field: see `campaign schema`"
        problems.at_key(at, f"unknown key `{key}` in a condition", hint, field="")
    return None


def _of_path(section: str, name: str, value: Any, at: TomlPath, problems: Problems) -> Iterator[Override]:
    if section not in sections():
        hint = suggest(section, sections(), "legal sections")
        problems.at_key(at, f"unknown section `{section}` in a condition", hint, field="")
        return
    name, _, key = name.partition(".")
    field = fields().get(f"{section}.{name}")
    if field is None:
        hint = suggest(name, sections()[section].model_fields, "legal keys")
        problems.at_key(at, f"unknown key `{name}` in [{section}] of a condition", hint, field="")
    elif key and not field.is_table:
        message = f"`{field.path}` is a single value, not a table with a key `{key}`"
        problems.at_key(at, message, f"write `{field.path} = ...`", field="")
    elif key:
        yield Override((section, name, key), value, at)
    else:
        yield from _of_field(field, value, at, problems)


def _of_field(field: FieldInfo, value: Any, at: TomlPath, problems: Problems) -> Iterator[Override]:
    path = (field.section, field.name)
    if field.section in WHOLE_CAMPAIGN:
        message = f"[{field.section}] holds for the whole campaign: a condition cannot set it"
        hint = f"move it to the section [{field.section}] of the file"
        problems.at_key(at, message, hint, field=field.path)
    elif field.path == "training.seed":
        hint = "remove it: every condition runs with each seed of campaign.seeds"
        problems.at_key(at, "a condition cannot set the seed", hint, field=field.path)
    elif field.is_table and isinstance(value, dict):
        for key, item in value.items():
            yield Override((*path, key), item, (*at, key))
    else:
        yield Override(path, value, at)
