"""`load`: reads a campaign's TOML file into a `Spec`, or reports all its problems."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from campaign.spec import labels
from campaign.spec.check_section import CheckSection
from campaign.spec.conditions import ConditionResolver, field_value
from campaign.spec.config import RunConfig
from campaign.spec.declared_conditions import DeclaredCondition, declared_conditions
from campaign.spec.explain import toml_value, unknown_section
from campaign.spec.fields import by_leaf, fields, sections
from campaign.spec.forbidden_values import without_forbidden_values
from campaign.spec.hypotheses import look_problems
from campaign.spec.hypothesis_tables import hypothesis_tables
from campaign.spec.modules import ModuleReader, executed_modules
from campaign.spec.overrides import FieldPath
from campaign.spec.planned_runs import Condition
from campaign.spec.problems import Problems
from campaign.spec.reading import Document, read
from campaign.spec.spec import CampaignSection, Spec
from campaign.spec.unread_fields import written_fields
from campaign.suggest import did_you_mean


def load(path: Path, read_modules: ModuleReader = executed_modules) -> Spec:
    """The campaign in `path`, with its conditions resolved and its data files hashed.

    `read_modules` reads the conditions that are Python files; by default each is executed, in a separate process.
    Raises `SpecError` with all problems of the file, in the order of the file.
    """
    path = Path(path)
    return from_document(read(path), path, read_modules)


def campaign_name(path: Path) -> str:
    """The name of the campaign in `path`, whatever else is wrong with the file. Executes nothing.

    Raises `SpecError` for a file that cannot be read or parsed.
    """
    table = read(path).data.get("campaign")
    name = table.get("name") if isinstance(table, dict) else None
    return name if isinstance(name, str) and not labels.invalid_name(name) else labels.name_from_file(path)


def from_document(document: Document, path: Path, read_modules: ModuleReader = executed_modules) -> Spec:
    """The campaign that `document` declares. Relative paths in it are relative to the folder of `path`."""
    problems = Problems(document)
    data = without_forbidden_values(problems)
    for name, value in data.items():
        if name not in ("campaign", "check", "hypotheses", *sections()):
            message, hint = unknown_section(name, value)
            problems.at_key((name,), message, hint, field="")
    campaign, _ = problems.validated(CampaignSection, _table(data, "campaign", problems), ("campaign",))
    check, _ = problems.validated(CheckSection, _table(data, "check", problems), ("check",))
    raw, base = _base(data, campaign, problems)
    _check_campaign(campaign, _table(data, "campaign", problems).get("seeds"), problems)
    name = _name(campaign, path, problems)
    declared = declared_conditions(campaign, path.parent, problems, read_modules)
    resolver = ConditionResolver(name, base, raw, path.parent, problems, _left_out(data, raw))
    conditions = resolver.resolve(declared)
    under_test = _under_test(campaign, declared, conditions, problems)
    hypotheses = hypothesis_tables(data, conditions, campaign, problems)
    problems.raise_if_any()
    return Spec(
        name=name,
        path=path,
        text=document.text,
        base=resolver.base,
        conditions=conditions,
        seeds=campaign.seeds,
        under_test=under_test,
        on_failure=campaign.on_failure,
        looks=campaign.looks,
        headline_metric=campaign.headline_metric,
        hypotheses=hypotheses,
        check=check,
        modules={
            condition.label: entry.module
            # Without declared conditions there is one more condition, the base, which has no module.
            for condition, entry in zip(conditions, declared, strict=False)
            if entry.module is not None
        },
        written=written_fields(data),
        notes=document.notes + _notes(data, campaign, conditions) + tuple(resolver.files.notes),
    )


def _table(data: dict[str, Any], name: str, problems: Problems) -> dict[str, Any]:
    value = data.get(name, {})
    if isinstance(value, dict):
        return value
    if isinstance(value, list):
        problems.at_value(
            (name,), f"expected a table [{name}], got a list", f"write [{name}], not [[{name}]]"
        )
    else:
        problems.at_value((name,), f"expected a table [{name}], got {toml_value(value)}")
    return {}


def _base(
    data: dict[str, Any], campaign: CampaignSection, problems: Problems
) -> tuple[dict[str, dict[str, Any]], RunConfig]:
    """The valid part of each section as written, and the base configuration."""
    raw = {name: _table(data, name, problems) for name in sections() if name in data}
    if "seed" in raw.get("training", {}):
        problems.at_key(
            ("training", "seed"), "seeds belong to [campaign]", "write `seeds = [...]` in [campaign]"
        )
        raw["training"] = {key: value for key, value in raw["training"].items() if key != "seed"}
    if campaign.max_steps is not None:
        written = raw.get("training", {}).get("max_steps", campaign.max_steps)
        if written != campaign.max_steps:
            problems.at_value(
                ("training", "max_steps"),
                f"is {toml_value(written)}, but campaign.max_steps is {campaign.max_steps}",
                "both mean the same number: keep one of them",
            )
        raw["training"] = {**raw.get("training", {}), "max_steps": campaign.max_steps}
    built = {}
    for name, table in raw.items():
        built[name], raw[name] = problems.validated(sections()[name], table, (name,))
    return raw, RunConfig().model_copy(update=built)


def _left_out(data: dict[str, Any], raw: dict[str, dict[str, Any]]) -> set[FieldPath]:
    """The fields of the base that were written and are invalid."""
    tables = {name: table for name, table in data.items() if name in raw and isinstance(table, dict)}
    return {(name, key) for name, table in tables.items() for key in table if key not in raw[name]}


def _check_campaign(campaign: CampaignSection, written: Any, problems: Problems) -> None:
    earlier: list[Any] = []
    for number, seed in enumerate(written if isinstance(written, list) else ()):
        if seed in earlier:
            message = f"lists {toml_value(seed)} twice"
            problems.at_value(("campaign", "seeds", number), message, "remove one of them")
        earlier.append(seed)
    for problem in look_problems(campaign.looks, len(campaign.seeds)):
        problems.at_value(("campaign", "looks"), problem)


def _name(campaign: CampaignSection, path: Path, problems: Problems) -> str:
    if campaign.name is None:
        return labels.name_from_file(path)
    if problem := labels.invalid_name(campaign.name):
        problems.at_value(("campaign", "name"), *problem)
    return campaign.name


def _under_test(
    campaign: CampaignSection,
    declared: tuple[DeclaredCondition, ...],
    conditions: tuple[Condition, ...],
    problems: Problems,
) -> tuple[str, ...]:
    """The fields under test: those that conditions set, or those that match `campaign.under_test`."""
    paths = list(_fields_set(declared, conditions))
    if campaign.under_test is not None:
        paths = _matching(campaign.under_test, list(dict.fromkeys([*fields(), *paths])), problems)
    # Conditions with different data, models or source code differ in the content hash too.
    hashes = [sha256 for path in paths if _differs(sha256 := f"{path}_sha256", conditions)]
    return tuple(dict.fromkeys([*paths, *hashes]))


def _differs(path: str, conditions: tuple[Condition, ...]) -> bool:
    """Whether there is a field of this name in which the conditions differ."""
    if path not in fields():
        return False
    section, _, name = path.partition(".")
    values = [field_value(condition.config, (section, name)) for condition in conditions]
    return any(value != values[0] for value in values)


def _matching(patterns: tuple[str, ...], legal: list[str], problems: Problems) -> list[str]:
    """The paths that the patterns match; a bare name matches the one field of that name."""
    found: list[str] = []
    for number, pattern in enumerate(patterns):
        named = [field.path for field in by_leaf().get(pattern, ())]
        matches = named if len(named) == 1 else [path for path in legal if fnmatchcase(path, pattern)]
        if not matches:
            hint = did_you_mean(pattern, [*legal, *by_leaf()])
            problems.at_value(
                ("campaign", "under_test", number),
                f"no field matches {toml_value(pattern)}",
                hint or "write a dotted path such as `training.lr`, or a pattern such as `gtpo.*`",
            )
        found += matches
    return found


def _fields_set(
    declared: tuple[DeclaredCondition, ...], conditions: tuple[Condition, ...]
) -> dict[str, None]:
    """The fields that conditions set, in order. A field that a module sets counts only when conditions differ
    in it, because the modules of a family repeat what they share."""
    found: dict[str, None] = {}
    constant: dict[FieldPath, bool] = {}
    for condition in declared:
        for entry in condition.overrides:
            if entry.from_module and entry.path not in constant:
                values = [field_value(condition.config, entry.path) for condition in conditions]
                constant[entry.path] = all(value == values[0] for value in values)
            if not (entry.from_module and constant[entry.path]):
                found[entry.dotted] = None
    return found


def _notes(
    data: dict[str, Any], campaign: CampaignSection, conditions: tuple[Condition, ...]
) -> tuple[str, ...]:
    notes: list[str] = []
    if "seeds" not in data.get("campaign", {}):
        notes.append(f"no seeds are given, so the default is used: {', '.join(map(str, campaign.seeds))}")
    assumed = "early_stopping" not in data.get("core", {})
    if assumed and all(condition.config.core.early_stopping for condition in conditions):
        notes.append("no max_steps is given, so a run counts as complete wherever its command exits with 0")
    return tuple(notes)
