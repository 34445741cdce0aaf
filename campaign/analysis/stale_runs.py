"""Which runs of a folder are stale, judged from the `config.toml` of each run and the `plan.json` above it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaign.folder.paths import CampaignPaths, RunPaths
from campaign.folder.plan_document import plan_or_empty
from campaign.folder.regular_files import read_regular
from campaign.folder.run_code import Code, RecordedCode
from campaign.folder.run_record import read_config
from campaign.spec.stale import PlannedSettings, changes, first_change, recorded_fields

LEVELS = 6
"""How many folders above a metrics file may be the run's or the campaign's."""

_SEED_LINE = re.compile(rb"\n\[training\]\nseed = \d+\n")
"""The line in which the configurations of a condition's seeds differ. It is not inside a string, because the program
writes every string on one line."""


@dataclass(frozen=True, slots=True)
class RecordedSettings:
    """What the recorded configuration of one run says about its place in the plan."""

    stale: tuple[str, ...] = ()
    """The fields in which it differs from the plan, each with both values; empty when it does not."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Campaign:
    settings: PlannedSettings
    labels: tuple[str, ...]
    code: RecordedCode


class StaleRuns:
    """Judges the runs of one folder. Configurations are parsed once per condition and not once per seed: parsing ten
    thousand of them would take half a minute."""

    def __init__(self) -> None:
        self._campaigns: dict[Path, _Campaign] = {}
        self._found: dict[tuple[Path | None, str, bytes], RecordedSettings] = {}
        self._first: dict[str, tuple[str, dict[str, Any]]] = {}

    def of(self, metrics: Path, condition: str, run_id: str) -> RecordedSettings:
        """The settings of the run to which the file `metrics` belongs."""
        folder = _nearest(metrics, RunPaths(Path()).config.name)
        planned = _nearest(metrics, CampaignPaths(Path()).plan.name)
        campaign = self._campaign(planned)
        content = _content(folder) if folder is not None and _is_below(folder, planned) else b""
        if folder is None or not content:
            return self._unrecorded(campaign, condition)
        key = planned, condition, _SEED_LINE.sub(b"\n[training]\n", content, count=1)
        if key not in self._found:
            self._found[key] = self._judged(campaign, condition, run_id, read_config(RunPaths(folder)))
        return self._found[key]

    def code_of(self, metrics: Path) -> tuple[Code, ...]:
        """What the attempts of the run to which the file `metrics` belongs were executed by."""
        campaign = self._campaign(_nearest(metrics, CampaignPaths(Path()).plan.name))
        folder = _nearest(metrics, RunPaths(Path()).config.name)
        return () if campaign is None or folder is None else campaign.code.of(RunPaths(folder))

    def _judged(
        self, campaign: _Campaign | None, condition: str, run_id: str, config: Mapping[str, Any]
    ) -> RecordedSettings:
        if not config:
            return self._unrecorded(campaign, condition)
        if campaign is None or not campaign.labels:
            return self._among_each_other(condition, run_id, config)
        if removed := campaign.settings.changes_of_removed(condition, config):
            note = f"the plan no longer has its condition, and it differs from the plan in {first_change(removed)}"
            return RecordedSettings(notes=(note,))
        return RecordedSettings(campaign.settings.changes(condition, config))

    def _among_each_other(self, condition: str, run_id: str, config: Mapping[str, Any]) -> RecordedSettings:
        """Without a plan nobody can say which settings were meant, but that they differ is known."""
        fields = recorded_fields(config)
        first_id, first = self._first.setdefault(condition, (run_id, fields))
        differing = changes(fields, first)
        if not differing:
            return RecordedSettings()
        text = first_change(differing).replace("the spec says", f"{first_id} has")
        return RecordedSettings(notes=(f"it has other settings than {first_id}: {text}",))

    def _unrecorded(self, campaign: _Campaign | None, condition: str) -> RecordedSettings:
        if campaign is None or condition not in campaign.labels:
            return RecordedSettings()
        note = "its config.toml is missing or unreadable, so it is unknown whether it has the plan's settings"
        return RecordedSettings(notes=(note,))

    def _campaign(self, folder: Path | None) -> _Campaign | None:
        if folder is None:
            return None
        if folder not in self._campaigns:
            plan = plan_or_empty(CampaignPaths(folder).plan)
            recorded = tuple(entry.label for entry in plan.conditions if entry.config)
            self._campaigns[folder] = _Campaign(PlannedSettings(plan), recorded, RecordedCode(plan))
        return self._campaigns[folder]


def _nearest(path: Path, name: str) -> Path | None:
    """The nearest folder above `path` that holds the file `name`."""
    for folder in list(path.absolute().parents)[:LEVELS]:
        if (folder / name).is_file():
            return folder
    return None


def _is_below(folder: Path, planned: Path | None) -> bool:
    """Whether the configuration in `folder` is that of a run: one above the plan belongs to something else."""
    return planned is None or planned in folder.parents


def _content(folder: Path) -> bytes:
    try:
        return read_regular(RunPaths(folder).config)
    except OSError:
        return b""
