"""Resolves declared conditions: each gets a label and a complete, validated configuration."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from campaign.errors import Problem
from campaign.spec import labels
from campaign.spec.config import RunConfig
from campaign.spec.consistency import SECTIONS_READ, Contradiction, contradictions
from campaign.spec.declared_conditions import DeclaredCondition
from campaign.spec.explain import dotted_path, message_and_hint, toml_value
from campaign.spec.fields import sections
from campaign.spec.files import ReferencedFiles
from campaign.spec.overrides import FieldPath, Override
from campaign.spec.planned_runs import Condition
from campaign.spec.positions import TomlPath
from campaign.spec.problems import Problems
from campaign.spec.section import Section


class ConditionResolver:
    """Applies the overrides of each condition to the base.

    Ten thousand conditions of one campaign differ in a few fields, so each distinct section is built and checked
    once and shared by all configurations that have it.
    """

    def __init__(
        self,
        name: str,
        base: RunConfig,
        raw: Mapping[str, dict[str, Any]],
        folder: Path,
        problems: Problems,
        invalid_in_base: Collection[FieldPath] = (),
    ) -> None:
        self.name = name
        self.raw = raw
        """The valid part of the base's sections as written."""
        self._invalid_in_base = invalid_in_base
        self.problems = problems
        self.files = ReferencedFiles(folder, problems)
        self._built: dict[tuple[Override, ...], Section | None] = {}
        self._invalid: set[tuple[int, str]] = set()
        """Identity of a declared condition, and a section of it that is invalid: its configuration has the base's."""
        self._contradictions: dict[tuple[int, ...], tuple[Contradiction, ...]] = {}
        self._kept_alive: list[RunConfig] = []
        self._open_ended: dict[int, Section] = {}
        self._length_given = False
        self.base = self._with_files(base.model_copy(update={"campaign": name}), {})

    def resolve(self, declared: Iterable[DeclaredCondition]) -> tuple[Condition, ...]:
        """One condition for each declared one; the base alone, labelled `base`, when none is declared."""
        declared = tuple(declared)
        # By the base or by any condition: where some runs have a length, all have one.
        self._length_given = "max_steps" in self.base.training.model_fields_set or any(
            entry.path == ("training", "max_steps") for each in declared for entry in each.overrides
        )
        if not declared:
            return (
                Condition("base", {}, self._checked(self.base.model_copy(update={"condition": "base"}), {})),
            )
        pairs = [(entry, self._condition(entry)) for entry in declared]
        broken = {id(entry) for entry in declared if entry.incomplete} | {entry for entry, _ in self._invalid}
        self._refuse_duplicates([pair for pair in pairs if id(pair[0]) not in broken])
        if len(pairs) > 1:
            self._refuse_constant_fields(pairs)
        return tuple(condition for _, condition in pairs)

    def _condition(self, declared: DeclaredCondition) -> Condition:
        config = self._config(declared)
        differing = [
            (entry.path, entry.value)
            for entry in declared.overrides
            if field_value(config, entry.path) != field_value(self.base, entry.path)
        ]
        label = self._label(declared, config, differing)
        config = config.model_copy(update={"condition": label})
        return Condition(label, {entry.dotted: entry.value for entry in declared.overrides}, config)

    def _label(
        self, declared: DeclaredCondition, config: RunConfig, differing: list[tuple[FieldPath, Any]]
    ) -> str:
        if declared.name is not None:
            if problem := labels.invalid_name(declared.name):
                self.problems.at_value((*declared.at, "name"), *problem)
            return declared.name
        if declared.module is not None:
            return labels.name_from_file(Path(declared.module))
        return labels.derived_label(config, differing)

    def _config(self, declared: DeclaredCondition) -> RunConfig:
        by_section: dict[str, list[Override]] = {}
        for entry in declared.overrides:
            by_section.setdefault(entry.path[0], []).append(entry)
        built = {name: self._section(name, entries) for name, entries in by_section.items()}
        self._invalid.update((id(declared), name) for name, section in built.items() if section is None)
        config = self.base.model_copy(update={name: section for name, section in built.items() if section})
        return self._checked(config, {entry.path: entry.at for entry in declared.overrides})

    def _section(self, name: str, entries: list[Override]) -> Section | None:
        # Overrides compare by identity, and all combinations of a factor share its override for one value.
        key = tuple(entries)
        if key not in self._built:
            self._built[key] = self._validated(name, entries)
        return self._built[key]

    def _validated(self, name: str, entries: list[Override]) -> Section | None:
        """The section; None when the condition's values are invalid, which is reported."""
        try:
            return sections()[name].model_validate_json(json.dumps(_merged(self.raw.get(name, {}), entries)))
        except ValidationError as error:
            for problem in error.errors(include_url=False):
                path = (name, *(str(part) for part in problem["loc"]))
                entry = max(entries, key=lambda entry: _common_length(entry.path, path))
                message, hint = message_and_hint(problem)
                at = (*entry.at, *problem["loc"][len(entry.path) - 1 :])
                self.problems.add(
                    Problem(message, self.problems.document.place(at, value=True), ".".join(path), hint)
                )
            return None

    def _checked(self, config: RunConfig, set_at: Mapping[FieldPath, TomlPath]) -> RunConfig:
        """`config` with its files resolved. A contradiction is reported where the condition sets the field,
        and in the base when it does not."""
        for path, message, hint in self._contradictions_of(config):
            in_base = _toml_path(path)
            at = next((at for entry, at in set_at.items() if entry[:2] == path[:2]), in_base)
            self.problems.at_value(at, message, hint, field=dotted_path(in_base))
        return self._with_files(self._with_end(config), set_at)

    def _with_end(self, config: RunConfig) -> RunConfig:
        """The length of a command's runs is its own when the file does not give it: nobody chose the default of
        `training.max_steps`, and most commands never read it."""
        core = config.core
        if core.command is None or self._length_given or "early_stopping" in core.model_fields_set:
            return config
        # One section for all conditions that share one: identities are computed once per section.
        if id(core) not in self._open_ended:
            self._kept_alive.append(config)
            self._open_ended[id(core)] = core.model_copy(update={"early_stopping": True})
        return config.model_copy(update={"core": self._open_ended[id(core)]})

    def _contradictions_of(self, config: RunConfig) -> tuple[Contradiction, ...]:
        key = tuple(id(getattr(config, name)) for name in SECTIONS_READ)
        if key not in self._contradictions:
            # CPython reuses the id of an object that was freed: keeping the sections alive makes the key unique.
            self._kept_alive.append(config)
            self._contradictions[key] = tuple(contradictions(config))
        return self._contradictions[key]

    def _with_files(self, config: RunConfig, set_at: Mapping[FieldPath, TomlPath]) -> RunConfig:
        data = self.files.resolve_data(config.data, set_at)
        resolved = {
            "core": self.files.resolve_sources("core", config.core, set_at),
            "data": self.files.resolve_sources("data", data, set_at),
            "model": self.files.resolve_model(config.model, set_at),
            "algorithm": self.files.resolve_sources("algorithm", config.algorithm, set_at),
        }
        if all(section is getattr(config, name) for name, section in resolved.items()):
            return config
        return config.model_copy(update=resolved)

    def _refuse_duplicates(self, pairs: list[tuple[DeclaredCondition, Condition]]) -> None:
        by_label: dict[str, Condition] = {}
        by_config: dict[tuple[str, ...], Condition] = {}
        memo: dict[int, tuple[Section, str]] = {}
        for declared, condition in pairs:
            first = by_config.setdefault(_fingerprint(condition.config, memo), condition)
            if first is not condition:
                self.problems.at_key(
                    declared.at,
                    f"`{condition.label}` is the same configuration as `{first.label}`",
                    "remove one of them, or change a field",
                    field="",
                )
                continue
            # The label names a folder, and file systems of macOS and Windows ignore case.
            namesake = by_label.setdefault(condition.label.casefold(), condition)
            if namesake is not condition:
                self.problems.at_key(
                    declared.at,
                    f"two conditions are labelled `{condition.label}`",
                    "give one of them another `name`; names must differ in more than upper and lower case",
                    field="",
                )

    def _refuse_constant_fields(self, pairs: list[tuple[DeclaredCondition, Condition]]) -> None:
        """Reports fields that conditions set and that have the base's value in all of them.

        Modules are exempt: the modules of a family repeat what they share. So are fields of which a condition's value
        is not known: in a section that is invalid in it, or because a key of it could not be read.
        """
        invalid = {name for _, name in self._invalid}
        first_set_at: dict[FieldPath, TomlPath] = {}
        for declared, _ in pairs:
            for entry in declared.overrides:
                known = entry.path[0] not in invalid and entry.path[:2] not in self._invalid_in_base
                if known and not entry.from_module:
                    first_set_at.setdefault(entry.path, entry.at)
        incomplete = [
            {entry.path for entry in declared.overrides} for declared, _ in pairs if declared.incomplete
        ]
        for path, at in first_set_at.items():
            value = field_value(self.base, path)
            if all(path in paths for paths in incomplete) and all(
                field_value(condition.config, path) == value for _, condition in pairs
            ):
                self.problems.at_key(
                    at if isinstance(at[-1], str) else at[:-1],
                    f"has no effect: it is {toml_value(value)} in every condition, as in the base",
                    "remove it, or give it another value in at least one condition",
                    field=".".join(path),
                )


