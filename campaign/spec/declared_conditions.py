"""The conditions as the file lists them: written out, combinations of factors, or from Python modules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from campaign.spec.explain import shown
from campaign.spec.modules import module_configs
from campaign.spec.overrides import FieldPath, Override, overrides
from campaign.spec.positions import TomlPath
from campaign.spec.problems import Findings
from campaign.spec.spec import CampaignSection

MOST_RUNS = 100_000
"""Conditions times seeds: more is a slip of the pen, not an experiment."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One condition before it is resolved."""

    overrides: tuple[Override, ...]
    at: TomlPath
    name: str | None = None
    module: str | None = None


def drafts(campaign: CampaignSection, folder: Path, findings: Findings) -> tuple[Draft, ...]:
    """All conditions of the campaign in the order of the file; none at all means the base alone."""
    if campaign.conditions and campaign.factors:
        findings.at_key(
            ("campaign", "factors"),
            "stands beside [[campaign.conditions]]",
            "write either; conditions besides the combinations of the factors go into `include`",
        )
    if campaign.exclude and not campaign.factors:
        findings.at_key(("campaign", "exclude"), "leaves out combinations of `factors`, and there are none")
    listed = _listed(campaign.conditions, "conditions", folder, findings)
    crossed = _crossed(campaign, findings)
    return (*listed, *crossed, *_listed(campaign.include, "include", folder, findings))


def _listed(
    tables: tuple[dict[str, Any], ...], key: str, folder: Path, findings: Findings
) -> tuple[Draft, ...]:
    places: list[TomlPath] = [("campaign", key, number) for number in range(len(tables))]
    wanted: dict[TomlPath, str] = {
        (*at, "module"): module
        for table, at in zip(tables, places, strict=True)
        if isinstance(module := table.get("module"), str)
    }
    configs = module_configs(wanted, folder, findings)
    return tuple(_draft(table, at, configs, findings) for table, at in zip(tables, places, strict=True))


def _draft(
    table: dict[str, Any], at: TomlPath, configs: dict[TomlPath, dict[str, Any]], findings: Findings
) -> Draft:
    own = {key: value for key, value in table.items() if key not in ("name", "module")}
    name, module = (_text(table, key, at, findings) for key in ("name", "module"))
    from_module = overrides(configs.get((*at, "module"), {}), (*at, "module"), findings)
    found = {entry.path: entry for entry in (*from_module, *overrides(own, at, findings))}
    if not table:
        findings.at_key(at, "is an empty condition", "name at least one field, or give it a `name`")
    return Draft(tuple(found.values()), at, name, module)


def _text(table: dict[str, Any], key: str, at: TomlPath, findings: Findings) -> str | None:
    value = table.get(key)
    if value is not None and not isinstance(value, str):
        findings.at_value((*at, key), f"expected text, got {shown(value)}")
        return None
    return value


def _crossed(campaign: CampaignSection, findings: Findings) -> tuple[Draft, ...]:
    at: TomlPath = ("campaign", "factors")
    axes = [axis for entry in overrides(campaign.factors, at, findings) if (axis := _axis(entry, findings))]
    count = prod(len(axis) for axis in axes)
    if count * len(campaign.seeds) > MOST_RUNS:
        sizes = " x ".join(str(len(axis)) for axis in axes)
        findings.at_key(
            at, f"{sizes} combinations x {len(campaign.seeds)} seeds = {count * len(campaign.seeds):,} runs",
            f"at most {MOST_RUNS:,}",
        )  # fmt: skip
        return ()
    left_out = _Exclusions(campaign, {axis[0].path for axis in axes}, findings)
    found = tuple(Draft(entries, at) for entries in product(*axes) if axes and not left_out.match(entries))
    left_out.report()
    if axes and not found:
        findings.at_key(("campaign", "exclude"), "leaves no combination of the factors")
    return found


def _axis(entry: Override, findings: Findings) -> tuple[Override, ...]:
    if not isinstance(entry.value, list):
        findings.at_value(
            entry.at, f"expected a list of values, got {shown(entry.value)}", f"[{shown(entry.value)}]"
        )
        return ()
    if not entry.value:
        findings.at_value(entry.at, "is an empty list: the factor needs at least one value")
    values: list[Any] = []
    for number, value in enumerate(entry.value):
        if any(value == seen and type(value) is type(seen) for seen in values):
            findings.at_value((*entry.at, number), f"lists {shown(value)} twice")
        values.append(value)
    return tuple(Override(entry.path, value, (*entry.at, number)) for number, value in enumerate(values))


class _Exclusions:
    """The entries of `exclude`, and which of them have matched a combination."""

    def __init__(self, campaign: CampaignSection, axes: set[FieldPath], findings: Findings) -> None:
        self.findings = findings
        self.entries = list(self._read(campaign, axes))
        self.matched: set[TomlPath] = set()

    def _read(
        self, campaign: CampaignSection, axes: set[FieldPath]
    ) -> Iterator[tuple[TomlPath, dict[FieldPath, Any]]]:
        for number, table in enumerate(campaign.exclude):
            at: TomlPath = ("campaign", "exclude", number)
            entries = list(overrides(table, at, self.findings))
            for entry in entries:
                if entry.path not in axes:
                    names = ", ".join(".".join(path) for path in sorted(axes))
                    self.findings.at_key(
                        entry.at, f"`{entry.dotted}` is not a factor", f"factors: {names}", field=""
                    )
            if entries and all(entry.path in axes for entry in entries):
                yield at, {entry.path: entry.value for entry in entries}
            elif not table:
                self.findings.at_key(at, "is empty: it would leave out everything")

    def match(self, combination: tuple[Override, ...]) -> bool:
        values = {entry.path: entry.value for entry in combination}
        hits = [
            at for at, wanted in self.entries if all(values[path] == value for path, value in wanted.items())
        ]
        self.matched.update(hits)
        return bool(hits)

    def report(self) -> None:
        for at, wanted in self.entries:
            if at not in self.matched:
                said = ", ".join(f"{'.'.join(path)} = {shown(value)}" for path, value in wanted.items())
                self.findings.at_key(at, f"matches no combination: {said}")
