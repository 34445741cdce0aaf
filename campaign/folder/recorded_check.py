"""The result of the check as a submit recorded it in `check.json`, by those who make claims about the conditions.

`campaign.check.output.json` writes the document. A folder of another version, or one without the document, has an empty
record, about which nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from campaign.folder.atomic_files import read_json

RESOLVED = "resolved conditions"
CUT_OFF = "…"
"""Ends a value that is too long to be written out; two such values may differ after it."""


@dataclass(frozen=True, slots=True)
class RecordedCheck:
    """What the check found, as far as a claim about some of the conditions needs it."""

    allowed: str = ""
    """The reason for running in spite of a confound; empty without one."""
    confounds: Mapping[str, Mapping[str, tuple[str, str]]] = field(default_factory=dict)
    """Condition -> field outside the fields under test -> value in the reference, and in the condition."""
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Other comparison with a confound, such as `[check]` -> its fields."""
    unproven: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Comparison that is neither proven nor refuted -> its fields."""
    earlier: tuple[str, ...] = ()
    """Confounds that earlier submits were allowed and the latest does not have, as clauses."""

    def confound(self, conditions: Collection[str]) -> str:
        """The confounds between these conditions and the reason for running them, as the end of a sentence; empty
        when none is recorded."""
        parts = []
        if fields := [path for path in self._paths() if self._differs(path, conditions)]:
            parts.append(f"the conditions also differ in {', '.join(fields)}, outside the fields under test")
        parts += [f"{name} found a confound in {', '.join(found)}" for name, found in self.elsewhere.items()]
        if not parts:
            return ""
        return "; ".join([*parts, *([f"allowed with the reason: {self.allowed}"] if self.allowed else [])])

    @property
    def doubt(self) -> str:
        """What could not be proven, as a clause; empty when there is nothing."""
        if not self.unproven:
            return ""
        where = "; ".join(
            f"{name}{f' ({listed})' if (listed := ', '.join(paths)) else ''}"
            for name, paths in self.unproven.items()
        )
        return f"it is not proven that the conditions differ only in the fields under test: {where}"

    def _paths(self) -> list[str]:
        return sorted({path for fields in self.confounds.values() for path in fields})

    def _differs(self, path: str, conditions: Collection[str]) -> bool:
        """Whether the conditions differ in the field: a condition without a finding has the reference's value."""
        known = [self.confounds[label][path] for label in self.confounds if path in self.confounds[label]]
        reference = known[0][0]
        values = [self.confounds.get(label, {}).get(path, (reference, reference))[1] for label in conditions]
        return len(set(values)) > 1 or (len(values) > 1 and values[0].endswith(CUT_OFF))


def earlier_allowances(document: Mapping[str, Any]) -> tuple[str, ...]:
    """What earlier submits were allowed that is not a recorded confound of the latest one, as clauses.

    A field that is declared under test later makes the proof hold, but the runs were started as a confound.
    """
    now = {finding["path"] for _, _, finding in _findings(document) if finding["kind"] == "confound"}
    return tuple(
        f"an earlier submit started runs although the conditions also differed in {', '.join(old['fields'])}; "
        f"the reason given: {old['reason']}"
        for old in document.get("earlier") or ()
        if not now.issuperset(old["fields"])
    )


def read_recorded_check(path: Path) -> RecordedCheck:
    """The record in `path`; an empty one when there is none, or not in the form that is written."""
    document = read_json(path)
    try:
        return _record(document) if isinstance(document, dict) else RecordedCheck()
    except (TypeError, ValueError, KeyError, AttributeError):
        return RecordedCheck()


def _record(document: Mapping[str, Any]) -> RecordedCheck:
    confounds: dict[str, dict[str, tuple[str, str]]] = {}
    elsewhere: dict[str, list[str]] = {}
    unproven: dict[str, list[str]] = {}
    for comparison, target, finding in _findings(document):
        path = str(finding["path"] or target)
        if finding["kind"] == "confound" and comparison == RESOLVED:
            values = str(finding["reference"]["value"]), str(finding["variant"]["value"])
            confounds.setdefault(target, {})[path] = values
        else:
            found = elsewhere if finding["kind"] == "confound" else unproven
            found.setdefault(comparison or "the check", []).append(path)
    return RecordedCheck(
        str(document.get("allowed") or ""),
        confounds,
        {name: tuple(dict.fromkeys(paths)) for name, paths in elsewhere.items()},
        {name: tuple(dict.fromkeys(paths)) for name, paths in unproven.items()},
        earlier_allowances(document),
    )


def _findings(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(comparison, variant, finding) of every confound and everything that is not proven."""
    for variant in document.get("variants") or ():
        for finding in variant["findings"]:
            if finding["kind"] in ("confound", "unproven"):
                yield str(variant.get("comparison") or ""), str(variant["target"]), finding
