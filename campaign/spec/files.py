"""Files that a configuration refers to: their absolute paths, and the content hashes of data, models and source code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import file_digest
from pathlib import Path
from typing import Any, TypeVar, cast

from campaign.folder.regular_files import DamagedFile, open_regular
from campaign.spec.config import DataSection, ModelSection
from campaign.spec.content_hashes import model_sha256
from campaign.spec.explain import dotted_path
from campaign.spec.overrides import FieldPath
from campaign.spec.positions import TomlPath
from campaign.spec.problems import Problems
from campaign.spec.section import Section
from campaign.spec.source_code import COMMAND, FUNCTION_FIELDS, MissingModule, field_sha256, search_path

_DATA_FILES = ("path", "eval_path")
LARGEST_DATA = 64 * 2**30
"""Most bytes of a data file: `plan` hashes it, which takes about a second per 10**9 bytes."""
SOURCE_FIELDS: dict[str, tuple[str, ...]] = {}
"""Section -> its fields that name source code."""
for _field in (*FUNCTION_FIELDS, COMMAND):
    _section, _, _name = _field.partition(".")
    SOURCE_FIELDS[_section] = (*SOURCE_FIELDS.get(_section, ()), _name)

S = TypeVar("S", bound=Section)


class ReferencedFiles:
    """Resolves the files of one campaign file; each of them is hashed once."""

    def __init__(self, folder: Path, problems: Problems) -> None:
        self.folder = folder
        self.problems = problems
        self.notes: dict[str, None] = {}
        """What could not be resolved and is no error, as sentences."""
        self._sources: dict[tuple[str, Any], str | None] = {}
        self._missing: set[tuple[str, Any]] = set()
        self._model_hashes: dict[Path, str | None] = {}
        self._with_sources: dict[int, tuple[Section, Section]] = {}
        self._hashes: dict[Path, str | None] = {}
        # By the id of the section, which is held so that the id is not reused.
        self._data: dict[int, tuple[DataSection, DataSection]] = {}
        self._models: dict[int, tuple[ModelSection, ModelSection]] = {}

    def resolve_data(self, data: DataSection, set_at: Mapping[FieldPath, TomlPath]) -> DataSection:
        """`data` with absolute paths and content hashes; missing files are reported at `set_at`."""
        if data.path is None and data.eval_path is None:
            return data
        if id(data) not in self._data:
            update: dict[str, Any] = {}
            for name in _DATA_FILES:
                if getattr(data, name) is not None:
                    update |= self._data_file(data, name, set_at)
            self._data[id(data)] = (data, data.model_copy(update=update))
        return self._data[id(data)][1]

    def _data_file(
        self, data: DataSection, name: str, set_at: Mapping[FieldPath, TomlPath]
    ) -> dict[str, Any]:
        written, sha256 = getattr(data, name), f"{name}_sha256"
        declared = getattr(data, sha256)
        file = self._absolute(written)
        actual = self._hash(file, written, set_at.get(("data", name), ("data", name)))
        if actual and declared and actual != declared:
            self.problems.at_value(
                set_at.get(("data", sha256), ("data", sha256)),
                f"{written} has other content: its SHA-256 is {actual}",
                "restore the file, or update the hash if the new content is intended",
                field=f"data.{sha256}",
            )
        return {name: str(file), sha256: actual or declared}

    def resolve_model(self, model: ModelSection, set_at: Mapping[FieldPath, TomlPath]) -> ModelSection:
        """`model` with an absolute path when it is a folder, because a run has another working directory."""
        if id(model) not in self._models:
            at = set_at.get(("model", "model"), ("model", "model"))
            folder = self._model_folder(model.model, at)
            resolved, declared = model, model.model_sha256
            if folder is not None:
                actual = self._model_hash(folder, model.model, at)
                self._compare_hashes("model.model", model.model, actual, declared, set_at)
                resolved = model.model_copy(update={"model": str(folder), "model_sha256": actual or declared})
            elif declared is not None:
                self._refuse_hash("model.model", "names no folder", set_at)
            self._models[id(model)] = (model, resolved)
            self._models[id(resolved)] = (resolved, resolved)
        return self._models[id(model)][1]

    def resolve_sources(self, name: str, section: S, set_at: Mapping[FieldPath, TomlPath]) -> S:
        """`section` with the hashes of the source code that it names; `name` is the section's."""
        if id(section) not in self._with_sources:
            update = {}
            for field in SOURCE_FIELDS.get(name, ()):
                value, declared = getattr(section, field), getattr(section, f"{field}_sha256")
                ignored = isinstance(section, DataSection) and section.path is not None
                actual = None if ignored else self._source_hash(f"{name}.{field}", value, set_at)
                self._compare_hashes(f"{name}.{field}", str(value), actual, declared, set_at)
                if actual is not None:
                    update[f"{field}_sha256"] = actual
                elif declared is not None and (f"{name}.{field}", value) not in self._missing:
                    self._refuse_hash(f"{name}.{field}", "names no source code", set_at)
            resolved = section.model_copy(update=update) if update else section
            self._with_sources[id(section)] = (section, resolved)
            self._with_sources[id(resolved)] = (resolved, resolved)
        return cast("S", self._with_sources[id(section)][1])

    def _source_hash(
        self, field: str, value: str | tuple[str, ...] | None, set_at: Mapping[FieldPath, TomlPath]
    ) -> str | None:
        if (field, value) not in self._sources:
            workdir = Path(os.path.abspath(self.folder))
            found = None
            try:
                found = field_sha256(field, value, workdir, search_path(workdir))
            except MissingModule as missing:
                self._missing.add((field, value))
                self.notes[
                    f"{field}: module {missing} is not found on this machine, so the identity of the runs does not "
                    "have its source"
                ] = None
            except OSError as error:
                section, _, name = field.partition(".")
                at = set_at.get((section, name), (section, name))
                self.problems.at_value(at, f"its source cannot be read: {error}", field=field)
            self._sources[field, value] = found
        return self._sources[field, value]

    def _compare_hashes(
        self, field: str, written: str, actual: str | None, declared: str | None,
        set_at: Mapping[FieldPath, TomlPath],
    ) -> None:  # fmt: skip
        if actual and declared and actual != declared:
            section, _, name = field.partition(".")
            path = (section, f"{name}_sha256")
            self.problems.at_value(
                set_at.get(path, path),
                f"{written} has other content: its SHA-256 is {actual}",
                "restore the content, or update the hash if the new content is intended",
                field=f"{field}_sha256",
            )

    def _refuse_hash(self, field: str, why: str, set_at: Mapping[FieldPath, TomlPath]) -> None:
        section, _, name = field.partition(".")
        path = (section, f"{name}_sha256")
        hint = "remove it: it is computed where there is something to compute it from"
        self.problems.at_value(
            set_at.get(path, path), f"is given, but {field} {why}", hint, field=f"{field}_sha256"
        )

    def _model_hash(self, folder: Path, written: str, at: TomlPath) -> str | None:
        if folder not in self._model_hashes:
            self._model_hashes[folder] = None
            try:
                self._model_hashes[folder] = model_sha256(folder)
            except OSError as error:
                self.problems.at_value(at, f"cannot be read: {written}: {error}", field="model.model")
        return self._model_hashes[folder]

    def _model_folder(self, written: str, at: TomlPath) -> Path | None:
        """None for the embedded model and for hub names, which are not paths."""
        if written == "embedded" or not written.strip():
            return None
        folder = self._absolute(written)
        if os.path.isdir(folder):
            return folder
        if written.startswith((".", "/", "~")):
            hint = f"looked for {folder}; a hub name is `owner/name`"
            self.problems.at_value(at, f"no such folder: {written}", hint, field="model.model")
        return None

    def _absolute(self, written: str) -> Path:
        """Unlike `Path.resolve` and `Path.expanduser`, this raises neither for circular links nor for the home
        of an unknown user: a path that does not exist is reported later."""
        return Path(os.path.abspath(self.folder / os.path.expanduser(written)))

    def _hash(self, file: Path, written: str, at: TomlPath) -> str | None:
        if file not in self._hashes:
            self._hashes[file] = None
            field = dotted_path(at)
            try:
                with open_regular(file) as stream:
                    if (size := os.fstat(stream.fileno()).st_size) > LARGEST_DATA:
                        raise DamagedFile(f"{file} is too large, {size:,} bytes of at most {LARGEST_DATA:,}")
                    self._hashes[file] = file_digest(stream, "sha256").hexdigest()
            except FileNotFoundError:
                self.problems.at_value(at, f"no such file: {written}", f"looked for {file}", field=field)
            except DamagedFile as error:
                why = str(error).removeprefix(f"{file} ").removeprefix("cannot be read: ")
                if os.path.isdir(file):
                    message, hint = f"is a folder: {written}", "name a JSONL file"
                else:
                    message, hint = f"cannot be read: {written}: {why}", ""
                self.problems.at_value(at, message, hint, field=field)
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or str(error)
                self.problems.at_value(at, f"cannot be read: {written}: {why}", field=field)
        return self._hashes[file]
