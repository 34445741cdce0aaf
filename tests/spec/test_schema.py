"""The JSON Schema accepts every campaign file of the repository and refuses misspelt keys."""

from __future__ import annotations

import copy
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from campaign.errors import SpecError
from campaign.spec.fields import fields
from campaign.spec.json_schema import json_schema
from tests.spec.conftest import Cli, Loader
from tests.spec.malformed import CASES

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "examples").rglob("*.toml"), *(ROOT / "templates").glob("*.toml")])
CAMPAIGNS = [path for path in FILES if path.name != "pyproject.toml"]


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("path", CAMPAIGNS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_campaign_file_of_the_repository_fits_the_schema(
    path: Path, validator: Draft202012Validator
) -> None:
    validator.validate(tomllib.loads(path.read_text()))


def keys(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in ((*at, key), *keys(item, (*at, key)))]
    if isinstance(value, list):
        return [found for number, item in enumerate(value) for found in keys(item, (*at, number))]
    return []


def misspelt(document: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    inner: Any = changed
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1] + "z"] = inner.pop(path[-1])
    return changed


@pytest.mark.parametrize("path", CAMPAIGNS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_key_of_every_campaign_file_is_refused_when_misspelt(
    path: Path, validator: Draft202012Validator
) -> None:
    document = tomllib.loads(path.read_text())
    free = {("core", "options"), ("core", "env"), ("core", "metrics_map"), ("data", "weights")}
    for key in keys(document):
        inside = [
            part
            for part in key
            if isinstance(part, str) and part not in ("campaign", "factors", "conditions")
        ]
        if tuple(inside[:2]) in free and len(inside) > 2:
            continue
        assert not validator.is_valid(misspelt(document, key)), key


def test_the_schema_refuses_what_the_loader_refuses_for_its_keys_types_and_ranges(
    validator: Draft202012Validator,
) -> None:
    """Rules over the whole configuration (files, contradictions, duplicates) are the loader's alone."""
    prefixes = (
        *(
            "key_",
            "section_",
            "conditions_at",
            "string_for",
            "fraction_for",
            "bool_for",
            "number_for",
            "value_for",
        ),
        *(
            "list_for",
            "table_for",
            "wrong_item",
            "too_",
            "negative",
            "zero",
            "huge",
            "group_of",
            "not_in_set",
        ),
        *("not_a_known", "decay", "seed_", "no_seeds", "on_failure", "factor_of_wrong", "factor_not"),
        *("empty_factor", "empty_condition", "cluster_in", "entrypoint_form", "project_with"),
    )
    beyond = {
        "key_twice",
        "section_twice",
        "too_many_runs",
        "fraction_for_whole",
    }  # to JSON Schema 8.0 is a whole number
    checked = [case for case in CASES if case.name.startswith(prefixes) and case.name not in beyond]
    assert len(checked) > 40
    assert [case.name for case in checked if validator.is_valid(tomllib.loads(case.text))] == []


@pytest.mark.parametrize(
    "path",
    [path for path in fields() if not path.startswith(("execution.", "ray.")) and path != "training.seed"],
)
def test_every_field_can_be_named_bare_dotted_and_nested_in_a_condition(
    path: str, validator: Draft202012Validator, spec_of: Loader
) -> None:
    section, _, name = path.partition(".")
    value = {"x": 1.0} if fields()[path].is_table else object()
    for table in ({path: value}, {section: {name: value}}):
        document = {"campaign": {"conditions": [table]}}
        wrong_key = [
            error for error in validator.iter_errors(document) if error.validator == "additionalProperties"
        ]
        assert wrong_key == []
    with pytest.raises(SpecError) as caught:
        spec_of(f'[[campaign.conditions]]\n"{path}" = -1\n[[campaign.conditions]]\n"{path}" = -1\n')
    assert "unknown" not in str(caught.value)


def test_the_schema_describes_every_key_for_the_editor() -> None:
    schema = json_schema()
    undescribed = [
        f"{name}.{key}"
        for name, model in schema["$defs"].items()
        if name.endswith("Section")
        for key, entry in model["properties"].items()
        if "description" not in entry
    ]
    assert undescribed == []


def test_the_schema_file_of_the_repository_is_what_the_command_prints(cli: Cli) -> None:
    printed = cli("schema")
    assert printed.code == 0
    assert json.loads(printed.out) == json.loads((ROOT / "campaign.schema.json").read_text()), (
        "regenerate it: campaign schema > campaign.schema.json"
    )
