"""The `[check]` table: the one schema for `campaign check`, `plan`, `submit`, the reference and the JSON Schema."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from campaign.spec.section import Section


def _as_tuple(value: Any) -> Any:
    # A tuple, because a strict model accepts a JSON list for a tuple only where no validator has touched it before.
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


def _groups(value: tuple[str | tuple[str, ...], ...]) -> tuple[str | tuple[str, ...], ...]:
    lists = [item for item in value if not isinstance(item, str)]
    one_group = not lists and len(value) != 1
    groups = len(lists) == len(value) and all(len(group) > 1 for group in lists)
    if not one_group and not groups:
        raise ValueError("must be one group of two or more paths, or a list of such groups")
    return value


Strings = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
"""A list of strings; a single string is a list of one."""


class CheckSection(Section):
    """What `campaign check` proves: the files to compare, and where they may differ."""

    reference: str | None = None
    """The variant that all others are compared with; default: the first."""
    variants: Strings = ()
    """Files or patterns, relative to the spec's folder: `conditions/*.py`, `config.py:make_small`,
    `sweep.yaml#runs.B.config`."""
    entry: str | None = None
    """Which part of a file is its configuration: `class:Name`, `call:get_config`, `names:a,b`, `merge:defaults,runs.B`,
    `mmengine`, `lazyconfig`, `hydra`."""
    under_test: Strings = ()
    """Paths that may differ."""
    labels: Strings = ()
    """Paths that may differ because they only name the variant, such as names of folders and runs."""
    derived_ok: Strings = ()
    """Paths that may differ if the difference follows from a field under test."""
    follow: Strings = ()
    """Globs of the files whose imports are evaluated; default: the folders of the variants and of their bases."""
    equal: Annotated[tuple[str | tuple[str, ...], ...], AfterValidator(_groups)] = ()
    """Paths that must have the same value within each variant: one group, or a list of groups."""

    @property
    def names_files(self) -> bool:
        """Whether the table says what to compare; otherwise the campaign's own conditions are compared."""
        return bool(self.variants or self.reference)

    @property
    def equal_groups(self) -> tuple[tuple[str, ...], ...]:
        """`equal` as a list of groups."""
        groups = tuple(item for item in self.equal if not isinstance(item, str))
        return groups if groups or not self.equal else (tuple(map(str, self.equal)),)
