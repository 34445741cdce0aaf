"""`load`: from a campaign's TOML file to a `Spec`, or to everything that is wrong with it."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from campaign.spec import labels
from campaign.spec.check_section import CheckSection
from campaign.spec.conditions import ConditionResolver, field_value
from campaign.spec.config import RunConfig
from campaign.spec.declared_conditions import Draft, drafts
from campaign.spec.explain import did_you_mean, shown, unknown_section
from campaign.spec.fields import by_leaf, fields, sections
from campaign.spec.forbidden_values import screen
from campaign.spec.hypotheses import look_problems
from campaign.spec.hypothesis_tables import claims
from campaign.spec.overrides import FieldPath
from campaign.spec.planned_runs import Condition
from campaign.spec.problems import Findings
from campaign.spec.reading import Document, read
from campaign.spec.spec import CampaignSection, Spec


def load(path: Path) -> Spec:
    """The campaign in `path`, with its conditions resolved and its data files fingerprinted.

    Raises `SpecError` with every problem of the file, in the file's order.
    """
    path = Path(path)
    return from_document(read(path), path)


def from_document(document: Document, path: Path) -> Spec:
    """The campaign that `document` declares; files it names are looked up beside `path`."""
    findings = Findings(document)
    data = screen(findings)
    for name, value in data.items():
        if name not in ("campaign", "check", "hypotheses", *sections()):
            message, hint = unknown_section(name, value)
            findings.at_key((name,), message, hint, field="")
    campaign, _ = findings.validated(CampaignSection, _table(data, "campaign", findings), ("campaign",))
    check, _ = findings.validated(CheckSection, _table(data, "check", findings), ("check",))
    raw, base = _base(data, campaign, findings)
    _check_campaign(campaign, _table(data, "campaign", findings).get("seeds"), findings)
    name = _name(campaign, path, findings)
    drafted = drafts(campaign, path.parent, findings)
    resolver = ConditionResolver(name, base, raw, path.parent, findings)
    conditions = resolver.resolve(drafted)
    under_test = _under_test(campaign, drafted, conditions, findings)
    hypotheses = claims(data, [condition.label for condition in conditions], findings)
    findings.raise_if_any()
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
        hypotheses=hypotheses,
        check=check,
        modules={
            condition.label: draft.module
            for condition, draft in zip(conditions, drafted, strict=False)
            if draft.module is not None
        },
        notes=document.notes + _notes(data, campaign),
    )


def _table(data: dict[str, Any], name: str, findings: Findings) -> dict[str, Any]:
    value = data.get(name, {})
    if isinstance(value, dict):
        return value
    what = f"a list: one [{name}], not [[{name}]]" if isinstance(value, list) else shown(value)
    findings.at_value((name,), f"expected a table [{name}], got {what}")
    return {}


def _base(
    data: dict[str, Any], campaign: CampaignSection, findings: Findings
) -> tuple[dict[str, dict[str, Any]], RunConfig]:
    """The base configuration, and the valid part of each section as written."""
    raw = {name: _table(data, name, findings) for name in sections() if name in data}
    if "seed" in raw.get("training", {}):
        findings.at_key(
            ("training", "seed"), "seeds belong to the campaign", "write `seeds = [...]` in [campaign]"
        )
        raw["training"] = {key: value for key, value in raw["training"].items() if key != "seed"}
    if campaign.max_steps is not None:
        written = raw.get("training", {}).get("max_steps", campaign.max_steps)
        if written != campaign.max_steps:
            findings.at_value(
                ("training", "max_steps"),
                f"is {shown(written)}, and campaign.max_steps is {campaign.max_steps}",
                "they are the same number: write it once",
            )
        raw["training"] = {**raw.get("training", {}), "max_steps": campaign.max_steps}
    built = {}
    for name, table in raw.items():
        built[name], raw[name] = findings.validated(sections()[name], table, (name,))
    return raw, RunConfig().model_copy(update=built)


def _check_campaign(campaign: CampaignSection, written: Any, findings: Findings) -> None:
    seen: list[Any] = []
    for number, seed in enumerate(written if isinstance(written, list) else ()):
        if seed in seen:
            findings.at_value(
                ("campaign", "seeds", number),
                f"lists {shown(seed)} twice",
                "each seed is one run a condition",
            )
        seen.append(seed)
    for problem in look_problems(campaign.looks, len(campaign.seeds)):
        findings.at_value(("campaign", "looks"), problem)


def _name(campaign: CampaignSection, path: Path, findings: Findings) -> str:
    if campaign.name is None:
        return labels.from_stem(path)
    if problem := labels.refused(campaign.name):
        findings.at_value(("campaign", "name"), *problem)
    return campaign.name


def _under_test(
    campaign: CampaignSection,
    drafted: tuple[Draft, ...],
    conditions: tuple[Condition, ...],
    findings: Findings,
) -> tuple[str, ...]:
    named = list(_named(drafted, conditions))
    if campaign.under_test is None:
        found = named
    else:
        known = list(dict.fromkeys([*fields(), *named]))
        found = []
        for number, pattern in enumerate(campaign.under_test):
            homes = [field.path for field in by_leaf().get(pattern, ())]
            matches = homes if len(homes) == 1 else [path for path in known if fnmatchcase(path, pattern)]
            if not matches:
                hint = (
                    did_you_mean(pattern, [*known, *by_leaf()])
                    or "a dotted path such as `training.lr`, or `gtpo.*`"
                )
                findings.at_value(
                    ("campaign", "under_test", number), f"no field matches {shown(pattern)}", hint
                )
            found += matches
    # The content of a data file under test is under test with it.
    contents = [f"{path}_sha256" for path in found if path in ("data.path", "data.eval_path")]
    return tuple(dict.fromkeys([*found, *contents]))


def _named(drafted: tuple[Draft, ...], conditions: tuple[Condition, ...]) -> dict[str, None]:
    """The fields that conditions name, in order; what modules name only where it differs between them."""
    found: dict[str, None] = {}
    idle: dict[FieldPath, bool] = {}
    for draft in drafted:
        for entry in draft.overrides:
            if entry.from_module and entry.path not in idle:
                values = [field_value(condition.config, entry.path) for condition in conditions]
                idle[entry.path] = all(value == values[0] for value in values)
            if not (entry.from_module and idle[entry.path]):
                found[entry.dotted] = None
    return found


def _notes(data: dict[str, Any], campaign: CampaignSection) -> tuple[str, ...]:
    notes = []
    if "seeds" not in data.get("campaign", {}):
        notes.append(f"no seeds are given: {', '.join(map(str, campaign.seeds))}")
    return tuple(notes)