def _merged(raw: dict[str, Any], entries: Iterable[Override]) -> dict[str, Any]:
    """The base's section as written, with the overrides on top; a key of a free table replaces only that key."""
    merged = dict(raw)
    for entry in entries:
        if len(entry.path) == 2:
            merged[entry.path[1]] = entry.value
        else:
            merged[entry.path[1]] = {**merged.get(entry.path[1], {}), entry.path[2]: entry.value}
    return merged


def field_value(config: RunConfig, path: FieldPath) -> Any:
    """The value at `path`; None when the section or the key of a free table is absent."""
    section = getattr(config, path[0])
    if section is None:
        return None
    value = getattr(section, path[1])
    return value.get(path[2]) if len(path) == 3 else value


def _common_length(left: tuple[str, ...], right: tuple[str, ...]) -> int:
    return next(
        (i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right))
    )


def _toml_path(path: FieldPath) -> TomlPath:
    return tuple(int(part) if part.isdecimal() else part for part in path)


def _fingerprint(config: RunConfig, memo: dict[int, tuple[Section, str]]) -> tuple[str, ...]:
    """All fields of all sections. `memo` holds each section, so that its id is not reused."""
    parts = []
    for name in sections():
        section = getattr(config, name)
        if section is not None and id(section) not in memo:
            memo[id(section)] = (section, section.model_dump_json())
        parts.append("" if section is None else memo[id(section)][1])
    return tuple(parts)
