"""The conditions that a file declares: listed, combined from factors, or read from Python modules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from campaign.spec.explain import toml_value
from campaign.spec.modules import ModuleReader, module_configs
from campaign.spec.overrides import FieldPath, Override, overrides
from campaign.spec.positions import TomlPath
from campaign.spec.problems import Problems
from campaign.spec.spec import CampaignSection

MOST_RUNS = 100_000
"""Most runs (conditions times seeds) of a campaign; a file that declares more contains a mistake."""


@dataclass(frozen=True, slots=True)
class DeclaredCondition:
    """One condition of the file, before its overrides are applied to the base."""

    overrides: tuple[Override, ...]
    at: TomlPath
    """Its path in the document; combinations of factors share the path of `campaign.factors`."""
    name: str | None = None
    module: str | None = None
    incomplete: bool = False
    """Whether a part of it was invalid and left out, so that nothing can be said about its configuration."""


def declared_conditions(
    campaign: CampaignSection, folder: Path, problems: Problems, read_modules: ModuleReader
) -> tuple[DeclaredCondition, ...]:
    """All conditions of the campaign in the order of the file; a file without any runs the base alone."""
    if campaign.conditions and campaign.factors:
        problems.at_key(
            ("campaign", "factors"),
            "cannot be combined with [[campaign.conditions]]",
            "use one of the two; conditions in addition to the combinations of factors go into `include`",
        )
    if campaign.exclude and not campaign.factors:
        problems.at_key(
            ("campaign", "exclude"),
            "excludes combinations of `factors`, but the campaign has no factors",
            "remove it, or add [campaign.factors]",
        )
    listed = _listed(campaign.conditions, "conditions", folder, problems, read_modules)
    combined = _combinations(campaign, problems)
    return (*listed, *combined, *_listed(campaign.include, "include", folder, problems, read_modules))


def _listed(
    tables: tuple[dict[str, Any], ...],
    key: str,
    folder: Path,
    problems: Problems,
    read_modules: ModuleReader,
) -> tuple[DeclaredCondition, ...]:
    paths: list[TomlPath] = [("campaign", key, number) for number in range(len(tables))]
    modules: dict[TomlPath, str] = {
        (*at, "module"): module
        for table, at in zip(tables, paths, strict=True)
        if isinstance(module := table.get("module"), str)
    }
    configs = module_configs(modules, folder, problems, read_modules)
    return tuple(_condition(table, at, configs, problems) for table, at in zip(tables, paths, strict=True))


def _condition(
    table: dict[str, Any], at: TomlPath, configs: dict[TomlPath, dict[str, Any]], problems: Problems
) -> DeclaredCondition:
    known = len(problems)
    own = {key: value for key, value in table.items() if key not in ("name", "module")}
    name, module = (_string(table, key, at, problems) for key in ("name", "module"))
    from_module = overrides(configs.get((*at, "module"), {}), (*at, "module"), problems)
    # Keys of the table come last, so that they replace those of the module.
    by_path = {entry.path: entry for entry in (*from_module, *overrides(own, at, problems))}
    if not table:
        problems.at_key(at, "is an empty condition", "set at least one field, or give it a `name`")
    incomplete = len(problems) > known or (module is not None and (*at, "module") not in configs)
    return DeclaredCondition(tuple(by_path.values()), at, name, module, incomplete)


def _string(table: dict[str, Any], key: str, at: TomlPath, problems: Problems) -> str | None:
    value = table.get(key)
    if value is not None and not isinstance(value, str):
        problems.at_value((*at, key), f"expected a string, got {toml_value(value)}")
        return None
    return value


def _combinations(campaign: CampaignSection, problems: Problems) -> tuple[DeclaredCondition, ...]:
    at: TomlPath = ("campaign", "factors")
    factors = [
        values for entry in overrides(campaign.factors, at, problems) if (values := _values(entry, problems))
    ]
    if _too_many_runs(factors, campaign, problems):
        return ()
    exclusions = _Exclusions(campaign, {values[0].path for values in factors}, problems)
    # The product of no factors is one empty combination, which would be the base a second time.
    combinations = product(*factors) if factors else ()
    kept = tuple(DeclaredCondition(entries, at) for entries in combinations if not exclusions.match(entries))
    exclusions.report_unused()
    if factors and not kept:
        problems.at_key(
            ("campaign", "exclude"), "leaves no combination of the factors", "remove at least one entry"
        )
    return kept


def _too_many_runs(
    factors: list[tuple[Override, ...]], campaign: CampaignSection, problems: Problems
) -> bool:
    """Counted before the product is built, which would not fit in memory."""
    runs = prod(len(values) for values in factors) * len(campaign.seeds)
    if runs <= MOST_RUNS:
        return False
    sizes = " x ".join(str(len(values)) for values in factors)
    problems.at_key(
        ("campaign", "factors"),
        f"{sizes} combinations x {len(campaign.seeds)} seeds = {runs:,} runs",
        f"a campaign has at most {MOST_RUNS:,}: leave out factors or values",
    )
    return True


def _values(factor: Override, problems: Problems) -> tuple[Override, ...]:
    """One override for each value of a factor."""
    if not isinstance(factor.value, list):
        message = f"expected a list of values, got {toml_value(factor.value)}"
        problems.at_value(factor.at, message, f"write [{toml_value(factor.value)}]")
        return ()
    if not factor.value:
        problems.at_value(factor.at, "is an empty list", "a factor needs at least one value")
    earlier: list[Any] = []
    for number, value in enumerate(factor.value):
        # In Python 1 == True == 1.0; in TOML they are different values.
        if any(value == other and type(value) is type(other) for other in earlier):
            problems.at_value((*factor.at, number), f"lists {toml_value(value)} twice", "remove one of them")
        earlier.append(value)
    return tuple(
        Override(factor.path, value, (*factor.at, number)) for number, value in enumerate(factor.value)
    )


class _Exclusions:
    """The entries of `exclude`, and which of them have matched a combination."""

    def __init__(self, campaign: CampaignSection, factors: set[FieldPath], problems: Problems) -> None:
        self.problems = problems
        self.entries = list(self._read(campaign, factors))
        self.matched: set[TomlPath] = set()

    def _read(
        self, campaign: CampaignSection, factors: set[FieldPath]
    ) -> Iterator[tuple[TomlPath, dict[FieldPath, Any]]]:
        for number, table in enumerate(campaign.exclude):
            at: TomlPath = ("campaign", "exclude", number)
            entries = list(overrides(table, at, self.problems))
            for entry in entries:
                if entry.path not in factors:
                    names = ", ".join(".".join(path) for path in sorted(factors))
                    self.problems.at_key(
                        entry.at, f"`{entry.dotted}` is not a factor", f"factors: {names}", field=""
                    )
            if entries and all(entry.path in factors for entry in entries):
                yield at, {entry.path: entry.value for entry in entries}
            elif not table:
                self.problems.at_key(
                    at, "is empty: it would leave out everything", "remove it, or name values of factors"
                )

    def match(self, combination: tuple[Override, ...]) -> bool:
        """Whether an entry leaves out the combination."""
        values = {entry.path: entry.value for entry in combination}
        matching = [
            at
            for at, excluded in self.entries
            if all(values[path] == value for path, value in excluded.items())
        ]
        self.matched.update(matching)
        return bool(matching)

    def report_unused(self) -> None:
        for at, excluded in self.entries:
            if at not in self.matched:
                values = ", ".join(
                    f"{'.'.join(path)} = {toml_value(value)}" for path, value in excluded.items()
                )
                self.problems.at_key(
                    at,
                    f"matches no combination: {values}",
                    "remove it, or use values that the factors list together",
                )
