"""The fields of a run's configuration by dotted path, as the models declare them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin

from campaign.spec.config import Classified, RunConfig
from campaign.spec.section import Section


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One field of one section."""

    section: str
    name: str
    kind: Literal["identity", "runtime"] | None
    """None only for a field that is not classified, which fails a test."""
    doc: str
    default: Any
    is_table: bool
    """Whether the value is a free table, whose keys count as separate fields."""

    @property
    def path(self) -> str:
        return f"{self.section}.{self.name}"


@cache
def sections() -> MappingProxyType[str, type[Section]]:
    """Section name -> its model, in the order of the configuration."""
    found: dict[str, type[Section]] = {}
    for name, info in RunConfig.model_fields.items():
        for candidate in (info.annotation, *get_args(info.annotation)):
            if isinstance(candidate, type) and issubclass(candidate, Section):
                found[name] = candidate
    return MappingProxyType(found)


@cache
def fields() -> MappingProxyType[str, FieldInfo]:
    """Dotted path -> field, in the order of the configuration."""
    found = {}
    for section, model in sections().items():
        for name, info in model.model_fields.items():
            kind = next((entry.kind for entry in info.metadata if isinstance(entry, Classified)), None)
            field = FieldInfo(
                section=section,
                name=name,
                kind=kind,
                doc=info.description or "",
                default=info.get_default(call_default_factory=True),
                is_table=get_origin(info.annotation) is dict,
            )
            found[field.path] = field
    return MappingProxyType(found)


@cache
def by_leaf() -> MappingProxyType[str, tuple[FieldInfo, ...]]:
    """Bare name -> the fields with this name; with more than one the bare name is ambiguous."""
    found: dict[str, tuple[FieldInfo, ...]] = {}
    for field in fields().values():
        found[field.name] = (*found.get(field.name, ()), field)
    return MappingProxyType(found)
