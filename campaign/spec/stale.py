"""Stale runs: runs whose settings are not those that the plan gives them.

A run is compared with the plan field by field, as recorded in `plan.json` and in the run's `config.toml`, so that
the answer needs neither a store nor a valid configuration: folders that were copied, or written by another release,
are judged alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from campaign.folder.plan_document import PlanDocument
from campaign.spec.explain import toml_value
from campaign.spec.fields import fields
from campaign.spec.identity import counted, identity_defaults

HASH_DIGITS = 12
"""Digits of a content hash in a message; all 64 say no more to a reader."""


class PlannedSettings:
    """The settings of each condition of a plan, with which the recorded settings of runs are compared."""

    def __init__(self, plan: PlanDocument) -> None:
        self._plan = plan
        self._fields = {
            entry.label: recorded_fields(entry.config) for entry in plan.conditions if entry.config
        }

    def changes(self, condition: str, config: Mapping[str, Any]) -> tuple[str, ...]:
        """What makes a run of `condition` stale, one entry per field; empty when it has the plan's settings.

        The seed is not compared: a run of a seed that the plan no longer has may still be of its condition. Empty
        also for a condition that the plan does not have, or whose configuration it does not record.
        """
        planned = self._fields.get(condition)
        return () if planned is None else changes(recorded_fields(config), planned)

    def changes_of_removed(self, condition: str, config: Mapping[str, Any]) -> tuple[str, ...]:
        """The fields in which a condition that the plan no longer has differs from the plan's first condition, other
        than those under test; empty for a condition of the plan."""
        if not self._fields or condition in self._plan.labels:
            return ()
        first = next(iter(self._fields.values()))
        found = dict(_changed(recorded_fields(config), first))
        return tuple(text for path, text in found.items() if not self._under_test(path))

    def _under_test(self, path: str) -> bool:
        return any(path == tested or path.startswith(f"{tested}.") for tested in self._plan.under_test)


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """Each field that differs: `training.lr: 0.0003, the spec says 0.0001`. Both map dotted paths to values."""
    return tuple(text for _, text in _changed(before, now))


def another_version(identity: str) -> str:
    """Why a run is stale although no field differs: what a field means has changed since it was executed."""
    return f"another version of the identity ({identity.partition(':')[0]})"


def first_change(texts: Iterable[str]) -> str:
    """The first of the changes, and how many more there are."""
    first, *others = texts
    return f"{first} (and {len(others)} more)" if others else first


def stale_sentence(changed: Mapping[str, tuple[str, ...]], most: int = 4) -> str:
    """Stale runs (id -> what changed) in one line; empty without any.

    Runs with the same change are listed together.
    """
    by_change: dict[str, list[str]] = {}
    for run_id, texts in changed.items():
        by_change.setdefault(first_change(texts), []).append(run_id)
    return "; ".join(f"{listed(ids, most)}: {change}" for change, ids in by_change.items())


def listed(ids: list[str], most: int = 4) -> str:
    """`a_s1, a_s2`, or the first few and how many more there are."""
    more = f" and {len(ids) - most} more" if len(ids) > most else ""
    return ", ".join(ids[:most]) + more


def recorded_fields(config: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted path -> value of every field of a recorded configuration that is part of the identity.

    A field that is not recorded has its default. A field that this release does not know counts, because it may be
    part of the identity of the release that wrote it.
    """
    found = dict(identity_defaults())
    for name, section in config.items():
        if isinstance(section, Mapping):
            for key, value in section.items():
                field = fields().get(f"{name}.{key}")
                if field is None or field.kind == "identity":
                    found[f"{name}.{key}"] = value
    return counted(found)


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    old, new = dict(_leaves(before)), dict(_leaves(now))
    for path in dict.fromkeys((*new, *old)):
        if path != "training.seed" and old.get(path) != new.get(path):
            yield path, f"{path}: {_text(path, old.get(path))}, the spec says {_text(path, new.get(path))}"


def _leaves(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The keys of a free table count as separate fields."""
    for path, value in values.items():
        if isinstance(value, Mapping):
            yield from ((f"{path}.{key}", _as_list(item)) for key, item in value.items())
        else:
            yield path, _as_list(value)


def _as_list(value: Any) -> Any:
    """Recorded values come from JSON and TOML, which have no tuples."""
    return list(value) if isinstance(value, tuple) else value


def _text(path: str, value: Any) -> str:
    if value is None:
        return "not recorded" if path.endswith("_sha256") else "not set"
    if path.endswith("_sha256") and isinstance(value, str):
        return value[:HASH_DIGITS]
    return toml_value(value)
