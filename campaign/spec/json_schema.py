"""The JSON Schema (draft 2020-12) of a campaign file, for completion and validation in editors."""

from __future__ import annotations

from typing import Any

from campaign.json_documents import DIALECT
from campaign.spec.check_section import CheckSection
from campaign.spec.config import RunConfig
from campaign.spec.fields import by_leaf, fields, sections
from campaign.spec.hypotheses import Hypothesis
from campaign.spec.overrides import WHOLE_CAMPAIGN
from campaign.spec.spec import CampaignSection

GENERATED = "written by `campaign schema`"
_REF = "#/$defs/{model}"


def json_schema() -> dict[str, Any]:
    """The schema of the whole file. Rules over several fields and files are left to `campaign plan`."""
    defs: dict[str, Any] = {}
    for model in (RunConfig, CampaignSection, CheckSection):
        schema = model.model_json_schema(ref_template=_REF, by_alias=True)
        defs |= schema.pop("$defs", {})
        defs[model.__name__] = schema
    del defs["RunConfig"]
    del defs["TrainingSection"]["properties"]["seed"]
    top = {name: _ref(model.__name__) for name, model in sections().items()}
    campaign = defs["CampaignSection"]["properties"]
    defs["Condition"] = _condition()
    defs["Values"] = _values()
    for key in ("conditions", "include"):
        campaign[key]["items"] = _ref("Condition")
    campaign["exclude"]["items"] = _ref("Condition")
    campaign["factors"] = {**_ref("Values"), "description": campaign["factors"]["description"]}
    for entry in ("seeds", "looks"):
        campaign[entry]["uniqueItems"] = True
    return {
        "$schema": DIALECT,
        "$comment": GENERATED,
        "title": "campaign file",
        "type": "object",
        "properties": {
            "campaign": _ref("CampaignSection"),
            **top,
            "check": _ref("CheckSection"),
            "hypotheses": {"type": "array", "items": _hypothesis(defs)},
        },
        "additionalProperties": False,
        "$defs": defs,
    }


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": _REF.format(model=name)}


def _keys() -> tuple[dict[str, Any], dict[str, Any]]:
    """The schemas of all fields that a condition can set, by bare name and by dotted path."""
    usable = {
        path: {"$ref": f"{_REF.format(model=sections()[field.section].__name__)}/properties/{field.name}"}
        for path, field in fields().items()
        if field.section not in WHOLE_CAMPAIGN and path != "training.seed"
    }
    bare = {fields()[path].name: schema for path, schema in usable.items()}
    return {name: schema for name, schema in bare.items() if len(by_leaf()[name]) == 1}, usable


def _condition() -> dict[str, Any]:
    bare, dotted = _keys()
    tables = {name: _ref(model.__name__) for name, model in sections().items() if name not in WHOLE_CAMPAIGN}
    both = {name: {"anyOf": [bare[name], table]} if name in bare else table for name, table in tables.items()}
    return {
        "type": "object",
        "description": "What differs from the base: bare field names, dotted keys, or sub-tables.",
        "properties": {
            "name": {
                "type": "string",
                "description": "Label of the condition; part of the names of its folders.",
            },
            "module": {
                "type": "string",
                "description": "Python file that sets `config` to the fields of the condition.",
            },
            **bare,
            **dotted,
            **both,
        },
        "patternProperties": _free_keys(dotted),
        "additionalProperties": False,
        "minProperties": 1,
    }


def _values() -> dict[str, Any]:
    bare, dotted = _keys()
    lists = {name: _list_of(schema, name) for name, schema in (bare | dotted).items()}
    tables: dict[str, Any] = {}
    for path in dotted:
        section, _, name = path.partition(".")
        table = tables.setdefault(
            section, {"type": "object", "properties": {}, "additionalProperties": False}
        )
        table["properties"][name] = lists[path]
    both = {
        name: {"anyOf": [lists[name], table]} if name in lists else table for name, table in tables.items()
    }
    return {
        "type": "object",
        "properties": lists | both,
        "patternProperties": {pattern: {"type": "array", "minItems": 1} for pattern in _free_keys(dotted)},
        "additionalProperties": False,
    }


def _list_of(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """The schema of a list of values of a field; for a free table, of a table of such lists."""
    if _is_table(name):
        return {"type": "object", "additionalProperties": {"type": "array", "minItems": 1}}
    return {"type": "array", "items": schema, "minItems": 1}


def _free_keys(dotted: dict[str, Any]) -> dict[str, Any]:
    return {"^" + path.replace(".", r"\.") + r"\..+$": {} for path in dotted if _is_table(path)}


def _is_table(name: str) -> bool:
    return fields()[name].is_table if name in fields() else by_leaf()[name][0].is_table


def _hypothesis(defs: dict[str, Any]) -> dict[str, Any]:
    """The schema of one `[[hypotheses]]` table; its definitions are added to `defs`."""
    schema = Hypothesis.model_json_schema(ref_template=_REF)
    defs |= schema.pop("$defs", {})
    defs[Hypothesis.__name__] = schema
    return _ref(Hypothesis.__name__)
