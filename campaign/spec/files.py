"""Files that a configuration names: where they are, and what is in the data, as a content hash."""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import file_digest
from pathlib import Path
from typing import Any

from campaign.spec.config import DataSection, ModelSection
from campaign.spec.explain import dotted
from campaign.spec.overrides import FieldPath
from campaign.spec.positions import TomlPath
from campaign.spec.problems import Findings

_FILES = ("path", "eval_path")


class NamedFiles:
    """Finds the files of one spec; each data file is hashed once."""

    def __init__(self, folder: Path, findings: Findings) -> None:
        self.folder = folder
        self.findings = findings
        self._hashes: dict[Path, str | None] = {}
        self._located: dict[int, tuple[DataSection, DataSection]] = {}
        self._models: dict[int, tuple[ModelSection, ModelSection]] = {}

    def located(self, data: DataSection, set_at: Mapping[FieldPath, TomlPath]) -> DataSection:
        """`data` with absolute paths and content hashes; files that are not there are reported."""
        if data.path is None and data.eval_path is None:
            return data
        known = self._located.get(id(data))
        if known:
            return known[1]
        update: dict[str, Any] = {}
        for name in _FILES:
            written = getattr(data, name)
            if written is None:
                continue
            at = set_at.get(("data", name), ("data", name))
            file = self._absolute(written)
            digest = self._hash(file, written, at)
            declared = getattr(data, f"{name}_sha256")
            if digest and declared and digest != declared:
                self.findings.at_value(
                    set_at.get(("data", f"{name}_sha256"), ("data", f"{name}_sha256")),
                    f"{written} has other content: its SHA-256 is {digest}",
                    "the file changed since this was written",
                    field=f"data.{name}_sha256",
                )
            update |= {name: str(file), f"{name}_sha256": digest or declared}
        found = data.model_copy(update=update)
        self._located[id(data)] = (data, found)
        return found

    def located_model(self, model: ModelSection, set_at: Mapping[FieldPath, TomlPath]) -> ModelSection:
        """`model` with an absolute path, when it is a folder: a run starts elsewhere."""
        if id(model) not in self._models:
            folder = self._model_folder(model.model, set_at.get(("model", "model"), ("model", "model")))
            found = model if folder is None else model.model_copy(update={"model": str(folder)})
            self._models[id(model)] = (model, found)
        return self._models[id(model)][1]

    def _model_folder(self, written: str, at: TomlPath) -> Path | None:
        """None for the embedded model and for hub names, which are no paths."""
        if written == "embedded" or not written.strip():
            return None
        folder = self._absolute(written)
        if os.path.isdir(folder):
            return folder
        if written.startswith((".", "/", "~")):
            hint = f"looked for {folder}; a hub name is `owner/name`"
            self.findings.at_value(at, f"no such folder: {written}", hint, field="model.model")
        return None

    def _absolute(self, written: str) -> Path:
        """Without following links that go round in circles, or `~` of somebody who is not here."""
        return Path(os.path.abspath(self.folder / os.path.expanduser(written)))

    def _hash(self, file: Path, written: str, at: TomlPath) -> str | None:
        if file not in self._hashes:
            self._hashes[file] = None
            try:
                with file.open("rb") as stream:
                    self._hashes[file] = file_digest(stream, "sha256").hexdigest()
            except FileNotFoundError:
                self.findings.at_value(at, f"no such file: {written}", f"looked for {file}", field=dotted(at))
            except IsADirectoryError:
                self.findings.at_value(at, f"is a folder: {written}", "a JSONL file", field=dotted(at))
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or str(error)
                self.findings.at_value(at, f"cannot be read: {written}: {why}", field=dotted(at))
        return self._hashes[file]
