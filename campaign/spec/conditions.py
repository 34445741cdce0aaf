"""From drafts to conditions: each with its label and its own complete, validated configuration."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from campaign.errors import Problem
from campaign.spec import labels
from campaign.spec.config import RunConfig
from campaign.spec.consistency import LOOKED_AT, Contradiction, contradictions
from campaign.spec.declared_conditions import Draft
from campaign.spec.explain import dotted, say, shown
from campaign.spec.fields import sections
from campaign.spec.files import NamedFiles
from campaign.spec.overrides import FieldPath, Override
from campaign.spec.planned_runs import Condition
from campaign.spec.positions import TomlPath
from campaign.spec.problems import Findings
from campaign.spec.section import Section


class ConditionResolver:
    """Lays the overrides of a condition over the base. Sections that conditions share are built once."""

    def __init__(
        self, name: str, base: RunConfig, raw: Mapping[str, dict[str, Any]], folder: Path, findings: Findings
    ) -> None:
        self.name = name
        self.raw = raw
        self.findings = findings
        self.files = NamedFiles(folder, findings)
        self._built: dict[tuple[Override, ...], Section | None] = {}
        self._contradictions: dict[tuple[int, ...], tuple[Contradiction, ...]] = {}
        self._held: list[RunConfig] = []
        self.base = self._located(base.model_copy(update={"campaign": name}), {})

    def resolve(self, drafts: Iterable[Draft]) -> tuple[Condition, ...]:
        """One condition for each draft; without drafts the base alone, labelled `base`."""
        drafts = tuple(drafts)
        if not drafts:
            return (
                Condition("base", {}, self._checked(self.base.model_copy(update={"condition": "base"}), {})),
            )
        pairs = [(draft, self._condition(draft)) for draft in drafts]
        self._refuse_twins(pairs)
        if len(pairs) > 1:
            self._refuse_idle_axes(pairs)
        return tuple(condition for _, condition in pairs)

    def _condition(self, draft: Draft) -> Condition:
        config = self._config(draft)
        differing = [
            (entry.path, entry.value)
            for entry in draft.overrides
            if field_value(config, entry.path) != field_value(self.base, entry.path)
        ]
        label = self._label(draft, config, differing)
        config = config.model_copy(update={"condition": label})
        return Condition(label, {entry.dotted: entry.value for entry in draft.overrides}, config)

    def _label(self, draft: Draft, config: RunConfig, differing: list[tuple[FieldPath, Any]]) -> str:
        if draft.name is not None:
            if problem := labels.refused(draft.name):
                self.findings.at_value((*draft.at, "name"), problem[0], problem[1])
            return draft.name
        if draft.module is not None:
            return labels.from_stem(Path(draft.module))
        return labels.derived(config, differing)

    def _config(self, draft: Draft) -> RunConfig:
        by_section: dict[str, list[Override]] = {}
        for entry in draft.overrides:
            by_section.setdefault(entry.path[0], []).append(entry)
        built = {name: self._section(name, entries) for name, entries in by_section.items()}
        config = self.base.model_copy(update={name: section for name, section in built.items() if section})
        return self._checked(config, {entry.path: entry.at for entry in draft.overrides})

    def _section(self, name: str, entries: list[Override]) -> Section | None:
        key = tuple(entries)
        if key not in self._built:
            self._built[key] = self._validated(name, entries)
        return self._built[key]

    def _validated(self, name: str, entries: list[Override]) -> Section | None:
        """The section, or None when the condition's values do not fit: then they are reported."""
        try:
            return sections()[name].model_validate_json(
                json.dumps(_overlaid(self.raw.get(name, {}), entries))
            )
        except ValidationError as error:
            for problem in error.errors(include_url=False):
                path = (name, *(str(part) for part in problem["loc"]))
                entry = max(entries, key=lambda entry: _shared(entry.path, path))
                message, hint = say(problem)
                at = (*entry.at, *problem["loc"][len(entry.path) - 1 :])
                self.findings.add(
                    Problem(message, self.findings.document.place(at, value=True), ".".join(path), hint)
                )
            return None

    def _checked(self, config: RunConfig, set_at: Mapping[FieldPath, TomlPath]) -> RunConfig:
        """`config` with its data located; contradictions are reported where they are made."""
        for path, message, hint in self._contradictions_of(config):
            at = next((set_at[entry] for entry in _candidates(path, set_at)), _in_document(path))
            self.findings.at_value(at, message, hint, field=dotted(_in_document(path)))
        return self._located(config, set_at)

    def _contradictions_of(self, config: RunConfig) -> tuple[Contradiction, ...]:
        key = tuple(id(getattr(config, name)) for name in LOOKED_AT)
        if key not in self._contradictions:
            self._held.append(config)  # or its sections' ids could be given away again
            self._contradictions[key] = tuple(contradictions(config))
        return self._contradictions[key]

    def _located(self, config: RunConfig, set_at: Mapping[FieldPath, TomlPath]) -> RunConfig:
        data = self.files.located(config.data, set_at)
        model = self.files.located_model(config.model, set_at)
        if data is config.data and model is config.model:
            return config
        return config.model_copy(update={"data": data, "model": model})

    def _refuse_twins(self, pairs: list[tuple[Draft, Condition]]) -> None:
        by_label: dict[str, Condition] = {}
        by_config: dict[tuple[str, ...], Condition] = {}
        memo: dict[int, tuple[Section, str]] = {}
        for draft, condition in pairs:
            key = _fingerprint(condition.config, memo)
            twin = by_config.setdefault(key, condition)
            if twin is not condition:
                self.findings.at_key(
                    draft.at, f"`{condition.label}` is the same configuration as `{twin.label}`",
                    "a condition has to change something", field="",
                )  # fmt: skip
                continue
            namesake = by_label.setdefault(condition.label.casefold(), condition)
            if namesake is not condition:
                self.findings.at_key(
                    draft.at,
                    f"two conditions are labelled `{condition.label}`",
                    "give one a `name`",
                    field="",
                )

    def _refuse_idle_axes(self, pairs: list[tuple[Draft, Condition]]) -> None:
        first_named: dict[FieldPath, TomlPath] = {}
        for draft, _ in pairs:
            for entry in draft.overrides:
                if not entry.from_module:
                    first_named.setdefault(entry.path, entry.at)
        for path, at in first_named.items():
            value = field_value(self.base, path)
            if all(field_value(condition.config, path) == value for _, condition in pairs):
                self.findings.at_key(
                    at if isinstance(at[-1], str) else at[:-1],
                    f"changes nothing: it is {shown(value)} in every condition, as in the base",
                    "leave it out, or give it another value somewhere",
                    field=".".join(path),
                )


