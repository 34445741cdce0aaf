"""Files that a configuration refers to: their absolute paths, and the content hashes of data files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import file_digest
from pathlib import Path
from typing import Any

from campaign.folder.regular_files import DamagedFile, open_regular
from campaign.spec.config import DataSection, ModelSection
from campaign.spec.explain import dotted_path
from campaign.spec.overrides import FieldPath
from campaign.spec.positions import TomlPath
from campaign.spec.problems import Problems

_DATA_FILES = ("path", "eval_path")
LARGEST_DATA = 64 * 2**30
"""Most bytes of a data file: `plan` hashes it, which takes about a second per 10**9 bytes."""


class ReferencedFiles:
    """Resolves the files of one campaign file; each data file is hashed once."""

    def __init__(self, folder: Path, problems: Problems) -> None:
        self.folder = folder
        self.problems = problems
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
            folder = self._model_folder(model.model, set_at.get(("model", "model"), ("model", "model")))
            resolved = model if folder is None else model.model_copy(update={"model": str(folder)})
            self._models[id(model)] = (model, resolved)
        return self._models[id(model)][1]

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
