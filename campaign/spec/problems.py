"""Collects the problems of one document, so that all of them are reported together."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import ValidationError

from campaign.errors import Problem, SpecError
from campaign.spec.explain import dotted_path, explain
from campaign.spec.positions import TomlPath
from campaign.spec.reading import Document
from campaign.spec.section import Section

S = TypeVar("S", bound=Section)


class Problems:
    """The problems of one document, each once, in the order of the file."""

    def __init__(self, document: Document) -> None:
        self.document = document
        # A dictionary, because conditions that share a section find the same problem again.
        self._found: dict[Problem, None] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, problem: Problem) -> None:
        self._found[problem] = None

    def at_key(self, path: TomlPath, message: str, hint: str = "", *, field: str | None = None) -> None:
        """Adds a problem at the position of a key; `field` is the path it names, by default `path`."""
        place = self.document.place(path)
        self.add(Problem(message, place, dotted_path(path) if field is None else field, hint))

    def at_value(self, path: TomlPath, message: str, hint: str = "", *, field: str | None = None) -> None:
        """Adds a problem at the position of a value; `field` is the path it names, by default `path`."""
        place = self.document.place(path, value=True)
        self.add(Problem(message, place, dotted_path(path) if field is None else field, hint))

    def raise_if_any(self) -> None:
        """Raises `SpecError` with all problems."""
        if self._found:
            raise SpecError(sorted(self._found, key=_position))

    def validated(self, model: type[S], raw: dict[str, Any], at: TomlPath) -> tuple[S, dict[str, Any]]:
        """`raw` as a `model`, and the valid part of `raw`.

        Invalid keys are reported and left out, so that the checks that need a whole model still run and report
        their problems too.
        """
        kept = dict(raw)
        while True:
            try:
                return model.model_validate_json(json.dumps(kept)), kept
            except ValidationError as error:
                entries = error.errors(include_url=False)
                wrong = {str(entry["loc"][0]) for entry in entries if entry["loc"]}
                if not wrong & kept.keys():
                    raise
                for entry in entries:
                    self.add(explain(entry, self.document, model, at))
                kept = {key: value for key, value in kept.items() if key not in wrong}


def _position(problem: Problem) -> tuple[int, int]:
    place = problem.place
    return (place.line or 0, place.column or 0) if place else (0, 0)