def _overlaid(raw: dict[str, Any], entries: Iterable[Override]) -> dict[str, Any]:
    merged = dict(raw)
    for entry in entries:
        if len(entry.path) == 2:
            merged[entry.path[1]] = entry.value
        else:
            merged[entry.path[1]] = {**merged.get(entry.path[1], {}), entry.path[2]: entry.value}
    return merged


def field_value(config: RunConfig, path: FieldPath) -> Any:
    """What stands at `path`; None for a section or a key that is not there."""
    section = getattr(config, path[0])
    if section is None:
        return None
    value = getattr(section, path[1])
    return value.get(path[2]) if len(path) == 3 else value


def _shared(left: tuple[str, ...], right: tuple[str, ...]) -> int:
    return next(
        (i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right))
    )


def _in_document(path: FieldPath) -> TomlPath:
    return tuple(int(part) if part.isdecimal() else part for part in path)


def _candidates(path: FieldPath, set_at: Mapping[FieldPath, TomlPath]) -> list[FieldPath]:
    return [entry for entry in set_at if entry[:2] == path[:2]]


def _fingerprint(config: RunConfig, memo: dict[int, tuple[Section, str]]) -> tuple[str, ...]:
    parts = []
    for name in sections():
        section = getattr(config, name)
        if section is not None and id(section) not in memo:
            memo[id(section)] = (section, section.model_dump_json())
        parts.append("" if section is None else memo[id(section)][1])
    return tuple(parts)
